"""What licences of one owner got together, shared among them by the same rule: each with its own weight and ticket."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, fill, greedy, limits
from allocation.bounds import CODE, Bounds
from allocation.limits import Whole
from ordering.frames import Snapshot
from ordering.model import Reason
from ordering.settings import AllocationSettings

OWN = (Reason.FULL, Reason.HOLD, Reason.PACK, Reason.MIN_LOT)
"""Reasons that concern a line by itself."""


def together(bound: Bounds) -> npt.NDArray[np.bool_]:
    """Lines whose owner has lines of the same brand and day under another licence."""
    owner, retailer, out = bound.rows["owner"].to_numpy(), bound.rows["retailer"].to_numpy(), np.zeros(len(bound.rows), bool)
    several = np.isin(owner, owner[owner != retailer])
    if several.any():
        of, count = _numbered(bound.rows[several])
        low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
        np.minimum.at(low, of, retailer[several])
        np.maximum.at(high, of, retailer[several])
        out[several] = (low < high)[of]
    return out


def shared(snapshot: Snapshot, bound: Bounds, allocated: Whole, turns: Whole, settings: AllocationSettings) -> Whole:
    """`allocated`, what licences of one owner got of a brand on a day shared anew among them. No limit of the owner moves by this."""
    at = np.flatnonzero(together(bound))
    if not len(at):
        return allocated
    rows, pack, lot = bound.rows.iloc[at], bound.pack[at], bound.lot[at]
    retailer, brand = rows["retailer"].to_numpy(), rows["brand"].to_numpy()
    group, groups = _numbered(rows)
    licence, first, of = np.unique(group * len(snapshot.retailers) + retailer, return_index=True, return_inverse=True)
    weight = bounds.own_weights(snapshot, rows.iloc[first], settings)
    ids = list(snapshot.retailers["retailer_id"]), list(snapshot.brands["brand_id"])
    ticket, hashed = fill.tickets(*ids, retailer[first], brand[first], turns[brand[first]], settings.salt)
    wanted = np.bincount(of, bound.own[at] // pack, len(licence)).astype(np.int64)
    offsets = np.searchsorted(licence // len(snapshot.retailers), np.arange(groups + 1))
    supply = np.bincount(group, allocated[at] // pack, groups).astype(np.int64)
    lots = -(-lot[first] // pack[first])[offsets[:-1]]
    units, _ = fill.fill(offsets, wanted, weight, ticket, hashed, supply, lot=lots)
    most = (_topped_up(units.astype(np.int64), wanted, offsets, supply) * pack[first])[of]
    order = np.argsort(bound.order.argsort()[at], kind="stable")
    out = allocated.copy()
    out[at], _ = greedy.cut(order, of[np.newaxis].astype(np.int32), bound.own[at], most[np.newaxis].astype(np.int32), pack, lot)
    return out


def _topped_up(units: Whole, wanted: Whole, offsets: Whole, supply: Whole) -> Whole:
    """`units`, and what the first lot that did not fit has left over: to licences that have their lot, the first of them first."""
    out = units.copy()
    rest = supply - np.add.reduceat(units, offsets[:-1])
    for group in np.flatnonzero(rest > 0):
        for row in range(offsets[group], offsets[group + 1]):
            more = min(rest[group], wanted[row] - out[row]) if out[row] else 0
            out[row], rest[group] = out[row] + more, rest[group] - more
        if rest[group] == supply[group]:  # no licence had its lot of its share: the first whose request is large enough has all
            at = offsets[group] + int(np.argmax(wanted[offsets[group] : offsets[group + 1]] >= rest[group]))
            out[at] = min(rest[group], wanted[at])
    return out


def bound(found: Bounds, claimant: Whole) -> npt.NDArray[np.int8]:
    """Of lines whose licences share: the reason of the line itself where one cut it, else of the limit that cut any of its claimant's."""
    limit = np.where(np.isin(found.bound, [CODE[reason] for reason in OWN]), np.int8(-1), found.bound)
    most = np.full(int(claimant.max(initial=-1)) + 1, -1, np.int8)
    np.maximum.at(most, claimant, limit)
    return np.where(most[claimant] >= 0, most[claimant], found.bound)


def _numbered(rows: pd.DataFrame) -> tuple[Whole, int]:
    """A number for each owner, brand and day, ascending, and how many there are."""
    key = (rows["owner"].to_numpy(np.int64) * limits.WIDTH + rows["brand"].to_numpy()) * limits.WIDTH + rows["day"].to_numpy()
    found, of = np.unique(key, return_inverse=True)
    return of, len(found)
