"""When a retailer may order: its order day, the window of same-day orders, and the span of pre-orders. Times are UTC unless told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ordering.settings import Settings
from web.refusals import Refusal


@dataclass(frozen=True)
class Opening:
    """The order day that comes for a retailer, seen from `today` (local): pre-orders from `from_at`, same-day orders from `opens_at`, both
    until `closes_at`. `refusal`: why no same-day order is taken now, None where one is; `early`: nor a pre-order yet."""

    today: date
    day: date
    from_at: datetime
    opens_at: datetime
    closes_at: datetime
    refusal: Refusal | None
    early: bool


def of(weekday: int, settings: Settings, now: datetime) -> Opening:
    """The opening of a retailer that orders on `weekday` (1 to 7)."""
    zone = ZoneInfo(settings.city.time_zone)
    today = now.replace(tzinfo=UTC).astimezone(zone).date()
    day = today + timedelta(days=(weekday - today.isoweekday()) % 7)
    closed = day == today and now >= _at(day, settings.publishing.cutoff, zone)
    day += timedelta(days=7 if closed else 0)
    from_at = _at(day - timedelta(days=settings.ordering.days_ahead), time(), zone)
    opens_at, closes_at = (_at(day, at, zone) for at in (settings.ordering.opens, settings.publishing.cutoff))
    refusal = Refusal.CLOSED if closed else Refusal.OTHER_DAY if day > today else Refusal.NOT_OPEN_YET if now < opens_at else None
    return Opening(today, day, from_at, opens_at, closes_at, refusal, now < from_at)


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A local time of a day, UTC and naive."""
    return datetime.combine(day, at, zone).astimezone(UTC).replace(tzinfo=None)
