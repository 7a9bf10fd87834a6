"""Who gives back when supply is cut: those whom the rule would not have served, in whatever order the records stand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import fill, owners, policies
from allocation.recall import Recalled, recall
from ordering import settings as told
from tests import factories as make
from tests.examples import examples

DAYS = [date(2026, 3, day) for day in range(3, 6)]
SALT = "2026"
RULES = told.load().allocation
SHOPS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), min_size=1, max_size=12)


def claim(shops: list[tuple[int, int]], supply: int, pack: int) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Lines of shops that asked for so many packs under weights, as the rule gives them out of `supply` packs; and the tickets."""
    ids = [f"R{n:02d}" for n in range(len(shops))]
    at, none = np.arange(len(shops)), np.zeros(len(shops), np.int64)
    ticket, hashed = fill.tickets(ids, ["B1"], at, none, np.full(len(shops), 3), SALT)
    asked, weight = np.array([packs for packs, _ in shops], np.int32), np.array([1000 * star for _, star in shops], np.int32)
    units, _ = fill.fill([0, len(shops)], asked, weight, ticket, hashed, [supply])
    lines = pd.DataFrame({"order_id": [f"O{n}" for n in ids], "retailer_id": ids, "order_date": DAYS[0], "allocated": units * pack})
    alone = {"owner_id": ids, "own_weight": weight}
    return lines.assign(weight=weight, ticket=ticket.astype(np.int64), reason="LEVEL", fixed=False, **alone), units


def of(lines: pd.DataFrame, supply: int, pack: int = 1, lot: int = 1) -> Recalled:
    return recall(lines, "B1", supply=supply, pack=pack, lot=lot, salt=SALT)


@given(SHOPS, st.integers(0, 200), st.integers(0, 200), st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_what_is_left_is_what_would_have_been_given_had_the_cut_been_known(
    shops: list[tuple[int, int]], supply: int, cut: int, pack: int
) -> None:
    lines, _ = claim(shops, supply, pack)
    smaller = min(supply, cut)
    known, _ = claim(shops, smaller, pack)
    assert of(lines, smaller * pack, pack).allocated.tolist() == known["allocated"].tolist()


OWNED = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=8)
"""Shops: packs asked for, star level, and their owner's number, 0 for one of its own."""


def town(shops: list[tuple[int, int, int]], supply: int, pack: int) -> pd.DataFrame:
    """Lines of one day as the whole allocation gives them, ready for a recall."""
    city = make.snapshot(
        retailers=[make.retailer(f"R{n}", star_level=star, licence_group=f"G{g}" if g else "") for n, (_, star, g) in enumerate(shops)],
        brands=[make.brand("B1", pack_multiple=pack, min_lot=pack)],
        waiting=[make.line(f"R{n}", "B1", asked * pack, None, order_date=DAYS[0]) for n, (asked, *_) in enumerate(shops)],
        supply=[{"brand_id": "B1", "week": make.week(at), "available": supply * pack} for at in (-1, 0)],
    )
    nobody = pd.DataFrame({"retailer_id": [], "brand_id": [], "week": [], "requested": []})
    lines = policies.allocate(city, nobody, RULES).lines.astype({"retailer_id": "str", "reason": "str"})
    owner, shop = owners.of(city.retailers), lines["retailer_id"].str[1:].astype(int).to_numpy()
    own = np.array([round(1000 * RULES.weight(shops[n][1])) for n in shop])
    return lines.assign(owner_id=[f"R{owner[n]}" for n in shop], own_weight=own, fixed=False)


@given(OWNED, st.integers(0, 100), st.integers(0, 100), st.integers(1, 3))
@settings(max_examples=examples(30), deadline=None)
def test_owners_of_several_licences_keep_what_they_would_have_been_given(
    shops: list[tuple[int, int, int]], supply: int, cut: int, pack: int
) -> None:
    """By owner, and by licence too."""
    smaller = min(supply, cut)
    lines, known = town(shops, supply, pack), town(shops, smaller, pack)
    found = recall(lines, "B1", supply=smaller * pack, pack=pack, lot=pack, salt=RULES.salt)
    assert found.allocated.tolist() == known["allocated"].tolist()


def test_two_licences_of_one_owner_are_one_claimant() -> None:
    """With the control: as claimants of their own they would keep more."""
    shops = [(9, 1, 1), (9, 1, 1), (9, 1, 0)]
    lines = town(shops, 16, 1)
    kept, apart = (
        recall(rows, "B1", supply=8, pack=1, lot=1, salt=RULES.salt).allocated.tolist()
        for rows in (lines, lines.assign(owner_id=lines["retailer_id"]))
    )
    assert kept == town(shops, 8, 1)["allocated"].tolist() == [2, 2, 4]
    assert apart[2] < 4


@given(SHOPS, st.integers(0, 200), st.integers(0, 200), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_of_the_records_decides_nothing(shops: list[tuple[int, int]], supply: int, cut: int, chance: Any) -> None:
    lines, _ = claim(shops, supply, 1)
    shuffled = lines.loc[chance.sample(list(lines.index), len(lines))]
    pd.testing.assert_series_equal(of(shuffled, cut).allocated.sort_index(), of(lines, cut).allocated)


def test_giving_back_in_record_order_would_be_seen() -> None:
    """The control: who came last gives back, as systems do that go by record order."""
    lines, _ = claim([(9, 1), (9, 5)], 12, 1)
    last_first = np.minimum(lines["allocated"], np.maximum(6 - lines["allocated"].cumsum().shift(fill_value=0), 0))
    assert last_first.tolist() != of(lines, 6).allocated.tolist()
    assert last_first.sum() == of(lines, 6).allocated.sum()


@given(
    SHOPS, st.integers(0, 200), st.integers(0, 400), st.integers(1, 4), st.integers(1, 6), st.lists(st.booleans(), min_size=12, max_size=12)
)
@settings(max_examples=200, deadline=None)
def test_nobody_gets_more_nothing_delivered_is_taken_and_the_cut_is_met(
    shops: list[tuple[int, int]], supply: int, cut: int, pack: int, lot: int, delivered: list[bool]
) -> None:
    lines, _ = claim(shops, supply, pack)
    lines["fixed"] = delivered[: len(lines)]
    found = of(lines, cut, pack, lot)
    assert (found.allocated <= lines["allocated"]).all()
    assert (found.allocated[lines["fixed"]] == lines["allocated"][lines["fixed"]]).all()
    assert (found.allocated % pack == 0).all()
    assert found.allocated.sum() <= max(cut, lines.loc[lines["fixed"], "allocated"].sum())
    assert found.missing == max(lines.loc[lines["fixed"], "allocated"].sum() - cut, 0)
    if lot == 1:
        assert min(cut, lines["allocated"].sum()) - found.allocated.sum() < pack or found.missing
    cut_lines = found.allocated < lines["allocated"]
    assert (found.reason[~cut_lines] == lines["reason"][~cut_lines]).all()
    assert found.reason[cut_lines].isin(["LEVEL", "TURN_LOST", "TURN_WON"]).all()


def test_a_shop_with_two_orders_is_one_claimant_and_its_later_order_gives_back_first() -> None:
    one, _ = claim([(8, 1), (8, 1)], 16, 1)
    two = pd.concat([one, one.iloc[[0]].assign(order_id="O9", order_date=DAYS[1], allocated=2)], ignore_index=True)
    two.loc[0, "allocated"] = 6
    assert of(two, 10).allocated.tolist() == [*[5, 5], 0]
    assert of(one, 10).allocated.tolist() == [5, 5]


@pytest.mark.parametrize(("supply", "level"), [(16, True), (10, False)])
def test_a_level_is_told_only_where_somebody_gives_back(supply: int, level: bool) -> None:
    lines, _ = claim([(8, 1), (8, 1)], 16, 1)
    assert np.isnan(of(lines, supply).level) == level
