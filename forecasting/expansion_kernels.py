"""Compiled: rate × index written out by pair and week, and whole-number quantiles. The same for any number of threads."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@nb.njit(cache=True)
def living(retailer: Array, brand: Array, first: Array, last: Array, profile: Array, cap: Array, index: Array, area: Array) -> Array:
    """Number of weeks in which each pair lives and has an index: int64 (pairs)."""
    out = np.zeros(len(brand), np.int64)
    for p in range(len(brand)):
        r, b = retailer[p], brand[p]
        for t in range(first[p], last[p] + 1):
            if cap[profile[r, t], b, t] != 0 and not np.isnan(index[b, area[r], t]):
                out[p] += 1
    return out


@nb.njit(cache=True)
def expanded(
    rows: int, rate: Array, retailer: Array, brand: Array, first: Array, last: Array, profile: Array, cap: Array, index: Array, area: Array,
    start: Array, week: Array, asked: Array, given: Array,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    """The living weeks of pairs, one row each: pair, week, requested, allocated, rate × index. `start` begins at 0 for the first pair."""
    pair, weeks = np.empty(rows, np.int32), np.empty(rows, np.int16)
    requested, allocated, demand = np.zeros(rows, np.int32), np.zeros(rows, np.int32), np.empty(rows)
    n = 0
    for p in range(len(brand)):
        r, b, i = retailer[p], brand[p], start[p]
        for t in range(first[p], last[p] + 1):
            if cap[profile[r, t], b, t] == 0 or np.isnan(index[b, area[r], t]):
                continue
            while i < start[p + 1] and week[i] < t:
                i += 1
            if i < start[p + 1] and week[i] == t:
                requested[n], allocated[n] = asked[i], given[i]
            pair[n], weeks[n], demand[n] = p, t, rate[p] * index[b, area[r], t]
            n += 1
    return pair, weeks, requested, allocated, demand


@nb.njit(cache=True, parallel=True)
def negative_binomial_quantiles(mean: Array, dispersion: Array, q: float, normal: float) -> Array:
    """Smallest whole k with P(Y ≤ k) ≥ q, Y negative binomial with variance mean + dispersion · mean².

    Exact by summing from 0. Where the mean is above 60 and the dispersion at most 0.05 (totals): the quantile `normal` of the standard
    normal with the skewness term of Cornish and Fisher (1938), there within one carton and a hundredth of the mean.
    """
    out = np.zeros(len(mean))
    for i in nb.prange(len(mean)):
        m, a = mean[i], dispersion[i]
        if not m > 0:
            continue
        if m > 60.0 and a <= 0.05:
            variance = m + a * m * m
            skew = (1.0 + 2.0 * a * m) / np.sqrt(variance)
            out[i] = max(np.ceil(m + np.sqrt(variance) * (normal + (normal * normal - 1.0) * skew / 6.0) - 0.5), 0.0)
            continue
        log = -m if a < 1e-9 else -np.log1p(a * m) / a
        term = np.exp(log)
        total, k = term, 0
        while total < q - 1e-12 and k < 100000:
            term *= (m + k * a * m) / ((1.0 + a * m) * (k + 1.0)) if a >= 1e-9 else m / (k + 1.0)
            total += term
            k += 1
        out[i] = k
    return out
