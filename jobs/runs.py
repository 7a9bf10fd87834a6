"""The steps of a run: named, timed and counted as they go, with what each could not do as it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pandas as pd

from ordering import frames
from ordering.database.runs import Step

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


@dataclass
class Steps:
    """The record of a run's steps, in the order in which they ended."""

    progress: Progress = quiet
    expected: int = 0
    done: list[Step] = field(default_factory=list)
    problems: list[pd.DataFrame] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[Open]:
        """One step; it is recorded when the block ends well."""
        self.progress(name, len(self.done), self.expected)
        begun, step = time.perf_counter(), Open()
        yield step
        self.done.append(Step(name, time.perf_counter() - begun, step.rows, len(step.problems), step.note))
        self.problems.append(step.problems)

    def all_problems(self) -> pd.DataFrame:
        """The problems of every step, each once."""
        found = pd.concat([frames.empty(frames.PROBLEMS), *self.problems], ignore_index=True)
        return found.drop_duplicates(ignore_index=True)


def problems(step: str, messages: list[str], subject: str = "") -> pd.DataFrame:
    """Problems of one step in words, as a frame."""
    rows = {"step": [step] * len(messages), "subject": [subject] * len(messages), "message": messages}
    return pd.DataFrame(rows, columns=frames.PROBLEMS.names).astype("str")
