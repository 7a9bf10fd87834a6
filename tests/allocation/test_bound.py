"""The bound on what could be handed out, beside the largest flow and beside every allocation of small markets."""

from __future__ import annotations

import itertools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import maximum_flow

from allocation import bound

many = hypothesis.settings(max_examples=200, deadline=None)
SMALL = st.integers(0, 3)


Case = tuple[list[list[int]], list[int], list[int]]
"""What every brand (row) is wanted of by every shop, totals of shops, supplies of brands."""


def case(brands: int, shops: int, most: int, total: st.SearchStrategy[int]) -> st.SearchStrategy[Case]:
    row = st.lists(st.integers(0, most), min_size=shops, max_size=shops)
    totals, supplies = (st.lists(total, min_size=n, max_size=n) for n in (shops, brands))
    return st.tuples(st.lists(row, min_size=brands, max_size=brands), totals, supplies)


def bounded(wants: list[list[int]], totals: list[int], supplies: list[int]) -> int:
    brands, shops = np.shape(wants)
    return bound.most(np.arange(brands + 1) * shops, np.ravel(wants), np.tile(np.arange(shops), brands), totals, supplies)


def flow(wants: list[list[int]], totals: list[int], supplies: list[int]) -> int:
    """The largest flow, by scipy."""
    brands, shops = np.shape(wants)
    size = brands + shops + 2
    through = np.zeros((size, size), np.int32)
    through[0, 1 : shops + 1] = totals
    through[1 : shops + 1, shops + 1 : size - 1] = np.transpose(wants)
    through[shops + 1 : size - 1, size - 1] = supplies
    return int(maximum_flow(scipy.sparse.csr_array(through), 0, size - 1).flow_value)


def least_cut(wants: list[list[int]], totals: list[int], supplies: list[int]) -> int:
    """The least of all cuts, by trying every set of brands."""
    brands = range(len(supplies))
    return min(
        sum(supplies[b] for b in inside) + sum(min(t, sum(wants[b][r] for b in brands if b not in inside)) for r, t in enumerate(totals))
        for n in range(len(supplies) + 1)
        for inside in itertools.combinations(brands, n)
    )


@many
@hypothesis.given(case(5, 6, 9, st.integers(0, 25)))
def test_no_flow_exceeds_the_bound_and_the_bound_is_a_cut(market: Case) -> None:
    most = flow(*market)
    assert most == least_cut(*market)
    assert most <= bounded(*market) <= min(sum(market[1]), sum(market[2]), int(np.sum(market[0])))


@many
@hypothesis.given(case(2, 2, 2, SMALL))
def test_no_allocation_exceeds_the_bound(market: Case) -> None:
    wants, totals, supplies = market
    best = 0
    for given in itertools.product(*(range(want + 1) for row in wants for want in row)):
        wide = np.reshape(given, (2, 2))
        if (wide.sum(axis=0) <= totals).all() and (wide.sum(axis=1) <= supplies).all():
            best = max(best, sum(given))
    assert best <= bounded(*market)
    assert best == flow(*market)


def test_the_bound_is_the_largest_flow_in_nearly_all_random_markets() -> None:
    """Not always: two brands may have to change sides together."""
    rng, same, over = np.random.default_rng(5), 0, []
    for _ in range(200):
        wants = rng.integers(0, 9, (6, 30)).tolist()
        market = wants, rng.integers(5, 30, 30).tolist(), rng.integers(20, 160, 6).tolist()
        found, most = bounded(*market), flow(*market)
        same += found == most
        over.append(found / most - 1)
    assert same >= 190
    assert max(over) < 0.03


def test_a_brand_without_a_limit_counts_by_what_is_wanted() -> None:
    assert bounded([[5, 5], [3, 0]], [4, 100], [-1, -1]) == 9
    assert bounded([[5, 5], [3, 0]], [4, 100], [2, -1]) == 2 + 3
