"""The shared index: brands' movements with and without shortage, and the city's rhythm from orders and tills."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import panel as panels
from forecasting import rhythm, scarcity, totals
from tests.forecasting import small_city

WEEKS, BRANDS = 104, 5
DUE = np.full((BRANDS, WEEKS), 100.0)
FLAT = np.ones(WEEKS)
SHORT = np.ones((BRANDS, WEEKS), bool)
NOTHING = np.zeros((BRANDS, WEEKS))


def moved(asked: np.ndarray, given_: np.ndarray) -> np.ndarray:
    """The movement of brands that are always short."""
    return rhythm.movement(NOTHING, NOTHING, rhythm.in_shortage(asked, given_, DUE, FLAT, SHORT), DUE)


def growing(first: float, last: float) -> np.ndarray:
    """Demand of the first brand that grows steadily, and of others that stay."""
    out = 500.0 * np.ones((BRANDS, WEEKS))
    out[0] *= np.linspace(first, last, WEEKS)
    return out


def test_a_brand_that_never_leaves_shortage_moves_as_its_demand_does() -> None:
    demand = growing(0.7, 1.3)
    found = moved(4.0 * demand, 0.6 * demand)
    assert 1.4 < found[0, -13:].mean() / found[0, :13].mean() < 1.8  # 1.74, less what the kernel takes at the ends
    assert np.abs(found[1:] - 1).max() < 0.08


def test_a_cut_in_supply_is_no_fall_of_demand() -> None:
    share = np.full((BRANDS, WEEKS), 0.6)
    share[0, 52:] = 0.3
    demand = growing(1.0, 1.0)
    found = moved(demand / share, demand * share)  # they ask need / share
    change = found[0, -26:].mean() / found[0, :26].mean()
    assert 0.85 < change < 1.05
    assert (demand * share)[0, -26:].mean() / (demand * share)[0, :26].mean() == 0.5  # the control: what was given fell by half


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.05, 20.0), min_size=BRANDS, max_size=BRANDS))
def test_how_much_more_than_it_needs_a_brand_is_asked_for_does_not_matter(factors: list[float]) -> None:
    demand = growing(0.8, 1.2)
    each = np.array(factors)[:, None]
    np.testing.assert_allclose(moved(each * demand, demand), moved(demand, demand), rtol=1e-6)


def test_weeks_of_shortage_join_the_weeks_about_them_at_their_level() -> None:
    demand = growing(1.0, 1.0)
    slack = np.arange(WEEKS) // 26 % 2 == 0
    shown = rhythm.in_shortage(5.0 * demand, 0.5 * demand, DUE, FLAT, np.tile(~slack, (BRANDS, 1)))
    found = rhythm.movement(np.where(slack, demand, 0.0), np.where(slack, DUE, 0.0), shown, np.where(shown > 0, DUE, 0.0))
    np.testing.assert_allclose(found, 1.0, atol=0.01)


def test_a_shop_that_asks_fivefold_moves_no_brand() -> None:
    honest = small_city.build(("tight", "tight", "ample"), shops=60).snapshot
    weeks = panels.past_weeks(honest.business_date, small_city.WEEKS)
    before, after = (panels.build(city, weeks) for city in (honest, small_city.fivefold(honest, "R21")))
    found = [rhythm.index(totals.of(panel), scarcity.measure(totals.of(panel))) for panel in (before, after)]
    assert np.abs(found[1] / found[0] - 1).max() < 0.02
    gain = [totals.of(panel).held.sum() for panel in (before, after)]
    raw = [panel.lines.value.sum() for panel in (before, after)]
    assert gain[1] / gain[0] - 1 < 0.5 * (raw[1] / raw[0] - 1)  # the control: the plain sum of requests


def test_tills_take_back_what_was_stocked_up_for_a_feast() -> None:
    orders = 1.0 + 0.3 * np.exp(-0.5 * ((np.arange(WEEKS) - 50) / 4.0) ** 2)
    tills = np.ones(WEEKS)
    near = slice(44, 57)
    corrected = (rhythm.smooth(orders) * rhythm.corrected(orders, tills, np.full(WEEKS, 1e-5)))[near]
    assert np.ptp(corrected) < 0.25 * np.ptp(rhythm.smooth(orders)[near])
    assert np.abs(rhythm.corrected(orders, orders, np.full(WEEKS, 1e-3)) - 1).max() < 1e-9


def test_tills_that_say_little_leave_the_orders_as_they_are() -> None:
    rng = np.random.default_rng(3)
    noise = np.full(WEEKS, 0.04)
    found = rhythm.corrected(np.ones(WEEKS), 1 + rng.normal(0, 0.2, WEEKS), noise)
    sure = rhythm.corrected(np.ones(WEEKS), 1 + rng.normal(0, 0.2, WEEKS), noise / 100)
    assert np.abs(found - 1).max() < 0.5 * np.abs(sure - 1).max()


@pytest.mark.parametrize("weeks", [1, 2, 3, 4, 5])
def test_tills_correct_the_orders_pace_in_a_citys_first_weeks_too(weeks: int) -> None:
    noise, ramp = np.full(weeks, 1e-6), np.linspace(1.0, 2.0, weeks)
    np.testing.assert_allclose(rhythm.corrected(np.ones(weeks), np.ones(weeks), noise), np.ones(weeks))
    assert rhythm.corrected(np.ones(weeks), ramp, noise).shape == (weeks,)
