"""Proposals put aside before they are published, so that the one before takes their place; and taken up again."""

from __future__ import annotations

from datetime import datetime

from ordering import tables
from ordering.database import audit, batches, counters, runs
from ordering.database.connection import Database
from ordering.errors import StateError, TrueOrderError

T = tables.runs


def withdraw(db: Database, run_id: int, *, by: str, why: str, at: datetime) -> runs.Record | None:
    """Put a proposal aside: nothing more is published of it, no night reads its levels; gives the newest that is left.

    What was confirmed of it stays. Raises StateError where it is no proposal, or was put aside before.
    """
    found = _found(db, run_id)
    if found.withdrawn:
        raise StateError(f"run {run_id} was withdrawn already; trueorder proposal restore takes it up again")
    _mark(db, run_id, True, by=by, why=why, at=at)
    return runs.newest(db)


def restore(db: Database, run_id: int, *, by: str, why: str, at: datetime) -> None:
    """Take a proposal up again. Raises StateError where it was not put aside."""
    if not _found(db, run_id).withdrawn:
        raise StateError(f"run {run_id} is not withdrawn; there is nothing to restore")
    _mark(db, run_id, False, by=by, why=why, at=at)


def _found(db: Database, run_id: int) -> runs.Record:
    found = runs.by_id(db, run_id)
    if found is None or found.status != runs.DONE or not found.detailed:
        raise StateError(f"run {run_id} holds no proposal; trueorder proposal list shows those that do")
    return found


def _mark(db: Database, run_id: int, withdrawn: bool, *, by: str, why: str, at: datetime) -> None:
    if not by.strip():
        raise TrueOrderError("by: say who does this")
    action = "proposal.withdraw" if withdrawn else "proposal.restore"
    with db.writing() as tx:
        tx.execute(T.update().where(T.c.run_id == run_id).values(withdrawn=withdrawn))
        audit.record(tx, action=action, subject=f"run {run_id}", detail=batches.told(why), by=by.strip(), at=at)
        counters.renew_city(tx)
