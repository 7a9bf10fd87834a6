"""How many passwords are checked: counted in the database, so that any number of processes check no more together."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import hash_of, is_name, login_of
from ordering.database import audit
from ordering.database.connection import Database, new_id
from ordering.service_settings import AccountSettings

T = tables.login_attempts


def take(db: Database, name: str, *, address: str, at: datetime, rules: AccountSettings) -> int | None:
    """Take a place for one check of a password of user `name`; gives its id, None where none is left: then nothing may be checked.

    A refused attempt takes no place, so going on does not put the end off. Names that nobody has are counted like others.
    """
    account = hash_of(login_of(name))
    with db.engine.connect().execution_options(reading=True) as reader:  # the usual case of an attack costs no write
        if _after(reader, account, address, at, rules) is not None and _noted(reader, account, address, at, rules):
            return None
    with db.writing() as tx:
        if tx.dialect.name != "sqlite":  # which has one writer anyhow
            tx.exec_driver_sql(f"LOCK TABLE {T.name} IN SHARE ROW EXCLUSIVE MODE")
        full = _after(tx, account, address, at, rules) is not None
        attempt = new_id(tx, T, {"account_hash": account, "address": address, "at": at, "checked": not full})
        if full:
            _note(tx, name, address, at)
    return None if full else attempt


def give_back(tx: sa.Connection, attempt: int) -> None:
    """The password was right: it was no guess, and does not count."""
    tx.execute(T.delete().where(T.c.attempt_id == attempt))


def wait(db: Database, name: str, *, address: str, at: datetime, rules: AccountSettings) -> timedelta | None:
    """How long until a password of this user is checked again, from this address; None where one would be checked now.

    The same for users and for names that nobody has, so it may be told.
    """
    with db.engine.connect().execution_options(reading=True) as reader:
        after = _after(reader, hash_of(login_of(name)), address, at, rules)
    return None if after is None else after + timedelta(minutes=rules.attempt_minutes) - at


def drop_old(tx: sa.Connection, *, at: datetime, rules: AccountSettings) -> int:
    """Forget attempts that count no more; gives how many."""
    return int(tx.execute(T.delete().where(T.c.at <= at - timedelta(minutes=rules.attempt_minutes))).rowcount)


def _after(tx: sa.Connection, account: str, address: str, at: datetime, rules: AccountSettings) -> datetime | None:
    """The time of the attempt that must grow old before a password is checked again; None where there is a place.

    Of a limit of n it is the n-th newest in the window, and of several limits the latest.
    """
    mine, here = T.c.account_hash == account, T.c.address == address
    limits: list[tuple[tuple[sa.ColumnElement[bool], ...], int]] = [((mine,), rules.attempts)]
    if address:
        limits += [((mine, here), rules.attempts_per_address), ((here,), rules.address_attempts)]
    counts = (T.c.checked, T.c.at > at - timedelta(minutes=rules.attempt_minutes))
    newest = [sa.select(T.c.at).where(*counts, *where).order_by(T.c.at.desc()).offset(n - 1).limit(1) for where, n in limits]
    found = tx.execute(sa.select(*(query.scalar_subquery().label(f"limit_{n}") for n, query in enumerate(newest)))).one()
    return max(filter(None, found), default=None)


def _noted(tx: sa.Connection, account: str, address: str, at: datetime, rules: AccountSettings) -> bool:
    """True where a refusal was put into the audit within the window: once for an address, lest an attack fill it."""
    same = T.c.address == address if address else T.c.account_hash == account
    recent = T.c.at > at - timedelta(minutes=rules.attempt_minutes)
    return tx.execute(sa.select(T.c.attempt_id).where(same, recent, sa.not_(T.c.checked)).limit(1)).first() is not None


def _note(tx: sa.Connection, name: str, address: str, at: datetime) -> None:
    users, named = tables.users, is_name(name.strip())
    known = tx.execute(sa.select(users.c.name).where(users.c.login == login_of(name))).scalar() if named else None
    told = f"address {address}; too many wrong passwords: for a while they are refused unchecked"
    audit.record(tx, action="login.throttled", subject=f"user {known or ''}".strip(), detail=told, by=known or "", at=at)
