"""Sums of stored cells: whole months are read by month, the rest by week, and both together are what the weeks alone would give."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering import database, frames, kept_cells, rate_cells, tables
from ordering.database import cells, runs
from tests import factories as f
from tests.schema import migrate

WEEK = timedelta(weeks=1)
AT = datetime(2026, 3, 2, 4, 0)
MONDAYS = st.integers(0, 150).map(lambda n: date(2025, 1, 6) + n * WEEK)
FIRST, WEEKS = date(2025, 10, 20), 24
ASKED = [
    (None, None), (date(2025, 11, 3), date(2025, 12, 29)), (date(2025, 10, 20), date(2026, 1, 12)), (date(2026, 1, 12), None),
    (date(2025, 12, 8), date(2025, 12, 22)), (None, date(2026, 3, 9)), (date(2025, 11, 5), date(2026, 3, 4)),
]  # fmt: skip
"""Spans of all kinds: whole months, parts of months at either end, none at all, days that are no Mondays."""


def between(first: date, last: date) -> list[date]:
    return [first + n * WEEK for n in range((last - first).days // 7 + 1)]


@given(MONDAYS, MONDAYS)
def test_a_span_is_read_once_and_by_month_only_where_the_month_is_whole(one: date, other: date) -> None:
    first, last = sorted((one, other))
    found = kept_cells.spans("retailer_cells", first, last)
    read = [week for _, begin, end in found for week in between(begin or first, end or last)]
    assert sorted(read) == between(first, last)
    for name, begin, end in found:
        if name == "retailer_months":
            assert begin is not None
            assert end is not None
            assert begin.month != (begin - WEEK).month
            assert end.month != (end + WEEK).month
    weekly = sum(len(between(begin or first, end or last)) for name, begin, end in found if name == "retailer_cells")
    assert weekly <= 8, "no more than a month at either end"
    assert kept_cells.spans("district_cells", first, last) == [("district_cells", first, last)]


def weekly_cells() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = [(FIRST + n * WEEK, f"R{r}") for n in range(WEEKS) for r in range(1, 4)]
    made = pd.DataFrame(rows, columns=["week", "retailer_id"]).assign(
        **{name: rng.integers(0, 50, len(rows)) for name in rate_cells.MEASURES}
    )
    level = [1 + (week.month + int(shop[1:])) % 3 for week, shop in rows]
    return frames.conform(frames.RETAILER_CELLS, made.assign(star_level=level, week=pd.to_datetime(made["week"])))


def store(db: database.Database, name: str, rows: pd.DataFrame) -> None:
    told = rows.assign(run_id=1, week=rows["week"].dt.date, retailer_id=rows["retailer_id"].astype("str"))
    with db.writing() as tx:
        tx.execute(tables.results[name].insert(), told.to_dict("records"))


def night(db: database.Database) -> None:
    run = {"run_id": 1, "job": "nightly", "business_date": f.MONDAY, "status": "done", "version": "1", "started_at": AT}
    with db.writing() as tx:
        tx.execute(tables.runs.insert().values(**run, detailed=True))


@pytest.fixture
def city(db: database.Database) -> database.Database:
    """Three retailers of two managers, with a night and its cells."""
    shops = [f.retailer(f"R{n}", account_manager=f"M{n % 2}") for n in range(1, 4)]
    database.store(db, {"retailers": f.table(frames.RETAILERS, shops)}, folder="city", by="tester", at=AT)
    night(db)
    store(db, "retailer_cells", weekly_cells())
    store(db, "retailer_months", kept_cells.by_month(weekly_cells()))
    return db


def summed(db: database.Database, by: list[str], first: date | None, last: date | None, **more: Any) -> pd.DataFrame:
    with db.reading() as reader:
        return cells.summed(reader, 1, "retailer_cells", by, first=first, last=last, **more)


def expected(by: list[str], first: date | None, last: date | None, shops: list[str]) -> pd.DataFrame:
    every = weekly_cells().astype({"retailer_id": "str"})
    every = every.assign(account_manager="M" + (every["retailer_id"].str[1:].astype(int) % 2).astype("str"))
    chosen = every["week"].between(pd.Timestamp(first or date(2000, 1, 1)), pd.Timestamp(last or date(2100, 1, 1)))
    rows = every[chosen & every["retailer_id"].isin(shops)]
    names = [rate_cells.DIMENSIONS[name] for name in by]
    measures = list(rate_cells.MEASURES)
    return rows.groupby(names)[measures].sum().reset_index() if names else rows[measures].sum().to_frame().T


@pytest.mark.parametrize("by", [[], ["retailer"], ["manager"], ["star"], ["manager", "star"]])
def test_sums_over_months_and_weeks_are_those_of_the_weeks(city: database.Database, by: list[str]) -> None:
    for first, last in ASKED:
        for more, shops in (({}, ["R1", "R2", "R3"]), ({"territory": {"manager": frozenset({"M1"})}}, ["R1", "R3"])):
            found, want = summed(city, by, first, last, **more), expected(by, first, last, shops)
            pd.testing.assert_frame_equal(found, want, check_dtype=False, check_exact=True)


def test_the_months_are_what_is_read(city: database.Database) -> None:
    with city.writing() as tx:
        tx.execute(tables.results["retailer_months"].delete())
    assert summed(city, [], date(2025, 11, 3), date(2025, 12, 29))["requested"].fillna(0).tolist() == [0]
    by_week = summed(city, [], date(2025, 12, 8), date(2025, 12, 22))["requested"].tolist()
    assert by_week == expected([], date(2025, 12, 8), date(2025, 12, 22), ["R1", "R2", "R3"])["requested"].tolist()


def test_runs_stored_before_there_were_months_have_them_after_the_upgrade(url: str) -> None:
    db = database.connect(url)
    migrate(db, "0018")
    night(db)
    store(db, "retailer_cells", weekly_cells())
    database.migrate(db)
    with db.reading() as reader:
        found = runs.read_result(reader, 1, "retailer_months")
    pd.testing.assert_frame_equal(found, kept_cells.by_month(weekly_cells()), check_exact=True)
    db.engine.dispose()
