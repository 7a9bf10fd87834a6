"""The short forms of `python -m tests.security` that no other test is, and the faults that its trials have to find.

S1 to S3, S6 and S8 have theirs in tests/web: the same generators of trials.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastapi import APIRouter, UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from jobs import output
from ordering.accounts import Role
from ordering.errors import StateError
from tests.security import s1_to_s3_doors as doors
from tests.security import s4_guesses, s5_cells, s6_s7_payloads, s8_telling
from tests.security.__main__ import ALL, tried
from tests.security.ground import Ground, every_route
from tests.web.conftest import House
from tests.web.test_authorisation import routes, wrong
from web.people import Anybody


@pytest.fixture
def ground(house: House, client: TestClient, tmp_path: Path) -> Ground:
    return Ground(house, client, tmp_path, share=0.1)


@pytest.mark.parametrize("name", ["S5", "S7", "S8"])
def test_no_trial_fails(ground: Ground, name: str) -> None:
    row = tried(name, ground)
    assert row.failed == []
    assert row.trials > 5


def test_every_route_is_tried_by_somebody(ground: Ground) -> None:
    assert {(method, path) for method, path, _ in routes(ground.house.app)} == every_route(ground)


def test_of_the_guesses_at_a_running_service_ten_are_checked_and_the_right_user_comes_in_later(tmp_path: Path, ground: Ground) -> None:
    url = f"sqlite:///{tmp_path / 'guesses.db'}"
    db = s4_guesses.prepared(url)
    with s4_guesses.service(url, tmp_path, 2) as port:
        assert wrong(s4_guesses.guesses(db, port, 60, ground), 60) == []
        assert wrong(s4_guesses.again(db, port), 4) == []
    db.engine.dispose()
    assert ground.figures["guesses checked"] == s4_guesses.MOST


def test_five_milliseconds_are_told_apart_and_nothing_is_not() -> None:
    """Of times that vary like those of a service: 40 ms, now and then much longer."""
    rng = np.random.default_rng(7)
    took = 0.04 + rng.gamma(1.0, 0.008, (s4_guesses.PAIRS, 2))
    assert s4_guesses.told_apart(took) > s4_guesses.SURE
    assert s4_guesses.told_apart(took + np.array([s4_guesses.DIFFERENCE, 0])) <= s4_guesses.SURE


# faults that have to be found


def add(ground: Ground, path: str, answer: object, method: str = "GET") -> None:
    """A route that somebody wrote in haste."""
    hasty = APIRouter()
    hasty.add_api_route(path, answer, methods=[method], response_model=None)  # type: ignore[arg-type]
    ground.house.app.include_router(hasty)


def test_an_answer_that_holds_a_foreign_retailer_would_be_noticed(ground: Ground) -> None:
    def leaks(person: Anybody) -> Response:
        return PlainTextResponse(f"also {ground.house.foreign}")

    add(ground, "/leaks", leaks)
    found = wrong(doors.nothing_foreign(ground, Role.RETAILER), 10)
    assert {what.split()[1] for what, _ in found} == {"/leaks"}


def test_a_live_formula_would_be_noticed(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_inert", lambda rows: rows)
    found = tried("S5", ground).failed
    assert any(" as csv" in one and "is live" in one for one in found)
    assert not any("as xlsx" in one for one in found)
    assert "live" in s5_cells.of_file("x.csv", b"a,b\n1,=1+1\n")
    assert s5_cells.of_file("x.csv", b"a,b\n1,-3\n") == ""


def test_files_that_lie_elsewhere_after_an_upload_and_files_given_out_by_path_would_be_noticed(ground: Ground) -> None:
    """The naive routes never leave the folder of the test, whatever they are sent: tests may run as root."""
    (inside := ground.folder / "inside").mkdir()

    def held(name: str) -> Path:
        found = (inside / name.replace("\0", "")[:200]).resolve()
        if not found.is_relative_to(ground.folder.resolve()) or found.is_dir():
            raise StateError("the test keeps to its folder")
        return found

    async def keep(person: Anybody, file: UploadFile) -> None:
        held(file.filename or "x").write_bytes(await file.read())

    def give(person: Anybody, name: str) -> Response:
        return Response(held(name).read_bytes() if held(name).exists() else b"")

    ground.house.app.router.routes[:] = []
    add(ground, "/keep", keep, "POST")
    add(ground, "/give", give)
    ground.share = 1.0
    assert [path for _, path, *_ in s6_s7_payloads.taking_files(ground)] == ["/keep"]
    found = wrong(s6_s7_payloads.uploads(ground), 15)
    assert any(str(ground.folder / s6_s7_payloads.HARMLESS) in bad for _, bad in found)
    (ground.folder / s6_s7_payloads.HARMLESS).write_text(s6_s7_payloads.SECRET)
    assert any(s6_s7_payloads.SECRET in bad for _, bad in s6_s7_payloads.downloads(ground))


def test_no_name_of_an_upload_leads_to_a_file_of_the_system(ground: Ground) -> None:
    for name in s6_s7_payloads.upload_names(ground):
        assert not any(word in name for word in ("etc", "~", "windows", "home", "root")) or str(ground.folder) in name
        assert not name.startswith("/") or name.startswith(str(ground.folder))


def test_words_of_a_failure_that_reach_a_user_would_be_noticed(ground: Ground) -> None:
    async def talks(request: Request, error: Exception) -> Response:
        return PlainTextResponse(str(error), 500)

    ground.house.app.exception_handlers[ZeroDivisionError] = talks
    ground.house.app.middleware_stack = None
    found = wrong(s8_telling.failing(ground), 50)
    assert {bad for _, bad in found} >= {"hunter2, /srv/city.db"}


def test_every_door_of_the_list_has_its_trials() -> None:
    assert list(ALL) == [f"S{number}" for number in range(1, 9)]
