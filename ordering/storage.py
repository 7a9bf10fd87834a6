"""Writing where a disk may be full or a folder read-only: files are made beside and then put in their place, and what is wrong is told
in words that name the place and the remedy.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ordering.errors import DatabaseError, TrueOrderError

ROOM = "the disk is full; free space on it, then do it again"
RIGHT = "may not be written; give this user the right to write there, or see why the disk is read-only, then do it again"
EITHER = "see that the disk has free space and may be written, then do it again"
ERRNOS = {errno.ENOSPC: ROOM, errno.EDQUOT: ROOM, errno.EFBIG: ROOM, errno.EROFS: RIGHT, errno.EACCES: RIGHT, errno.EPERM: RIGHT}
SQLITE = {sqlite3.SQLITE_FULL: ROOM, sqlite3.SQLITE_READONLY: RIGHT, sqlite3.SQLITE_IOERR: EITHER, sqlite3.SQLITE_CANTOPEN: EITHER}
SQLITE_WORDS = {
    "disk is full": ROOM, "readonly database": RIGHT, "disk I/O error": EITHER, "unable to open database": EITHER,
}  # fmt: skip
POSTGRESQL = {"53100": ROOM, "58030": EITHER, "25006": RIGHT}
"""SQLSTATE of disk_full, io_error and read_only_sql_transaction."""


class StorageError(DatabaseError):
    """A disk is full or may not be written; nothing was stored."""


def database_error(place: str, error: BaseException) -> StorageError | None:
    """What is wrong with the disk of a database (`place` names it), by a driver's or the system's error; None: something else is."""
    remedy = _remedy(error)
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return StorageError(f"{place}: nothing was stored ({said}): {remedy}") if remedy else None


def _remedy(error: BaseException) -> str:
    if isinstance(error, OSError):
        return ERRNOS.get(error.errno or 0, "")
    if isinstance(error, sqlite3.Error) and (code := getattr(error, "sqlite_errorcode", None)) is not None:
        return SQLITE.get(code & 0xFF, "")
    if state := getattr(error, "sqlstate", None):
        return POSTGRESQL.get(state, "")
    return next((remedy for words, remedy in SQLITE_WORDS.items() if words in str(error)), "")


@contextmanager
def telling(place: str) -> Iterator[None]:
    """Errors of a disk come out of the block in words; all others as they are."""
    try:
        yield
    except TrueOrderError:
        raise
    except Exception as error:
        told = database_error(place, error)
        if told is None:
            raise
        raise told from error


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A hidden file to fill beside `file`, whose folder is made; it takes the place of `file` when the block ends well, and goes if not."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        with suppress(OSError):  # of a folder that was never written, or can no longer be
            unfinished.unlink(missing_ok=True)


@contextmanager
def adding(*folders: Path) -> Iterator[list[Path]]:
    """A folder to fill inside each of `folders`, hidden; its files move up when the block ends well. If not, all is as it was."""
    with ExitStack() as stack:
        unfinished = [stack.enter_context(_added(folder)) for folder in folders]
        yield unfinished
        for folder, filled in zip(folders, unfinished, strict=True):
            for file in sorted(filled.iterdir()):
                file.replace(folder / file.name)


@contextmanager
def _added(folder: Path) -> Iterator[Path]:
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    unfinished = folder / ".unfinished"
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        for parent in made:
            with suppress(OSError):  # it holds something: all went well
                parent.rmdir()


def file_error(place: Path, error: Exception, what: str = "") -> TrueOrderError:
    """What is told of a file or folder that cannot be written; `what`: "the report "."""
    why = getattr(error, "strerror", None) or error
    return TrueOrderError(f"{place}: {what}cannot be written ({why}); free space or choose another place")
