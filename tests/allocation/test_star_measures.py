"""What is measured of a retailer before a month: by hand, unknown where nothing tells, and no gain from buying what does not sell."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import star_measures, stars
from ordering import frames, ratings
from ordering import settings as configured
from ordering.errors import TrueOrderError
from ordering.settings import RatingSettings
from tests import factories as f
from tests.examples import examples

LAW = settings(max_examples=examples(50), deadline=None)
DEFAULT = configured.load().rating
MONTH = "2026-03"
WINDOW = ratings.window(MONTH, DEFAULT)
NONE = frames.empty(frames.INTEGRITY)
Row = dict[str, Any]


def rules(**more: Any) -> RatingSettings:
    return RatingSettings.model_validate(DEFAULT.model_dump() | more)


def monday(nth: int) -> date:
    """The Monday of the window's week `nth`."""
    return WINDOW.first + timedelta(weeks=nth)


def weekly(retailer_id: str, cartons: int, brand_id: str = "B1", *, weekday: int = 1) -> list[Row]:
    """So many cartons in every week of the window, ordered on a Tuesday unless told otherwise."""
    days = (monday(n) + timedelta(days=weekday) for n in range(WINDOW.weeks))
    return [f.line(retailer_id, brand_id, cartons, cartons, order_date=on) for on in days]


def facts(
    lines: list[Row], retailers: list[Row] | None = None, integrity: list[Row] | None = None, rules: RatingSettings = DEFAULT, **tables: Any
) -> pd.DataFrame:
    brands = [f.brand("B1", wholesale_price=100.0), f.brand("B2", wholesale_price=420.5)]
    known = f.snapshot(retailers=retailers or [f.retailer("R1")], brands=brands, lines=lines, business_date=WINDOW.end, **tables)
    found = star_measures.measured(known, f.table(frames.INTEGRITY, integrity or []), WINDOW, rules)
    return found.set_index("retailer_id")


# the calendar


def test_the_window_is_the_months_before_but_for_the_last_week() -> None:
    assert (WINDOW.first, WINDOW.end, WINDOW.weeks) == (date(2025, 12, 1), date(2026, 2, 23), 12)
    assert WINDOW.months == ("2025-12", "2026-01", "2026-02")


@LAW
@given(st.dates(date(2020, 1, 1), date(2032, 1, 1)), st.integers(0, 4))
def test_the_newest_month_is_the_last_whose_window_has_ended(on: date, lag: int) -> None:
    found = ratings.newest_month(on, rules(lag_weeks=lag))
    later = ratings.month_after(found, 1)
    assert ratings.window(found, rules(lag_weeks=lag)).end <= on < ratings.window(later, rules(lag_weeks=lag)).end


def test_a_window_with_too_few_weeks_of_orders_is_refused_in_words() -> None:
    with pytest.raises(TrueOrderError, match="month 2026-03: its rating measures 7 weeks, from 2026-01-05 to before 2026-02-23"):
        ratings.window(MONTH, DEFAULT, date(2026, 1, 5))


# each measure


def test_purchases_are_what_was_bought_in_a_week_of_life_and_structure_is_yuan_a_case() -> None:
    row = facts(weekly("R1", 3) + weekly("R1", 1, "B2")).loc["R1"]
    assert (row["bought"], row["purchases"], row["weeks"]) == (4.0, 4.0, 12)
    assert row["structure"] == pytest.approx((3 * 100 + 420.5) / 4 * 250)
    assert row[["sell_through", "integrity", "sold_share"]].isna().all()
    assert facts(weekly("R1", 3), rules=rules(purchases_in="yuan")).loc["R1", "bought"] == 300.0


@pytest.mark.parametrize(
    ("more", "weeks"),
    [
        ({}, 12),
        ({"active_from": date(2020, 5, 5)}, 12),
        ({"active_from": monday(3) + timedelta(days=6)}, 9),
        ({"active_from": monday(11)}, 1),
        ({"active_from": WINDOW.end + timedelta(days=1)}, 0),
    ],
)
def test_weeks_are_those_of_the_shops_life(more: Row, weeks: int) -> None:
    row = facts(weekly("R1", 3), [f.retailer("R1", **more)]).loc["R1"]
    assert row["weeks"] == weeks
    assert np.isnan(row["bought"]) if weeks == 0 else row["bought"] == 36 / weeks


def test_a_shop_that_closes_before_the_month_is_not_rated() -> None:
    shops = [f.retailer("R1", active_to=date(2026, 3, 1)), f.retailer("R2", active_to=date(2026, 3, 2)), f.retailer("R3")]
    assert list(facts(weekly("R1", 3), shops).index) == ["R2", "R3"]


def test_lines_outside_the_window_and_lines_without_an_allocation_are_nothing_bought() -> None:
    outside = [f.line("R1", order_date=WINDOW.first - timedelta(days=1)), f.line("R1", "B2", 9, None, order_date=monday(2))]
    assert facts(weekly("R1", 3) + outside).loc["R1", "bought"] == 3.0


def count(stock: int, on: date, retailer_id: str = "R1", brand_id: str = "B1") -> Row:
    return {"retailer_id": retailer_id, "brand_id": brand_id, "counted_on": on, "stock": stock}


def scan(sold: int, nth: int, retailer_id: str = "R1") -> Row:
    return {"retailer_id": retailer_id, "brand_id": "B1", "week": monday(nth), "sold": sold}


def test_sell_through_by_counts_is_what_left_of_what_was_there() -> None:
    """From a Tuesday to a Tuesday eight weeks later; the order of the first day came after the count, that of the last one too."""
    counts = [count(10, monday(1) + timedelta(days=1)), count(4, monday(9) + timedelta(days=1)), count(99, monday(5))]
    row = facts(weekly("R1", 2), stock_counts=counts).loc["R1"]
    assert row["sell_through"] == pytest.approx((10 + 16 - 4) / (10 + 16), abs=1e-6)
    assert row["sold_share"] == 22 / 16


def test_sell_through_by_the_till_is_what_was_scanned_of_what_was_received_in_the_weeks_reported() -> None:
    row = facts(weekly("R1", 4), scanned_sales=[scan(3, n) for n in (0, 1, 2, 5)]).loc["R1"]
    assert (row["sell_through"], row["sold_share"]) == (12 / 16, 12 / 16)
    assert row["purchases"] == pytest.approx(4 * 0.75 / 0.85)
    assert row["cooperation"] == pytest.approx((1 + 4 / 12) / 2)


def test_too_few_reports_and_counts_too_near_to_one_another_tell_nothing() -> None:
    near = [count(10, monday(1)), count(4, monday(4))]
    row = facts(weekly("R1", 4), scanned_sales=[scan(3, n) for n in range(3)], stock_counts=near).loc["R1"]
    assert np.isnan(row["sell_through"])
    assert row["purchases"] == 4.0


@pytest.mark.parametrize(("sources", "share"), [(["counts", "tills"], 0.8), (["tills", "counts"], 0.5), ([], np.nan)])
def test_of_two_sources_the_first_named_counts(sources: list[str], share: float) -> None:
    counts = [count(0, monday(0)), count(8, monday(10))]
    scans = [scan(2, n) for n in range(12)]
    row = facts(weekly("R1", 4), stock_counts=counts, scanned_sales=scans, rules=rules(sell_through_from=sources)).loc["R1"]
    assert row["sell_through"] == pytest.approx(share, nan_ok=True)


def test_integrity_is_the_mean_of_the_windows_months() -> None:
    scores = [{"retailer_id": "R1", "month": m, "score": s} for m, s in (("2025-11", 10), ("2025-12", 80), ("2026-02", 90), ("2026-03", 0))]
    assert facts(weekly("R1", 1), integrity=scores).loc["R1", "integrity"] == 85.0


def test_cooperation_is_ordering_on_the_order_day_where_there_is_no_till() -> None:
    lines = weekly("R1", 1)[:9] + weekly("R1", 1, weekday=4)[9:]
    assert facts(lines).loc["R1", "cooperation"] == 0.75
    assert np.isnan(facts(lines, [f.retailer("R1"), f.retailer("R2")]).loc["R2", "cooperation"])


def test_the_level_before_is_the_one_in_force_in_the_month_before() -> None:
    levels = [{"retailer_id": "R1", "month": m, "star_level": s} for m, s in (("2026-02", 5), ("2026-03", 1), ("2026-01", 2))]
    found = facts(weekly("R1", 1), [f.retailer("R1"), f.retailer("R2", star_level=4)], star_levels=levels)
    assert found["previous"].tolist() == [5, 4]


# laws


@LAW
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_is_of_no_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = [row for r in ("R1", "R2") for b in ("B1", "B2") for row in weekly(r, int(rng.integers(1, 9)), b)]
    counts = [count(int(rng.integers(0, 9)), monday(n), r) for r in ("R1", "R2") for n in (1, 4, 8)]
    scans = [scan(int(rng.integers(0, 9)), n, r) for r in ("R1", "R2") for n in range(6)]
    shops = [f.retailer("R1"), f.retailer("R2")]
    known = f.snapshot(
        retailers=shops, brands=[f.brand("B1", wholesale_price=33.33), f.brand("B2", wholesale_price=77.7)], lines=lines,
        stock_counts=counts, scanned_sales=scans,
    )  # fmt: skip
    mixed = {name: getattr(known, name).sample(frac=1, random_state=rng) for name in ("lines", "stock_counts", "scanned_sales")}
    other = frames.Snapshot(**(vars(known) | mixed))
    found = [star_measures.measured(k, NONE, WINDOW, DEFAULT) for k in (known, other)]
    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)


def bought_and_sold(bought: int, sold: int) -> stars.Rating:
    """A city of 30 shops in which R00 bought so much a week, and its till sold so much."""
    shops = [f.retailer(f"R{n:02d}") for n in range(30)]
    lines = [row for n in range(1, 30) for row in weekly(f"R{n:02d}", n)] + weekly("R00", bought)
    scans = [scan(round(0.9 * n), w, f"R{n:02d}") for n in range(1, 30, 2) for w in range(12)] + [scan(sold, w, "R00") for w in range(12)]
    found = facts(lines, shops, scanned_sales=scans)
    return stars.rate(found.reset_index(), frames.empty(ratings.RATINGS), MONTH, DEFAULT)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(0, 20), st.integers(1, 40))
def test_buying_more_than_sells_never_raises_a_score(sold: int, beyond: int, more: int) -> None:
    """At equal sales, from the purchases on that are held to be sold in full."""
    enough = int(np.ceil(sold / DEFAULT.full_sell_through)) + beyond
    scores = [bought_and_sold(b, sold).rows.set_index("retailer_id").loc["R00", "score"] for b in (enough, enough + more)]
    assert scores[1] <= scores[0]


def test_buying_more_that_sells_raises_a_score() -> None:
    """The control of the law above."""
    scores = [bought_and_sold(b, b).rows.set_index("retailer_id").loc["R00", "score"] for b in (5, 20)]
    assert scores[1] > scores[0]
