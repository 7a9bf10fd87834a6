"""Holds: which lines are not to be given anything on their day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation.limits import Rows, Whole
from ordering.frames import Snapshot
from ordering.model import ALL


@dataclass(frozen=True)
class Holds:
    """The holds of a city by retailer: those of row r are begin[r] to begin[r + 1]; `brand` -1 stands for all, days are since 1970."""

    begin: Whole
    brand: Whole
    first: Whole
    last: Whole

    def on(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which rows (`numbered`) fall under a hold: of the retailer, for the brand or for all, on the order day, both ends included."""
        out, retailer = np.zeros(len(rows["retailer"]), bool), np.asarray(rows["retailer"], np.int64)
        count = self.begin[retailer + 1] - self.begin[retailer]
        if not count.any():
            return out
        row = np.repeat(np.arange(len(out)), count)
        at = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(self.begin[retailer], count)
        brand, day = np.asarray(rows["brand"], np.int64)[row], np.asarray(rows["day"], np.int64)[row]
        met = ((self.brand[at] < 0) | (self.brand[at] == brand)) & (self.first[at] <= day) & (day <= self.last[at])
        out[row[met]] = True
        return out


def prepared(snapshot: Snapshot) -> Holds:
    """The holds of a snapshot."""
    rules = snapshot.holds
    brand = pd.Index(snapshot.brands["brand_id"]).get_indexer(pd.Index(rules["brand_id"].astype("str")))
    retailer = pd.Index(snapshot.retailers["retailer_id"]).get_indexer(pd.Index(rules["retailer_id"].astype("str")))
    first, last = (rules[end].to_numpy("datetime64[D]").astype(np.int64) for end in ("from", "to"))
    known = np.flatnonzero((retailer >= 0) & ((brand >= 0) | (rules["brand_id"] == ALL).to_numpy()))
    order = known[np.argsort(retailer[known], kind="stable")]
    begin = np.searchsorted(retailer[order], np.arange(len(snapshot.retailers) + 1))
    return Holds(begin, brand[order], first[order], last[order])
