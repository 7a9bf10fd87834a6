"""Leases: what only one may do at a time, and the fence behind it. One mechanism for SQLite and PostgreSQL, by the database's clock.

A lease is a row with a token and an expiry. Who takes one that is free or expired raises its token; a write under an older token is
refused by `Lease.guard`, in the transaction that would write. On PostgreSQL a guarded transaction holds an advisory lock beside, shared,
until it ends: so a lease never changes hands between the guard and the commit, and the connection of a holder that was paused in the
midst of a write is known, and ended. SQLite has one writer; there, who takes a lease waits for the write under way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database.connection import Database
from ordering.errors import StateError

T = tables.leases
SLACK = 1.0
"""Seconds by which a clock may be set back without notice."""
CUT_WAIT = 2_000
"""Milliseconds that the end of a cut connection, and one who takes the lease at this moment, are waited for."""
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's word for a lock that did not come in time."""

Guard = Callable[[sa.Connection], None]
"""Called first in a write transaction; raises to refuse the write."""


def unguarded(tx: sa.Connection) -> None:
    """The guard of a write that needs no lease."""


class StaleLeaseError(StateError):
    """The lease was lost to somebody else: nothing may be written under it any more."""


class _BusyError(Exception):
    """Somebody else takes the lease, or has just taken it."""


@dataclass(frozen=True)
class Lease:
    """A lease taken: its name, who holds it (host/process/word), and the token under which it writes."""

    name: str
    holder: str
    token: int

    def guard(self, tx: sa.Connection) -> None:
        """Raise StaleLeaseError unless this is still the newest token; the first thing in a write transaction (READ COMMITTED)."""
        if tx.dialect.name == "postgresql":
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(key_of(self.name))))
        newest = tx.execute(sa.select(T.c.token, T.c.holder).where(T.c.name == self.name)).first()
        if newest is None or newest.token != self.token:
            now = f"{newest.holder} holds it" if newest is not None else "it is gone"
            raise StaleLeaseError(f"lease {self.name}: {self.holder} lost it, {now}; nothing was written")


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, or held it last: `holder` as it is stored, host/process/word. Times are UTC, by the database's clock; `live`: it
    has not expired."""

    name: str
    host: str
    process: str
    since: datetime
    renewed_at: datetime
    live: bool
    doing: str
    holder: str

    def __str__(self) -> str:
        return f"{self.host}, process {self.process}, since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def key_of(name: str) -> int:
    """The number of a lease's advisory lock: 64 bits, with a sign."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def clock(dialect: sa.Dialect) -> sa.ColumnElement[float]:
    """Seconds since 1970 by the database's clock, at this moment and not at the beginning of the transaction."""
    if dialect.name == "sqlite":
        return sa.literal_column("((julianday('now') - 2440587.5) * 86400.0)", sa.Double)
    return sa.literal_column("CAST(extract(epoch FROM clock_timestamp()) AS double precision)", sa.Double)


def now(db: Database) -> datetime:
    """The present by the database's clock, UTC."""
    return _utc(float(db.rows(sa.select(clock(db.engine.dialect).label("now")))[0]["now"]))


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _live(dialect: sa.Dialect) -> sa.ColumnElement[bool]:
    """Not expired, and not renewed in what is the future now: then the clock was set back, and the expiry says nothing."""
    present = clock(dialect)
    return sa.and_(T.c.expires > present, T.c.renewed <= present + SLACK)


def nobody(_holder: str) -> bool:
    """Of no holder is it known that it has ended."""
    return False


def take(db: Database, name: str, *, holder: str, seconds: float, is_gone: Callable[[str], bool] = nobody) -> Lease | None:
    """Take a lease for `seconds`; None where somebody holds it. `holder`: host/process/a word of its own; `is_gone`: whether it is known of
    a holder that it has ended.

    A holder whose lease ran out while it was in the midst of a guarded write loses the connection it writes by.
    """
    if (found := holder_of(db, name)) is not None and found.live and not is_gone(found.holder):  # who only waits disturbs no writer
        return None
    with suppress(_BusyError), db.writing() as tx:
        if not _is_held(tx, name, is_gone):
            _enter(tx, name)
            return None if _is_held(tx, name, is_gone) else _taken(tx, name, holder, seconds)
    return None


def _is_held(tx: sa.Connection, name: str, is_gone: Callable[[str], bool]) -> bool:
    found = tx.execute(sa.select(T.c.holder).where(T.c.name == name, _live(tx.dialect))).scalar()
    return found is not None and not is_gone(found)


def _enter(tx: sa.Connection, name: str) -> None:
    """Wait until nobody writes under the lease, nor takes it, and keep it so until this transaction ends. SQLite has one writer anyhow."""
    if tx.dialect.name != "postgresql" or tx.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key_of(name)))).scalar():
        return
    _cut_off(tx, name)
    tx.exec_driver_sql(f"SET LOCAL lock_timeout = {CUT_WAIT}")
    try:
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key_of(name))))
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != LOCK_NOT_AVAILABLE:
            raise
        raise _BusyError from error


def _taken(tx: sa.Connection, name: str, holder: str, seconds: float) -> Lease:
    present = tx.execute(sa.select(clock(tx.dialect))).scalar_one()
    values = {"holder": holder, "since": present, "renewed": present, "expires": present + seconds, "doing": ""}
    before = tx.execute(sa.select(T.c.token).where(T.c.name == name)).scalar()
    if before is None:
        tx.execute(T.insert().values(name=name, token=1, **values))
        return Lease(name, holder, 1)
    tx.execute(T.update().where(T.c.name == name).values(token=before + 1, **values))
    return Lease(name, holder, int(before) + 1)


def _cut_off(tx: sa.Connection, name: str) -> None:
    """End the connections that are in the midst of a write under a lease that has expired (PostgreSQL)."""
    key = key_of(name) % 2**64
    columns = ("pid", "locktype", "mode", "granted", "classid", "objid", "objsubid", "database")
    locks = sa.table("pg_locks", *(sa.column(c) for c in columns))
    here: sa.ColumnElement[int] = sa.literal_column("(SELECT oid FROM pg_database WHERE datname = current_database())")
    shared = (locks.c.locktype == "advisory", locks.c.mode == "ShareLock", locks.c.granted, locks.c.database == here)
    number = (_oid(locks.c.classid) == key >> 32, _oid(locks.c.objid) == key % 2**32, locks.c.objsubid == 1)
    expired = ~sa.exists().where(T.c.name == name, _live(tx.dialect))
    tx.execute(sa.select(sa.func.pg_terminate_backend(locks.c.pid, CUT_WAIT)).where(*shared, *number, expired)).all()


def _oid(column: Any) -> sa.ColumnElement[int]:
    return sa.cast(column, sa.BigInteger)


def renew(db: Database, lease: Lease, seconds: float, doing: str = "") -> bool:
    """Hold a lease for `seconds` from now, and say what is done under it; False where somebody else has taken it."""
    mine = (T.c.name == lease.name, T.c.token == lease.token)
    with db.writing() as tx:
        present = clock(tx.dialect)
        done = tx.execute(T.update().where(*mine).values(renewed=present, expires=present + seconds, doing=doing))
        return bool(done.rowcount)


def release(db: Database, lease: Lease) -> None:
    """Give a lease back, if it is still held: the next may take it at once."""
    with db.writing() as tx:
        tx.execute(T.update().where(T.c.name == lease.name, T.c.token == lease.token).values(expires=0.0, doing=""))


def holder_of(db: Database, name: str) -> Holder | None:
    """Who holds a lease, or held it last; None where nobody ever did."""
    found = db.rows(sa.select(T, _live(db.engine.dialect).label("live")).where(T.c.name == name))
    if not found:
        return None
    row = found[0]
    host, _, process = str(row["holder"]).partition("/")
    times = _utc(row["since"]), _utc(row["renewed"])
    return Holder(name, host, process.partition("/")[0], *times, bool(row["live"]), row["doing"], row["holder"])
