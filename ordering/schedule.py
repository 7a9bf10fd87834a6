"""The schedule: when each job is due, and which business dates of it are still to be done. Pure: the clock and the ledger are given.

A job is due once for each local day that its `When` names: at its time of day in the city's zone. A time that the clocks skip counts as
far after the gap as it lies in it; one that they repeat is the first of the two. So every day has one instant, whatever summer time does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FORM = "write it like 01:30, mon 05:00, mon,thu 05:00, first mon 06:30, 1 06:00 or 1,15 06:00; empty: never"
LOOK_AHEAD = 400
"""Days among which the next one is looked for: more than a year."""


class State(StrEnum):
    """What became of a job's business date."""

    RUNNING = "running"  # begun; if nobody is at it any more it was cut off
    DONE = "done"
    WAITING = "waiting"  # failed, or stopped on request: tried again
    FAILED = "failed"  # tried as often as settings say: a person's turn


@dataclass(frozen=True)
class When:
    """On which days, and at what local time: on weekdays (0 is Monday; `first`: only the first of each month) or days of the month."""

    at: time
    weekdays: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    first: bool = False

    def on(self, day: date) -> bool:
        """Whether a day is one of its days."""
        if self.days:
            return day.day in self.days
        return not self.weekdays or (day.weekday() in self.weekdays and (day.day <= 7 or not self.first))

    def instant(self, day: date, zone: ZoneInfo) -> datetime:
        """Its moment on a local day: UTC, naive."""
        return datetime.combine(day, self.at, zone).astimezone(UTC).replace(tzinfo=None)

    def __str__(self) -> str:
        if self.days:
            return f"day {', '.join(map(str, sorted(self.days)))} of each month at {self.at:%H:%M}"
        names = ", ".join(WEEKDAYS[n] for n in sorted(self.weekdays)) or "day"
        return f"{'first' if self.first else 'every'} {names}{' of each month' if self.first else ''} at {self.at:%H:%M}"


def parse(text: str) -> When | None:
    """`text` of the settings as days and a time; None where it is empty. Raises ValueError that says how to write it."""
    if not text.strip():
        return None
    *front, at = text.lower().split()
    first = front[:1] == ["first"]
    names = [name for part in front[first:] for name in part.split(",") if name]
    clock = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", at)
    weekdays = frozenset(WEEKDAYS.index(name) for name in names if name in WEEKDAYS)
    days = frozenset(int(name) for name in names if re.fullmatch(r"[1-9]|1\d|2[0-8]", name))
    known = len(weekdays) + len(days) == len(names) and not (weekdays and days) and not (first and not weekdays)
    if clock is None or not known:
        raise ValueError(f"is no time to be scheduled by; {FORM}. Days of the month go up to 28, which every month has")
    return When(time(int(clock[1]), int(clock[2])), weekdays, days, first)


@dataclass(frozen=True)
class Plan:
    """A job and when it is due. `every`: each date that was missed is caught up, in order; else only the newest matters."""

    job: str
    when: When
    every: bool = False


@dataclass(frozen=True)
class Entry:
    """What the ledger holds of a job's business date. Times are UTC."""

    state: State
    attempts: int = 1
    next_at: datetime | None = None


@dataclass(frozen=True)
class Rules:
    """The zone of the dates, how many days back are caught up, and the longest pause before another attempt."""

    zone: ZoneInfo
    days_back: int
    longest_pause: timedelta


Key = tuple[str, date]
Ledger = Mapping[Key, Entry]


def due(plans: Sequence[Plan], now: datetime, ledger: Ledger, rules: Rules) -> list[Key]:
    """The business dates whose time has come by `now` (UTC, naive) and that are still to be done, the earliest first.

    Of a job that the ledger does not know yet only the newest date is due, so that a new installation does not begin with the past.
    A date that is `running` is due: whoever asks is the only one who may run it, and is not at it.
    """
    found = [(plan.when.instant(day, rules.zone), n, day) for n, plan in enumerate(plans) for day in _days(plan, now, ledger, rules)]
    keys = [(plans[n].job, day) for _, n, day in sorted(found)]
    return [key for key in keys if is_open(ledger.get(key), now, rules)]


def _days(plan: Plan, now: datetime, ledger: Ledger, rules: Rules) -> list[date]:
    """The days of a job that may be due."""
    past = list(_past(plan.when, now, rules))
    if not plan.every:
        return past[:1]
    begun = min((day for job, day in ledger if job == plan.job), default=date.max)
    return [day for day in past if day >= min(begun, past[0])]


def _past(when: When, now: datetime, rules: Rules) -> Iterator[date]:
    """The days whose time has come, the newest first, as far back as is caught up."""
    today = now.replace(tzinfo=UTC).astimezone(rules.zone).date()
    for back in range(rules.days_back + 1):
        day = today - timedelta(days=back)
        if when.on(day) and when.instant(day, rules.zone) <= now:
            yield day


def is_open(entry: Entry | None, now: datetime, rules: Rules) -> bool:
    """Whether a date is still to be done, now. A next attempt that lies too far ahead was set by a clock that was wrong."""
    if entry is None or entry.state is State.RUNNING:
        return True
    if entry.state is not State.WAITING:
        return False
    return entry.next_at is None or entry.next_at <= now or entry.next_at > now + rules.longest_pause


def next_day(when: When, now: datetime, zone: ZoneInfo) -> date | None:
    """The first day whose time is still to come; None where there is none within LOOK_AHEAD days."""
    today = now.replace(tzinfo=UTC).astimezone(zone).date()
    days = (today + timedelta(days=n) for n in range(LOOK_AHEAD))
    return next((day for day in days if when.on(day) and when.instant(day, zone) > now), None)


def pause(attempts: int, first: timedelta) -> timedelta:
    """How long to wait after so many failed attempts: three times as long after each."""
    result: timedelta = first * 3 ** (attempts - 1)
    return result
