import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting import combine


def errors(seed: int, sizes: tuple[float, ...], weeks: int = 40, brands: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    seen = np.full((weeks, brands), 100.0)
    return np.stack([seen + rng.normal(0, size, seen.shape) for size in sizes]), seen


def test_the_better_method_weighs_more_and_a_perfect_one_all() -> None:
    forecast, seen = errors(0, (30.0, 10.0, 0.0))
    able = np.ones((6, 3), bool)
    assert combine.weights(forecast, seen, seen[0], able)[:, 2] == pytest.approx(np.ones(6), abs=0.02)
    two = combine.weights(forecast[:2], seen, seen[0], able[:, :2])
    assert (two[:, 1] > 0.7).all()
    assert (two[:, 0] > 0).any()  # independent errors: the worse one still helps


def test_a_brand_without_a_past_takes_the_pools_weights_and_nothing_known_is_equal_weights() -> None:
    forecast, seen = errors(1, (30.0, 5.0))
    seen[:, 0] = np.nan
    able = np.ones((6, 2), bool)
    found = combine.weights(forecast, seen, np.full(6, 100.0), able)
    assert found[0, 1] > 0.7
    nothing = combine.weights(forecast, np.full_like(seen, np.nan), np.full(6, 100.0), able)
    assert nothing == pytest.approx(np.full((6, 2), 0.5))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), missing=st.integers(0, 3))
def test_weights_lie_on_the_simplex_and_beat_every_single_method(seed: int, missing: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    quadratic = (root @ root.T)[None]
    able = np.ones((1, 4), bool)
    able[0, :missing] = False
    w = combine.simplex_minimum(quadratic, able)[0]
    assert w.sum() == pytest.approx(1)
    assert (w >= 0).all()
    assert (w[:missing] == 0).all()
    assert w @ quadratic[0] @ w <= np.diag(quadratic[0])[missing:].min() + 1e-6


def test_quantiles_are_those_of_a_negative_binomial_and_grow_with_the_level() -> None:
    mean, relative = np.array([[40.0, 0.0, 3e6]]), np.full((1, 3), 0.2)
    low, middle, high = combine.quantiles(mean, relative, (0.1, 0.5, 0.9))
    draws = stats.nbinom(25, 25 / 65).ppf([0.1, 0.5, 0.9])
    assert [low[0, 0], middle[0, 0], high[0, 0]] == pytest.approx(draws.tolist())
    assert low[0, 1] == high[0, 1] == 0
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert high[0, 2] == pytest.approx(3e6 * (1 + 1.28 * 0.2), rel=0.02)


def test_the_spread_is_the_size_of_past_errors_and_never_shrinks_with_the_horizon() -> None:
    rng = np.random.default_rng(2)
    horizon = np.tile(np.arange(4), 60)
    seen = 100 * (1 + rng.normal(0, 0.1, (240, 30)) * (1 + horizon[:, None]))
    forecast = np.full(seen.shape, 100.0)
    found = combine.spread(forecast, seen, horizon, 6)
    assert (np.diff(found, axis=0) >= 0).all()
    assert found[:4].mean(axis=1) == pytest.approx([0.1, 0.2, 0.3, 0.4], rel=0.12)
    assert found[5] == pytest.approx(found[3])
    assert combine.spread(forecast[:0], seen[:0], horizon[:0], 6) == pytest.approx(np.full((6, 30), combine.DEFAULT_SPREAD))


def test_wapes_are_ratios_of_sums_and_undefined_without_demand() -> None:
    forecast = np.array([[[2.0, 1.0], [4.0, 1.0]]])
    seen = np.array([[4.0, 0.0], [4.0, 0.0]])
    found = combine.wapes(forecast, seen)
    assert found[0, 0] == pytest.approx(0.25)
    assert np.isnan(found[1, 0])
