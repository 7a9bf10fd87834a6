"""One order week: its supply shared among the lines that wait and the requests still expected, and a reason for each line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, claimants, fill, greedy, licences, limits, needs, rules, totals
from allocation.bounds import CODE, Bounds
from allocation.claimants import Claimants
from allocation.fill import UNLIMITED
from allocation.limits import Whole
from ordering.frames import Snapshot
from ordering.model import COMPARISONS, Policy, Reason
from ordering.settings import AllocationSettings


@dataclass(frozen=True)
class WeekSupply:
    """A week's supply by brand code, cartons.

    `available` as published, `left` after what the week has given already; both UNLIMITED where the brand has no row. `turns`: earlier
    weeks in which the brand had a limited supply. `kept`: whether an earlier night stored a level; `threshold` that level, which is
    UNLIMITED where supply sufficed then, and `policy` the one it is of.
    """

    available: Whole
    left: Whole
    turns: Whole
    kept: npt.NDArray[np.bool_]
    threshold: Whole
    policy: npt.NDArray[np.str_]


@dataclass(frozen=True)
class HandedOut:
    """`units` (packs) and the threshold in force (`level`) for every claimant, and the threshold `solved` for every brand of them."""

    units: Whole
    solved: Whole
    level: Whole


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
    only: Policy | None = None,
) -> Shared:
    """Share the supply of `week` among `claims`: order_id, retailer_id, brand_id, week, order_date, requested, waits (False: expected).

    `against` is what was given already, as from `bounds.given`. A level that an earlier night stored is used as it stands, with the
    supply left as the hard ceiling; else the level is solved over lines and expected requests together. `only`: a policy for all brands.
    """
    supply = week_supply(snapshot, week, against, settings)
    brand = limits.codes(claims["brand_id"], snapshot.brands["brand_id"], "brand")
    claims = claims[claims["waits"].to_numpy(bool) | ~supply.kept[brand]].reset_index(drop=True)
    policy = np.where(supply.kept, supply.policy, rules.chosen(snapshot, settings, only))
    known = None if demand is None or demand.empty else needs.of_pairs(snapshot, demand, week)
    most = needs.demand_cap(snapshot, demand, week)
    bound = bounds.bounded(snapshot, claims, against, most=most, relaxing=rules.relaxing(policy))
    bound = totals.cut(bound, _demand(known, bound.rows, claims))
    who = _terms(snapshot, claimants.of(snapshot, claims, bound, against, supply.turns, policy, settings), supply, known, week)
    lot = snapshot.brands["min_lot"].to_numpy(np.int64)
    out = _left_over(who, _hand_out(who, supply, lot), supply, _on_last_day(snapshot, bound, who), lot)
    cartons = (out.units * who.pack)[who.of_line]
    own, most_of = (whole[np.newaxis].astype(np.int32) for whole in (who.of_line, cartons))
    allocated, _ = greedy.cut(bound.order, own, bound.usable, most_of, bound.pack, bound.lot)
    allocated = licences.shared(snapshot, bound, allocated, supply.turns, settings)
    waits = claims["waits"].to_numpy(bool)
    return Shared(
        lines=_lines(claims, bound, who, out, allocated)[waits],
        levels=_levels(snapshot, week, supply, who, out, bound, ~waits),
        given=bound.rows.assign(allocated=allocated)[waits],
        problems=_short(snapshot, week, who.brands[supply.kept[who.brands] & (out.solved >= 0)]),
    )


def _on_last_day(snapshot: Snapshot, bound: Bounds, who: Claimants) -> npt.NDArray[np.bool_]:
    """Claimants with a line on the last day of the week on which any retailer orders."""
    last = bound.rows["week"].to_numpy() * 7 - 3 + int(snapshot.retailers["order_weekday"].max()) - 1
    return np.bincount(who.of_line, bound.rows["day"].to_numpy() >= last, len(who.owner)) > 0


def week_supply(snapshot: Snapshot, week: pd.Timestamp, against: pd.DataFrame, settings: AllocationSettings) -> WeekSupply:
    """Supply, turns and stored levels of a week, by brand code."""
    ids, n = pd.Index(snapshot.brands["brand_id"]), len(snapshot.brands)
    known = snapshot.supply[snapshot.supply["brand_id"].isin(ids)]
    now = known[known["week"] == week]
    available = np.full(n, UNLIMITED, np.int64)
    row = ids.get_indexer(pd.Index(now["brand_id"]))
    available[row] = now["available"].to_numpy(np.int64)
    if settings.supply_rows == "arrivals":
        available[row] += carried(snapshot, week)[row]
    this_week = against[limits.monday(against["week"]) == week]
    used = np.bincount(this_week["brand"], this_week["allocated"], n).astype(np.int64)
    turns = np.bincount(ids.get_indexer(pd.Index(known.loc[known["week"] < week, "brand_id"])), minlength=n)
    stored = snapshot.week_levels[(snapshot.week_levels["week"] == week) & snapshot.week_levels["brand_id"].isin(ids)]
    at, kept, threshold = ids.get_indexer(pd.Index(stored["brand_id"])), np.zeros(n, bool), np.full(n, UNLIMITED, np.int64)
    kept[at], threshold[at] = True, stored["threshold"].to_numpy(np.int64, na_value=UNLIMITED)
    policy = np.full(n, "", rules.NAMES)
    policy[at] = stored["policy"].to_numpy(str)
    left = np.where(available < 0, UNLIMITED, np.maximum(available - used, 0))
    return WeekSupply(available, left, turns, kept, threshold, policy)


def carried(snapshot: Snapshot, week: pd.Timestamp) -> Whole:
    """By brand code, what arrived in earlier weeks and was not given out by then: Σ over weeks, never below none, of arrivals − allocated.

    The weeks are those of the snapshot's history in which the brand has a supply row.
    """
    ids, first = pd.Index(snapshot.brands["brand_id"]), snapshot.lines["week"].min()
    came = snapshot.supply[(snapshot.supply["week"] < week) & (snapshot.supply["week"] >= first)]
    arrived = pd.pivot_table(came, index="brand_id", columns="week", values="available", aggfunc="sum", observed=True)
    arrived = arrived.reindex(index=ids)
    lines = snapshot.lines[["brand_id", "week", "allocated"]]
    gone = lines.groupby(["brand_id", "week"], observed=True)["allocated"].sum().unstack().reindex(index=ids, columns=arrived.columns)
    left = np.zeros(len(ids))
    for more, less in zip(arrived.to_numpy(np.float64).T, gone.to_numpy(np.float64, na_value=0.0).T, strict=True):
        left = np.where(np.isnan(more), left, np.maximum(left + np.nan_to_num(more) - np.nan_to_num(less), 0.0))
    return left.astype(np.int64)


def _demand(known: pd.Series | None, rows: pd.DataFrame, claims: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Each claim's estimated weekly demand; an expected request is its own estimate at need."""
    own = np.where(claims["waits"], 0.0, claims["requested"].to_numpy(np.float64))
    found = np.full(len(own), np.nan) if known is None else needs.of_lines(known, rows)
    return np.where(np.isnan(found), own, found)


def _terms(snapshot: Snapshot, who: Claimants, supply: WeekSupply, known: pd.Series | None, week: pd.Timestamp) -> Claimants:
    """The claimants on the terms of their brands' policies. A pair without an estimate counts as the mean of those that have one."""
    demand, earned = None, np.ones(len(who.owner))
    if known is not None and (who.policy == str(Policy.TRUE_DEMAND)).any():
        found = needs.of_owners(snapshot, known, who.owner, who.brand)
        demand = np.where(np.isnan(found), np.nanmean(found) if (found > 0).any() else 1.0, found)
    if (who.policy == str(Policy.TURN_AND_EARN)).any():
        earned = rules.sold_through(snapshot, week)[who.owner]
    return rules.terms(who, _in_packs(who, supply), supply.kept[who.brands], demand, earned)


def _hand_out(who: Claimants, supply: WeekSupply, lot: Whole) -> HandedOut:
    """The rule over the claimants of every brand, none above a stored level. `lot` by brand code, cartons."""
    entitled = fill.entitled(supply.threshold[who.brand], who.ticket, who.weight, who.taken + who.usable)
    wanted = np.minimum(who.usable, np.maximum(entitled - who.taken, 0))
    packs_left, lots = _in_packs(who, supply), -(-lot[who.brands] // who.pack[who.offsets[:-1]])
    filled, solved = fill.fill(who.offsets, wanted, who.weight, who.ticket, who.hashed, packs_left, taken=who.taken, lot=lots)
    units, solved = rules.compared(who, filled.astype(np.int64), solved, packs_left)
    kept = supply.threshold[who.brands]
    level = np.where(solved < 0, kept, np.where(kept < 0, solved, np.minimum(kept, solved)))
    return HandedOut(units, solved, np.repeat(level, np.diff(who.offsets)))


def _left_over(who: Claimants, out: HandedOut, supply: WeekSupply, last: npt.NDArray[np.bool_], lot: Whole) -> HandedOut:
    """What is left beyond a stored level, to claimants with a line on the week's last order day (`last`): nobody comes after them.

    Before that day a carton given beyond the level may be one that somebody's line, not asked for yet, is to have.
    """
    more = np.where(last & (supply.threshold[who.brand] >= 0), who.usable - out.units, 0)
    group = np.repeat(np.arange(len(who.brands)), np.diff(who.offsets))
    packs = _in_packs(who, supply) - np.bincount(group, out.units, len(who.brands)).astype(np.int64)
    open_ = (supply.threshold[who.brands] >= 0) & (out.solved < 0) & (packs > 0)  # the level was reached, and there is more
    more = np.where(open_[group], more, 0)
    if not more.any():
        return out
    lots = -(-lot[who.brands] // who.pack[who.offsets[:-1]])
    extra, solved = fill.fill(
        who.offsets, more, who.weight, who.ticket, who.hashed, np.where(open_, packs, 0), taken=who.taken + out.units, lot=lots
    )
    return HandedOut(out.units + extra, out.solved, np.where(last & open_[group], solved[group], out.level))


def _in_packs(who: Claimants, supply: WeekSupply) -> Whole:
    """What is left of the supply of each brand of `who`, in packs; UNLIMITED stays."""
    left = supply.left[who.brands]
    return np.where(left < 0, UNLIMITED, left // who.pack[who.offsets[:-1]])


def _reasons(bound: Bounds, who: Claimants, out: HandedOut, allocated: Whole) -> npt.NDArray[np.int8]:
    """Why each line got what it got: its smallest bound, or the level, or the ticket that decided the unit beyond its whole line."""
    at = who.of_line
    level, alone = out.level[at], ~licences.together(bound)
    whole, fraction = fill.line(np.maximum(level, 0), who.weight[at])
    units = (who.taken + out.units)[at]
    ruled = ~np.isin(who.policy, [str(policy) for policy in COMPARISONS])[np.searchsorted(who.brands, bound.rows["brand"])] & alone
    below_lot = (allocated == 0) & ((bound.lot > bound.pack) | (level < 0))
    by_level = np.select(
        [below_lot & (out.units[at] < bound.lot), ruled & (units > whole), ruled & (units == whole) & fraction],
        [CODE[Reason.MIN_LOT], CODE[Reason.TURN_WON], CODE[Reason.TURN_LOST]],
        CODE[Reason.LEVEL],
    )
    own = np.isin(bound.bound, [CODE[Reason.STAR_CAP], CODE[Reason.QUOTA_BRAND]])
    left_over = own & (out.units < who.usable)[at]  # an earlier order was to have it of the cap, and the level gave it less
    by_bound = np.where(alone, (allocated == bound.usable) & ~left_over, (out.units == who.usable)[at])
    reason = np.where(by_bound, np.where(alone, bound.bound, licences.bound(bound, at)), by_level)
    return np.where(allocated == bound.requested, CODE[Reason.FULL], reason)


def _lines(claims: pd.DataFrame, bound: Bounds, who: Claimants, out: HandedOut, allocated: Whole) -> pd.DataFrame:
    """ALLOCATION rows of all claims."""
    return claims[["order_id", "retailer_id", "brand_id", "week", "order_date", "requested"]].assign(
        cap=bounds.known(bound.cap),
        **{column: bounds.known(bound.left[reason]) for reason, column in bounds.COLUMNS.items()},
        held=bound.hold,
        pack_multiple=bound.pack,
        min_lot=bound.lot,
        taken=(who.taken * who.pack)[who.of_line],
        usable=bound.usable,
        weight=who.weight[who.of_line],
        ticket=who.ticket[who.of_line].astype(np.int64),
        level=fill.published(out.level[who.of_line]),
        allocated=allocated,
        reason=bounds.named(_reasons(bound, who, out, allocated)),
        policy=np.repeat(who.policy, np.diff(who.offsets))[who.of_line],
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
            "turns": supply.turns[at],
            "policy": who.policy[new],
        }
    )
    stored = snapshot.week_levels[snapshot.week_levels["week"] == week]
    return pd.concat([stored, solved], ignore_index=True) if len(stored) else solved


def _short(snapshot: Snapshot, week: pd.Timestamp, brands: Whole) -> list[tuple[str, str]]:
    """A problem for each brand whose supply left no longer covers the level published for the week."""
    said = "the supply left no longer covers the level stored for the week; what is left is shared at a lower one"
    return [(f"brand {snapshot.brands['brand_id'].iloc[brand]}, week {week:%Y-%m-%d}", said) for brand in brands]
