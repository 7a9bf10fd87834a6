"""Users as lists show them: a page at a time, when each was last there, and the codes of which territories are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import Role
from ordering.database import users
from ordering.database.connection import Database

T, SESSIONS, TOKENS = users.T, users.SESSIONS, users.TOKENS


@dataclass(frozen=True)
class Listed:
    """A user; `seen_at` (UTC): when a session that still holds, or a token, was last used; None where neither was."""

    user: users.User
    seen_at: datetime | None


def page(
    db: Database, *, search: str | None = None, role: Role | None = None, disabled: bool | None = None, offset: int, limit: int
) -> tuple[list[Listed], int]:
    """Users by role and name, and how many there are in all; `search`: only those whose name holds this."""
    where: list[sa.ColumnElement[bool]] = [] if search is None else [T.c.name.icontains(search, autoescape=True)]
    where += [] if role is None else [T.c.role == role]
    where += [] if disabled is None else [T.c.disabled.is_(disabled)]
    (count,) = db.rows(sa.select(sa.func.count().label("users")).select_from(T).where(*where))
    found = db.rows(sa.select(T.c.user_id).where(*where).order_by(T.c.role, T.c.name).offset(offset).limit(limit))
    ids = [row["user_id"] for row in found]
    seen = {row["user_id"]: row["seen_at"] for row in db.rows(_seen(ids))}
    shown = users.some(db, T.c.user_id.in_(ids))
    return [Listed(one, seen.get(one.person.user_id)) for one in shown], int(count["users"])


def _seen(ids: Sequence[int]) -> sa.Select[Any]:
    used = sa.union_all(
        sa.select(SESSIONS.c.user_id, SESSIONS.c.seen_at.label("at")).where(SESSIONS.c.user_id.in_(ids)),
        sa.select(TOKENS.c.user_id, TOKENS.c.used_at.label("at")).where(TOKENS.c.user_id.in_(ids)),
    ).subquery()
    return sa.select(used.c.user_id, sa.func.max(used.c.at, type_=sa.DateTime).label("seen_at")).group_by(used.c.user_id)


def codes(db: Database) -> Mapping[str, Mapping[str, int]]:
    """Of each kind of territory ("manager", "district") its codes, each with how many retailers it has."""
    found = {}
    for kind, column in users.KINDS.items():
        rows = db.rows(sa.select(column.label("code"), sa.func.count().label("retailers")).group_by(column).order_by(column))
        found[kind] = {str(row["code"]): int(row["retailers"]) for row in rows}
    return found


LATEST = 10_000
"""Entries of the audit whose acts are named: it grows for years."""


def actions(db: Database) -> list[str]:
    """The names of the acts among the latest of the audit."""
    t = tables.audit
    latest = sa.select(t.c.action).order_by(t.c.audit_id.desc()).limit(LATEST).subquery()
    return [str(row["action"]) for row in db.rows(sa.select(latest.c.action).distinct().order_by(latest.c.action))]
