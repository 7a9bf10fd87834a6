"""F1: kill -9 at every step boundary of a night, and at random instants of it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jobs.nightly import STEPS
from ordering.database import runs as runlog
from tests.faults.nights import City, kill, timed

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F1", "killed at every step boundary and at random instants: same tables, nothing done twice"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = len(STEPS) + 200, 2
FIRST = ("forecast", "rates", "write")
"""Steps after whose beginning the first trials kill, so that a few trials see most."""


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """The first trials kill where a step has just been done, the others at a random instant; then the night is started once more."""
    city, figures = City.made(place), {}
    city.night()
    city.forget()
    with timed(figures, "unbroken_seconds"):
        unbroken = city.night()
    left, boundaries = city.tables_hash(), [*FIRST, *(step for step in STEPS if step not in FIRST)]
    for number in range(first, first + count):
        city.forget()
        chance = random.Random(place.seed * 1_000_003 + number)
        process = city.begin()
        if number < len(boundaries):
            cut = _wait_for(city, process, boundaries[number])
        else:
            time.sleep(chance.uniform(0, 1.1 * figures["unbroken_seconds"]))
            cut = process.is_alive()
        kill(process)
        before = city.steps()
        with timed(figures, "restart_seconds"):
            night = city.night() if runlog.find(city.db, runlog.LIVE, runlog.tables.runs.c.status == runlog.DONE) == [] else unbroken
        assert night["hash"] == unbroken["hash"]
        assert city.tables_hash() == left
        yield {**figures, "killed": float(cut), "repeated": _repeated(before, city.steps())}


def _wait_for(city: City, process: Any, step: str) -> bool:
    """Wait until a step is done; False where the night was over before that was seen."""
    while process.is_alive():
        row = city.steps().get(step)
        if row is not None and row["state"] == runlog.DONE:
            return True
        time.sleep(0.002)
    return False


def _repeated(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]) -> float:
    """How many steps were begun more than once; AssertionError where one of them had been done, or was not the one that was cut."""
    for name, row in before.items():
        if row["state"] == runlog.DONE:
            assert after[name]["attempts"] == row["attempts"] == 1, f"{name} was done and is done again"
    again = [name for name, row in after.items() if row["attempts"] > 1]
    assert again in ([], [name for name, row in before.items() if row["state"] == runlog.RUNNING]), again
    return float(len(again))
