"""Runs are asked for on their page; the scheduler does what was asked, in the name of who asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from jobs import asked, scheduled
from jobs.scheduler import Scheduler
from ordering import tables
from ordering.database import chains, ledger
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.schedule import State
from tests.web.conftest import House, Looks
from tests.web.test_headquarters_pages import plain


@pytest.fixture
def scheduler(house: House) -> Iterator[Scheduler]:
    """A scheduler with nothing in its schedule."""
    never = house.settings.schedule.model_copy(update=dict.fromkeys(scheduled.JOBS, ""))
    rules = house.settings.model_copy(update={"schedule": never})
    found = Scheduler(house.db, rules, house.folder / "one-history", lambda _: None, lambda: house.at)
    yield found
    found.close()


def fail(house: House, status: str = "failed") -> None:
    """The night did not come to its end."""
    with house.db.writing() as tx:
        tx.execute(sa.update(tables.runs).values(status=status, error="no supply; import it", detailed=False))
        tx.execute(sa.update(tables.run_steps).where(tables.run_steps.c.step == "write").values(state="failed"))


def test_a_run_that_failed_is_taken_up_by_the_scheduler_for_who_asked(looks: Looks, house: House, scheduler: Scheduler) -> None:
    fail(house)
    page = looks.page("/runs/1")
    assert "/runs/1/retry" in page
    looks.send("/runs/1/retry", why="the supply is there now")
    page = looks.page("/runs/1")
    assert "waits for the scheduler" in page
    assert "No scheduler is running" in page
    assert 'hx-trigger="every 2s"' in page
    assert "already" in looks.send("/runs/1/retry", 409, why="again")
    scheduler.tick()
    (record,) = ledger.read(house.db)
    assert (record.job, record.state) == ("retry 1", State.DONE)
    run = runlog.by_id(house.db, record.run_id or 0)
    assert run is not None
    assert (run.status, run.started_by) == ("done", "headquarters")
    acts = house.db.rows(sa.select(tables.audit.c.subject, tables.audit.c.detail).where(tables.audit.c.action == "run.ask"))
    assert acts == [{"subject": f"retry 1 of {run.business_date}", "detail": "the supply is there now"}]
    assert "waits for the scheduler" not in looks.page("/runs/1")


@pytest.mark.parametrize("days", [0, 500])
def test_a_night_is_run_once_more_when_somebody_asks_and_not_otherwise(looks: Looks, house: House, scheduler: Scheduler, days: int) -> None:
    scheduler.clock = lambda: house.at + timedelta(days=days)
    scheduler.tick()
    assert ledger.read(house.db) == []
    looks.send("/runs/1/again", why="a look")
    scheduler.tick()
    (record,) = ledger.read(house.db)
    assert (record.job, record.state, record.run_id) == ("again nightly", State.DONE, 2)  # the city changed since the first
    looks.send("/runs/1/again", why="and again")  # what is done may be asked for once more
    assert ledger.read(house.db)[0].state is State.WAITING


def test_what_fails_is_told_at_once_and_not_tried_over_and_over(
    looks: Looks, house: House, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StateError("no supply; import it")

    looks.send("/runs/1/again", why="a look")
    monkeypatch.setattr(asked, "_night", lambda *_, **__: refuse())
    scheduler.tick()
    (record,) = ledger.read(house.db)
    assert (record.state, record.words) == (State.FAILED, "no supply; import it")
    assert "no supply; import it" in plain(looks.page("/runs"))
    assert house.db.rows(sa.select(tables.alerts)) == []


def test_a_run_is_stopped_with_a_reason(looks: Looks, house: House) -> None:
    fail(house, "waiting")
    assert "/runs/1/cancellation" in looks.page("/runs/1")
    looks.send("/runs/1/cancellation", why="not needed")
    page = plain(looks.page("/runs/1"))
    assert "Cancelled by headquarters: not needed" in page
    assert "nothing to cancel" in looks.send("/runs/1/cancellation", 409, why="x")


def test_what_cannot_be_asked_is_not_offered_and_refused(looks: Looks, client: TestClient, house: House) -> None:
    page = looks.page("/runs/1")
    assert "/runs/1/again" in page
    assert "/runs/1/retry" not in page
    client.cookies.set("language", "zh")
    assert "作业1已完成" in looks.send("/runs/1/retry", 409, why="x")
    assert "没有作业99" in looks.send("/runs/99/again", 409, why="x")
    looks.send("/runs/1/again", 422)
    assert "/runs/1/again" not in Looks(client, house, "administrator").page("/runs/1")


def test_a_page_that_follows_a_run_is_made_anew_when_it_has_ended(client: TestClient, house: House, looks: Looks) -> None:
    htmx = looks.headers | {"HX-Request": "true"}
    assert client.get("/runs/1", headers=htmx).headers["HX-Refresh"] == "true"
    with house.db.writing() as tx:
        tx.execute(sa.update(tables.runs).values(status="running", heartbeat_at=chains.clock(tx), finished_at=None))
    assert "HX-Refresh" not in client.get("/runs/1", headers=htmx).headers


def test_old_requests_of_other_dates_are_not_shown_with_a_run(looks: Looks, house: House, tmp_path: Path) -> None:
    (run,) = chains.newest(house.db, 2)
    ledger.ask(house.db, ("again nightly", run.business_date - timedelta(days=1)), by="x", why="x", at=house.at)
    assert "Asked for" not in looks.page("/runs/1")
    assert "Asked for" in looks.page("/runs")
