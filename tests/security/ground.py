"""What the trials stand on: the house of tests/web without pytest, and a person of each role with cookie and token."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from jobs import nightly
from ordering import sample, settings
from ordering.accounts import Role
from tests.jobs.conftest import load_city
from tests.web.browsing import with_password
from tests.web.conftest import House, housed, local, morning, shared_out
from tests.web.test_authorisation import one_of
from tests.web.test_doors import keys
from web.api import API

LEFT_OUT = {("GET", f"{API}/openapi.json"), ("HEAD", f"{API}/openapi.json")}
"""Routes for anybody that hold nothing of anybody: the description of the API. Files under /static are no routes."""


@dataclass
class Ground:
    """The service with its people. `figures`: what a list of trials measured, beside its failures; `share`: of all trials."""

    house: House
    client: TestClient
    folder: Path
    share: float = 1.0
    seed: int = 2026
    figures: dict[str, float] = field(default_factory=dict)

    def people(self) -> dict[Role, dict[str, str]]:
        """Cookie and token of somebody of each role that people have."""
        names = {role: one_of(self.house, role) for role in Role if role is not Role.SERVICE}
        with_password(self.house, *names.values())
        return {role: keys(self.house, name) for role, name in names.items()}

    def number(self, full: int) -> int:
        """How many trials, of a full number."""
        return max(1, round(self.share * full))


def every_route(ground: Ground) -> set[tuple[str, str]]:
    """Every route of the application's table, whatever it is made of."""
    found = iter_route_contexts(ground.house.app.routes)
    return {(method, str(route.path)) for route in found for method in route.methods or ()} - LEFT_OUT


@contextmanager
def city(place: Path) -> Iterator[Path]:
    """A folder with a made-up city of 16 shops and its night, to be copied."""
    logging.disable(logging.WARNING)
    rules = _rules()
    made = place / "city", sample.write_city(place / "city", retailers=16, brands=4, weeks=22, seed=3).cutoff
    db = load_city(f"sqlite:///{place / 'whole' / 'one.db'}" if (place / "whole").mkdir() is None else "", made[0], rules)
    nightly.run(db, made[1], rules, history=place / "whole" / "one-history")
    db.engine.dispose()
    shared_out(place / "whole", made)
    (place / "whole" / "monday").write_text(str(made[1]))
    logging.disable(logging.NOTSET)
    yield place / "whole"


@contextmanager
def ground(whole: Path, place: Path, *, share: float = 1.0, seed: int = 2026) -> Iterator[Ground]:
    """A service over a copy of the city, in an empty folder."""
    shutil.copytree(whole, place / "city")
    monday = date.fromisoformat((whole / "monday").read_text())
    with (
        housed(place / "city", local(_rules()), morning((place, monday))) as house,
        TestClient(house.app, base_url="http://localhost", raise_server_exceptions=False) as client,
    ):
        yield Ground(house, client, place, share, seed)


def _rules() -> settings.Settings:
    found = settings.load()
    one: Mapping[str, object] = {
        "nightly": found.nightly.model_copy(update={"workers": 1}), "forecast": found.forecast.model_copy(update={"origins": 1}),
    }  # fmt: skip
    return found.model_copy(update=one)
