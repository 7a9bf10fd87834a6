import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import orders


def shops(seed: int, pairs: int = 40, weeks: int = 200, often: float = 0.2) -> np.ndarray:
    """Shops that order 6 or 12 now and then."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((weeks, pairs)) < often, rng.choice([6.0, 12.0], (weeks, pairs)), 0.0)


ONE_BRAND = np.zeros(40, np.int64)


def test_quantiles_are_lumps_that_were_ordered_or_nothing() -> None:
    past = shops(1)
    found = orders.lumps(past, ONE_BRAND)
    mean = np.full((3, 40), 1.8)  # 0.2 x 9
    assert set(np.unique(found.quantile(mean, 0.9))) <= {6.0, 12.0}
    assert (found.quantile(mean, 0.5) == 0).all()
    assert (found.quantile(mean, 0.75) == 0).all()


def test_four_fifths_of_the_weeks_to_come_lie_within_and_a_count_as_wide_as_consumers_does_not_hold_them() -> None:
    past, coming = shops(2)[:104], shops(2)[104:]
    found = orders.lumps(past, ONE_BRAND)
    mean = np.broadcast_to(past.mean(axis=0), coming.shape)
    drawn = np.random.default_rng(0).random(coming.shape)
    low, high = found.below(mean, coming - 1), found.below(mean, coming)
    placed = low + drawn * (high - low)
    assert ((placed >= 0.1) & (placed <= 0.9)).mean() == pytest.approx(0.8, abs=0.03)
    from scipy import stats

    consumers = stats.poisson(mean)
    counted = consumers.cdf(coming - 1) + drawn * consumers.pmf(coming)
    assert ((counted >= 0.1) & (counted <= 0.9)).mean() < 0.6


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), mean=st.floats(0.0, 60.0), q=st.floats(0.05, 0.95))
def test_quantiles_and_probabilities_agree_and_grow_with_the_mean(seed: int, mean: float, q: float) -> None:
    found = orders.lumps(shops(seed, pairs=5, weeks=30), np.array([0, 0, 1, 1, 1]))
    means = np.full((1, 5), mean)
    quantile = found.quantile(means, q)
    assert (found.below(means, quantile) >= q - 1e-6).all()
    assert (found.below(means, np.full((1, 5), -1.0)) == 0).all()
    assert (found.quantile(means * 1.5, q) >= quantile).all()
    assert (found.quantile(means, min(q + 0.04, 1.0)) >= quantile).all()


def test_frequency_times_lump_is_the_mean_even_where_that_takes_larger_lumps() -> None:
    found = orders.lumps(shops(3), ONE_BRAND)
    rng = np.random.default_rng(4)
    for mean in (0.5, 2.0, 30.0):
        means = np.full((1, 40), mean)
        draws = [found.quantile(means, q).mean() for q in rng.random(1500)]
        assert np.mean(draws) == pytest.approx(mean, rel=0.1)


def test_a_pair_without_orders_borrows_its_brands_lumps() -> None:
    past = np.zeros((30, 3))
    past[::3, 0], past[::3, 1] = 24.0, 6.0
    past[5, 2] = np.nan
    found = orders.lumps(past, np.array([0, 1, 0]))
    assert found.mean[2] == pytest.approx(24)
    assert found.mean[1] == pytest.approx(6)
    nothing = orders.lumps(np.zeros((10, 2)), np.array([0, 0]))
    assert nothing.quantile(np.full((1, 2), 0.3), 0.9).tolist() == [[1.0, 1.0]]
