"""Totals over brands: band cap, monthly total quota, day limit.

Each retailer's lines are served in the order of the pair's estimated demand, the largest first, ties by brand, and what a line takes
is gone for the next. This happens before brands share their supply, so a total is never exceeded, but what a tight brand then does
not deliver is not offered to the retailer's other brands. Estimated demand, not the request, decides: asking for more of a brand
must not move it ahead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from allocation.bounds import Bounds
from ordering.model import Reason

TOTALS = (Reason.BAND_CAP, Reason.QUOTA_TOTAL, Reason.DAY_LIMIT)


def cut(bounds: Bounds, demand: npt.NDArray[np.float64]) -> Bounds:
    """The bounds after the totals over brands; `demand` is each row's estimated weekly demand, cartons."""
    rank = np.empty(len(bounds.order), np.int64)
    rank[bounds.order] = np.arange(len(bounds.order))
    order = np.lexsort((rank, -demand, bounds.rows["retailer"]))  # rank settles ties: brand, order day, order
    for reason in TOTALS:
        bounds = bounds.cut(reason, order)
    return bounds
