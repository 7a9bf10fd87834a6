"""Loading a city folder: what the database holds is read, the folder is checked against it, and all of it is merged or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from jobs.runs import Progress
from ordering import database, history, importing
from ordering.settings import Settings

Beside = Callable[[tuple[str, ...], Any, Mapping[str, database.Stored]], None]
"""Given what the reader noticed, the transaction, and what became of each table."""


@dataclass(frozen=True)
class Loaded:
    """What an import did, by table, and what the reader noticed."""

    tables: Mapping[str, database.Stored]
    notes: tuple[str, ...]


def load(
    db: database.Database,
    folder: Path,
    settings: Settings,
    *,
    mapping: Path | None,
    by: str,
    at: datetime,
    progress: Progress,
    whole_lines: bool = False,
    beside: Beside | None = None,
) -> Loaded:
    """Check a city folder and merge it into the database. Raises ImportRefusedError with every fault; the database is as it was.

    `whole_lines`: refuse a csv file whose last line has no line end; `beside`: what else is written in the same transaction.
    """
    checked = importing.read_folder(folder, _stored(db), settings.importing, mapping=mapping, progress=progress, whole_lines=whole_lines)
    progress("storing", 0, 0)
    wanted = None if beside is None else partial(beside, checked.notes)
    counts = database.store(db, checked.tables, folder=str(folder), by=by, at=at, beside=wanted)
    return Loaded(counts, checked.notes)


@database.repeated
def _stored(db: database.Database) -> importing.Stored:
    with db.reading() as reader:
        retailers, brands = (database.read_table(reader, name) for name in ("retailers", "brands"))
        strategy = database.read_table(reader, "release_strategy")
        weeks = pd.DatetimeIndex([week for week, _ in database.known_weeks(reader, date.min)])
    return importing.Stored(retailers, brands, weeks, strategy)


@database.repeated
def rebuild_history(db: database.Database, folder: Path, progress: Progress) -> int:
    """Write the Parquet history anew from the database; gives the number of weeks."""
    with db.reading() as reader:

        def fetch(week: date) -> Any:
            return database.read_lines(reader, week, week + timedelta(days=6))

        return history.rebuild(folder, database.known_weeks(reader, date.min), fetch, progress)
