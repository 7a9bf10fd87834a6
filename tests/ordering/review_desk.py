"""A desk for tests of decisions: nights with suggestions in a real database, and what is stored of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import database, frames, review, settings, tables
from ordering.database import review_lines, reviews
from ordering.database import runs as runlog
from ordering.database.reviews import Done
from ordering.model import Decision
from ordering.review import Filter
from tests import factories as f

AT = datetime(2026, 3, 2, 4, 0)
CLOSED = f.MONDAY
"""The last order day whose cut-off has passed, unless told otherwise."""
RULES = settings.load().review


def city(db: database.Database, retailers: int = 4, brands: int = 2) -> None:
    """Shops R0, R1, … of managers M0 and M1, and brands B0, B1, …"""
    shops = [f.retailer(f"R{n}", account_manager=f"M{n % 2}", district=f"D{n % 3}", star_level=1 + n % 5) for n in range(retailers)]
    wares = {"retailers": f.table(frames.RETAILERS, shops), "brands": f.table(frames.BRANDS, [f.brand(f"B{n}") for n in range(brands)])}
    database.store(db, wares, folder="city", by="tester", at=AT)


def night(db: database.Database, rows: Sequence[dict[str, Any]], *, day: date = f.MONDAY, flagged: Sequence[dict[str, Any]] = ()) -> int:
    """A finished run of `day` with suggestions, and lines it flagged."""
    run_id = runlog.begin(db, job="nightly", business_date=day, version="v", at=AT)
    results = {"suggestions": f.table(frames.SUGGESTIONS, rows), "inflated": f.table(frames.INFLATED, flagged)}
    steps, problems = [runlog.Step("s", 0, 0, 0)], frames.empty(frames.PROBLEMS)
    runlog.save(db, run_id, results, hashes={}, steps=steps, problems=problems, at=AT, keep=8)
    return run_id


def plain_night(db: database.Database, *, day: date = f.MONDAY, retailers: int = 4, brands: int = 2, suggested: int = 10) -> int:
    """A night that suggests the same for every shop and brand."""
    rows = [f.suggestion(f"R{r}", f"B{b}", suggested, requested=5) for r in range(retailers) for b in range(brands)]
    return night(db, rows, day=day)


def read(db: database.Database, of: Filter | None = None, run_id: int | None = None) -> pd.DataFrame:
    run = runlog.newest(db) if run_id is None else runlog.by_id(db, run_id)
    assert run is not None
    with db.reading() as reader:
        return review_lines.read(reader, run, of or Filter())


def decide(
    db: database.Database,
    of: Filter | pd.DataFrame,
    decision: Decision = Decision.ACCEPTED,
    *,
    quantity: int | None = None,
    by: str = "Wang",
    closed: date = CLOSED,
    code: str = "local_event",
) -> Done:
    lines = read(db, of) if isinstance(of, Filter) else of
    run = runlog.newest(db)
    assert run is not None
    found = review.decide(lines, decision, RULES, quantity=quantity, code="" if decision is Decision.ACCEPTED else code)
    return reviews.store(db, found, action="decide", run_id=run.run_id, closed=closed, by=by, at=AT)


def undo(db: database.Database, batch_id: int, *, by: str = "Wang", closed: date = CLOSED, **more: Any) -> Done:
    return reviews.undo(db, batch_id, closed=closed, by=by, why="a slip", at=AT, **more)


def approve(db: database.Database, batch_id: int, *, by: str = "Zhao", closed: date = CLOSED) -> Done:
    return reviews.approve(db, batch_id, closed=closed, by=by, why="", at=AT)


def stored(db: database.Database) -> list[tuple[Any, ...]]:
    """All that is decided, but for the versions, which move on with an undo; in key order."""
    t = tables.suggestion_decisions
    columns = [column for column in t.columns if column.name != "version"]
    rows = [tuple(row.values()) for row in db.rows(sa.select(*columns).where(t.c.decision != Decision.OPEN))]
    return sorted(rows, key=repr)


def versions(db: database.Database) -> dict[tuple[str, str], int]:
    t = tables.suggestion_decisions
    return {(row["retailer_id"], row["brand_id"]): row["version"] for row in db.rows(sa.select(t))}


def audited(db: database.Database) -> list[tuple[str, str, str, str]]:
    t = tables.audit
    return [(row["by"], row["action"], row["subject"], row["detail"]) for row in db.rows(sa.select(t).order_by(t.c.audit_id))]


def wiped(db: database.Database) -> None:
    """Forget every decision and act."""
    with db.writing() as tx:
        for table in (tables.suggestion_decisions, tables.decision_versions, tables.batches, tables.audit):
            tx.execute(table.delete())


LATER = timedelta(days=1)
