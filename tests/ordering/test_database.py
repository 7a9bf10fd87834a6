"""Storing and reading on both databases: merged by key, all or nothing, versions kept, nothing lost to concurrency."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from ordering import database, frames, tables
from ordering.database import bulk
from ordering.errors import ImportRefusedError, StateError
from tests import factories as f
from tests import schema

AT = datetime(2026, 3, 2, 1, 30)


def store(db: database.Database, **rows: list[dict[str, Any]]) -> dict[str, database.Stored]:
    found = {name: f.table(frames.CONTRACT[name], given) for name, given in rows.items()}
    return database.store(db, found, folder="city", by="tester", at=AT)


def lines_of(db: database.Database) -> list[dict[str, Any]]:
    t = tables.order_lines
    return db.rows(sa.select(t).order_by(t.c.order_id, t.c.brand_id))


def renewed(db: database.Database, before: dict[date, int]) -> set[date]:
    """Weeks whose version is not what it was."""
    return {week for week, version in database.weeks_with_orders(db).items() if before.get(week) != version}


def test_every_contract_table_comes_back_as_it_went_in(db: database.Database) -> None:
    rows = {
        "retailers": [f.retailer("001", latitude=36.5), f.retailer("002", active_from=date(2025, 1, 1))],
        "brands": [f.brand("B1", resale_prone=True), f.brand("B2", launched_on=date(2025, 5, 5), pack_multiple=5)],
        "order_lines": [f.line("001", "B1", 5, 3), f.line("002", "B2", 4, None)],
        "stock_counts": [{"retailer_id": "001", "brand_id": "B1", "counted_on": date(2026, 2, 1), "stock": 0}],
        "monthly_quotas": [{"month": "2026-03", "star_level": 3, "brand_id": "", "quota": 40}],
        "targets": [{"metric": "fulfilment_rate", "period": "2026-12", "dimension": "district", "value": "D1", "target": 0.86}],
    }
    store(db, **rows)
    with db.reading() as reader:
        for name, given in rows.items():
            wanted = f.table(frames.CONTRACT[name], given)
            pd.testing.assert_frame_equal(database.read_table(reader, name), wanted, check_categorical=False)


def test_a_server_on_this_machine_is_found_by_its_socket(postgres_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The driver of bulk reads looks into a folder of its own where the address names no host."""
    url = sa.make_url(postgres_server)
    folder = str(url.query["host"])
    bare = url.difference_update_query(["host"])
    with monkeypatch.context() as without:
        without.setattr(bulk, "SOCKETS", (str(tmp_path), folder))
        with bulk.reading(bare, sa.create_engine(url.set(drivername="postgresql+psycopg")).dialect) as reader:
            assert reader.fetch(sa.select(sa.literal(1).label("one")), {"one": pa.int64()}).to_pylist() == [{"one": 1}]
        for named in (url, bare.set(host="db.example")):
            assert bulk._placed(named) == named
        without.setattr(bulk, "SOCKETS", (str(tmp_path),))
        assert bulk._placed(bare) == bare


def test_a_table_whose_first_thousands_of_dates_are_missing_is_read_with_its_dates(db: database.Database) -> None:
    shops = [f.retailer(f"{n:05}") for n in range(3000)]
    shops[-1]["active_to"] = date(2026, 1, 5)
    shops[-1]["latitude"] = 36.25
    store(db, retailers=shops)
    with db.reading() as reader:
        found = database.read_table(reader, "retailers")
    assert found["active_to"].iloc[-1] == pd.Timestamp(2026, 1, 5)
    assert found["latitude"].iloc[-1] == 36.25
    assert found["active_to"].notna().sum() == 1


def test_the_same_rows_again_change_nothing(db: database.Database) -> None:
    rows: dict[str, Any] = {
        "retailers": [f.retailer()],
        "brands": [f.brand()],
        "order_lines": [f.line(), f.line(brand_id="B2", allocated=None)],
    }
    store(db, **rows)
    before, weeks = lines_of(db), database.weeks_with_orders(db)
    counts = store(db, **rows)
    assert {name: (c.new, c.changed) for name, c in counts.items()} == dict.fromkeys(rows, (0, 0))
    assert lines_of(db) == before
    assert database.weeks_with_orders(db) == weeks


def test_correcting_one_line_of_an_old_week_leaves_every_other_line_as_it_was(db: database.Database) -> None:
    old = [f.line(f"R{n}", requested=n + 5, allocated=n, order_date=f.week(-30)) for n in range(20)]
    store(db, order_lines=[*old, f.line("R1", order_date=f.week(-3))])
    before, weeks = lines_of(db), database.weeks_with_orders(db)
    store(db, order_lines=[{**old[7], "requested": 99, "allocated": 6}])
    after = lines_of(db)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [(a["order_id"], b["requested"], b["allocated"], b["version"]) for a, b in changed] == [(old[7]["order_id"], 99, 6, 2)]
    versions = db.rows(sa.select(tables.request_versions))
    assert [(v["version"], v["requested"], v["allocated"]) for v in versions] == [(1, 12, 7)]
    assert renewed(db, weeks) == {f.week(-30)}


def test_an_empty_allocation_never_erases_a_stored_one(db: database.Database) -> None:
    store(db, order_lines=[f.line(requested=8, allocated=5)])
    store(db, order_lines=[f.line(requested=9, allocated=None)])
    assert [(row["requested"], row["allocated"]) for row in lines_of(db)] == [(9, 5)]


def test_a_line_that_moves_to_another_week_leaves_its_old_week(db: database.Database) -> None:
    store(db, order_lines=[f.line(order_date=f.week(-2)), f.line("R2", order_date=f.week(-2))])
    weeks = database.weeks_with_orders(db)
    store(db, order_lines=[{**f.line(order_date=f.week(-2)), "order_date": f.week(-1)}])
    assert [row["week"] for row in lines_of(db)] == [f.week(-1), f.week(-2)]
    assert renewed(db, weeks) == {f.week(-2), f.week(-1)}


def test_a_line_that_would_tear_a_stored_order_apart_is_refused(db: database.Database) -> None:
    store(db, order_lines=[f.line("R1", "B1"), f.line("R1", "B2")])
    before = lines_of(db)
    with pytest.raises(ImportRefusedError) as error:
        store(db, order_lines=[{**f.line("R1", "B2"), "retailer_id": "R2"}])
    assert "would be of R1 and R2, 2026-02-24 and 2026-02-24, with what is stored; give every line of it" in str(error.value)
    assert lines_of(db) == before


def test_a_correction_below_what_was_allocated_is_refused(db: database.Database) -> None:
    store(db, order_lines=[f.line("R1", "B1", 9, 7)])
    before = lines_of(db)
    with pytest.raises(ImportRefusedError) as error:
        store(db, order_lines=[f.line("R1", "B1", 3, None)])
    assert "brand B1: 3 requested, yet 7 are allocated already; correct both, or leave it" in str(error.value)
    assert lines_of(db) == before


def test_an_error_in_the_middle_of_a_write_leaves_the_database_and_its_folder_as_they_were(db: database.Database, tmp_path: Path) -> None:
    store(db, retailers=[f.retailer()])
    files = sorted(tmp_path.iterdir())
    staged = {tables.contract["brands"]: bulk.arrow(frames.BRANDS, f.table(frames.BRANDS, [f.brand()]))}

    def broken() -> None:
        with bulk.staging(db.engine, staged) as tx:
            tx.execute(tables.contract["retailers"].delete())
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        broken()
    assert len(db.rows(sa.select(tables.contract["retailers"]))) == 1
    assert sorted(tmp_path.iterdir()) == files


def test_read_then_write_from_many_threads_loses_no_update(db: database.Database) -> None:
    """Under SQLite's default BEGIN these updates are lost or refused; the transactions here begin IMMEDIATE."""
    t = tables.order_weeks
    with db.writing() as tx:
        tx.execute(t.insert().values(week=f.week(), version=0))

    def raise_it() -> None:
        for _ in range(10):
            with db.writing() as tx:
                found = tx.execute(sa.select(t.c.version).with_for_update()).scalar_one()
                tx.execute(t.update().values(version=found + 1))

    threads = [threading.Thread(target=raise_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.weeks_with_orders(db) == {f.week(): 40}


def test_a_reader_sees_one_moment_while_others_write(db: database.Database) -> None:
    store(db, retailers=[f.retailer("R1")])
    with db.reading() as reader:
        assert len(database.read_table(reader, "retailers")) == 1
        store(db, retailers=[f.retailer("R2")])
        assert len(database.read_table(reader, "retailers")) == 1
    with db.reading() as reader:
        assert len(database.read_table(reader, "retailers")) == 2


def test_the_migrated_schema_equals_the_tables(db: database.Database) -> None:
    assert schema.differences(db) == []


def test_a_table_that_the_migrations_do_not_know_is_seen(db: database.Database) -> None:
    """The control of the test above."""
    other = sa.MetaData(naming_convention=tables.metadata.naming_convention)
    for table in tables.metadata.tables.values():
        table.to_metadata(other)
    sa.Table("forgotten", other, sa.Column("x", sa.Integer, primary_key=True))
    assert schema.differences(db, other)


def test_migrations_go_down_and_up_on_a_filled_database(db: database.Database) -> None:
    store(db, retailers=[f.retailer()])
    schema.migrate(db, "base", down=True)
    assert database.has_no_schema(db) or set(sa.inspect(db.engine).get_table_names()) == {"alembic_version"}
    database.migrate(db)
    store(db, retailers=[f.retailer()])
    assert len(db.rows(sa.select(tables.contract["retailers"]))) == 1


def test_a_database_without_a_schema_says_what_to_do(url: str) -> None:
    with pytest.raises(StateError, match=r"its schema is missing, not \d{4}; run: trueorder init"):
        database.check_schema(database.connect(url))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", 'database "nonsense": no URL; write it like sqlite:///trueorder.db or postgresql://user@host/name'),
        ("mysql://h/d", 'database "mysql://h/d": mysql is not supported; use SQLite or PostgreSQL'),
        ("sqlite://", "database: an SQLite database needs a file; write sqlite:///trueorder.db"),
        ("sqlite:////no/such/folder/x.db", "database: the folder /no/such/folder does not exist; create it first"),
    ],
)
def test_a_wrong_address_is_refused_in_words(url: str, message: str) -> None:
    with pytest.raises(StateError) as error:
        database.connect(url)
    assert str(error.value) == message


def test_a_server_that_does_not_answer_is_told_in_words_without_the_password() -> None:
    db = database.connect("postgresql://me:secret@127.0.0.1:1/none")
    with pytest.raises(StateError) as error:
        database.check_schema(db)
    assert "does not open" in str(error.value)
    assert "secret" not in str(error.value)


def test_lines_are_read_by_day_in_key_order(db: database.Database) -> None:
    days = [f.MONDAY + timedelta(days=n) for n in range(-2, 3)]
    store(db, order_lines=[f.line("R1", order_date=day) for day in reversed(days)])
    with db.reading() as reader:
        found = database.read_lines(reader, days[1], days[3])
    assert found["order_date"].to_pylist() == days[1:4]


def test_every_reading_sees_its_own_moment(db: database.Database) -> None:
    def shops(reader: database.Reader) -> list[str]:
        return database.read_table(reader, "retailers")["retailer_id"].tolist()

    store(db, retailers=[f.retailer("R1")])
    with db.reading() as early:
        assert shops(early) == ["R1"]
        store(db, retailers=[f.retailer("R2")])
        with db.reading() as late:
            assert shops(late) == ["R1", "R2"]
        assert shops(early) == ["R1"]
    with db.reading() as after:
        assert shops(after) == ["R1", "R2"]


def test_a_reading_that_failed_spoils_none_after_it(tmp_path: Path) -> None:
    db, gone = (database.connect(f"sqlite:///{tmp_path / name}") for name in ("city.db", "gone.db"))
    database.migrate(db)
    for broken in ("SELECT * FROM nothing", "SELECT 1"):
        with pytest.raises(StateError, match="cannot be read"), (db if "nothing" in broken else gone).reading() as reader:
            reader.fetch(sa.select(sa.text(broken.removeprefix("SELECT "))), {})
        with db.reading() as reader:
            assert database.read_table(reader, "retailers").empty
