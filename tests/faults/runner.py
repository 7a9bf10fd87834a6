"""Runs trials in processes of their own, several at once, each within its time, and records what became of them."""

from __future__ import annotations

import json
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import servers
from tests.faults.harness import HERE, Fault
from tests.faults.records import Record, Records

SETTING_UP = 3
"""A process's first trial may take so many times as long as the others."""
TEMPORARY = "temporary"
"""The folder, beside a trial's own, for its temporary files."""
MOST_IN_A_ROW = 5
"""So many failures one after the other, each in a fresh place, and the rest of the task is left."""


@dataclass(frozen=True)
class Task:
    """Trials of one fault on one database, numbers first to first + count - 1."""

    fault: Fault
    database: str
    first: int
    count: int
    seed: int


def tasks(fault: Fault, database: str, numbers: list[int], seed: int, workers: int) -> list[Task]:
    """Runs of neighbouring numbers, short enough that all workers have some, and none shorter than the short form."""
    most = max(fault.short, -(-len(numbers) // workers))
    found: list[Task] = []
    for number in numbers:
        last = found[-1] if found else None
        if last is not None and number == last.first + last.count and last.count < most:
            found[-1] = Task(fault, database, last.first, last.count + 1, seed)
        else:
            found.append(Task(fault, database, number, 1, seed))
    return found


class Runner:
    """Runs tasks on `workers` threads, each with one process at a time; only the caller's thread writes records."""

    def __init__(self, records: Records, logs: Path, *, workers: int, program: str) -> None:
        self.records, self.logs, self.workers, self.program = records, logs, workers, program
        self._done: queue.Queue[Record] = queue.Queue()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._stopping = threading.Event()

    def run(self, todo: list[Task], each: Callable[[Record], None] = lambda record: None) -> None:
        """Run all of them; records each trial as it ends, and tells `each`. Broken off, it still records what has ended."""
        with self._server(todo) as server:
            try:
                self._run(todo, server, each)
            finally:
                self._take_all(each)

    def _run(self, todo: list[Task], server: str, each: Callable[[Record], None]) -> None:
        with ThreadPoolExecutor(self.workers) as threads:
            running = [threads.submit(self._work, task, server) for task in todo]
            try:
                while not all(one.done() for one in running):
                    self._take(each)
            finally:
                self._stop()
        for one in running:
            one.result()

    def _take_all(self, each: Callable[[Record], None]) -> None:
        while not self._done.empty():
            self._take(each)

    @staticmethod
    @contextmanager
    def _server(todo: list[Task]) -> Iterator[str]:
        if not any(task.database == "postgresql" for task in todo):
            yield ""
            return
        with servers.server() as url:
            yield url

    def _take(self, each: Callable[[Record], None]) -> None:
        try:
            record = self._done.get(timeout=0.2)
        except queue.Empty:
            return
        self.records.add(record)
        each(record)

    def _stop(self) -> None:
        self._stopping.set()
        for child in list(self._children):
            _kill(child)

    def _work(self, task: Task, server: str) -> None:
        """One process after the other, each in a fresh place, until every trial of the task is told."""
        first, end, in_a_row = task.first, task.first + task.count, 0
        while first < end and in_a_row < MOST_IN_A_ROW and not self._stopping.is_set():
            with place(task, first, server) as (url, folder):
                told = 0
                for line in self._child(task, first, end - first, url, folder):
                    last = end if line["skipped"] else first + told + 1
                    for number in range(first + told, last):
                        self._done.put(self._record(task, number, line))
                    told = last - first
                    in_a_row = in_a_row + 1 if line["failed"] else 0
                first += told

    def _record(self, task: Task, number: int, line: dict[str, Any]) -> Record:
        return Record(fault=task.fault.name, database=task.database, trial=number, seed=task.seed, program=self.program, **line)

    def _child(self, task: Task, first: int, count: int, url: str, folder: Path) -> Iterator[dict[str, Any]]:
        """What a process tells of its trials; a process that ends or is late before it has told them all has failed the next one."""
        ours, theirs = os.pipe()
        given = {"file": str(task.fault.file), "url": url, "folder": str(folder), "seed": task.seed, "first": first, "count": count}
        with (
            (self.logs / f"{task.fault.name}-{task.database}-{task.first}.log").open("ab") as log,
            os.fdopen(ours, "rb", buffering=0) as pipe,
        ):
            child = _started(given | {"pipe": theirs}, log)
            self._children.add(child)
            try:
                yield from _told(child, pipe, count, task.fault.limit, self._stopping)
            finally:
                _kill(child)
                self._children.discard(child)


def _started(given: dict[str, Any], log: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.faults.trial", json.dumps(given)]
    quick = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"} | os.environ | {"TMPDIR": str(Path(given["folder"]).with_name(TEMPORARY))}
    child = subprocess.Popen(
        command, cwd=HERE.parents[1], env=quick, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        pass_fds=(given["pipe"],), start_new_session=True,
    )  # fmt: skip
    os.close(given["pipe"])
    return child


def _told(child: subprocess.Popen[bytes], pipe: Any, count: int, limit: float, stopping: threading.Event) -> Iterator[dict[str, Any]]:
    told, allowed = 0, limit * SETTING_UP
    while told < count:
        if not select.select([pipe], [], [], allowed)[0]:
            _kill(child)
            yield _failed(f"not done after {allowed:g} seconds", allowed)
            return
        line = pipe.readline()
        if not line.endswith(b"\n"):
            if not stopping.is_set():
                yield _failed(f"its process ended with status {child.wait()}", 0)
            return
        found = json.loads(line)
        yield found
        if found["failed"] or found["skipped"]:
            return
        told, allowed = told + 1, limit


def _failed(message: str, seconds: float) -> dict[str, Any]:
    return {"figures": {}, "seconds": seconds, "failed": message, "skipped": ""}


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a process and all it started in its session."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextmanager
def place(task: Task, first: int, server: str) -> Iterator[tuple[str, Path]]:
    """A fresh database's URL and an empty folder, both gone afterwards."""
    top = Path(tempfile.mkdtemp(prefix=f"trueorder-{task.fault.name}-"))
    top.chmod(0o755)  # the PostgreSQL server may be another user
    (folder := top / "folder").mkdir()
    (top / TEMPORARY).mkdir()
    try:
        if task.database == "postgresql":
            with servers.made(server, f"{task.fault.name.lower()}_{threading.get_ident()}_{first}") as url:
                yield url, folder
        else:
            yield (f"sqlite:///{top / 'city.db'}" if task.database == "sqlite" else ""), folder
    finally:
        _unmount(top)
        shutil.rmtree(top, ignore_errors=True)


def _unmount(top: Path) -> None:
    """Take away the disks that a trial left which was killed."""
    mounts = Path("/proc/mounts")
    held = [line.split()[1] for line in mounts.read_text().splitlines()] if mounts.exists() else []
    for mount in held:
        if Path(mount).is_relative_to(top):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
