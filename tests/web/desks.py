"""A small city at its desk: shops that order on Thursdays, a scarce brand with a level, limits, and a clock that stands in the window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from allocation import fill
from ordering import database, frames, settings, tables
from ordering.database import counters
from tests import factories as f
from web.desk import Desk

RULES = settings.load()
THURSDAY = f.MONDAY + timedelta(days=3)
NOON = datetime(2026, 3, 5, 4, 0)
"""Thursday noon in Shanghai."""
EVENING = datetime(2026, 3, 5, 12, 0)
"""The cut-off of that Thursday."""
ROOMY = 2**34
"""A threshold that gives everybody some cartons of every weight: 4 a thousandth."""


def store(db: database.Database, **rows: Sequence[dict[str, Any]]) -> None:
    """Rows of a folder, imported."""
    found = {name: f.table(frames.CONTRACT[name], given) for name, given in rows.items()}
    database.store(db, found, folder="city", by="tester", at=NOON - timedelta(days=3))


def publish_levels(db: database.Database, levels: dict[str, int | None], *, on: Any = f.MONDAY) -> None:
    """A night that stored a level (a threshold; None: supply suffices) for brands of the week."""
    with db.writing() as tx:
        run_id = int(tx.execute(sa.select(sa.func.coalesce(sa.func.max(tables.runs.c.run_id), 0) + 1)).scalar_one())
        tx.execute(
            tables.runs.insert().values(
                run_id=run_id, job="nightly", business_date=on, status="done", version="1", started_at=NOON, detailed=True, withdrawn=False
            )
        )
        for brand, threshold in levels.items():
            tx.execute(
                tables.results["week_levels"]
                .insert()
                .values(
                    run_id=run_id, brand_id=brand, week=f.week(), available=0, expected=0.0, threshold=threshold, turns=0,
                    level=None if threshold is None else float(fill.published(threshold)), policy="uniform",
                )
            )  # fmt: skip
        counters.renew_city(tx)


def city(db: database.Database, **more: Sequence[dict[str, Any]]) -> None:
    """Six shops of levels 1 to 3, three brands; B1 is scarce: 30 cartons, and a level of 2 cartons for a weight of 1."""
    given = {
        "retailers": [f.retailer(f"R{n}", star_level=1 + n % 3, order_weekday=4) for n in range(6)],
        "brands": [f.brand("B1"), f.brand("B2", pack_multiple=5, min_lot=5), f.brand("B3", price_class=3)],
        "order_lines": [
            f.line(f"R{n}", b, 6, 6, order_date=THURSDAY - timedelta(weeks=w)) for n in range(6) for b in ("B1", "B2") for w in (1, 2)
        ],
        "supply": [{"brand_id": b, "week": f.week(n), "available": 30} for n in range(-2, 1) for b in ("B1", "B2", "B3")],
    }  # fmt: skip
    store(db, **{**given, **more})
    publish_levels(db, {"B1": 2 * 2**32 // 1000, "B2": None, "B3": None})


def open_desk(db: database.Database, folder: Path) -> Desk:
    return Desk(db, RULES, history=folder / "history")
