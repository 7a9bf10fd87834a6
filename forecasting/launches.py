"""How a new brand finds its level: a ramp by weeks since its launch, borrowed from the brands launched before it.

A brand's first weeks are neither its level nor a trend to be carried on. Each launch follows, up to its own final level, one of a few
shapes r(a) = 1 - s exp(-a / tau): it climbs (s > 0), starts with the filling of shelves and falls (s < 0), or neither. The weights of
the shapes start from "neither", take up what each earlier launch of the city showed, and then what the brand itself has shown so far: an
empirical Bayes mixture (Robbins 1956), so a brand of three weeks has the ramp of the city and one of forty weeks its own.
"""

from __future__ import annotations

import numpy as np

from forecasting.season import Floats

FIRST_WEEKS = 8
"""A brand known in the first weeks of the history was there before it: its launch is not seen."""
SEEN_WEEKS = 40
"""Weeks of a launch by which its shape is judged."""
LEAST_WEEKS = 26
"""Weeks from which an earlier launch tells others its shape."""
SHAPES = ((0.0, 1.0), *((s, tau) for s in (-1.0, -0.5, 0.4, 0.7, 0.9) for tau in (2.0, 5.0, 12.0)))
"""The shapes (s, tau in weeks); the first is no ramp."""
PRIOR_LAUNCHES = 3.0
"""The city's launches are averaged with the prior as if it were so many of them."""
PRIOR_LEVEL = 0.5
"""Weight of no ramp in the prior; the others share the rest."""
TAILS = 4.0
"""Degrees of freedom of the Student t that a week's noise is taken for."""
WEEKS_PER_FACT = 3.0
"""Neighbouring weeks repeat each other: so many count as one."""
LEAST_NOISE = 0.08


def ramps(demand: Floats, ahead: int) -> Floats:
    """The ramp of every brand in its past and `ahead` coming weeks, shape (all weeks, brands): 1 where it has found its level.

    `demand`: (past weeks, brands), NaN where unknown. Before the launch the ramp is that of its first week.
    """
    past, brands = demand.shape
    out = np.ones((past + ahead, brands))
    known = np.isfinite(demand)
    first = np.where(known.any(axis=0), known.argmax(axis=0), 0)
    launched = np.flatnonzero((first >= FIRST_WEEKS) & known.any(axis=0))
    if not len(launched):
        return out
    log = _freed(demand, np.flatnonzero((first < FIRST_WEEKS) & known.any(axis=0)))
    own = np.array([_support(log[first[b] :, b][:SEEN_WEEKS]) for b in launched])
    tells = past - first[launched] >= LEAST_WEEKS
    prior = np.r_[PRIOR_LEVEL, np.full(len(SHAPES) - 1, (1 - PRIOR_LEVEL) / (len(SHAPES) - 1))]
    shown = _shares(own + np.log(prior))
    for row, brand in enumerate(launched):
        others = tells & (np.arange(len(launched)) != row)
        city = (PRIOR_LAUNCHES * prior + shown[others].sum(axis=0)) / (PRIOR_LAUNCHES + others.sum())
        weight = _shares(own[row] + np.log(city))
        age = np.maximum(np.arange(past + ahead, dtype=float) - first[brand], 0.0)
        out[:, brand] = np.exp(weight @ np.array([np.log(_shape(age, *shape)) for shape in SHAPES]))
    return out


def _freed(demand: Floats, settled: np.ndarray) -> Floats:
    """Logarithm of demand, less what the settled brands have in common that week."""
    sold = np.nan_to_num(demand).max(axis=0) > 0
    usual = np.ones(demand.shape[1])
    usual[sold] = np.nanmedian(np.where(demand > 0, demand, np.nan)[:, sold], axis=0)
    log = np.log(np.maximum(demand, 0.02 * usual) / usual)
    if not len(settled):
        return log
    seen = np.isfinite(log[:, settled]).any(axis=1)
    common = np.zeros(len(log))
    common[seen] = np.nanmedian(log[:, settled][seen], axis=1)
    return log - common[:, None]


def _shape(age: Floats, s: float, tau: float) -> Floats:
    return np.asarray(1 - s * np.exp(-age / tau))


def _support(log: Floats) -> Floats:
    """Log likelihood of each shape for one launch, its level free; weeks stray by a Student t about it."""
    age = np.flatnonzero(np.isfinite(log)).astype(float)
    y = log[np.isfinite(log)]
    out = np.zeros(len(SHAPES))
    if len(y) < 2:
        return out
    steps = np.abs(np.diff(y))
    noise = max(float(np.median(steps)) / 0.954, LEAST_NOISE)  # the median step of two normal draws is 0.954 deviations
    for number, shape in enumerate(SHAPES):
        off = y - np.log(_shape(age, *shape))
        off -= np.median(off)
        out[number] = -(TAILS + 1) / 2 * np.log1p(off**2 / (TAILS * noise**2)).sum() / WEEKS_PER_FACT
    return out


def _shares(log: Floats) -> Floats:
    share = np.exp(log - log.max(axis=-1, keepdims=True))
    return np.asarray(share / share.sum(axis=-1, keepdims=True))
