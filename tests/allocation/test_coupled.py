"""Cut-offs under totals: two implementations agree, and examples that can be followed by hand."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from allocation import coupled
from tests.allocation import laws, markets
from tests.allocation.markets import UNLIMITED, Brand, Market, Shop, by_shop, deferred_acceptance, in_rounds, solve
from tests.allocation.reference import Claim, threshold

several = hypothesis.settings(max_examples=500, deadline=None)


def both(market: Market) -> tuple[markets.Units, list[int]]:
    found = solve(market)
    return by_shop(market, found.units), found.levels.tolist()


@several
@hypothesis.given(st.data())
def test_one_rejection_at_a_time_in_any_order_comes_to_the_same(data: st.DataObject) -> None:
    chance = markets.Drawn(data)
    market = markets.Kind(taken=True).market(chance)
    assert both(market) == deferred_acceptance(market, chance.order(len(market.brands)))


def test_one_rejection_at_a_time_comes_to_the_same_in_usual_markets() -> None:
    """Hypothesis likes small numbers; here all are as likely."""
    for seed in range(500):
        chance = markets.Thrown(seed)
        market = markets.Kind(taken=True, most=12).market(chance)
        assert both(market) == deferred_acceptance(market, chance.order(len(market.brands)))


@several
@hypothesis.given(st.data())
def test_two_implementations_agree_on_packs_and_lots(data: st.DataObject) -> None:
    market = markets.Kind(packs=True, lots=True, taken=True).market(markets.Drawn(data))
    assert both(market) == in_rounds(market)


@pytest.mark.parametrize("lots", [True, False])
def test_two_implementations_agree_on_packs_and_lots_in_usual_markets(lots: bool) -> None:
    for seed in range(500):
        market = markets.Kind(packs=True, lots=lots, taken=True, most=12).market(markets.Thrown(seed))
        assert both(market) == in_rounds(market)


@several
@hypothesis.given(st.data())
def test_what_lines_were_left_and_took_is_told(data: st.DataObject) -> None:
    market = markets.Kind(taken=True, most=30).market(markets.Drawn(data))
    found, rows = solve(market), iter(range(10**6))
    for shop, got in zip(market.shops, by_shop(market, found.units), strict=True):
        _, room = markets.taking(market, shop, got)
        for b in shop.liking:
            line = next(rows)
            assert (found.got[line], found.room[line]) == (got[b], room[b])
            assert (found.by[line] >= 0) == (room[b] < shop.needs[b])


def two_brands(total: int, supplies: tuple[int, int], pack: int = 1) -> Market:
    """A that everybody likes best, then B; R2 has no total."""
    claims = Claim(4, ticket=0, hashed=1), Claim(6, ticket=0, hashed=2)
    others = Claim(4, ticket=5, hashed=3), Claim(6, ticket=5, hashed=4)
    return Market((Brand(supplies[0]), Brand(supplies[1], pack=pack)), (Shop(claims, (0, 1), total), Shop(others, (0, 1))))


def test_what_a_short_brand_does_not_deliver_is_offered_to_the_brands_liked_less() -> None:
    """R1 wants 4 of A and 6 of B under a total of 5. A gives it 2 of 4: then it takes 3 of B, and not the 1 left beside 4 of A."""
    market = two_brands(5, (4, 9))
    found = solve(market)
    assert by_shop(market, found.units) == ((2, 3), (2, 6))
    assert found.levels[1] == UNLIMITED
    assert by_shop(market, found.units) != markets.totals_first(market) == ((2, 1), (2, 6))


def test_a_remainder_smaller_than_a_pack_is_left_for_the_lines_after() -> None:
    claims = Claim(3, ticket=0, hashed=1), Claim(9, ticket=0, hashed=2)
    market = Market((Brand(UNLIMITED, pack=4), Brand(UNLIMITED)), (Shop(claims, (0, 1), 10),))
    assert by_shop(market, solve(market).units) == ((2, 2),)


def test_what_packs_leave_of_a_lowered_brand_is_handed_out_in_the_end() -> None:
    """Offered less of A, a shop has room for a pack of B, and then none for C, which had turned another away on its account."""
    wasted = 0
    for seed in range(3000):
        chance = markets.Thrown(seed)
        market = markets.Kind(packs=True, brands=3).market(chance)
        wasted += not laws.who_is_unmet_where_a_brand_is_left_over_has_no_room(lambda m: in_rounds(m, rest=False)[0], market, chance)
        assert laws.who_is_unmet_where_a_brand_is_left_over_has_no_room(markets.cut_offs, market, chance)
    assert wasted > 0


def test_lines_of_one_claim_are_served_in_their_turn_each_under_its_own_day() -> None:
    """Orders of 5 for Monday and 4 for Tuesday, 3 left of Monday's limit and 9 of Tuesday's; the brand gives 6 in all."""
    lines = coupled.Lines([0, 2], [0, 0], [5, 4], [[0, 1]], [3, 9])
    found = coupled.share([0, 1], [9], [1000], [0], [1], [6], lines)
    assert found.got.tolist() == [3, 3]
    assert found.room.tolist() == [3, 4]
    assert found.by.tolist() == [0, -1]
    assert found.units.tolist() == [6]


def test_what_is_refused_elsewhere_may_be_asked_for_up_to_the_first_bundle_that_does_not_fit() -> None:
    """B: 3 packs in lots of 2. R1's third pack stands before R2's first bundle, which does not fit; R1 asks for it once A gives nothing."""
    nothing, heavy, light = Claim(0, weight=1, hashed=1), Claim(3, weight=500), Claim(2, weight=1, hashed=1)
    shops = Shop((Claim(1, weight=500), heavy), (0, 1), 9), Shop((nothing, light), (0, 1), 6)
    market = Market((Brand(0), Brand(3, pack=3, lot=2)), shops)
    assert both(market) == (((0, 3), (0, 0)), [0, threshold(3, 0, 500)])


def test_a_line_that_is_alone_counts_its_packs_under_a_limit() -> None:
    found = coupled.share([0, 1], [3], [1000], [0], [1], [2], coupled.Lines([0, 1], [0], [3], [[0]], [8]), pack=[3])
    assert (found.units.tolist(), found.levels.tolist()) == ([2], [UNLIMITED])


def test_a_weight_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least a thousandth"):
        coupled.share([0, 1], [1], [0], [0], [1], [6], coupled.Lines([0, 1], [0], [1], [[0]], [3]))


def test_a_market_of_nobody_is_no_fault() -> None:
    found = coupled.share([0, 0], [], [], [], [], [6], coupled.Lines([0], [], [], np.zeros((1, 0)), []))
    assert (found.units.tolist(), found.levels.tolist(), found.rounds) == ([], [UNLIMITED], 0)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_large_market_ends_where_single_rejections_end(threads: int) -> None:
    """Long enough lists that the search, not only the sorting at its end, decides; with many equal thresholds."""
    rng = np.random.default_rng(7)
    words = rng.integers(0, 2**32, 9).tolist()
    wares = tuple(Brand(int(rng.integers(20, 300))) for _ in range(4))
    shops = []
    for _ in range(60):
        claims = tuple(Claim(int(rng.integers(0, 20)), int(rng.integers(1, 4)) * 1000, rng.choice(words), rng.choice(words)) for _ in wares)
        shops.append(Shop(claims, tuple(rng.permutation(4).tolist()), int(rng.integers(0, 40))))
    market = Market(wares, tuple(shops))
    found = solve(market, threads=threads)
    assert (by_shop(market, found.units), found.levels.tolist()) == deferred_acceptance(market)
