"""What brands are left with once the cut-offs of coupled.py have come to rest, handed out to whoever still has room.

Nothing is, where limits are nested and units are single cartons. Compiled.
"""

from __future__ import annotations

import numba
import numpy as np

from allocation import fill
from allocation.fill import UNLIMITED, Array, Int


@numba.njit(cache=True, nogil=True)
def handed_out(offsets: Array, units: Array) -> Array:
    """Units of every brand."""
    total = np.zeros(len(offsets) - 1, np.int64)
    for g in range(len(total)):
        for i in range(offsets[g], offsets[g + 1]):
            total[g] += units[i]
    return total


@numba.njit(cache=True, nogil=True)
def _spare(row: Int, end: Int, want: Array, groups: Array, pack: Array, free: Array, got: Array, most: Int, keep: bool) -> Int:
    """How many units more, `most` at most, the lines of a claim can take by what all limits have free; taken where `keep`."""
    whole, packs = np.int64(0), 1 if len(pack) > 1 else 0
    more = np.zeros(end - row, np.int64)
    for line in range(row, end):
        size, fits = np.int64(pack[line * packs]), min(np.int64(want[line]) - got[line], most - whole)
        for limit in range(len(groups)):
            fits = min(fits, free[groups[limit, line]] // size)
        for limit in range(len(groups)):
            free[groups[limit, line]] -= fits * size
        more[line - row] = fits
        whole += fits
    for line in range(row, end):
        if keep:
            got[line] += more[line - row]
        else:
            for limit in range(len(groups)):
                free[groups[limit, line]] += more[line - row] * pack[line * packs]
    return whole


@numba.njit(cache=True, nogil=True)
def hand_out(
    g: Int, offsets: Array, weight: Array, ticket: Array, tiebreak: Array, held: Array, rest: Int, claim: Array, first_line: Array,
    want: Array, groups: Array, pack: Array, offer: Array, room: Array, free: Array, got: Array, units: Array, levels: Array,
) -> None:  # fmt: skip
    """What brand `g` has left over, `rest` units, by the plain rule to those who still have room for it under all their limits."""
    start, count, short = offsets[g], offsets[g + 1] - offsets[g], False
    more, ends = np.zeros(count, np.int32), np.zeros(count, np.int64)
    for i in range(start, start + count):
        end = first_line[i]
        while end < len(claim) and end >= 0 and claim[end] == i:
            end += 1
        ends[i - start] = end
        short = short or offer[i] < room[i]
        if end > 0:
            more[i - start] = _spare(first_line[i], end, want, groups, pack, free, got, np.int64(2**31 - 1), False)
    if not short:
        levels[g] = UNLIMITED
        return
    rows, given, level = slice(start, start + count), np.zeros(count, np.int32), np.full(1, UNLIMITED, np.int64)
    had = held[rows] + units[rows]
    at, left, lot = np.array([0, count]), np.array([rest]), np.ones(1, np.int32)
    fill.fill_groups(0, 1, at, more, weight[rows], ticket[rows], tiebreak[rows], had, left, lot, given, level)
    for n in range(count):
        if given[n] > 0:
            _spare(first_line[start + n], ends[n], want, groups, pack, free, got, np.int64(given[n]), True)
            units[start + n] += given[n]
            levels[g] = max(levels[g], fill.threshold_of(held[start + n] + units[start + n], ticket[start + n], weight[start + n]))
