"""Storing a checked folder: merged by key, in one transaction, what was superseded kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, tables
from ordering.database import bulk, counters, partitions
from ordering.database.connection import Database, new_id
from ordering.database.counters import renew_versions
from ordering.database.forgetting import keep_forgotten
from ordering.database.losing import repeated
from ordering.errors import Fault, ImportRefusedError, StateError


@dataclass(frozen=True)
class Stored:
    """What an import did to one table."""

    new: int
    changed: int
    same: int

    @property
    def rows(self) -> int:
        """Rows that were read of the table."""
        return self.new + self.changed + self.same


Beside = Callable[[sa.Connection, Mapping[str, Stored]], None]
"""What else is written in the transaction of an import, given what it did by table; it raises to refuse the whole."""


@repeated
def store(
    db: Database, found: Mapping[str, pd.DataFrame], *, folder: str, by: str, at: datetime, beside: Beside | None = None
) -> dict[str, Stored]:
    """Merge a checked folder into the database by key, in one transaction: all or nothing.

    A row whose key is stored takes its place, an equal row changes nothing, an empty `allocated` never erases a stored one. What a
    line was before it changed stays in `request_versions`; every touched week gets a new version. A line that was cancelled here stays
    cancelled, whatever the folder says of it; personal data that were deleted here stay deleted. Raises StateError where rows and what
    became of them do not add up.
    """
    staged = {tables.contract[name]: _staged(name, frame) for name, frame in found.items()}
    counts = {}
    with bulk.staging(db.engine, staged) as tx:
        import_id = _insert_import(tx, folder, by, at)
        for table, rows in sorted(staged.items(), key=lambda pair: pair[0] is tables.order_lines):  # last: the desk waits for lines only
            cancelled = _leave_cancelled(tx, table) + keep_forgotten(tx, table)
            merged = _merge(tx, table, rows.num_rows - cancelled, import_id, at)
            counts[table.name] = Stored(merged.new, merged.changed, merged.same + cancelled)
            _reconcile(table.name, rows.num_rows, counts[table.name])
        new, changed = (sum(getattr(c, what) for c in counts.values()) for what in ("new", "changed"))
        if new + changed:
            counters.renew_city(tx)
            t = tables.imports
            tx.execute(t.update().where(t.c.import_id == import_id).values(rows_new=new, rows_changed=changed))
        else:
            tx.execute(tables.imports.delete().where(tables.imports.c.import_id == import_id))
        if beside is not None:
            beside(tx, counts)
    return {table.name: counts[table.name] for table in staged}


def _reconcile(name: str, rows: int, did: Stored) -> None:
    """Every row of a file is new, changed or as it was: none is lost, none counted twice."""
    if rows != did.rows or min(did.new, did.changed, did.same) < 0:
        found = f"{did.new:,} new, {did.changed:,} changed and {did.same:,} as they were"
        raise StateError(f"{name}: {rows:,} rows were read, but {found}; nothing was stored. Keep the folder and report this")


def _staged(name: str, frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    rows = bulk.arrow(frames.CONTRACT[name], frame)
    if name != "order_lines":
        return rows
    ordered = frame["order_date"]
    monday = ordered - pd.to_timedelta(ordered.dt.day_of_week, unit="D")
    return rows.append_column("week", pa.Array.from_pandas(monday).cast(pa.date32()))


def _leave_cancelled(tx: sa.Connection, table: sa.Table) -> int:
    """Take staged lines that were cancelled here out of the stage; gives their number."""
    t = tables.cancelled_lines
    if table is not tables.order_lines or not tx.execute(sa.select(t.c.order_id).limit(1)).first():
        return 0
    stage = sa.table(bulk.STAGE + table.name, sa.column("order_id"), sa.column("brand_id"))
    same = sa.and_(t.c.order_id == stage.c.order_id, t.c.brand_id == stage.c.brand_id)
    return int(tx.execute(sa.delete(stage).where(sa.exists().where(same))).rowcount)


def _insert_import(tx: sa.Connection, folder: str, by: str, at: datetime) -> int:
    t = tables.imports
    return new_id(tx, t, {"folder": folder, "imported_by": by, "imported_at": at, "rows_new": 0, "rows_changed": 0})


def _merge(tx: sa.Connection, table: sa.Table, rows: int, import_id: int, at: datetime) -> Stored:
    """Merge the staged rows of `table`; only those that are new or differ are written."""
    own = [c.name for c in table.columns if c.name not in ("version", "import_id")]
    stage = sa.table(bulk.STAGE + table.name, *(sa.column(name, table.c[name].type) for name in own))
    weeks = _weeks(tx, sa.select(stage.c.week)) if table is tables.order_lines else set()
    within = _within(tx, table, stage, weeks)
    same_key = sa.and_(*(stage.c[c.name] == c for c in table.primary_key.columns), *within)
    values: dict[str, sa.ColumnElement[Any]] = {name: stage.c[name] for name in own}
    lines = table is tables.order_lines
    if lines and rows:
        counters.hold_city(tx)
        counters.lock(tx, _weeks(tx, sa.select(stage.c.week)))
    if lines:
        values["allocated"] = sa.func.coalesce(stage.c.allocated, table.c.allocated)
    differs = sa.or_(*(values[name].is_distinct_from(table.c[name]) for name in own))
    first = lines and not tx.execute(sa.select(table.c.week).limit(1)).first()
    before = _count(tx, sa.select(sa.func.count()).select_from(stage.join(table, same_key)))
    changed_rows = sa.select(*(value.label(name) for name, value in values.items())).select_from(stage.join(table, same_key)).where(differs)
    if lines:
        changed_rows = changed_rows.add_columns((table.c.version + 1).label("version"))
    changed = _hold_changed(tx, table, changed_rows) if before else 0
    touched = _replace(tx, table, own, within, import_id, at) if changed else set()
    added = 0
    if rows > before:
        extra = [sa.literal(1), sa.literal(import_id)] if lines else []
        fresh = sa.select(*(stage.c[name] for name in own), *extra)
        if before:
            fresh = fresh.where(~sa.exists().where(same_key))
        added = partitions.insert(tx, table, [*own, *(["version", "import_id"] if lines else [])], fresh, weeks)
    if lines and not first:
        _check_orders(tx, import_id, stage, within)
    if lines and (changed or rows > before):
        written = sa.select(table.c.week).where(table.c.import_id == import_id, table.c.week.in_(weeks))
        renew_versions(tx, touched | _weeks(tx, written))
    return Stored(added, changed, before - changed)


def _within(tx: sa.Connection, table: sa.Table, stage: Any, weeks: set[date]) -> list[sa.ColumnElement[bool]]:
    """Where lines are kept in parts: that a line is of a week in which the staged orders stand, or will; no other part need be searched."""
    if not partitions.has_parts(tx, table):
        return []
    return [table.c.week.in_(weeks | partitions.weeks_of_orders(tx, sa.select(stage.c.order_id)))]


def _check_orders(tx: sa.Connection, import_id: int, stage: Any, within: list[sa.ColumnElement[bool]]) -> None:
    """Refuse what no file alone shows: an order of two retailers or days with what is stored, a line given more than asked."""
    t = tables.order_lines
    over = sa.select(t.c.order_id, t.c.brand_id, t.c.requested, t.c.allocated).where(
        t.c.import_id == import_id, t.c.allocated > t.c.requested, *within
    )
    faults = [
        Fault("order_lines", 0, "", "", f"order {o}, brand {b}: {q} requested, yet {a} are allocated already; correct both, or leave it")
        for o, b, q, a in tx.execute(over.order_by(t.c.order_id, t.c.brand_id))
    ]
    touched = sa.select(stage.c.order_id).distinct().subquery()
    torn = sa.select(t.c.order_id, *(f(t.c[c]) for c in ("retailer_id", "order_date") for f in (sa.func.min, sa.func.max)))
    torn = torn.join(touched, touched.c.order_id == t.c.order_id).where(*within).group_by(t.c.order_id)
    torn = torn.having(sa.or_(*(sa.func.min(t.c[c]) != sa.func.max(t.c[c]) for c in ("retailer_id", "order_date"))))
    faults += [
        Fault(
            "order_lines", 0, "", "", f"order {o} would be of {who} and {whom}, {on} and {late}, with what is stored; give every line of it"
        )
        for o, who, whom, on, late in tx.execute(torn.order_by(t.c.order_id))
    ]
    if faults:
        raise ImportRefusedError(faults)


HELD = "changed_rows"


def _hold_changed(tx: sa.Connection, table: sa.Table, changed: sa.Select[Any]) -> int:
    """Keep the changed rows, with their new values, in a temporary table of this connection; gives their number."""
    tx.exec_driver_sql(f"DROP TABLE IF EXISTS {HELD}")
    text = str(changed.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True}))
    tx.exec_driver_sql(f"CREATE TEMPORARY TABLE {HELD} AS {text}")
    return _count(tx, sa.select(sa.func.count()).select_from(sa.table(HELD)))


def _replace(
    tx: sa.Connection, table: sa.Table, own: Sequence[str], within: list[sa.ColumnElement[bool]], import_id: int, at: datetime
) -> set[date]:
    """Put the held rows in the place of those of their keys; gives the weeks in which lines stood that were replaced."""
    lines = table is tables.order_lines
    names = [*own, "version"] if lines else list(own)
    held = sa.table(HELD, *(sa.column(name, table.c[name].type) for name in names))
    match = sa.and_(*(held.c[c.name] == c for c in table.primary_key.columns), *within)
    touched: set[date] = set()
    if lines:
        _keep_versions(tx, held, match, at)
        touched = _weeks(tx, sa.select(table.c.week).where(sa.exists().where(match)))
        _move_confirmations(tx, held, match)
    if lines:
        partitions.prepare(tx, table, _weeks(tx, sa.select(held.c.week)))
    tx.execute(table.delete().where(sa.exists().where(match)))
    extra = [sa.literal(import_id)] if lines else []
    tx.execute(table.insert().from_select([*names, *(["import_id"] if lines else [])], sa.select(*(held.c[n] for n in names), *extra)))
    return touched


def _keep_versions(tx: sa.Connection, held: Any, match: Any, at: datetime) -> None:
    """Lines about to change: what they were goes into `request_versions`."""
    t, lines = tables.request_versions, tables.order_lines
    kept = ["order_id", "brand_id", "version", "retailer_id", "order_date", "requested", "allocated", "import_id"]
    old = sa.select(*(lines.c[name] for name in kept), sa.literal(at, sa.DateTime)).where(sa.exists().where(match))
    tx.execute(t.insert().from_select([*kept, "superseded_at"], old))


def _move_confirmations(tx: sa.Connection, held: Any, match: Any) -> None:
    """Lines about to move to another week, and confirmed before: their confirmation is of that week as well."""
    done, lines = tables.confirmations, tables.order_lines
    moved = sa.select(held.c.order_id, held.c.brand_id, held.c.week).join(lines, match).where(lines.c.week != held.c.week)
    for order_id, brand_id, week in tx.execute(moved).all():
        tx.execute(done.update().where(done.c.order_id == order_id, done.c.brand_id == brand_id).values(week=week))


def _weeks(tx: sa.Connection, weeks: sa.Select[Any]) -> set[date]:
    return {row[0] for row in tx.execute(weeks.distinct())}


def _count(tx: sa.Connection, query: sa.Select[Any]) -> int:
    return int(tx.execute(query).scalar_one())
