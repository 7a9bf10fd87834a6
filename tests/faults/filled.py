"""A database in which every table holds something, and what each of its columns holds whatever the version of the schema."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from jobs import loading, nightly, publish, reviewing
from jobs.exports import Source
from jobs.runs import quiet
from ordering import database, sample, settings, tables
from ordering.database import runs as runlog
from ordering.model import Decision
from ordering.review import Filter

Columns = Mapping[str, tuple[int, Mapping[str, int]]]
"""Of each table the number of its rows, and of each of its columns a sum over the hashes of its values."""
LEFT_OUT = {"alembic_version", "cancelled_lines", "forgotten_retailers"}
"""A version cannot keep its number. The schema refuses to go down to where it would lose what was cancelled or whose data were deleted."""


def fill(db: database.Database, folder: Path) -> None:
    """A small city with a night, decisions and confirmed lines; tables that stay empty get made-up rows."""
    made = sample.write_city(folder / "city", retailers=16, brands=4, weeks=22, seed=3)
    rules = settings.load()
    one = {"nightly": rules.nightly.model_copy(update={"workers": 1}), "forecast": rules.forecast.model_copy(update={"origins": 1})}
    rules, at = rules.model_copy(update=one), datetime.combine(made.cutoff, datetime.min.time())
    database.migrate(db)
    loading.load(db, folder / "city", rules, mapping=None, by="tester", at=at, progress=quiet)
    history = folder / "filled-history"
    night = nightly.run(db, made.cutoff, rules, history=history, clock=at)
    run = runlog.by_id(db, night.run_id)
    assert run is not None
    reviewing.decide(Source(db, run, rules, history), Filter(state="open"), Decision.ACCEPTED, by="Li", clock=at)
    publish.publish(db, rules, history=history, clock=at + timedelta(days=8), by="Li", accept_limits="made up")
    for table in tables.metadata.sorted_tables:
        if table.name not in LEFT_OUT and not db.rows(sa.select(sa.literal(1).label("one")).select_from(table).limit(1)):
            _make_up(db, table)
    held = columns_of(db)
    empty = sorted(name for name, (count, _) in held.items() if not count)
    assert not empty, f"tables without a row: {empty}"


def _make_up(db: database.Database, table: sa.Table) -> None:
    """Three rows that differ in every column."""
    with db.writing() as tx:
        for n in (1, 2, 3):
            row = {column.name: _value(column, n) for column in table.columns}
            tx.execute(table.insert().values(row))


def _value(column: sa.Column[Any], n: int) -> Any:
    if column.nullable and n == 2:
        return None
    monday = date(2026, 3, 2) + timedelta(weeks=n)
    values: dict[type, Any] = {bool: n % 2 == 1, int: n, float: n + 0.5, date: monday, datetime: datetime(2026, 3, 2, n), bytes: bytes([n])}
    return values.get(column.type.python_type, f"{column.name}-{n}")


def columns_of(db: database.Database) -> Columns:
    """What every table of the database holds, read without knowing its schema."""
    found = {}
    with db.engine.connect().execution_options(reading=True) as connection:
        for name in sorted(set(sa.inspect(connection).get_table_names()) - LEFT_OUT):
            rows = connection.exec_driver_sql(f'SELECT * FROM "{name}"')
            names, count = list(rows.keys()), 0
            sums = dict.fromkeys(names, 0)
            for row in rows:
                count += 1
                for column, value in zip(names, row, strict=True):
                    sums[column] += int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest(), "big")
            found[name] = (count, sums)
    return found


def kept(before: Columns, after: Columns) -> list[str]:
    """Tables of both that have not the same number of rows, and columns of both that do not hold the same."""
    lost = [f"{name}: {before[name][0]} rows, then {after[name][0]}" for name in before.keys() & after if before[name][0] != after[name][0]]
    for name in before.keys() & after:
        old, new = before[name][1], after[name][1]
        lost += [f"{name}.{column}" for column in old.keys() & new if old[column] != new[column]]
    return sorted(lost)
