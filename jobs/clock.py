"""The clock: the only place that reads it, beside the scheduler."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ordering.settings import Settings


def now() -> datetime:
    """The present, UTC, as the database stores it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def today(settings: Settings) -> date:
    """The business date of now, in the city's time zone."""
    return datetime.now(ZoneInfo(settings.city.time_zone)).date()
