"""Closed weeks as Parquet files, derived from the database: read many times faster than its rows, and rebuilt from it at will.

One file a week, named by the week and the version that the database gives it (`order_weeks`), a random number. A file of another
version is stale: it is not read, and goes when the week is written anew. The database is the truth; to lose the folder loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ordering import storage

Fetch = Callable[[date], Any]
"""Gives the lines of one whole week as an Arrow table."""


def folder_for(url: sa.URL, configured: str) -> Path:
    """Where the history lies: the configured folder, else beside the SQLite file, else in the working folder, by server and name."""
    if configured:
        return Path(configured)
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).with_suffix("").with_name(Path(str(url.database)).stem + "-history")
    return Path("trueorder-history") / f"{url.host or 'local'}-{url.database}"


def file_of(folder: Path, week: date, version: int) -> Path:
    """The file of a week at a version."""
    return folder / f"{week:%Y-%m-%d}.v{version}.parquet"


def read(folder: Path, weeks: Sequence[tuple[date, int]], fetch: Fetch) -> tuple[Any, list[str]]:
    """The lines of `weeks` (Monday, version), in that order, as one Arrow table; and what went wrong with the folder, in words.

    A week without a file of its version is fetched and its file written; where that fails (disk full, folder read-only) the night
    goes on from the database alone.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts, troubles = [], []
    for week, version in weeks:
        file = file_of(folder, week, version)
        try:
            parts.append(pq.read_table(file, read_dictionary=["retailer_id", "brand_id", "mode"]))
        except (OSError, pa.ArrowInvalid):
            rows = fetch(week)
            parts.append(rows)
            try:
                write(folder, week, version, rows)
            except OSError as error:
                troubles.append(f"{file}: not written ({error.strerror}); the week was read from the database")
    return parts, troubles


def write(folder: Path, week: date, version: int, rows: Any) -> None:
    """Write the file of a week whole or not at all, and take away those of its other versions."""
    import pyarrow.parquet as pq

    target = file_of(folder, week, version)
    with storage.replacing(target) as unfinished:
        pq.write_table(rows, unfinished, compression="zstd", compression_level=1)
    for other in folder.glob(f"{week:%Y-%m-%d}.v*.parquet"):
        if other != target:
            other.unlink(missing_ok=True)


def rebuild(folder: Path, weeks: Sequence[tuple[date, int]], fetch: Fetch, progress: Callable[[str, int, int], None]) -> int:
    """Write every file anew from the database and take away what belongs to no week; gives the number of files.

    Raises TrueOrderError where the folder cannot be written; what was written by then is sound, and nights read the rest from the database.
    """
    for done, (week, version) in enumerate(weeks):
        progress("history", done, len(weeks))
        try:
            write(folder, week, version, fetch(week))
        except OSError as error:
            raise storage.file_error(folder, error) from error
    wanted = {file_of(folder, week, version) for week, version in weeks}
    for other in folder.glob("*.parquet"):
        if other not in wanted:
            other.unlink()
    progress("history", len(weeks), len(weeks))
    return len(weeks)
