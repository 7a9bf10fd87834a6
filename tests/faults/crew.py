"""A crew of processes for the faults of the scheduler: each does, at the same moment as the others, what it is told by a line of JSON.

A light job stands for the night: it is begun and ended in `runs` under its lease, and waits in between for a file of its number, so that
a trial decides what happens meanwhile.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from jobs import leasing, scheduled, scheduler
from jobs.leasing import HeldError
from jobs.scheduled import Did, Job, Watch
from jobs.scheduler import Scheduler
from ordering import database, settings, tables
from ordering.database import leases
from ordering.database import runs as runlog

ROOT = Path(__file__).resolve().parents[2]
FIRST = date(2026, 3, 2)
JOB = "trial"


@dataclass
class Member:
    """One process of the crew."""

    process: subprocess.Popen[str]

    def tell(self, **what: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"process {self.process.pid} ended"
        return dict(json.loads(line))


def member(url: str, folder: Path) -> Member:
    """A new process of the crew; its first answer says that it is ready."""
    command = [sys.executable, "-m", "tests.faults.crew", url, str(folder)]
    return Member(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))


def ready(one: Member) -> Member:
    """A process of the crew, when it is ready."""
    assert one.answer() == {"ready": one.process.pid}
    return one


@contextmanager
def crew(url: str, folder: Path, count: int) -> Iterator[list[Member]]:
    """So many processes, ready; none outlives the block, those that took the place of others neither."""
    members = [member(url, folder) for _ in range(count)]
    try:
        for one in members:
            ready(one)
        yield members
    finally:
        for one in members:
            one.process.kill()
            one.process.communicate()


def migrated(url: str) -> database.Database:
    """The database, with the schema and nothing else."""
    db = database.connect(url)
    database.migrate(db)
    return db


def day_of(trial: int) -> date:
    """The business date of a trial."""
    return FIRST + timedelta(days=trial)


def wait_for(file: Path, seconds: float = 120.0) -> None:
    """Until the file is there."""
    by = time.monotonic() + seconds
    while not file.exists():
        if time.monotonic() > by:
            raise TimeoutError(f"{file} did not come")
        time.sleep(0.01)


def act(db: database.Database, folder: Path, business_date: date, guard: leases.Guard) -> int:
    """A run of two guarded writes, and between them what the trial wants. A file `unguarded` takes the guards away."""
    guard = leases.unguarded if (folder / "unguarded").exists() else guard
    with db.writing() as tx:
        guard(tx)
        values = {
            "job": f"{JOB} {secrets.token_hex(4)}",
            "business_date": business_date,
            "status": "running",
            "version": str(os.getpid()),
            "detailed": False,
        }
        run_id = database.connection.new_id(tx, tables.runs, values | {"started_at": datetime(2026, 1, 1)})
    if (folder / "in-the-write").exists():
        with db.writing() as tx:
            _end(tx, run_id, guard)
            wait_for(folder / f"go-{business_date}")
    else:
        wait_for(folder / f"go-{business_date}")
        with db.writing() as tx:
            _end(tx, run_id, guard)
    return run_id


def _end(tx: Any, run_id: int, guard: leases.Guard) -> None:
    guard(tx)
    t = tables.runs
    tx.execute(t.update().where(t.c.run_id == run_id).values(status=runlog.DONE))


def job(folder: Path) -> Mapping[str, Job]:
    """The light job in the place of the night."""

    def run(db: database.Database, rules: Any, history: Path, business_date: date, watch: Watch) -> Did:
        assert watch.held
        return Did("well", act(db, folder, business_date, watch.held.guard))

    return {"nightly": Job("夜", run, every=True)}


def rules(**more: Any) -> settings.Settings:
    """The default settings, with nothing scheduled but the night."""
    found, never = settings.load(), dict.fromkeys(scheduled.JOBS, "")
    return found.model_copy(update={"schedule": found.schedule.model_copy(update=never | {"nightly": "01:30"} | more)})


class Serving:
    """What a process of the crew does."""

    def __init__(self, url: str, folder: Path) -> None:
        self.db, self.folder = database.connect(url), folder
        self.said: list[str] = []
        self.one: Scheduler | None = None
        self.background: Any = None

    def run(self, trial: int, at: float) -> dict[str, Any]:
        """The same run as the others, at the same moment."""
        time.sleep(max(0.0, at - time.time()))
        day = day_of(trial)
        try:
            with leasing.alone(self.db, leasing.NIGHT.format(day), 15.0, f"the night of {day}") as held:
                return {"run": act(self.db, self.folder, day, held.guard)}
        except HeldError as error:
            return {"told": str(error)}

    def tick(self, trial: int, at: float) -> dict[str, Any]:
        """One tick of a scheduler, at the same moment as the others, with the clock at the trial's night."""
        time.sleep(max(0.0, at - time.time()))
        present = datetime.combine(day_of(trial), datetime.min.time()) - timedelta(hours=6)
        self.one = self.one or Scheduler(self.db, rules(), self.folder, self.said.append, jobs=job(self.folder))
        self.one.clock = lambda: present
        self.one.tick()
        return {"leads": self.one.held is not None, "told": self.said[-1] if self.said else ""}

    def close(self) -> dict[str, Any]:
        """Give the lead back, and schedule no more."""
        if self.background is not None:
            self.background.shutdown()
            self.background = None
        if self.one is not None:
            self.one.close()
            self.one.waits_for = ""
        return {"closed": True}

    def schedule(self, lease: float, tick: float) -> dict[str, Any]:
        """A scheduler that goes on by itself; its clock stands at the night of the number in the file `night`."""
        from apscheduler.schedulers.background import BackgroundScheduler

        def clock() -> datetime:
            day = day_of(int((self.folder / "night").read_text()))
            return datetime.combine(day, datetime.min.time()) - timedelta(hours=6)

        short = rules(lease_seconds=lease, tick_seconds=tick, attempts=9)
        self.said.clear()
        self.one = Scheduler(self.db, short, self.folder, self.said.append, clock, job(self.folder))
        self.background = BackgroundScheduler(timezone="Asia/Shanghai")
        scheduler.schedule_ticks(self.background, self.one)
        self.background.start()
        return {"scheduled": True}

    def hear(self) -> dict[str, Any]:
        """What it has said since it was last asked."""
        said, self.said[:] = list(self.said), []
        return {"said": said}


def serve(url: str, folder: Path) -> None:
    """Answer line by line until the pipe is closed."""
    import logging

    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    serving = Serving(url, folder)
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = getattr(serving, asked.pop("do"))(**asked)
        except Exception as error:  # told by the trial that meets it
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
