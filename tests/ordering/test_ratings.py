"""Ratings on both databases: kept as they were computed, one edition in force, audited, and seen by nights where nothing was imported."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from ordering import database, frames, ratings, snapshot, strategy, tables
from ordering.database import ratings as stored
from ordering.errors import StateError, TrueOrderError
from tests import factories as f

AT = datetime(2026, 2, 24, 4, 0)
MADE: dict[str, Any] = {
    "first_week": date(2025, 12, 1), "end_week": date(2026, 2, 23), "steps": 1, "places_off": 0, "rules": "{}", "version": "v",
    "input_hash": "i", "settings_hash": "s",
}  # fmt: skip
CITY = {
    "retailers": [f.retailer("R1"), f.retailer("R2"), f.retailer("R3")],
    "brands": [f.brand()],
    "order_lines": [f.line(r, order_date=f.week(-n) + timedelta(days=1)) for r in ("R1", "R2", "R3") for n in range(1, 9)],
    "star_levels": [{"retailer_id": "R1", "month": "2026-02", "star_level": 4}, {"retailer_id": "R1", "month": "2026-03", "star_level": 2}],
}


def rows(levels: dict[str, int], month: str = "2026-03") -> pd.DataFrame:
    """ratings.RATINGS with one measure known and the others not."""
    plain = dict.fromkeys(ratings.names("_points"), 0.0)
    made = [
        plain | {
            "retailer_id": shop, "month": month, "level": level, "previous": 3, "rank_level": level, "rank": n, "score": 50.1234,
            "reason": "RANK", "moved_by": "purchases" if level > 1 else "", "weeks": 12, "purchases": 7.25,
        }
        for n, (shop, level) in enumerate(levels.items(), start=1)
    ]  # fmt: skip
    return frames.conform(ratings.RATINGS, pd.DataFrame(made).reindex(columns=ratings.RATINGS.names))


def save(db: database.Database, levels: dict[str, int], *, edition: int = 1, month: str = "2026-03", why: str = "") -> int:
    made = stored.Made(month=month, rated=len(levels), result_hash=repr(levels), **MADE)
    return stored.save(db, rows(levels, month), made, edition=edition, by="Wang", why=why, at=AT)


def read(db: database.Database, month: str | None = "2026-03", retailer: str | None = None) -> pd.DataFrame:
    with db.reading() as reader:
        return database.read_ratings(reader, month=month, retailer=retailer)


def levels_of(db: database.Database, first: str = "2026-01", last: str = "2026-12") -> dict[tuple[str, str], int]:
    with db.reading() as reader:
        found = database.read_levels(reader, first, last)
    return {(row.retailer_id, row.month): row.star_level for row in found.itertuples()}


def audited(db: database.Database) -> list[tuple[str, str, str]]:
    return [(row["by"], row["action"], row["detail"]) for row in db.rows(sa.select(tables.audit).order_by(tables.audit.c.audit_id))]


@pytest.fixture
def city(db: database.Database) -> database.Database:
    found = {name: f.table(frames.CONTRACT[name], given) for name, given in CITY.items()}
    database.store(db, found, folder="city", by="tester", at=AT)
    return db


def test_a_rating_comes_back_as_it_was_computed_with_how_it_was_made(city: database.Database) -> None:
    rating_id = save(city, {"R1": 5, "R2": 1})
    pd.testing.assert_frame_equal(read(city), rows({"R1": 5, "R2": 1}))
    found = stored.in_force(city, "2026-03")
    assert found is not None
    assert (found.rating_id, found.rated_by, found.rated_at, found.end_week) == (rating_id, "Wang", AT, date(2026, 2, 23))
    assert audited(city) == [("Wang", "stars.rate", "month 2026-03, edition 1, 2 retailers")]


def test_a_later_edition_is_in_force_until_it_is_withdrawn_and_every_edition_is_kept(city: database.Database) -> None:
    save(city, {"R2": 1})
    second = save(city, {"R2": 5}, edition=2, why="a wrong count")
    assert read(city)["level"].tolist() == [5]
    back = stored.withdraw(city, second, by="Li", why="it was right", at=AT)
    assert back is not None
    assert (back.edition, read(city)["level"].tolist()) == (1, [1])
    assert [found.edition for found in stored.editions(city, "2026-03")] == [2, 1]
    assert len(city.rows(sa.select(tables.star_ratings))) == 2
    assert audited(city)[-1] == ("Li", "stars.withdraw", "month 2026-03; it was right")


def test_only_what_is_in_force_can_be_withdrawn_and_not_without_a_reason(city: database.Database) -> None:
    first, second = save(city, {"R2": 1}), save(city, {"R2": 5}, edition=2)
    for rating_id, message in (
        (first, f"rating {first} of month 2026-03 is not in force, rating {second} is"),
        (9, "there is no rating 9"),
    ):
        with pytest.raises(StateError, match=message):
            stored.withdraw(city, rating_id, by="Li", why="x", at=AT)
    with pytest.raises(TrueOrderError, match="why: say why"):
        stored.withdraw(city, second, by="Li", why=" ", at=AT)
    assert stored.withdraw(city, second, by="Li", why="x", at=AT) is not None
    assert stored.withdraw(city, first, by="Li", why="x", at=AT) is None
    assert levels_of(city, "2026-03") == {("R1", "2026-03"): 2}


def test_two_who_rate_a_month_at_once_do_not_both_store_it(city: database.Database) -> None:
    save(city, {"R2": 1})
    with pytest.raises(StateError, match="month 2026-03 was rated by somebody else at this moment"):
        save(city, {"R2": 5})
    assert read(city)["level"].tolist() == [1]
    assert len(audited(city)) == 1


def test_an_imported_level_goes_before_a_computed_one(city: database.Database) -> None:
    assert levels_of(city) == {("R1", "2026-02"): 4, ("R1", "2026-03"): 2}
    save(city, {"R1": 5, "R2": 1})
    assert levels_of(city) == {("R1", "2026-02"): 4, ("R1", "2026-03"): 2, ("R2", "2026-03"): 1}
    assert levels_of(city, "2026-04") == {}


def test_a_night_sees_the_level_in_force_imported_computed_or_of_the_retailer(city: database.Database, tmp_path: Path) -> None:
    def known() -> frames.Snapshot:
        return snapshot.read_week(city, f.MONDAY, weeks=8, horizon=13, history_folder=tmp_path)[0]

    plain = known()
    save(city, {"R1": 5, "R2": 1})
    seen = known()
    months = pd.Index(["2026-02", "2026-03"])
    assert strategy.levels(plain, months).tolist() == [[4, 2], [3, 3], [3, 3]]
    assert strategy.levels(seen, months).tolist() == [[4, 2], [3, 1], [3, 3]]
    assert snapshot.of_snapshot(seen) != snapshot.of_snapshot(plain)


def test_a_night_does_not_see_levels_of_months_it_does_not_plan(city: database.Database, tmp_path: Path) -> None:
    def hashed() -> str:
        return snapshot.of_snapshot(snapshot.read_week(city, f.MONDAY, weeks=8, horizon=13, history_folder=tmp_path)[0])

    before = hashed()
    save(city, {"R1": 5, "R2": 1}, month="2026-04")
    assert hashed() == before


def test_months_with_levels_are_those_imported_and_those_rated(city: database.Database) -> None:
    assert stored.months(city) == ["2026-02", "2026-03"]
    rating_id = save(city, {"R2": 1}, month="2026-05")
    assert stored.months(city) == ["2026-02", "2026-03", "2026-05"]
    stored.withdraw(city, rating_id, by="Li", why="x", at=AT)
    assert stored.months(city) == ["2026-02", "2026-03"]


def test_ratings_are_read_by_month_by_retailer_and_whole(city: database.Database) -> None:
    save(city, {"R1": 5, "R2": 1})
    save(city, {"R1": 4}, month="2026-04")
    assert read(city, None, "R1")["level"].tolist() == [5, 4]
    assert len(read(city, None)) == 3
    assert read(city, "2026-05").empty
