"""F3: eight starts of the same run at once, and three scheduler processes: one executes, the others say who does."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ordering import database, tables
from ordering.database import ledger
from ordering.schedule import State
from tests.faults import crew

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F3", "eight starts at once, three schedulers: one executes, the others say who does"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 1_000, 12
STARTS, SCHEDULERS = 8, 3
SAYS_WHO = re.compile(r"^the night of (\S+): \S+, process (\d+), since .+ UTC is at it; nothing was done here")


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Even numbers: eight starts by hand. Odd ones: a tick of three schedulers, nobody leading before."""
    db = crew.migrated(place.url)
    with crew.crew(place.url, place.folder, STARTS) as members:
        for number in range(first, first + count):
            begun = time.time()
            _starts(db, place, members, number) if number % 2 == 0 else _ticks(db, place, members[:SCHEDULERS], number)
            yield {"executed": float(_runs(db, number)), "seconds": time.time() - begun}
    db.engine.dispose()


def _runs(db: database.Database, number: int) -> int:
    """How many runs of the trial's date there are; each must be done."""
    t = tables.runs
    states = [row["status"] for row in db.rows(sa.select(t.c.status).where(t.c.business_date == crew.day_of(number)))]
    assert states == ["done"], f"trial {number}: runs {states}"
    return len(states)


def _starts(db: database.Database, place: Place, members: list[crew.Member], number: int) -> None:
    """All but one answer at once, while that one is at it; only then it may go on."""
    for one in members:
        one.tell(do="run", trial=number, at=time.time() + 0.05)
    _go_when_begun(db, place, number, len(members))
    answers = [one.answer() for one in members]
    executed = [one for one, answer in zip(members, answers, strict=True) if "run" in answer]
    assert len(executed) == 1, answers
    for answer in answers:
        if "told" in answer:
            found = SAYS_WHO.match(answer["told"])
            assert found, answer
            assert (found[1], int(found[2])) == (str(crew.day_of(number)), executed[0].process.pid)


def _go_when_begun(db: database.Database, place: Place, number: int, starts: int) -> None:
    """Let the run that was begun go on once the others must have asked."""
    t, by = tables.runs, time.monotonic() + 60
    while not db.rows(sa.select(t.c.run_id).where(t.c.business_date == crew.day_of(number))):
        assert time.monotonic() < by, f"trial {number}: nobody began"
        time.sleep(0.005)
    time.sleep(0.1 + 0.02 * starts)
    (place.folder / f"go-{crew.day_of(number)}").touch()


def _ticks(db: database.Database, place: Place, members: list[crew.Member], number: int) -> None:
    for one in members:
        one.tell(do="close")
    assert all(one.answer() == {"closed": True} for one in members)
    (place.folder / f"go-{crew.day_of(number)}").touch()
    for one in members:
        one.tell(do="tick", trial=number, at=time.time() + 0.05)
    answers = [one.answer() for one in members]
    leaders = [one for one, answer in zip(members, answers, strict=True) if answer["leads"]]
    assert len(leaders) == 1, answers
    pid = leaders[0].process.pid
    waiting = [answer for answer in answers if f"process {pid}, since" in answer["told"] and "leads; waiting" in answer["told"]]
    assert len(waiting) == len(members) - 1, answers
    found = {record.business_date: record for record in ledger.read(db)}.get(crew.day_of(number))
    assert found, answers
    assert (found.state, found.attempts, found.holder.split("/")[1]) == (State.DONE, 1, str(pid)), found
