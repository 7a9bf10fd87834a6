"""What is known of the trials: one line of JSON each in a file that only grows, so a run broken off anywhere can go on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from tests.faults.harness import HERE

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Record:
    """A trial that was run; `failed` is its message, `program` the version that was tried."""

    fault: str
    database: str
    trial: int
    seed: int
    figures: dict[str, float]
    seconds: float
    program: str
    failed: str = ""
    skipped: str = ""

    @property
    def name(self) -> str:
        """As `--repeat` takes it."""
        return f"{self.fault}:{self.database}:{self.trial}"


@dataclass
class Records:
    """The newest record of each trial, and the file they are appended to."""

    file: Path
    by_trial: dict[Key, Record]

    def add(self, record: Record) -> None:
        """Keep a record: in one write, so that a line is there whole or is the last and has no end."""
        with self.file.open("ab") as out:
            out.write(json.dumps(asdict(record), ensure_ascii=False).encode() + b"\n")
        self.by_trial[record.fault, record.database, record.trial] = record

    def of(self, fault: str, database: str) -> list[Record]:
        """The records of a fault on a database, by number."""
        return [record for key, record in sorted(self.by_trial.items()) if key[:2] == (fault, database)]

    def left(self, fault: str, database: str, count: int) -> list[int]:
        """The numbers below `count` that are not recorded yet."""
        return [number for number in range(count) if (fault, database, number) not in self.by_trial]

    def failures(self) -> list[Record]:
        """The trials that failed when they were run last."""
        return [record for record in self.by_trial.values() if record.failed]


def opened(folder: Path, *, fresh: bool = False) -> Records:
    """What the folder holds; a line that a broken-off run left without its end is cut away."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "trials.jsonl"
    if fresh:
        file.unlink(missing_ok=True)
    whole = b"" if not file.exists() else file.read_bytes()
    kept = whole[: whole.rfind(b"\n") + 1]
    if len(kept) < len(whole):
        os.truncate(file, len(kept))
    return Records(file, _newest(Record(**json.loads(line)) for line in kept.splitlines()))


def read(folder: Path) -> Records:
    """What the folder holds now, while a run may be writing."""
    file = folder / "trials.jsonl"
    whole = file.read_bytes() if file.exists() else b""
    return Records(file, _newest(Record(**json.loads(line)) for line in whole[: whole.rfind(b"\n") + 1].splitlines()))


def _newest(records: Iterable[Record]) -> dict[Key, Record]:
    return {(record.fault, record.database, record.trial): record for record in records}


def program() -> str:
    """The version of the program: its number, the commit, and + where files differ from it."""
    says = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=HERE, capture_output=True, text=True, check=False)
    number = version("trueorder")
    return f"{number} {says.stdout.strip()}" if says.returncode == 0 else number
