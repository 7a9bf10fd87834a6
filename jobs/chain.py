"""A run as a chain of recorded steps: taken up where it was cut off, with a sign of life while it lasts, stopped when a person wishes it.

What each step gives is kept in a file beside the Parquet history, under the run's id, until the run is done. The database has the hash of
each file; a file that is torn, or of another input or program, is made again and never trusted.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from jobs import kept_files
from jobs.clock import now
from jobs.runs import Open, Steps
from ordering import database
from ordering.database import bulk, chains
from ordering.database import runs as runlog
from ordering.database.chains import Asked, CancelledError, Here, Taken
from ordering.database.leases import Guard, unguarded
from ordering.database.runs import Step
from ordering.errors import StateError, TrueOrderError

TICK_SECONDS = 1.0
"""Least time between two writes of progress."""
BEAT_TICKS = 5
"""Ticks between two signs of life where there is no progress to write."""


def here(by: str = "") -> Here:
    """This process, at work for a person or for whoever runs it."""
    return Here(socket.gethostname(), os.getpid(), by or getpass.getuser(), lives)


def lives(host: str, process: int) -> bool | None:
    """Whether a process is there; None where it is on another host, or is this one: then an earlier one of its number may be meant."""
    if host != socket.gethostname() or process == os.getpid():
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in "ZX"  # killed, and not yet taken note of by its parent


def folder_of(history: Path, run_id: int) -> Path:
    """Where a run keeps what its steps gave."""
    return history / "runs" / str(run_id)


@dataclass
class Chain:
    """A run under way (see jobs.runs.Keeper). `guard` goes first in each of its writes."""

    db: database.Database
    taken: Taken
    folder: Path | None
    guard: Guard
    at: datetime | None
    heart: Heart = field(init=False)
    saved: bool = False

    def __post_init__(self) -> None:
        self.heart = Heart(self.db, self.run_id, self.guard)

    @property
    def run_id(self) -> int:
        """The run."""
        return self.taken.run_id

    def kept(self, name: str) -> tuple[Step, Open] | None:
        """A step that is done, with what it gave; None where it has to be made."""
        row = self.taken.kept.get(name)
        if row is None or row["content_hash"] is None or self.folder is None:
            return None
        gave = kept_files.read(self._file(row["ordinal"], name), row["content_hash"])
        if not isinstance(gave, Open):
            self.told(name, "what it gave cannot be read any more; it is made again | 该步骤保存的结果已无法读取，重新计算")
            return None
        return Step(name, row["seconds"], row["rows"], row["problems"], row["note"]), gave

    def begun(self, name: str) -> None:
        """A step is under way. Raises CancelledError where a person wished the run to stop."""
        self.heart.check()
        self._obey()
        chains.begin_step(self.db, self.run_id, name, guard=self.guard)

    def ended(self, step: Step, gave: Open) -> None:
        """A step is done, what it gave is kept. Where the folder cannot be written that is told, and the step made again if need be."""
        content = None
        if gave.value is not None and self.folder is not None:
            try:
                content = kept_files.write(self._file(self.ordinal(step.name), step.name), gave)
            except OSError as error:
                self.told(step.name, f"not kept ({error.strerror}); made again if the run is cut off | 结果未能保存，若运行中断将重新计算")
        if not self.saved:  # the transaction that ended the run has it already
            chains.end_step(self.db, self.run_id, step, content, guard=self.guard)

    def ticked(self, name: str, done: int, total: int) -> None:
        """So much of a step is done; it is written within a second. Raises CancelledError where a person wished the run to stop."""
        self.heart.progress = (name, done, total)
        self.heart.check()

    def told(self, name: str, words: str) -> None:
        """A line for the log of the run."""
        chains.tell(self.db, self.run_id, name, words, guard=self.guard)

    def save(self, name: str, results: Mapping[str, pd.DataFrame], **more: Any) -> None:
        """Store what the run found and mark it done (see runs.save), and with it the step that does this."""
        runlog.save(self.db, self.run_id, results, at=self.at or now(), guard=self.guard, after=self.recorded(name), **more)
        self.saved = True

    def recorded(self, name: str) -> Callable[[database.Transaction, int], None]:
        """What records a step as done in the transaction that does it, told how many rows it gave."""
        begun = time.perf_counter()

        def after(tx: database.Transaction, rows: int) -> None:
            chains.done(tx, self.run_id, Step(name, time.perf_counter() - begun, rows, 0))

        return after

    def finish(self) -> None:
        """Mark a run done whose steps have written all there was to write."""
        chains.leave(self.db, self.run_id, runlog.DONE, "", at=self.at or now(), guard=self.guard)
        self.saved = True

    def forget(self) -> None:
        """Take away the record of a run that found nothing new."""
        self.saved = True
        runlog.forget(self.db, self.run_id, guard=self.guard)

    def ordinal(self, name: str) -> int:
        """The number of a step."""
        return next(row["ordinal"] for row in runlog.read_steps(self.db, self.run_id) if row["step"] == name)

    def _file(self, ordinal: int, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{ordinal:02d}-{name.replace(' ', '-')}.zip"

    def _obey(self) -> None:
        said = chains.wish(self.db, self.run_id)
        if said is not None:
            raise CancelledError(f"run {self.run_id} was {said}; nothing of it was stored")


@dataclass
class Heart:
    """The sign of life of a run, from a thread of its own: the work may be long and tell nothing."""

    db: database.Database
    run_id: int
    guard: Guard
    progress: tuple[str, int, int] | None = None
    stopping: TrueOrderError | None = None
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._thread = threading.Thread(target=self._beating, name=f"run-{self.run_id}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Beat no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise what stops the run, if anything does."""
        if self.stopping is not None:
            raise self.stopping

    def _beating(self) -> None:
        written, tick = None, 0
        while not self._ended.wait(TICK_SECONDS):
            tick, reached = tick + 1, self.progress
            if reached == written and tick % BEAT_TICKS:
                continue
            try:
                chains.beat(self.db, self.run_id, reached, guard=self.guard)
                written, said = reached, chains.wish(self.db, self.run_id)
            except (database.LostError, *database.Unreachable):
                continue  # locked or not to be reached just now: the next beat tries again
            except TrueOrderError as error:
                self.stopping = error
                return
            if said is not None:
                self.stopping = CancelledError(f"run {self.run_id} was {said}; nothing of it was stored")
                return


@contextmanager
def running(
    db: database.Database,
    asked: Asked,
    steps: Steps,
    *,
    history: Path | None,
    by: str = "",
    keep: int = 1,
    at: datetime | None = None,
    retry: int | None = None,
    guard: Guard = unguarded,
) -> Iterator[Chain]:
    """A run of the chain `asked` for while the block lasts; its `steps` are recorded, and kept beside `history` if it is given.

    How the block is left is recorded: an error fails the run, a person's wish cancels it, an interruption lets it wait for the next start.
    """
    taken = chains.take(db, asked, here(by), at=at or now(), retry=retry, guard=guard)
    sweep(db, history, keep)
    bulk.sweep(db.engine)
    folder = folder_of(history, taken.run_id) if history is not None else None
    chain = Chain(db, taken, folder, taken.guarded(guard), at)
    for step in steps.done:  # what was done to see what there is to do
        chains.end_step(db, chain.run_id, step, None, guard=chain.guard)
    steps.keeper = chain
    chain.heart.start()
    try:
        yield chain
    except BaseException as error:
        chain.heart.end()
        with suppress(
            StateError, *database.Unreachable
        ):  # the run is another's by now, or the database is gone: the error itself says it all
            chains.leave(db, chain.run_id, *_left_by(error), at=at or now(), guard=chain.guard)
        raise
    finally:
        chain.heart.end()
        steps.keeper = None
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _left_by(error: BaseException) -> tuple[str, str]:
    """The state in which an error leaves a run, and what is said of it."""
    if isinstance(error, CancelledError):
        return runlog.CANCELLED, str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return runlog.WAITING, "interrupted"
    return runlog.FAILED, str(error) if isinstance(error, TrueOrderError) else f"{type(error).__name__}: {error}".split("\n")[0]


def sweep(db: database.Database, history: Path | None, keep: int) -> None:
    """Take away what was kept for runs that nobody can take up any more, and for all but the `keep` newest of the others."""
    place = history / "runs" if history is not None else None
    if place is None or not place.is_dir():
        return
    needed = {str(run_id) for run_id in chains.open_ids(db, keep)}
    for folder in place.iterdir():
        if folder.name not in needed:
            shutil.rmtree(folder, ignore_errors=True)
