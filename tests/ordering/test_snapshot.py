"""What a night may know: nothing of later days, the same from rows and from Parquet, the same on both databases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ordering import database, frames, history, snapshot
from ordering.errors import StateError
from tests import factories as f

AT = datetime(2026, 3, 2, 1, 30)
LATER = f.week(1)
CITY: dict[str, list[dict[str, Any]]] = {
    "retailers": [f.retailer("R1"), f.retailer("R2", order_weekday=4), f.retailer("R3", active_from=LATER + timedelta(days=20))],
    "brands": [f.brand("B1"), f.brand("B2", withdrawn_on=LATER + timedelta(days=3)), f.brand("B3", launched_on=LATER + timedelta(days=30))],
    "order_lines": [
        f.line(r, b, n + 3, n, order_date=f.week(-n) + timedelta(days=1)) for r in ("R1", "R2") for b in ("B1", "B2") for n in range(1, 9)
    ],
    "supply": [{"brand_id": "B1", "week": f.week(n), "available": 50 + n} for n in range(-8, 2)],
    "release_strategy": [{"brand_id": "B1", "week": f.week(n), "star_level": 3, "cap": 9} for n in range(-8, 1)],
    "star_levels": [{"retailer_id": "R1", "month": "2026-02", "star_level": 4}],
    "monthly_quotas": [{"month": "2026-03", "star_level": 3, "brand_id": "B1", "quota": 40}],
    "stock_counts": [{"retailer_id": "R1", "brand_id": "B1", "counted_on": f.week(-1), "stock": 2}],
    "scanned_sales": [{"retailer_id": "R1", "brand_id": "B1", "week": f.week(n), "sold": 2} for n in (-3, -2, -1)],
    "festivals": [{"name": "庙会", "starts_on": f.week(2), "district": "D1", "days": 3}],
}
WAITING = [
    f.line("R1", "B1", 6, None, order_date=f.MONDAY + timedelta(days=1)),
    f.line("R2", "B1", 4, None, order_date=f.MONDAY + timedelta(days=3)),
]
AFTER: dict[str, list[dict[str, Any]]] = {
    "retailers": [f.retailer("R4", active_from=LATER)],
    "order_lines": [f.line("R1", "B1", 70, 50, order_date=LATER), f.line("R2", "B2", 9, 9, order_date=f.week(2))],
    "supply": [{"brand_id": "B1", "week": f.week(2), "available": 1}],
    "star_levels": [{"retailer_id": "R1", "month": "2026-04", "star_level": 1}],
    "monthly_quotas": [{"month": "2026-04", "star_level": 3, "brand_id": "B1", "quota": 1}],
    "stock_counts": [{"retailer_id": "R1", "brand_id": "B1", "counted_on": f.MONDAY, "stock": 30}],
    "scanned_sales": [{"retailer_id": "R1", "brand_id": "B1", "week": f.week(0), "sold": 30}],
}


def store(db: database.Database, rows: dict[str, Sequence[dict[str, Any]]]) -> None:
    found = {name: f.table(frames.CONTRACT[name], given) for name, given in rows.items()}
    database.store(db, found, folder="city", by="tester", at=AT)


def read(db: database.Database, folder: Path, on: date = f.MONDAY) -> frames.Snapshot:
    return snapshot.read_week(db, on, weeks=20, horizon=13, history_folder=folder)[0]


@pytest.fixture
def city(db: database.Database) -> database.Database:
    store(db, CITY | {"order_lines": CITY["order_lines"] + WAITING})
    return db


def test_later_weeks_change_nothing_of_an_earlier_night(city: database.Database, tmp_path: Path) -> None:
    before = snapshot.of_snapshot(read(city, tmp_path / "h"))
    store(city, AFTER)
    assert snapshot.of_snapshot(read(city, tmp_path / "h")) == before


def test_an_earlier_line_does_change_it(city: database.Database, tmp_path: Path) -> None:
    """The control of the law above."""
    before = snapshot.of_snapshot(read(city, tmp_path / "h"))
    store(city, {"order_lines": [f.line("R1", "B1", 70, 50, order_date=f.week(-4))]})
    assert snapshot.of_snapshot(read(city, tmp_path / "h")) != before


def test_both_databases_and_the_history_give_the_same(tmp_path: Path, postgres_url: str) -> None:
    found = set()
    for url in (f"sqlite:///{tmp_path / 'a.db'}", postgres_url):
        db = database.connect(url)
        database.migrate(db)
        store(db, CITY | {"order_lines": CITY["order_lines"] + WAITING})
        for _ in range(2):  # from the rows, then from the files written meanwhile
            found.add(snapshot.of_snapshot(read(db, tmp_path / db.engine.dialect.name)))
    assert len(found) == 1


def test_history_is_lines_before_the_date_and_waiting_the_seven_days_from_it(city: database.Database, tmp_path: Path) -> None:
    known = read(city, tmp_path / "h", f.MONDAY + timedelta(days=2))
    assert known.lines["order_date"].max() == frames.day(f.MONDAY + timedelta(days=1))
    assert list(known.waiting["order_date"]) == [frames.day(f.MONDAY + timedelta(days=3))]
    assert list(known.retailers["retailer_id"]) == ["R1", "R2"]
    assert list(known.brands["brand_id"]) == ["B1", "B2"]
    assert known.brands["withdrawn_on"].isna().all()


def test_an_allocation_that_was_not_confirmed_here_is_not_known_of_a_waiting_line(db: database.Database, tmp_path: Path) -> None:
    store(db, CITY | {"order_lines": [*CITY["order_lines"], {**WAITING[0], "allocated": 6}]})
    assert read(db, tmp_path / "h").waiting["allocated"].isna().all()


def test_a_corrected_week_is_read_anew_though_its_file_lies_there(city: database.Database, tmp_path: Path) -> None:
    read(city, tmp_path / "h")
    store(city, {"order_lines": [f.line("R1", "B1", 77, 7, order_date=f.week(-4) + timedelta(days=1))]})
    lines = read(city, tmp_path / "h").lines
    assert lines.loc[lines["requested"] == 77, "allocated"].tolist() == [7]
    assert len(list((tmp_path / "h").glob(f"{f.week(-4)}*"))) == 1


def test_a_damaged_history_file_is_read_from_the_database_and_mended(city: database.Database, tmp_path: Path) -> None:
    before = snapshot.of_snapshot(read(city, tmp_path / "h"))
    for file in (tmp_path / "h").glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:100])
    assert snapshot.of_snapshot(read(city, tmp_path / "h")) == before
    assert all(file.stat().st_size > 100 for file in (tmp_path / "h").glob("*.parquet"))


@pytest.mark.skipif(os.name != "posix", reason="needs a file in the place of a folder")
def test_a_history_folder_that_cannot_be_written_is_told_and_the_night_goes_on(city: database.Database, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    known, troubles = snapshot.read_week(city, f.MONDAY, weeks=20, horizon=13, history_folder=tmp_path / "taken")
    assert len(known.lines) == len(CITY["order_lines"])
    assert len(troubles) == 8
    assert "not written" in troubles[0]
    assert "the week was read from the database" in troubles[0]


def test_rebuilding_the_history_writes_every_week_and_takes_away_the_rest(city: database.Database, tmp_path: Path) -> None:
    from jobs import loading
    from jobs.runs import quiet

    folder = tmp_path / "h"
    folder.mkdir()
    (folder / "2020-01-06.v1.parquet").write_text("of another city")
    assert loading.rebuild_history(city, folder, quiet) == 9
    assert len(list(folder.iterdir())) == 9
    before = snapshot.of_snapshot(read(city, folder))
    assert snapshot.of_snapshot(read(city, tmp_path / "nowhere")) == before


def test_the_history_of_another_database_is_never_read(tmp_path: Path) -> None:
    found = []
    for asked in (5, 7):
        db = database.connect(f"sqlite:///{tmp_path / f'{asked}.db'}")
        database.migrate(db)
        store(db, CITY | {"order_lines": [f.line(requested=asked, order_date=f.week(-n)) for n in (1, 2)]})
        found.append(read(db, tmp_path / "h").lines["requested"].tolist())
    assert found == [[5, 5], [7, 7]]


def test_a_night_before_the_first_whole_week_is_refused(db: database.Database, tmp_path: Path) -> None:
    store(db, CITY | {"order_lines": [f.line(order_date=f.MONDAY)]})
    with pytest.raises(
        StateError, match="no whole week of orders lies before 2026-03-03; a night needs one: import it, or give a later --date"
    ):
        read(db, tmp_path / "h", f.MONDAY + timedelta(days=1))


def test_a_night_before_the_first_order_is_refused(city: database.Database, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no order before 2020-01-01 is stored; import the weeks before it, or give another --date"):
        read(city, tmp_path / "h", date(2020, 1, 1))


def test_the_history_lies_beside_the_database_unless_told_otherwise() -> None:
    import sqlalchemy as sa

    assert history.folder_for(sa.make_url("sqlite:///demo/trueorder.db"), "") == Path("demo/trueorder-history")
    assert history.folder_for(sa.make_url("sqlite:///demo/trueorder.db"), "/x") == Path("/x")
    assert history.folder_for(sa.make_url("postgresql://h/d"), "") == Path("trueorder-history/h-d")
