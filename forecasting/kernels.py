"""Compiled loops over the panel. Each is a plain sum or a per-pair recursion, so results do not depend on the number of threads.

Parallel loops run over pairs and write one cell per pair; sums over pairs are made in one thread, in pair order.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@nb.njit(cache=True)
def by_pair(cell: Array, week: Array, first: Array, second: Array, pair_of: Array, pairs: int) -> tuple[Array, Array, Array, Array]:
    """Long rows -> compressed rows by pair, weeks ascending, repeated pair-weeks summed.

    `cell` is the row's number in `pair_of`, which gives the pair (-1: left out). Returns start (pairs + 1), week, and the two sums.
    """
    start = np.zeros(pairs + 1, np.int64)
    for i in range(len(cell)):
        if pair_of[cell[i]] >= 0:
            start[pair_of[cell[i]] + 1] += 1
    for p in range(pairs):
        start[p + 1] += start[p]
    at = start[:-1].copy()
    weeks = np.empty(start[-1], np.int16)
    ones, twos = np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    for i in range(len(cell)):
        p = pair_of[cell[i]]
        if p < 0:
            continue
        j = at[p]
        at[p] += 1
        while j > start[p] and weeks[j - 1] > week[i]:  # nearly sorted input: hardly ever moves
            weeks[j], ones[j], twos[j] = weeks[j - 1], ones[j - 1], twos[j - 1]
            j -= 1
        weeks[j], ones[j], twos[j] = week[i], first[i], second[i]
    return _merged(start, weeks, ones, twos)


@nb.njit(cache=True)
def _merged(start: Array, weeks: Array, ones: Array, twos: Array) -> tuple[Array, Array, Array, Array]:
    out = np.zeros_like(start)
    n = 0
    for p in range(len(start) - 1):
        opened = n
        for i in range(start[p], start[p + 1]):
            if n > opened and weeks[n - 1] == weeks[i]:
                ones[n - 1] += ones[i]
                twos[n - 1] += twos[i]
            else:
                weeks[n], ones[n], twos[n] = weeks[i], ones[i], twos[i]
                n += 1
        out[p + 1] = n
    return out, weeks[:n].copy(), ones[:n].copy(), twos[:n].copy()


@nb.njit(cache=True)
def brand_week_sums(start: Array, week: Array, value: Array, brand: Array, brands: int, weeks: int) -> Array:
    """Σ value over pairs, by brand and week: float64 (brands, weeks)."""
    out = np.zeros((brands, weeks))
    for p in range(len(brand)):
        for i in range(start[p], start[p + 1]):
            out[brand[p], week[i]] += value[i]
    return out


@nb.njit(cache=True)
def largest(start: Array, week: Array, value: Array, group: Array, brand: Array, groups: int, brands: int, weeks: int) -> Array:
    """The largest value of a group's pairs, by brand and week: int32 (groups, brands, weeks), 0 where there is none."""
    out = np.zeros((groups, brands, weeks), np.int32)
    for p in range(len(brand)):
        most = out[group[p], brand[p]]
        for i in range(start[p], start[p + 1]):
            most[week[i]] = max(most[week[i]], value[i])
    return out


@nb.njit(cache=True)
def alive_sums(weight: Array, retailer: Array, brand: Array, first: Array, last: Array, profile: Array, cap: Array, on: Array) -> Array:
    """Σ weight of the pairs that live, by brand and week, over retailers and weeks where `on`: float64 (brands, weeks)."""
    out = np.zeros(cap.shape[1:])
    for p in range(len(brand)):
        if weight[p] <= 0:
            continue
        r, b = retailer[p], brand[p]
        for t in range(first[p], last[p] + 1):
            if cap[profile[r, t], b, t] != 0 and on[r, t]:
                out[b, t] += weight[p]
    return out


@nb.njit(cache=True, parallel=True)
def split_sums(
    start: Array, week: Array, value: Array, index: Array, state: Array, states: int,
    retailer: Array, brand: Array, first: Array, last: Array, profile: Array, cap: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Per pair and state of the brand-week: Σ value and Σ index over the weeks in which the pair lives, each (pairs, states)."""
    total, exposure = np.zeros((len(brand), states)), np.zeros((len(brand), states))
    for p in nb.prange(len(brand)):
        r, b = retailer[p], brand[p]
        for t in range(first[p], last[p] + 1):
            if cap[profile[r, t], b, t] != 0:
                exposure[p, state[b, t]] += index[b, t]
        for i in range(start[p], start[p + 1]):
            t = week[i]
            if first[p] <= t <= last[p] and cap[profile[r, t], b, t] != 0:
                total[p, state[b, t]] += value[i]
    return total, exposure


@nb.njit(cache=True)
def peer_means(y: Array, e: Array, retailer: Array, brand: Array, group: Array, retailers: int, brands: int, groups: int) -> Array:
    """Mean rate of each pair by its peers: size of the shop × share of the brand in the shop's group (alternating ratios of sums).

    y / e is each pair's own evidence (cartons, weeks). A brand's share in a group is drawn to its share in the city.
    """
    size, share = np.ones(retailers), np.zeros((brands, groups))
    for _ in range(8):
        got, due = np.zeros((brands, groups)), np.zeros((brands, groups))
        for p in range(len(y)):
            got[brand[p], group[retailer[p]]] += y[p]
            due[brand[p], group[retailer[p]]] += e[p] * size[retailer[p]]
        for b in range(brands):
            city = got[b].sum() / max(due[b].sum(), 1e-12)
            for g in range(groups):
                share[b, g] = (got[b, g] + 30.0) / (due[b, g] + 30.0 / max(city, 1e-9)) if city > 0 else 0.0
        up, down = np.zeros(retailers), np.zeros(retailers)
        for p in range(len(y)):
            up[retailer[p]] += y[p]
            down[retailer[p]] += e[p] * share[brand[p], group[retailer[p]]]
        for r in range(retailers):
            size[r] = (up[r] + 2.0) / (down[r] + 2.0)
    out = np.zeros(len(y))
    for p in range(len(y)):
        out[p] = size[retailer[p]] * share[brand[p], group[retailer[p]]]
    return out


TAILS = 3.0  # degrees of freedom of the t that pairs follow about their peers: some shops live by one brand


@nb.njit(cache=True, parallel=True)
def posterior(centre: Array, prior_variance: float, y: Array, e: Array, told: Array, precision: Array) -> tuple[Array, Array]:
    """Posterior mean of each pair's rate, and its log variance.

    Prior: Student's t of the log about `centre`, by reweighting its variance. Flow: y cartons in e weeks, Poisson. Figures: `told` is a
    log rate with a precision (0: none). Newton finds the mode in x = log rate, nine nodes of a normal about it give the mean.
    """
    mean, spread = np.zeros(len(y)), np.zeros(len(y))
    for p in nb.prange(len(y)):
        hold = 1.0 / prior_variance + precision[p]
        pull = centre[p] / prior_variance + precision[p] * told[p]
        x = max(pull / hold, np.log((y[p] + 0.1) / (e[p] + 0.1)) if e[p] > 1 else -20.0)
        for it in range(60):
            if it % 6 == 5 and it < 40:
                w = (TAILS + 1.0) / (TAILS + (x - centre[p]) ** 2 / prior_variance)
                hold = w / prior_variance + precision[p]
                pull = w * centre[p] / prior_variance + precision[p] * told[p]
            slope = pull - hold * x + y[p] - e[p] * np.exp(x)
            step = slope / (hold + e[p] * np.exp(x))
            x += min(max(step, -1.0), 1.0)
            if abs(step) < 1e-9 and it >= 40:
                break
        sd = 1.0 / np.sqrt(hold + e[p] * np.exp(x))
        top, weights, first, second = -np.inf, 0.0, 0.0, 0.0
        for i in range(9):
            u = (i - 4.0) * 0.9
            z = x + sd * u
            log = pull * z - 0.5 * hold * z * z + y[p] * z - e[p] * np.exp(z)
            top = max(top, log)
        for i in range(9):
            u = (i - 4.0) * 0.9
            z = x + sd * u
            w = np.exp(pull * z - 0.5 * hold * z * z + y[p] * z - e[p] * np.exp(z) - top)
            weights += w
            first += w * np.exp(z)
            second += w * np.exp(2 * z)
        mean[p] = first / weights
        spread[p] = np.log(max(second / weights / mean[p] ** 2, 1.0))
    return mean, spread


@nb.njit(cache=True)
def first_last(code: Array, week: Array, count: int) -> tuple[Array, Array]:
    """First and last week of each code; without any row the first is beyond and the last before every week."""
    first, last = np.full(count, 2**31, np.int64), np.full(count, -(2**31), np.int64)
    for i in range(len(code)):
        first[code[i]] = min(first[code[i]], week[i])
        last[code[i]] = max(last[code[i]], week[i])
    return first, last


@nb.njit(cache=True)
def by_week(start: Array, week: Array, value: Array, p: int, begin: int, end: int, out: Array) -> None:
    """Write the values of pair p into `out`, week by week from `begin` to `end`."""
    for j in range(start[p], start[p + 1]):
        if begin <= week[j] <= end:
            out[week[j] - begin] = value[j]


@nb.njit(cache=True, parallel=True)
def highest_spans(total: Array, count: Array, least: int) -> tuple[Array, Array]:
    """By row, the span of weeks (first, last: both included; first > last: none) whose mean lies most clearly above that of the others.

    `total`, `count` (rows, weeks): the sum and the number of what was seen. Clearness: difference² ÷ (1 ÷ number inside + 1 ÷ outside), of
    spans with at least `least` and no more than half of a row's number.
    """
    rows, weeks = total.shape
    first, last = np.zeros(rows, np.int64), np.full(rows, -1)
    for r in nb.prange(rows):
        whole, seen, best = total[r].sum(), count[r].sum(), 0.0
        for i in range(weeks):
            inside, n = 0.0, 0.0
            for j in range(i, weeks):
                inside += total[r, j]
                n += count[r, j]
                if n < least or 2 * n > seen:
                    continue
                above = inside / n - (whole - inside) / (seen - n)
                if above > 0 and above * above * n * (seen - n) > best:
                    best = above * above * n * (seen - n)
                    first[r], last[r] = i, j
    return first, last
