"""F11: that a migration which is not whole when it is killed would be noticed."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ordering import database, tables
from tests import schema
from tests.faults import f11_migrations, filled

TRIES = 6
LEFT_OUT = filled.LEFT_OUT | {"run_steps"}
"""Steps of runs that never were do not outlive a migration."""


@dataclass(frozen=True)
class Here:
    url: str
    folder: Path
    seed: int = 1


def _made_up(db: database.Database, folder: Path) -> None:
    """Every table with rows of no meaning, which takes no night."""
    database.migrate(db)
    for table in tables.metadata.sorted_tables:
        if table.name not in LEFT_OUT and not db.rows(sa.select(sa.literal(1).label("one")).select_from(table).limit(1)):
            filled._make_up(db, table)


def _killed(place: Any, first: int) -> None:
    """Some trials of the fault in which the process is killed."""
    with f11_migrations._kept(place) as reset:
        statements = f11_migrations._statements(place.url, reset)
        for number in range(first, first + TRIES):
            reset()
            f11_migrations._killed(place.url, schema.versions(), statements, random.Random(number))


def test_a_migration_that_is_stored_statement_by_statement_would_be_noticed(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, own = schema.migrate, os.getpid()

    def torn(db: database.Database, to: str, *, down: bool = False) -> None:
        """The process that will be killed commits each statement by itself."""
        if os.getpid() != own:
            listen = sa.event.listen
            listen(db.engine, "before_cursor_execute", lambda one, *_: one.connection.driver_connection.commit(), insert=True)
        whole(db, to, down=down)

    monkeypatch.setattr(filled, "fill", _made_up)
    _killed(Here(url, tmp_path), 1)
    monkeypatch.setattr(schema, "migrate", torn)
    told = r"killed, at \d+|already exists|no such|does not exist|duplicate column|^'?\w+'?$"
    torn_apart = (AssertionError, sa.exc.DBAPIError, sa.exc.NoSuchTableError, KeyError)  # the last two: what Alembic finds gone already
    with pytest.raises(torn_apart, match=told):
        _killed(Here(url, tmp_path), 1)
