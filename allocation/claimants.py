"""Who claims: one claimant per owner and brand in an order week, whatever the number of its licences and lines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, fill, limits
from allocation.bounds import Bounds
from allocation.limits import NONE, Whole
from allocation.week_supply import NAMES
from ordering.frames import Snapshot
from ordering.model import Reason
from ordering.settings import AllocationSettings


@dataclass(frozen=True)
class Claimants:
    """One claimant per owner and brand, sorted by brand, then owner.

    `of_line` is the claimant's number of every line. `brands` and `offsets`: claimants of brands[g] are rows offsets[g] to
    offsets[g + 1]; `policy` by brand of `brands`, `by_star`: its demand counts times the star level's weight. `usable`, `taken` (given in
    this week already) and `cap` (NONE: there is none) in packs of `pack` cartons, `weight` in thousandths; `came`: place in the order of
    arrival.
    """

    of_line: Whole
    brands: Whole
    offsets: Whole
    policy: npt.NDArray[np.str_]
    by_star: bool
    owner: Whole
    brand: Whole
    usable: Whole
    taken: Whole
    cap: Whole
    pack: Whole
    weight: Whole
    ticket: npt.NDArray[np.uint32]
    hashed: npt.NDArray[np.uint32]
    came: Whole


def of(
    snapshot: Snapshot,
    bound: Bounds,
    against: pd.DataFrame,
    turns: Whole,
    settings: AllocationSettings,
) -> Claimants:
    """The claimants behind the lines of one week, with their tickets; `turns` by brand code. Policies and arrival are not said yet."""
    rows, width = bound.rows, max(len(snapshot.retailers), 1)
    keys, first, of_line = np.unique(rows["brand"].to_numpy() * width + rows["owner"].to_numpy(), return_index=True, return_inverse=True)
    brand, owner, pack = keys // width, keys % width, bound.pack[first]
    brands, starts = np.unique(brand, return_index=True)
    capped = limits.scope(rows.iloc[first], Reason.STAR_CAP)
    taken = limits.sums(capped, limits.scope(against, Reason.STAR_CAP), against["allocated"].to_numpy())
    ids = list(snapshot.retailers["retailer_id"]), list(snapshot.brands["brand_id"])
    ticket, hashed = fill.tickets(*ids, owner, brand, turns[brand], settings.salt)
    return Claimants(
        of_line=of_line,
        brands=brands,
        offsets=np.append(starts, len(keys)),
        policy=np.full(len(brands), "", NAMES),
        by_star=settings.demand_by_star,
        owner=owner,
        brand=brand,
        usable=np.bincount(of_line, bound.usable, len(keys)).astype(np.int64) // pack,
        taken=-(-taken // pack),
        cap=np.where(bound.cap[first] == NONE, NONE, bound.cap[first] // pack),
        pack=pack,
        weight=bounds.weights(snapshot, rows.iloc[first], settings),
        ticket=ticket,
        hashed=hashed,
        came=np.zeros(len(keys), np.int64),
    )


def arrived(who: Claimants, lines: pd.DataFrame) -> Claimants:
    """The claimants with their place in the order of order days and order ids; nobody notes the hour at which a request came in."""
    order = np.lexsort((pd.factorize(lines["order_id"].astype("str"), sort=True)[0], lines["order_date"].to_numpy()))
    place, came = np.empty(len(lines), np.int64), np.full(len(who.owner), len(lines))
    place[order] = np.arange(len(lines))
    np.minimum.at(came, who.of_line, place)
    return replace(who, came=came)
