"""Files are replaced whole or not at all, and a disk that is full is told in words."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import output
from ordering import database, storage, tables
from ordering.database import audit
from ordering.errors import TrueOrderError
from tests.faults.small_disk import Disk

NEED = 400_000


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    made = Disk(tmp_path_factory.mktemp("disk") / "small")
    yield made
    made.close()


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@given(left=st.integers(0, 2 * NEED), before=st.sampled_from([b"", b"old" * 9]))
@settings(max_examples=50, deadline=None)
def test_a_file_is_the_new_one_or_the_old_one(disk: Disk, left: int, before: bytes) -> None:
    file = disk.folder / "a" / "file"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(before)
    with disk.full(left):
        try:
            with storage.replacing(file) as unfinished:
                unfinished.write_bytes(b"x" * NEED)
            expected = b"x" * NEED
        except OSError:
            expected = before
    assert (file.read_bytes(), names(file.parent)) == (expected, ["file"])


def test_without_care_a_full_disk_leaves_half_a_file(disk: Disk) -> None:
    file = disk.folder / "careless"
    with disk.full(NEED // 2), pytest.raises(OSError, match=r"No space left|File too large"):
        file.write_bytes(b"x" * NEED)
    assert 0 < file.stat().st_size < NEED


@given(left=st.integers(0, 3 * NEED))
@settings(max_examples=50, deadline=None)
def test_folders_get_all_their_files_or_none(disk: Disk, left: int) -> None:
    places = (disk.folder / "deep" / "city", disk.folder / "truth")
    done = True
    with disk.full(left):
        try:
            with storage.adding(*places) as unfinished:
                for folder in unfinished:
                    (folder / "file").write_bytes(b"x" * NEED)
        except OSError:
            done = False
    assert [names(place) for place in places if place.exists()] == ([["file"], ["file"]] if done else [])
    for place in places if done else ():
        (place / "file").unlink()
        place.rmdir()


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("left", [0, 30_000])
def test_an_export_without_room_keeps_the_old_file_and_says_what_to_do(disk: Disk, ending: str, left: int) -> None:
    (folder := disk.folder / "out").mkdir(exist_ok=True)
    file = folder / f"rows{ending}"
    file.write_bytes(b"old")
    rows = pd.DataFrame({"a": [f"{number * 7919 % 1_000_003:x}" for number in range(20_000)]})
    with disk.full(left), pytest.raises(TrueOrderError, match=r"rows\.\w+: cannot be written \(.+\); free space or choose another place"):
        output.write([rows], ["a"], file)
    assert (file.read_bytes(), names(folder)) == (b"old", [file.name])
    assert output.write([rows], ["a"], file) == len(rows)
    file.unlink()


def much(db: database.Database) -> None:
    """A transaction of a megabyte."""
    with db.writing() as tx:
        for number in range(1_000):
            audit.record(tx, action="a", subject=str(number), detail="x" * 1_000, by="p", at=datetime(2026, 3, 2))


def test_a_database_without_room_is_named_and_goes_on_in_the_same_process(disk: Disk) -> None:
    db = database.connect(f"sqlite:///{disk.folder / 'city.db'}")
    database.migrate(db)
    with disk.full(0), pytest.raises(storage.StorageError, match=r"city\.db: nothing was stored \(.+\): .*free space"):
        much(db)
    assert db.rows(sa.select(tables.audit)) == []
    much(db)
    assert len(db.rows(sa.select(tables.audit))) == 1_000
    db.engine.dispose()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), storage.ROOM),
        (OSError(errno.EROFS, "Read-only file system"), storage.RIGHT),
        (OSError(errno.ENOENT, "No such file or directory"), ""),
        (sqlite3.OperationalError("database or disk is full"), storage.ROOM),
        (sqlite3.OperationalError("no such table: runs"), ""),
        (ValueError("x"), ""),
    ],
)
def test_only_faults_of_a_disk_are_told_as_such(error: Exception, remedy: str) -> None:
    told = storage.database_error("database x", error)
    assert (str(told) if told else "").endswith(remedy)
    assert (told is None) == (remedy == "")
