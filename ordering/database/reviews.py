"""Decisions on suggestions: every act is one transaction with its audit, keeps what it replaces, and is undone by its number.

An act is set-based: the lines go into a staging table, are checked against what is stored, and are written by a handful of statements,
however many they are. Nothing is written where one line does not stand as the person saw it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, review, tables
from ordering.database import batches, bulk, runs
from ordering.database.connection import Database
from ordering.model import Decision
from ordering.review_refusals import Refusal, refused

T, OLD = tables.suggestion_decisions, tables.decision_versions
KEY = review.KEY
NAMES = [c.name for c in T.columns]
ACTION = "review."
"""What the names of these acts begin with."""


@dataclass(frozen=True)
class Done:
    """What an act came to: its number, lines, and those of them that wait for a second person or were left because they are frozen."""

    batch_id: int
    lines: int
    pending: int = 0
    frozen: int = 0


def store(db: Database, decided: pd.DataFrame, *, action: str, run_id: int, closed: date, by: str, at: datetime, why: str = "") -> Done:
    """Store decisions (columns of review.DECISIONS but for acts and run), taken on the suggestions of run `run_id`.

    `closed` is the last order day whose cut-off has passed. Raises StateError naming the lines, and writes nothing, where one is frozen
    or was decided by somebody else since it was read, or where a later night has been stored.
    """
    rows = decided.assign(run_id=run_id, batch_id=pd.array([None] * len(decided), "Int64"))
    rows = rows.assign(decided_in=rows["batch_id"])[NAMES]
    staged = bulk.arrow(review.DECISIONS, frames.conform(review.DECISIONS, rows)).drop_columns(["batch_id", "decided_in"])
    with bulk.staging(db.engine, {T: staged}) as tx:
        batches.lock(tx)
        stage = sa.table(bulk.STAGE + T.name, *(sa.column(name, T.c[name].type) for name in staged.column_names))
        _check_newest(tx, run_id)
        _refuse_frozen(tx, sa.select(*(stage.c[name] for name in KEY)).where(stage.c.order_day <= closed))
        _refuse_changed(tx, stage)
        pending = int(decided["pending"].sum())
        batch_id = batches.begin(
            tx, ACTION + action, lines=len(decided), by=by, at=at, why=why, run_id=run_id, detail=f"run {run_id}; {pending} pending"
        )
        _keep(tx, _same(stage), batch_id)
        new: dict[str, Any] = {name: stage.c[name] for name in staged.column_names}
        new |= {"version": stage.c.version + 1, "batch_id": sa.literal(batch_id), "decided_in": sa.literal(batch_id)}
        tx.execute(T.update().where(_same(stage)).values({name: value for name, value in new.items() if name not in KEY}))
        fresh = sa.select(*new.values()).select_from(stage.outerjoin(T, _same(stage))).where(T.c.version.is_(None))
        tx.execute(T.insert().from_select(list(new), fresh))
    return Done(batch_id, len(decided), pending)


def undo(db: Database, batch_id: int, *, closed: date, by: str, why: str, at: datetime, spare_frozen: bool = False) -> Done:
    """Take an act back: each of its lines is again what it was before, under a new version.

    Frozen lines never change: StateError where the act has any, unless `spare_frozen` leaves them as they are. StateError as well where
    lines of it were decided on again since, where it was undone already, and where it is itself an undo.
    """
    reason = batches.told(why)
    with db.writing() as tx:
        batches.lock(tx)
        batches.to_undo(tx, batch_id, of=ACTION)
        mine, frozen = T.c.batch_id == batch_id, sa.select(*(T.c[name] for name in KEY)).where(T.c.batch_id == batch_id)
        _refuse_decided_since(tx, batch_id, closed)
        left = _count(tx, frozen.where(T.c.order_day <= closed))
        if left and not spare_frozen:
            _refuse_frozen(tx, frozen.where(T.c.order_day <= closed), Refusal.FROZEN_SPARED)
        lines = _count(tx, frozen.where(T.c.order_day > closed))
        if not lines:
            raise refused(Refusal.NONE_LEFT, batch=batch_id)
        undone = batches.begin(tx, ACTION + "undo", lines=lines, by=by, at=at, why=reason, undoes=batch_id)
        _put_back(tx, sa.and_(mine, T.c.order_day > closed), batch_id, undone)
    return Done(undone, lines, frozen=left)


def approve(db: Database, batch_id: int, *, closed: date, by: str, why: str, at: datetime) -> Done:
    """Let the pending lines of an act hold, as its second person. Raises StateError where `by` decided them, or where none is pending."""
    with db.writing() as tx:
        batches.lock(tx)
        first = batches.find(tx, batch_id, of=ACTION)
        if review.same_person(first.by, by):
            raise refused(Refusal.SAME_PERSON, batch=batch_id, by=first.by)
        waiting = sa.and_(T.c.batch_id == batch_id, T.c.pending)
        lines = _count(tx, sa.select(T.c.version).where(waiting))
        if not lines:
            raise refused(Refusal.NOT_WAITING, batch=batch_id)
        _refuse_frozen(tx, sa.select(*(T.c[name] for name in KEY)).where(waiting, T.c.order_day <= closed))
        approving = batches.begin(tx, ACTION + "approve", lines=lines, by=by, at=at, why=why, detail=f"of batch {batch_id}")
        _keep(tx, waiting, approving)
        new = {"version": T.c.version + 1, "batch_id": approving, "pending": False}
        tx.execute(T.update().where(waiting).values(new))
    return Done(approving, lines)


def _same(stage: Any) -> sa.ColumnElement[bool]:
    return sa.and_(*(T.c[name] == stage.c[name] for name in KEY))


def _count(tx: sa.Connection, query: sa.Select[Any]) -> int:
    return int(tx.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())


def _keep(tx: sa.Connection, which: sa.ColumnElement[bool], batch_id: int) -> None:
    """Decisions about to change: what they are goes into `decision_versions`."""
    tx.execute(OLD.insert().from_select([*NAMES, "superseded_by"], sa.select(*T.c, sa.literal(batch_id)).where(which)))


BLANK = {"batch_id": None, "decided_in": None, "decision": Decision.OPEN, "decided_qty": None, "pending": False, "code": "", "note": ""}
"""A line that nobody has decided on any more; it only counts versions."""


def _put_back(tx: sa.Connection, which: sa.ColumnElement[bool], batch_id: int, undone: int) -> None:
    """What the act `batch_id` replaced takes its place again; what it began is open again."""
    _keep(tx, which, undone)
    before = sa.and_(*(OLD.c[name] == T.c[name] for name in KEY), OLD.c.superseded_by == batch_id)
    restored = {name: OLD.c[name] for name in NAMES if name not in (*KEY, "version")}
    first = sa.and_(which, ~sa.exists().where(before))
    tx.execute(T.update().where(first).values(BLANK | {"version": T.c.version + 1}))
    tx.execute(T.update().where(which, before).values(restored | {"version": T.c.version + 1}))


def _check_newest(tx: sa.Connection, run_id: int) -> None:
    newest = tx.execute(runs.newest_id()).scalar()
    if newest != run_id:
        raise refused(Refusal.OLD_RUN, run=run_id, newest=newest)


def _refuse_frozen(tx: sa.Connection, frozen: sa.Select[Any], what: Refusal = Refusal.FROZEN) -> None:
    found = _some(tx, frozen)
    if len(found):
        raise refused(what, found)


def _refuse_changed(tx: sa.Connection, stage: Any) -> None:
    """Lines that are not as the person saw them."""
    seen = sa.select(*(stage.c[name] for name in KEY), T.c.decision, T.c.decided_qty, tables.batches.c.by)
    seen = seen.select_from(stage.outerjoin(T, _same(stage)).outerjoin(tables.batches, tables.batches.c.batch_id == T.c.batch_id))
    found = _some(tx, seen.where(sa.func.coalesce(T.c.version, 0) != stage.c.version))
    if len(found):
        first = found.iloc[0]
        what = Refusal.CHANGED if first["by"] else Refusal.UNDONE_MEANWHILE
        raise refused(what, found, by=first["by"], decision=first["decision"])


def _refuse_decided_since(tx: sa.Connection, batch_id: int, closed: date) -> None:
    """Lines of an act on which another act came later; those that are frozen by now are left as they are anyhow."""
    same = sa.and_(*(OLD.c[name] == T.c[name] for name in KEY))
    query = sa.select(*(T.c[name] for name in KEY), T.c.batch_id).join(OLD, same).where(OLD.c.batch_id == batch_id)
    found = _some(tx, query.where(T.c.batch_id.is_distinct_from(batch_id), T.c.order_day > closed).distinct())
    if len(found):
        later = found["batch_id"].dropna()
        words = (f"batch {int(later.iloc[0])}", f"第{int(later.iloc[0])}批") if len(later) else ("a later act", "其他处理")
        raise refused(Refusal.DECIDED_SINCE, found, later=words[0], later_zh=words[1], batch=batch_id)


def _some(tx: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of a query that finds what is wrong; in key order, so that an error is the same each time."""
    rows = [dict(row) for row in tx.execute(query).mappings()]
    return pd.DataFrame(rows).sort_values(list(KEY), ignore_index=True) if rows else pd.DataFrame()
