"""Integrals and moments of likelihoods known at eight points: right for tops that are wide or narrow among them, and without steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.quadrature import integral, moments
from forecasting.request_kernels import CAP, HONEST, TIMES, chance_of

POINTS = np.arange(8.0)
INSIDE = st.floats(1.5, 5.5)
WIDTHS = st.floats(0.4, 0.8)


def normal(mean: float, deviation: float) -> np.ndarray:
    return -0.5 * ((POINTS[None] - mean) / deviation) ** 2


@given(INSIDE, WIDTHS)
def test_a_normal_likelihood_is_integrated_wherever_its_top_lies(mean: float, deviation: float) -> None:
    whole, top, _ = integral(normal(mean, deviation))
    assert whole[0] == pytest.approx(np.log(deviation * np.sqrt(2 * np.pi)), abs=0.01)
    assert top[0] == pytest.approx(mean, abs=0.01)


@given(INSIDE, st.floats(0.15, 0.4))
def test_of_a_top_much_narrower_than_the_points_are_apart_half_a_step_is_known(mean: float, deviation: float) -> None:
    assert integral(normal(mean, deviation))[1][0] == pytest.approx(mean, abs=0.5)


@given(INSIDE, WIDTHS, st.floats(0.1, 2.0))
def test_its_mean_and_variance_are_found(mean: float, deviation: float, step: float) -> None:
    found, variance, _ = moments(normal(mean, deviation), np.array([step]))
    assert found[0] == pytest.approx(step * (mean - 3.5), abs=0.08 * step)
    assert variance[0] == pytest.approx((step * deviation) ** 2, rel=0.25)


@given(INSIDE, WIDTHS, st.floats(-1e-3, 1e-3))
def test_a_top_that_moves_a_little_moves_what_is_found_a_little(mean: float, deviation: float, by: float) -> None:
    for before, after in zip(integral(normal(mean, deviation))[:2], integral(normal(mean + by, deviation))[:2], strict=True):
        assert after[0] == pytest.approx(before[0], abs=0.02)
    before, after = (moments(normal(m, deviation), np.ones(1))[0][0] for m in (mean, mean + by))
    assert after == pytest.approx(before, abs=0.02)


def test_what_was_not_tried_counts_for_nothing_and_beside_a_cliff_no_parabola_is_drawn() -> None:
    flat = np.full((1, 8), -12.0)
    flat[0, 0] = -142.0
    whole, _, _ = integral(flat + np.linspace(0, -0.1, 8))
    assert -12.0 < whole[0] < -8.0
    partly = normal(3.4, 0.6)
    partly[0, :2], partly[0, 6:] = -np.inf, -1e9
    assert integral(partly)[0][0] == pytest.approx(integral(normal(3.4, 0.6))[0][0], abs=1e-6)


@pytest.mark.parametrize("how", [HONEST, TIMES, CAP])
@pytest.mark.parametrize("q", [0, 1, 3, 10])
def test_a_need_a_little_larger_makes_a_request_a_little_likelier_or_less(how: int, q: int) -> None:
    """Nobody is sure of a need to a hundredth of a carton; with a step there, an estimate would hang on it."""

    def largest(step: float) -> float:
        needs = np.arange(-1.0, 12.0, step)
        return float(np.abs(np.diff(np.log([chance_of(q, need, how, 1.4, 4.0, 1.0, 0.25, 1.0) for need in needs]))).max())

    assert largest(1e-3) < 0.25 * largest(1e-2)  # a step would be as high however closely one looks
