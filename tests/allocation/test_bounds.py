"""What a line may get at most, and why past lines were cut."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from allocation import bounds, greedy, limits
from ordering import settings
from ordering.errors import SettingsError, TrueOrderError
from tests import factories as make

RULES = settings.load().allocation
TUESDAY = make.MONDAY + timedelta(days=1)


def bound(waiting: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    """The bounds of waiting lines, one dictionary each."""
    city = make.snapshot(waiting=[{"order_date": TUESDAY, "allocated": None} | line for line in waiting], **more)
    return bounds.bind(city, city.waiting, settings=RULES).to_dict("records")


def asked(requested: int, **more: Any) -> dict[str, Any]:
    return make.line(requested=requested, **{"order_date": TUESDAY, "allocated": None} | more)


CAP = {"brand_id": "B1", "week": make.week(), "star_level": 3, "cap": 4}
QUOTA = {"month": "2026-03", "star_level": 3, "brand_id": "B1", "quota": 6}


def test_without_any_limit_all_that_is_asked_is_usable() -> None:
    (line,) = bound([asked(7)])
    assert (line["usable"], line["bound"], line["weight"]) == (7, "FULL", 3000)
    assert pd.isna(line["cap"])
    assert pd.isna(line["day_left"])


def test_the_cap_counts_what_the_week_gave_before_and_what_is_confirmed() -> None:
    before = make.line(requested=1, allocated=1, order_date=make.MONDAY)
    confirmed = asked(2, order_id="A", allocated=2, order_date=date(2026, 3, 3))
    city = make.snapshot(business_date=TUESDAY, lines=[before], waiting=[confirmed, asked(9, order_id="B")], release_strategy=[CAP])
    line = bounds.bind(city, city.waiting[city.waiting["allocated"].isna()], settings=RULES).iloc[0]
    assert (line["cap"], line["cap_left"], line["usable"], line["bound"]) == (4, 1, 1, "STAR_CAP")


def test_a_retailer_visited_every_second_week_has_a_double_cap() -> None:
    (line,) = bound([asked(9)], release_strategy=[CAP], retailers=[make.retailer(visit_every_weeks=2)])
    assert (line["cap"], line["usable"]) == (8, 8)


def test_the_quota_counts_the_month_of_the_weeks_monday() -> None:
    """A week from Monday 30 March to 5 April is of March, and Sunday 1 March is of a week of February."""
    lines = [make.line(allocated=3, order_date=date(2026, 3, 10)), make.line(allocated=3, order_date=date(2026, 3, 1), order_id="F")]
    late = asked(9, order_date=date(2026, 4, 2))
    city = make.snapshot(business_date=date(2026, 4, 1), lines=lines, waiting=[late], monthly_quotas=[QUOTA])
    line = bounds.bind(city, city.waiting, settings=RULES).iloc[0]
    assert (line["quota_left"], line["usable"], line["bound"]) == (3, 3, "QUOTA_BRAND")


def test_the_level_of_the_month_decides_not_the_one_of_the_retailer_file() -> None:
    (line,) = bound([asked(9)], monthly_quotas=[QUOTA], star_levels=[{"retailer_id": "R1", "month": "2026-03", "star_level": 2}])
    assert (line["star_level"], line["weight"], line["usable"], line["bound"]) == (2, 2000, 9, "FULL")


def test_several_orders_of_one_week_share_one_cap_the_earlier_first() -> None:
    later, earlier = asked(3, order_id="A", order_date=TUESDAY + timedelta(days=1)), asked(3, order_id="Z")
    found = {line["order_id"]: line for line in bound([later, earlier], release_strategy=[CAP])}
    assert (found["Z"]["usable"], found["A"]["usable"]) == (3, 1)


def test_a_request_is_rounded_down_to_packs() -> None:
    (line,) = bound([asked(14)], brands=[make.brand(pack_multiple=5)])
    assert (line["usable"], line["bound"]) == (10, "PACK")


def test_a_cap_that_is_no_multiple_of_the_pack_leaves_whole_packs() -> None:
    (line,) = bound([asked(20)], brands=[make.brand(pack_multiple=5)], release_strategy=[CAP | {"cap": 14}])
    assert (line["usable"], line["bound"]) == (10, "STAR_CAP")


def test_below_the_smallest_lot_nothing_is_usable() -> None:
    (line,) = bound([asked(3)], brands=[make.brand(min_lot=4)])
    assert (line["usable"], line["bound"]) == (0, "MIN_LOT")


@pytest.mark.parametrize(
    ("brand_id", "first", "last", "held"),
    [("", 0, 0, True), ("B1", -3, 0, True), ("B1", 0, 9, True), ("B2", 0, 0, False), ("", -9, -1, False), ("", 1, 9, False)],
)
def test_a_hold_counts_on_the_order_day_with_both_ends(brand_id: str, first: int, last: int, held: bool) -> None:
    days = {"from": TUESDAY + timedelta(days=first), "to": TUESDAY + timedelta(days=last)}
    two = [make.brand("B1"), make.brand("B2")]
    (line,) = bound([asked(3)], brands=two, holds=[{"retailer_id": "R1", "brand_id": brand_id} | days])
    assert (line["hold"], line["usable"], line["bound"]) == ((True, 0, "HOLD") if held else (False, 3, "FULL"))


def test_another_retailers_hold_does_not_count() -> None:
    hold = {"retailer_id": "R2", "brand_id": "", "from": TUESDAY, "to": TUESDAY}
    (line,) = bound([asked(3)], retailers=[make.retailer("R1"), make.retailer("R2")], holds=[hold])
    assert line["usable"] == 3


def test_bounds_come_back_under_the_index_of_the_lines() -> None:
    lines = [asked(n, order_id=f"O{n}", brand_id=brand) for n, brand in ((1, "B2"), (2, "B1"), (3, "B1"))]
    city = make.snapshot(brands=[make.brand("B1"), make.brand("B2")], waiting=lines, release_strategy=[CAP])
    mixed = city.waiting.sample(frac=1, random_state=3)
    again = bounds.bind(city, mixed, settings=RULES).sort_index()
    pd.testing.assert_frame_equal(again, bounds.bind(city, city.waiting, settings=RULES))


def test_a_weight_that_rounds_to_nothing_is_refused() -> None:
    city = make.snapshot(waiting=[asked(3)])
    with pytest.raises(SettingsError, match="star level 3 has no weight"):
        bounds.bind(city, city.waiting, settings=RULES.model_copy(update={"weights": {3: 0.0001}}))


def test_an_unknown_retailer_is_named() -> None:
    with pytest.raises(TrueOrderError, match="retailer 'R9' is not among"):
        limits.codes(pd.Series(["R1", "R9"]), pd.Series(["R1"]), "retailer")


def test_what_one_line_cannot_take_is_left_for_the_next() -> None:
    order, want, pack, lot = (np.array(x, np.int64) for x in ([0, 1, 2], [10, 5, 3], [5, 5, 1], [1, 1, 1]))
    groups, left = (np.array([x], np.int32) for x in ([0, 0, 0], [9, 9, 9]))
    got, by = greedy.cut(order, groups, want, left, pack, lot)
    assert got.tolist() == [5, 0, 3]
    assert by.tolist() == [0, 0, -1]


# Why past lines were cut


def reason(line: dict[str, Any], *more_lines: dict[str, Any], **tables: Any) -> str:
    """The reason of one past line, `line`, in a city with more of them."""
    own = make.line(order_id="own", **line)
    city = make.snapshot(lines=[own, *more_lines], **tables)
    found = bounds.attribute(city, city.lines)
    return str(found[city.lines["order_id"] == "own"].iloc[0])


PAST = {"brand_id": "B1", "week": make.week(-1), "star_level": 3}
CUT = {"requested": 9, "allocated": 4}


def test_a_line_that_got_all_is_full() -> None:
    assert reason({"requested": 4, "allocated": 4}, release_strategy=[PAST | {"cap": 4}]) == "FULL"


def test_a_short_line_at_its_cap_was_cut_by_the_cap() -> None:
    assert reason(CUT, release_strategy=[PAST | {"cap": 4}]) == "STAR_CAP"
    assert reason(CUT, release_strategy=[PAST | {"cap": 5}]) == "LEVEL"


def test_the_cap_counts_all_orders_of_that_week() -> None:
    other = make.line(requested=1, allocated=1, order_id="other", order_date=make.MONDAY - timedelta(days=3))
    assert reason(CUT, other, release_strategy=[PAST | {"cap": 5}]) == "STAR_CAP"


def test_orders_beyond_the_lines_asked_about_count_too() -> None:
    other = make.line(requested=1, allocated=1, order_id="other", order_date=make.MONDAY - timedelta(days=3))
    city = make.snapshot(lines=[make.line(order_id="own", **CUT), other], release_strategy=[PAST | {"cap": 5}])
    alone = city.lines[city.lines["order_id"] == "own"]
    assert bounds.attribute(city, alone).tolist() == ["STAR_CAP"]


def test_a_used_up_quota_is_named() -> None:
    quota = {"month": "2026-02", "star_level": 3, "brand_id": "B1", "quota": 6}
    other = make.line(requested=2, allocated=2, order_id="other", order_date=date(2026, 2, 10))
    assert reason(CUT, other, monthly_quotas=[quota]) == "QUOTA_BRAND"
    assert reason(CUT, monthly_quotas=[quota]) == "LEVEL"


def test_a_used_up_total_a_band_cap_and_a_day_limit_are_named() -> None:
    two = {"brands": [make.brand("B1"), make.brand("B2")]}
    other = make.line(brand_id="B2", requested=2, allocated=2, order_id="own")
    assert reason(CUT, other, **two, monthly_quotas=[{"month": "2026-02", "star_level": 3, "brand_id": "", "quota": 6}]) == "QUOTA_TOTAL"
    assert reason(CUT, other, **two, daily_limits=[{"star_level": 3, "limit": 6}]) == "DAY_LIMIT"
    assert reason(CUT, other, **two, band_caps=[{"week": make.week(-1), "star_level": 3, "price_class": 2, "cap": 6}]) == "BAND_CAP"
    assert reason(CUT, **two, daily_limits=[{"star_level": 3, "limit": 6}]) == "LEVEL"


def test_the_narrowest_of_several_limits_is_named() -> None:
    assert reason(CUT, release_strategy=[PAST | {"cap": 4}], daily_limits=[{"star_level": 3, "limit": 4}]) == "STAR_CAP"


def test_packs_lots_and_holds_are_named() -> None:
    assert reason({"requested": 9, "allocated": 5}, brands=[make.brand(pack_multiple=5)]) == "PACK"
    assert reason({"requested": 12, "allocated": 5}, brands=[make.brand(pack_multiple=5)]) == "LEVEL"
    assert reason({"requested": 3, "allocated": 0}, brands=[make.brand(min_lot=4)]) == "MIN_LOT"
    day = make.MONDAY - timedelta(days=6)
    assert reason({"requested": 3, "allocated": 0}, holds=[{"retailer_id": "R1", "brand_id": "", "from": day, "to": day}]) == "HOLD"


def test_a_line_of_which_nothing_is_known_has_no_reason() -> None:
    city = make.snapshot(lines=[make.line(allocated=None)])
    assert bounds.attribute(city, city.lines).isna().all()


def test_no_lines_have_no_reasons() -> None:
    city = make.snapshot()
    assert bounds.attribute(city, city.lines).empty
    assert bounds.bind(city, city.waiting, settings=RULES).empty
