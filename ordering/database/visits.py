"""Visits as account managers write them down: rows are only added, and a follow-up is closed once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ordering import tables, visits
from ordering.database import audit
from ordering.database.connection import Database, new_id
from ordering.database.territories import one_at_a_time
from ordering.errors import StateError

T = tables.visits
OPEN = sa.and_(T.c.follow_up_on.is_not(None), T.c.closed_on.is_(None))


def write(
    db: Database, retailer_id: str, *, note: str, on: date, follow_up_on: date | None, settles: bool, by: str, today: date, at: datetime,
) -> int:  # fmt: skip
    """Write down a visit; gives its id. `settles`: what was to be followed up before is done with. `on`, `today`: local; `at`: UTC.

    The same written twice by the same person of the same day is one visit, sent twice. Raises TrueOrderError where it does not hold
    together.
    """
    note = visits.checked(note, on=on, follow_up_on=follow_up_on, today=today)
    said = {"retailer_id": retailer_id, "visited_on": on, "note": note, "follow_up_on": follow_up_on, "visited_by": by, "written_at": at}
    same = (T.c[name].is_not_distinct_from(value) for name, value in said.items() if name != "written_at")
    with db.writing() as tx:
        one_at_a_time(tx, retailer_id)
        before = tx.execute(sa.select(T.c.visit_id).where(*same)).scalar()
        if before is not None:
            return int(before)
        done = _close(tx, T.c.retailer_id == retailer_id, by=by, on=today) if settles else 0
        visit_id = new_id(tx, T, said)
        more = (f", follow-up on {follow_up_on}" if follow_up_on else "") + (f", {done} closed" if done else "")
        audit.record(tx, action="visits.write", subject=f"retailer {retailer_id}", detail=f"visit {visit_id} of {on}{more}", by=by, at=at)
    return visit_id


def close(db: Database, retailer_id: str, visit_id: int, *, by: str, on: date, at: datetime) -> None:
    """Say that a visit's follow-up is done with. Raises StateError where there is none that is open."""
    with db.writing() as tx:
        if not _close(tx, sa.and_(T.c.retailer_id == retailer_id, T.c.visit_id == visit_id), by=by, on=on):
            raise StateError(
                f"visit {visit_id} of retailer {retailer_id} has no open follow-up; it may be closed already",
                f"第{visit_id}号拜访没有待跟进事项，可能已办结",
            )
        audit.record(tx, action="visits.close", subject=f"retailer {retailer_id}", detail=f"visit {visit_id}", by=by, at=at)


def _close(tx: sa.Connection, which: sa.ColumnElement[bool], *, by: str, on: date) -> int:
    return int(tx.execute(T.update().where(which, OPEN).values(closed_on=on, closed_by=by)).rowcount)


def of_retailer(db: Database, retailer_id: str, *, limit: int) -> list[dict[str, Any]]:
    """A retailer's visits, open follow-ups first, then the newest: the columns of the table, and `open`."""
    query = sa.select(T, sa.case((OPEN, True), else_=False).label("open")).where(T.c.retailer_id == retailer_id)
    first = sa.case((OPEN, 0), else_=1)
    return db.rows(query.order_by(first, T.c.visited_on.desc(), T.c.visit_id.desc()).limit(limit))


def count(db: Database, retailer_id: str) -> int:
    """How many visits of a retailer are written down."""
    (found,) = db.rows(sa.select(sa.func.count().label("visits")).where(T.c.retailer_id == retailer_id))
    return int(found["visits"])
