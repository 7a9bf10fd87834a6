"""API tokens: a secret shown once, stored as a hash, with an end, a label, and scopes."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import Permission, Person, Role, hash_of, said, scopes_of
from ordering.database import audit, users
from ordering.database.connection import Database, new_id
from ordering.database.sessions import touch
from ordering.errors import StateError, TrueOrderError

T, USERS = tables.user_tokens, tables.users
USED_EVERY = timedelta(hours=1)
"""How coarsely it is noted when a token was last used."""
MARK = "trueorder_"
"""Begins every token, so that one that strayed into a file or a log can be told for what it is."""

WHOSE = users.by_secret(T, T.c.scopes, T.c.used_at).where(T.c.revoked_at.is_(None))


@dataclass(frozen=True)
class Token:
    """A token as a list shows it; times are UTC."""

    token_id: int
    label: str
    scopes: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def new_token(
    db: Database, name: str, *, label: str, expires_at: datetime, by: str, at: datetime, scopes: Iterable[str] = (), most_days: int = 366
) -> str:
    """A new token of a user; the secret is given this once. `scopes`: names of permissions; none: all that the role may.

    Raises TrueOrderError where the label is empty, the end not within `most_days`, a scope not the role's, or a service names none.
    """
    label = said("label", label)
    if not at < expires_at <= at + timedelta(days=most_days):
        raise TrueOrderError(
            f"expires {expires_at:%Y-%m-%d}: a token ends within {most_days} days from now",
            f"有效期至{expires_at:%Y-%m-%d}：令牌须在{most_days}天内到期",
        )
    secret = MARK + secrets.token_urlsafe(32)
    with db.writing() as tx:
        user = users.locked(tx, name)
        if user["disabled"]:
            raise StateError(
                f'user "{user["name"]}" is disabled; let in again by: trueorder users enable', f"用户“{user['name']}”已停用；请先重新启用"
            )
        kept = " ".join(sorted(scopes_of(Role(user["role"]), frozenset(scopes))))
        values = {"user_id": user["user_id"], "label": label, "scopes": kept, "created_at": at, "expires_at": expires_at}
        token_id = new_id(tx, T, values | {"secret_hash": hash_of(secret), "created_by": users.named(by)})
        detail = f"token {token_id} until {expires_at:%Y-%m-%d}; {kept or 'all of the role'}"
        audit.record(tx, action="users.token", subject=f"user {user['name']}", detail=detail, by=users.named(by), at=at)
    return secret


def by_token(db: Database, secret: str, *, at: datetime) -> Person | None:
    """Whose token this is, as the user is now, with its scopes; None where it is revoked, has ended, or never was. One query."""
    key = hash_of(secret)
    rows = db.rows(WHOSE, secret_hash=key, at=at)
    if not rows:
        return None
    if rows[0]["used_at"] is None or at - rows[0]["used_at"] >= USED_EVERY:
        touch(db, T.update().where(T.c.secret_hash == key).values(used_at=at))
    scopes = frozenset(Permission(name) for name in rows[0]["scopes"].split())
    return replace(users.person_of(rows), scopes=scopes or None)


def revoke_token(db: Database, token_id: int, *, by: str, why: str, at: datetime) -> None:
    """End a token before its time. Raises StateError where there is none, or it was revoked already."""
    why = said("why", why)
    with db.writing() as tx:
        live = (T.c.token_id == token_id, T.c.revoked_at.is_(None))
        if not tx.execute(T.update().where(*live).values(revoked_at=at, revoked_by=users.named(by))).rowcount:
            raise StateError(
                f"there is no token {token_id} to revoke; trueorder users sessions NAME shows those of a user",
                f"没有可撤销的令牌{token_id}",
            )
        owner = sa.select(USERS.c.name).join(T, T.c.user_id == USERS.c.user_id).where(T.c.token_id == token_id)
        told = f"token {token_id}; {why}"
        audit.record(tx, action="users.revoke", subject=f"user {tx.execute(owner).scalar_one()}", detail=told, by=users.named(by), at=at)


def tokens(db: Database, name: str) -> list[Token]:
    """The tokens of a user, the newest first, revoked ones as well."""
    user_id = users.find(db, name).person.user_id
    columns = (T.c[name] for name in Token.__dataclass_fields__)
    return [Token(**row) for row in db.rows(sa.select(*columns).where(T.c.user_id == user_id).order_by(T.c.token_id.desc()))]
