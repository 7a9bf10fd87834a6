"""A few trials of a restarted server and of migrations killed midway, on every database that they concern."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ordering import database
from tests import schema
from tests.faults import f06_restart, f11_migrations, filled


def place(url: str, folder: Path) -> Any:
    folder.mkdir()
    return SimpleNamespace(url=url, folder=folder, seed=2026)


def test_acts_go_on_while_the_server_restarts(tmp_path: Path) -> None:
    figures = list(f06_restart.trials(place("", tmp_path / "f"), 0, f06_restart.SHORT))
    assert len(figures) == f06_restart.SHORT


def test_migrations_keep_what_a_filled_database_holds(url: str, tmp_path: Path) -> None:
    figures = list(f11_migrations.trials(place(url, tmp_path / "f"), 0, f11_migrations.SHORT))
    assert len(figures) == f11_migrations.SHORT


def test_what_a_column_no_longer_holds_is_seen(db: database.Database) -> None:
    """The control of the trials above."""
    filled._make_up(db, schema.tables.contract["brands"])
    before = filled.columns_of(db)
    with db.writing() as tx:
        tx.execute(schema.tables.contract["brands"].update().values(min_lot=9))
    assert filled.kept(before, filled.columns_of(db)) == ["brands.min_lot"]
    with db.writing() as tx:
        tx.execute(schema.tables.contract["brands"].delete())
    assert "brands: 3 rows, then 0" in filled.kept(before, filled.columns_of(db))
