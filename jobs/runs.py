"""The steps of a run: named, timed and counted as they go, with what each could not do as it should.

A step that is a plain function is `do`ne: what it gives may be kept, and is not made again where the run is taken up after it was cut off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ParamSpec, Protocol, TypeVar

import pandas as pd

from forecasting.workers import Watch
from ordering import frames
from ordering.database.runs import Step

P = ParamSpec("P")
T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much (0: not known)."""


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass
class Open:
    """A step under way: set `rows` to what it gave, `problems` to a frame of frames.PROBLEMS if it had any, `note` to a word about it."""

    rows: int = 0
    note: str = ""
    problems: pd.DataFrame = field(default_factory=lambda: frames.empty(frames.PROBLEMS))
    value: Any = None
    """What is to be kept of it; None: nothing."""


class Keeper(Protocol):
    """Keeps the record of a run while it goes, and what its steps gave."""

    def kept(self, name: str) -> tuple[Step, Open] | None:
        """A step that is done, with what it gave; None where it has to be made."""

    def begun(self, name: str) -> None:
        """A step is under way. Raises where the run shall stop."""

    def ended(self, step: Step, gave: Open) -> None:
        """A step is done."""

    def ticked(self, name: str, done: int, total: int) -> None:
        """So much of a step is done. Raises where the run shall stop."""

    def told(self, name: str, words: str) -> None:
        """Something to be told of a step that is no part of its result."""


@dataclass
class Steps:
    """The record of a run's steps, in the order in which they ended. Without a `keeper` nothing of it is stored."""

    progress: Progress = quiet
    expected: int = 0
    done: list[Step] = field(default_factory=list)
    problems: list[pd.DataFrame] = field(default_factory=list)
    keeper: Keeper | None = None

    def do(self, name: str, work: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
        """What `work` gives for what it is given: made now, or as it was kept when the run was cut off after this step.

        Rows are its attribute `rows`, or those of the first frame in it, or of all frames of a mapping; problems its attribute `problems`.
        """
        held = self.keeper.kept(name) if self.keeper is not None else None
        if held is not None:
            step, gave = held
            self.progress(name, len(self.done), self.expected)
            self._record(step, gave.problems)
            return gave.value
        with self.step(name) as under_way:
            made = under_way.value = work(*given, **more)
            under_way.rows, under_way.problems = counted(made), troubles(made)
        return made

    @contextmanager
    def step(self, name: str) -> Iterator[Open]:
        """One step; it is recorded when the block ends well."""
        self.progress(name, len(self.done), self.expected)
        if self.keeper is not None:
            self.keeper.begun(name)
        begun, step = time.perf_counter(), Open()
        yield step
        ended = Step(name, time.perf_counter() - begun, step.rows, len(step.problems), step.note)
        if self.keeper is not None:
            self.keeper.ended(ended, step)
        self._record(ended, step.problems)

    def watch(self, name: str) -> Watch:
        """What the work of a step may tell while it lasts: how far it is, and what happened to it."""
        keeper = self.keeper
        if keeper is None:
            return Watch()
        return Watch(lambda done, total: keeper.ticked(name, done, total), lambda words: keeper.told(name, words))

    def _record(self, step: Step, problems: pd.DataFrame) -> None:
        self.done.append(step)
        self.problems.append(problems)

    def all_problems(self) -> pd.DataFrame:
        """The problems of every step, each once."""
        found = pd.concat([frames.empty(frames.PROBLEMS), *self.problems], ignore_index=True)
        return found.drop_duplicates(ignore_index=True)


def counted(value: Any) -> int:
    """The rows that a value says it has, those of a frame, of all frames of a mapping, or of the first frame in a dataclass."""
    if isinstance(value, pd.DataFrame):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(counted, value.values()))
    if not is_dataclass(value):
        return 0
    parts = (getattr(value, part.name) for part in fields(value))
    first = next((part for part in parts if isinstance(part, pd.DataFrame) or is_dataclass(part)), None)
    return int(getattr(value, "rows", None) or counted(first))


def troubles(value: Any) -> pd.DataFrame:
    """The problems that came with a value; none where it has no such attribute."""
    found = getattr(value, "problems", None)
    return found if isinstance(found, pd.DataFrame) else frames.empty(frames.PROBLEMS)


def problems(step: str, messages: list[str], subject: str = "") -> pd.DataFrame:
    """Problems of one step in words, as a frame."""
    rows = {"step": [step] * len(messages), "subject": [subject] * len(messages), "message": messages}
    return pd.DataFrame(rows, columns=frames.PROBLEMS.names).astype("str")
