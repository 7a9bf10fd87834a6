"""One limit over several lines: who comes first takes first. Compiled, because lines of one limit depend on each other."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


def cut(
    order: npt.NDArray[np.int64],
    group: npt.NDArray[np.int64],
    want: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    pack: npt.NDArray[np.int64],
    lot: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """What each line may take of the limit of its group: whole packs, nothing below its lot, first come in `order`.

    `order` are row numbers, `group` is a number per row, `left` what the row's group has left (the same for all its rows).
    A line that finds less than it wants takes what is there, and what it cannot take is left for the next ones.
    """
    return _cut(order, group, want, left, pack, lot, int(group.max(initial=-1)) + 1)


@numba.njit(cache=True, nogil=True)
def _cut(order, group, want, left, pack, lot, groups):  # type: ignore[no-untyped-def]
    got, used = np.zeros(len(want), np.int64), np.zeros(groups, np.int64)
    for row in order:
        room = max(left[row] - used[group[row]], 0)
        take = want[row] if want[row] <= room else room // pack[row] * pack[row]
        if take < lot[row]:
            continue
        got[row] = take
        used[group[row]] += take
    return got
