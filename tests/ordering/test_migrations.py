"""Upgrades of databases that hold something: what is known of old rows is filled in, and nothing is lost in silence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from ordering import database, frames, tables
from tests import factories as f

AT = datetime(2026, 3, 2, 4, 0)
LINE = {
    "run_id": 1, "week": f.week(0), "requested": 9, "allocated": 6, "usable": 9, "weight": 1000, "ticket": 7, "level": 6.0,
    "reason": "LEVEL", "policy": "uniform",
}  # fmt: skip


def migrate(db: database.Database, to: str, *, down: bool = False) -> None:
    from alembic import command
    from alembic.config import Config

    from ordering.database.connection import MIGRATIONS

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, to)


def insert(db: database.Database, **rows: list[dict[str, Any]]) -> None:
    """Rows into tables as they are in the database, whatever its version."""
    with db.writing() as tx:
        for name, given in rows.items():
            tx.execute(sa.Table(name, sa.MetaData(), autoload_with=tx).insert(), given)


def test_lines_and_levels_stored_before_their_packs_and_turns_were_kept_have_them_after_the_upgrade(url: str) -> None:
    db = database.connect(url)
    migrate(db, "0003")
    plain = f.brand("B1") | {"price_class": 2, "supply_attribute": "tight", "origin": "own", "resale_prone": False}
    packs = {"B1": (5, 10), "B2": (1, 3)}
    lines = [LINE | {"order_id": "O1", "brand_id": brand} for brand in ("B1", "B2", "GONE")]
    limited = {"B1": (-9, -2, 0, 1), "B2": (0,)}
    level = {"run_id": 1, "available": 6, "expected": 9.0}
    insert(
        db,
        brands=[plain | {"brand_id": brand, "pack_multiple": pack, "min_lot": lot} for brand, (pack, lot) in packs.items()],
        supply=[{"brand_id": brand, "week": f.week(w), "available": 6} for brand, weeks in limited.items() for w in weeks],
        run_allocation=[line | {"retailer_id": "R1", "order_date": f.week(0)} for line in lines],
        confirmations=[line | {"confirmed_at": AT, "confirmed_by": "Li"} for line in lines],
        run_week_levels=[level | {"brand_id": brand, "week": f.week(w)} for brand in ("B1", "B2", "GONE") for w in (0, 1)],
    )
    database.migrate(db)
    for table in (tables.results["allocation"], tables.confirmations):
        found = {row["brand_id"]: (row["pack_multiple"], row["min_lot"]) for row in db.rows(sa.select(table))}
        assert found == packs | {"GONE": (1, 1)}
    levels = db.rows(sa.select(tables.results["week_levels"]))
    turns = {(row["brand_id"], row["week"]): row["turns"] for row in levels}
    assert turns == {
        ("B1", f.week(0)): 2, ("B1", f.week(1)): 3, ("B2", f.week(0)): 0, ("B2", f.week(1)): 1,
        ("GONE", f.week(0)): 0, ("GONE", f.week(1)): 0,
    }  # fmt: skip
    db.engine.dispose()


def test_deleted_personal_data_are_not_let_in_again_by_a_downgrade(db: database.Database) -> None:
    row = {"pseudonym": "deleted-1", "group_hash": "", "group_pseudonym": "", "forgotten_at": AT, "forgotten_by": "Li"}
    insert(db, forgotten_retailers=[row | {"retailer_id": "R1"}])
    with pytest.raises(RuntimeError, match=r"^1 retailers' personal data were deleted; an older version would import them again"):
        migrate(db, "0010", down=True)
    with db.writing() as tx:
        tx.execute(tables.forgotten_retailers.delete())
    migrate(db, "0010", down=True)
    database.migrate(db)


def test_cancelled_orders_are_not_lost_by_a_downgrade(db: database.Database) -> None:
    line = f.line("R1", "B1", 5, 5) | {"week": f.week(-1), "version": 1}
    insert(db, cancelled_lines=[line | {"order_id": f"O{n}", "batch_id": n // 2} for n in range(2, 5)])
    with pytest.raises(RuntimeError, match=r"^3 cancelled order lines .* restore them first: trueorder restore BATCH \(batches 1, 2\)$"):
        migrate(db, "0008", down=True)
    database.migrate(db)
    assert len(db.rows(sa.select(tables.cancelled_lines))) == 3
    with db.writing() as tx:
        tx.execute(tables.cancelled_lines.delete())
    migrate(db, "0008", down=True)
    database.migrate(db)
    database.store(db, {"retailers": f.table(frames.RETAILERS, [f.retailer()])}, folder="city", by="tester", at=AT)
