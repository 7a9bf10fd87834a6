"""`python -m tests.faults`: try every fault of the list on every database, and print one table.

Status 1 where anything failed or is missing. What was tried is kept in a folder; a run that was broken off goes on where it was.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tests import compiling
from tests.faults import harness, records, runner, table

STATE = Path(".faults")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 200)

Only = Annotated[str, typer.Option(help="These faults alone: F4,F6.")]
Trials = Annotated[str, typer.Option(help="So many trials of each fault on each database.")]
Share = Annotated[str, typer.Option(help="That share of the full number of trials: 0.1. TRUEORDER_FAULTS says either.")]
Folder = Annotated[Path, typer.Option(help="Where results, logs and state are kept.")]


@app.command()
def main(
    only: Only = "",
    trials: Trials = "",
    share: Share = "",
    state: Folder = STATE,
    workers: Annotated[int, typer.Option(help="Trials at once, each in its own process.")] = max(1, (os.cpu_count() or 2) // 2),
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 2026,
    fresh: Annotated[bool, typer.Option(help="Forget what was tried before.")] = False,
    background: Annotated[bool, typer.Option(help="Run on after this command has ended.")] = False,
    status: Annotated[bool, typer.Option(help="Print the table so far, run nothing.")] = False,
    repeat: Annotated[str, typer.Option(help="Run one trial again, F4:sqlite:137, or all that failed: failed.")] = "",
    modules: Annotated[Path, typer.Option(hidden=True)] = harness.HERE,
) -> None:
    """Try every fault of the list."""
    faults = harness.found(modules)
    wanted = _wanted(faults, only, trials or (share and str(float(share))) or None)
    if status:
        raise typer.Exit(_report(faults, wanted, records.read(state), running=_is_running(state)))
    if background:
        _detach(state)
        return
    with _alone(state):
        kept = records.opened(state, fresh=fresh)
        todo = _again(faults, kept, repeat) if repeat else _todo(faults, wanted, kept, seed, workers)
        _run(todo, kept, state, workers)
        shown = wanted if not repeat else {task.fault.name: wanted.get(task.fault.name, 0) for task in todo}
        status_code = _repeated(todo, kept) if repeat else _report(faults, shown, kept, running=False)
    raise typer.Exit(status_code)


def _wanted(faults: dict[str, harness.Fault], only: str, asked: str | None) -> dict[str, int]:
    """How many trials of each fault; 0 where there is no module."""
    names = [name.strip().upper() for name in only.split(",")] if only else list(harness.ALL)
    if unknown := [name for name in names if name not in harness.ALL]:
        raise typer.BadParameter(f"there is no fault {', '.join(unknown)}; there are {harness.ALL[0]} to {harness.ALL[-1]}")
    return {name: harness.count_of(faults[name].full, faults[name].full, asked) if name in faults else 0 for name in names}


def _todo(faults: dict[str, harness.Fault], wanted: dict[str, int], kept: records.Records, seed: int, workers: int) -> list[runner.Task]:
    pairs = [(faults[name], database) for name in wanted if name in faults for database in faults[name].databases]
    return [
        task
        for fault, database in pairs
        for task in runner.tasks(fault, database, kept.left(fault.name, database, wanted[fault.name]), seed, workers)
    ]


def _again(faults: dict[str, harness.Fault], kept: records.Records, repeat: str) -> list[runner.Task]:
    """The trials to repeat, with the seeds they had."""
    if repeat == "failed":
        return [runner.Task(faults[one.fault], one.database, one.trial, 1, one.seed) for one in kept.failures()]
    name, database, number = repeat.split(":")
    seeds = [one.seed for one in kept.of(name, database) if one.trial == int(number)]
    return [runner.Task(faults[name], database, int(number), 1, seeds[0] if seeds else 2026)]


def _run(todo: list[runner.Task], kept: records.Records, state: Path, workers: int) -> None:
    (logs := state / "logs").mkdir(exist_ok=True)
    compiling.run_where_cold()
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[tuple[str, str], TaskID] = {}
        for task in todo:
            key = (task.fault.name, task.database)
            tasks.setdefault(key, bars.add_task(f"{key[0]} {key[1]}", total=0) if key not in tasks else tasks[key])
            bars.update(tasks[key], total=(bars.tasks[tasks[key]].total or 0) + task.count)

        def each(record: records.Record) -> None:
            bars.advance(tasks[record.fault, record.database])
            if record.failed:
                bars.console.print(f"{record.name} failed: {record.failed}", markup=False)

        runner.Runner(kept, logs, workers=workers, program=records.program()).run(todo, each)


def _report(faults: dict[str, harness.Fault], wanted: dict[str, int], kept: records.Records, *, running: bool) -> int:
    """Print the table, what failed and how to run it again; the exit status."""
    found = table.rows(faults, wanted, kept)
    table.show(console, found, records.program())
    failed = [record for record in kept.failures() if record.fault in wanted]
    for record in failed[:100]:
        console.print(f"{record.name} (seed {record.seed}): {record.failed}", markup=False)
    if failed:
        console.print(f"{len(failed):,} failed. Again: make faults FAULTS='--repeat {failed[0].name}'", markup=False)
    if running:
        console.print("a run is going on")
    return 0 if all(one.sound for one in found) else 1


def _repeated(todo: list[runner.Task], kept: records.Records) -> int:
    """What became of trials that were run again."""
    again = [kept.by_trial[task.fault.name, task.database, task.first] for task in todo]
    for record in again:
        console.print(f"{record.name}: {record.failed or record.skipped or 'passed'} {record.figures}", markup=False)
    return 1 if any(record.failed for record in again) else 0


def _detach(state: Path) -> None:
    """The same command without --background, in a session of its own."""
    if _is_running(state):
        raise typer.BadParameter(f"a run is going on in {state}; --status shows it")
    state.mkdir(parents=True, exist_ok=True)
    words = [word for word in sys.argv[1:] if word != "--background"]
    with (state / "log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    console.print(f"started as process {child.pid}; its log is {state / 'log'}; `make faults FAULTS=--status` shows the table so far")


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """No second run in the folder; a run that is told to end takes its processes with it."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a") as lock:
        if not _taken(lock):
            raise typer.BadParameter(f"a run is going on in {state}; --status shows it")
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_running(state: Path) -> bool:
    if not (state / "lock").exists():
        return False
    with (state / "lock").open("a") as lock:
        return not _taken(lock)


if __name__ == "__main__":
    app()
