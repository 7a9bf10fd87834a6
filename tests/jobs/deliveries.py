"""A small city as deliveries of the inbox, and what a database holds of it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from jobs import inbox
from ordering import database, settings, tables
from ordering.database.deliveries import Delivery
from tests import factories as f

AT = datetime(2026, 3, 2, 4, 0)
BESIDE = {"inbox_deliveries", "inbox_waiting", "alerts", "notices", "notice_deliveries", "imports", "alembic_version"}
"""Tables that tell of a delivery, and are no part of the city."""

CITY: dict[str, list[dict[str, Any]]] = {
    "retailers": [f.retailer("R1"), f.retailer("R2", street="S2"), f.retailer("R3", district="D2")],
    "brands": [f.brand("B1"), f.brand("B2")],
    "order_lines": [
        f.line(r, b, 5 + n % 3, 4, order_date=f.week(-n)) for r in ("R1", "R2", "R3") for b in ("B1", "B2") for n in range(1, 9)
    ],
    "supply": [{"brand_id": "B1", "week": f.week(-1), "available": 30}],
}  # fmt: skip
LATE: dict[str, list[dict[str, Any]]] = {
    "order_lines": [f.line(r, "B1", 7, 6, order_date=f.week(-9)) for r in ("R1", "R2")],
    "supply": [{"brand_id": "B1", "week": f.week(-2), "available": 20}],
}
"""An older week that comes after the city."""


def rules(folder: Path, **more: Any) -> settings.Settings:
    """The default settings with an inbox."""
    found = settings.load()
    return found.model_copy(update={"inbox": found.inbox.model_copy(update={"folder": str(folder / "inbox"), **more})})


def deliver(rules: settings.Settings, name: str, tables: dict[str, Any], *, marker: bool = True, format: str = "csv") -> Path:
    """Put a delivery into the inbox."""
    folder = Path(rules.inbox.folder) / "in" / name
    folder.mkdir(parents=True)
    for table, rows in tables.items():
        frame = pd.DataFrame(rows)
        if format == "csv":
            frame.to_csv(folder / f"{table}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{table}.parquet", index=False)
    if marker:
        (folder / rules.inbox.marker).touch()
    return folder


def run(db: database.Database, rules: settings.Settings, *, seconds: float = 0) -> list[Delivery]:
    """One look into the inbox, so many seconds after AT."""
    return inbox.run(db, rules, at=AT + timedelta(seconds=seconds), by="tester")


def contents(db: database.Database) -> str:
    """A hash of all that the database holds of the city; versions drawn at random left out."""
    digest = hashlib.sha256()
    for table in tables.metadata.sorted_tables:
        if table.name not in BESIDE | {"order_weeks"}:
            columns = [c for c in table.columns if c.name not in ("import_id", "version")]
            digest.update(repr((table.name, sorted(map(repr, db.rows(sa.select(*columns)))))).encode())
    return digest.hexdigest()
