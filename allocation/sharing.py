"""One order week: its supply shared among the lines that wait and the requests still expected, and a reason for each line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, fill, greedy, limits, totals
from allocation.bounds import CODE, Bounds
from allocation.fill import UNLIMITED
from allocation.limits import Whole
from ordering.frames import Snapshot
from ordering.model import Reason
from ordering.settings import AllocationSettings


@dataclass(frozen=True)
class WeekSupply:
    """A week's supply by brand code, cartons.

    `available` as published, `left` after what the week has given already; both UNLIMITED where the brand has no row. `turns`: earlier
    weeks in which the brand had a limited supply. `kept`: whether an earlier night stored a level, and `threshold` that level, which is
    UNLIMITED where supply sufficed then.
    """

    available: Whole
    left: Whole
    turns: Whole
    kept: npt.NDArray[np.bool_]
    threshold: Whole


@dataclass(frozen=True)
class Claimants:
    """One claimant per retailer and brand, sorted by brand, then retailer. Several lines of one pair are one claimant.

    `of_line` is the claimant's number of every line. `brands` and `offsets`: claimants of brands[g] are rows offsets[g] to
    offsets[g + 1]. `usable` and `taken` (given in this week already) in packs of `pack` cartons, `weight` in thousandths.
    """

    of_line: Whole
    brands: Whole
    offsets: Whole
    brand: Whole
    usable: Whole
    taken: Whole
    pack: Whole
    weight: Whole
    ticket: npt.NDArray[np.uint32]
    hashed: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class HandedOut:
    """`units` (packs) for every claimant, the threshold `solved` for every brand of them, and the one in force by brand code."""

    units: Whole
    solved: Whole
    in_force: Whole


@dataclass(frozen=True)
class Shared:
    """A week's outcome: ALLOCATION and WEEK_LEVELS rows, what counts as given from now on, and problems as (subject, message)."""

    lines: pd.DataFrame
    levels: pd.DataFrame
    given: pd.DataFrame
    problems: list[tuple[str, str]]


def share_week(
    snapshot: Snapshot,
    claims: pd.DataFrame,
    week: pd.Timestamp,
    *,
    against: pd.DataFrame,
    demand: pd.DataFrame | None,
    settings: AllocationSettings,
) -> Shared:
    """Share the supply of `week` among `claims`: order_id, retailer_id, brand_id, week, order_date, requested, waits (False: expected).

    `against` is what was given already, as from `bounds.given`. A level that an earlier night stored is used as it stands, with the
    supply left as the hard ceiling; else the level is solved over lines and expected requests together.
    """
    supply = week_supply(snapshot, week, against)
    brand = limits.codes(claims["brand_id"], snapshot.brands["brand_id"], "brand")
    claims = claims[claims["waits"].to_numpy(bool) | ~supply.kept[brand]].reset_index(drop=True)
    bound = bounds.bounded(snapshot, claims, against)
    bound = totals.cut(bound, _demand(snapshot, bound, claims, demand, week))
    who = _claimants(snapshot, bound, against, supply, settings)
    out = _hand_out(snapshot, who, supply)
    cartons = (out.units * who.pack)[who.of_line]
    own, most = (whole[np.newaxis].astype(np.int32) for whole in (who.of_line, cartons))
    allocated, _ = greedy.cut(bound.order, own, bound.usable, most, bound.pack, bound.lot)
    waits = claims["waits"].to_numpy(bool)
    return Shared(
        lines=_lines(claims, bound, who, out, allocated, settings)[waits],
        levels=_levels(snapshot, week, supply, who, out, bound, ~waits),
        given=bound.rows.assign(allocated=allocated)[waits],
        problems=_short(snapshot, week, who.brands[supply.kept[who.brands] & (out.solved >= 0)]),
    )


def week_supply(snapshot: Snapshot, week: pd.Timestamp, against: pd.DataFrame) -> WeekSupply:
    """Supply, turns and stored levels of a week, by brand code."""
    ids, n = pd.Index(snapshot.brands["brand_id"]), len(snapshot.brands)
    known = snapshot.supply[snapshot.supply["brand_id"].isin(ids)]
    now = known[known["week"] == week]
    available = np.full(n, UNLIMITED, np.int64)
    available[ids.get_indexer(pd.Index(now["brand_id"]))] = now["available"].to_numpy(np.int64)
    this_week = against[limits.monday(against["week"]) == week]
    used = np.bincount(this_week["brand"], this_week["allocated"], n).astype(np.int64)
    turns = np.bincount(ids.get_indexer(pd.Index(known.loc[known["week"] < week, "brand_id"])), minlength=n)
    stored = snapshot.week_levels[(snapshot.week_levels["week"] == week) & snapshot.week_levels["brand_id"].isin(ids)]
    at, kept, threshold = ids.get_indexer(pd.Index(stored["brand_id"])), np.zeros(n, bool), np.full(n, UNLIMITED, np.int64)
    kept[at], threshold[at] = True, stored["threshold"].to_numpy(np.int64, na_value=UNLIMITED)
    left = np.where(available < 0, UNLIMITED, np.maximum(available - used, 0))
    return WeekSupply(available, left, turns, kept, threshold)


def _demand(
    snapshot: Snapshot, bound: Bounds, claims: pd.DataFrame, demand: pd.DataFrame | None, week: pd.Timestamp
) -> npt.NDArray[np.float64]:
    """Each claim's estimated weekly demand, of the week itself if there is one; an expected request is its own estimate at need."""
    own = np.where(claims["waits"], 0.0, claims["requested"].to_numpy(np.float64))
    if demand is None or demand.empty:
        return own
    keys = limits.pairs(snapshot, demand)
    nearest = np.argsort((pd.to_datetime(demand["week"]) != week).to_numpy(), kind="stable")
    known = pd.Series(demand["demand"].to_numpy(np.float64)[nearest], index=keys[nearest])
    found = known[~known.index.duplicated()].reindex(bound.rows["retailer"].to_numpy() * limits.WIDTH + bound.rows["brand"].to_numpy())
    return np.where(found.isna(), own, found)


def _claimants(snapshot: Snapshot, bound: Bounds, against: pd.DataFrame, supply: WeekSupply, settings: AllocationSettings) -> Claimants:
    """The claimants behind the lines, with their tickets. Here is the place to make licences of one owner one claimant."""
    width = max(len(snapshot.retailers), 1)
    keys, first, of_line = np.unique(
        bound.rows["brand"].to_numpy() * width + bound.rows["retailer"].to_numpy(), return_index=True, return_inverse=True
    )
    brand, retailer, pack = keys // width, keys % width, bound.pack[first]
    brands, starts = np.unique(brand, return_index=True)
    capped = limits.scope(bound.rows.iloc[first], Reason.STAR_CAP)
    taken = limits.sums(capped, limits.scope(against, Reason.STAR_CAP), against["allocated"].to_numpy())
    ids = list(snapshot.retailers["retailer_id"]), list(snapshot.brands["brand_id"])
    ticket, hashed = fill.tickets(*ids, retailer, brand, supply.turns[brand], settings.salt)
    return Claimants(
        of_line=of_line,
        brands=brands,
        offsets=np.append(starts, len(keys)),
        brand=brand,
        usable=np.bincount(of_line, bound.usable, len(keys)).astype(np.int64) // pack,
        taken=-(-taken // pack),
        pack=pack,
        weight=bounds.weights(bound.star_level[first], settings),
        ticket=ticket,
        hashed=hashed,
    )


def _hand_out(snapshot: Snapshot, who: Claimants, supply: WeekSupply) -> HandedOut:
    """The uniform rule over the claimants of every brand, none above a stored level."""
    entitled = fill.entitled(supply.threshold[who.brand], who.ticket, who.weight, who.taken + who.usable)
    wanted = np.minimum(who.usable, np.maximum(entitled - who.taken, 0))
    left, pack = supply.left[who.brands], who.pack[who.offsets[:-1]]
    lot = -(-snapshot.brands["min_lot"].to_numpy(np.int64)[who.brands] // pack)
    packs_left = np.where(left < 0, UNLIMITED, left // pack)
    units, solved = fill.fill(who.offsets, wanted, who.weight, who.ticket, who.hashed, packs_left, taken=who.taken, lot=lot)
    kept = supply.threshold[who.brands]
    in_force = np.full(len(snapshot.brands), UNLIMITED, np.int64)
    in_force[who.brands] = np.where(solved < 0, kept, np.where(kept < 0, solved, np.minimum(kept, solved)))
    return HandedOut(units.astype(np.int64), solved, in_force)


def _reasons(bound: Bounds, who: Claimants, out: HandedOut, allocated: Whole) -> npt.NDArray[np.int8]:
    """Why each line got what it got: its smallest bound, or the level, or the ticket that decided the unit beyond its whole line."""
    at, level = who.of_line, out.in_force[bound.rows["brand"].to_numpy()]
    whole, fraction = fill.line(np.maximum(level, 0), who.weight[at])
    units = (who.taken + out.units)[at]
    below_lot = (allocated == 0) & ((bound.lot > bound.pack) | (level < 0))
    by_level = np.select(
        [below_lot & (out.units[at] < bound.lot), units > whole, (units == whole) & fraction],
        [CODE[Reason.MIN_LOT], CODE[Reason.TURN_WON], CODE[Reason.TURN_LOST]],
        CODE[Reason.LEVEL],
    )
    own = np.isin(bound.bound, [CODE[Reason.STAR_CAP], CODE[Reason.QUOTA_BRAND]])
    left_over = own & (out.units < who.usable)[at]  # an earlier order was to have it of the cap, and the level gave it less
    by_bound = (allocated == bound.usable) & ~left_over
    return np.where(allocated == bound.requested, CODE[Reason.FULL], np.where(by_bound, bound.bound, by_level))


def _lines(
    claims: pd.DataFrame, bound: Bounds, who: Claimants, out: HandedOut, allocated: Whole, settings: AllocationSettings
) -> pd.DataFrame:
    """ALLOCATION rows of all claims."""
    return claims[["order_id", "retailer_id", "brand_id", "week", "order_date", "requested"]].assign(
        cap=bounds.known(bound.cap),
        quota_left=bounds.known(bound.left[Reason.QUOTA_BRAND]),
        usable=bound.usable,
        weight=who.weight[who.of_line],
        ticket=who.ticket[who.of_line].astype(np.int64),
        level=fill.published(out.in_force[bound.rows["brand"].to_numpy()]),
        allocated=allocated,
        reason=bounds.named(_reasons(bound, who, out, allocated)),
        policy=settings.policy,
    )


def _levels(
    snapshot: Snapshot,
    week: pd.Timestamp,
    supply: WeekSupply,
    who: Claimants,
    out: HandedOut,
    bound: Bounds,
    expected: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """WEEK_LEVELS: the rows stored before as they stand, and one for every further brand with a supply row that anybody claims."""
    new = ~supply.kept[who.brands] & (supply.available[who.brands] >= 0)
    at, threshold = who.brands[new], out.solved[new]
    cartons = np.bincount(bound.rows["brand"], bound.usable * expected, len(snapshot.brands))
    solved = pd.DataFrame(
        {
            "brand_id": snapshot.brands["brand_id"].to_numpy()[at],
            "week": week,
            "available": supply.available[at],
            "expected": cartons[at],
            "threshold": pd.arrays.IntegerArray(threshold, threshold < 0),
            "level": fill.published(threshold),
        }
    )
    stored = snapshot.week_levels[snapshot.week_levels["week"] == week]
    return pd.concat([stored, solved], ignore_index=True) if len(stored) else solved


def _short(snapshot: Snapshot, week: pd.Timestamp, brands: Whole) -> list[tuple[str, str]]:
    """A problem for each brand whose supply left no longer covers the level published for the week."""
    said = "the supply left no longer covers the level stored for the week; what is left is shared at a lower one"
    return [(f"brand {snapshot.brands['brand_id'].iloc[brand]}, week {week:%Y-%m-%d}", said) for brand in brands]
