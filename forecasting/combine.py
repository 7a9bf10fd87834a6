"""Weighing the candidates by their past errors, and intervals from what the weighed forecast missed by.

Arrays here are (methods, weeks, brands): the forecasts made at earlier origins, one weeks axis over all of them, beside what was then
seen, (weeks, brands), NaN where it is not known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecasting.season import Floats

POOL_WEEKS = 30.0
"""The pool's errors count in a brand's weights as much as this many weeks of its own."""
EVENNESS = 0.2
"""Share of the best method's error at which the weights' sum of squares is charged."""
SMALLEST_ERROR = 0.05
"""Errors below this share of the brand's mean all count alike: weights come from weeks that were missed."""
NORMAL_80 = 1.2816
"""Four fifths of a normal error lie within so many standard deviations."""
DEFAULT_SPREAD = 0.3
"""Relative error of a forecast where no past origin tells."""
LEAST_SPREAD = 0.02
LARGEST_RATIO = 5.0
"""An error beyond so many times the pool's counts as that many: one wild week does not widen a brand's interval for good."""
LARGE = 1e5
"""Cartons a week above which quantiles are those of a continuous quantity."""
PASSES = 3
STEPS = 300


def weights(forecast: Floats, seen: Floats, scale: Floats, able: npt.NDArray[np.bool_]) -> Floats:
    """Weights of the methods for every brand, shape (brands, methods): >= 0, adding to 1, 0 where not `able` (brands, methods).

    They minimise the brand's own sum of absolute errors of the weighed forecast plus the pool's, over all brands, as if it had been
    seen for POOL_WEEKS; errors are in units of `scale` (brands,). Squares reweighted by 1/|error| stand for absolute values.
    EVENNESS draws the weights together, since a few past origins tell good methods apart badly (Claeskens et al. 2016,
    doi 10.1016/j.ijforecast.2015.12.005). Weeks in which some method had no forecast teach nothing; without any past error all
    methods weigh the same.
    """
    known = np.isfinite(seen) & np.isfinite(forecast).all(axis=0)
    error = np.where(known, (forecast - np.where(known, seen, 0.0)) / scale, 0.0)
    out = np.where(able, 1.0 / np.maximum(able.sum(axis=1, keepdims=True), 1), 0.0)
    for _ in range(PASSES):
        missed = np.abs(np.einsum("bm,mnb->nb", out, error))
        pull = np.where(known, 1 / np.maximum(missed, SMALLEST_ERROR), 0.0)
        own = np.einsum("nb,mnb,knb->bmk", pull, error, error)
        pool = own.sum(axis=0) / max(int(known.sum()), 1)
        cost = own + POOL_WEEKS * pool
        best = np.where(able, np.einsum("bmm->bm", cost), np.inf).min(axis=1)
        even = EVENNESS * np.where(np.isfinite(best), best, 0.0)
        out = simplex_minimum(cost + even[:, None, None] * np.eye(len(forecast)), able)
    return out


def simplex_minimum(quadratic: Floats, able: npt.NDArray[np.bool_]) -> Floats:
    """argmin w'Qw over w >= 0, sum w = 1, w = 0 where not `able`; Q (..., methods, methods), by projected gradient steps."""
    count = np.maximum(able.sum(axis=-1, keepdims=True), 1)
    w = np.where(able, 1.0 / count, 0.0)
    steepest = np.trace(quadratic, axis1=-2, axis2=-1)[..., None] + 1e-12
    for _ in range(STEPS):
        w = _projected(w - (quadratic @ w[..., None])[..., 0] / steepest, able)
    return w


def _projected(v: Floats, able: npt.NDArray[np.bool_]) -> Floats:
    """The nearest point of the simplex (Held, Wolfe & Crowder 1974): v less the threshold that makes the positive part add to 1."""
    low = np.where(able, v, -np.inf)
    falling = -np.sort(-low, axis=-1)
    excess = np.cumsum(np.where(np.isfinite(falling), falling, 0.0), axis=-1) - 1
    places = np.arange(1, v.shape[-1] + 1)
    positive = np.maximum((np.isfinite(falling) & (falling * places > excess)).sum(axis=-1, keepdims=True), 1)
    threshold = np.take_along_axis(excess, positive - 1, axis=-1) / positive
    return np.where(able, np.maximum(low - threshold, 0.0), 0.0)


def weighed(forecast: Floats, weight: Floats) -> Floats:
    """The weighed forecast, (weeks, brands), from (methods, weeks, brands) and (brands, methods)."""
    return np.einsum("bm,mnb->nb", weight, np.where(np.isfinite(forecast), forecast, 0.0))


def wapes(forecast: Floats, seen: Floats) -> Floats:
    """Sum of absolute errors over sum of demand by brand and method, (brands, methods); NaN where nothing can be judged."""
    known = np.isfinite(seen) & np.isfinite(forecast)
    missed = np.where(known, np.abs(forecast - np.where(np.isfinite(seen), seen, 0.0)), 0.0).sum(axis=1)
    sold = np.where(known, np.where(np.isfinite(seen), seen, 0.0), 0.0).sum(axis=1)
    return (missed / np.where(sold > 0, sold, np.nan)).T


def spread(forecast: Floats, seen: Floats, horizon: npt.NDArray[np.int64], ahead: int) -> Floats:
    """Relative standard deviation of a forecast's error by horizon and brand, (ahead, brands), from past weighed forecasts.

    `forecast`, `seen`: (past weeks, brands); `horizon`: of each past week, from 0. The pool's by horizon (the 80% quantile of the
    absolute error over the forecast, in normal units; never falling with the horizon), times how far the brand's errors exceed the
    pool's, as if the pool had been seen for POOL_WEEKS of the brand's. Without past errors DEFAULT_SPREAD.
    """
    known = np.isfinite(seen) & np.isfinite(forecast) & (forecast > 0)
    off = np.where(known, np.abs(np.where(known, seen, 0.0) / np.where(known, forecast, 1.0) - 1), np.nan)
    pool = np.full(ahead, np.nan)
    for h in range(ahead):
        values = off[horizon == h]
        values = values[np.isfinite(values)]
        if len(values):
            pool[h] = np.quantile(values, 0.8) / NORMAL_80
    if np.isnan(pool).all():
        return np.full((ahead, forecast.shape[1]), DEFAULT_SPREAD)
    places = np.arange(ahead)
    pool = np.maximum.accumulate(np.interp(places, places[np.isfinite(pool)], pool[np.isfinite(pool)]))
    pool = np.maximum(pool, LEAST_SPREAD)
    usual = np.nanmean(off / pool[horizon][:, None])
    relative = np.minimum(off / (pool[horizon][:, None] * usual), LARGEST_RATIO)
    count = np.isfinite(relative).sum(axis=0)
    return pool[:, None] * (np.nansum(relative, axis=0) + POOL_WEEKS) / (count + POOL_WEEKS)


def quantiles(mean: Floats, relative: Floats, levels: tuple[float, ...]) -> list[Floats]:
    """Quantiles of a count with this mean and an error of this relative size: negative binomial, variance mean + (relative mean)**2.

    Above LARGE, where counts are fine enough, the gamma of the same moments stands in.
    """
    from scipy import stats

    out = []
    a = np.maximum(relative**2, 1e-9)
    some = np.where(mean > 0, mean, 1.0)
    small = np.minimum(some, LARGE)
    shape = 1 / (a + 1 / some)
    for q in levels:
        counts = stats.nbinom.ppf(q, 1 / a, 1 / (1 + a * small))
        value = np.where(some > LARGE, stats.gamma.ppf(q, shape, scale=some / shape), counts)
        out.append(np.where(mean > 0, value, 0.0))
    return out
