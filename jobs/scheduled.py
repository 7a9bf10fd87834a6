"""The jobs of the schedule: one function each, what it is called, and whether each date counts or only the newest.

A job may be begun again for the same business date, after a failure or a crash: it finds what was done and does the rest. So each leaves,
however often it is begun, what one run leaves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from zoneinfo import ZoneInfo

from jobs import leasing
from jobs.clock import now
from jobs.leasing import NIGHT, PUBLISHING, Held
from ordering.database import Database
from ordering.database import ratings as rated
from ordering.database import runs as runlog
from ordering.errors import SettingsError, StateError, TrueOrderError
from ordering.ratings import first_monday, month_after, newest_month
from ordering.schedule import Plan, Rules, parse, pause
from ordering.service_settings import NAMED
from ordering.settings import Settings

BY = "scheduler"
"""In whose name what is scheduled is done."""
BUSY_PAUSE = timedelta(minutes=1)
"""After how long a job is tried again at which somebody else is."""


class StoppedError(StateError):
    """The scheduler was asked to stop: the job was left at the end of a step."""


@dataclass(frozen=True)
class Watch:
    """The present (UTC) when a job began, the lease it runs under, and whether it shall stop."""

    at: datetime
    held: Held | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], datetime] = now

    def progress(self, what: str, done: int, total: int) -> None:
        """Told at each step; raises where the job must not go on: the lease is lost, or the scheduler is to stop."""
        if self.held is not None:
            self.held.check()
            self.held.doing = f"{self.held.doing.partition(':')[0]}: {what}"
        if self.stopping.is_set():
            raise StoppedError(f"stopped on request before the step {what}")


@dataclass(frozen=True)
class Did:
    """What a job came to, in words, and the run it stored, if any."""

    words: str
    run_id: int | None = None


Run = Callable[[Database, Settings, Path, date, Watch], Did]


@dataclass(frozen=True)
class Job:
    """A job: its Chinese name, its function, whether `every` date missed is caught up, and the module it needs that may not be there."""

    chinese: str
    run: Run
    every: bool = False
    needs: str = ""


def night(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """The night of a business date, unless it was done before; that of Monday makes the week's fit."""
    from jobs import nightly

    with leasing.alone(db, NIGHT.format(business_date), settings.schedule.lease_seconds, f"the night of {business_date}") as held:
        before = runlog.done_on(db, business_date)
        if before is not None:
            return Did(f"done before, run {before.run_id}", before.run_id)
        progress = held.watching(watch.progress)
        found = nightly.run(db, business_date, settings, history=history, by=BY, clock=watch.at, progress=progress, guard=held.guard)
    return Did(f"run {found.run_id}, {len(found.problems)} problems, hash {found.result_hash}", found.run_id)


def publish(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """Confirm the lines of an order day after its cut-off, and before it what earlier days still have waiting.

    An earlier day that cannot be published was told of in its own turn; it holds up nothing, and is named again.
    """
    from jobs import publish as publishing

    with leasing.alone(db, PUBLISHING, settings.schedule.lease_seconds, "publishing") as held:
        told = []
        for day in [day for day in runlog.waiting_days(db) if day <= business_date]:
            watch.progress(f"publish {day}", 0, 0)
            try:
                done = publishing.publish(db, settings, history=history, clock=watch.clock(), by=BY, order_day=day, guard=held.guard)
            except TrueOrderError as error:
                if day == business_date:
                    raise
                told.append(f"order day {day} still waits: {error}")
                continue
            told += [f"run {one.run_id}, order day {one.order_day}: {one.lines:,} lines, {one.cartons:,} cartons" for one in done]
    return Did("; ".join(told) or "no line waits")


def rate(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """The star levels of the newest month whose window has ended, unless the month has a rating in force."""
    from jobs import rating

    month = newest_month(business_date, settings.rating)
    held = rated.in_force(db, month)
    if held is not None:
        return Did(f"month {month} has rating {held.rating_id} in force")
    found = rating.rate(db, settings, history=history, month=month, on=business_date, by=BY, at=watch.at)
    return Did(f"rating {found.record.rating_id} of {month}, {found.record.rated:,} retailers, hash {found.record.result_hash}")


def quotas(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """Next month's quotas as a file beside the reports: a proposal, nothing is stored."""
    from jobs import exports, output, strategies

    month = month_after(f"{business_date:%Y-%m}", 1)
    found = strategies.quotas(exports.source(db, settings, history), month)
    file = Path(settings.schedule.report_folder) / month / "quotas.csv"
    count = output.write([found.rows], list(strategies.QUOTA_COLUMNS), file)
    return Did(f"{count:,} quotas of {month} proposed in {file}, {len(found.problems)} problems; none is stored")


def report(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """Headquarters' report of the month before, once a night has seen the whole of it."""
    from jobs import exports, reporting

    source = exports.source(db, settings, history)
    month = month_after(f"{business_date:%Y-%m}", -1)
    closes = first_monday(month_after(month, 1))
    if source.run.business_date < closes:
        newest = source.run.business_date
        raise StateError(f"month {month} closes with the night of {closes}, and the newest is of {newest}; run: trueorder nightly")
    written = reporting.write(source, Path(settings.schedule.report_folder) / month, month=month)
    return Did(f"report of {month}: {written.page}")


def retention(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """Delete what may not be kept any longer."""
    gone: Mapping[str, int] = import_module("jobs.retention").run(db, settings, at=watch.at)
    return Did(", ".join(f"{name} {count:,}" for name, count in gone.items() if count) or "nothing had had its time")


def backup(db: Database, settings: Settings, history: Path, business_date: date, watch: Watch) -> Did:
    """Copy the database into the folder of copies."""
    made = import_module("jobs.backup").run(db, settings, clock=watch.clock(), progress=watch.progress)
    return Did(f"{made.file}, {len(made.removed)} older ones removed")


JOBS: Mapping[str, Job] = {
    "nightly": Job("夜间作业", night, every=True),
    "publish": Job("截单确认", publish, every=True),
    "rating": Job("星级评定", rate),
    "quotas": Job("月限量建议", quotas),
    "report": Job("总部报告", report),
    "retention": Job("到期清除", retention, needs="jobs.retention"),
    "backup": Job("备份", backup, needs="jobs.backup"),
}


def plans(settings: Settings, jobs: Mapping[str, Job] = JOBS) -> list[Plan]:
    """When each scheduled job is due. Raises SettingsError where one is scheduled that this version does not have."""
    found = []
    for name, job in jobs.items():
        text = getattr(settings.schedule, name)
        when = parse(f"{attrgetter(text)(settings):%H:%M}" if text in NAMED else text)
        if when is None:
            continue
        if job.needs and find_spec(job.needs) is None:
            raise SettingsError(f'schedule.{name} = "{text}": this version has no such job; leave it empty')
        found.append(Plan(name, when, job.every))
    return found


def rules(settings: Settings) -> Rules:
    """The rules by which dates are due."""
    schedule = settings.schedule
    longest = max(pause(schedule.attempts, first_pause(settings)), BUSY_PAUSE)
    return Rules(ZoneInfo(settings.city.time_zone), schedule.days_back, longest)


def first_pause(settings: Settings) -> timedelta:
    """How long to wait before the second attempt."""
    return timedelta(minutes=settings.schedule.first_pause_minutes)
