"""What is taken up within caps: the model against drawn needs, and what the past corrects of it."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from allocation import take_up
from allocation.limits import NONE
from tests import factories as f

many = hypothesis.settings(max_examples=200, deadline=None)
MEAN = st.one_of(st.just(0.0), st.floats(0.01, 60.0))
SPREAD = st.one_of(st.just(0.0), st.floats(0.01, 3.0))
SHOP = st.tuples(MEAN, SPREAD, st.sampled_from([1, 1, 2]), st.integers(0, 2))
SHOPS = st.lists(SHOP, max_size=8)


def needs(shops: list[tuple[float, float, int, int]], most: int = 12) -> take_up.Need:
    mean, spread, visits, group = (np.array([shop[at] for shop in shops]) for at in range(4))
    visits, group = visits.astype(np.int64), group.astype(np.int64)
    return take_up.tabulate(mean.astype(float), spread.astype(float), visits, group, groups=3, most=most)


def law(mean: float, spread: float) -> Any:
    """The distribution of a need, from a library that has it."""
    return stats.poisson(mean) if spread == 0 else stats.nbinom(1 / spread, 1 / (1 + spread * mean))


@many
@hypothesis.given(st.floats(0.01, 60.0), SPREAD, st.sampled_from([1, 2]))
def test_the_table_is_that_of_the_negative_binomial(mean: float, spread: float, visits: int) -> None:
    found = needs([(mean, spread, visits, 0)])
    of_visit = law(visits * mean, spread / visits)
    at = np.arange(2000)
    chance = of_visit.pmf(at)
    for cap in range(13):
        most = visits * cap
        assert found.within[0, cap] == pytest.approx(np.minimum(at, most) @ chance / visits + most / visits * of_visit.sf(1999), abs=1e-6)
        assert found.whole[0, cap] == pytest.approx(np.where(at <= most, at, 0) @ chance / visits, abs=1e-6)


@many
@hypothesis.given(SHOPS, SHOPS)
def test_needs_of_different_shops_add(some: list[Any], others: list[Any]) -> None:
    together, apart = needs([*some, *others]), needs(some) + needs(others)
    for name, values in vars(together).items():
        np.testing.assert_allclose(values, getattr(apart, name), atol=1e-9)


@many
@hypothesis.given(SHOPS)
def test_what_is_taken_grows_with_the_cap_ever_more_slowly_and_never_beyond_cap_or_need(shops: list[Any]) -> None:
    found = needs(shops)
    steps = np.diff(found.within, axis=1)
    assert (steps >= -1e-12).all()
    assert (np.diff(steps, axis=1) <= 1e-9).all()
    assert (found.within <= found.need[:, None] + 1e-6).all()
    assert (found.within <= found.retailers[:, None] * np.arange(13)[None, :] + 1e-9).all()
    assert (found.whole <= found.within + 1e-9).all()


@many
@hypothesis.given(SHOPS.filter(len), st.lists(st.integers(0, 12), min_size=8, max_size=8))
def test_what_is_expected_of_single_shops_is_what_the_table_says(shops: list[Any], caps: list[int]) -> None:
    mean, spread, visits, _ = (np.array([shop[at] for shop in shops]) for at in range(4))
    cap = np.array(caps[: len(shops)], np.int64)
    found = take_up.expected(mean.astype(float), spread.astype(float), visits.astype(np.int64), cap)
    single = [needs([(*shop[:3], 0)]).within[0, c] for shop, c in zip(shops, caps, strict=False)]
    assert found == pytest.approx(single, abs=1e-9)
    free = take_up.expected(mean.astype(float), spread.astype(float), visits.astype(np.int64), np.full(len(shops), NONE))
    assert free == pytest.approx(mean, abs=1e-9)


def cells(rows: list[tuple[int, int, int, float, int, int]]) -> pd.DataFrame:
    """Cells from (week, brand, level, model, wanted, taken)."""
    frame = pd.DataFrame(rows, columns=["week", "brand", "star_level", "model", "wanted", "taken"])
    return frame.assign(week=pd.to_datetime([f.week(w) for w in frame["week"]]), released=9)


LEVELS = np.array([1, 2])


def test_a_level_that_takes_half_of_what_the_model_says_is_planned_at_half() -> None:
    rows = [(-w, 0, 1, 1000.0, 500, 500) for w in range(1, 5)] + [(-w, 0, 2, 1000.0, 1000, 1000) for w in range(1, 5)]
    found = take_up.factors(cells(rows), 2, LEVELS, 25.0)
    assert found[0] == pytest.approx([0.5, 1.0], abs=0.01)
    assert found[1] == pytest.approx([1.0, 1.0]), "of brand 1 nothing is known: the model stands"


def test_a_week_that_supply_cut_says_nothing_of_take_up() -> None:
    cut = [(-1, 0, 1, 1000.0, 900, 300)]
    assert take_up.factors(cells(cut), 1, LEVELS, 25.0) == pytest.approx(np.ones((1, 2)))
    assert take_up.uncut(cells(cut)).empty
    uncut = [(-1, 0, 1, 1000.0, 300, 300)]
    assert take_up.factors(cells(uncut), 1, LEVELS, 25.0)[0, 0] < 0.35


@many
@hypothesis.given(st.floats(0, 500), st.integers(0, 500), st.floats(1, 100))
def test_a_correction_lies_between_one_and_what_was_seen(model: float, taken: int, trust: float) -> None:
    found = take_up.factors(cells([(-1, 0, 1, model, taken, taken)]), 1, LEVELS, trust)
    seen = taken / model if model > 0 and taken else 1.0
    low, high = sorted([1.0, float(np.clip(seen, 1 / take_up.MOST_FACTOR, take_up.MOST_FACTOR))])
    assert low - 1e-9 <= found[0, 0] <= high + 1e-9 or model == 0


def test_more_than_everybodys_cap_is_never_expected() -> None:
    need = needs([(5.0, 0.0, 1, 0), (5.0, 0.0, 1, 0)])
    found = take_up.corrected(need, np.array([4.0, 1.0, 1.0]))
    assert found[0].tolist()[:3] == [0, 2, 4]


def test_cells_hold_requests_against_the_cap_and_the_model_beside_them() -> None:
    known = f.snapshot(
        retailers=[f.retailer("R1", star_level=2), f.retailer("R2", star_level=2, visit_every_weeks=2), f.retailer("R3", star_level=1)],
        release_strategy=[{"brand_id": "B1", "week": f.week(-1), "star_level": 2, "cap": 3}],
    )
    shops, wares = known.categories()
    lived = pd.DataFrame({
        "retailer_id": pd.Categorical(["R1", "R2", "R3"], dtype=shops), "brand_id": pd.Categorical(["B1"] * 3, dtype=wares),
        "week": pd.to_datetime([f.week(-1)] * 3), "requested": [5, 5, 5], "allocated": [3, 5, 4], "demand": [2.0, 1.0, 1.5],
    })  # fmt: skip
    found = take_up.cells(known, lived, np.zeros(3)).set_index("star_level")
    assert found.loc[2, ["released", "wanted", "taken"]].tolist() == [3 + 6, 3 + 5, 8]
    assert found.loc[1, ["released", "wanted", "taken", "model"]].tolist() == [0, 5, 4, 1.5], "no cap: all of the need"
    at = np.arange(200)
    model = np.minimum(at, 3) @ stats.poisson(2).pmf(at) + np.minimum(at, 6) @ stats.poisson(2).pmf(at) / 2
    assert found.loc[2, "model"] == pytest.approx(model)
