"""Transactions tried again: when the book is old, when another was first, when the connection is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from ordering.database.connection import Database
from ordering.errors import StateError

T = TypeVar("T")
TRIES = 8
PAUSE = 0.02
"""Seconds before the second try; twice as many before each one after it."""


class StaleError(Exception):
    """What was prepared is old; `mend` makes it new."""

    def __init__(self, mend: Callable[[], None]) -> None:
        self.mend = mend
        super().__init__("what was prepared is old")


class BusyError(StateError):
    """Others were first, again and again."""


def retried(db: Database, act: Callable[[sa.Connection], T], *, reading: bool = False, single: bool = False) -> T:
    """`act` in a transaction of its own, which commits when it ends well; on what a second try may mend, again. `single`: all that it
    writes is one statement, which on PostgreSQL needs no transaction.

    A commit whose answer was lost may have been done: whoever writes asks first whether its key was answered. Raises BusyError where it
    was disturbed too often, StateError where the database does not answer.
    """
    lost: sa.exc.DBAPIError | None = None
    options = db.apart if single and db.engine.dialect.name == "postgresql" else {"reading": reading}
    for attempt in range(TRIES):
        try:
            with db.engine.connect().execution_options(**options) as connection, connection.begin():
                return act(connection)
        except StaleError as old:
            old.mend()
            continue
        except sa.exc.IntegrityError:
            lost = None
        except sa.exc.OperationalError as error:
            lost = error
        time.sleep(PAUSE * 2**attempt)
    if lost is not None:
        raise StateError(f"the database does not answer ({lost.orig}); send the same again, with the same key, when it does") from lost
    raise BusyError("others were first, again and again; nothing was written: send the same once more, with the same key")
