"""What people ask to be run from a page: a row of the scheduler's ledger, which it does before what is due.

A page starts no night itself: that takes minutes or hours, ties up a process that answers others, and would be cut off whenever the web is
restarted. Nor does it begin a process of its own, which nobody would look after. It writes a request; the scheduler that leads takes it at
its next tick, under its lease, and the run tells of its progress like any other. A request stands in `job_days` as a job of its own, `retry
RUN` or `again nightly`, once for each business date; who asked and why stands in the audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path

from jobs import leasing, publish, run_lists
from jobs.leasing import NIGHT, PUBLISHING
from jobs.scheduled import BY, Did, Run, Watch
from ordering.database import Database, ledger, lookups
from ordering.database import runs as runlog
from ordering.database.runs import Record
from ordering.errors import StateError
from ordering.schedule import Entry, Key, Rules, is_open
from ordering.settings import Settings

RETRY, AGAIN = "retry ", "again "
"""Begin the names of jobs that were asked for; the number of a run follows, or the name of a job."""


def is_asked(job: str) -> bool:
    """Whether a person asked for it."""
    return job.startswith((RETRY, AGAIN))


def due(entries: Mapping[Key, Entry], now: datetime, rules: Rules) -> list[Key]:
    """What was asked for and is still to be done, now."""
    return sorted(key for key, entry in entries.items() if is_asked(key[0]) and is_open(entry, now, rules))


def retry(db: Database, run_id: int, *, by: str, why: str, at: datetime) -> None:
    """Ask that a run be taken up after its last step that was done. Raises StateError where it cannot be, or was asked for already."""
    run = run_lists.to_retry(db, run_id)
    ledger.ask(db, (f"{RETRY}{run_id}", run.business_date), by=by, why=why, at=at)


def again(db: Database, run_id: int, *, by: str, why: str, at: datetime) -> None:
    """Ask that the night of a run's date be run once more. Raises StateError where the run is no night, or it was asked for already."""
    run = run_lists.found(db, run_id)
    if run.job != runlog.NIGHT:
        raise StateError(f"run {run_id}: {run.job} is no night; give its command once more", f"作业{run_id}不是夜间作业，请重新执行其命令")
    ledger.ask(db, (f"{AGAIN}{run.job}", run.business_date), by=by, why=why, at=at)


def of(job: str) -> Run | None:
    """How what was asked for is done; None for a job of the schedule."""
    if job.startswith(RETRY):
        return partial(_retry, int(job.removeprefix(RETRY)))
    return _again if job.startswith(AGAIN) else None


def _by(db: Database, job: str, business_date: date) -> str:
    """Who asked last."""
    acts, _ = lookups.audit_of(db, ledger.subject((job, business_date)), offset=0, limit=1)
    return str(acts[0]["by"]) if acts else BY


def _again(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """The night of a date once more."""
    return _night(db, settings, history, business_date, watch, by=_by(db, f"{AGAIN}{runlog.NIGHT}", business_date), retry=None)


def _night(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch, *, by: str, retry: int | None) -> Did:
    from jobs import nightly

    with leasing.alone(db, NIGHT.format(business_date), settings.schedule.lease_seconds, f"the night of {business_date}") as held:
        progress = held.watching(watch.progress)
        found = nightly.run(
            db, business_date, settings, history=history, by=by, clock=watch.at, retry=retry, progress=progress, guard=held.guard
        )
    return Did(f"run {found.run_id}, {len(found.problems)} problems, hash {found.result_hash}", found.run_id)


def _retry(run_id: int, db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """A run taken up again."""
    run = run_lists.to_retry(db, run_id)
    by = _by(db, f"{RETRY}{run_id}", business_date)
    if run.job == runlog.NIGHT:
        return _night(db, settings, history, business_date, watch, by=by, retry=run_id)
    return _publish(db, settings, history, run, watch, by)


def _publish(db: Database, settings: Settings, history: Path, run: Record, watch: Watch, by: str) -> Did:
    with leasing.alone(db, PUBLISHING, settings.schedule.lease_seconds, "publishing") as held:
        done = publish.publish(db, settings, history=history, clock=watch.clock(), by=by, retry=run.run_id, guard=held.guard)
    told = [f"order day {one.order_day}: {one.lines:,} lines, {one.cartons:,} cartons" for one in done]
    return Did("; ".join(told) or "no line waits", run.run_id)
