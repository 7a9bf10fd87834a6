"""The limits that lines share: star cap and quota of a brand; band cap, monthly total quota and day limit over brands.

Each retailer's lines are served in the order of the pair's estimated demand, the largest first, ties by brand, and what a line takes
is gone for the next, under every limit at once: a line cut by the day limit leaves its part of the star cap to the brand's next order
day. This happens before brands share their supply, so a limit is never exceeded, but what a tight brand then does not deliver is not
offered to the retailer's other brands. Estimated demand, not the request, decides: asking for more of a brand must not move it ahead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from allocation.bounds import COLUMNS, Bounds


def cut(bounds: Bounds, demand: npt.NDArray[np.float64]) -> Bounds:
    """The bounds after all limits that lines share; `demand` is each row's estimated weekly demand, cartons."""
    rank = np.empty(len(bounds.order), np.int64)
    rank[bounds.order] = np.arange(len(bounds.order))
    order = np.lexsort((rank, -demand, bounds.rows["owner"]))  # rank settles ties: brand, order day, order
    return bounds.cut(tuple(COLUMNS), order)
