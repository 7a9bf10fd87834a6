"""Deliveries of the inbox: those not complete yet, and what became of the others, written with what they brought."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database import audit
from ordering.database.connection import Database, new_id
from ordering.database.folders import Stored
from ordering.errors import Fault

LOADED, REPEATED, QUARANTINED = "loaded", "repeated", "quarantined"
T, WAITING = tables.inbox_deliveries, tables.inbox_waiting
KEPT_FAULTS = 2_000
"""Faults of a delivery that are kept in the database; its report has them all."""


@dataclass(frozen=True)
class Delivery:
    """A delivery and what became of it. `counts`: by table, what the import did; `settled`: its files lie where they belong."""

    delivery_id: int
    name: str
    digest: str
    state: str
    settled: bool
    counts: Mapping[str, Stored]
    faults: tuple[Fault, ...]
    fault_count: int
    notes: tuple[str, ...]
    finished_at: datetime
    by: str


def waiting(db: Database) -> dict[str, tuple[str, datetime]]:
    """Deliveries that are not complete yet: name -> signature as it was last seen, and since when it is so."""
    return {row["name"]: (row["signature"], row["since"]) for row in db.rows(sa.select(WAITING))}


def keep_waiting(db: Database, seen: Mapping[str, tuple[str, datetime]]) -> None:
    """Deliveries that wait, in the place of those that waited before; where nothing changed nothing is written."""
    before = waiting(db)
    if before == dict(seen):
        return
    with db.writing() as tx:
        tx.execute(WAITING.delete().where(WAITING.c.name.in_([name for name in before if seen.get(name) != before[name]])))
        fresh = [name for name in seen if seen[name] != before.get(name)]
        if fresh:
            tx.execute(WAITING.insert(), [{"name": name, "signature": seen[name][0], "since": seen[name][1]} for name in fresh])


def lock(tx: sa.Connection) -> None:
    """Nobody else records a delivery until the transaction ends; SQLite has one writer anyhow."""
    if tx.dialect.name != "sqlite":
        tx.exec_driver_sql(f"LOCK TABLE {T.name} IN SHARE ROW EXCLUSIVE MODE")


def loaded_as(tx: sa.Connection, digest: str) -> int | None:
    """The delivery by which this content was loaded already; None where it was not."""
    found = tx.execute(sa.select(sa.func.max(T.c.delivery_id)).where(T.c.digest == digest, T.c.state == LOADED)).scalar_one()
    return None if found is None else int(found)


def record(
    tx: sa.Connection,
    *,
    name: str,
    digest: str,
    state: str,
    at: datetime,
    by: str,
    counts: Mapping[str, Stored] | None = None,
    faults: Sequence[Fault] = (),
    fault_count: int = 0,
    notes: Sequence[str] = (),
) -> int:
    """What became of a delivery, in the caller's transaction; gives its id. Its files are not moved yet."""
    did = {table: {"new": c.new, "changed": c.changed, "same": c.same} for table, c in (counts or {}).items()}
    told = [[fault.file, fault.line, fault.column, fault.value, fault.message] for fault in faults[:KEPT_FAULTS]]
    values = {"name": name, "digest": digest, "state": state, "settled": False, "finished_at": at, "by": by, "fault_count": fault_count}
    kept = {"counts": did, "faults": told, "notes": list(notes)}
    return new_id(tx, T, values | {key: json.dumps(value, ensure_ascii=False) for key, value in kept.items()})


def settle(db: Database, delivery_id: int) -> None:
    """Note that the files of a delivery lie where they belong."""
    with db.writing() as tx:
        tx.execute(T.update().where(T.c.delivery_id == delivery_id).values(settled=True))


def note_retry(db: Database, delivery: Delivery, *, by: str, at: datetime) -> None:
    """Note that a person has a delivery taken up again; audited."""
    with db.writing() as tx:
        subject = f"delivery {delivery.delivery_id}"
        audit.record(tx, action="inbox.retry", subject=subject, detail=f"{delivery.name}, {delivery.state}", by=by, at=at)


def by_id(db: Database, delivery_id: int) -> Delivery | None:
    """A delivery by its number; None where there is none."""
    rows = db.rows(sa.select(T).where(T.c.delivery_id == delivery_id))
    return _delivery(rows[0]) if rows else None


def find(db: Database, *, name: str | None = None, settled: bool | None = None, most: int = 50) -> list[Delivery]:
    """Deliveries, the newest first."""
    query = sa.select(T).order_by(T.c.delivery_id.desc()).limit(most)
    if name is not None:
        query = query.where(T.c.name == name)
    if settled is not None:
        query = query.where(T.c.settled.is_(settled))
    return [_delivery(row) for row in db.rows(query)]


def _delivery(row: Mapping[str, Any]) -> Delivery:
    counts = {table: Stored(**did) for table, did in json.loads(row["counts"]).items()}
    told = {"faults": tuple(Fault(*fault) for fault in json.loads(row["faults"])), "notes": tuple(json.loads(row["notes"]))}
    return Delivery(**{**row, **told, "counts": counts})
