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

    `lines`: order_id, retailer_id, owner_id (the first licence of its owner), order_date, allocated, weight (thousandths) and ticket of
    the owner, own_weight of the licence, reason, fixed (True: delivered, it cannot give back, and counts as its owner's first units). An
    owner's lines share what it keeps in the order of their days, its licences a day's cartons by the rule, as in `licences`; a licence's
    lines of a day in the order of their ids. Nobody gets more.
    """
    ordered = lines.sort_values(["owner_id", "order_date", "retailer_id", "order_id"])
    allocated, fixed = ordered["allocated"].to_numpy(np.int64), ordered["fixed"].to_numpy(bool)
    ids, of_line = np.unique(ordered["owner_id"].to_numpy(str), return_inverse=True)
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
    out = _in_turn(allocated, fixed, of_line, units.astype(np.int64) * pack)
    out = _by_licence(
        ordered.assign(shift=ordered["ticket"] - hashed[of_line].astype(np.int64)), brand_id, out, pack=pack, lot=lot, salt=salt
    )
    reason = np.where(out < allocated, _reasons(int(solved[0]), weight, -(-kept // pack) + units)[of_line], ordered["reason"].astype("str"))
    level = float(fill.published(solved)[0]) if solved[0] != UNLIMITED else float("nan")
    return Recalled(
        pd.Series(out, ordered.index).reindex(lines.index),
        pd.Series(reason, ordered.index).reindex(lines.index),
        level,
        max(int(kept.sum()) - supply, 0),
    )


def _in_turn(allocated: Whole, fixed: npt.NDArray[np.bool_], of_line: Whole, room: Whole) -> Whole:
    """What each line keeps where those of one claimant take what it keeps, its `room` (cartons), one after the other."""
    out, left = allocated.copy(), room.copy()
    for row in np.flatnonzero(~fixed):
        out[row] = min(allocated[row], left[of_line[row]])
        left[of_line[row]] -= out[row]
    return out


def _by_licence(ordered: pd.DataFrame, brand_id: str, out: Whole, *, pack: int, lot: int, salt: str) -> Whole:
    """`out`, with what several licences of one owner keep of a day shared anew among them: each with its own weight and ticket.

    `shift`: by how much the week's turns moved the owner's ticket, and so that of each licence, from its hash.
    """
    loose = ordered.assign(kept=out, row=np.arange(len(out)))[~ordered["fixed"].to_numpy(bool)]
    loose = loose[loose.groupby(["owner_id", "order_date"])["retailer_id"].transform("nunique") > 1]
    if loose.empty:
        return out
    day = loose.groupby(["owner_id", "order_date"], sort=False).ngroup().to_numpy()
    licence = loose.groupby(["owner_id", "order_date", "retailer_id"], sort=False).ngroup().to_numpy()
    first = np.unique(licence, return_index=True)[1]
    shops, at = list(loose["retailer_id"].astype("str").iloc[first]), np.arange(len(first))
    hashed = hashing.first_words(shops, [brand_id], at, np.zeros(len(at), np.int64), salt)
    ticket = (hashed + loose["shift"].to_numpy(np.int64)[first]) % fill.ONE
    units, _ = fill.fill(
        np.searchsorted(day[first], np.arange(day.max() + 2)),
        np.bincount(licence, loose["allocated"]).astype(np.int64) // pack,
        loose["own_weight"].to_numpy(np.int64)[first],
        ticket.astype(np.uint32),
        hashed,
        np.bincount(day, loose["kept"]).astype(np.int64) // pack,
        lot=np.full(day.max() + 1, -(-lot // pack)),
    )
    shared, free = out.copy(), np.zeros(len(loose), bool)
    shared[loose["row"]] = _in_turn(loose["allocated"].to_numpy(np.int64), free, licence, units.astype(np.int64) * pack)
    return shared


def _reasons(threshold: int, weight: Whole, units: Whole) -> npt.NDArray[np.str_]:
    """Why each claimant gave back: the level, or the ticket that decided its odd unit."""
    whole, fraction = fill.line(np.full(len(weight), max(threshold, 0)), weight)
    lost = (units == whole) & fraction
    return np.where(lost, str(Reason.TURN_LOST), np.where(units > whole, str(Reason.TURN_WON), str(Reason.LEVEL)))
