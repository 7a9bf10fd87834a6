"""Compiled: the likelihood of a pair's rate from its requests, deliveries, scanned sales and counts, all seen as views of one hidden stock.

A filter over the cartons on the shelf at the end of each week, for four rates side by side (`LANES`): what is written out lane by lane is
so that the compiler makes one vector instruction of it, which takes a third of the time. Loops run in parallel over pairs, each pair
writes its own row, so results do not depend on the number of threads.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from forecasting.kernels import by_week
from forecasting.request_kernels import (
    COVER,
    DIRECT,
    HONEST,
    ITSELF,
    NEEDS,
    NONE,
    PARTS,
    TIMES,
    WHOLES,
    chance_by_last,
    chance_of,
    rivals,
    shares_got,
    table_rows,
)

Array = npt.NDArray[Any]

LANES = 4
MISCOUNT = 0.04  # share of counts that are one carton off
HARDLY = 1e-5  # share of the whole below which the outermost states, and numbers of customers, are left out
IMPOSSIBLE = -1e9
FALLEN = 10.0  # log likelihood by which both ends of the first rates lie below their top, so that it is the only one that counts
U1: Any = np.uint64(1)  # indices without a sign need no look at the other end
U2: Any = np.uint64(2)
U3: Any = np.uint64(3)
U4: Any = np.uint64(LANES)
INVERSE = np.array([0.0, *(1.0 / n for n in range(1, 64))])


@nb.njit(inline="always", error_model="numpy")
def _visits(mean: Array, most: int, chance: Array, rest: Array) -> int:
    """Poisson probabilities of 0, 1, … customers into `chance`, of so many or more into `rest`; how many of them matter."""
    m0, m1, m2, m3 = mean[0], mean[1], mean[2], mean[3]
    t0, t1, t2, t3 = math.exp(-m0), math.exp(-m1), math.exp(-m2), math.exp(-m3)
    l0, l1, l2, l3 = 1.0, 1.0, 1.0, 1.0
    largest, n = max(m0, m1, m2, m3), 0
    k = nb.uintp(0)
    while n < most:
        chance[k], chance[k + U1], chance[k + U2], chance[k + U3] = t0, t1, t2, t3
        rest[k], rest[k + U1], rest[k + U2], rest[k + U3] = l0, l1, l2, l3
        l0, l1, l2, l3 = max(l0 - t0, 0.0), max(l1 - t1, 0.0), max(l2 - t2, 0.0), max(l3 - t3, 0.0)
        n += 1
        k += U4
        part = INVERSE[n] if n < len(INVERSE) else 1.0 / n
        t0, t1, t2, t3 = t0 * m0 * part, t1 * m1 * part, t2 * m2 * part, t3 * m3 * part
        if n > largest and max(t0, t1, t2, t3) < HARDLY:
            break
    rest[k], rest[k + U1], rest[k + U2], rest[k + U3] = l0, l1, l2, l3
    return n


@nb.njit(inline="always", error_model="numpy")
def _sell(came: int, n: int, low: int, high: int, before: Array, after: Array, chance: Array, rest: Array) -> int:
    """The shelf after `came` cartons arrived and up to n customers, by `chance` and `rest`, bought what there was; its lowest state."""
    bottom = max(low + came - n, 0)
    for i in range(LANES * bottom, LANES * (high + came + 1)):
        after[i] = 0.0
    for s in range(low, high + 1):
        j, k, v = nb.uintp(LANES * s), nb.uintp(LANES * (s + came)), nb.uintp(0)
        b0, b1, b2, b3 = before[j], before[j + U1], before[j + U2], before[j + U3]
        for _ in range(min(s + came, n)):
            c0, c1, c2, c3 = chance[v], chance[v + U1], chance[v + U2], chance[v + U3]
            a0, a1, a2, a3 = after[k], after[k + U1], after[k + U2], after[k + U3]
            after[k], after[k + U1], after[k + U2], after[k + U3] = a0 + b0 * c0, a1 + b1 * c1, a2 + b2 * c2, a3 + b3 * c3
            v += U4
            k -= U4
        c0, c1, c2, c3 = rest[v], rest[v + U1], rest[v + U2], rest[v + U3]
        a0, a1, a2, a3 = after[k], after[k + U1], after[k + U2], after[k + U3]
        after[k], after[k + U1], after[k + U2], after[k + U3] = a0 + b0 * c0, a1 + b1 * c1, a2 + b2 * c2, a3 + b3 * c3
    return bottom


@nb.njit(inline="always", error_model="numpy")
def _after_till(after: Array, came: int, sold: int, mean: Array, low: int, high: int, before: Array) -> int:
    """The shelf after `came` cartons arrived and `sold` were scanned: customers were as many where cartons are left, as many or more where
    none is; its lowest state."""
    least = max(low + came - sold, 0)
    for k in range(LANES * (max(high + came - sold, 1) + 1)):
        after[k] = 0.0
    for i in range(LANES):
        below, term, mass = 0.0, math.exp(-mean[i]), 0.0
        for j in range(sold):
            below += term
            term *= mean[i] / (j + 1)
        for s in range(max(low, sold - came), high + 1):
            chance = before[LANES * s + i] * (max(1.0 - below, 1e-12) if s + came == sold else term)
            after[LANES * (s + came - sold) + i] = chance
            mass += chance
        unseen = 1e-2 * max(1.0 - below, 1e-12) + 1e-8  # sold more than was there: cartons from elsewhere
        if mass < unseen:
            least = 0
            after[i] += 0.7 * unseen
            after[LANES + i] += 0.3 * unseen
    return min(least, max(high + came - sold, 1))


@nb.njit(inline="always", error_model="numpy")
def _crowd(now: Array, low: int, high: int, top: int) -> None:
    """A shelf holds no more than `top`: what lies above counts as that."""
    for i in range(LANES):
        for s in range(max(low, top + 1), high + 1):
            now[LANES * top + i] = (now[LANES * top + i] if s > max(low, top + 1) or low <= top else 0.0) + now[LANES * s + i]


@nb.njit(inline="always", error_model="numpy")
def _after_count(now: Array, states: int, low: int, high: int, counted: int) -> None:
    """Weigh the shelf's states by the probability of the count."""
    for s in range(low, high + 1):
        off = abs(s - min(counted, states - 1))
        chance = 1 - 2.5 * MISCOUNT if off == 0 else MISCOUNT if off == 1 else 0.01 / (1 + off * off)
        for i in range(LANES):
            now[LANES * s + i] *= chance


@nb.njit(inline="always", error_model="numpy")
def _after_request(
    now: Array, lane: int, low: int, high: int, q: int, how: int, full: float, times: float, rival: float, grain: float, noise: float,
    trust: float, row: int, table: Array,
) -> None:  # fmt: skip
    """Weigh a lane's states by the probability of the request, raised to `trust`: looked up, where the table holds it, on the straight line
    between two needs."""
    at = int(full * PARTS)
    if row == DIRECT or at + 1 >= NEEDS:
        for s in range(low, high + 1):
            now[LANES * s + lane] *= chance_of(q, full - s, how, times, rival, grain, noise, trust)
    else:
        whole, off = at // PARTS, full * PARTS - at
        below, above = row + at % PARTS * WHOLES + whole, row + (at + 1) % PARTS * WHOLES + (at + 1) // PARTS
        for s in range(low, min(high, whole) + 1):
            now[LANES * s + lane] *= table[below - s] + off * (table[above - s] - table[below - s])
        for s in range(max(low, whole + 1), high + 1):
            now[LANES * s + lane] *= table[row]


@nb.njit(inline="always", error_model="numpy")
def _masses(after: Array, low: int, high: int, mass: Array) -> None:
    """The sum of each lane's states, into `mass`."""
    m0, m1, m2, m3 = 0.0, 0.0, 0.0, 0.0
    for s in range(low, high + 1):
        k = nb.uintp(LANES * s)
        m0, m1, m2, m3 = m0 + after[k], m1 + after[k + U1], m2 + after[k + U2], m3 + after[k + U3]
    mass[0], mass[1], mass[2], mass[3] = m0, m1, m2, m3


@nb.njit(inline="always", error_model="numpy")
def _hardly(after: Array, s: int, mass: Array) -> bool:
    """Whether state s is all but nothing in every lane."""
    k = nb.uintp(LANES * s)
    low = after[k] <= HARDLY * mass[0] and after[k + U1] <= HARDLY * mass[1]
    return low and after[k + U2] <= HARDLY * mass[2] and after[k + U3] <= HARDLY * mass[3]


@nb.njit(inline="always", error_model="numpy")
def _scale(after: Array, now: Array, low: int, high: int, mass: Array) -> None:
    """Each lane's states over their sum, into `now`."""
    s0, s1, s2, s3 = 1 / max(mass[0], 1e-300), 1 / max(mass[1], 1e-300), 1 / max(mass[2], 1e-300), 1 / max(mass[3], 1e-300)
    for s in range(low, high + 1):
        k = nb.uintp(LANES * s)
        a0, a1, a2, a3 = after[k] * s0, after[k + U1] * s1, after[k + U2] * s2, after[k + U3] * s3
        now[k], now[k + U1], now[k + U2], now[k + U3] = a0, a1, a2, a3


@nb.njit(cache=True, error_model="numpy")
def _likelihood(  # noqa: C901 (one loop over weeks: the shelf's states stay where they are)
    rate: Array, deliveries: Array, asked: Array, counted: Array, sold: Array, index: Array, tight: Array, times: Array, row: Array,
    rival: Array, shelf: Array, cover: float, kind: int, factor: float, steep: bool, grain: float, noise: float, trust: float, zeros: float,
    states: int, table: Array, now: Array, after: Array, chance: Array, rest: Array, mean: Array, mass: Array, weight: Array, total: Array,
) -> None:  # fmt: skip
    """Log likelihood of `LANES` rates, into `total`.

    `asked` is -1 where the shop did not order at all, `counted` and `sold` where nothing is known.
    `shelf` (a, b, c): a shop fills its shelf up to cover · (a + b·mean + c·√mean) cartons. `trust` is the power to which the probability of
    a request is raised: what a shop believes of its sales errs the same way for many weeks. `now` to `weight` are scratch;
    only the states `low` to `high` matter.
    """
    last, low, high = 0, 0, 0
    for i in range(LANES):
        high = max(high, min(states - 1, int(shelf[0] + shelf[1] * rate[i]) + 1))
    for i in range(LANES):
        room, total[i], weight[i] = max(min(shelf[0] + shelf[1] * rate[i], states - 1.0), 0.0), 0.0, 1.0
        for s in range(high + 1):  # as likely up to where it is full, of the last carton a part: without steps in the rate
            now[LANES * s + i] = min(max(room + 1 - s, 0.0), 1.0) / (room + 1)
    for t in range(len(deliveries)):
        came, how = min(deliveries[t], states - 1), kind if tight[t] else HONEST
        for i in range(LANES):
            mean[i] = max(rate[i] * index[t], 1e-6)
        if row[t] != NONE and how == ITSELF:
            alone = chance_by_last(asked[t], last, zeros) ** trust
            for i in range(LANES):
                weight[i] *= alone
        elif row[t] != NONE:
            wide, spread = cover * (factor if how == COVER else 1.0), noise + (0.1 if steep and how == TIMES else 0.0)
            for i in range(LANES):
                full = wide * (shelf[0] + shelf[1] * mean[i] + shelf[2] * math.sqrt(mean[i]))
                _after_request(now, i, low, high, asked[t], how, full, times[t], rival[t], grain, spread, trust, row[t], table)
        last = asked[t] if asked[t] > 0 else last
        if high + came >= states:
            _crowd(now, low, high, states - 1 - came)
            low, high = min(low, states - 1 - came), states - 1 - came
        if sold[t] >= 0:
            low, high = _after_till(after, came, sold[t], mean, low, high, now), max(high + came - sold[t], 1)
        else:
            n = _visits(mean, high + came + 1, chance, rest)
            low, high = _sell(came, n, low, high, now, after, chance, rest), high + came
        if counted[t] >= 0:
            _after_count(after, states, low, high, counted[t])
        _masses(after, low, high, mass)
        for i in range(LANES):
            weight[i] *= mass[i]
            if weight[i] <= 0.0:
                weight[i], total[i] = 1.0, 2 * IMPOSSIBLE
            elif weight[i] < 1e-200:
                weight[i], total[i] = 1.0, total[i] + math.log(weight[i])
        while low < high and _hardly(after, low, mass):
            low += 1
        while low < high and _hardly(after, high, mass):
            high -= 1
        _scale(after, now, low, high, mass)
    for i in range(LANES):
        total[i] = max(total[i] + math.log(weight[i]), IMPOSSIBLE)


@nb.njit(cache=True, error_model="numpy", parallel=True)
def likelihoods(
    pair: Array, centre: Array, width: Array, reach: Array, grid: Array, most_states: int, scanned: bool,
    start: Array, week: Array, asked: Array, given: Array, scan_start: Array, scan_week: Array, sold: Array,
    count_start: Array, count_week: Array, counted: Array, reports: Array, visited: Array, index: Array, state: Array, expected: Array,
    retailer: Array, brand: Array, first: Array, last: Array, profile: Array, cap: Array, double: Array, street: Array, most: Array,
    pack: Array, shelf: Array, cover: Array, kind: Array, factor: Array, power: Array, grain: Array, noise: float, trust: float,
    table: Array,
) -> Array:  # fmt: skip
    """Log likelihood of the rates exp(centre + width · grid) of pairs under a habit (kind, factor, power): float64 (rows, grid).

    By row: pair, centre, width, reach, kind, factor, power. `grid` is tried `LANES` at a time, the first of them in rising order;
    the next ones not (`IMPOSSIBLE`) where a top lies among the first, if that is a high one or they all lie further than `reach` (log) from
    the centre. By retailer: cover, grain. `most[street, brand, week]`: largest request. `scanned`: till reports are believed.
    """
    out = np.zeros((len(pair), len(grid)))
    for i in nb.prange(len(pair)):
        p = pair[i]
        if first[p] > last[p]:
            continue
        r, b, begin, end = retailer[p], brand[p], first[p], last[p]
        weeks = end - begin + 1
        came, want, limits = np.zeros(weeks, np.int64), np.zeros(weeks, np.int64), np.zeros(weeks, np.int64)
        seen, went = np.full(weeks, -1, np.int64), np.full(weeks, -1, np.int64)
        share, rival = np.ones(weeks), np.zeros(weeks)
        by_week(start, week, given, p, begin, end, came)
        by_week(start, week, asked, p, begin, end, want)
        for t in range(weeks):
            limits[t] = cap[profile[r, begin + t], b, begin + t]
            if scanned and reports[r, begin + t]:
                went[t] = 0
        shares_got(came, want, expected[b, begin], share)
        rivals(kind[i], limits, double[r], most[street[r], b], begin, want, rival)
        want[(limits == 0) | ~visited[r, begin : end + 1]] = -1
        by_week(count_start, count_week, counted, p, begin, end, seen)
        if scanned:
            by_week(scan_start, scan_week, sold, p, begin, end, went)
        short = state[b, begin : end + 1] == 1
        asking = want[short & (want >= 0)]
        zeros = ((asking == 0).sum() + 1.0) / (len(asking) + 4.0)
        states = int(min(max(8 * math.exp(centre[i]) + 15 + came.max(), seen.max() * 1.2 + 4), most_states))
        now, after = np.zeros(states * LANES), np.zeros(states * LANES)
        chance, rest = np.zeros((states + 1) * LANES), np.zeros((states + 2) * LANES)
        mean, mass, weight = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
        times, row, step = np.ones(weeks), np.zeros(weeks, np.int64), max(grain[r], pack[b])
        table_rows(want, short, share, rival, kind[i], factor[i], power[i], step, times, row)
        for g in range(0, len(grid), LANES):
            above = out[i, :g].max() - max(out[i, 0], out[i, LANES - 1]) if g > 0 else 0.0
            if above > FALLEN or (above > 0 and np.abs(width[i] * grid[g : g + LANES]).min() > reach[i]):
                out[i, g : g + LANES] = IMPOSSIBLE
                continue
            _likelihood(
                np.exp(centre[i] + width[i] * grid[g : g + LANES]), came, want, seen, went, index[b, begin : end + 1], short, times, row,
                rival, shelf, cover[r], kind[i], factor[i], power[i] > 0, step, noise, trust, zeros, states, table, now, after, chance,
                rest, mean, mass, weight, out[i, g : g + LANES],
            )  # fmt: skip
    return out
