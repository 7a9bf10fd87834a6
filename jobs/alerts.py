"""Alerts: a night that is late, failed or drifted, a delivery that was refused, a backup that failed. Each is told once until it clears.

They go out by the outbox, as mail and webhook of [alerts], and into the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from jobs import logs
from ordering.database import Database
from ordering.database import alerts as kept
from ordering.database import runs as runlog
from ordering.notices import Alert, alert_words
from ordering.settings import Settings

log = logs.log(__name__)


def raise_alert(db: Database, *, kind: str, subject: str, words: Mapping[str, str], at: datetime) -> bool:
    """Raise an alert (`at` in UTC); False where it stands already. `words`: {"en", "zh"}."""
    log.error("alert", kind=str(kind), subject=subject, words=words["en"])
    with db.writing() as tx:
        return kept.raise_(tx, kind=Alert(kind), subject=subject, words=words, at=at)


def of_job(db: Database, job: str, business_date: date, *, failed: bool, at: datetime) -> None:
    """Raise the alert of a scheduled job that was given up, or clear it where it was done. A night's are found by `check`."""
    kind = {"nightly": Alert.NIGHT_FAILED, "backup": Alert.BACKUP_FAILED}.get(job, Alert.JOB_FAILED)
    subject = str(business_date) if kind is Alert.NIGHT_FAILED else job
    if failed:
        raise_alert(db, kind=kind, subject=subject, words=alert_words(kind, job=job, date=business_date), at=at)
    else:
        clear_alert(db, kind=kind, subject=subject, at=at)


def clear_alert(db: Database, *, kind: str, subject: str, at: datetime) -> bool:
    """Tell that it is well again; False where no such alert stands."""
    with db.writing() as tx:
        cleared = kept.clear(tx, kind=Alert(kind), subject=subject, at=at)
    if cleared:
        log.info("alert cleared", kind=str(kind), subject=subject)
    return cleared


def check(db: Database, settings: Settings, now: datetime) -> int:
    """Raise and clear what can be seen from outside: a late night, a failed one, and forecasts that drift. `now` is UTC.

    Gives the number of alerts that stand afterwards. Every minute will do; so will once a day.
    """
    _late(db, settings, now)
    _failed(db, now)
    _drifted(db, now)
    return len(kept.standing(db))


def expected_night(settings: Settings, now: datetime) -> date:
    """The newest business date whose night should have ended by `now` (UTC), in the city's time zone."""
    local = now.replace(tzinfo=UTC).astimezone(ZoneInfo(settings.city.time_zone))
    return local.date() if local.time() >= settings.alerts.night_by else local.date() - timedelta(days=1)


def _late(db: Database, settings: Settings, now: datetime) -> None:
    due = expected_night(settings, now)
    for alert in kept.standing(db, Alert.NIGHT_LATE):
        if _done_since(db, date.fromisoformat(alert["subject"])):
            clear_alert(db, kind=Alert.NIGHT_LATE, subject=alert["subject"], at=now)
    if not _done_since(db, due) and kept.expected(db, _began(settings, due)):
        by = f"{settings.alerts.night_by:%H:%M}"
        _once(db, Alert.NIGHT_LATE, str(due), alert_words(Alert.NIGHT_LATE, date=due, by=by), now)


def _began(settings: Settings, business_date: date) -> datetime:
    """When the night of a date was due to begin, UTC: at its time of that day, or of the day before where it ends the next morning."""
    local = datetime.combine(business_date, settings.nightly.at, ZoneInfo(settings.city.time_zone))
    if settings.nightly.at > settings.alerts.night_by:
        local -= timedelta(days=1)
    return local.astimezone(UTC).replace(tzinfo=None)


def _done_since(db: Database, business_date: date) -> bool:
    """Whether a night of this date or a later one has ended well."""
    last = kept.last_night(db, runlog.DONE)
    return last is not None and last >= business_date


def _failed(db: Database, now: datetime) -> None:
    for alert in kept.standing(db, Alert.NIGHT_FAILED):
        if _done_since(db, date.fromisoformat(alert["subject"])):
            clear_alert(db, kind=Alert.NIGHT_FAILED, subject=alert["subject"], at=now)
    newest = kept.last_night(db, runlog.FAILED)
    if newest is not None and not _done_since(db, newest):
        _once(db, Alert.NIGHT_FAILED, str(newest), alert_words(Alert.NIGHT_FAILED, date=newest), now)


def _drifted(db: Database, now: datetime) -> None:
    """One alert for all brands, so that a bad season is no storm; it clears with the first night on which none drifts."""
    from forecasting.drift import STEP

    newest = runlog.newest(db)
    if newest is None:
        return
    brands = sorted({row["subject"] for row in runlog.read_problems(db, newest.run_id) if row["step"] == STEP})
    if brands:
        told = ", ".join(brands[:20]) + (f" … ({len(brands)})" if len(brands) > 20 else "")
        _once(db, Alert.DRIFTED, "forecasts", alert_words(Alert.DRIFTED, brands=told), now)
    else:
        clear_alert(db, kind=Alert.DRIFTED, subject="forecasts", at=now)


def _once(db: Database, kind: Alert, subject: str, words: Mapping[str, str], now: datetime) -> None:
    """Raise what does not stand yet; what a look at the same state finds again is no news."""
    if not any(alert["subject"] == subject for alert in kept.standing(db, kind)):
        raise_alert(db, kind=kind, subject=subject, words=words, at=now)
