import numpy as np
import pandas as pd
import pytest

from forecasting import candidates
from forecasting.season import Floats

PAST, AHEAD = 90, 13
WEEKS = pd.date_range("2024-06-03", periods=PAST + AHEAD, freq="7D", unit="us")
FACTOR = np.exp(0.3 * np.sin(2 * np.pi * np.arange(PAST + AHEAD) / 52))
MODELS = ("prophet", "ets", "structural", "count")


def series(demand: Floats, factor: Floats = FACTOR) -> candidates.Series:
    return candidates.Series(demand, WEEKS, np.zeros((PAST + AHEAD, 0)), factor, 0)


def noisy(level: Floats | float, *, noise: float = 0.1, seed: int = 1) -> Floats:
    return np.asarray(level * FACTOR[:PAST] * np.exp(np.random.default_rng(seed).normal(0, noise, PAST)))


@pytest.mark.parametrize("method", MODELS)
def test_a_steady_brand_is_its_level_under_its_season(method: str) -> None:
    found = candidates.ALONE[method](series(noisy(200.0)))
    assert found.shape == (AHEAD,)
    assert found == pytest.approx(200 * FACTOR[PAST:], rel=0.08)


@pytest.mark.parametrize("method", MODELS)
def test_unknown_weeks_are_no_zeros(method: str) -> None:
    demand = noisy(200.0)
    demand[::4] = np.nan
    demand[:10] = np.nan
    assert candidates.ALONE[method](series(demand)) == pytest.approx(200 * FACTOR[PAST:], rel=0.1)


@pytest.mark.parametrize("method", MODELS)
def test_a_new_level_is_followed_and_a_trend_ends_at_the_origin(method: str) -> None:
    risen = candidates.ALONE[method](series(noisy(np.where(np.arange(PAST) < PAST - 26, 100.0, 200.0), noise=0.03)))
    assert risen / FACTOR[PAST:] == pytest.approx(np.full(AHEAD, 200.0), rel=0.2)
    climbing = candidates.ALONE[method](series(noisy(np.linspace(100, 200, PAST), noise=0.03))) / FACTOR[PAST:]
    assert climbing == pytest.approx(np.full(AHEAD, climbing[-1]), rel=0.02)
    assert 170 < climbing[-1] < 220


@pytest.mark.parametrize("method", ["prophet", "structural", "count"])
def test_one_wild_week_hardly_moves_a_forecast(method: str) -> None:
    demand = noisy(200.0)
    demand[PAST - 5] *= 40
    usual, moved = (candidates.ALONE[method](series(d)) for d in (noisy(200.0), demand))
    assert moved == pytest.approx(usual, rel=0.2)
    ets = candidates.ets(series(demand)) / candidates.ets(series(noisy(200.0)))  # the control: the week is wild enough to matter
    assert ets.max() > 1.2


@pytest.mark.parametrize("method", MODELS)
def test_a_short_series_is_refused_in_words(method: str) -> None:
    demand = np.full(PAST, np.nan)
    demand[-20:] = 5.0
    with pytest.raises(ValueError, match="fewer than 26 weeks"):
        candidates.ALONE[method](series(demand))


def test_the_same_series_gives_the_same_bits() -> None:
    demand = noisy(50.0)
    for method in MODELS:
        np.testing.assert_array_equal(candidates.ALONE[method](series(demand)), candidates.ALONE[method](series(demand)))
