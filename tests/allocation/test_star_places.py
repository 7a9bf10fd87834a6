"""Places by forced shares: the shares hold, nobody moves further than allowed, and the better score never gets the lower level."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import star_places

LAW = settings(max_examples=200, deadline=None)
THIRTY = (1, 1, 2, 2, 3, 3, 3, *[4] * 5, *[5] * 6, *[4] * 5, 3, 3, 3, 2, 2, 1, 1)
Whole = npt.NDArray[np.int64]


@st.composite
def cases(draw: st.DrawFn, most: int = 5) -> tuple[Whole, Whole, Whole, int, int]:
    """Few retailers and levels: the order, the anchors, the places wanted, the most steps and the most places off."""
    levels, count = draw(st.integers(1, 4)), draw(st.integers(1, most))
    anchor = np.array(draw(st.lists(st.integers(1, levels), min_size=count, max_size=count)))
    weights = np.array(draw(st.lists(st.integers(0, 5), min_size=levels, max_size=levels).filter(any)), float)
    wanted = star_places.places(100 * weights / weights.sum(), count)
    order = np.array(draw(st.permutations(range(count))))
    return order, anchor, wanted, draw(st.integers(0, 3)), draw(st.integers(0, 2))


def every(anchor: Whole, wanted: Whole, steps: int, off: int) -> list[tuple[int, ...]]:
    """All ways to give levels within the steps and places, by trying."""
    levels = range(1, len(wanted) + 1)
    near = [[level for level in levels if abs(level - a) <= steps] for a in anchor.tolist()]
    return [way for way in product(*near) if all(abs(way.count(level) - wanted[level - 1]) <= off for level in levels)]


@LAW
@given(cases())
def test_places_are_the_best_by_order_of_all_ways_there_are(case: tuple[Whole, Whole, Whole, int, int]) -> None:
    """Against trying every way: the fewest steps, then the fewest places off, then the best for the first, the second, and so on."""
    order, anchor, wanted, most_steps, most_off = case
    found = star_places.fill(order, anchor, wanted, most_steps=most_steps, most_off=most_off)
    tried = [(steps, off) for steps in range(min(most_steps, len(wanted)), len(wanted) + 1) for off in range(most_off + 1)]
    steps, off = next(pair for pair in tried if every(anchor, wanted, *pair))
    best = max(every(anchor, wanted, steps, off), key=lambda way: [way[row] for row in order])
    assert (found.steps, found.off, tuple(found.level)) == (steps, off, best)


@LAW
@given(cases(most=12), st.data())
def test_who_moves_up_in_the_order_never_gets_a_lower_level(case: tuple[Whole, Whole, Whole, int, int], data: st.DataObject) -> None:
    """All others as they stand among themselves. Where they too change places, it happens in 3 of 10,000 small cases."""
    order, anchor, wanted, steps, off = case
    at = data.draw(st.integers(0, len(order) - 1))
    raised = np.insert(np.delete(order, at), data.draw(st.integers(0, at)), order[at])
    rules = {"most_steps": steps, "most_off": off}
    before, after = (star_places.fill(o, anchor, wanted, **rules).level[order[at]] for o in (order, raised))
    assert after >= before


@LAW
@given(st.lists(st.integers(0, 20), min_size=1, max_size=30).filter(any), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_levels_that_are_those_of_the_rank_stay(weights: list[int], count: int, seed: int) -> None:
    wanted = star_places.places(100 * np.array(weights) / sum(weights), count)
    order = np.random.default_rng(seed).permutation(count)
    anchor = star_places.by_rank(order, wanted)
    found = star_places.fill(order, anchor, wanted, most_steps=1, most_off=0)
    assert (found.level == anchor).all()


@LAW
@given(st.integers(1, 3), st.integers(20, 200), st.integers(0, 2**32 - 1))
def test_scores_that_stay_bring_everybody_to_the_level_of_its_rank_in_time(steps: int, count: int, seed: int) -> None:
    """Who has nine levels to go needs nine steps; those who stand in one another's way need a few more, here at most twice as many."""
    rng = np.random.default_rng(seed)
    wanted = star_places.places([10] * 10, count)
    order, level = rng.permutation(count), star_places.by_rank(rng.permutation(count), wanted)
    for _ in range(2 * -(-9 // steps)):
        level = star_places.fill(order, level, wanted, most_steps=steps, most_off=0).level
    assert (level == star_places.by_rank(order, wanted)).all()


def test_a_shop_that_falls_from_rank_first_to_last_does_not_fall_at_once() -> None:
    """A control beside it: without steps it does."""
    count, wanted = 300, star_places.places(THIRTY, 300)
    order = np.arange(count)
    level = star_places.by_rank(order, wanted)
    fallen = np.append(order[1:], 0)
    assert star_places.fill(fallen, level, wanted, most_steps=3, most_off=0).level[0] == 27
    assert star_places.fill(fallen, level, wanted, most_steps=30, most_off=0).level[0] == 1


def test_shares_give_way_within_the_tolerance_before_steps_do_and_steps_beyond_it() -> None:
    """All stood in the middle of three levels: one step is not enough within the shares only where none may stay out of reach."""
    wanted = np.array([1, 8, 1])
    held = np.array([2] * 9 + [3])
    order = np.arange(10)
    assert star_places.fill(order, held, wanted, most_steps=1, most_off=1)[1:] == (1, 0)
    assert star_places.fill(order, held, wanted, most_steps=0, most_off=1)[1:] == (0, 1)
    assert star_places.fill(order, np.full(10, 3), wanted, most_steps=1, most_off=0)[1:] == (2, 0)
    assert star_places.fill(order, np.full(10, 3), wanted, most_steps=1, most_off=1)[1:] == (1, 1)


@LAW
@given(st.lists(st.floats(0, 50), min_size=1, max_size=40).filter(lambda w: sum(w) > 1), st.integers(1, 50_000))
def test_places_add_up_and_none_is_a_whole_retailer_from_its_share(weights: list[float], count: int) -> None:
    shares = 100 * np.array(weights) / sum(weights)
    found = star_places.places(shares, count)
    assert found.sum() == count
    assert (np.abs(found - shares * count / 100) < 1 + 1e-6).all()


@pytest.mark.parametrize(("tolerance", "count", "most"), [(0.5, 15018, 74), (0.5, 300, 0), (0, 15018, 0), (0.5, 400, 1)])
def test_places_off_keep_a_level_within_the_tolerance_of_its_exact_share(tolerance: float, count: int, most: int) -> None:
    assert star_places.most_off(tolerance, count) == most
    assert most == 0 or 100 * (most + 1) / count <= tolerance
