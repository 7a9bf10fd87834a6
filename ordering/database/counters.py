"""What stands between the ordering desk and every other writer: the lock of a week, counters of what it gave, the version of the city.

A lock is of order weeks: whoever writes lines of a week holds its row in `order_weeks` until it commits, and those of the other weeks of
its month, for quotas are of months. The city's row is locked first, then weeks in their order, then lines, so that nobody waits in a
circle. SQLite has one writer at a time anyhow.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ordering import tables
from ordering.database.bulk import Reader
from ordering.database.connection import Database
from ordering.errors import StateError
from ordering.model import ALL

WEEKS, GIVEN, CITY, LINES = tables.order_weeks, tables.week_given, tables.city_version, tables.order_lines


SPAN = sa.select(WEEKS.c.week, WEEKS.c.version).where(WEEKS.c.week.between(sa.bindparam("first"), sa.bindparam("last")))
SPAN = SPAN.order_by(WEEKS.c.week)
LOCKED = SPAN.with_for_update()
OF_WEEK = sa.select(GIVEN.c.brand_id, GIVEN.c.given).where(GIVEN.c.week == sa.bindparam("of"))


def of_one(name: str) -> sa.Select[Any]:
    """What a week (:of) gave of the brand of a parameter."""
    return sa.select(GIVEN.c.given).where(GIVEN.c.week == sa.bindparam("of"), GIVEN.c.brand_id == sa.bindparam(name))


VERSION = sa.select(CITY.c.version).where(CITY.c.id == 1)
HELD = VERSION.with_for_update(read=True)
MORE = GIVEN.update().where(GIVEN.c.week == sa.bindparam("of"), GIVEN.c.brand_id == sa.bindparam("brand"))
MORE = MORE.values(given=GIVEN.c.given + sa.bindparam("more"))
RENEWED = WEEKS.update().where(WEEKS.c.week == sa.bindparam("of")).values(version=sa.bindparam("new"))
"""Statements of every order, made once: to make one takes as long as to run it."""


class ChangedError(StateError):
    """Lines were written since they were read: what was decided on them must be decided again."""

    def __init__(self) -> None:
        super().__init__("lines of the same weeks were written meanwhile, again and again; nothing was written: try again")


def lock(tx: sa.Connection, weeks: Iterable[date]) -> dict[date, int]:
    """Nobody else writes lines of these weeks, or of others of their months, until the transaction ends; gives the versions of all."""
    first, last = months(weeks)
    return {row.week: row.version for row in tx.execute(LOCKED, {"first": first, "last": last})}


def seen(db: Database, weeks: Iterable[date]) -> dict[date, int]:
    """The same without a lock: to be noted before lines are read."""
    first, last = months(weeks)
    with db.engine.connect().execution_options(reading=True) as connection:
        return {row.week: row.version for row in connection.execute(SPAN, {"first": first, "last": last})}


def months(weeks: Iterable[date]) -> tuple[date, date]:
    """From the first of the first month to the end of the last: every Monday between counts towards the same quotas."""
    known = sorted(weeks)
    return known[0].replace(day=1), known[-1].replace(day=28).replace(day=min(31, _last_day(known[-1])))


def _last_day(day: date) -> int:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return (following - day.replace(day=1)).days


def open_week(tx: sa.Connection, week: date) -> None:
    """A row for a week that has no lines yet, so that it can be locked."""
    _insert(tx, WEEKS, [{"week": week, "version": secrets.randbits(62)}])


def _insert(tx: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Rows whose key is not there yet."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    tx.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def renew_versions(tx: sa.Connection, weeks: Iterable[date], given: Mapping[tuple[date, str], int] | None = None) -> None:
    """Give weeks whose lines were written a new version, so that their Parquet files count as stale, and what was decided on them too.

    A version is drawn at random: a history left over from another database holds none of this one's. `given`: by how many cartons what
    the week gave of each brand changed; where it is not said, the week is counted anew when somebody asks.
    """
    for week in sorted(weeks):
        version = secrets.randbits(62)
        if not tx.execute(RENEWED, {"of": week, "new": version}).rowcount:
            tx.execute(WEEKS.insert().values(week=week, version=version))
        if given is None:
            tx.execute(GIVEN.delete().where(GIVEN.c.week == week))
        changed = {brand_id: cartons for (of, brand_id), cartons in sorted((given or {}).items()) if of == week and cartons}
        if changed:
            _add(tx, week, changed)


def _add(tx: sa.Connection, week: date, changed: Mapping[str, int]) -> None:
    """So many more of each brand, and over all, where the week is counted."""
    if not tx.execute(MORE, {"of": week, "brand": ALL, "more": sum(changed.values())}).rowcount:
        return
    _insert(tx, GIVEN, [{"week": week, "brand_id": brand_id, "given": 0} for brand_id in changed])
    tx.execute(MORE, [{"of": week, "brand": brand_id, "more": cartons} for brand_id, cartons in changed.items()])


def given(tx: sa.Connection, week: date) -> dict[str, int] | None:
    """Cartons that a week gave of each brand, and over all (""); a brand that is not there: none.

    None where the week is not counted since lines of it were written.
    """
    found = {row.brand_id: int(row.given) for row in tx.execute(OF_WEEK, {"of": week})}
    if found:
        return found
    written = tx.execute(sa.select(WEEKS.c.week).where(WEEKS.c.week == week)).first()
    return None if written else {}


def count(tx: sa.Connection, week: date) -> None:
    """Count what a week gave, in a transaction that holds its lock."""
    if given(tx, week):
        return
    cartons = sa.func.sum(sa.func.coalesce(LINES.c.allocated, 0))
    rows = [tuple(row) for row in tx.execute(sa.select(LINES.c.brand_id, cartons).where(LINES.c.week == week).group_by(LINES.c.brand_id))]
    every = [(ALL, sum(int(cartons) for _, cartons in rows)), *rows]
    tx.execute(GIVEN.insert(), [{"week": week, "brand_id": brand_id, "given": int(cartons)} for brand_id, cartons in every])


def hold_city(tx: sa.Connection) -> None:
    """Nobody else changes, until the transaction ends, of what quotes are made: for a transaction that will, and writes lines before."""
    tx.execute(VERSION.with_for_update())


def renew_city(tx: sa.Connection) -> None:
    """Say that something changed of which quotes are made. A transaction that writes lines as well holds the city before any of them."""
    tx.execute(CITY.update().where(CITY.c.id == 1).values(version=CITY.c.version + 1))


def city(tx: sa.Connection, *, hold: bool = False) -> int:
    """The version of the city; `hold`: it stays until the transaction ends."""
    return int(tx.execute(HELD if hold else VERSION).scalar_one())


def city_of(reader: Reader) -> int:
    """The version of the city in the moment that a reader sees."""
    import pyarrow as pa

    return int(reader.fetch(VERSION, {"version": pa.int64()})["version"][0].as_py())


def city_now(db: Database) -> int:
    """The version of the city at this moment."""
    with db.engine.connect().execution_options(reading=True) as connection:
        return city(connection)
