import numpy as np
import pandas as pd
import pytest

from forecasting import calendar, season
from ordering import frames

NONE = frames.empty(frames.FESTIVALS)
PAST, AHEAD = 104, 10
WEEKS = pd.date_range(pd.Timestamp(2026, 1, 12) - pd.Timedelta(weeks=PAST), periods=PAST + AHEAD, freq="7D")
EFFECTS = calendar.regressors(WEEKS, NONE)
FEAST = np.exp(0.6 * EFFECTS["spring_festival-1"].to_numpy() - 0.7 * EFFECTS["spring_festival+1"].to_numpy())


def city(brands: int, *, noise: float = 0.05, seed: int = 0) -> np.ndarray:
    """Demand of brands that all know the feast, 100 cartons a week without it, over past and coming weeks."""
    rng = np.random.default_rng(seed)
    return 100 * FEAST[:, None] * np.exp(rng.normal(0, noise, (PAST + AHEAD, brands)))


def fitted(demand: np.ndarray) -> season.Season:
    return season.fit(demand[:PAST], WEEKS, EFFECTS.to_numpy())


def test_a_young_brand_borrows_the_feast_it_has_never_seen() -> None:
    demand = city(8)
    demand[: PAST - 15, 7] = np.nan
    young = fitted(demand).ahead[:, 7]
    assert young == pytest.approx(100 * FEAST[PAST:], rel=0.15)
    alone = fitted(demand[:, 7:]).ahead[:, 0]  # the control: by itself it cannot know
    assert np.abs(alone - 100 * FEAST[PAST:]).sum() > 3 * np.abs(young - 100 * FEAST[PAST:]).sum()


def test_a_brand_that_departs_from_the_city_keeps_its_own_season() -> None:
    demand = city(8)
    calm = np.random.default_rng(1).normal(0, 0.05, PAST + AHEAD)
    demand[:, 0] = 100 * np.exp(calm)
    ahead = fitted(demand).ahead
    assert np.ptp(ahead[:, 0]) < 0.5 * np.ptp(ahead[:, 1])


def test_one_wild_week_hardly_moves_a_forecast() -> None:
    demand = city(6)
    usual = fitted(demand).ahead[:, 2]
    demand[PAST - 3, 2] *= 1000
    assert fitted(demand).ahead[:, 2] == pytest.approx(usual, rel=0.12)


def test_a_shift_of_level_is_followed() -> None:
    demand = city(6)
    demand[PAST - 20 :, 3] *= 3
    assert fitted(demand).ahead[:, 3] == pytest.approx(300 * FEAST[PAST:], rel=0.2)


def test_unknown_weeks_are_not_zeros() -> None:
    demand = city(6)
    demand[:PAST:3, 1] = np.nan
    assert fitted(demand).ahead[:, 1] == pytest.approx(100 * FEAST[PAST:], rel=0.12)


def test_a_ramp_that_is_given_is_part_of_the_factor_and_carried_on() -> None:
    demand = city(6)
    ramp = np.ones((PAST + AHEAD, 6))
    ramp[PAST - 12 :, 4] = 1 - 0.8 * np.exp(-np.arange(12 + AHEAD) / 8)
    demand[:, 4] *= ramp[:, 4]
    demand[: PAST - 12, 4] = np.nan
    given = season.fit(demand[:PAST], WEEKS, EFFECTS.to_numpy(), ramp)
    wanted = 100 * FEAST[PAST:] * ramp[PAST:, 4]
    assert given.ahead[:, 4] == pytest.approx(wanted, rel=0.12)
    without = fitted(demand).ahead[:, 4]  # the control
    assert np.abs(without - wanted).sum() > 1.5 * np.abs(given.ahead[:, 4] - wanted).sum()
