"""The caps of a brand in a week (投放策略), from what is planned: whole cartons per star level, never higher for a lower level.

Not what caps release is held against the plan but what retailers take up of it: in a real city 13.5% of what was released. Of all caps
those are chosen whose expected take-up comes nearest to the plan, counted in whole cartons; and of these, those nearest to the line of
the uniform rule, weight × λ, that would take up the plan (docs/adr/0016-caps-are-planned-on-take-up.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation.take_up import Need

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FINEST = 16
"""Parts of a carton in which expected take-up is added up, at most."""
STATES = 2**14
"""So many parts hold a plan before they get coarser, down to whole cartons."""
MOST_STATES = 2**15
"""Only beyond so many cartons a week take-up is added up in several cartons."""
FAR = 2**60
"""Stands for "cannot be reached" among distances."""


@dataclass(frozen=True)
class Caps:
    """Chosen caps by level, the lowest first. `level`: λ, cartons per unit of weight. `miss`: whole cartons by which expected take-up
    misses the plan (less the tolerance); `distance`: thousandths of cartons, Σ over retailers, from the line.
    """

    cap: Whole
    level: float
    line: Floats
    miss: int
    distance: int


def choose(expected: Floats, plan: int, weight: Floats, retailers: Whole, ladder: Whole, *, tolerance: int = 0) -> Caps:
    """The caps of one brand and week, out of `ladder` (ascending, from 0). `expected[l, c]`: cartons that level l takes up under a cap of
    c, never falling in c; `weight` and `retailers` of each level, the lowest level first; a miss of up to `tolerance` cartons is none.

    Lexicographic, and exact: first the miss, then the distance Σ retailers × |cap − weight × λ|, then the take-up nearest to the plan,
    the lower one, and the lower caps of the highest levels. Levels without retailers count as one retailer, so that they too are near.
    """
    steps = expected[:, ladder]
    level = line_level(steps, plan, weight, ladder)
    line = weight * level
    table, scale = in_parts(steps, plan)
    found, miss, distance = _chosen(table, distances(line, retailers, ladder), round(plan * scale), scale, tolerance)
    return Caps(ladder[found], level, line, miss, distance)


def ladder(most: int, pack: int = 1, lot: int = 1) -> Whole:
    """The caps that a brand may have, up to `most`: whole packs, and none below the smallest lot but 0.

    >>> ladder(10, pack=3, lot=4).tolist()
    [0, 6, 9]
    """
    whole = np.arange(0, most + 1, pack)
    return whole[(whole == 0) | (whole >= lot)]


def in_parts(expected: Floats, plan: int) -> tuple[Whole, float]:
    """Expected take-up in whole parts, rounded half up, and how many parts a carton has: a power of two, 16 where the plan is small."""
    scale = float(FINEST)
    while scale > 1 and plan * scale > STATES:
        scale /= 2
    while plan * scale > MOST_STATES:
        scale /= 2
    return np.floor(expected * scale + 0.5).astype(np.int64), scale


def highest(expected: Floats) -> int:
    """The lowest cap beyond which no higher ones would take up another half carton: higher ones need not be looked at."""
    total = expected.sum(axis=0)
    return int(np.argmax(total > total[-1] - 0.5))


def distances(line: Floats, retailers: Whole, ladder: Whole) -> Whole:
    """What each cap of each level costs: thousandths of cartons from the level's line, times its retailers (at least one)."""
    away = np.abs(1000 * ladder[None, :] - np.round(1000 * line).astype(np.int64)[:, None])
    return away * np.maximum(retailers, 1)[:, None]


def line_level(expected: Floats, plan: float, weight: Floats, ladder: Whole) -> float:
    """λ: the smallest level at which the uniform rule's line weight × λ would take up the plan, or all but half a carton of what can be.

    Between whole cartons the rule gives the odd carton by ticket, so that expected take-up is linear there.
    """
    breaks = np.unique((ladder[None, :] / weight[:, None]).ravel())
    taken = sum((np.interp(breaks * w, ladder, row) for w, row in zip(weight, expected, strict=True)), np.zeros(len(breaks)))
    wanted = max(min(plan, float(taken[-1]) - 0.5), 0.0)
    at = int(np.searchsorted(taken, wanted))
    if at == 0:
        return 0.0
    part = (wanted - taken[at - 1]) / (taken[at] - taken[at - 1])
    return float(round(breaks[at - 1] + part * (breaks[at] - breaks[at - 1]), 6))


def missed(away: int, scale: float, tolerance: int = 0) -> int:
    """Whole cartons that so many parts of a carton are, rounded half up, less the tolerance."""
    parts = max(int(scale), 1)
    return max(int((abs(away) + parts // 2) // parts / min(scale, 1.0)) - tolerance, 0)


def _chosen(table: Whole, price: Whole, plan: int, scale: float, tolerance: int) -> tuple[Whole, int, int]:
    """Caps, miss and distance. First which sums can be reached at all, as bits of whole numbers; then the cheapest way to each."""
    nearest = _nearest(table, plan)
    miss = missed(nearest, scale, tolerance)
    width = abs(nearest)
    while missed(width + 1, scale, tolerance) == miss:
        width += 1
    best, taken = _cheapest(table, price, plan + width + 1)
    sums = np.arange(max(plan - width, 0), plan + width + 1)
    found = best[sums]
    at = int(sums[np.lexsort((sums, np.abs(sums - plan), found))[0]])
    return _back(table, taken, at), miss, int(best[at])


def _nearest(table: Whole, plan: int) -> int:
    """How far the reachable sum nearest to the plan lies from it. Bit s of `reached[c]`: caps of at most c reach the sum s."""
    mask = (1 << (2 * plan + 1)) - 1
    reached = [1] * table.shape[1]
    for row in table.tolist():
        so_far = 0
        for cap, taken in enumerate(row):
            if taken <= 2 * plan:
                so_far |= (reached[cap] << taken) & mask
            reached[cap] = so_far
    below = plan - ((reached[-1] & ((1 << (plan + 1)) - 1)).bit_length() - 1)
    above = reached[-1] >> plan
    return min(below, (above & -above).bit_length() - 1) if above else below


@numba.njit(cache=True)
def _cheapest(table: Whole, price: Whole, size: int) -> tuple[Whole, npt.NDArray[np.bool_]]:
    """The least distance of every sum below `size`, and whether the caps of levels 0..l that make it, with the cap of l at most c,
    have just c there: taken[l, c, s].
    """
    levels, caps = table.shape
    most = np.zeros(caps, np.int64)  # of a sum whose caps are at most so high
    best = np.full((caps, size), FAR)
    best[:, 0] = 0
    taken = np.zeros((levels, caps, size), np.bool_)
    for level in range(levels):
        for cap in range(caps):
            step, cost = table[level, cap], price[level, cap]
            most[cap] += step
            for total in range(min(size - 1, most[cap]), -1, -1):  # downwards: below stands what the levels before can do
                found = best[cap, total - step] + cost if total >= step else FAR
                if cap > 0 and best[cap - 1, total] <= found:
                    found = best[cap - 1, total]
                else:
                    taken[level, cap, total] = True
                best[cap, total] = min(found, FAR)
    return best[caps - 1], taken


def _back(table: Whole, taken: npt.NDArray[np.bool_], total: int) -> Whole:
    """The caps that make the sum `total`."""
    out, cap = np.zeros(len(table), np.int64), table.shape[1] - 1
    for level in range(len(table) - 1, -1, -1):
        while not taken[level, cap, total]:
            cap -= 1
        out[level] = cap
        total -= int(table[level, cap])
    return out


def figures(chosen: Caps, need: Need, expected: Floats) -> pd.DataFrame:
    """What caps come to, by level (a row each, the lowest first): cap, line, retailers, released (Σ cap, double where visits are every
    second week), expected (taken up), need, take_up (expected ÷ released), covered (share of retailers with a cap above 0), whole_need
    (share of the need that is of retailers whose whole need is within the cap), fulfilment (need within the cap ÷ need). Missing
    where there is nothing below the line.
    """
    rows = np.arange(len(chosen.cap))
    at = (rows, chosen.cap)
    sums = pd.DataFrame({
        "retailers": need.retailers, "released": chosen.cap * need.doubles, "expected": expected[at], "need": need.need,
        "with_cap": np.where(chosen.cap > 0, need.retailers, 0), "whole": need.whole[at], "within": need.within[at],
    })  # fmt: skip
    return pd.concat([pd.DataFrame({"cap": chosen.cap, "line": chosen.line}), rates(sums)], axis=1)


SUMS = ("retailers", "released", "expected", "need", "with_cap", "whole", "within")
"""What the rates of figures are made of; they add up over levels."""


def rates(sums: pd.DataFrame) -> pd.DataFrame:
    """The rates of `figures` from sums, which are kept: ratios of sums, missing where there is nothing below the line."""
    ratios = {
        "take_up": ("expected", "released"),
        "covered": ("with_cap", "retailers"),
        "whole_need": ("whole", "need"),
        "fulfilment": ("within", "need"),
    }
    return sums.assign(**{name: sums[over] / sums[under].where(sums[under] > 0) for name, (over, under) in ratios.items()})


@dataclass(frozen=True)
class Step:
    """One carton more or less for one level (row), caps still monotone: how many cartons that moves, and what is then missed."""

    row: int
    released: int
    expected: float
    residual: float


def step(cap: Whole, need: Need, expected: Floats, plan: int, ladder: Whole, by: int) -> Step | None:
    """The next best caps with one step of the ladder more (`by` 1) or less (−1) for one level: of all levels that allow it, the one that
    leaves expected take-up nearest to the plan, ties to the lower level. None where no level allows it.
    """
    total, best = float(expected[np.arange(len(cap)), cap].sum()), None
    at = np.searchsorted(ladder, cap) + by
    bounds = np.concatenate([[0], cap, [ladder[-1]]])
    for row in np.flatnonzero((at >= 0) & (at < len(ladder)) & (need.retailers > 0)):
        new = int(ladder[at[row]])
        if not bounds[row] <= new <= bounds[row + 2]:
            continue
        moved = float(expected[row, new] - expected[row, cap[row]])
        found = Step(int(row), (new - int(cap[row])) * int(need.doubles[row]), moved, total + moved - plan)
        if best is None or abs(found.residual) < abs(best.residual):
            best = found
    return best
