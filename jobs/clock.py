"""The clock: the only place that reads it, beside the scheduler."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ordering.settings import Settings

AHEAD = "TRUEORDER_CLOCK_AHEAD"
"""In the environment: by how many seconds the clock of this process goes ahead; for demos and tests, whose cities live in another week."""


def now() -> datetime:
    """The present, UTC, as the database stores it."""
    return (datetime.now(UTC) + timedelta(seconds=float(os.environ.get(AHEAD, 0)))).replace(tzinfo=None, microsecond=0)


def today(settings: Settings) -> date:
    """The business date of now, in the city's time zone."""
    return now().replace(tzinfo=UTC).astimezone(ZoneInfo(settings.city.time_zone)).date()
