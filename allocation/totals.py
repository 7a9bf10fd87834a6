"""The limits that lines share: star cap and quota of a brand; band cap, monthly total quota and day limit over brands.

Each owner's lines are served in the order of the pair's estimated demand, the largest first, ties by brand, and what a line takes is gone
for the next, under every limit at once: a line cut by the day limit leaves its part of the star cap to the brand's next order day.
Estimated demand, not the request, decides: asking for more of a brand must not move it ahead. Where brands have a supply to share,
handing_out.py does the same with what their cut-offs leave; `cut` is for suggestions, which know no supply.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from allocation.bounds import COLUMNS, Bounds
from allocation.limits import WIDTH, Whole


def cut(bounds: Bounds, demand: npt.NDArray[np.float64]) -> Bounds:
    """The bounds after all limits that lines share; `demand` is each row's estimated weekly demand, cartons."""
    return bounds.cut(tuple(COLUMNS), preferred(bounds, demand))


def preferred(bounds: Bounds, demand: npt.NDArray[np.float64]) -> Whole:
    """Row numbers by owner, and of an owner in the order in which its lines share, those of one brand side by side."""
    rank = np.empty(len(bounds.order), np.int64)
    rank[bounds.order] = np.arange(len(bounds.order))
    pair = bounds.rows["owner"].to_numpy() * WIDTH + bounds.rows["brand"].to_numpy()
    _, at = np.unique(pair, return_inverse=True)
    most = np.full(at.max(initial=-1) + 1, -np.inf)
    np.maximum.at(most, at, demand)
    return np.lexsort((rank, -most[at], bounds.rows["owner"]))  # rank settles ties: brand, order day, order
