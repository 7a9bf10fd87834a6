"""The order lines behind rates: those of one week within values of dimensions, the largest gap first, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database.connection import Database
from ordering.rate_cells import DIMENSIONS

LINES, DONE = tables.order_lines, tables.confirmations
SHOPS, WARES = tables.contract["retailers"], tables.contract["brands"]
CELLS = tables.results["retailer_cells"]
"""Where the level of a retailer in a week stands, as its rates were counted by."""
SHOWN = (
    LINES.c.order_id, LINES.c.order_date, LINES.c.retailer_id, SHOPS.c.name, SHOPS.c.district, LINES.c.brand_id,
    WARES.c.name.label("brand"), LINES.c.requested, LINES.c.allocated, DONE.c.reason,
)  # fmt: skip


def listed(
    db: Database, run_id: int, week: date, within: Mapping[str, str | int], *, among: sa.ColumnElement[bool] | None, offset: int, limit: int
) -> list[dict[str, Any]]:
    """Lines of an order week that were allocated, of retailers that `among` chooses (None: all), within values of DIMENSIONS: SHOWN.

    `reason` is missing of lines that were not confirmed here. The largest gap comes first, then the order's number.
    """
    whole = LINES.join(SHOPS, SHOPS.c.retailer_id == LINES.c.retailer_id).join(WARES, WARES.c.brand_id == LINES.c.brand_id)
    whole = whole.outerjoin(DONE, sa.and_(DONE.c.order_id == LINES.c.order_id, DONE.c.brand_id == LINES.c.brand_id))
    if "star" in within:
        own = sa.and_(CELLS.c.run_id == run_id, CELLS.c.week == LINES.c.week, CELLS.c.retailer_id == LINES.c.retailer_id)
        whole = whole.join(CELLS, own)
    query = sa.select(*SHOWN).select_from(whole).where(LINES.c.week == week, LINES.c.allocated.is_not(None))
    query = query.where(*(_column(name) == value for name, value in within.items()))
    query = query if among is None else query.where(among)
    order = (sa.desc(LINES.c.requested - LINES.c.allocated), LINES.c.order_id, LINES.c.brand_id)
    return db.rows(query.order_by(*order).offset(offset).limit(limit))


def _column(dimension: str) -> sa.Column[Any]:
    """The column that holds a dimension of a line."""
    name = DIMENSIONS[dimension]
    return next(table.c[name] for table in (LINES, WARES, CELLS if dimension == "star" else SHOPS) if name in table.c)
