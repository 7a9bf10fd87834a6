"""F12: a process of the forecasts killed, or the night that works with several of them."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ordering import tables
from tests.faults.nights import City, kill

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F12", "a worker, or the process that has it, killed: same hash as one process"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 60, 2
SEVERAL = {"nightly": {"workers": 2}}
SPREAD = 3.0
"""Seconds, counted from the first worker's start, over which the blows fall."""


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Even trials kill one worker in the middle; odd ones kill the night, start it once more, and see that no worker is left behind."""
    city = City.made(place, forecast={"origins": 2})
    alone = city.night()
    left = city.tables_hash()
    for number in range(first, first + count):
        city.forget()
        chance, night = random.Random(place.seed * 1_000_003 + number), city.begin(**SEVERAL)
        workers = _workers(night)
        time.sleep(chance.uniform(0, SPREAD if count > SHORT else 0.5))
        if number % 2:
            kill(night)
            assert _gone(workers), "workers outlive their night"
            said = city.night(**SEVERAL)
        else:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
            said = city.ended(night)
        assert said["hash"] == alone["hash"]
        assert city.tables_hash() == left
        yield {"told": float(_told(city)), "workers": float(len(workers))}


def _workers(night: ForkServerProcess) -> list[int]:
    """The processes of a night's forecasts, as soon as there is one; none where the night was over before."""
    while night.is_alive():
        with suppress(OSError):
            children = Path(f"/proc/{night.pid}/task").glob("*/children")
            found = [int(word) for one in children for word in one.read_text().split()]
            workers = [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
            if workers:
                return workers
        time.sleep(0.002)
    raise AssertionError("the night ended before it had a worker")


def _gone(processes: list[int]) -> bool:
    """True once none of the processes is at work any more, within ten seconds."""
    for _ in range(500):
        if not any(Path(f"/proc/{one}").exists() and b"spawn_main" in _command(one) for one in processes):
            return True
        time.sleep(0.02)
    return False


def _command(process: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def _told(city: City) -> int:
    """How many lines of the log tell of a killed worker."""
    rows = city.db.rows(sa.select(tables.run_log.c.words))
    return sum("worker process was killed" in row["words"] for row in rows)
