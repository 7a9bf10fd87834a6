"""The allocation of whole nights: no limit is ever broken, and the week's level holds from its first night to its last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from allocation import fill, policies, suggest
from ordering import settings
from ordering.errors import TrueOrderError
from ordering.frames import Snapshot
from tests import factories as make
from tests.allocation import reference
from tests.allocation.cities import breaches, cities, expectations
from tests.examples import examples

RULES = settings.load().allocation
NOBODY = suggest.nobody_else()
EXAMPLES = examples(10)
"""Random cities per law: a night of one takes a tenth of a second, so many only on demand."""
quick = hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])


def night(city: Snapshot, expected: pd.DataFrame = NOBODY, **more: Any) -> policies.Allocated:
    return policies.allocate(city, expected, RULES, **more)


@quick
@hypothesis.given(cities(), expectations())
def test_no_line_is_above_request_cap_quota_or_limit_and_no_brand_above_its_supply(city: Snapshot, expected: pd.DataFrame) -> None:
    assert list(breaches(city, night(city, expected).lines)) == []


HARD = ("STAR_CAP", "QUOTA_BRAND", "HOLD")
SHARED = ("BAND_CAP", "QUOTA_TOTAL", "DAY_LIMIT")
"""Limits over brands: what a line leaves of them when its brand's supply cuts it is offered to other brands."""
SUPPLY = ("LEVEL", "TURN_WON", "TURN_LOST")
TWO_DAYS = make.snapshot(
    waiting=[make.line(requested=want, allocated=None, order_date=make.MONDAY + timedelta(days=at)) for at, want in ((0, 10), (1, 8))],
    release_strategy=[{"brand_id": "B1", "week": make.week(), "star_level": 3, "cap": 11}],
    daily_limits=[{"star_level": 3, "limit": 6}],
)
"""Monday's order is cut by the day limit, and leaves 5 of the cap to Tuesday's."""


@quick
@hypothesis.example(TWO_DAYS, NOBODY)
@hypothesis.given(cities(), expectations())
def test_one_carton_more_on_a_cut_line_breaks_a_limit_or_empties_the_level(city: Snapshot, expected: pd.DataFrame) -> None:
    """A line is cut by what it says, and no further; and the check above notices a single carton too many, wherever it falls."""
    assert list(slack(city, night(city, expected).lines, (*HARD, *SHARED))) == []
    ample = replace(city, supply=city.supply.iloc[:0])
    assert list(slack(ample, night(ample, expected).lines, (*HARD, *SHARED))) == []


@quick
@hypothesis.given(cities(lots=False))
def test_where_a_brand_is_left_over_no_line_cut_by_its_level_has_room(city: Snapshot) -> None:
    assert list(slack(city, night(city).lines, SUPPLY)) == []


def test_what_a_short_brand_does_not_deliver_leaves_its_part_of_a_total_to_others() -> None:
    """Of the day's 14 cartons B2 was to have 9 and B3 the other 5; B2 has 4 for it, so B3 gets all its 8 and B1 the last 2."""
    city = make.snapshot(
        brands=[make.brand(name) for name in ("B1", "B2", "B3")],
        waiting=[shop("R1", 9, brand_id="B1"), shop("R1", 9, brand_id="B2"), shop("R1", 8, brand_id="B3")],
        daily_limits=[{"star_level": 3, "limit": 14}],
        supply=[{"brand_id": "B2", "week": make.week(), "available": 4}],
    )
    demand = pd.DataFrame(
        {"retailer_id": "R1", "brand_id": ["B1", "B2", "B3"], "week": pd.to_datetime([make.week()] * 3), "demand": [1.0, 3.0, 2.0]}
    )
    found = night(city, demand=demand).lines
    assert found["allocated"].tolist() == [2, 4, 8]
    assert found["usable"].tolist() == [2, 9, 8]
    assert found["reason"].tolist() == ["DAY_LIMIT", "TURN_WON", "FULL"]


def test_a_line_cut_further_than_its_limit_is_noticed() -> None:
    """The control of the law above."""
    lines = night(TWO_DAYS).lines
    short = lines.assign(allocated=[6, 1], usable=[6, 1])
    assert [line["allocated"] for line in slack(TWO_DAYS, short, HARD)] == [1]


def slack(city: Snapshot, lines: pd.DataFrame, reasons: Sequence[str]) -> Iterator[pd.Series]:
    """Lines cut for one of these reasons that could have had a pack more, and broken no limit."""
    packs = dict(zip(city.brands["brand_id"], city.brands["pack_multiple"], strict=True))
    for at in lines.index[(lines["allocated"] < lines["requested"]) & lines["reason"].isin(reasons)]:
        more = lines.astype({"reason": "str"})
        more.loc[at, ["allocated", "usable"]] += packs[lines.loc[at, "brand_id"]]
        if not list(breaches(city, more)):
            yield lines.loc[at]


@quick
@hypothesis.given(cities(limits=False, lots=False))
def test_all_that_is_there_and_asked_is_handed_out(city: Snapshot) -> None:
    found = night(city).lines
    week = pd.DatetimeIndex(found["week"])
    for row in city.supply.to_dict("records"):
        lines = found[(found["brand_id"] == row["brand_id"]) & (week == row["week"])]
        given = sum(
            table.loc[(table["brand_id"] == row["brand_id"]) & (table["week"] == row["week"]), "allocated"].sum()
            for table in (city.lines, city.waiting)
        )
        assert lines["allocated"].sum() == min(lines["requested"].sum(), max(row["available"] - given, 0))


@quick
@hypothesis.given(cities(), expectations())
def test_no_more_is_handed_out_than_could_be(city: Snapshot, expected: pd.DataFrame) -> None:
    totals = night(city, expected).totals
    assert (totals["handed"] <= totals["possible"]).all()


@quick
@hypothesis.given(cities(limits=False, lots=False))
def test_where_no_total_binds_fairness_has_no_price(city: Snapshot) -> None:
    totals = night(city).totals
    assert (totals["handed"] == totals["possible"]).all()


@quick
@hypothesis.given(cities(), expectations(), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(city: Snapshot, expected: pd.DataFrame, rng: Any) -> None:
    def mixed(frame: pd.DataFrame) -> pd.DataFrame:
        order = list(range(len(frame)))
        rng.shuffle(order)
        return frame.iloc[order]

    first = night(city, expected)
    again = night(replace(city, waiting=mixed(city.waiting), lines=mixed(city.lines), supply=mixed(city.supply)), mixed(expected))
    for one, other in zip(vars(first).values(), vars(again).values(), strict=True):
        pd.testing.assert_frame_equal(one, other)


@quick
@hypothesis.given(cities(), expectations())
def test_the_next_night_keeps_the_level_and_with_it_every_share(city: Snapshot, expected: pd.DataFrame) -> None:
    """One order day is confirmed, the others wait on: on the stored level they get what they were told, but for ties at the level."""
    first = night(city, expected)
    told = city.waiting.merge(first.lines[["order_id", "brand_id", "allocated"]], on=["order_id", "brand_id"], how="left", validate="1:1")
    day = told["order_date"].min() if len(told) else None
    confirmed = told["allocated_x"].where(told["order_date"] != day, told["allocated_x"].fillna(told["allocated_y"]))
    known = replace(city, waiting=city.waiting.assign(allocated=confirmed.to_numpy()), week_levels=first.levels)
    second = night(known)
    assert list(breaches(known, second.lines)) == []
    pd.testing.assert_frame_equal(second.levels, first.levels)
    pairs = first.lines.merge(second.lines, on=["order_id", "brand_id"], validate="1:1")
    limited = pairs["reason_x"].isin(["LEVEL", "TURN_WON", "TURN_LOST"])
    assert (pairs["allocated_y"] >= pairs["allocated_x"])[limited].all()


def shop(name: str, requested: int, **more: Any) -> dict[str, Any]:
    return make.line(name, requested=requested, allocated=None, **{"order_date": make.MONDAY} | more)


def small(asked: dict[str, int], supply: int | None, **more: Any) -> Snapshot:
    """A city of one brand whose retailers, of level 1, 2, 3 … in turn, ask on Monday."""
    return make.snapshot(
        retailers=more.pop("retailers", [make.retailer(name, star_level=1 + n % 5) for n, name in enumerate(sorted(asked))]),
        waiting=[shop(name, want) for name, want in asked.items()] + more.pop("more_waiting", []),
        supply=[] if supply is None else [{"brand_id": "B1", "week": make.week(), "available": supply}],
        **more,
    )


ASKED = {f"R{n}": 3 + n for n in range(6)}


def test_with_nobody_else_expected_the_result_is_the_plain_rule() -> None:
    city = small(ASKED, 20)
    claims = [
        reference.Claim(want, 1000 * (1 + n % 5), *reference.ticket(name, "B1", RULES.salt, 0))
        for n, (name, want) in enumerate(ASKED.items())
    ]
    units, threshold = reference.share(claims, 20)
    found = night(city)
    assert found.lines["allocated"].tolist() == units
    assert found.lines["ticket"].tolist() == [claim.ticket for claim in claims]
    assert found.levels["threshold"].tolist() == [threshold]
    assert found.levels["level"].tolist() == [1000 * threshold / 2**32]
    assert (found.lines["level"] == found.levels["level"].iloc[0]).all()


def test_the_ticket_turns_with_every_earlier_week_of_limited_supply() -> None:
    supply = [{"brand_id": "B1", "week": make.week(-n), "available": 20} for n in (0, 1, 5)] + [
        {"brand_id": "B2", "week": make.week(-2), "available": 1}
    ]
    city = make.snapshot(brands=[make.brand("B1"), make.brand("B2")], waiting=[shop("R1", 5)], supply=supply)
    assert night(city).lines["ticket"].tolist() == [reference.ticket("R1", "B1", RULES.salt, 2)[0]]


def test_whole_lines_and_the_ticket_are_told_apart() -> None:
    found = night(small(ASKED, 20)).lines
    line = found["weight"] * found["level"] / 1000
    cut = found["allocated"] < found["requested"]
    assert cut.any()
    assert (found["reason"][cut & (found["allocated"] > line)] == "TURN_WON").all()
    assert (found["reason"][cut & (found["allocated"] < line)] == "TURN_LOST").all()
    assert set(found["reason"][cut]) == {"TURN_WON", "TURN_LOST"}
    assert (found["reason"][~cut] == "FULL").all()


def test_where_supply_suffices_there_is_no_level_and_all_is_full() -> None:
    found = night(small(ASKED, 1000))
    assert found.lines["level"].isna().all()
    assert (found.lines["reason"] == "FULL").all()
    assert found.levels["threshold"].isna().all()


def test_a_brand_without_a_row_in_a_week_that_has_rows_is_not_limited() -> None:
    city = small({"R1": 9}, None, brands=[make.brand("B1"), make.brand("B2")])
    found = night(replace(city, supply=make.table(make.frames.SUPPLY, [{"brand_id": "B2", "week": make.week(), "available": 1}])))
    assert found.lines["allocated"].tolist() == [9]
    assert found.levels.empty
    assert found.problems.empty


@pytest.mark.parametrize("table", ["supply", "release_strategy"])
def test_a_week_without_any_row_of_a_file_in_use_is_not_allocated_and_said_so(table: str) -> None:
    row = {"brand_id": "B1", "week": make.week(-1)} | ({"available": 9} if table == "supply" else {"star_level": 1, "cap": 9})
    found = night(make.snapshot(waiting=[shop("R1", 5)], **{table: [row]}))
    assert found.lines.empty
    assert found.levels.empty
    assert found.problems["subject"].tolist() == ["week 2026-03-02"]
    assert f"no {table.replace('_', ' ')} is known" in found.problems["message"].iloc[0]


def test_expected_requests_hold_back_their_share() -> None:
    city = make.snapshot(
        retailers=[make.retailer("R1"), make.retailer("R2")],
        waiting=[shop("R1", 10)],
        supply=[{"brand_id": "B1", "week": make.week(), "available": 10}],
    )
    expected = pd.DataFrame({"retailer_id": ["R2"], "brand_id": ["B1"], "week": pd.to_datetime([make.week()]), "requested": [10]})
    assert night(city).lines["allocated"].tolist() == [10]
    found = night(city, expected)
    assert found.lines["allocated"].tolist() == [5]
    assert found.levels["expected"].tolist() == [10.0]
    assert found.levels["available"].tolist() == [10]


def test_who_has_a_waiting_order_is_not_expected_to_place_another() -> None:
    expected = pd.DataFrame({"retailer_id": ["R0"], "brand_id": ["B1"], "week": pd.to_datetime([make.week()]), "requested": [50]})
    pd.testing.assert_frame_equal(night(small(ASKED, 20), expected).lines, night(small(ASKED, 20)).lines)


def test_a_confirmed_line_is_kept_out_and_its_cartons_are_gone() -> None:
    confirmed = [make.line("R9", requested=8, allocated=8, order_date=make.MONDAY)]
    shops = [make.retailer(name) for name in ("R1", "R9")]
    found = night(small({"R1": 20}, 20, retailers=shops, more_waiting=confirmed))
    assert found.lines["retailer_id"].tolist() == ["R1"]
    assert found.lines["allocated"].tolist() == [12]


def test_what_a_retailer_got_earlier_in_the_week_counts_towards_its_line() -> None:
    """R1 got 6 on Monday: of the 6 left, R2, who had nothing, comes first."""
    city = make.snapshot(
        retailers=[make.retailer("R1"), make.retailer("R2")],
        lines=[make.line("R1", requested=6, allocated=6, order_date=make.MONDAY)],
        waiting=[shop("R1", 10, order_date=make.MONDAY + timedelta(days=2)), shop("R2", 10, order_date=make.MONDAY + timedelta(days=2))],
        supply=[{"brand_id": "B1", "week": make.week(), "available": 12}],
        business_date=make.MONDAY + timedelta(days=1),
    )
    assert night(city).lines["allocated"].tolist() == [0, 6]


def test_two_orders_of_one_retailer_are_one_claimant() -> None:
    """Splitting an order into two brings nothing, and the earlier order is served first."""
    day = timedelta(days=1)
    shops = [make.retailer("R1"), make.retailer("R2")]
    one = night(small({"R1": 10, "R2": 10}, 9, retailers=shops)).lines
    two = night(
        small({"R1": 5, "R2": 10}, 9, retailers=shops, more_waiting=[shop("R1", 5, order_id="A", order_date=make.MONDAY + day)])
    ).lines
    mine = two[two["retailer_id"] == "R1"].sort_values("order_date")
    assert mine["allocated"].sum() == one.loc[one["retailer_id"] == "R1", "allocated"].iloc[0]
    assert mine["allocated"].iloc[0] == min(5, mine["allocated"].sum())


def test_the_supply_left_is_the_ceiling_of_a_stored_level() -> None:
    first = night(small(ASKED, 20))
    fewer = replace(small(ASKED, 12), week_levels=first.levels)
    found = night(fewer)
    assert found.lines["allocated"].sum() == 12
    assert (found.lines["level"] < first.levels["level"].iloc[0]).all()
    assert "no longer covers the level" in found.problems["message"].iloc[0]
    pd.testing.assert_frame_equal(found.levels, first.levels)


def test_a_stored_level_is_not_exceeded_when_others_stay_away() -> None:
    first = night(small(ASKED, 20))
    alone = replace(small(ASKED, 20), week_levels=first.levels)
    alone = replace(alone, waiting=alone.waiting.iloc[:2])
    found = night(alone).lines
    assert found["allocated"].tolist() == first.lines["allocated"].iloc[:2].tolist()


def test_what_the_day_limit_leaves_of_the_cap_goes_to_the_next_order_day() -> None:
    found = night(TWO_DAYS).lines
    assert found["allocated"].tolist() == [6, 5]
    assert found["reason"].tolist() == ["DAY_LIMIT", "STAR_CAP"]


def test_where_the_level_leaves_room_under_the_cap_the_later_order_was_cut_by_the_level() -> None:
    """Of a cap of 7 the earlier order may have 6, two packs, and the level gives it one: the cap leaves room for the later."""
    waiting = [shop("R1", 6), shop("R1", 7, order_date=make.MONDAY + timedelta(days=1))]
    cap = {"brand_id": "B1", "week": make.week(), "star_level": 3, "cap": 7}
    supply = [{"brand_id": "B1", "week": make.week(), "available": 5}]
    city = make.snapshot(brands=[make.brand(pack_multiple=3)], waiting=waiting, release_strategy=[cap], supply=supply)
    short, ample = night(city).lines, night(replace(city, supply=city.supply.iloc[:0])).lines
    assert (short["allocated"].tolist(), ample["allocated"].tolist()) == ([3, 0], [6, 0])
    assert set(short["reason"]) <= {"LEVEL", "TURN_WON", "TURN_LOST"}
    assert ample["reason"].tolist() == ["FULL", "STAR_CAP"]


def test_what_the_day_limit_leaves_of_a_band_goes_to_the_bands_other_brands() -> None:
    day = timedelta(days=1)
    found = night(
        make.snapshot(
            brands=[make.brand("B1"), make.brand("B2")],
            waiting=[shop("R1", 10), shop("R1", 9, brand_id="B2", order_date=make.MONDAY + day)],
            daily_limits=[{"star_level": 3, "limit": 6}],
            band_caps=[{"week": make.week(), "star_level": 3, "price_class": 2, "cap": 11}],
        )
    ).lines
    assert found["allocated"].tolist() == [6, 5]
    assert found["reason"].tolist() == ["DAY_LIMIT", "BAND_CAP"]


def test_a_monthly_quota_is_shared_by_the_weeks_of_the_month_the_earlier_first() -> None:
    quota = {"month": "2026-03", "star_level": 3, "brand_id": "B1", "quota": 6}
    week = timedelta(weeks=1)
    city = make.snapshot(
        waiting=[shop("R1", 5, order_date=make.MONDAY + week), shop("R1", 4, order_date=make.MONDAY + timedelta(days=4))],
        business_date=make.MONDAY + timedelta(days=3),
        monthly_quotas=[quota],
    )
    found = night(city).lines.sort_values("week")
    assert found["allocated"].tolist() == [4, 2]
    assert found["reason"].tolist() == ["FULL", "QUOTA_BRAND"]


def test_totals_go_to_the_brands_of_larger_estimated_demand_first() -> None:
    city = make.snapshot(
        brands=[make.brand(name) for name in ("B1", "B2", "B3")],
        waiting=[shop("R1", 9, brand_id=name) for name in ("B1", "B2", "B3")],
        daily_limits=[{"star_level": 3, "limit": 14}],
    )
    demand = pd.DataFrame(
        {"retailer_id": "R1", "brand_id": ["B1", "B2", "B3"], "week": pd.to_datetime([make.week()] * 3), "demand": [1.0, 3.0, 2.0]}
    )
    assert night(city, demand=demand).lines["allocated"].tolist() == [0, 9, 5]
    assert night(city, demand=demand).lines["reason"].tolist() == ["DAY_LIMIT", "FULL", "DAY_LIMIT"]
    assert night(city).lines["allocated"].tolist() == [9, 5, 0]


def test_asking_for_more_of_a_brand_does_not_move_it_ahead_in_a_total() -> None:
    def got(requested: int) -> list[int]:
        wares = [make.brand("B1"), make.brand("B2")]
        waiting = [shop("R1", 9, brand_id="B1"), shop("R1", requested, brand_id="B2")]
        return (
            night(make.snapshot(brands=wares, waiting=waiting, daily_limits=[{"star_level": 3, "limit": 12}])).lines["allocated"].tolist()
        )

    assert got(5) == got(500) == [9, 3]


def test_packs_share_a_supply_in_whole_packs() -> None:
    city = small({"R1": 14, "R2": 20}, 23, brands=[make.brand(pack_multiple=5)], retailers=[make.retailer("R1"), make.retailer("R2")])
    found = night(city).lines
    assert found["usable"].tolist() == [10, 20]
    assert found["allocated"].sum() == 20
    assert (found["allocated"] % 5 == 0).all()


def test_a_share_below_the_lot_is_nothing() -> None:
    found = night(small({"R1": 9, "R2": 9, "R3": 9}, 8, brands=[make.brand(min_lot=6)])).lines
    assert sorted(found["allocated"]) == [0, 0, 8]
    assert (found["reason"][found["allocated"] == 0] == "MIN_LOT").all()


def test_weights_are_those_of_the_settings() -> None:
    rules = RULES.model_copy(update={"weights": {1: 2.5, 2: 2.5}})
    found = policies.allocate(small({"R1": 30, "R2": 30}, 21), NOBODY, rules).lines
    assert found["weight"].tolist() == [2500, 2500]
    assert abs(np.diff(found["allocated"])) <= 1


def test_every_line_can_be_recomputed_from_what_is_published() -> None:
    """Request, bounds, weight, ticket and the brand's level give the allocation: nothing else is needed."""
    found = night(small(ASKED, 20))
    threshold = int(found.levels["threshold"].iloc[0])
    lines = found.lines
    assert fill.entitled(threshold, lines["ticket"], lines["weight"], lines["usable"]).tolist() == lines["allocated"].tolist()


def test_a_city_without_waiting_lines_allocates_nothing() -> None:
    found = night(make.snapshot())
    assert found.lines.empty
    assert found.levels.empty
    assert found.problems.empty


def test_only_expected_requests_still_set_the_weeks_level() -> None:
    city = make.snapshot(supply=[{"brand_id": "B1", "week": make.week(), "available": 4}])
    expected = pd.DataFrame({"retailer_id": ["R1"], "brand_id": ["B1"], "week": pd.to_datetime([make.week()]), "requested": [10]})
    found = night(city, expected)
    assert found.lines.empty
    assert found.levels["threshold"].notna().all()
    again = night(replace(city, week_levels=found.levels), expected)
    pd.testing.assert_frame_equal(again.levels, found.levels)


def test_an_unknown_brand_among_expected_requests_is_named() -> None:
    expected = pd.DataFrame({"retailer_id": ["R1"], "brand_id": ["B9"], "week": pd.to_datetime([make.week()]), "requested": [1]})
    with pytest.raises(TrueOrderError, match="brand 'B9' is not among"):
        night(make.snapshot(), expected)
