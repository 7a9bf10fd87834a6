"""Work spread over processes, with results in the order of the arguments, that survives the death of a process.

A process that is killed takes its pool with it. What was not given back by then is done again in fresh processes, a few times, and told.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context, parent_process
from types import TracebackType
from typing import Any

from ordering.errors import TrueOrderError

TIMES = 4
"""How often the same work is given to fresh processes before it is given up."""


def _nothing(*_: object) -> None:
    """Told to nobody."""


@dataclass(frozen=True)
class Watch:
    """Who is told how much of how much is `done`, and in words what happened; nothing that is told touches a result."""

    done: Callable[[int, int], None] = _nothing
    say: Callable[[str], None] = _nothing


QUIET = Watch()


@dataclass
class Workers:
    """`count` processes (0: one per core; 1: this process), started when there is work and gone when the block ends."""

    count: int
    watch: Watch = QUIET
    _pool: ProcessPoolExecutor | None = field(default=None, init=False)
    _others: set[int | None] = field(default_factory=set, init=False)

    def __enter__(self) -> Workers:
        self.count = self.count or os.cpu_count() or 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, work: Callable[[Any], Any], given: Sequence[Any]) -> list[Any]:
        """`work` of each argument, in their order. Raises what `work` raises, and TrueOrderError where processes die again and again."""
        found: dict[int, Any] = {}
        if self.count == 1:
            for number, one in enumerate(given):
                found[number] = work(one)
                self.watch.done(len(found), len(given))
        for _ in range(TIMES):
            self._spread(work, given, found)
            if len(found) == len(given):
                return [found[number] for number in range(len(given))]
        raise TrueOrderError(
            f"worker processes were killed {TIMES} times in a row, as for want of memory; set nightly.workers to a smaller number, or to 1"
        )

    def _spread(self, work: Callable[[Any], Any], given: Sequence[Any], found: dict[int, Any]) -> None:
        """Put what is not in `found` yet into it, as far as the processes live."""
        waiting: dict[Future[Any], int] = {}
        try:
            for number in range(len(given)):
                if number not in found:
                    waiting[self._fresh().submit(work, given[number])] = number
            for done in as_completed(waiting):
                found[waiting[done]] = done.result()
                self.watch.done(len(found), len(given))
        except BrokenProcessPool:
            self._pool = None
            self._end_left()
            whole = [done for done in waiting if done.done() and not done.cancelled() and done.exception() is None]
            found |= {waiting[done]: done.result() for done in whole}
            left, of = len(given) - len(found), len(given)
            english, chinese = f"a worker process was killed; {left} of {of} pieces of work are done again", f"{of}份计算中的{left}份重做"
            self.watch.say(f"{english} | 一个工作进程被终止；{chinese}")

    def _end_left(self) -> None:
        """End the processes of a broken pool: one that was being started while it broke is in nobody's charge, and would be waited for for
        ever when this process ends."""
        for child in active_children():
            if child.pid not in self._others:
                child.kill()

    def _fresh(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._others = {child.pid for child in active_children()}
            self._pool = ProcessPoolExecutor(self.count, mp_context=get_context("spawn"), initializer=end_with_parent)
        return self._pool


def end_with_parent() -> None:
    """End this process with the one that started it: a worker waits for work for ever otherwise."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for, args=(parent,), daemon=True).start()


def _wait_for(parent: Any) -> None:
    parent.join()
    os._exit(1)
