"""Limits over several lines: who comes first takes first. Compiled, because lines that share a limit depend on each other."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]


def cut(order: Whole, groups: Small, want: Whole, left: Small, pack: Whole, lot: Whole) -> tuple[Whole, npt.NDArray[np.int8]]:
    """What each line may take of all its limits together, and the limit that cut it last, so the smallest; -1 where none did.

    `order` are row numbers, who comes first takes first. `groups` and `left` have a row for each limit and a column for each line:
    the number of the line's group, of no other limit, and what that group has left (the same for all its lines). A line takes whole
    packs, and nothing below its lot; what it cannot take, by whichever limit, it leaves in every one of them to the next lines.
    """
    return _cut(order, groups, want, left, pack, lot, int(groups.max(initial=-1)) + 1)


@numba.njit(cache=True, nogil=True)
def _cut(order: Whole, groups: Small, want: Whole, left: Small, pack: Whole, lot: Whole, most: int) -> tuple[Whole, npt.NDArray[np.int8]]:
    got, by, used = np.zeros(len(want), np.int64), np.full(len(want), -1, np.int8), np.zeros(most, np.int64)
    for row in order:
        take = want[row]
        for limit in range(len(groups)):
            room = max(left[limit, row] - used[groups[limit, row]], 0)
            fits = take if take <= room else room // pack[row] * pack[row]
            if fits < lot[row]:
                fits = 0
            if fits < take:
                take, by[row] = fits, limit
        for limit in range(len(groups)):
            used[groups[limit, row]] += take
        got[row] = take
    return got, by
