"""Stock counts that are entered by hand: kept in the table of the city's stock counts, so that the next night reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ordering import counts, tables
from ordering.database import audit
from ordering.database.connection import Database

T, WARES = tables.contract["stock_counts"], tables.contract["brands"]


def write(db: Database, retailer_id: str, said: Mapping[str, int], *, on: date, by: str, today: date, at: datetime) -> None:
    """Keep what was counted of some brands on a day; a count of the same day takes the place of the one before, which the audit names.

    Raises TrueOrderError where it is no count.
    """
    with db.writing() as tx:
        known = {row[0] for row in tx.execute(sa.select(WARES.c.brand_id).where(WARES.c.brand_id.in_(said)))}
        counts.check(said, known=known, on=on, today=today)
        same = (T.c.retailer_id == retailer_id, T.c.counted_on == on, T.c.brand_id.in_(said))
        before = {row.brand_id: row.stock for row in tx.execute(sa.select(T.c.brand_id, T.c.stock).where(*same).with_for_update())}
        tx.execute(T.delete().where(*same))
        rows = [{"retailer_id": retailer_id, "brand_id": brand, "counted_on": on, "stock": stock} for brand, stock in sorted(said.items())]
        tx.execute(T.insert(), rows)
        told = f"{len(rows)} brands on {on}" + "".join(
            f"; {brand}: {before[brand]} became {said[brand]}" for brand in sorted(before) if before[brand] != said[brand]
        )
        audit.record(tx, action="counts.write", subject=f"retailer {retailer_id}", detail=told, by=by, at=at)


def latest(db: Database, retailer_id: str) -> dict[str, dict[str, Any]]:
    """The newest count of each brand of a retailer: counted_on, stock."""
    newest = sa.select(T.c.brand_id, sa.func.max(T.c.counted_on).label("day")).where(T.c.retailer_id == retailer_id).group_by(T.c.brand_id)
    last = newest.subquery()
    same = sa.and_(T.c.brand_id == last.c.brand_id, T.c.counted_on == last.c.day)
    found = db.rows(sa.select(T.c.brand_id, T.c.counted_on, T.c.stock).join(last, same).where(T.c.retailer_id == retailer_id))
    return {row["brand_id"]: row for row in found}
