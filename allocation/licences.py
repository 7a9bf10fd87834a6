"""What licences of one owner got together, shared among them by the same rule: each with its own weight and ticket."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
    key = bound.rows["owner"].to_numpy() * limits.WIDTH + bound.rows["brand"].to_numpy()
    retailer = bound.rows["retailer"].to_numpy()
    if (bound.rows["owner"].to_numpy() == retailer).all():
        return np.zeros(len(key), bool)
    of, distinct = _numbered(key, bound.rows["day"].to_numpy())
    low, high = np.full(distinct, np.iinfo(np.int64).max), np.full(distinct, -1)
    np.minimum.at(low, of, retailer)
    np.maximum.at(high, of, retailer)
    return np.asarray((low < high)[of])


def shared(snapshot: Snapshot, bound: Bounds, allocated: Whole, turns: Whole, settings: AllocationSettings) -> Whole:
    """`allocated`, what licences of one owner got of a brand on a day shared anew among them. No limit of the owner moves by this."""
    at = np.flatnonzero(together(bound))
    if not len(at):
        return allocated
    rows, pack, lot = bound.rows.iloc[at], bound.pack[at], bound.lot[at]
    retailer, brand = rows["retailer"].to_numpy(), rows["brand"].to_numpy()
    group, groups = _numbered(rows["owner"].to_numpy() * limits.WIDTH + brand, rows["day"].to_numpy())
    licence, first, of = np.unique(group * len(snapshot.retailers) + retailer, return_index=True, return_inverse=True)
    weight = bounds.own_weights(snapshot, rows.iloc[first], settings)
    ids = list(snapshot.retailers["retailer_id"]), list(snapshot.brands["brand_id"])
    ticket, hashed = fill.tickets(*ids, retailer[first], brand[first], turns[brand[first]], settings.salt)
    wanted = np.bincount(of, bound.own[at] // pack, len(licence)).astype(np.int64)
    offsets = np.searchsorted(licence // len(snapshot.retailers), np.arange(groups + 1))
    supply = np.bincount(group, allocated[at] // pack, groups).astype(np.int64)
    lots = -(-lot[first] // pack[first])[offsets[:-1]]
    units, _ = fill.fill(offsets, wanted, weight, ticket, hashed, supply, lot=lots)
    most = (units * pack[first])[of]
    order = np.argsort(bound.order.argsort()[at], kind="stable")
    out = allocated.copy()
    out[at], _ = greedy.cut(order, of[np.newaxis].astype(np.int32), bound.own[at], most[np.newaxis].astype(np.int32), pack, lot)
    return out


def bound(found: Bounds, claimant: Whole) -> npt.NDArray[np.int8]:
    """Of lines whose licences share: the reason of the line itself where one cut it, else of the limit that cut any of its claimant's."""
    limit = np.where(np.isin(found.bound, [CODE[reason] for reason in OWN]), np.int8(-1), found.bound)
    most = np.full(int(claimant.max(initial=-1)) + 1, -1, np.int8)
    np.maximum.at(most, claimant, limit)
    return np.where(most[claimant] >= 0, most[claimant], found.bound)


def _numbered(key: Whole, day: Whole) -> tuple[Whole, int]:
    """A number for each combination, ascending, and how many there are."""
    found, of = np.unique(np.column_stack([key, day]), axis=0, return_inverse=True)
    return of.ravel(), len(found)
