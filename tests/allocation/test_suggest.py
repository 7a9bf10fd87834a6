"""What a retailer should order, and what the others are expected to ask."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from allocation import suggest
from ordering import settings
from ordering.errors import SettingsError
from ordering.frames import Snapshot
from ordering.model import Reason
from tests import factories as make

COVER = settings.load().suggesting  # urban 1.5 weeks, rural 2
TUESDAY = make.MONDAY + timedelta(days=1)


def forecast(*rows: tuple[str, str, float], week: date | None = None) -> pd.DataFrame:
    """Demand of pairs (retailer, brand, cartons a week) in one week."""
    frame = pd.DataFrame(rows, columns=["retailer_id", "brand_id", "demand"])
    spread = {"p10": frame["demand"] / 2, "p50": frame["demand"], "p90": frame["demand"] * 2}
    return frame.assign(week=pd.Timestamp(week or make.week()).as_unit("us"), **spread)


def suggested(demand: float, **more: Any) -> dict[str, Any]:
    """The suggestion for R1 and B1 on a Monday, for the order day a day later."""
    found = suggest.suggest(make.snapshot(**more), forecast(("R1", "B1", demand)), COVER).to_dict("records")
    assert len(found) == 1
    return found[0]


def counted(stock: int, days_ago: int) -> list[dict[str, Any]]:
    return [{"retailer_id": "R1", "brand_id": "B1", "counted_on": make.MONDAY - timedelta(days=days_ago), "stock": stock}]


def test_a_count_is_carried_forward_by_receipts_less_demand() -> None:
    """Counted 10 on Tuesday a week before the order day, 5 received since, 7 a week sold: 8 are left; target 1.5 × 7 = 10.5."""
    line = make.line(requested=5, allocated=5, order_date=make.MONDAY - timedelta(days=3))
    found = suggested(7, stock_counts=counted(10, 6), lines=[line])
    assert (found["stock"], found["suggested"], found["reason"]) == (8.0, 3, "COVER")
    assert found["order_day"] == pd.Timestamp(TUESDAY)


def test_what_was_received_before_the_count_is_in_it() -> None:
    line = make.line(requested=5, allocated=5, order_date=make.MONDAY - timedelta(days=7))
    assert suggested(7, stock_counts=counted(10, 6), lines=[line])["stock"] == 3.0


def test_the_latest_count_is_the_one_that_counts() -> None:
    assert suggested(7, stock_counts=counted(50, 20) + counted(10, 6))["stock"] == 3.0


def test_stock_never_falls_below_nothing() -> None:
    found = suggested(7, stock_counts=counted(1, 30))
    assert (found["stock"], found["suggested"]) == (0.0, 11)


def test_enough_stock_needs_no_order() -> None:
    found = suggested(2, stock_counts=counted(20, 6))
    assert (found["suggested"], found["reason"]) == (0, "ENOUGH")


@pytest.mark.parametrize("counts", [[], counted(10, 70)])
def test_without_a_recent_count_the_stock_is_missing_and_receipts_decide(counts: list[dict[str, Any]]) -> None:
    """The shelf stood at its target of 3; 16 received in the last 8 weeks, 8 weeks and a day of 2 a week sold: 2.7 are left."""
    lines = [make.line(requested=n, allocated=n, order_date=make.MONDAY - timedelta(days=d)) for d, n in ((10, 4), (20, 4), (30, 8))]
    found = suggested(2, lines=[*lines, make.line(allocated=9, order_date=make.MONDAY - timedelta(days=60))], stock_counts=counts)
    assert np.isnan(found["stock"])
    assert found["reason"] == "NO_COUNT"
    assert found["suggested"] == 1


def test_without_a_count_a_shop_that_received_more_than_it_sells_needs_nothing() -> None:
    found = suggested(0.5, lines=[make.line(requested=9, allocated=9, order_date=make.MONDAY - timedelta(days=10))])
    assert (found["suggested"], found["reason"]) == (0, "ENOUGH")


def test_rural_shops_and_those_visited_every_second_week_cover_longer() -> None:
    empty = counted(0, 1)
    assert suggested(4, stock_counts=empty)["suggested"] == 6
    assert suggested(4, stock_counts=empty, retailers=[make.retailer(area_type="rural")])["suggested"] == 8
    assert suggested(4, stock_counts=empty, retailers=[make.retailer(visit_every_weeks=2)])["suggested"] == 12


def test_a_business_format_may_cover_longer_or_shorter() -> None:
    rules = COVER.model_copy(update={"format_factors": {"convenience": 2.0, "kiosk": 0.5}})
    city = make.snapshot(
        retailers=[make.retailer("R1"), make.retailer("R2", business_format="kiosk"), make.retailer("R3", business_format="x")]
    )
    demand = forecast(("R1", "B1", 4), ("R2", "B1", 4), ("R3", "B1", 4))
    assert suggest.suggest(city, demand, rules)["cover_weeks"].tolist() == [3.0, 0.75, 1.5]
    assert suggest.unheard(city, rules) == []
    slip = COVER.model_copy(update={"format_factors": {"convinience": 2.0}})
    assert suggest.unheard(city, slip) == ["convinience"]


def test_an_area_type_without_cover_is_refused() -> None:
    with pytest.raises(SettingsError, match="none for area type 'urban'"):
        suggest.suggest(make.snapshot(), forecast(("R1", "B1", 1)), COVER.model_copy(update={"cover_weeks": {"rural": 2.0}}))


CAP = {"brand_id": "B1", "week": make.week(), "star_level": 3}


@pytest.mark.parametrize(
    ("tables", "most", "reason"),
    [
        ({"release_strategy": [CAP | {"cap": 4}]}, 4, "COVER+STAR_CAP"),
        ({"release_strategy": [CAP | {"cap": 0}]}, 0, "COVER+NOT_OFFERED"),
        ({"monthly_quotas": [{"month": "2026-03", "star_level": 3, "brand_id": "B1", "quota": 5}]}, 5, "COVER+QUOTA_BRAND"),
        ({"monthly_quotas": [{"month": "2026-03", "star_level": 3, "brand_id": "", "quota": 5}]}, 5, "COVER+QUOTA_TOTAL"),
        ({"daily_limits": [{"star_level": 3, "limit": 7}]}, 7, "COVER+DAY_LIMIT"),
        ({"holds": [{"retailer_id": "R1", "brand_id": "", "from": TUESDAY, "to": TUESDAY}]}, 0, "COVER+HOLD"),
        ({"supply": [{"brand_id": "B1", "week": make.week(-1), "available": 9}]}, 15, "COVER+NOT_YET_KNOWN"),
        ({"brands": [make.brand(pack_multiple=10)]}, 20, "COVER"),
    ],
)
def test_no_more_is_suggested_than_can_be_had(tables: dict[str, Any], most: int, reason: str) -> None:
    found = suggested(10, stock_counts=counted(0, 1), **tables)
    assert (found["suggested"], found["reason"]) == (most, reason)


def test_what_waits_already_is_shown_beside_the_suggestion() -> None:
    waiting = [make.line(requested=n, allocated=None, order_date=TUESDAY, order_id=f"O{n}") for n in (2, 3)]
    assert suggested(4, waiting=waiting)["requested"] == 5


@pytest.mark.parametrize(
    ("tables", "most", "bound"),
    [
        ({}, None, ""),
        ({"release_strategy": [CAP | {"cap": 4}]}, 4, "STAR_CAP"),
        ({"release_strategy": [CAP | {"cap": 40}]}, 40, "STAR_CAP"),
        ({"release_strategy": [CAP | {"cap": 40}], "daily_limits": [{"star_level": 3, "limit": 7}]}, 7, "DAY_LIMIT"),
        ({"monthly_quotas": [{"month": "2026-03", "star_level": 3, "brand_id": "B1", "quota": 35}]}, 35, "QUOTA_BRAND"),
        ({"holds": [{"retailer_id": "R1", "brand_id": "", "from": TUESDAY, "to": TUESDAY}]}, 0, "HOLD"),
        ({"brands": [make.brand(pack_multiple=10)], "release_strategy": [CAP | {"cap": 47}]}, 40, "STAR_CAP"),
        ({"brands": [make.brand(min_lot=50)], "release_strategy": [CAP | {"cap": 47}]}, 0, "STAR_CAP"),
    ],
)
def test_what_a_person_may_suggest_at_most_stands_beside_the_suggestion(tables: dict[str, Any], most: int | None, bound: str) -> None:
    found = suggested(10, stock_counts=counted(0, 1), **tables)
    assert (found["most"] if pd.notna(found["most"]) else None, found["bound"]) == (most, bound)
    assert most is None or found["suggested"] <= most


def test_every_code_of_a_suggestion_is_known() -> None:
    known = {*suggest.CODES, *map(str, Reason)}
    for tables in ({}, {"stock_counts": counted(50, 1)}, {"release_strategy": [CAP | {"cap": 1}]}):
        assert set(suggested(5, **tables)["reason"].split("+")) <= known


def test_order_days_are_the_next_on_or_after_the_business_date() -> None:
    city = make.snapshot(retailers=[make.retailer(f"R{d}", order_weekday=d) for d in range(1, 8)], business_date=date(2026, 3, 4))
    assert [day.date().isoformat() for day in suggest.order_days(city)] == [
        "2026-03-09", "2026-03-10", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-07", "2026-03-08",
    ]  # fmt: skip


def shops(weekday: int = 2, number: int = 1000) -> list[dict[str, Any]]:
    return [make.retailer(f"R{n:04d}", order_weekday=weekday) for n in range(number)]


def expected(city: Snapshot, rate: float, week: date | None = None) -> pd.DataFrame:
    return suggest.expected_requests(city, forecast(*((name, "B1", rate) for name in city.retailers["retailer_id"]), week=week))


def test_small_demands_add_up() -> None:
    """0.3 cartons a week of 1,000 shops are about 300, in whole cartons."""
    found = expected(make.snapshot(retailers=shops()), 0.3)
    assert 260 <= found["requested"].sum() <= 340
    assert set(found["requested"]) == {1}
    packs = expected(make.snapshot(retailers=shops(), brands=[make.brand(pack_multiple=5)]), 0.3)
    assert 200 <= packs["requested"].sum() <= 400
    assert set(packs["requested"]) == {5}


def test_the_same_city_expects_the_same_tonight_and_again() -> None:
    city = make.snapshot(retailers=shops(number=50))
    pd.testing.assert_frame_equal(expected(city, 1.4), expected(city, 1.4))


def test_who_has_ordered_or_whose_day_is_past_is_not_expected() -> None:
    city = make.snapshot(
        retailers=[make.retailer("R1", order_weekday=4), make.retailer("R2", order_weekday=4), make.retailer("R3", order_weekday=1)],
        waiting=[make.line("R1", allocated=None, order_date=date(2026, 3, 5))],
        business_date=TUESDAY,
    )
    found = expected(city, 2.0)
    assert found.loc[found["week"] == pd.Timestamp(make.week()), "retailer_id"].tolist() == ["R2"]


def test_all_who_will_claim_in_next_week_are_expected_in_it_from_its_first_night() -> None:
    """On a Tuesday only Monday's shops are planned for next week; its level must reckon with all the others too."""
    city = make.snapshot(retailers=[make.retailer("R1", order_weekday=1), make.retailer("R2", order_weekday=5)], business_date=TUESDAY)
    found = expected(city, 2.0)
    assert found.loc[found["week"] == pd.Timestamp(make.week(1)), "retailer_id"].tolist() == ["R1", "R2"]
    assert expected(make.snapshot(retailers=shops(number=2)), 2.0)["week"].nunique() == 1  # a Monday plans one week


def test_nobody_else_expects_nothing() -> None:
    assert suggest.nobody_else().empty
    assert list(suggest.nobody_else().columns) == list(expected(make.snapshot(), 1.0).columns)


def test_no_pairs_have_no_suggestions() -> None:
    assert suggest.suggest(make.snapshot(), forecast(), COVER).empty
    assert suggest.expected_requests(make.snapshot(), forecast()).empty
