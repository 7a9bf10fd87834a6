"""What a module of a fault is given and what it tells.

`f04_….py` has FAULT, DEMAND, DATABASES ("none" where no database is concerned), FULL, SHORT and `trials(place, first, count)`.
`trials` runs the trials number first, first + 1, … and yields after each its figures (name -> number). Whatever it raises, the trial has
failed; `unittest.SkipTest` says why they cannot be done on this machine. A trial is told by its number and the seed alone, so it can be
run again. What is dear is set up once at the beginning, and trials reset only what they change. LIMIT, where given, is the seconds a
trial may take (300 otherwise); the first may take three times as long, for it sets up. The PostgreSQL server of `place.url` serves other
trials at the same time: who restarts a server starts one of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import unittest
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import ModuleType

HERE = Path(__file__).resolve().parent
ALL = tuple(f"F{number}" for number in range(1, 14))
DEMAND = {
    "F1": "killed at every step boundary and at random instants: same hash, nothing done twice",
    "F2": "a business date three times: same hash, no duplicate rows",
    "F3": "eight starts at once, three schedulers: one executes",
    "F4": "32 orders at once on one scarce brand: no bound broken, none lost",
    "F5": "scheduler paused past its lease: a stale holder's writes are refused",
    "F6": "database restarted in the middle: goes on or resumes, never half a week",
    "F7": "disk full, folder read-only: clear message, old data intact, goes on when freed",
    "F8": "input truncated, half there, repeated, late: refused whole or merged; counts reconcile",
    "F9": "fuzzed input files: no traceback, at most 1 GB, the line named",
    "F10": "clock, summer time, week 53, down across the due time: each date exactly once",
    "F11": "migrations up, down, up, killed midway: counts and sums kept",
    "F12": "a worker or the scheduler killed: same hash as one process",
    "F13": "one series pathological: it falls back with a reason, the night goes on",
}
SETTING = "TRUEORDER_FAULTS"


@dataclass(frozen=True)
class Place:
    """Where trials run: the URL of a database with no schema yet ("" where none is concerned), an empty folder, a seed."""

    url: str
    folder: Path
    seed: int


@dataclass(frozen=True)
class Fault:
    """A fault, and the module that tries it."""

    name: str
    demand: str
    databases: tuple[str, ...]
    full: int
    short: int
    limit: float
    module: ModuleType

    @property
    def file(self) -> Path:
        """The module's file."""
        return Path(str(self.module.__file__))


@dataclass(frozen=True)
class Outcome:
    """What became of a trial: its figures, or why it failed or could not be done, and the seconds it took."""

    figures: Mapping[str, float]
    seconds: float
    failed: BaseException | None = None
    skipped: str = ""


def load(file: Path) -> Fault:
    """The fault that a module tries."""
    module = importlib.import_module(f"tests.faults.{file.stem}") if file.parent == HERE else _outside(file)
    limit = float(getattr(module, "LIMIT", 300))
    return Fault(module.FAULT, module.DEMAND, tuple(module.DATABASES), module.FULL, module.SHORT, limit, module)


def _outside(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(folder: Path = HERE) -> dict[str, Fault]:
    """Every fault that has a module in the folder, by name, in the order of their numbers."""
    files = (file for file in folder.glob("f*.py") if re.match(r"f\d\d_", file.name))
    faults = [load(file) for file in sorted(files)]
    names = [fault.name for fault in faults]
    assert len(set(names)) == len(names), f"two modules try one fault: {names}"
    return {fault.name: fault for fault in faults}


def count_of(full: int, whole: int, asked: str | None = None) -> int:
    """How many trials: `whole`, unless `asked` (else the environment's TRUEORDER_FAULTS) says a share of `full` ("0.1") or a number."""
    said = os.environ.get(SETTING, "") if asked is None else asked
    if not said:
        return whole
    count = round(float(said) * full) if "." in said else int(said)
    return max(1, min(count, full))


def outcomes(fault: Fault, place: Place, first: int, count: int) -> Iterator[Outcome]:
    """What became of each trial, as they end, up to the first that fails or cannot be done."""
    since, done = perf_counter(), 0
    trials = fault.module.trials(place, first, count)
    while done < count:
        figures, end = _next(trials)
        now = perf_counter()
        yield Outcome(figures, now - since, *_why(end, fault, done, count))
        if end is not None:
            return
        since, done = now, done + 1


def _next(trials: Iterator[Mapping[str, float]]) -> tuple[Mapping[str, float], BaseException | None]:
    try:
        return next(trials), None
    except (Exception, SystemExit) as error:
        return {}, error


def _why(end: BaseException | None, fault: Fault, done: int, count: int) -> tuple[BaseException | None, str]:
    """The failure, or the reason why a trial cannot be done here."""
    if isinstance(end, unittest.SkipTest):
        return None, str(end) or "no reason given"
    if isinstance(end, StopIteration):
        return AssertionError(f"{fault.file.name} ended after {done} of {count} trials"), ""
    return end, ""
