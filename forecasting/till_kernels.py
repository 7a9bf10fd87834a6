"""Compiled: the likelihood of a pair's rate from its scanned sales alone."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from forecasting.kernels import by_week

Array = npt.NDArray[Any]


@nb.njit(cache=True, error_model="numpy", parallel=True)
def till_likelihoods(
    pair: Array, centre: Array, width: Array, grid: Array, given_start: Array, given_week: Array, given: Array, start: Array, week: Array,
    sold: Array, count_start: Array, count_week: Array, counted: Array, reports: Array, index: Array, retailer: Array, brand: Array,
    first: Array, last: Array,
) -> Array:  # fmt: skip
    """Log likelihood of the rates exp(centre + width · grid) of pairs by their scanned sales: (rows, grid).

    The stock is what came less what was sold, never below 0, and what was counted where it was counted. A week that ends with stock
    left had as many customers as were sold to; one that ends without had as many or more. More sold in any week leaves no more stock in any
    later one, so it never makes a lower rate likelier.
    """
    out = np.zeros((len(pair), len(grid)))
    for i in nb.prange(len(pair)):
        p = pair[i]
        if first[p] > last[p]:
            continue
        r, b, begin, end = retailer[p], brand[p], first[p], last[p]
        weeks = end - begin + 1
        came, went, seen = np.zeros(weeks, np.int64), np.zeros(weeks, np.int64), np.full(weeks, -1, np.int64)
        by_week(given_start, given_week, given, p, begin, end, came)
        by_week(start, week, sold, p, begin, end, went)
        by_week(count_start, count_week, counted, p, begin, end, seen)
        stock = 0
        for t in range(weeks):
            if not reports[r, begin + t]:
                stock = seen[t] if seen[t] >= 0 else 0
                continue
            stock = max(stock + came[t] - went[t], 0)
            for g in range(len(grid)):
                mean = max(math.exp(centre[i] + width[i] * grid[g]) * index[b, begin + t], 1e-6)
                out[i, g] += _customers(went[t], mean, stock > 0)
            if seen[t] >= 0:
                stock = seen[t]
    return out


@nb.njit(cache=True, error_model="numpy")
def _customers(sold: int, mean: float, left: bool) -> float:
    """Log probability that as many customers came as were sold to, or, where nothing is left, as many or more."""
    if left or sold == 0:
        return (sold * math.log(mean) - mean - math.lgamma(sold + 1.0)) if left else 0.0
    below, term = 0.0, math.exp(-mean)
    for j in range(sold):
        below += term
        term *= mean / (j + 1)
    if below < 1.0 - 1e-9:
        return math.log(1.0 - below)
    return sold * math.log(mean) - mean - math.lgamma(sold + 1.0)
