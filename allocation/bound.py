"""How many cartons could be handed out at all, whoever got them: what coupled.py reaches of it is the price of fairness and choice.

Cartons flow from retailers, each with what its total leaves, through the pairs to brands with their supply. No more can flow than
through any cut, and of cuts only the choice of brands matters: those in a set S count by their supply, and every retailer by its total
or by what it wants of the other brands, whichever is less:

    handed out <= sum of supply over S + sum over retailers of min(total, wanted of the brands outside S)

The least of all cuts is the most that can flow (Ford & Fulkerson 1956). Sets are improved brand by brand until no single brand
improves them; whatever is found is a bound, and benchmarks/allocation.py says how far above the least it was.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from allocation.fill import Array, Int


def most(offsets: npt.ArrayLike, wanted: npt.ArrayLike, retailer: npt.ArrayLike, total: npt.ArrayLike, supply: npt.ArrayLike) -> int:
    """An upper bound on the cartons that any allocation could hand out.

    Claims of brand g are rows offsets[g] to offsets[g + 1]: cartons `wanted` of the row's `retailer`, whose place it is in `total`,
    the cartons that each retailer's total leaves. `supply` in cartons, below 0 where there is no limit.
    """
    at, want = np.asarray(offsets, np.int64), np.asarray(wanted, np.int32)
    who, totals, there = np.asarray(retailer, np.int32), np.asarray(total, np.int64), np.asarray(supply, np.int64)
    asked = np.diff(np.append(0, np.cumsum(want, dtype=np.int64))[at])
    limited = there >= 0
    starts = limited & (there < asked), np.zeros(len(there), bool)
    return min(_least(at, want, who, totals, there, limited, inside) for inside in starts)


@numba.njit(cache=True, nogil=True)
def _least(offsets: Array, want: Array, retailer: Array, total: Array, supply: Array, limited: Array, start: Array) -> Int:
    """The cut of the set `start`, improved brand by brand."""
    outside, inside, value = np.zeros(len(total), np.int64), start.copy(), np.int64(0)
    for g in range(len(supply)):
        if inside[g]:
            value += supply[g]
        else:
            for i in range(offsets[g], offsets[g + 1]):
                outside[retailer[i]] += want[i]
    for r in range(len(total)):
        value += min(total[r], outside[r])
    better = True
    while better:
        better = False
        for g in range(len(supply)):
            sign = np.int64(1) if inside[g] else np.int64(-1)  # out of the set, or into it
            gain = np.int64(0)
            for i in range(offsets[g], offsets[g + 1]):
                r = retailer[i]
                gain += min(total[r], outside[r] + sign * want[i]) - min(total[r], outside[r])
            gain -= sign * supply[g]
            if limited[g] and gain < 0:
                value, inside[g], better = value + gain, not inside[g], True
                for i in range(offsets[g], offsets[g + 1]):
                    outside[retailer[i]] += sign * want[i]
    return value
