"""The two compiled steps of coupled.py: retailers take what they are offered, brands that are asked for too much offer less.

A brand's cut-off is a place (L, hash, id) in the list of its units, and a claim is offered those of its units that lie at or before it.
"""

from __future__ import annotations

import numba
import numpy as np

from allocation import fill
from allocation.fill import UNLIMITED, Array, Int


@numba.njit(cache=True, nogil=True)
def one_total(starts: Array, groups: Array) -> bool:
    """Whether there is one limit, and all lines of a retailer count towards one group of it."""
    if len(groups) != 1:
        return False
    for r in range(len(starts) - 1):
        for row in range(starts[r] + 1, starts[r + 1]):
            if groups[0, row] != groups[0, row - 1]:
                return False
    return True


@numba.njit(cache=True, nogil=True)
def _fit(row: Int, end: Int, want: Array, groups: Array, pack: Array, lot: Array, free: Array, most: Array, by: Array) -> Int:
    """What the limits leave of the lines `row` to `end` of one claim, line after line, into `most` and out of `free`; their sum."""
    whole, packs, lots = np.int64(0), 1 if len(pack) > 1 else 0, 1 if len(lot) > 1 else 0
    for line in range(row, end):
        size, fits, cut = np.int64(pack[line * packs]), np.int64(want[line]), -1
        for limit in range(len(groups)):
            left = free[groups[limit, line]]
            if fits * size > left:
                fits, cut = left // size if size > 1 else left, limit
                if fits < lot[line * lots]:
                    fits = np.int64(0)
        for limit in range(len(groups)):
            free[groups[limit, line]] -= fits * size
        most[line], by[line] = fits, cut
        whole += fits
    return whole


@numba.njit(cache=True, nogil=True)
def _take(row: Int, end: Int, offer: Int, groups: Array, pack: Array, lot: Array, free: Array, most: Array, got: Array) -> Int:
    """What the lines of one claim take of its offer, the first line first; what they leave of `most` goes back to `free`."""
    rest, packs, lots = np.int64(offer), 1 if len(pack) > 1 else 0, 1 if len(lot) > 1 else 0
    for line in range(row, end):
        take = min(np.int64(most[line]), rest)
        if take < lot[line * lots]:
            take = np.int64(0)
        if take < most[line]:
            for limit in range(len(groups)):
                free[groups[limit, line]] += (most[line] - take) * pack[line * packs]
        got[line] = take
        rest -= take
    return offer - rest


@numba.njit(cache=True, nogil=True)
def _refill(row: Int, end: Int, groups: Array, left: Array, free: Array) -> None:
    """All that the limits of the lines `row` to `end` have left is free again."""
    for limit in range(len(groups)):
        for line in range(row, end):
            free[groups[limit, line]] = left[groups[limit, line]]


@numba.njit(cache=True, nogil=True)
def choose(
    first: Int, last: Int, stale: Array, starts: Array, claim: Array, want: Array, groups: Array, left: Array,
    pack: Array, lot: Array, offer: Array, free: Array, most: Array, by: Array, got: Array, room: Array, units: Array,
) -> None:  # fmt: skip
    """Retailers `first` to `last` that are `stale` take anew, line after line in their order of preference, and are stale no longer.

    Into `room` goes what a claim's limits would let it have if its offer had no end, into `units` what it takes.
    """
    packs, lots = 1 if len(pack) > 1 else 0, 1 if len(lot) > 1 else 0
    for r in range(first, last):
        if not stale[r]:
            continue
        stale[r] = False
        row, last_row = starts[r], starts[r + 1]
        _refill(row, last_row, groups, left, free)
        while row < last_row:
            i, end = claim[row], row + 1
            while end < last_row and claim[end] == i:
                end += 1
            if end > row + 1:
                room[i] = _fit(row, end, want, groups, pack, lot, free, most, by)
                units[i] = _take(row, end, offer[i], groups, pack, lot, free, most, got)
            else:  # the same for a single line: to call costs more than to do
                size, least, fits, cut = np.int64(pack[row * packs]), lot[row * lots], np.int64(want[row]), -1
                for limit in range(len(groups)):
                    rest = free[groups[limit, row]]
                    if fits * size > rest:
                        fits, cut = rest // size if size > 1 else rest, limit
                        fits = fits if fits >= least else np.int64(0)
                take = min(fits, np.int64(offer[i]))
                take = take if take >= least else np.int64(0)
                for limit in range(len(groups)):
                    free[groups[limit, row]] -= take * size
                most[row], by[row], got[row], room[i], units[i] = fits, cut, take, fits, take
            row = end


@numba.njit(cache=True, nogil=True)
def choose_by_totals(
    first: Int, last: Int, fresh: bool, stale: Array, starts: Array, claim: Array, want: Array, group: Array, left: Array, offer: Array,
    room: Array,
) -> None:  # fmt: skip
    """`choose` where every claim is one line of single cartons under one total, with nothing told of lines, in a third of the time.

    Offers only fall, so what a total leaves of a line only grows: where nothing is left, nothing was, and all after is as it was.
    """
    for r in range(first, last):
        if not stale[r]:
            continue
        stale[r] = False
        free = left[group[starts[r]]] if starts[r] < starts[r + 1] else np.int64(0)
        for row in range(starts[r], starts[r + 1]):
            if free == 0 and not fresh:
                break
            i = claim[row]
            fits = min(np.int64(want[row]), free)
            room[i] = fits
            free -= min(fits, np.int64(offer[i]))


@numba.njit(cache=True, nogil=True)
def find_coupled(first: Int, last: Int, starts: Array, claim: Array, want: Array, room: Array, retailer: Array, coupled: Array) -> None:
    """Which retailers have a line that a limit cuts, the others never need to choose again; and whose every claim is."""
    for r in range(first, last):
        whole = np.int64(0)
        for row in range(starts[r], starts[r + 1]):
            i = claim[row]
            retailer[i] = r
            whole += want[row]
            if row + 1 == starts[r + 1] or claim[row + 1] != i:
                coupled[r] = coupled[r] or room[i] < whole
                whole = np.int64(0)


@numba.njit(cache=True, nogil=True)
def _all_units(level: Int, use: Array, weight: Array, ticket: Array, held: Array, lot: Int, wide: bool, into: Array) -> None:
    """`fill.units_upto` of every claim; apart for narrow numbers, where it can be done for many at a time."""
    if wide:
        for i in range(len(use)):
            into[i] = fill.units_upto(level, use[i], weight[i], ticket[i], held[i], lot, True)
    else:
        for i in range(len(use)):
            into[i] = fill.units_upto(level, use[i], weight[i], ticket[i], held[i], lot, False)


@numba.njit(cache=True, nogil=True)
def _cut_off(
    asked: Array, total: Int, weight: Array, ticket: Array, tiebreak: Array, held: Array, supply: Int, lot: Int, top: Int,
    low: Array, high: Array,
) -> tuple[Int, Int, Int, bool]:  # fmt: skip
    """Up to where the supply reaches (of lots: up to the first misfit): L, hash and row (nothing of L where hash is -1), and `wide`."""
    if supply == 0:
        return np.int64(0), np.int64(-1), np.int64(-1), False
    if lot == 1:
        lo, hi, below, above, wide = fill.bracket(supply, total, asked, weight, ticket, held, lot, fill.FEW, top)
        at, tie, row = _place(lo, hi, supply - below, above - below, asked, weight, ticket, tiebreak, held, wide, low, high)
        return at, tie, row, wide
    lo, hi, below, above, wide = fill.bracket(supply + 1, total, asked, weight, ticket, held, lot, 0, UNLIMITED)
    given, tie, row = np.empty(len(asked), np.int32), np.int64(-1), np.int64(-1)  # hi is the first unit that no longer fits
    fill.hand_out(hi, supply, asked, weight, ticket, tiebreak, held, lot, wide, given)
    for i in range(len(asked)):
        if given[i] > 0 and tiebreak[i] >= tie and given[i] > fill.units_upto(hi - 1, asked[i], weight[i], ticket[i], held[i], lot, wide):
            tie, row = np.int64(tiebreak[i]), np.int64(i)
    return hi, tie, row, wide


@numba.njit(cache=True, nogil=True)
def _place(
    lo: Int, hi: Int, wanted: Int, between: Int, asked: Array, weight: Array, ticket: Array, tiebreak: Array, held: Array, wide: bool,
    low: Array, high: Array,
) -> tuple[Int, Int, Int]:  # fmt: skip
    """The place (L, hash, row) of the `wanted`-th of the `between` units whose thresholds lie in (lo, hi]."""
    level, row, n = np.empty(between, np.int64), np.empty(between, np.int64), 0
    _all_units(lo, asked, weight, ticket, held, 1, wide, low)
    _all_units(hi, asked, weight, ticket, held, 1, wide, high)
    for i in range(len(asked)):
        if high[i] > low[i]:
            for k in range(low[i] + 1, high[i] + 1):
                level[n], row[n] = fill.threshold_of(held[i] + k, ticket[i], weight[i]), i
                n += 1
    at, before = np.sort(level)[wanted - 1], 0
    for n in range(between):
        before += 1 if level[n] < at else 0
    tied = row[level == at]
    last_row = tied[np.argsort(tiebreak[tied], kind="mergesort")[wanted - 1 - before]]  # stable: equal hashes by row
    return at, np.int64(tiebreak[last_row]), last_row


@numba.njit(cache=True, nogil=True)
def _offer(
    at: Int, tie: Int, row: Int, wide: bool, asked: Array, weight: Array, ticket: Array, tiebreak: Array, held: Array, lot: Int,
    retailer: Array, coupled: Array, offer: Array, stale: Array, low: Array, high: Array,
) -> None:  # fmt: skip
    """Offers cut off behind (at, tie, row); retailers who lose a unit by that, and whom a limit couples, become stale."""
    _all_units(at, offer, weight, ticket, held, lot, wide, high)
    _all_units(at - 1, offer, weight, ticket, held, lot, wide, low)
    for i in range(len(offer)):
        within = (tiebreak[i] < tie) | ((tiebreak[i] == tie) & (i <= row))
        offer[i] = high[i] if within else low[i]
    for i in range(len(offer)):
        if offer[i] < asked[i] and coupled[retailer[i]]:
            stale[retailer[i]] = True


@numba.njit(cache=True, nogil=True)
def lower(
    first: Int, last: Int, offsets: Array, weight: Array, ticket: Array, tiebreak: Array, held: Array, supply: Array, lots: Array,
    retailer: Array, coupled: Array, room: Array, offer: Array, stale: Array, levels: Array, lowered: Array,
) -> None:  # fmt: skip
    """Brands `first` to `last` lower their cut-offs until what is asked of them fits their supply."""
    most = np.int64(0)
    for g in range(first, last):
        most = max(most, offsets[g + 1] - offsets[g])
    spare = np.empty((3, most), np.int32)  # once for all: to find fresh memory costs as much as to fill it
    for g in range(first, last):
        lowered[g] = False
        if supply[g] < 0:
            continue
        rows, lot, total = slice(offsets[g], offsets[g + 1]), max(int(lots[g]), 1), np.int64(0)
        count, wanted, offered = offsets[g + 1] - offsets[g], room[rows], offer[rows]
        asked, low, high = spare[0, :count], spare[1, :count], spare[2, :count]
        for i in range(count):
            take = min(wanted[i], offered[i])
            asked[i] = take if take >= lot else 0
            total += asked[i]
        if total <= supply[g]:
            continue
        w, t, b, d = weight[rows], ticket[rows], tiebreak[rows], held[rows]
        levels[g], tie, row, wide = _cut_off(asked, total, w, t, b, d, supply[g], lot, levels[g], low, high)
        _offer(levels[g], tie, row, wide, asked, w, t, b, d, lot, retailer[rows], coupled, offered, stale, low, high)
        lowered[g] = True


@numba.njit(cache=True, nogil=True)
def last_handed_out(g: Int, offsets: Array, weight: Array, ticket: Array, held: Array, units: Array) -> Int:
    """The threshold of the last unit that brand `g` handed out, 0 where it handed out none."""
    last = np.int64(0)
    for i in range(offsets[g], offsets[g + 1]):
        if units[i] > 0:
            last = max(last, fill.threshold_of(np.int64(held[i]) + units[i], ticket[i], weight[i]))
    return last
