"""Weighing the candidates by their past errors, and intervals from what the weighed forecast missed by.

Arrays here are (methods, weeks, brands): the forecasts made at earlier origins, one weeks axis over all of them, beside what was then
seen, (weeks, brands), NaN where it is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.season import Floats

POOL_WEEKS = 30.0
"""The pool's errors count in a brand's weights as much as this many weeks of its own."""
HALF_LIFE_WEEKS = 52.0
EVEN_WEEKS = 40.0
"""The weights' sum of squares is charged at the best method's error of so many weeks: the fewer weeks are known, the evener the weights."""
SMALLEST_ERROR = 0.05
"""Errors below this share of the brand's mean all count alike: weights come from weeks that were missed."""
NORMAL_80 = 1.2816
"""Four fifths of a normal error lie within so many standard deviations."""
COVERED = 0.8
CALIBRATION_STEPS = 12
DEFAULT_SPREAD = 0.3
"""Relative error of a forecast where no past origin tells."""
LEAST_SPREAD = 0.02
LARGEST_RATIO = 5.0
"""An error beyond so many times the pool's counts as that many: one wild week does not widen a brand's interval for good."""
LARGE = 1e5
"""Cartons a week above which quantiles are those of a continuous quantity."""
BLOCKS = 4
CALM = 0.2
"""Share of festive days below which a week is calm."""
FESTIVE_PRIOR = 6.0
PASSES = 3
STEPS = 300


@dataclass(frozen=True)
class Past:
    """The forecasts of earlier origins with what came: one row per origin and week ahead.

    `forecast`: (methods, rows, brands). `seen`: (rows, brands), NaN where not known. `horizon`: weeks ahead, from 0. `age`: weeks since.
    `unrest`: share of the week's days that are festive.
    """

    forecast: Floats
    seen: Floats
    horizon: npt.NDArray[np.int64]
    age: npt.NDArray[np.int64]
    unrest: Floats

    def part(self, rows: npt.NDArray[np.bool_]) -> Past:
        """Some of the rows."""
        return Past(self.forecast[:, rows], self.seen[rows], self.horizon[rows], self.age[rows], self.unrest[rows])


def weights(past: Past, scale: Floats, able: npt.NDArray[np.bool_]) -> Floats:
    """Weights of the methods for every brand, shape (brands, methods): >= 0, adding to 1, 0 where not `able` (brands, methods).

    They minimise the brand's own sum of absolute errors of the weighed forecast plus the pool's, over all brands, as if it had been
    seen for POOL_WEEKS; errors are in units of `scale` (brands,), and count half when a year old. Squares reweighted by 1/|error| stand
    for absolute values.
    EVEN_WEEKS draws the weights together, since a few past origins tell good methods apart badly (Claeskens et al. 2016,
    doi 10.1016/j.ijforecast.2015.12.005). Weeks in which some method had no forecast teach nothing; without any past error all
    methods weigh the same.
    """
    forecast, seen = past.forecast, past.seen
    known = np.isfinite(seen) & np.isfinite(forecast).all(axis=0)
    error = np.where(known, (forecast - np.where(known, seen, 0.0)) / scale, 0.0)
    fresh = np.where(known, 0.5 ** (past.age / HALF_LIFE_WEEKS)[:, None], 0.0)
    out = np.where(able, 1.0 / np.maximum(able.sum(axis=1, keepdims=True), 1), 0.0)
    for _ in range(PASSES):
        missed = np.abs(np.einsum("bm,mnb->nb", out, error))
        pull = fresh / np.maximum(missed, SMALLEST_ERROR)
        own = np.einsum("nb,mnb,knb->bmk", pull, error, error, optimize=True)
        pool = own.sum(axis=0) / max(float(fresh.sum()), 1e-9)
        cost = own + POOL_WEEKS * pool
        best = np.where(able, np.einsum("bmm->bm", cost), np.inf).min(axis=1)
        even = EVEN_WEEKS / (fresh.sum(axis=0) + POOL_WEEKS) * np.where(np.isfinite(best), best, 0.0)
        out = simplex_minimum(cost + even[:, None, None] * np.eye(len(forecast)), able)
    return out


def cross_fitted(past: Past, scale: Floats, able: npt.NDArray[np.bool_]) -> Floats:
    """The past weighed forecasts, (rows, brands), each with weights from weeks other than its own: what it would have missed by.

    The weeks are cut into BLOCKS spans; weights that have seen a week's error understate it. One week alone is weighed evenly.
    """
    out = np.full(past.seen.shape, np.nan)
    oldest = int(past.age.max()) if len(past.age) else 0
    block = past.age * BLOCKS // (oldest + 1)
    for number in range(BLOCKS):
        inside = block == number
        if inside.any():
            out[inside] = weighed(past.forecast[:, inside], weights(past.part(~inside), scale, able))
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


def spread(past: Past, weighed_past: Floats, unrest: Floats) -> Floats:
    """Relative standard deviation of the forecast's error in the coming weeks, (ahead, brands), from what past forecasts missed by.

    `weighed_past`: (rows, brands). `unrest`: festive share of each coming week. Three factors: the pool's error by horizon (80% quantile
    of the absolute error over the forecast, in normal units; isotonic: it never falls with the horizon), how much larger it is in
    festive weeks, and how far the brand's errors exceed the pool's, as if the pool had been seen for POOL_WEEKS of the brand's.
    Without past errors DEFAULT_SPREAD.
    """
    forecast, seen = weighed_past, past.seen
    known = np.isfinite(seen) & np.isfinite(forecast) & (forecast > 0)
    off = np.where(known, np.abs(np.where(known, seen, 0.0) / np.where(known, forecast, 1.0) - 1), np.nan)
    if not known.any():
        return np.full((len(unrest), forecast.shape[1]), DEFAULT_SPREAD)
    calm = past.unrest < CALM
    pool = _by_horizon(off[calm] if known[calm].any() else off, past.horizon[calm] if known[calm].any() else past.horizon, len(unrest))
    wilder = _wilder(off / pool[past.horizon][:, None], past.unrest)
    relative = off / (pool[past.horizon] * (1 + (wilder - 1) * past.unrest))[:, None]
    relative = np.minimum(relative / np.nanmean(relative), LARGEST_RATIO)
    count = np.isfinite(relative).sum(axis=0)
    own = (np.nansum(relative, axis=0) + POOL_WEEKS) / (count + POOL_WEEKS)
    found = (pool[past.horizon] * (1 + (wilder - 1) * past.unrest))[:, None] * own
    return _calibration(forecast, seen, found, known) * (pool * (1 + (wilder - 1) * unrest))[:, None] * own


def _calibration(forecast: Floats, seen: Floats, relative: Floats, known: npt.NDArray[np.bool_]) -> float:
    """The factor by which the relative errors have to be multiplied so that four fifths of what came lies within p10 and p90."""
    from scipy import special

    mean, came = forecast[known], seen[known]
    low, high = 0.5, 2.0
    for _ in range(CALIBRATION_STEPS):
        factor = (low + high) / 2
        shape = 1 / np.maximum((factor * relative[known]) ** 2, 1 / np.maximum(mean, 1e-9))
        below = special.gammainc(shape, shape * came / mean)
        if np.mean((below >= 0.1) & (below <= 0.9)) < COVERED:
            low = factor
        else:
            high = factor
    return (low + high) / 2


def _by_horizon(off: Floats, horizon: npt.NDArray[np.int64], ahead: int) -> Floats:
    """The pool's relative error by horizon in normal units: quantiles, interpolated where a horizon has none, isotonic."""
    from scipy.optimize import isotonic_regression

    pool, count = np.full(ahead, np.nan), np.zeros(ahead)
    for h in range(ahead):
        values = off[horizon == h]
        values = values[np.isfinite(values)]
        if len(values):
            pool[h], count[h] = np.quantile(values, 0.8) / NORMAL_80, len(values)
    places = np.arange(ahead)
    filled = np.interp(places, places[np.isfinite(pool)], pool[np.isfinite(pool)])
    return np.maximum(isotonic_regression(filled, weights=np.maximum(count, 1.0)).x, LEAST_SPREAD)


def _wilder(relative: Floats, unrest: Floats) -> float:
    """How many times larger errors are in wholly festive weeks than in calm ones, drawn to 1 as if FESTIVE_PRIOR weeks had shown it."""
    weeks = [row[np.isfinite(row)] for row in relative[unrest >= CALM]]
    shares = unrest[unrest >= CALM]
    excess = [(np.quantile(row, 0.8) / NORMAL_80 - 1) / share for row, share in zip(weeks, shares, strict=True) if len(row)]
    return float(np.clip(1 + sum(excess) / (len(excess) + FESTIVE_PRIOR), 1.0, LARGEST_RATIO))


def quantiles(mean: Floats, relative: Floats, levels: tuple[float, ...]) -> list[Floats]:
    """Quantiles of a count with this mean and this relative standard deviation in all: negative binomial, Poisson at the narrowest.

    Variance = (relative mean)**2, of which the mean is the counting noise. Above LARGE, where counts are fine enough, the gamma of the
    same moments stands in.
    """
    from scipy import stats

    out = []
    some = np.where(mean > 0, mean, 1.0)
    a = np.maximum(relative**2 - 1 / some, 1e-9)
    small = np.minimum(some, LARGE)
    shape = 1 / (a + 1 / some)
    for q in levels:
        counts = stats.nbinom.ppf(q, 1 / a, 1 / (1 + a * small))
        value = np.where(some > LARGE, stats.gamma.ppf(q, shape, scale=some / shape), counts)
        out.append(np.where(mean > 0, value, 0.0))
    return out
