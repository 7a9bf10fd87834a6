"""The scheduler: every night at its time in the city's zone, once; a missed night is caught up once; a failed one is told."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from apscheduler.schedulers.background import BackgroundScheduler

from jobs import scheduler
from ordering import database
from ordering.database import runs as runlog
from ordering.settings import Settings


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("2026-09-06T17:29:59", date(2026, 9, 6)),  # 01:29:59 on the 7th in Shanghai: the night of the 7th has not come
        ("2026-09-06T17:30:00", date(2026, 9, 7)),
        ("2026-12-31T17:30:00", date(2027, 1, 1)),
        ("2026-12-31T16:00:00", date(2026, 12, 31)),
    ],
)
def test_the_night_that_is_due_is_that_of_the_citys_own_day(clock: str, expected: date, rules: Settings) -> None:
    assert scheduler.due(rules, at(clock)) == expected


def test_a_night_is_run_once_however_often_it_is_due(sqlite_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    said: list[str] = []
    for hour in (18, 19, 23):
        scheduler.run_due(sqlite_city, rules, history=tmp_path / "h", clock=at(f"2026-09-06T{hour}:00:00"), say=said.append)
    runs = runlog.find(sqlite_city)
    assert [run.business_date for run in runs] == [date(2026, 9, 7)]
    assert said[0].startswith("night of 2026-09-07: run 1, ")
    assert said[0].endswith(f"hash {runs[0].result_hash}")
    assert said[1:] == ["night of 2026-09-07: done before"] * 2


def test_a_missed_night_is_caught_up_within_its_grace_and_not_after(rules: Settings) -> None:
    due_at = at("2026-09-06T17:30:00")
    assert scheduler.is_within_grace(rules, due_at)
    assert scheduler.is_within_grace(rules, due_at + timedelta(hours=12))
    assert not scheduler.is_within_grace(rules, due_at + timedelta(hours=12, seconds=1))


def test_a_night_that_fails_is_told_and_the_next_is_tried(db: database.Database, rules: Settings, tmp_path: Path) -> None:
    said: list[str] = []
    assert not scheduler.run_due(db, rules, history=tmp_path, clock=at("2026-09-06T18:00:00"), say=said.append)
    assert said == ["night of 2026-09-07: no order before 2026-09-07 is stored; import the weeks before it, or give another --date"]


def test_the_job_is_scheduled_as_the_settings_say(db: database.Database, rules: Settings, tmp_path: Path) -> None:
    background = BackgroundScheduler(timezone="UTC")
    scheduler.schedule(background, db, rules, history=tmp_path, say=print)
    background.start(paused=True)
    job = background.get_job("nightly")
    local = job.next_run_time
    background.shutdown()
    assert (local.hour, local.minute, str(local.tzinfo)) == (1, 30, "Asia/Shanghai")
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (12 * 3600, True, 1)


def test_the_scheduler_runs_the_night_when_its_time_comes(sqlite_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    with time_machine.travel(at("2026-09-06T17:29:59"), tick=True):
        background = BackgroundScheduler()
        scheduler.schedule(background, sqlite_city, rules, history=tmp_path / "h", say=print)
        background.start()
        waited = time.monotonic() + 120
        while runlog.newest(sqlite_city) is None and time.monotonic() < waited:
            time.sleep(0.1)
        background.shutdown()
    assert [run.business_date for run in runlog.find(sqlite_city)] == [date(2026, 9, 7)]
