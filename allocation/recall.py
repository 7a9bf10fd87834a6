"""Who gives back when a week's supply turns out smaller than what was confirmed: the rule decides again, with what was given as claims.

The units of all claimants stand in one list that requests cannot reorder (see `fill`), and what was confirmed is its front. With less
supply the front is shorter: the same cartons would have been given had the supply been known, whatever order the records stand in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import fill, hashing
from allocation.fill import UNLIMITED
from allocation.limits import Whole
from ordering.model import Reason


@dataclass(frozen=True)
class Recalled:
    """What each line keeps, in the order of the lines: `allocated` cartons and `reason`; the `level` of the week from now on, NaN where
    nobody gives back; and `missing`: cartons that lines which cannot give back have beyond the supply.
    """

    allocated: pd.Series
    reason: pd.Series
    level: float
    missing: int


def recall(lines: pd.DataFrame, brand_id: str, *, supply: int, pack: int, lot: int, salt: str) -> Recalled:
    """What lines of one brand and week keep of what they were given, where `supply` cartons are there for all of them.

    `lines`: order_id, retailer_id, order_date, allocated, weight (thousandths), ticket, reason, fixed (True: delivered, it cannot give
    back, and counts as its retailer's first units). A retailer's lines share what it keeps in the order of their days. Nobody gets more.
    """
    ordered = lines.sort_values(["retailer_id", "order_date", "order_id"])
    allocated, fixed = ordered["allocated"].to_numpy(np.int64), ordered["fixed"].to_numpy(bool)
    ids, of_line = np.unique(ordered["retailer_id"].to_numpy(str), return_inverse=True)
    first = np.unique(of_line, return_index=True)[1]
    kept = np.bincount(of_line, allocated * fixed, len(ids)).astype(np.int64)
    loose = np.bincount(of_line, allocated * ~fixed, len(ids)).astype(np.int64)
    weight, ticket = (ordered[name].to_numpy(np.int64)[first] for name in ("weight", "ticket"))
    hashed = hashing.first_words(list(ids), [brand_id], np.arange(len(ids)), np.zeros(len(ids), np.int64), salt)
    left = max(supply - int(kept.sum()), 0)
    units, solved = fill.fill(
        [0, len(ids)],
        loose // pack,
        weight,
        ticket.astype(np.uint32),
        hashed,
        [left // pack],
        taken=-(-kept // pack),
        lot=[-(-lot // pack)],
    )
    room = units.astype(np.int64) * pack
    out = allocated.copy()
    for row in np.flatnonzero(~fixed):
        out[row] = min(allocated[row], room[of_line[row]])
        room[of_line[row]] -= out[row]
    reason = np.where(out < allocated, _reasons(int(solved[0]), weight, -(-kept // pack) + units)[of_line], ordered["reason"].astype("str"))
    level = float(fill.published(solved)[0]) if solved[0] != UNLIMITED else float("nan")
    return Recalled(
        pd.Series(out, ordered.index).reindex(lines.index),
        pd.Series(reason, ordered.index).reindex(lines.index),
        level,
        max(int(kept.sum()) - supply, 0),
    )


def _reasons(threshold: int, weight: Whole, units: Whole) -> npt.NDArray[np.str_]:
    """Why each claimant gave back: the level, or the ticket that decided its odd unit."""
    whole, fraction = fill.line(np.full(len(weight), max(threshold, 0)), weight)
    lost = (units == whole) & fraction
    return np.where(lost, str(Reason.TURN_LOST), np.where(units > whole, str(Reason.TURN_WON), str(Reason.LEVEL)))
