"""The scheduler: the nightly job every night at its time, by APScheduler, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jobs import nightly
from ordering import database
from ordering.database import runs as runlog
from ordering.errors import TrueOrderError
from ordering.settings import Settings

if TYPE_CHECKING:
    from apscheduler.schedulers.blocking import BlockingScheduler

Say = Callable[[str], None]


def due(settings: Settings, clock: datetime) -> date:
    """The business date of the newest night whose time has come by `clock` (with a zone): today's, or yesterday's before its time."""
    local = clock.astimezone(ZoneInfo(settings.city.time_zone))
    today = local.date()
    return today if local.time() >= settings.nightly.at else today - timedelta(days=1)


def run_due(db: database.Database, settings: Settings, *, history: Path, clock: datetime, say: Say) -> bool:
    """Run the night that is due, unless it was run already; True where it ran to its end.

    A night that fails is told in words and leaves the scheduler running: the next night, or a person, tries again.
    """
    business_date = due(settings, clock)
    if runlog.done_on(db, business_date) is not None:
        say(f"night of {business_date}: done before")
        return False
    try:
        outcome = nightly.run(db, business_date, settings, history=history)
    except TrueOrderError as error:
        say(f"night of {business_date}: {error}")
        return False
    say(f"night of {business_date}: run {outcome.run_id}, {len(outcome.problems)} problems, hash {outcome.result_hash}")
    return True


def schedule(scheduler: Any, db: database.Database, settings: Settings, *, history: Path, say: Say) -> None:
    """Put the nightly job into `scheduler`: every night at its time, one at a time, a late one within the grace, missed ones once."""
    zone = ZoneInfo(settings.city.time_zone)
    scheduler.add_job(
        lambda: run_due(db, settings, history=history, clock=datetime.now(zone), say=say),
        "cron",
        id="nightly",
        hour=settings.nightly.at.hour,
        minute=settings.nightly.at.minute,
        timezone=zone,
        misfire_grace_time=int(settings.nightly.grace_hours * 3600),
        coalesce=True,
        max_instances=1,
    )


def serve(db: database.Database, settings: Settings, *, history: Path, say: Say) -> None:
    """Catch up the night that is due, if it was missed within the grace, then run every night until interrupted."""
    from apscheduler.schedulers.blocking import BlockingScheduler

    zone = ZoneInfo(settings.city.time_zone)
    if is_within_grace(settings, datetime.now(zone)):
        run_due(db, settings, history=history, clock=datetime.now(zone), say=say)
    scheduler: BlockingScheduler = BlockingScheduler(timezone=zone)
    schedule(scheduler, db, settings, history=history, say=say)
    say(f"the nightly job runs at {settings.nightly.at:%H:%M} {settings.city.time_zone}; stop with Ctrl-C")
    try:
        scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        say("stopped")


def is_within_grace(settings: Settings, clock: datetime) -> bool:
    """True where the night that is due may still start."""
    local = clock.astimezone(ZoneInfo(settings.city.time_zone))
    began = datetime.combine(due(settings, clock), settings.nightly.at, local.tzinfo)
    return local - began <= timedelta(hours=settings.nightly.grace_hours)
