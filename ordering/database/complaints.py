"""Complaints until they are closed. Entries are only added; a retailer's are deleted only where it is to be forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import tables
from ordering.accounts import said
from ordering.complaints import LONGEST, SUBJECTS, Entry, State, Subject
from ordering.database import audit
from ordering.database.connection import Database, new_id
from ordering.database.lookups import Among, Rows, _page, own
from ordering.database.territories import one_at_a_time
from ordering.errors import StateError, TrueOrderError

T, ENTRIES = tables.complaints, tables.complaint_entries
SHOPS = tables.contract["retailers"]
TWICE = timedelta(hours=1)
"""How long after one another the same words count as sent twice."""


def begin(db: Database, *, retailer_id: str, subject: str, text: str, by: str, at: datetime) -> int:
    """Open a complaint; gives its number. The same of the same person within TWICE, while it is open, is that complaint, sent twice.

    Raises TrueOrderError where it says nothing, or is about nothing that is known.
    """
    if subject not in SUBJECTS:
        raise TrueOrderError(f'subject "{subject[:50]}": there are {", ".join(Subject)}', f"没有“{subject[:50]}”这一类投诉，请从列表中选择")
    own = {"retailer_id": retailer_id, "subject": str(Subject(subject)), "text": said("text", text, LONGEST)}
    opened = own | {"state": str(State.OPEN), "opened_by": by}
    with db.writing() as tx:
        one_at_a_time(tx, retailer_id)
        same = (T.c[name] == value for name, value in opened.items())
        before = tx.execute(sa.select(T.c.complaint_id).where(*same, T.c.opened_at > at - TWICE)).scalar()
        if before is not None:
            return int(before)
        complaint_id = new_id(tx, T, opened | {"opened_at": at})
        audit.record(tx, action="complaints.open", subject=f"complaint {complaint_id}", detail=own["subject"], by=by, at=at)
    return complaint_id


def add(db: Database, complaint_id: int, kind: Entry, text: str, *, by: str, at: datetime) -> int:
    """Add an entry to a complaint; gives its number. CLOSED closes it with `text` as its outcome, REOPENED opens it again, and so does a
    word of the retailer to one that is closed. The same of the
    same person within TWICE, and nothing between, was sent twice and is kept once.

    Raises TrueOrderError where nothing is said, StateError where there is no such complaint or it does not stand so: a follow-up is of an
    open one, and none is closed or opened twice.
    """
    text = said("outcome" if kind is Entry.CLOSED else "text", text, LONGEST)
    with db.writing() as tx:
        found = tx.execute(sa.select(T).where(T.c.complaint_id == complaint_id).with_for_update()).mappings().first()
        if found is None:
            raise StateError(f"there is no complaint {complaint_id}", f"没有第{complaint_id}号投诉")
        entry = {"complaint_id": complaint_id, "retailer_id": found["retailer_id"], "kind": str(kind), "text": text, "by": by}
        said_before = sa.select(ENTRIES).where(ENTRIES.c.complaint_id == complaint_id).order_by(ENTRIES.c.entry_id.desc())
        last = tx.execute(said_before).mappings().first()
        if last is not None and last["at"] > at - TWICE and all(last[name] == value for name, value in entry.items()):
            return int(last["entry_id"])
        is_open = found["state"] == State.OPEN
        if kind is not Entry.WORD and is_open == (kind is Entry.REOPENED):
            chinese = "未办结" if is_open else "已办结"
            raise StateError(
                f"complaint {complaint_id} is {found['state']}; look at it anew", f"第{complaint_id}号投诉{chinese}，请刷新后再看"
            )
        change = _change(kind, is_open, text, by, at)
        if change:
            tx.execute(T.update().where(T.c.complaint_id == complaint_id).values(change))
        entry_id = new_id(tx, ENTRIES, entry | {"at": at})
        audit.record(tx, action=f"complaints.{kind}", subject=f"complaint {complaint_id}", detail=f"entry {entry_id}", by=by, at=at)
    return entry_id


def _change(kind: Entry, is_open: bool, text: str, by: str, at: datetime) -> dict[str, Any]:
    """What an entry changes of its complaint."""
    if kind is Entry.CLOSED:
        return {"state": str(State.CLOSED), "closed_at": at, "closed_by": by, "outcome": text}
    return {} if is_open else {"state": str(State.OPEN), "closed_at": None, "closed_by": None, "outcome": None}


def listed(db: Database, among: Among | None, *, state: str | None = None, retailer_id: str | None = None, offset: int, limit: int) -> Rows:
    """Complaints with the name of the retailer: open ones first, the oldest first; then those that are closed, the newest first."""
    is_open = T.c.state == str(State.OPEN)
    chosen = [*([] if among is None else [T.c.retailer_id.in_(own(among))]), *([] if state is None else [T.c.state == state])]
    chosen += [] if retailer_id is None else [T.c.retailer_id == retailer_id]
    last = sa.select(sa.func.max(ENTRIES.c.at)).where(ENTRIES.c.complaint_id == T.c.complaint_id).scalar_subquery()
    query = sa.select(T, SHOPS.c.name, last.label("last_at")).outerjoin(SHOPS, SHOPS.c.retailer_id == T.c.retailer_id).where(*chosen)
    order = (sa.case((is_open, 0), else_=1), sa.case((is_open, T.c.opened_at)), T.c.closed_at.desc(), T.c.complaint_id)
    return _page(db, query.order_by(*order), offset, limit)


def of_retailer(db: Database, retailer_id: str, complaint_id: int) -> dict[str, Any] | None:
    """A complaint of a retailer, with its name; None where it has no such complaint."""
    query = sa.select(T, SHOPS.c.name).outerjoin(SHOPS, SHOPS.c.retailer_id == T.c.retailer_id)
    found = db.rows(query.where(T.c.complaint_id == complaint_id, T.c.retailer_id == retailer_id))
    return found[0] if found else None


def entries(db: Database, complaint_id: int) -> list[dict[str, Any]]:
    """What was said and done after a complaint was opened, in order: entry_id, kind, text, at, by."""
    return db.rows(sa.select(ENTRIES).where(ENTRIES.c.complaint_id == complaint_id).order_by(ENTRIES.c.entry_id))


def times(db: Database, first: datetime, before: datetime, among: Among | None = None) -> pd.DataFrame:
    """When complaints were opened and closed: retailer_id, opened_at, closed_at, of those that are open, and those closed from `first` on
    and before `before` (UTC)."""
    chosen = [] if among is None else [T.c.retailer_id.in_(own(among))]
    in_time = sa.or_(T.c.closed_at.is_(None), sa.and_(T.c.closed_at >= first, T.c.closed_at < before))
    columns = [T.c.retailer_id, T.c.opened_at, T.c.closed_at]
    found = pd.DataFrame(db.rows(sa.select(*columns).where(in_time, *chosen).order_by(T.c.complaint_id)), columns=[c.name for c in columns])
    return found.astype({"retailer_id": "str", "opened_at": "datetime64[us]", "closed_at": "datetime64[us]"})
