"""Compiled: the likelihood of a pair's rate from its requests, deliveries, scanned sales and counts, all seen as views of one hidden stock.

A filter over the cartons on the shelf at the end of each week. Loops run in parallel over pairs, each pair writes its own row, so results
do not depend on the number of threads.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HONEST, TIMES, COVER, CAP, STREET, ITSELF = 0, 1, 2, 3, 4, 5
"""How a retailer turns a need into a request while a brand is short: as it is; times a factor ÷ (the share it lately got)^power; to fill a
larger shelf; the cap, if that is more; the largest request of its street last week, if that is more; like its last request, whatever the
need."""

OWN_WEIGHT = 0.3  # weight of the newest order in the share that a shop expects
LEAST_SHARE = 0.2
MISCOUNT = 0.04  # share of counts that are one carton off
STRAY = 0.06  # share of requests that nothing explains
FORGOT = 0.06  # chance that a missing carton is not asked for


@nb.njit(cache=True)
def _visits(mean: float, most: int, out: Array) -> int:
    """Poisson probabilities of 0, 1, … customers into `out`; how many of them matter."""
    term, n = math.exp(-mean), 0
    while n < most:
        out[n] = term
        n += 1
        term *= mean / n
        if n > mean and term < 1e-6:
            break
    return n


@nb.njit(cache=True)
def _sell(mean: float, states: int, before: Array, after: Array, chance: Array) -> None:
    """The shelf after a week's customers, Poisson with `mean`, have bought what there was."""
    n = _visits(mean, states, chance)
    for s in range(states):
        after[s] = 0.0
    for s in range(states):
        w = before[s]
        if w < 1e-10:
            continue
        rest = 1.0
        for v in range(min(s, n)):
            after[s - v] += w * chance[v]
            rest -= chance[v]
        after[max(s - n, 0)] += w * max(rest, 0.0)


@nb.njit(cache=True)
def _normal(z: float) -> float:
    return 0.3989422804 * math.exp(-0.5 * z * z)


@nb.njit(cache=True)
def _between(low: float, high: float) -> float:
    """Probability of a standard normal value between two bounds."""
    return 0.5 * (math.erf(high * 0.7071067812) - math.erf(low * 0.7071067812))


@nb.njit(cache=True)
def _asking(q: int, need: float, kind: int, factor: float, rival: float, grain: float, noise: float) -> float:
    """Probability of a request of q cartons from a need (cartons, may be below 0)."""
    if kind >= CAP and rival >= 1:
        if q == 0:
            return 0.4 if need < 0.5 else 0.15
        if need <= rival + 0.5:
            return 0.85 * (0.9 if q == rival else 0.025 / (1 + rival))
        sd = math.sqrt(noise * noise * need * need + 0.25)
        return 0.85 * _normal((q - need) / sd) / sd
    if need < 0.5:
        nothing = 0.95 if need < 0.2 else 0.7
        if q == 0:
            return nothing
        return (1 - nothing) * (0.6 / max(factor, grain) if q <= max(factor, grain) * 1.01 else 0.05 / (1 + factor))
    if q == 0:
        return FORGOT if need >= 1 else 0.3
    wanted = need * factor
    if grain > 1:
        sd = math.sqrt(noise * noise * wanted * wanted + 0.3)
        return (1 - FORGOT) * (_between((q - grain + 0.4 - wanted) / sd, (q + 0.4 - wanted) / sd) + 1e-4)
    sd = math.sqrt(noise * noise * wanted * wanted + 0.15 * factor * factor + 0.1)
    return (1 - FORGOT) * _normal((q - wanted) / sd) / sd


@nb.njit(cache=True)
def _again(q: int, last: int, zeros: float) -> float:
    """Probability of a request of q cartons where only the shop's own last request tells anything."""
    if q == 0:
        return zeros
    if last <= 0:
        return (1 - zeros) * 0.25 / (1 + 0.25 * q)
    z = math.log(q / last) / 0.35
    return (1 - zeros) * (0.85 * min(_normal(z) / (0.35 * q), 0.6) + 0.15 * 0.25 / (1 + q))


@nb.njit(cache=True)
def _after_request(
    now: Array, states: int, q: int, last: int, how: int, full: float, times: float, rival: float, grain: float, noise: float,
    zeros: float, trust: float,
) -> None:  # fmt: skip
    """Weigh the shelf's states by the probability of the request, raised to `trust`."""
    if how == ITSELF:
        alone = _again(q, last, zeros) ** trust
        for s in range(states):
            now[s] *= alone
        return
    stray = 0.25 / (1 + full * times) if q > 0 else 0.5
    for s in range(states):
        if now[s] > 0:
            now[s] *= ((1 - STRAY) * _asking(q, full - s, how, times, rival, grain, noise) + STRAY * stray) ** trust


@nb.njit(cache=True)
def _after_till(now: Array, states: int, k: int, mean: float, before: Array) -> None:
    """The shelf after k cartons were scanned: customers were k where cartons are left, k or more where none is."""
    below, term = 0.0, math.exp(-mean)
    for j in range(k):
        below += term
        term *= mean / (j + 1)
    mass = 0.0
    for s in range(states):
        now[s] = 0.0
    for s in range(min(k, states), states):
        if before[s] > 0:
            now[s - k] = before[s] * (max(1.0 - below, 1e-12) if s == k else term)
            mass += now[s - k]
    unseen = 1e-2 * term + 1e-8  # sold more than was there: cartons from elsewhere
    if mass < unseen:
        now[0] += 0.7 * unseen
        now[1] += 0.3 * unseen


@nb.njit(cache=True)
def _after_count(now: Array, states: int, counted: int) -> None:
    """Weigh the shelf's states by the probability of the count."""
    for s in range(states):
        off = abs(s - min(counted, states - 1))
        now[s] *= 1 - 2.5 * MISCOUNT if off == 0 else MISCOUNT if off == 1 else 0.01 / (1 + off * off)


@nb.njit(cache=True)
def _scaled(now: Array, states: int) -> float:
    """Scale the states to sum 1; the log of what they summed to (-1e9: impossible)."""
    mass = now[:states].sum()
    if mass <= 0:
        return -1e9
    now[:states] /= mass
    return math.log(mass)


@nb.njit(cache=True)
def _likelihood(
    rate: float, deliveries: Array, asked: Array, counted: Array, sold: Array, index: Array, tight: Array, share: Array, rival: Array,
    shelf: Array, cover: float, kind: int, factor: float, power: float, grain: float, noise: float, trust: float, zeros: float,
    states: int, now: Array, after: Array, chance: Array,
) -> float:  # fmt: skip
    """Log likelihood of one rate. `asked` is -1 where the shop did not order at all, `counted` and `sold` where nothing is known.

    `shelf` (a, b, c): a shop fills its shelf up to cover · (a + b·mean + c·√mean) cartons. `trust` is the power to which the probability of
    a request is raised: what a shop believes of its sales errs the same way for many weeks. `now`, `after`, `chance` are scratch.
    """
    total, last = 0.0, 0
    begin = max(1, min(states, int(shelf[0] + shelf[1] * rate) + 1))
    for s in range(states):
        now[s] = 1.0 / begin if s < begin else 0.0
    for t in range(len(deliveries)):
        mean = max(rate * index[t], 1e-6)
        if asked[t] >= 0:
            how = kind if tight[t] else HONEST
            full = cover * (shelf[0] + shelf[1] * mean + shelf[2] * math.sqrt(mean)) * (factor if how == COVER else 1.0)
            times = factor * share[t] ** -power if how == TIMES else 1.0
            spread = noise + 0.1 * power if how == TIMES else noise
            _after_request(now, states, asked[t], last, how, full, times, rival[t], grain, spread, zeros, trust)
            total += _scaled(now, states)
            last = asked[t] if asked[t] > 0 else last
        for s in range(states):
            after[s] = 0.0
        for s in range(states):
            after[min(s + deliveries[t], states - 1)] += now[s]
        if sold[t] >= 0:
            _after_till(now, states, sold[t], mean, after)
        else:
            _sell(mean, states, after, now, chance)
        if counted[t] >= 0:
            _after_count(now, states, counted[t])
        total += _scaled(now, states)
        if total < -1e8:
            return -1e9
    return total


@nb.njit(cache=True)
def _by_week(start: Array, week: Array, value: Array, p: int, begin: int, end: int, out: Array) -> None:
    """Write the values of pair p into `out`, week by week from `begin` to `end`."""
    for j in range(start[p], start[p + 1]):
        if begin <= week[j] <= end:
            out[week[j] - begin] = value[j]


@nb.njit(cache=True)
def _shares(came: Array, want: Array, first: float, out: Array) -> None:
    """The share of its requests that a shop lately got, before each week, within `LEAST_SHARE` and 1."""
    got = first
    for i in range(len(came)):
        out[i] = min(max(got, LEAST_SHARE), 1.0)
        if want[i] > 0:
            got += OWN_WEIGHT * (came[i] / want[i] - got)


@nb.njit(cache=True)
def _rivals(kind: int, limits: Array, double: int, street_most: Array, begin: int, want: Array, out: Array) -> None:
    """What a retailer may type instead of its need: the cap, or its street's largest request of the week before, if not its own."""
    for i in range(len(limits)):
        if kind == CAP and limits[i] < 1_000_000:
            out[i] = limits[i] * double
        if kind == STREET and begin + i > 0:
            most = street_most[begin + i - 1]
            out[i] = 0.0 if i > 0 and want[i - 1] >= most else most


@nb.njit(cache=True, parallel=True)
def likelihoods(
    use: Array, centre: Array, grid: Array, most_states: int, scanned: bool,
    start: Array, week: Array, asked: Array, given: Array, scan_start: Array, scan_week: Array, sold: Array,
    count_start: Array, count_week: Array, counted: Array, reports: Array, visited: Array, index: Array, state: Array, expected: Array,
    retailer: Array, brand: Array, first: Array, last: Array, profile: Array, cap: Array, double: Array, street: Array, most: Array,
    pack: Array, shelf: Array, cover: Array, kind: Array, factor: Array, power: Array, grain: Array, noise: float, trust: float,
) -> Array:  # fmt: skip
    """Log likelihood of the rates exp(centre + grid) of every pair in `use` (zeros elsewhere): float64 (pairs, grid).

    By retailer: cover, kind, factor, power, grain. `most[street, brand, week]`: largest request. `scanned`: till reports are believed.
    """
    out = np.zeros((len(brand), len(grid)))
    for p in nb.prange(len(brand)):
        if not use[p] or first[p] > last[p]:
            continue
        r, b, begin, end = retailer[p], brand[p], first[p], last[p]
        weeks = end - begin + 1
        came, want, limits = np.zeros(weeks, np.int64), np.zeros(weeks, np.int64), np.zeros(weeks, np.int64)
        seen, went = np.full(weeks, -1, np.int64), np.full(weeks, -1, np.int64)
        share, rival = np.ones(weeks), np.zeros(weeks)
        _by_week(start, week, given, p, begin, end, came)
        _by_week(start, week, asked, p, begin, end, want)
        for i in range(weeks):
            limits[i] = cap[profile[r, begin + i], b, begin + i]
            if scanned and reports[r, begin + i]:
                went[i] = 0
        _shares(came, want, expected[b, begin], share)
        _rivals(kind[r], limits, double[r], most[street[r], b], begin, want, rival)
        want[(limits == 0) | ~visited[r, begin : end + 1]] = -1
        _by_week(count_start, count_week, counted, p, begin, end, seen)
        if scanned:
            _by_week(scan_start, scan_week, sold, p, begin, end, went)
        short = state[b, begin : end + 1] == 1
        asking = want[short & (want >= 0)]
        zeros = ((asking == 0).sum() + 1.0) / (len(asking) + 4.0)
        states = int(min(max(8 * math.exp(centre[p]) + 15 + came.max(), seen.max() * 1.2 + 4), most_states))
        now, after, chance = np.zeros(states), np.zeros(states), np.zeros(states + 2)
        for g in range(len(grid)):
            out[p, g] = _likelihood(
                math.exp(centre[p] + grid[g]), came, want, seen, went, index[b, begin : end + 1], short, share, rival, shelf, cover[r],
                kind[r], factor[r], power[r], max(grain[r], pack[b]), noise, trust, zeros, states, now, after, chance,
            )  # fmt: skip
    return out
