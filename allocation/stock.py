"""What stands on a shelf on the order day: the latest count, or a guess, carried forward by receipts and estimated demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import limits
from allocation.limits import Whole
from ordering.frames import Snapshot, day

Floats = npt.NDArray[np.float64]

RECENT_WEEKS = 8
"""How long a stock count is carried forward, and how far back receipts are weighed where there is none."""


@dataclass(frozen=True)
class Shelf:
    """The shelves of pairs. `since`: the day from which each is reckoned; `counted`: what was counted on it, NaN where nobody did;
    `received`: cartons of orders from that day on; `on_hand`: cartons on the order day.
    """

    since: pd.DatetimeIndex
    counted: Floats
    received: Whole
    on_hand: Floats


def reckoned(snapshot: Snapshot, pair: Whole, rate: Floats, target: Floats, on: pd.DatetimeIndex) -> Shelf:
    """The shelf of each pair (limits.pairs) on its order day `on`: start + received since − demand since, never below 0.

    Start is the latest count of the last RECENT_WEEKS weeks. An order dated on the day of the count was delivered after it. Without a
    count the start is the `target`, RECENT_WEEKS weeks ago. `rate`: demand, cartons a week.
    """
    today = day(snapshot.business_date)
    since = today - pd.Timedelta(weeks=RECENT_WEEKS)
    counts = snapshot.stock_counts[(snapshot.stock_counts["counted_on"] >= since) & (snapshot.stock_counts["counted_on"] < today)]
    counts = counts.sort_values("counted_on", kind="stable").drop_duplicates(["retailer_id", "brand_id"], keep="last")
    latest = pd.DataFrame(
        {"on": counts["counted_on"].to_numpy(), "stock": counts["stock"].to_numpy(np.float64)}, index=limits.pairs(snapshot, counts)
    ).reindex(pair)
    start = latest["on"].fillna(since)
    got = snapshot.lines[snapshot.lines["order_date"] >= since]
    key = limits.pairs(snapshot, got)
    late = got["order_date"].to_numpy() >= pd.Series(start.to_numpy(), index=pair).reindex(key).fillna(since).to_numpy()
    received = limits.sums(pair, key, np.where(late, got["allocated"].to_numpy(np.int64, na_value=0), 0))
    weeks = (on.to_numpy() - start.to_numpy()) / np.timedelta64(7, "D")
    counted = latest["stock"].to_numpy()
    first = np.where(np.isnan(counted), target, counted)
    return Shelf(pd.DatetimeIndex(start), counted, received, np.maximum(first + received - rate * weeks, 0.0))
