"""What was decided on one suggestion, act by act, and which shops are like its own: for one who looks at how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database.connection import Database
from ordering.database.lookups import SHOPS, Among

T, OLD, ACTS = tables.suggestion_decisions, tables.decision_versions, tables.batches
TOLD = ("version", "decision", "decided_qty", "suggested", "run_id", "pending", "code", "note")


def of_line(db: Database, retailer_id: str, brand_id: str, order_day: date) -> list[dict[str, Any]]:
    """The states of a decision, the newest first: TOLD, and by whom and when (UTC) it was made so; both missing where it was undone."""
    line = {"retailer_id": retailer_id, "brand_id": brand_id, "order_day": order_day}
    states = sa.union_all(*(_states(table, line) for table in (T, OLD))).subquery()
    joined = states.outerjoin(ACTS, ACTS.c.batch_id == states.c.batch_id)
    query = sa.select(*(states.c[name] for name in TOLD), ACTS.c.by, ACTS.c.at).select_from(joined)
    return db.rows(query.order_by(states.c.version.desc()))


def _states(table: sa.Table, line: Mapping[str, object]) -> sa.Select[Any]:
    same = [table.c[name] == value for name, value in line.items()]
    return sa.select(*(table.c[name] for name in TOLD), table.c.batch_id).where(*same)


def alike(retailer: Mapping[str, Any]) -> Among:
    """The retailers of the same area type and business format."""
    return sa.and_(*(SHOPS.c[name] == retailer[name] for name in ("area_type", "business_format")))
