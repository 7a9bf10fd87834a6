"""Compiled: the shelf followed week by week, and rates from sales that an empty shelf cut short."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@nb.njit(cache=True)
def _mean_at_least(mean: float, least: int) -> float:
    """E[Y | Y ≥ least] of a Poisson variable: mean · P(Y ≥ least − 1) / P(Y ≥ least)."""
    if least <= 0:
        return mean
    term, below = np.exp(-mean), 0.0  # below: P(Y ≤ least − 2)
    for k in range(least - 1):
        below += term
        term *= mean / (k + 1.0)
    tail = 1.0 - below - term  # P(Y ≥ least)
    if tail < 1e-9:
        return float(least) + mean / (least + 1.0)
    return mean * (tail + term) / tail


@nb.njit(cache=True)
def _in_week(rows: Array, value: Array, i: int, end: int, t: int) -> tuple[int, int]:
    """The value of week t (-1: none) among rows i .. end, weeks ascending, and the first row beyond it."""
    found = -1
    while i < end and rows[i] <= t:
        if rows[i] == t:
            found = value[i]
        i += 1
    return found, i


@nb.njit(cache=True)
def _censored_rate(y: Array, x: Array, kind: Array) -> float:
    """Poisson rate of weeks with exposure x: y whole where kind is 1, at least y where it is 2; a third of a week of its own as prior."""
    exposure = x.sum() + 0.3
    theta = (y.sum() + 0.3) / exposure
    for _ in range(40):
        total = 0.3 * theta
        for t in range(len(y)):
            if kind[t] == 1:
                total += y[t]
            elif kind[t] == 2:
                total += _mean_at_least(theta * x[t], y[t])
        theta = total / exposure
    return theta


@nb.njit(cache=True, parallel=True)
def till_rates(
    start: Array, week: Array, given: Array, scan_start: Array, scan_week: Array, sold: Array, count_start: Array, count_week: Array,
    counted: Array, reports: Array, index: Array, use: Array, retailer: Array, brand: Array, first: Array, last: Array, profile: Array,
    cap: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Rates of pairs whose till reports, from brand-weeks in `use`, and the index-weeks behind each (a censored week counts 0.3).

    The shelf at the end of a week is at least max(0, shelf before + received - sold), or what was counted. A silent week empties it.
    """
    weeks = index.shape[1]
    rate, worth = np.zeros(len(brand)), np.zeros(len(brand))
    for p in nb.prange(len(brand)):
        r, b = retailer[p], brand[p]
        if not reports[r].any():
            continue
        y, x, kind = np.zeros(weeks, np.int64), np.zeros(weeks), np.zeros(weeks, np.int8)
        i, j, k, shelf = start[p], scan_start[p], count_start[p], 0
        for t in range(weeks):
            got, i = _in_week(week, given, i, start[p + 1], t)
            went, j = _in_week(scan_week, sold, j, scan_start[p + 1], t)
            seen, k = _in_week(count_week, counted, k, count_start[p + 1], t)
            before, got, went = shelf, max(got, 0), max(went, 0)
            shelf = 0 if not reports[r, t] else seen if seen >= 0 else max(shelf + got - went, 0)
            lives = first[p] <= t <= last[p] and cap[profile[r, t], b, t] != 0
            if reports[r, t] and use[b, t] and lives and shelf + before + got > 0:
                y[t], x[t], kind[t] = went, index[b, t], 1 if shelf > 0 else 2
        if x.sum() > 0:
            rate[p] = _censored_rate(y, x, kind)
            worth[p] = x[kind == 1].sum() + 0.3 * x[kind == 2].sum()
    return rate, worth
