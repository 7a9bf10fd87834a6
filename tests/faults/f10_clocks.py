"""F10: clocks that are wrong by an hour or a day, schedulers down across the due time, summer time, week 53: each date exactly once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs.scheduled import Did, Job, Watch
from jobs.scheduler import Scheduler
from ordering import database, tables
from ordering.schedule import parse
from tests.faults import crew

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.harness import Place

FAULT, DEMAND = "F10", "clock ±1 h and ±1 day, down across the due time, summer time, week 53: each business date exactly once"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 1_000, 10
DAYS, LOOKS = 7, 40
WHERE = (
    ("Asia/Shanghai", "2026-03-02"), ("Asia/Shanghai", "2026-12-27"), ("Asia/Shanghai", "2020-12-27"), ("Europe/Berlin", "2026-03-26"),
    ("Europe/Berlin", "2026-10-22"), ("America/Sao_Paulo", "2018-11-01"), ("America/Sao_Paulo", "2019-02-13"),
    ("America/Sao_Paulo", "2017-10-12"), ("Australia/Lord_Howe", "2026-04-02"),
)  # fmt: skip
"""Zones and first days: summer time begins or ends, at midnight too, or an ISO year ends with week 53."""
WRONG = (0, 0, 0, 60, -60, 1440, -1440)
"""Minutes by which a scheduler's clock is wrong, each day anew."""


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Three schedulers look at random moments of a week, by clocks that are wrong, and some of them are down for a day or two."""
    db = crew.migrated(place.url)
    for number in range(first, first + count):
        with db.writing() as tx:
            for table in (tables.job_days, tables.runs, tables.leases):
                tx.execute(table.delete())
        yield {"dates": float(_trial(db, place.folder, random.Random(f"{place.seed}/{number}"), number))}
    db.engine.dispose()


def _trial(db: database.Database, folder: Path, chance: random.Random, number: int) -> int:
    zone, start = WHERE[number % len(WHERE)]
    at = f"{chance.randrange(24):02}:{chance.choice((0, 10, 30, 59)):02}"
    rules = crew.rules(nightly=at)
    rules = rules.model_copy(update={"city": rules.city.model_copy(update={"time_zone": zone})})
    begin = datetime.combine(date.fromisoformat(start), datetime.min.time())
    wrong = [[chance.choice(WRONG) for _ in range(DAYS + 1)] for _ in range(3)]
    down = {(chance.randrange(3), day) for day in range(DAYS) for _ in range(chance.randrange(3))}
    several = [Scheduler(db, rules, folder, _hear, jobs={"nightly": Job("夜", _run, every=True)}) for _ in range(3)]
    since: datetime | None = None
    for minutes in sorted(chance.uniform(0, DAYS * 1440) for _ in range(LOOKS)):
        who, day = chance.randrange(3), int(minutes // 1440)
        if (who, day) in down or day % 4 == 3:  # a day on which all are down
            several[who].close()
            continue
        _look(several, who, begin + timedelta(minutes=minutes + wrong[who][day]))
        since = since or begin + timedelta(minutes=minutes)
    assert since, "nobody ever looked"
    end = begin + timedelta(days=DAYS)
    for one in several:
        one.close()
    _look(several, 0, end)
    several[0].close()
    return _check(db, zone, at, since, end, number)


def _look(several: list[Scheduler], who: int, present: datetime) -> None:
    """A tick of one scheduler by its own clock; it takes the lead, as if the leader before had died."""
    for n, one in enumerate(several):
        if n != who:
            one.close()
    several[who].clock = lambda: present
    several[who].tick()


def _run(db: database.Database, rules: Any, history: Path, business_date: date, watch: Watch) -> Did:
    """The light job: a row for each time it is executed."""
    values = {"job": crew.JOB, "business_date": business_date, "status": "done", "version": "1", "detailed": False}
    with db.writing() as tx:
        assert watch.held
        watch.held.guard(tx)
        return Did("well", database.connection.new_id(tx, tables.runs, values | {"started_at": watch.at}))


def _hear(words: str) -> None:
    assert "tried again" not in words, words


def _check(db: database.Database, zone: str, at: str, since: datetime, end: datetime, number: int) -> int:
    """Every date whose moment lay between the first look and the end by the true clock was executed, and none twice."""
    executed = Counter(row["business_date"] for row in db.rows(sa.select(tables.runs.c.business_date)))
    twice = [day for day, times in executed.items() if times > 1]
    assert not twice, f"trial {number}: {zone} {at}: executed twice: {twice}"
    when, local = parse(at), ZoneInfo(zone)
    assert when
    first = since.replace(tzinfo=UTC).astimezone(local).date()
    days = [first + timedelta(days=n) for n in range(1, DAYS + 1)]
    came = [day for day in days if since + timedelta(days=1) < when.instant(day, local) <= end]
    missed = [day for day in came if not executed[day]]
    assert not missed, f"trial {number}: {zone} {at}: missed {missed}"
    assert len(came) >= DAYS - 4
    return len(came)
