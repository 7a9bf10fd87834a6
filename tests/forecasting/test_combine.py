import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting import combine


def past(forecast: np.ndarray, seen: np.ndarray, horizon: np.ndarray | None = None, unrest: np.ndarray | None = None) -> combine.Past:
    rows = len(seen)
    age = np.arange(rows, 0, -1)
    return combine.Past(
        forecast, seen, np.zeros(rows, int) if horizon is None else horizon, age, np.zeros(rows) if unrest is None else unrest
    )


def errors(seed: int, sizes: tuple[float, ...], weeks: int = 40, brands: int = 6) -> combine.Past:
    rng = np.random.default_rng(seed)
    seen = np.full((weeks, brands), 100.0)
    return past(np.stack([seen + rng.normal(0, size, seen.shape) for size in sizes]), seen)


HUNDRED = np.full(6, 100.0)


def test_the_better_method_weighs_more_and_a_perfect_one_all() -> None:
    three = errors(0, (30.0, 10.0, 0.0))
    assert combine.weights(three, HUNDRED, np.ones((6, 3), bool))[:, 2] == pytest.approx(np.ones(6), abs=0.02)
    two = combine.weights(past(three.forecast[:2], three.seen), HUNDRED, np.ones((6, 2), bool))
    assert (two[:, 1] > 0.7).all()
    assert (two[:, 0] > 0).any()  # independent errors: the worse one still helps


def test_what_was_missed_lately_counts_more_than_what_was_missed_long_ago() -> None:
    rows = errors(4, (5.0, 30.0), weeks=104)
    turned = past(np.concatenate([rows.forecast[:, :52], rows.forecast[::-1, 52:]], axis=1), rows.seen)
    found = combine.weights(turned, HUNDRED, np.ones((6, 2), bool))
    assert (found[:, 1] > found[:, 0]).all()


def test_the_fewer_weeks_are_known_the_evener_are_the_weights() -> None:
    able = np.ones((60, 2), bool)
    few, many = (combine.weights(errors(6, (24.0, 12.0), weeks, 60), np.full(60, 100.0), able)[:, 1].mean() for weeks in (3, 104))
    assert 0.5 < few < many - 0.03


def test_a_brand_without_a_past_takes_the_pools_weights_and_nothing_known_is_equal_weights() -> None:
    rows = errors(1, (30.0, 5.0))
    rows.seen[:, 0] = np.nan
    able = np.ones((6, 2), bool)
    assert combine.weights(rows, HUNDRED, able)[0, 1] > 0.7
    nothing = combine.weights(past(rows.forecast, np.full_like(rows.seen, np.nan)), HUNDRED, able)
    assert nothing == pytest.approx(np.full((6, 2), 0.5))


def test_cross_fitted_forecasts_have_not_seen_their_own_week() -> None:
    rows = errors(3, (20.0, 20.0, 20.0), weeks=24, brands=40)
    able, scale = np.ones((40, 3), bool), np.full(40, 100.0)
    within = combine.weighed(rows.forecast, combine.weights(rows, scale, able))
    apart = combine.cross_fitted(rows, scale, able)
    assert np.abs(within - 100).mean() < np.abs(apart - 100).mean()  # weights that have seen an error understate it
    changed = past(rows.forecast, np.vstack([rows.seen[:-1], rows.seen[-1:] + 90]))
    np.testing.assert_array_equal(combine.cross_fitted(changed, scale, able)[-1], apart[-1])
    assert not np.array_equal(combine.cross_fitted(changed, scale, able)[0], apart[0])


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
    mean, relative = np.array([[40.0, 0.0, 3e6, 4.0]]), np.full((1, 4), 0.2)
    low, middle, high = combine.quantiles(mean, relative, (0.1, 0.5, 0.9))
    size = 1 / (0.04 - 1 / 40)  # of the variance (0.2 x 40)^2 the mean is counting noise
    draws = stats.nbinom(size, size / (size + 40)).ppf([0.1, 0.5, 0.9])
    assert [low[0, 0], middle[0, 0], high[0, 0]] == pytest.approx(draws.tolist())
    assert low[0, 1] == high[0, 1] == 0
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert high[0, 2] == pytest.approx(3e6 * (1 + 1.28 * 0.2), rel=0.02)
    assert high[0, 3] == stats.poisson(4).ppf(0.9)  # never narrower than counting


def spread_of(
    seen: np.ndarray, horizon: np.ndarray, ahead: int, unrest: np.ndarray | None = None, coming: np.ndarray | None = None
) -> np.ndarray:
    forecast = np.full(seen.shape, 100.0)
    return combine.spread(past(forecast[None], seen, horizon, unrest), forecast, np.zeros(ahead) if coming is None else coming)


def test_the_spread_is_the_size_of_past_errors_and_never_shrinks_with_the_horizon() -> None:
    rng = np.random.default_rng(2)
    horizon = np.tile(np.arange(4), 60)
    found = spread_of(100 * (1 + rng.normal(0, 0.1, (240, 30)) * (1 + horizon[:, None])), horizon, 6)
    assert (np.diff(found, axis=0) >= 0).all()
    assert found[:4].mean(axis=1) == pytest.approx([0.1, 0.2, 0.3, 0.4], rel=0.15)
    assert found[5] == pytest.approx(found[3])
    none = np.empty((0, 30))
    assert spread_of(none, horizon[:0], 6) == pytest.approx(np.full((6, 30), combine.DEFAULT_SPREAD))


def test_a_wild_brand_is_wider_and_one_wild_festival_widens_festivals_only() -> None:
    rng = np.random.default_rng(5)
    horizon, unrest = np.tile(np.arange(4), 20), np.zeros(80)
    noise = rng.normal(0, 0.1, (80, 30)) * np.where(np.arange(30) == 7, 3.0, 1.0)
    calm = spread_of(100 * (1 + noise), horizon, 4)
    assert 1.8 < calm[:, 7].mean() / np.delete(calm, 7, axis=1).mean() < 3  # three times as wild, and drawn to the pool
    unrest[40:48] = 1.0
    feast = 100 * (1 + noise * (1 + 3 * unrest[:, None]))
    found = spread_of(feast, horizon, 4, unrest, np.array([0.0, 0.0, 0.0, 1.0]))
    assert found[:3].mean() == pytest.approx(calm[:3].mean(), rel=0.2)
    assert found[3].mean() > 1.8 * calm[3].mean()


def test_intervals_cover_four_fifths_of_skewed_errors_as_well() -> None:
    rng = np.random.default_rng(6)
    draws = 100 * rng.lognormal(-0.5 * 0.6**2, 0.6, (400, 50))
    relative = spread_of(draws[:200], np.zeros(200, int), 1)
    low, high = combine.quantiles(np.full((1, 50), 100.0), relative, (0.1, 0.9))
    assert ((draws[200:] >= low) & (draws[200:] <= high)).mean() == pytest.approx(0.8, abs=0.03)


def test_wapes_are_ratios_of_sums_and_undefined_without_demand() -> None:
    forecast = np.array([[[2.0, 1.0], [4.0, 1.0]]])
    seen = np.array([[4.0, 0.0], [4.0, 0.0]])
    found = combine.wapes(forecast, seen)
    assert found[0, 0] == pytest.approx(0.25)
    assert np.isnan(found[1, 0])
