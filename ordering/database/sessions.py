"""Coming in by password, and the sessions that follow. A session is a row: it ends when the row goes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ordering import passwords, tables
from ordering.accounts import Person, Session, csrf_of, hash_of, is_name, login_of
from ordering.database import audit, throttle, users
from ordering.database.connection import Database
from ordering.service_settings import AccountSettings

T, USERS = tables.user_sessions, tables.users
SEEN_EVERY = timedelta(minutes=1)
"""How coarsely it is noted when a session was last used."""


WHOSE = users.by_secret(T, T.c.seen_at, T.c.idle_seconds)


def log_in(db: Database, name: str, password: str, *, address: str, at: datetime, rules: AccountSettings) -> Session | None:
    """A new session, or None: wrong password, no such user, disabled, or too many tries (`throttle.wait` tells those, and how long).

    Whether there is such a user shows neither in the answer nor in the time it takes. What happened is audited.
    """
    attempt = throttle.take(db, name, address=address, at=at, rules=rules)
    if attempt is None:
        return None
    found = db.rows(sa.select(USERS).where(USERS.c.login == login_of(name))) if is_name(name.strip()) else []
    user = found[0] if found else None
    stored = user["password_hash"] if user else None
    right = passwords.matches(stored or passwords.stand_in(rules), password, rules)
    if user is None or stored is None or not right or user["disabled"]:
        _refuse(db, user, address, at)
        return None
    renewed = passwords.hashed(password, rules) if passwords.outdated(stored, rules) else stored
    return _begin(db, user, renewed, attempt, address, at, rules)


def _refuse(db: Database, user: dict[str, Any] | None, address: str, at: datetime) -> None:
    """A name that nobody has is not written down: people type their password there."""
    name = user["name"] if user else ""
    with db.writing() as tx:
        detail = f"address {address}; {'disabled' if user and user['disabled'] else 'wrong password' if user else 'no such user'}"
        audit.record(tx, action="login.refused", subject=f"user {name}".strip(), detail=detail, by=name, at=at)


def _begin(
    db: Database, user: dict[str, Any], stored: str, attempt: int, address: str, at: datetime, rules: AccountSettings
) -> Session | None:
    """Open the session, unless the user was disabled or got another password or role since it was read."""
    secret = secrets.token_urlsafe(32)
    ends = at + timedelta(hours=rules.session_hours)
    with db.writing() as tx:
        now = tx.execute(sa.select(USERS).where(USERS.c.user_id == user["user_id"]).with_for_update()).mappings().first()
        if now is None or any(now[name] != user[name] for name in ("password_hash", "role", "disabled")):
            return None
        throttle.give_back(tx, attempt)
        if stored != user["password_hash"]:
            tx.execute(USERS.update().where(USERS.c.user_id == user["user_id"]).values(password_hash=stored))
        values = {"user_id": user["user_id"], "created_at": at, "seen_at": at, "expires_at": ends, "address": address}
        tx.execute(T.insert().values(secret_hash=hash_of(secret), idle_seconds=60 * rules.idle_minutes, **values))
        audit.record(tx, action="login", subject=f"user {user['name']}", detail=f"address {address}", by=user["name"], at=at)
        rows = [dict(row) for row in tx.execute(users.joined(USERS).where(USERS.c.user_id == user["user_id"])).mappings()]
    return Session(secret, csrf_of(secret), users.person_of(rows), ends)


def by_session(db: Database, secret: str, *, at: datetime) -> Person | None:
    """Whose session this is, as the user is now; None where it has ended, or never was. One query; a write at most once a minute."""
    key = hash_of(secret)
    rows = db.rows(WHOSE, secret_hash=key, at=at)
    if not rows or rows[0]["seen_at"] + timedelta(seconds=rows[0]["idle_seconds"]) <= at:
        return None
    if at - rows[0]["seen_at"] >= SEEN_EVERY:
        touch(db, T.update().where(T.c.secret_hash == key, T.c.seen_at < at).values(seen_at=at))
    return users.person_of(rows)


def touch(db: Database, update: sa.Update) -> None:
    """Note that something was used, if that can be done at once: a long write of somebody else on SQLite is not waited for."""
    if db.engine.dialect.name != "sqlite":
        with db.engine.connect().execution_options(**db.apart) as connection:
            connection.execute(update)
        return
    with db.engine.connect().execution_options(reading=True) as connection:
        waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        try:
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            connection.execute(update)
            connection.commit()
        except sa.exc.OperationalError:  # locked; a later request notes it
            connection.rollback()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {waits}")


def log_out(db: Database, secret: str, at: datetime) -> None:
    """End a session; nothing happens where there is none."""
    with db.writing() as tx:
        owner = sa.select(USERS.c.name).join(T, T.c.user_id == USERS.c.user_id).where(T.c.secret_hash == hash_of(secret))
        name = tx.execute(owner).scalar()
        if tx.execute(T.delete().where(T.c.secret_hash == hash_of(secret))).rowcount:
            audit.record(tx, action="logout", subject=f"user {name}", detail="", by=str(name), at=at)


@dataclass(frozen=True)
class Open:
    """A session as a list shows it."""

    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str


def open_sessions(db: Database, name: str, *, at: datetime) -> list[Open]:
    """The sessions of a user that hold, the newest first. Raises StateError where there is no such user."""
    user_id = users.find(db, name).person.user_id
    rows = db.rows(sa.select(T).where(T.c.user_id == user_id, T.c.expires_at > at).order_by(T.c.created_at.desc()))
    live = [row for row in rows if row["seen_at"] + timedelta(seconds=row["idle_seconds"]) > at]
    return [Open(row["created_at"], row["seen_at"], row["expires_at"], row["address"]) for row in live]


def end_sessions(db: Database, name: str, *, by: str, at: datetime) -> int:
    """End all sessions of a user; gives how many there were."""
    user = users.find(db, name).person
    with db.writing() as tx:
        gone = tx.execute(T.delete().where(T.c.user_id == user.user_id)).rowcount
        audit.record(tx, action="users.sessions", subject=f"user {user.name}", detail=f"{gone} ended", by=users.named(by), at=at)
    return int(gone)
