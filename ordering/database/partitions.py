"""Parts of large tables on PostgreSQL: order lines by week, large results by run. SQLite has none, and nothing is done there.

The parts lie in a schema of their own. A part that is filled for the first time gets its rows before its indexes, which takes half the
time, and is attached without a lock that readers feel. Beside the parts stands which week each order is of: a key across weeks that the
parts' own keys cannot keep (`schema.py` has both, and a trigger that fills it).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from ordering import tables
from ordering.database import losing

if TYPE_CHECKING:
    from ordering.database.connection import Database

SCHEMA = "internal"
LARGE = ("pair_estimates", "inflated", "suggestions", "substitutes", "allocation", "retailer_cells")
"""Results with a row for each pair, line or retailer and week."""
BY: Mapping[sa.Table, str] = {tables.order_lines: "week", **{tables.results[name]: "run_id" for name in LARGE}}
"""Tables that have parts, and the column of which each part holds one value."""
ORDERS = sa.Table("orders", sa.MetaData(schema=SCHEMA), sa.Column("order_id", sa.Text, primary_key=True), sa.Column("week", sa.Date))
"""The week of every order that has lines, or had some."""
WAIT = "2s"
"""How long the taking away of a part waits for readers; it is tried again with the next night."""

Value: TypeAlias = date | int


def has_parts(tx: sa.Connection, table: sa.Table) -> bool:
    """True where `table` is kept in parts in this database."""
    return tx.dialect.name == "postgresql" and table in BY


def part(table: sa.Table, value: Value) -> str:
    """The name of a part, as SQL."""
    text = f"{value:%Y%m%d}" if isinstance(value, date) else str(value)
    return f'{SCHEMA}."{table.name}_{text}"'


def prepare(tx: sa.Connection, table: sa.Table, values: Iterable[Value]) -> None:
    """Make the parts that are missing, empty, for rows that follow in the same transaction; others may do so at the same time."""
    for value in _missing(tx, table, set(values)):
        tx.exec_driver_sql(f"CREATE TABLE {part(table, value)} (LIKE public.{table.name} INCLUDING DEFAULTS)")
        _attach(tx, table, value)


def watch(engine: sa.Engine) -> None:
    """From now on every insertion of given rows makes the parts that it needs; one of what a query finds goes through `insert`."""

    @sa.event.listens_for(engine, "before_execute")
    def _prepare(tx: sa.Connection, statement: Any, rows: Any, row: Any, _options: Any) -> None:
        if isinstance(statement, sa.Insert) and statement.select is None and statement.table in BY:
            column = BY[statement.table]  # type: ignore[index]
            given = [one[column] for one in rows or [row] if column in one] or [statement.compile().params.get(column)]
            prepare(tx, statement.table, {value for value in given if value is not None})  # type: ignore[arg-type]


def insert(tx: sa.Connection, table: sa.Table, names: Collection[str], rows: sa.Select[Any], values: Iterable[Value]) -> int:
    """Insert `rows` (columns `names`), whose part column has some of `values`; gives their number. Parts that are missing are made and
    filled with them."""
    wanted = set(values) if has_parts(tx, table) else set()
    fresh = _missing(tx, table, wanted)
    added = _fill(tx, table, names, rows, fresh) if fresh else 0
    if wanted != set(fresh) or not wanted:
        column = rows.selected_columns[BY[table]] if fresh else None
        old = rows.where(column.not_in(fresh)) if column is not None else rows
        added += _insert(tx, table, names, old)
    return added


def _insert(tx: sa.Connection, into: Any, names: Collection[str], rows: sa.Select[Any]) -> int:
    statement = sa.insert(into).from_select(list(names), rows)
    return int(tx.execute(statement.execution_options(preserve_rowcount=True)).rowcount)


def _fill(tx: sa.Connection, table: sa.Table, names: Collection[str], rows: sa.Select[Any], fresh: list[Value]) -> int:
    """New parts with those of `rows` that belong to them: filled under a parent without keys, then attached to their own."""
    parent = sa.table(f"loading_{table.name}", *(sa.column(name) for name in names), schema=SCHEMA)
    tx.exec_driver_sql(f"CREATE TABLE {SCHEMA}.{parent.name} (LIKE public.{table.name} INCLUDING DEFAULTS) PARTITION BY LIST ({BY[table]})")
    for value in fresh:
        tx.exec_driver_sql(f"CREATE TABLE {part(table, value)} PARTITION OF {SCHEMA}.{parent.name} FOR VALUES IN ('{value}')")
    added = _insert(tx, parent, names, rows.where(rows.selected_columns[BY[table]].in_(fresh)))
    if table is tables.order_lines:
        tx.exec_driver_sql(
            f"INSERT INTO {SCHEMA}.orders SELECT DISTINCT order_id, week FROM {SCHEMA}.{parent.name} "
            "ON CONFLICT (order_id) DO UPDATE SET week = excluded.week"
        )
    for value in fresh:
        tx.exec_driver_sql(f"ALTER TABLE {SCHEMA}.{parent.name} DETACH PARTITION {part(table, value)}")
        _attach(tx, table, value)
        tx.exec_driver_sql(f"ANALYZE {part(table, value)}")
    tx.exec_driver_sql(f"DROP TABLE {SCHEMA}.{parent.name}")
    return added


def _missing(tx: sa.Connection, table: sa.Table, wanted: Collection[Value]) -> list[Value]:
    """The parts of `wanted` that are not there; nobody else makes parts of `table` until the transaction ends, if there are any."""
    if not wanted or not has_parts(tx, table):
        return []

    def look() -> list[Value]:
        return [v for v in sorted(wanted) if tx.exec_driver_sql(f"SELECT to_regclass('{part(table, v)}')").scalar() is None]

    if not look():
        return []
    tx.exec_driver_sql(f"LOCK TABLE public.{table.name} IN SHARE UPDATE EXCLUSIVE MODE")
    return look()


def _attach(tx: sa.Connection, table: sa.Table, value: Value) -> None:
    tx.exec_driver_sql(f"ALTER TABLE public.{table.name} ATTACH PARTITION {part(table, value)} FOR VALUES IN ('{value}')")


def weeks_of_orders(tx: sa.Connection, orders: sa.Select[Any]) -> set[date]:
    """The weeks in which the orders that `orders` names (one column) have lines; nothing where lines have no parts."""
    if not has_parts(tx, tables.order_lines):
        return set()
    return {row[0] for row in tx.execute(sa.select(ORDERS.c.week).where(ORDERS.c.order_id.in_(orders)).distinct())}


def drop_thinned(db: Database) -> int:
    """Take away the parts of runs whose results are not stored any more; gives how many. One that somebody reads stays until next time."""
    if db.engine.dialect.name != "postgresql":
        return 0
    with db.writing() as tx:
        losing.forget_commits(tx)
    t, dropped = tables.runs, 0
    stored = {row["run_id"] for row in db.rows(sa.select(t.c.run_id).where(sa.or_(t.c.detailed, t.c.status != "done")))}
    for table in (table for table, column in BY.items() if column == "run_id"):
        for run_id in _runs_of(db, table) - stored:
            try:
                with db.writing() as tx:
                    tx.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT}'")
                    tx.exec_driver_sql(f"DROP TABLE IF EXISTS {part(table, run_id)}")
                    dropped += 1
            except sa.exc.OperationalError:  # the lock was not had in time
                continue
    return dropped


def _runs_of(db: Database, table: sa.Table) -> set[int]:
    """The runs that have a part of `table`."""
    c = sa.table("pg_inherits", sa.column("inhrelid"), sa.column("inhparent"))
    names = sa.select(sa.cast(sa.cast(c.c.inhrelid, sa.dialects.postgresql.REGCLASS), sa.Text).label("name"))
    parent = sa.cast(f"public.{table.name}", sa.dialects.postgresql.REGCLASS)
    return {int(row["name"].strip('"').rsplit("_", 1)[1]) for row in db.rows(names.where(c.c.inhparent == parent))}
