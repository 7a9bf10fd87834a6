"""Alerts: raised once per kind and subject until they clear, and told to the operators by the outbox, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database import audit, outbox
from ordering.database.connection import Database
from ordering.errors import StateError, TrueOrderError
from ordering.notices import Alert, Notice

T = tables.alerts


def raise_(tx: sa.Connection, *, kind: Alert, subject: str, words: Mapping[str, str], at: datetime) -> bool:
    """Raise an alert in the caller's transaction; False where it stands already, which is then only counted."""
    values = {"kind": str(kind), "subject": subject, "english": words["en"], "chinese": words["zh"], "raised_at": at, "seen_at": at}
    fresh = outbox.insert(tx, T).values(**values, times=1).on_conflict_do_nothing().returning(T.c.alert_id)
    alert_id = tx.execute(fresh).scalar_one_or_none()
    if alert_id is None:
        tx.execute(T.update().where(*_standing(kind, subject)).values(seen_at=at, times=T.c.times + 1))
        return False
    _tell(tx, Notice.ALERT_RAISED, alert_id, kind, subject, words, at)
    return True


def clear(tx: sa.Connection, *, kind: Alert, subject: str, at: datetime) -> bool:
    """Clear an alert in the caller's transaction and tell that it is well again; False where none stands."""
    row = tx.execute(sa.select(T).where(*_standing(kind, subject)).with_for_update()).mappings().first()
    if row is None:
        return False
    tx.execute(T.update().where(T.c.alert_id == row["alert_id"]).values(cleared_at=at))
    _tell(tx, Notice.ALERT_CLEARED, row["alert_id"], kind, subject, {"en": row["english"], "zh": row["chinese"]}, at)
    return True


def _standing(kind: str, subject: str) -> tuple[sa.ColumnElement[bool], ...]:
    return T.c.kind == str(kind), T.c.subject == subject, T.c.cleared_at.is_(None)


def _tell(tx: sa.Connection, notice: Notice, alert_id: int, kind: str, subject: str, words: Mapping[str, str], at: datetime) -> None:
    payload = {"alert_id": alert_id, "alert": str(kind), "english": words["en"], "chinese": words["zh"]}
    told = f"{kind} {subject}"
    outbox.post(tx, kind=notice, subject=told, audience=outbox.operators, payload=payload, at=at, unique=f"{notice}:{alert_id}")


def standing(db: Database, kind: Alert | None = None) -> list[dict[str, Any]]:
    """Alerts that have not cleared, the oldest first."""
    only = () if kind is None else (T.c.kind == str(kind),)
    return db.rows(sa.select(T).where(T.c.cleared_at.is_(None), *only).order_by(T.c.alert_id))


def listed(db: Database, *, most: int = 50) -> list[dict[str, Any]]:
    """All alerts, the newest first."""
    return db.rows(sa.select(T).order_by(T.c.alert_id.desc()).limit(most))


def acknowledge(db: Database, alert_id: int, *, by: str, at: datetime) -> dict[str, Any]:
    """Note that somebody looks after an alert; audited. Raises StateError where there is none of that number, or it was taken already."""
    if not by.strip():
        raise TrueOrderError("by: say who does this")
    with db.writing() as tx:
        row = tx.execute(sa.select(T).where(T.c.alert_id == alert_id).with_for_update()).mappings().first()
        if row is None:
            raise StateError(f"there is no alert {alert_id}; trueorder alerts list shows those there are")
        if row["acked_by"] is not None:
            raise StateError(f"alert {alert_id}: {row['acked_by']} looks after it already, since {row['acked_at']:%Y-%m-%d %H:%M} UTC")
        tx.execute(T.update().where(T.c.alert_id == alert_id).values(acked_at=at, acked_by=by.strip()))
        subject = f"alert {alert_id}"
        audit.record(tx, action="alert.ack", subject=subject, detail=f"{row['kind']} {row['subject']}", by=by.strip(), at=at)
    return dict(row)


def expected(db: Database, before: datetime) -> bool:
    """Whether a night that was due at `before` (UTC) had anything to plan: the city was first loaded before."""
    first = db.rows(sa.select(sa.func.min(tables.imports.c.imported_at).label("at")))[0]["at"]
    return first is not None and first <= before


def last_night(db: Database, status: str) -> date | None:
    """The latest business date of which a night has this status."""
    t = tables.runs
    last: date | None = db.rows(sa.select(sa.func.max(t.c.business_date).label("on")).where(t.c.job == NIGHTLY, t.c.status == status))[0][
        "on"
    ]
    return last


NIGHTLY = "nightly"
