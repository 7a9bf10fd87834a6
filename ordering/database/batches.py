"""Acts of a person on many rows at once: who, why, when, and by which later act each was undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ordering import tables
from ordering.database import audit
from ordering.database.connection import Database, new_id
from ordering.errors import StateError, TrueOrderError

T = tables.batches


@dataclass(frozen=True)
class Batch:
    """An act as stored. `undoes`: the act that it took back; None where it took none back."""

    batch_id: int
    action: str
    run_id: int | None
    lines: int
    by: str
    at: datetime
    why: str
    undoes: int | None


def lock(tx: sa.Connection) -> None:
    """One act at a time, so that what was checked still holds when it is written. SQLite has one writer anyhow."""
    if tx.dialect.name != "sqlite":
        tx.exec_driver_sql(f"LOCK TABLE {T.name} IN SHARE ROW EXCLUSIVE MODE")


def begin(
    tx: sa.Connection,
    action: str,
    *,
    lines: int,
    by: str,
    at: datetime,
    why: str = "",
    run_id: int | None = None,
    undoes: int | None = None,
    detail: str = "",
) -> int:
    """Record an act and its audit; gives its id. `at` is UTC. Raises TrueOrderError where nobody is named."""
    if not by.strip():
        raise TrueOrderError("by: say who does this")
    values = {"action": action, "run_id": run_id, "lines": lines, "by": by.strip(), "at": at, "why": why.strip(), "undoes": undoes}
    batch_id = new_id(tx, T, values)
    told = "; ".join(filter(None, [f"{lines} lines", detail, f"undoes batch {undoes}" if undoes else ""]))
    audit.record(tx, action=action, subject=f"batch {batch_id}", detail=told, by=by.strip(), at=at)
    return batch_id


def find(tx: sa.Connection, batch_id: int, *, of: str) -> Batch:
    """An act whose name begins with `of`, to be taken up again. Raises StateError where there is none."""
    found = tx.execute(sa.select(T).where(T.c.batch_id == batch_id)).mappings().first()
    if found is None or not found["action"].startswith(of):
        kind = f" of {of.rstrip('.')}" if of else ""
        raise StateError(
            f"there is no batch {batch_id}{kind}; every act tells its number when it is done",
            f"没有第{batch_id}批；每次处理完成时会给出批号",
        )
    return Batch(**found)


def action_of(db: Database, batch_id: int) -> str:
    """The name of an act. Raises StateError where there is none of that number."""
    with db.writing() as tx:
        return find(tx, batch_id, of="").action


def to_undo(tx: sa.Connection, batch_id: int, *, of: str) -> Batch:
    """An act that can be undone: no undo itself, and not undone before. Raises StateError otherwise."""
    found = find(tx, batch_id, of=of)
    if found.undoes is not None:
        raise StateError(
            f"batch {batch_id} took batch {found.undoes} back; that cannot be undone: decide anew",
            f"第{batch_id}批是对第{found.undoes}批的撤销，不能再撤销；请重新处理",
        )
    before = tx.execute(sa.select(T.c.batch_id, T.c.by).where(T.c.undoes == batch_id)).first()
    if before is not None:
        raise StateError(
            f"batch {batch_id} was undone already, by {before[1]} in batch {before[0]}",
            f"第{batch_id}批已由{before[1]}在第{before[0]}批中撤销",
        )
    return found


def told(why: str) -> str:
    """The reason given; TrueOrderError where there is none."""
    if not why.strip():
        raise TrueOrderError("why: say in a few words why", "请用几个字说明原因")
    return why.strip()
