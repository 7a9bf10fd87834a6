"""The audit: that a person did something, written in the transaction that did it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ordering import tables
from ordering.database.connection import Database


def record(tx: sa.Connection, *, action: str, subject: str, detail: str, by: str, at: datetime) -> None:
    """Note who did what to which thing, and when (UTC). `detail` holds codes and counts, never what was written in confidence."""
    tx.execute(tables.audit.insert().values(action=action, subject=subject, detail=detail, by=by, at=at))


def note(db: Database, *, action: str, subject: str, detail: str, by: str, at: datetime) -> None:
    """The same of an act that writes nothing else, such as giving a letter out: in a transaction of its own."""
    with db.writing() as tx:
        record(tx, action=action, subject=subject, detail=detail, by=by, at=at)
