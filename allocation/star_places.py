"""Who gets which level: places by forced shares, filled in the order of the scores, nobody further from its anchor than the steps allow.

The best score chooses first and takes the highest level within its steps that leaves everybody after it a place within theirs; then
the next. So a better score never gives a lower level, and anyone can follow the choice on paper. Steps and places are bounds of nested
sets (everybody with an anchor of at least a), so whether the rest still fits is told by one pass over the levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]


class Places(NamedTuple):
    """Levels 1 and up by row; `steps`: the most that anybody may move; `off`: places by which a level may depart from its share."""

    level: Whole
    steps: int
    off: int


def places(shares: Sequence[float], retailers: int) -> Whole:
    """Retailers of each level, from the lowest up, for shares in percent: by largest remainder, of equal ones the lower level's first."""
    exact = np.asarray(shares, np.float64) * retailers / 100
    whole = np.floor(exact + 1e-9).astype(np.int64)
    rest = np.argsort(-np.round(exact - whole, 9), kind="stable")[: retailers - int(whole.sum())]
    whole[rest] += 1
    return whole


def by_rank(order: Whole, wanted: Whole) -> Whole:
    """The level of each row by rank alone; `order` are rows from the best on."""
    level = np.empty(len(order), np.int64)
    level[order] = np.repeat(np.arange(len(wanted), 0, -1), wanted[::-1])
    return level


def fill(order: Whole, anchor: Whole, wanted: Whole, *, most_steps: int, most_off: int) -> Places:
    """Levels with as few steps more than `most_steps`, then as few places off `wanted`, as there must be.

    `order`: rows from the best on; `anchor`: each row's level so far, 1 and up; `wanted`: places of each level. Shares give way first,
    up to `most_off` places in each level; where that is not enough, the steps are made more for everybody alike.
    """
    top = len(wanted)
    anchor = np.clip(anchor, 1, top)
    held = np.bincount(anchor, minlength=top + 1)[::-1].cumsum()[::-1][1:]  # with an anchor of 1, 2, … at least
    for steps in range(min(most_steps, top), top + 1):
        off = next((off for off in range(most_off + 1) if _fits(held, np.maximum(wanted - off, 0), wanted + off, steps)), None)
        if off is not None:
            return Places(_choose(order, anchor, held.copy(), np.maximum(wanted - off, 0), wanted + off, steps), steps, off)
    raise ValueError(f"{len(order)} rows do not fill {int(wanted.sum())} places")


def most_off(tolerance: float, retailers: int) -> int:
    """Places by which a level may depart from its rounded share and still lie within `tolerance` points of its exact one."""
    return max(int(tolerance * retailers / 100) - 1, 0)


@numba.njit(cache=True, nogil=True)
def _fits(held: Whole, low: Whole, high: Whole, steps: int) -> bool:
    """Whether those left, `held[a - 1]` of them with an anchor of at least a, can fill `low` to `high` places of each level.

    From the top down, the least and the most that can stand in a level or above it: those whose steps let them no lower, and those
    whose steps let them so high.
    """
    top = len(held)
    least, most = 0, 0
    for level in range(top, 0, -1):
        must = held[0] if level == 1 else (held[level + steps - 1] if level + steps <= top else 0)
        may = held[max(level - steps, 1) - 1]
        least, most = max(least + low[level - 1], must), min(most + high[level - 1], may)
        if least > most:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _choose(order: Whole, anchor: Whole, held: Whole, low: Whole, high: Whole, steps: int) -> Whole:
    """The level of each row; `held`, `low` and `high` are used up."""
    top = len(held)
    level = np.zeros(len(order), np.int64)
    for row in order:
        held[: anchor[row]] -= 1
        for one in range(min(anchor[row] + steps, top), max(anchor[row] - steps, 1) - 1, -1):
            if high[one - 1] == 0:
                continue
            spare = low[one - 1] > 0
            high[one - 1] -= 1
            low[one - 1] -= spare
            if _fits(held, low, high, steps):
                level[row] = one
                break
            high[one - 1] += 1
            low[one - 1] += spare
    return level
