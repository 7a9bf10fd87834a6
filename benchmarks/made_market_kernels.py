"""Compiled: shops of a made-up city order, are given, and sell, week by week; then the panel's compressed rows of that.

Loops run in parallel over streets and pairs. Each street draws from a state of its own, seeded by its number, so results do not depend on
the number of threads.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

# ruff: noqa: NPY002 (numba's own generators are seeded and drawn from by these names)

Array = npt.NDArray[Any]

HONEST, DIVIDER, CAP_TYPIST, ROUNDER, HOARDER, FOLLOWER = range(6)
MOST = 9_999
SHORT = 0.85  # a brand feels short to a shop that lately got less than this share of its requests
FORGETTING = 0.3
SAFETY = 0.7
ATTENDANCE = 0.965
DISPERSION = 0.12  # variance of a week's visits = mean + DISPERSION × mean²
FIRST_DOUBT = 0.35  # log sd of a shop's first idea of its demand


@nb.njit(cache=True)
def _request(habit: int, need: int, cap: int, share: float, stock: int, believed: float, street_most: int) -> int:
    """What a shop types, given its need: the habits of `ordering.sample_habits` by the same names."""
    if share >= SHORT:
        if habit == ROUNDER and need > 4:
            return math.ceil(need / 10) * 10
        return need
    if habit == DIVIDER:
        return math.ceil(need / max(share, 0.2))
    if habit == CAP_TYPIST:
        return max(cap, need) if cap <= 6 * believed + 12 and stock < 4 * believed + 3 else need
    if habit == ROUNDER:
        return math.ceil(need / 10) * 10 + 10 if need > 4 else 5 if need > 1 else need
    if habit == HOARDER:
        return max(math.ceil(10 * believed + 2 - stock), need)
    if habit == FOLLOWER:
        return max(need, street_most) if need > 0 else need
    return need


@nb.njit(cache=True)
def _street(
    seed: int, first: int, end: int, b: int, rate: Array, index: Array, cap: Array, star: Array, met: Array, tight: Array, habit: Array,
    cover: Array, learning: Array, every: Array, opens: Array, closes: Array, requested: Array, allocated: Array, sold: Array, left: Array,
) -> None:  # fmt: skip
    """All weeks of one brand in the shops `first` .. `end` of one street."""
    np.random.seed(seed)
    shops = end - first
    believed, share, stock, typed = np.zeros(shops), np.ones(shops), np.zeros(shops, np.int64), np.zeros(shops, np.int64)
    for i in range(shops):
        believed[i] = rate[first + i, b] * math.exp(FIRST_DOUBT * np.random.normal())
        stock[i] = np.random.poisson(1.3 * rate[first + i, b])
    for t in range(index.shape[1]):
        street_most = typed.max()
        for i in range(shops):
            r = first + i
            came, typed[i] = 0, 0
            if opens[r] <= t <= closes[r] and index[b, t] > 0:
                limit = cap[star[r, t], b, t] * every[r]
                if (t + r) % every[r] == 0 and limit > 0 and np.random.random() < ATTENDANCE:
                    target = believed[i] * (every[r] + cover[r]) + SAFETY * math.sqrt(believed[i] * every[r])
                    need = max(int(target - stock[i] + 0.5), 0)
                    asked = min(_request(habit[r], need, limit, share[i], stock[i], believed[i], street_most), MOST)
                    usable = min(asked, limit)
                    came = int(usable * met[b, t] + np.random.random()) if tight[b, t] else usable
                    typed[i] = asked
                    if asked > 0:
                        share[i] += FORGETTING * (came / asked - share[i])
                luck = np.random.gamma(1 / DISPERSION, DISPERSION)
                visits = np.random.poisson(rate[r, b] * index[b, t] * luck)
                sold[r, b, t] = min(stock[i] + came, visits)
                stock[i] += came - sold[r, b, t]
                believed[i] += learning[r] * (visits - believed[i])
            requested[r, b, t], allocated[r, b, t], left[r, b, t] = typed[i], came, min(stock[i], MOST)


@nb.njit(cache=True, parallel=True)
def weeks(
    seed: int, street_start: Array, rate: Array, index: Array, cap: Array, star: Array, met: Array, tight: Array, habit: Array,
    cover: Array, learning: Array, every: Array, opens: Array, closes: Array,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """Requested, allocated, sold, and stock at the end of the week: each uint16 (retailers, brands, weeks).

    Shops stand in order of street; street s has the shops street_start[s] .. street_start[s + 1]. By brand and week: `index`, `tight`,
    and `met`, the share of what caps allow that a tight week gives. `cap[star, brand, week]`.
    """
    shape = (rate.shape[0], rate.shape[1], index.shape[1])
    requested, allocated = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    sold, left = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    brands = rate.shape[1]
    for at in nb.prange((len(street_start) - 1) * brands):
        s, b = at // brands, at % brands
        _street(
            (seed + 1_000_003 * at) % 2**31, street_start[s], street_start[s + 1], b, rate, index, cap, star, met, tight, habit, cover,
            learning, every, opens, closes, requested, allocated, sold, left,
        )  # fmt: skip
    return requested, allocated, sold, left


@nb.njit(cache=True, parallel=True)
def happened(requested: Array, sold: Array, scanned: Array, counted: Array) -> Array:
    """How many lines, scans and counts each cell of retailer and brand has: int64 (cells, 3). By retailer and week: scanned, counted."""
    brands = requested.shape[1]
    out = np.zeros((requested.shape[0] * brands, 3), np.int64)
    for c in nb.prange(len(out)):
        r, b = c // brands, c % brands
        for t in range(requested.shape[2]):
            out[c, 0] += requested[r, b, t] > 0
            out[c, 1] += scanned[r, t] and sold[r, b, t] > 0
            out[c, 2] += counted[r, t]
    return out


@nb.njit(cache=True, parallel=True)
def compressed(cell: Array, start: Array, chosen: Array, least: int, first: Array, second: Array) -> tuple[Array, Array, Array]:
    """Week and both values of the weeks that are `chosen` (by retailer and week) and in which `first` is at least `least`."""
    week, ones, twos = np.empty(start[-1], np.int16), np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    brands = first.shape[1]
    for p in nb.prange(len(cell)):
        r, b, at = cell[p] // brands, cell[p] % brands, start[p]
        for t in range(first.shape[2]):
            if chosen[r, t] and first[r, b, t] >= least:
                week[at], ones[at], twos[at] = t, first[r, b, t], second[r, b, t]
                at += 1
    return week, ones, twos
