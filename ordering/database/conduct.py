"""What is on record of a retailer's conduct: scores by month, and holds."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database.connection import Database

SCORES, HOLDS = tables.contract["integrity"], tables.contract["holds"]


def scores(db: Database, retailer_id: str) -> list[dict[str, Any]]:
    """A retailer's scores, the newest month first: month, score, note."""
    query = sa.select(SCORES.c.month, SCORES.c.score, SCORES.c.note).where(SCORES.c.retailer_id == retailer_id)
    return db.rows(query.order_by(SCORES.c.month.desc()))


def holds(db: Database, retailer_id: str, on: date) -> list[dict[str, Any]]:
    """What a retailer does not get on a day or later: brand_id (empty: nothing at all), from, to, reason."""
    query = sa.select(*(HOLDS.c[name] for name in ("brand_id", "from", "to", "reason")))
    return db.rows(query.where(HOLDS.c.retailer_id == retailer_id, HOLDS.c.to >= on).order_by(HOLDS.c["from"], HOLDS.c.brand_id))
