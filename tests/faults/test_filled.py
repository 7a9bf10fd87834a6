"""The look at a filled database by which trials of migrations judge."""

from __future__ import annotations

from ordering import database
from tests import schema
from tests.faults import filled


def test_what_a_column_no_longer_holds_is_seen(db: database.Database) -> None:
    filled._make_up(db, schema.tables.contract["brands"])
    before = filled.columns_of(db)
    with db.writing() as tx:
        tx.execute(schema.tables.contract["brands"].update().values(min_lot=9))
    assert filled.kept(before, filled.columns_of(db)) == ["brands.min_lot"]
    with db.writing() as tx:
        tx.execute(schema.tables.contract["brands"].delete())
    assert "brands: 3 rows, then 0" in filled.kept(before, filled.columns_of(db))
