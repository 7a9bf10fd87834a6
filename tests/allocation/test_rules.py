"""Each policy and the laws it keeps, put to many small cases of one brand; those for comparison must break what they are known to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from allocation import fill, rules
from allocation.claimants import Claimants
from allocation.limits import NONE
from ordering.errors import SettingsError
from ordering.model import COMPARISONS, Policy
from ordering.settings import load
from tests import factories as make

LIVE = [policy for policy in Policy if policy not in COMPARISONS]
many = hypothesis.settings(max_examples=200, deadline=None)
WORDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Shop:
    """One claimant: what it asks for, its cap (None: none), weight in thousandths, estimated demand, sell-through, ticket, hash."""

    asks: int
    cap: int | None = None
    weight: int = 1000
    demand: float = 1.0
    earned: float = 1.0
    ticket: int = 0
    hashed: int = 0

    def asking(self, units: int) -> Shop:
        return replace(self, asks=units)


SHOP = st.builds(
    Shop,
    asks=st.integers(0, 12),
    cap=st.one_of(st.none(), st.integers(0, 6)),
    weight=st.sampled_from([500, 1000, 2000, 5000]),
    demand=st.floats(0.0, 9.0),
    earned=st.floats(0.0, 3.0),
    ticket=WORDS,
    hashed=WORDS,
)
SHOPS = st.lists(SHOP, min_size=1, max_size=5, unique_by=lambda shop: shop.hashed)
SUPPLY = st.integers(0, 40)


def share(policy: Policy, shops: Sequence[Shop], supply: int) -> list[int]:
    """What each gets of one brand under a policy."""
    if not shops:
        return []
    size = len(shops)

    def column(values: Sequence[float], kind: type = np.int64) -> np.ndarray:
        return np.array(values, kind)

    who = Claimants(
        of_line=np.arange(size), brands=np.zeros(1, np.int64), offsets=np.array([0, size]), policy=np.array([policy], rules.NAMES),
        by_star=False, owner=np.arange(size), brand=np.zeros(size, np.int64), usable=column([shop.asks for shop in shops]),
        taken=np.zeros(size, np.int64), cap=column([NONE if shop.cap is None else shop.cap for shop in shops]),
        pack=np.ones(size, np.int64), weight=column([shop.weight for shop in shops]),
        ticket=column([shop.ticket for shop in shops], np.uint32), hashed=column([shop.hashed for shop in shops], np.uint32),
        came=np.arange(size),
    )  # fmt: skip
    if policy is not Policy.STAR_CAP:  # under the others the cap is a bound of the request
        who = replace(who, usable=np.minimum(who.usable, who.cap))
    left, kept = np.array([supply]), np.zeros(1, bool)
    demand, earned = (column([getattr(shop, name) for shop in shops], np.float64) for name in ("demand", "earned"))
    who = rules.terms(who, left, kept, demand, earned)
    if policy in COMPARISONS:
        found: list[int] = rules.compared(who, left)[0].tolist()
        return found
    return fill.fill(who.offsets, who.usable, who.weight, who.ticket, who.hashed, left)[0].tolist()  # type: ignore[no-any-return]


def need(policy: Policy, shop: Shop) -> int:
    """The most that a shop may ever get of what it asks for."""
    if shop.cap is None or (policy is Policy.STAR_CAP and shop.cap > 0):
        return shop.asks
    return min(shop.asks, shop.cap)


def lie_pays(policy: Policy, shops: Sequence[Shop], supply: int, liars: dict[int, int]) -> bool:
    """Whether the liars (number: false request) come no further from what they need, each of them, and one of them nearer."""
    honest = share(policy, shops, supply)
    false = share(policy, [shop.asking(liars.get(i, shop.asks)) for i, shop in enumerate(shops)], supply)
    gains = [abs(honest[i] - shops[i].asks) - abs(false[i] - shops[i].asks) for i in liars]
    return min(gains) >= 0 and max(gains) > 0


@pytest.mark.parametrize("policy", Policy)
@many
@hypothesis.given(shops=SHOPS, supply=SUPPLY)
def test_nobody_gets_more_than_it_asks_and_all_that_is_wanted_is_handed_out(policy: Policy, shops: list[Shop], supply: int) -> None:
    got = share(policy, shops, supply)
    assert all(0 <= given <= need(policy, shop) for given, shop in zip(got, shops, strict=True))
    assert sum(got) == min(supply, sum(need(policy, shop) for shop in shops))


@pytest.mark.parametrize("policy", LIVE)
@many
@hypothesis.given(shops=SHOPS, supply=SUPPLY, data=st.data())
def test_no_one_and_no_two_gain_by_asking_for_more_or_less(policy: Policy, shops: list[Shop], supply: int, data: st.DataObject) -> None:
    pair = data.draw(st.lists(st.integers(0, len(shops) - 1), min_size=1, max_size=2, unique=True))
    assert not lie_pays(policy, shops, supply, {who: data.draw(st.integers(0, 30)) for who in pair})


@pytest.mark.parametrize("policy", LIVE)
@many
@hypothesis.given(shops=SHOPS, supply=SUPPLY, more=st.integers(1, 5))
def test_more_supply_hurts_nobody(policy: Policy, shops: list[Shop], supply: int, more: int) -> None:
    assert all(a <= b for a, b in zip(share(policy, shops, supply), share(policy, shops, supply + more), strict=True))


@pytest.mark.parametrize("policy", LIVE)
@many
@hypothesis.given(shops=SHOPS, supply=SUPPLY, data=st.data())
def test_a_part_shares_what_it_got_as_it_did_within_the_whole(policy: Policy, shops: list[Shop], supply: int, data: st.DataObject) -> None:
    stay = sorted(data.draw(st.sets(st.integers(0, len(shops) - 1), min_size=1)))
    whole = share(policy, shops, supply)
    part = [whole[i] for i in stay]
    assert share(policy, [shops[i] for i in stay], sum(part)) == part


@pytest.mark.parametrize("policy", LIVE)
@many
@hypothesis.given(shops=SHOPS, supply=SUPPLY, rng=st.randoms(use_true_random=False))
def test_the_order_of_claimants_is_irrelevant(policy: Policy, shops: list[Shop], supply: int, rng: random.Random) -> None:
    order = list(range(len(shops)))
    rng.shuffle(order)
    found = share(policy, shops, supply)
    assert share(policy, [shops[i] for i in order], supply) == [found[i] for i in order]


def broken(policy: Policy, law: Callable[[Policy, list[Shop], int], bool], cases: int = 300) -> int:
    """In how many of `cases` random cases a policy breaks a law."""
    rng, count = random.Random(1), 0
    for _ in range(cases):
        shops = [Shop(rng.randint(1, 12), ticket=rng.randrange(2**32), hashed=rng.randrange(2**32)) for _ in range(4)]
        count += law(policy, shops, sum(shop.asks for shop in shops) * 6 // 10)
    return count


def some_lie_pays(policy: Policy, shops: list[Shop], supply: int) -> bool:
    return any(lie_pays(policy, shops, supply, {who: lie}) for who in range(len(shops)) for lie in range(1, 31, 3))


def supply_hurts(policy: Policy, shops: list[Shop], supply: int) -> bool:
    steps = [share(policy, shops, supply + more) for more in range(6)]
    return any(b < a for one, other in pairwise(steps) for a, b in zip(one, other, strict=True))


def part_differs(policy: Policy, shops: list[Shop], supply: int) -> bool:
    whole = share(policy, shops, supply)
    return any(share(policy, shops[:i] + shops[i + 1 :], supply - whole[i]) != whole[:i] + whole[i + 1 :] for i in range(len(shops)))


def comes_later(policy: Policy, shops: list[Shop], supply: int) -> bool:
    return sorted(share(policy, shops, supply)) != sorted(share(policy, shops[::-1], supply))


@pytest.mark.parametrize(("law", "least"), [(some_lie_pays, 150), (supply_hurts, 3), (part_differs, 3)])
def test_proportional_sharing_breaks_what_the_others_keep(law: Callable[[Policy, list[Shop], int], bool], least: int) -> None:
    """The control: the laws above would notice."""
    assert broken(Policy.PROPORTIONAL, law) >= least
    assert [broken(policy, law, 40) for policy in LIVE] == [0] * len(LIVE)


def test_first_come_hangs_on_who_comes_first() -> None:
    assert broken(Policy.FIRST_COME, comes_later) > 150
    assert [broken(policy, comes_later, 40) for policy in LIVE] == [0] * len(LIVE)


def test_equal_needs_get_shares_in_proportion_to_estimated_demand() -> None:
    shops = [Shop(99, demand=value, hashed=i) for i, value in enumerate((1.0, 2.0, 5.0))]
    assert share(Policy.TRUE_DEMAND, shops, 40) == [5, 10, 25]


def test_caps_come_first_and_what_is_left_raises_all_by_one_factor() -> None:
    shops = [Shop(99, cap=2, hashed=1), Shop(99, cap=4, hashed=2), Shop(1, cap=4, hashed=3), Shop(9, cap=0, hashed=4)]
    assert share(Policy.STAR_CAP, shops, 7) == [2, 4, 1, 0]
    assert share(Policy.STAR_CAP, shops, 13) == [4, 8, 1, 0]
    assert share(Policy.STAR_CAP, shops, 3) == [1, 1, 1, 0]


def test_who_sells_what_it_gets_earns_its_next_turn_within_limits() -> None:
    shops = [Shop(99, earned=value, hashed=i) for i, value in enumerate((0.1, 1.0, 9.0))]
    assert share(Policy.TURN_AND_EARN, shops, 30) == [5, 10, 15]


def test_sell_through_is_told_from_weeks_in_which_the_till_reported() -> None:
    monday = make.MONDAY - timedelta(weeks=2)
    city = make.snapshot(
        retailers=[make.retailer(name) for name in ("R1", "R2", "R3")],
        brands=[make.brand("B1"), make.brand("B2")],
        lines=[
            make.line("R1", requested=9, allocated=8, order_date=monday),
            make.line("R1", "B2", requested=9, allocated=2, order_date=monday),
            make.line("R1", requested=9, allocated=7, order_date=monday + timedelta(weeks=1)),
            make.line("R2", requested=9, allocated=8, order_date=monday),
        ],
        scanned_sales=[
            {"retailer_id": "R1", "brand_id": "B1", "week": monday, "sold": 4},
            {"retailer_id": "R1", "brand_id": "B2", "week": monday, "sold": 1},
        ],
    )
    assert rules.sold_through(city, pd.Timestamp(make.MONDAY)).tolist() == [0.5, 1.0, 1.0]


def test_a_policy_for_comparison_is_no_setting(tmp_path: Path) -> None:
    file = tmp_path / "trueorder.toml"
    for said in ('policy = "proportional"', 'policies = { tight = "first_come" }'):
        file.write_text(f"[allocation]\n{said}\n", "utf-8")
        with pytest.raises(SettingsError, match=r"to compare with \(trueorder rerun what-if\)"):
            load(file)


def test_brands_have_the_policy_of_their_supply_attribute() -> None:
    settings = load().allocation.model_copy(update={"policies": {"new": Policy.STAR_CAP}})
    city = make.snapshot(brands=[make.brand("B1", supply_attribute="new"), make.brand("B2", supply_attribute="tight")])
    assert rules.chosen(city, settings).tolist() == ["star_cap", "uniform"]
