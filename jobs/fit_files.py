"""A week's fit as one file beside the Parquet history.

Derived like the history: the database says which file holds what (by its hash), and where the file is lost the fit is made anew.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from jobs import kept_files

T = TypeVar("T")
KEPT_WEEKS = 3
"""Weeks whose fits are kept: nights of the present week read them, and some that are run once more."""


def file_of(folder: Path, week: date, fit_hash: str) -> Path:
    """The file of a fit."""
    return folder / "fits" / f"{week:%Y-%m-%d}.{fit_hash[:24]}.zip"


def write(folder: Path, week: date, fit_hash: str, fit: Any) -> str:
    """Write a fit whole or not at all, and take away those of weeks long past; gives the hash of the file.

    `fit` is what `kept_files` can hold. Raises OSError where the folder cannot be written.
    """
    target = file_of(folder, week, fit_hash)
    content = kept_files.write(target, fit)
    for other in target.parent.glob("*.zip"):
        if other.name[:10] < f"{week - timedelta(weeks=KEPT_WEEKS):%Y-%m-%d}":
            other.unlink(missing_ok=True)
    return content


def read(folder: Path, week: date, fit_hash: str, content_hash: str, of: type[T]) -> T | None:
    """The fit as it was written, a dataclass `of`; None where its file is not there or is another."""
    found = kept_files.read(file_of(folder, week, fit_hash), content_hash)
    return found if isinstance(found, of) else None
