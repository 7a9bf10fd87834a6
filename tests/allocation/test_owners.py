"""Licences of one owner are one claimant; what is resold is capped by demand; what is left goes to those who come last."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from allocation import needs, owners, policies, suggest
from ordering import frames, settings
from ordering.frames import Snapshot
from ordering.model import Policy
from tests import factories as make

RULES = settings.load().allocation
NOBODY = suggest.nobody_else()
SHOPS = ("R1", "R2", "R3", "R4")
few = hypothesis.settings(max_examples=8, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])


def town(groups: dict[str, str], levels: dict[str, int], asks: dict[str, int], supply: int, **tables: Any) -> Snapshot:
    """One brand B1; every shop of `asks` has a waiting line on the Tuesday of MONDAY's week."""
    return make.snapshot(
        retailers=[make.retailer(name, star_level=levels.get(name, 3), licence_group=groups.get(name, "")) for name in SHOPS],
        waiting=[
            make.line(name, requested=want, allocated=None, order_date=make.MONDAY + timedelta(days=1)) for name, want in asks.items()
        ],
        supply=[{"brand_id": "B1", "week": make.week(), "available": supply}],
        **tables,
    )


def got(city: Snapshot, **more: Any) -> dict[str, int]:
    lines = policies.allocate(city, NOBODY, RULES, **more).lines
    return dict(zip(lines["retailer_id"].astype("str"), lines["allocated"].astype(int), strict=True))


def reasons(city: Snapshot, **more: Any) -> dict[str, str]:
    lines = policies.allocate(city, NOBODY, RULES, **more).lines
    return dict(zip(lines["retailer_id"].astype("str"), lines["reason"].astype("str"), strict=True))


def test_every_licence_of_a_group_has_the_first_as_its_owner() -> None:
    shops = make.snapshot(
        retailers=[make.retailer(f"R{i}", licence_group=group) for i, group in enumerate(("", "G1", "", "G1", "G2", "G1"))]
    ).retailers
    assert owners.of(shops).tolist() == [0, 1, 2, 1, 4, 1]


@few
@hypothesis.given(
    levels=st.fixed_dictionaries({name: st.integers(1, 4) for name in SHOPS}),
    asks=st.fixed_dictionaries({name: st.integers(0, 15) for name in SHOPS}),
    supply=st.integers(0, 40),
    split=st.integers(0, 15),
)
def test_a_second_licence_gives_its_owner_no_carton_more(levels: dict[str, int], asks: dict[str, int], supply: int, split: int) -> None:
    """R1 and R2 are one owner's: together they get what R1 alone gets with the better level, asking for both."""
    both = town({"R1": "G", "R2": "G"}, levels, asks, supply)
    whole = asks["R1"] + asks["R2"]
    best = levels | {"R1": max(levels["R1"], levels["R2"])}
    alone = got(town({}, best, {**asks, "R1": whole, "R2": 0}, supply))
    found = got(both)
    assert found["R1"] + found["R2"] == alone["R1"]
    assert [found[name] for name in SHOPS[2:]] == [alone[name] for name in SHOPS[2:]]
    moved = min(split, whole)
    again = got(town({"R1": "G", "R2": "G"}, levels, {**asks, "R1": moved, "R2": whole - moved}, supply))
    assert again["R1"] + again["R2"] == alone["R1"]


def test_without_a_group_a_second_licence_would_pay() -> None:
    """The control of the law above."""
    asks = {"R1": 10, "R2": 10, "R3": 10, "R4": 10}
    apart = got(town({}, {}, asks, 12))
    assert apart["R1"] + apart["R2"] == 6
    joined = got(town({"R1": "G", "R2": "G"}, {}, asks, 12))
    assert joined["R1"] + joined["R2"] == 4


def test_inside_a_group_the_rule_is_the_same() -> None:
    found = got(town({"R1": "G", "R2": "G"}, {"R1": 1, "R2": 3}, {"R1": 10, "R2": 10, "R3": 10}, 16))
    assert found == {"R1": 2, "R2": 6, "R3": 8}


def test_a_cap_is_that_of_the_best_licence_and_shared_by_all() -> None:
    caps = [{"brand_id": "B1", "week": make.week(), "star_level": level, "cap": cap} for level, cap in ((1, 4), (2, 6))]
    levels = {"R1": 1, "R2": 2, "R3": 2}
    city = town({"R1": "G", "R2": "G"}, levels, {"R1": 10, "R2": 10, "R3": 10}, 99, release_strategy=caps)
    assert got(city) == {"R1": 2, "R2": 4, "R3": 6}
    assert reasons(city) == {"R1": "STAR_CAP", "R2": "STAR_CAP", "R3": "STAR_CAP"}


def test_a_licence_that_has_closed_lends_its_level_to_nobody() -> None:
    shops = [
        make.retailer("R1", star_level=5, licence_group="G", active_to=make.MONDAY - timedelta(days=1)),
        make.retailer("R2", star_level=1, licence_group="G"), make.retailer("R3", star_level=1),
    ]  # fmt: skip
    city = town({}, {}, {"R2": 10, "R3": 10}, 10)
    city = replace(city, retailers=make.snapshot(retailers=[*shops, make.retailer("R4")]).retailers)
    assert got(city) == {"R2": 5, "R3": 5}


def demand(most: dict[str, float]) -> pd.DataFrame:
    rows = {"retailer_id": list(most), "brand_id": "B1", "week": pd.Timestamp(make.week()), "demand": 1.0, needs.MOST: list(most.values())}
    return pd.DataFrame(rows)


def test_what_is_resold_is_given_up_to_the_demand_that_consumers_may_have() -> None:
    asks = {"R1": 30, "R2": 30, "R3": 2}
    for prone, wanted, reason in ((True, {"R1": 5, "R2": 30, "R3": 2}, "DEMAND_CAP"), (False, asks, "FULL")):
        city = town({}, {}, asks, 99)
        city = replace(city, brands=make.snapshot(brands=[make.brand("B1", resale_prone=prone)]).brands)
        known = demand({"R1": 4.2, "R3": 3.0})  # of R2 nothing is known
        assert got(city, demand=known) == wanted
        assert reasons(city, demand=known)["R1"] == reason


def week_of_orders(days: dict[str, int], asks: dict[str, int], supply: int, today: int, given: dict[str, int]) -> Snapshot:
    """Each shop orders on its weekday (1 to 5); the lines of weekday `today` wait, those of shops in `given` are confirmed."""
    lines = [
        make.line(name, requested=asks[name], allocated=given.get(name), order_date=make.MONDAY + timedelta(days=days[name] - 1))
        for name in asks
        if days[name] == today or name in given
    ]
    return make.snapshot(
        retailers=[make.retailer(name, order_weekday=days[name]) for name in SHOPS],
        waiting=lines,
        supply=[{"brand_id": "B1", "week": make.week(), "available": supply}],
    )


def expecting(asks: dict[str, int]) -> pd.DataFrame:
    rows = {"retailer_id": list(asks), "brand_id": "B1", "week": pd.Timestamp(make.week()), "requested": list(asks.values())}
    return pd.DataFrame(rows)


@few
@hypothesis.given(
    days=st.fixed_dictionaries({name: st.integers(1, 5) for name in SHOPS}),
    asks=st.fixed_dictionaries({name: st.integers(0, 12) for name in SHOPS}),
    expected=st.fixed_dictionaries({name: st.integers(0, 12) for name in SHOPS}),
    supply=st.integers(0, 30),
)
def test_the_last_day_gets_what_is_left_and_no_earlier_one_more_than_its_level(
    days: dict[str, int], asks: dict[str, int], expected: dict[str, int], supply: int
) -> None:
    levels = policies.allocate(week_of_orders(days, asks, supply, 0, {}), expecting(expected), RULES).levels
    if levels.empty or levels["threshold"].isna().all():
        return
    given: dict[str, int] = {}
    last = max(days.values())
    for today in range(1, 6):
        known = replace(week_of_orders(days, asks, supply, today, given), week_levels=levels)
        found = {name: count for name, count in got(known, closing=True).items() if days[name] == today}
        given |= found
        assert today == last or all(count <= line_of(levels) for count in found.values())
    assert sum(given.values()) <= supply
    late = [name for name in asks if days[name] == max(days.values())]
    if any(given[name] < asks[name] for name in late):
        assert sum(given.values()) == supply


def line_of(levels: pd.DataFrame) -> int:
    """⌊w·λ⌋ + 1: the most that any ticket can give a shop of weight 3."""
    return int(np.floor(3 * levels["level"].iloc[0])) + 1


@pytest.mark.parametrize(("rows", "wanted"), [("available", 10), ("arrivals", 10 + 4)])
def test_what_was_left_last_week_is_carried_only_where_supply_rows_are_arrivals(rows: str, wanted: int) -> None:
    past = make.MONDAY - timedelta(days=6)
    city = make.snapshot(
        lines=[make.line("R1", requested=6, allocated=6, order_date=past)],
        waiting=[make.line("R1", requested=99, allocated=None, order_date=make.MONDAY + timedelta(days=1))],
        supply=[{"brand_id": "B1", "week": make.week(at), "available": 10} for at in (-1, 0)],
    )
    rules = RULES.model_copy(update={"supply_rows": rows})
    assert policies.allocate(city, NOBODY, rules).lines["allocated"].tolist() == [wanted]


def capped(caps: dict[int, int], asks: dict[str, int], levels: dict[str, int], supply: int) -> Snapshot:
    rows = [{"brand_id": "B1", "week": make.week(), "star_level": level, "cap": cap} for level, cap in caps.items()]
    return town({}, levels, asks, supply, release_strategy=rows)


def test_under_star_cap_what_a_level_leaves_goes_beyond_no_cap_and_a_cap_of_nothing_stays() -> None:
    levels = {"R1": 1, "R2": 2, "R3": 3, "R4": 3}
    rules = RULES.model_copy(update={"policy": Policy.STAR_CAP})
    city = capped({1: 0, 2: 4, 3: 6}, dict.fromkeys(SHOPS, 10), levels, 100)
    for policy, threshold, wanted in (("star_cap", 2 * 2**32 // 1000, [0, 4, 6, 6]), ("star_cap_relaxed", 2**32 // 1000, [0, 10, 10, 10])):
        row = {"brand_id": "B1", "week": make.week(), "available": 100, "expected": 0.0, "threshold": threshold, "policy": policy}
        stored = make.table(frames.WEEK_LEVELS, [row | {"level": 1000 * threshold / 2**32}])
        lines = policies.allocate(replace(city, week_levels=stored), NOBODY, rules, closing=True).lines
        assert lines["allocated"].tolist() == wanted
        assert policies.allocate(replace(city, week_levels=stored), NOBODY, rules).lines["allocated"].sum() < sum(wanted)


def test_under_star_cap_a_cap_is_named_where_it_cut() -> None:
    rules = RULES.model_copy(update={"policy": Policy.STAR_CAP})
    city = capped({1: 2, 2: 4, 3: 6}, dict.fromkeys(SHOPS, 10), {"R1": 1, "R2": 2, "R3": 3, "R4": 3}, 100)
    lines = policies.allocate(replace(city, supply=city.supply.iloc[:0]), NOBODY, rules).lines
    assert lines["allocated"].tolist() == [2, 4, 6, 6]
    assert set(lines["reason"]) == {"STAR_CAP"}


def test_a_pair_without_an_estimate_weighs_as_the_mean_of_its_brand() -> None:
    rules = RULES.model_copy(update={"policy": Policy.TRUE_DEMAND})
    rows = {"retailer_id": ["R1", "R2", "R4"], "brand_id": ["B1", "B1", "B2"], "demand": [0.5, 0.5, 50.0]}
    known = pd.DataFrame(rows | {"week": pd.Timestamp(make.week())})
    city = town({}, {}, {"R1": 10, "R2": 10, "R3": 10}, 9)
    city = replace(city, brands=make.snapshot(brands=[make.brand("B1"), make.brand("B2")]).brands)
    known = known.assign(brand_id=known["brand_id"].astype("str"))
    lines = policies.allocate(city, NOBODY, rules, demand=known).lines
    assert lines["allocated"].tolist() == [3, 3, 3]


def test_a_shop_that_has_closed_does_not_make_the_week_longer() -> None:
    city = week_of_orders({"R1": 1, "R2": 2, "R3": 2, "R4": 7}, {"R2": 9, "R3": 9}, 20, 2, {})
    closed = city.retailers.assign(
        active_to=city.retailers["active_to"].where(city.retailers["retailer_id"] != "R4", pd.Timestamp("2025-01-01"))
    )
    row = {"brand_id": "B1", "week": make.week(), "available": 20, "expected": 0.0, "threshold": 2**32 // 1000, "level": 1.0}
    stored = make.table(frames.WEEK_LEVELS, [row])
    for shops, wanted in ((city.retailers, 6), (closed, 18)):
        known = replace(city, retailers=shops, week_levels=stored)
        assert policies.allocate(known, NOBODY, RULES, closing=True).lines["allocated"].sum() == wanted


@pytest.mark.parametrize(("supply", "given"), [(30, 30), (70, 60)])
def test_what_an_owner_got_is_not_lost_to_the_lots_of_its_licences(supply: int, given: int) -> None:
    """Of 70, one line takes the 60 it asked for, and the last 10 are less than the other may be given."""
    city = town({"R1": "G", "R2": "G"}, {}, {"R1": 60, "R2": 60}, supply)
    city = replace(city, brands=make.snapshot(brands=[make.brand("B1", pack_multiple=10, min_lot=20)]).brands)
    found = got(city)
    assert sum(found.values()) == given
    assert all(count == 0 or count >= 20 for count in found.values())
