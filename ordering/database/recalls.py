"""Confirmed lines of a brand and week that give cartons back, and get them back where that was a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import tables
from ordering.database import batches, counters
from ordering.database.cancellations import Carried, check_limits, supply_left
from ordering.database.connection import Database
from ordering.database.counters import renew_versions
from ordering.errors import StateError

T, LINES, DONE, OLD = tables.recalled_lines, tables.order_lines, tables.confirmations, tables.request_versions
RECALL, GAIN, REDISTRIBUTE = "orders.recall", "orders.gain", "orders.redistribute"


def read_given(db: Database, brand_id: str, week: date, *, carried: Carried) -> tuple[pd.DataFrame, int | None]:
    """Confirmed lines of a brand's week (order_id, retailer_id, order_date, allocated, weight, ticket, level, reason), in key order,
    and the cartons of its supply that are left (below 0: more was given than there is; None: not limited).
    """
    with db.writing() as tx:
        left = supply_left(tx, brand_id, week, carried.get((brand_id, week), 0))
        same = sa.and_(LINES.c.order_id == DONE.c.order_id, LINES.c.brand_id == DONE.c.brand_id)
        columns = [LINES.c[name] for name in ("order_id", "retailer_id", "order_date", "allocated")]
        columns += [DONE.c[name] for name in ("weight", "ticket", "level", "reason")]
        rows = tx.execute(sa.select(*columns).join(DONE, same).where(DONE.c.brand_id == brand_id, DONE.c.week == week)).mappings()
        names = [column.name for column in columns]
        return pd.DataFrame([dict(row) for row in rows], columns=names).sort_values("order_id", ignore_index=True), left


def weeks_of(db: Database, batch_id: int) -> set[date]:
    """The weeks of the lines that an act of this kind, or a cancellation, took something from."""
    return {row["week"] for t in (T, tables.cancelled_lines) for row in db.rows(sa.select(t.c.week).where(t.c.batch_id == batch_id))}


def change(
    db: Database, changed: pd.DataFrame, *, carried: Carried, seen: Mapping[date, int], action: str, by: str, why: str, at: datetime
) -> int:
    """Store what confirmed lines get instead; gives the act. `changed`: order_id, brand_id, week, allocated, level, reason (as read),
    new_allocated, new_level, new_reason; `seen`: the versions of the weeks (counters.versions) when all was read. Raises ChangedError
    where they are others by now, StateError where a supply does not cover what is given more; nothing is then written.
    """
    reason, rows = batches.told(why), _plain(changed)
    with db.writing() as tx:
        batches.lock(tx)
        if counters.lock(tx, {row["week"] for row in rows}) != seen:
            raise counters.ChangedError
        _covered(tx, rows, carried, before="", after="new_")
        cartons = int((changed["new_allocated"] - changed["allocated"]).sum())
        batch_id = batches.begin(tx, action, lines=len(rows), by=by, at=at, why=reason, detail=f"{_names(rows)}; {cartons:+} cartons")
        kept = [column.name for column in T.columns if column.name != "batch_id"]
        tx.execute(T.insert(), [{name: row[name] for name in kept} | {"batch_id": batch_id} for row in rows])
        _give(tx, batch_id, len(rows), before="", after="new_", at=at)
        renew_versions(tx, {row["week"] for row in rows})
    return batch_id


def restore(db: Database, batch_id: int, *, carried: Carried, by: str, why: str, at: datetime) -> tuple[int, int, list[str]]:
    """Take a recall or another re-run back: its lines have again what they had; gives the new act, the lines, and the names of
    those that do not stand as it left them: cancelled, or changed since. These stay as they are.

    Raises StateError where the supply does not cover them, a retailer's room under a limit was given to its later lines, or no line
    stands any more.
    """
    reason = batches.told(why)
    with db.writing() as tx:
        batches.lock(tx)
        first = batches.to_undo(tx, batch_id, of="orders.")
        rows = [dict(row) for row in tx.execute(sa.select(T).where(T.c.batch_id == batch_id)).mappings()]
        counters.lock(tx, {row["week"] for row in rows})
        rows, others = _standing(tx, batch_id, rows)
        _covered(tx, rows, carried, before="new_", after="")
        _check_limits(tx, batch_id, first.at)
        undone = batches.begin(tx, "orders.restore", lines=len(rows), by=by, at=at, why=reason, undoes=batch_id)
        _give(tx, batch_id, len(rows), before="new_", after="", at=at)
        renew_versions(tx, {row["week"] for row in rows})
    return undone, len(rows), others


def _standing(tx: sa.Connection, batch_id: int, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """The lines of an act that have what it gave them, and the names of the others. Raises StateError where none has."""
    found = tx.execute(sa.select(T.c.order_id, T.c.brand_id).join(LINES, _as_seen(batch_id, "new_")))
    stands = {tuple(row) for row in found}
    others = [f"order {r['order_id']}, brand {r['brand_id']}" for r in rows if (r["order_id"], r["brand_id"]) not in stands]
    if not stands:
        raise StateError(f"batch {batch_id}: each of its lines was cancelled or changed since; nothing is left to restore")
    return [row for row in rows if (row["order_id"], row["brand_id"]) in stands], others


def _as_seen(batch_id: int, which: str) -> sa.ColumnElement[bool]:
    """Lines of an act that have its `which` cartons."""
    same = LINES.c.order_id == T.c.order_id, LINES.c.brand_id == T.c.brand_id, LINES.c.allocated == T.c[f"{which}allocated"]
    return sa.and_(T.c.batch_id == batch_id, *same)


def _covered(tx: sa.Connection, rows: list[dict[str, Any]], carried: Carried, *, before: str, after: str) -> None:
    """Raise StateError where lines that get `after` for `before` need more of a brand's week than its supply leaves."""
    more: dict[tuple[str, date], int] = {}
    word = "again" if before else "more"
    for row in rows:
        key = row["brand_id"], row["week"]
        more[key] = more.get(key, 0) + row[f"{after}allocated"] - row[f"{before}allocated"]
    for (brand_id, week), cartons in more.items():
        left = supply_left(tx, brand_id, week, carried.get((brand_id, week), 0)) if cartons > 0 else None
        if left is not None and left < cartons:
            raise StateError(
                f"brand {brand_id}, week {week}: the lines would have {cartons} cartons {word}, and the supply leaves {max(left, 0)}; "
                "import the supply as it is first"
            )


def _check_limits(tx: sa.Connection, batch_id: int, since: datetime) -> None:
    """Raise StateError where a retailer whose lines would have more again was given something since."""
    more = sa.select(LINES.c.order_id, LINES.c.brand_id, LINES.c.retailer_id).join_from(LINES, T, _as_seen(batch_id, "new_"))
    for row in tx.execute(more.where(T.c.allocated > T.c.new_allocated)).mappings().all():
        check_limits(tx, row["retailer_id"], f"order {row['order_id']}, brand {row['brand_id']}", since)


def _names(rows: list[dict[str, Any]]) -> str:
    """The brands and weeks of lines, in few words."""
    brands, weeks = sorted({row["brand_id"] for row in rows}), sorted({str(row["week"]) for row in rows})
    return f"{f'brand {brands[0]}' if len(brands) == 1 else f'{len(brands)} brands'}, week {', '.join(weeks)}"


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as the database takes them: a missing number is None."""

    def plain(value: Any) -> Any:
        return None if pd.isna(value) else value.date() if isinstance(value, pd.Timestamp) else value

    return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _give(tx: sa.Connection, batch_id: int, lines: int, *, before: str, after: str, at: datetime) -> None:
    """The lines of an act from what they had `before` to what they have `after`; what they were stays in `request_versions`."""
    kept = ["order_id", "brand_id", "version", "retailer_id", "order_date", "requested", "allocated", "import_id"]
    as_seen = _as_seen(batch_id, before)
    done = sa.and_(DONE.c.order_id == T.c.order_id, DONE.c.brand_id == T.c.brand_id, as_seen)
    old = sa.select(*(LINES.c[name] for name in kept), sa.literal(at, sa.DateTime)).join_from(LINES, T, as_seen)
    tx.execute(OLD.insert().from_select([*kept, "superseded_at"], old))
    tx.execute(DONE.update().where(done).values({name: T.c[f"{after}{name}"] for name in ("allocated", "level", "reason")}))
    new = {"allocated": T.c[f"{after}allocated"], "version": LINES.c.version + 1}
    if tx.execute(LINES.update().where(as_seen).values(new)).rowcount != lines:
        raise StateError(f"batch {batch_id}: one of its lines was changed meanwhile; nothing was written: look, and try again")
