"""The scheduler: what is due is done once by whichever leads; a failure is tried again; who lost the lease writes nothing more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from apscheduler.schedulers.background import BackgroundScheduler

from jobs import leasing, scheduled, scheduler
from jobs.scheduled import Did, Job, Watch
from jobs.scheduler import LEADER, Scheduler
from ordering import database, settings
from ordering.database import leases, ledger
from ordering.database import runs as runlog
from ordering.errors import SettingsError, StateError
from ordering.schedule import State
from ordering.settings import Settings

NIGHT = datetime(2026, 9, 6, 17, 30)
"""The night of 2026-09-07 in Shanghai, UTC."""


class Clock:
    """A clock that stands until it is put forward."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def only(rules: Settings, **when: Any) -> Settings:
    """The settings, with nothing scheduled but what is named."""
    never = dict.fromkeys(scheduled.JOBS, "")
    return rules.model_copy(update={"schedule": rules.schedule.model_copy(update=never | when)})


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make(db: database.Database, rules: Settings, tmp_path: Path, said: list[str]) -> Iterator[Any]:
    """Schedulers of one database whose nightly job is the function given; all are closed in the end."""
    made = []

    def one(run: Any, clock: Clock, **more: Any) -> Scheduler:
        jobs: Mapping[str, Job] = {"nightly": Job("夜", run, every=True)}
        made.append(Scheduler(db, only(rules, nightly="01:30", **more), tmp_path, said.append, clock, jobs))
        return made[-1]

    yield one
    for found in made:
        found.close()


def test_a_date_is_done_once_by_however_many_schedulers(make: Any, db: database.Database, said: list[str]) -> None:
    clock, runs = Clock(NIGHT), []

    def run(db: database.Database, rules: Settings, history: Path, business_date: date, watch: Watch) -> Did:
        runs.append(business_date)
        return Did("well", 7)

    several = [make(run, clock) for _ in range(3)]
    for day in range(3):
        clock.at = NIGHT + timedelta(days=day)
        for _ in range(2):
            threads = [threading.Thread(target=one.tick) for one in several]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert runs == [date(2026, 9, 7), date(2026, 9, 8), date(2026, 9, 9)]
    assert [(r.business_date.day, r.state, r.attempts, r.run_id, r.words) for r in ledger.read(db)] == [
        (day, State.DONE, 1, 7, "well") for day in (9, 8, 7)
    ]
    assert sum("waiting to take over" in line for line in said) == 2


def test_what_was_missed_is_caught_up_in_order(make: Any, db: database.Database) -> None:
    clock, runs = Clock(NIGHT), []

    def run(db: database.Database, rules: Settings, history: Path, business_date: date, watch: Watch) -> Did:
        runs.append(business_date.day)
        return Did("well")

    one = make(run, clock)
    one.tick()
    clock.at = NIGHT + timedelta(days=3, hours=5)
    one.tick()
    assert runs == [7, 8, 9, 10]


def test_a_failure_is_tried_again_after_growing_pauses_and_then_given_up(make: Any, db: database.Database, said: list[str]) -> None:
    clock = Clock(NIGHT)

    def run(db: database.Database, rules: Settings, history: Path, business_date: date, watch: Watch) -> Did:
        raise StateError("no supply; import it") if len(said) % 2 else ZeroDivisionError("of nobody's making")

    one, waits = make(run, clock, attempts=3), []
    for _ in range(4):
        one.tick()
        (record,) = ledger.read(db)
        waits.append((record.state.value, record.attempts, (record.next_at - clock.at).total_seconds() if record.next_at else None))
        clock.at = record.next_at or clock.at + timedelta(hours=3)
    assert waits == [("waiting", 1, 120.0), ("waiting", 2, 360.0), ("failed", 3, None), ("failed", 3, None)]
    assert "given up" in said[-1]
    assert any("this should not have happened (ZeroDivisionError)" in line for line in said)
    assert not any("Traceback" in line for line in said)


def test_one_that_was_cut_off_is_begun_again_and_not_for_ever(make: Any, db: database.Database) -> None:
    clock, tried = Clock(NIGHT), []

    def run(db: database.Database, rules: Settings, history: Path, business_date: date, watch: Watch) -> Did:
        tried.append(business_date)
        raise SystemExit  # as if the process were killed: nothing is written after it

    one = make(run, clock, attempts=3)
    for _ in range(6):
        with pytest.raises(SystemExit) if len(tried) < 3 else threading.Lock():  # type: ignore[attr-defined]
            one.tick()
    assert len(tried) == 3
    assert [(r.state, r.words) for r in ledger.read(db)] == [
        (State.FAILED, "failed 3 times, given up: it was cut off each time it was tried")
    ]


def test_a_scheduler_asked_to_stop_leaves_the_job_at_its_step_and_it_is_due_again(make: Any, db: database.Database) -> None:
    clock = Clock(NIGHT)

    def run(db: database.Database, rules: Settings, history: Path, business_date: date, watch: Watch) -> Did:
        watch.progress("read", 0, 2)
        one.stop()
        watch.progress("write", 1, 2)
        raise AssertionError("it went on")

    one = make(run, clock)
    one.tick()
    (record,) = ledger.read(db)
    assert (record.state, record.attempts, record.words) == (State.WAITING, 0, "stopped on request before the step write")
    one.close()
    other = make(lambda *_: Did("well"), clock)
    other.tick()
    assert [(r.state, r.attempts) for r in ledger.read(db)] == [(State.DONE, 1)]


def test_a_leader_that_lost_its_lease_writes_nothing_and_steps_down(make: Any, db: database.Database, said: list[str]) -> None:
    clock, results = Clock(NIGHT), []

    def slow(db: database.Database, rules: Settings, history: Path, business_date: date, watch: Watch) -> Did:
        leases.release(db, watch.held.lease)  # type: ignore[union-attr]  # as if it had run out while the process was paused
        other.tick()
        results.append("old")
        return Did("stale")

    old, other = make(slow, clock), make(lambda *_: Did("fresh"), clock)
    old.tick()
    assert results == ["old"]
    assert [(r.state, r.words, r.attempts, r.token) for r in ledger.read(db)] == [(State.DONE, "fresh", 2, 2)]
    assert any("leads no more" in line for line in said)
    assert not any("stale" in line for line in said)
    assert old.held is None
    assert other.held is not None


def test_who_is_told_that_the_lease_is_lost_stops_at_the_next_step(db: database.Database) -> None:
    held = leasing.take(db, LEADER, 0.4)
    assert held is not None
    watch = Watch(NIGHT, held)
    watch.progress("read", 0, 2)
    leases.release(db, held.lease)
    assert leases.take(db, LEADER, holder="two/2/b", seconds=60) is not None
    assert held.lost.wait(5)
    with pytest.raises(leases.StaleLeaseError, match="could not be renewed in time"):
        watch.progress("write", 1, 2)
    held.end()


def test_a_lease_is_kept_alive_while_its_holder_works(db: database.Database) -> None:
    with leasing.alone(db, "publish", 0.6, "publishing") as held:
        time.sleep(1.2)
        held.check()
        with pytest.raises(leasing.HeldError, match=r"^publishing: .+, process \d+, since .+ UTC is at it; nothing was done here"):
            leasing.alone(db, "publish", 0.6, "publishing").__enter__()
    with leasing.alone(db, "publish", 0.6, "publishing"):
        pass


def test_a_job_at_which_a_person_is_waits_and_counts_no_attempt(sqlite_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock(NIGHT)
    one = Scheduler(sqlite_city, only(rules, nightly="01:30"), tmp_path / "h", said.append, clock)
    with leasing.alone(sqlite_city, leasing.NIGHT.format("2026-09-07"), 60, "the night"):
        one.tick()
        one.tick()
    (record,) = ledger.read(sqlite_city)
    assert (record.state, record.attempts, record.next_at) == (State.WAITING, 0, NIGHT + timedelta(minutes=1))
    clock.at = NIGHT + timedelta(minutes=1)
    one.tick()
    (record,) = ledger.read(sqlite_city)
    (run,) = runlog.find(sqlite_city)
    assert (record.state, record.attempts, record.run_id, run.business_date) == (State.DONE, 1, run.run_id, date(2026, 9, 7))
    assert record.words.endswith(f"hash {run.result_hash}")
    one.close()


def test_a_night_that_a_person_has_run_is_not_run_again(planned_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    before = runlog.find(planned_city)
    night = before[0].business_date
    did = scheduled.night(planned_city, rules, tmp_path / "h", night, Watch(NIGHT))
    assert (did.words, did.run_id) == (f"done before, run {before[0].run_id}", before[0].run_id)
    assert runlog.find(planned_city) == before


def test_at_the_cut_off_the_days_lines_are_confirmed_and_what_earlier_days_left(
    planned_city: database.Database, rules: Settings, tmp_path: Path
) -> None:
    days = sorted(runlog.waiting_days(planned_city))
    watch = Watch(NIGHT, clock=lambda: datetime.combine(days[1], datetime.min.time()) + timedelta(hours=12))
    did = scheduled.publish(planned_city, rules, tmp_path / "one-history", days[1], watch)
    assert sorted(runlog.waiting_days(planned_city)) == days[2:]
    assert [f"order day {day}" in did.words for day in days] == [True, True, *[False] * len(days[2:])]
    assert scheduled.publish(planned_city, rules, tmp_path / "one-history", days[1], watch).words == "no line waits"


def test_an_order_day_that_may_not_be_published_fails_its_own_date_and_no_later_one(
    planned_city: database.Database, rules: Settings, tmp_path: Path
) -> None:
    days = sorted(runlog.waiting_days(planned_city))
    watch = Watch(NIGHT, clock=lambda: datetime.combine(days[1], datetime.min.time()) + timedelta(hours=12))
    strict = rules.model_copy(update={"publishing": rules.publishing.model_copy(update={"most_problems": -1})})
    with pytest.raises(StateError, match="was not published"):
        scheduled.publish(planned_city, strict, tmp_path / "one-history", days[0], watch)
    with pytest.raises(StateError, match=f"order day {days[1]}: most_problems") as refused:
        scheduled.publish(planned_city, strict, tmp_path / "one-history", days[1], watch)
    assert f"order day {days[0]}" not in str(refused.value)


def test_next_months_quotas_and_the_closed_months_report_are_written_as_files(
    watched_city: database.Database, rules: Settings, tmp_path: Path
) -> None:
    there = rules.model_copy(update={"schedule": rules.schedule.model_copy(update={"report_folder": str(tmp_path / "reports")})})
    newest = runlog.newest(watched_city)
    assert newest is not None
    did = scheduled.quotas(watched_city, there, tmp_path / "one-history", newest.business_date, Watch(NIGHT))
    month = f"{newest.business_date + timedelta(days=31):%Y-%m}"
    assert f"quotas of {month} proposed in {tmp_path / 'reports' / month / 'quotas.csv'}" in did.words
    first = date(newest.business_date.year, newest.business_date.month, 1)
    report = scheduled.report(watched_city, there, tmp_path / "one-history", first, Watch(NIGHT))
    assert Path(report.words.partition(": ")[2]).is_file()
    later = date(newest.business_date.year, newest.business_date.month, 28) + timedelta(days=7)
    with pytest.raises(StateError, match="closes with the night of"):
        scheduled.report(watched_city, there, tmp_path / "one-history", later, Watch(NIGHT))


def test_a_month_is_rated_once(city: database.Database, made: tuple[Path, date], rules: Settings, tmp_path: Path) -> None:
    first = scheduled.rate(city, rules, tmp_path / "h", made[1], Watch(NIGHT))
    again = scheduled.rate(city, rules, tmp_path / "h", made[1] + timedelta(days=1), Watch(NIGHT))
    assert first.words.startswith("rating 1 of ")
    assert again.words == f"month {first.words.split()[3].rstrip(',')} has rating 1 in force"


def test_every_job_has_a_line_in_the_settings_and_the_default_schedule_is_as_told(rules: Settings) -> None:
    told = {plan.job: (str(plan.when), plan.every) for plan in scheduled.plans(rules)}
    assert told == {
        "nightly": ("every day at 01:30", True),
        "publish": ("every day at 20:00", True),
        "rating": ("every mon at 05:00", False),
        "quotas": ("day 25 of each month at 05:30", False),
        "report": ("first mon of each month at 06:00", False),
        "retention": ("every day at 03:30", False),
        "backup": ("every day at 04:00", False),
    }
    assert scheduled.rules(rules).zone.key == "Asia/Shanghai"
    moved = rules.model_copy(update={"publishing": rules.publishing.model_copy(update={"cutoff": datetime(2026, 1, 1, 18, 15).time()})})
    assert str(scheduled.plans(moved)[1].when) == "every day at 18:15"
    assert set(scheduled.JOBS) == {name for name, field in type(rules.schedule).model_fields.items() if field.annotation is str} - {
        "report_folder"
    }


def test_a_job_that_this_version_does_not_have_is_an_error_at_the_start(rules: Settings) -> None:
    jobs = {"backup": Job("备份", scheduled.backup, needs="jobs.no_such_job")}
    with pytest.raises(SettingsError, match=r'^schedule.backup = "02:00": this version has no such job; leave it empty$'):
        scheduled.plans(only(rules, backup="02:00"), jobs)


def test_a_time_that_is_none_is_refused_with_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "trueorder.toml"
    file.write_text('[schedule]\nnightly = "half past one"\n', "utf-8")
    with pytest.raises(
        SettingsError, match=r"schedule.nightly = 'half past one': Value error, is no time to be scheduled by; write it like"
    ):
        settings.load(file)


def test_the_tick_is_woken_as_it_should_be(make: Any) -> None:
    background = BackgroundScheduler(timezone="Asia/Shanghai")
    scheduler.schedule_ticks(background, make(lambda *_: Did(""), Clock(NIGHT)))
    background.start(paused=True)
    job = background.get_job("tick")
    background.shutdown()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (12 * 3600, True, 1)


def test_the_scheduler_runs_the_night_when_its_time_comes(sqlite_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    with time_machine.travel((NIGHT - timedelta(seconds=1)).replace(tzinfo=UTC), tick=True):
        soon = only(rules, nightly="01:30", tick_seconds=0.2)
        one = Scheduler(sqlite_city, soon, tmp_path / "h", print)
        background = BackgroundScheduler(timezone="Asia/Shanghai")
        scheduler.schedule_ticks(background, one)
        background.start()
        waited = time.monotonic() + 120
        days: list[date] = []
        while date(2026, 9, 7) not in days and time.monotonic() < waited:
            time.sleep(0.1)
            days = [record.business_date for record in ledger.read(sqlite_city) if record.state is State.DONE]
        background.shutdown()
        one.close()
    assert days[0] == date(2026, 9, 7)
    assert {run.business_date for run in runlog.find(sqlite_city)} == set(days)
