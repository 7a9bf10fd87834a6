"""Orders that are taken back after they were asked: their lines leave the orders whole, and come back whole.

A cancelled line is no order. It stands in no rate, takes no supply, cap or quota, and is no shortage of the company: what was not wanted,
or not paid, was not refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from ordering import tables
from ordering.database import batches, counters
from ordering.database.connection import Database
from ordering.database.counters import renew_versions
from ordering.errors import StateError

T, LINES, DONE = tables.cancelled_lines, tables.order_lines, tables.confirmations
ACTION = "orders.cancel"
OF_LINE = [c.name for c in LINES.columns]
OF_CONFIRMATION = {
    c.name: f"confirmed_{c.name.removeprefix('confirmed_')}"
    for c in DONE.columns
    if c.name not in ("order_id", "brand_id", "week", "requested", "allocated")
}
"""Columns of a confirmation, and where they are kept."""
Carried: TypeAlias = Mapping[tuple[str, date], int]
"""By brand and week, what earlier weeks left of it, cartons; nothing where there is no entry."""


def cancel(db: Database, order_id: str, *, brand_id: str | None, since: date, by: str, why: str, at: datetime) -> tuple[int, int, int]:
    """Take an order back, or its line of one brand, of weeks from `since` (a Monday) on; gives the act, lines and cartons given back.

    Raises StateError where there is no such line, or its week is closed.
    """
    reason = batches.told(why)
    with db.writing() as tx:
        batches.lock(tx)
        which = sa.and_(LINES.c.order_id == order_id, *([LINES.c.brand_id == brand_id] if brand_id is not None else []))
        if weeks := [row.week for row in tx.execute(sa.select(LINES.c.week).where(which).distinct())]:
            counters.lock(tx, weeks)
        found = [dict(row) for row in tx.execute(sa.select(LINES).where(which)).mappings()]
        _check(found, order_id, brand_id, since)
        cartons = sum(row["allocated"] or 0 for row in found)
        batch_id = batches.begin(tx, ACTION, lines=len(found), by=by, at=at, why=reason, detail=f"order {order_id}; {cartons} cartons")
        same = sa.and_(DONE.c.order_id == LINES.c.order_id, DONE.c.brand_id == LINES.c.brand_id)
        columns = [*OF_LINE, *OF_CONFIRMATION.values(), "batch_id"]
        confirmed = [DONE.c[name] for name in OF_CONFIRMATION]
        whole = sa.select(*LINES.c, *confirmed, sa.literal(batch_id)).select_from(LINES.outerjoin(DONE, same)).where(which)
        tx.execute(T.insert().from_select(columns, whole))
        for table in (DONE, LINES):
            gone = sa.and_(table.c.order_id == order_id, *([table.c.brand_id == brand_id] if brand_id is not None else []))
            tx.execute(table.delete().where(gone))
        renew_versions(tx, {row["week"] for row in found}, _cartons(found, -1))
    return batch_id, len(found), cartons


def _cartons(found: list[dict[str, Any]], sign: int) -> dict[tuple[date, str], int]:
    """By how many cartons lines that go (-1) or come back (+1) change what their week gave of each brand."""
    more: dict[tuple[date, str], int] = {}
    for row in found:
        key = row["week"], row["brand_id"]
        more[key] = more.get(key, 0) + sign * (row["allocated"] or 0)
    return more


def _check(found: list[dict[str, Any]], order_id: str, brand_id: str | None, since: date) -> None:
    if not found:
        which = f"order {order_id}" + (f", brand {brand_id}" if brand_id is not None else "")
        raise StateError(f"{which}: there is no such line; it was never imported, or is cancelled already")
    closed = [row for row in found if row["week"] < since]
    if closed:
        raise StateError(f"order {order_id}: its week of {closed[0]['week']} is closed; correct it by an import")


def restore(db: Database, batch_id: int, *, carried: Carried, since: date, by: str, why: str, at: datetime) -> tuple[int, int]:
    """Take a cancellation back: its lines are again what they were; gives the new act and the lines.

    Raises StateError where the week is closed, or where the cartons, or the retailer's room under a limit, were given to others since.
    """
    reason = batches.told(why)
    with db.writing() as tx:
        batches.lock(tx)
        first = batches.to_undo(tx, batch_id, of=ACTION)
        found = [dict(row) for row in tx.execute(sa.select(T).where(T.c.batch_id == batch_id)).mappings()]
        _check(found, found[0]["order_id"], None, since)
        counters.lock(tx, {row["week"] for row in found})
        for row in found:
            _check_room(tx, row, first.at, carried.get((row["brand_id"], row["week"]), 0))
        undone = batches.begin(tx, "orders.restore", lines=len(found), by=by, at=at, why=reason, undoes=batch_id)
        mine = T.c.batch_id == batch_id
        lines = {name: T.c[name] + 1 if name == "version" else T.c[name] for name in OF_LINE}
        tx.execute(LINES.insert().from_select(list(lines), sa.select(*lines.values()).where(mine)))
        kept = ["order_id", "brand_id", "week", "requested", "allocated", *OF_CONFIRMATION]
        back = [T.c[OF_CONFIRMATION.get(name, name)] for name in kept]
        tx.execute(DONE.insert().from_select(kept, sa.select(*back).where(mine, T.c.confirmed_run_id.is_not(None))))
        tx.execute(T.delete().where(mine))
        renew_versions(tx, {row["week"] for row in found}, _cartons(found, 1))
    return undone, len(found)


def _check_room(tx: sa.Connection, row: dict[str, Any], since: datetime, carried: int) -> None:
    """What the line was given must still be there: the supply, and every limit that the retailer's later lines may have used."""
    if not row["allocated"]:
        return
    name = f"order {row['order_id']}, brand {row['brand_id']}"
    left = supply_left(tx, row["brand_id"], row["week"], carried)
    if left is not None and left < row["allocated"]:
        raise StateError(
            f"{name}: of its {row['allocated']} cartons only {left} are left of the week's supply; the others were given since"
        )
    check_limits(tx, row["retailer_id"], name, since)


def check_limits(tx: sa.Connection, retailer_id: str, name: str, since: datetime) -> None:
    """Raise StateError where lines of the retailer that were confirmed from `since` on may have used what the line `name` had."""
    later = sa.select(LINES.c.order_id).join(DONE, sa.and_(DONE.c.order_id == LINES.c.order_id, DONE.c.brand_id == LINES.c.brand_id))
    later = later.where(LINES.c.retailer_id == retailer_id, DONE.c.confirmed_at >= since).limit(1)
    used = tx.execute(later).scalar()
    if used is not None:
        raise StateError(f"{name}: retailer {retailer_id} was given order {used} since, which may rest on the same caps and quotas")


def supply_left(tx: sa.Connection, brand_id: str, week: date, carried: int) -> int | None:
    """Cartons of a brand's week that nobody has; below 0 where more was given than there is, None where supply is not limited.

    `carried`: what earlier weeks left of it, where supply rows are arrivals.
    """
    supply = tables.contract["supply"]
    available = tx.execute(sa.select(supply.c.available).where(supply.c.brand_id == brand_id, supply.c.week == week)).scalar()
    given = sa.select(sa.func.coalesce(sa.func.sum(LINES.c.allocated), 0)).where(LINES.c.brand_id == brand_id, LINES.c.week == week)
    return None if available is None else int(available) + carried - int(tx.execute(given).scalar_one())
