"""A lost connection to PostgreSQL: told from other errors, waited out, and the work repeated whole where nothing of it was written.

Whether a transaction whose commit was cut off came to be is not guessed: each leaves a number in `internal.commits`, under a lock which
its server process lets go of only when it has ended. Who finds the number behind that lock knows that it was written, who does not that it
was not. SQLite has no connection to lose; all of this does nothing there.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from ordering.errors import DatabaseError, StateError

P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 300.0
"""Seconds for which a server that went away is waited for."""
ATTEMPTS = 5
"""How often a piece of work is begun before the loss is told instead."""
COMMITS = "internal.commits"
KEPT = "1 day"


class LostError(DatabaseError):
    """The connection was lost, and nothing of the transaction was written."""


def is_loss(error: BaseException) -> bool:
    """True for an error of the driver that says that the connection, or the server, is gone."""
    if isinstance(error, sa.exc.DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_loss(error.orig))
    kind, state = type(error), getattr(error, "sqlstate", None)
    if not kind.__module__.startswith(("psycopg", "adbc_driver_manager")):
        return False
    if state:
        return str(state).startswith(("08", "57P"))
    if kind.__module__.startswith("psycopg"):
        return any(base.__name__ == "OperationalError" for base in kind.__mro__)
    return any(word in str(error) for word in ("connection", "connect", "server closed", "SSL"))


@contextmanager
def told(engine: sa.Engine) -> Iterator[None]:
    """A lost connection within the block becomes a LostError in words."""
    try:
        yield
    except Exception as error:  # of SQLAlchemy, or of one of the drivers under it, which share no base
        if isinstance(error, StateError) or not is_loss(error):
            raise
        raise LostError(f"{_name(engine.url)}: the connection was lost, and nothing was written; try again ({_short(error)})") from error


def _name(url: sa.URL) -> str:
    return f"database {url.set(drivername=url.get_backend_name()).render_as_string()}"


def _short(error: BaseException) -> str:
    """The first line of what the driver says."""
    said = getattr(error, "orig", None) or error
    return next(iter(str(said).strip().splitlines()), type(said).__name__)


@contextmanager
def committing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A write transaction; it commits when the block ends well, and then is written, or LostError says that it is not.

    Raises StateError where the server stays away so that this cannot be found out.
    """
    with told(engine), engine.connect() as tx, tx.begin() as transaction:
        yield tx
        token = _mark(tx) if engine.dialect.name == "postgresql" else 0
        try:
            transaction.commit()
        except sa.exc.DBAPIError as error:
            if not is_loss(error) or not token or not _was_written(engine, token, error):
                raise


def _mark(tx: sa.Connection) -> int:
    """Leave the transaction's number; 0 where the schema is older than that."""
    if tx.exec_driver_sql(f"SELECT to_regclass('{COMMITS}')").scalar() is None:
        return 0
    token = secrets.randbits(62) | 1
    tx.exec_driver_sql(
        f"WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock({token})) INSERT INTO {COMMITS} (token) SELECT {token} FROM held"
    )
    return token


def _was_written(engine: sa.Engine, token: int, error: BaseException) -> bool:
    """Whether the transaction of that number was committed, asked when the server is back and its process has ended."""
    for _ in range(ATTEMPTS):
        try:
            wait(engine, error)
        except StateError as away:
            raise DatabaseError(
                f"{_name(engine.url)}: the connection was lost while it was written, and the server stays away ({_short(error)}); "
                "start it and run the same command again: what was written is not written twice"
            ) from away
        try:
            with engine.begin() as tx:
                tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({token})")
                return tx.exec_driver_sql(f"SELECT 1 FROM {COMMITS} WHERE token = {token}").scalar() is not None
        except sa.exc.DBAPIError as again:
            if not is_loss(again):
                raise
    raise DatabaseError(f"{_name(engine.url)}: the connection is lost again and again ({_short(error)}); see the server's log")


def wait(engine: sa.Engine, error: BaseException) -> None:
    """Wait until the server answers; StateError in words where it does not within PATIENCE."""
    end, pause = time.monotonic() + PATIENCE, 0.05
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
            return
        except sa.exc.DBAPIError as away:
            if not is_loss(away):
                raise
            if time.monotonic() + pause > end:
                raise DatabaseError(
                    f"{_name(engine.url)}: the connection was lost and the server did not come back within {PATIENCE:.0f} s "
                    f"({_short(error)}); nothing more was written: start it and run the same command again"
                ) from error
        time.sleep(pause)
        pause = min(2 * pause, 2.0)


def repeated(work: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Let `work(db, …)`, which is one transaction or only reads, be begun anew where its connection was lost."""

    @wraps(work)
    def persistent(db: Any, /, *given: P.args, **named: P.kwargs) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return work(db, *given, **named)
            except LostError as error:
                wait(db.engine, error.__cause__ or error)
        return work(db, *given, **named)

    return persistent


def forget_commits(tx: sa.Connection) -> None:
    """Take away the numbers of transactions long past."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(f"DELETE FROM {COMMITS} WHERE committed_at < now() - interval '{KEPT}'")
