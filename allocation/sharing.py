"""One order week: its supply shared among the lines that wait and the requests still expected, and a reason for each line."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, claimants, fill, handing_out, licences, limits, needs, rules, totals, week_supply
from allocation.bounds import CODE, Bounds
from allocation.claimants import Claimants
from allocation.handing_out import HandedOut, Terms
from allocation.limits import Whole
from allocation.week_supply import WeekSupply
from ordering.frames import Snapshot
from ordering.model import COMPARISONS, Policy, Reason
from ordering.settings import AllocationSettings


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
    prepared = prepare(snapshot, claims, week, against=against, demand=demand, settings=settings, only=only)
    out = handing_out.decided(prepared.who, prepared.bound, prepared.order, prepared.supply, prepared.terms)
    waits, bound = prepared.claims["waits"].to_numpy(bool), out.bound
    allocated = licences.shared(snapshot, bound, out.allocated, prepared.supply.turns, settings)
    told = replace(out, allocated=allocated)
    brands, kept = prepared.who.brands, prepared.supply.kept
    return Shared(
        lines=_lines(prepared.claims, prepared.who, told)[waits],
        levels=_levels(snapshot, week, prepared.supply, prepared.who, told, ~waits),
        given=bound.rows.assign(allocated=allocated)[waits],
        problems=_short(snapshot, week, brands[kept[brands] & (out.solved >= 0)]),
    )


@dataclass(frozen=True)
class Prepared:
    """A week before it is decided: its claims, their bounds, who claims on which terms, and the `order` of lines in which owners take."""

    claims: pd.DataFrame
    bound: Bounds
    who: Claimants
    supply: WeekSupply
    order: Whole
    terms: Terms


def prepare(
    snapshot: Snapshot,
    claims: pd.DataFrame,
    week: pd.Timestamp,
    *,
    against: pd.DataFrame,
    demand: pd.DataFrame | None,
    settings: AllocationSettings,
    only: Policy | None = None,
) -> Prepared:
    """All that a week is decided from; arguments as of `share_week`."""
    supply = week_supply.of(snapshot, week, against, settings)
    brand = limits.codes(claims["brand_id"], snapshot.brands["brand_id"], "brand")
    claims = claims[claims["waits"].to_numpy(bool) | ~supply.kept[brand]].reset_index(drop=True)
    policy = np.where(supply.kept, supply.policy, rules.chosen(snapshot, settings, only))
    known = None if demand is None or demand.empty else needs.of_pairs(snapshot, demand, week)
    most = needs.demand_cap(snapshot, demand, week)
    bound = bounds.bounded(snapshot, claims, against, most=most, relaxing=rules.relaxing(policy))
    who = claimants.of(snapshot, claims, bound, against, supply.turns, policy, settings)
    return Prepared(
        claims=claims,
        bound=bound,
        who=_on_terms(snapshot, who, supply, known, week),
        supply=supply,
        order=totals.preferred(bound, _demand(known, bound.rows, claims)),
        terms=Terms(
            lot=snapshot.brands["min_lot"].to_numpy(np.int64),
            last_day=int(snapshot.retailers["order_weekday"].max()),
            compared=only in COMPARISONS,
        ),
    )


def _demand(known: pd.Series | None, rows: pd.DataFrame, claims: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Each claim's estimated weekly demand; an expected request is its own estimate at need."""
    own = np.where(claims["waits"], 0.0, claims["requested"].to_numpy(np.float64))
    found = np.full(len(own), np.nan) if known is None else needs.of_lines(known, rows)
    return np.where(np.isnan(found), own, found)


def _on_terms(snapshot: Snapshot, who: Claimants, supply: WeekSupply, known: pd.Series | None, week: pd.Timestamp) -> Claimants:
    """The claimants on the terms of their brands' policies. A pair without an estimate counts as the mean of those that have one."""
    demand, earned = None, np.ones(len(who.owner))
    if known is not None and (who.policy == str(Policy.TRUE_DEMAND)).any():
        found = needs.of_owners(snapshot, known, who.owner, who.brand)
        demand = np.where(np.isnan(found), np.nanmean(found) if (found > 0).any() else 1.0, found)
    if (who.policy == str(Policy.TURN_AND_EARN)).any():
        earned = rules.sold_through(snapshot, week)[who.owner]
    return rules.terms(who, handing_out.in_packs(who, supply), supply.kept[who.brands], demand, earned)


def _reasons(who: Claimants, out: HandedOut) -> npt.NDArray[np.int8]:
    """Why each line got what it got: its smallest bound, or the level, or the ticket that decided the unit beyond its whole line."""
    bound, at = out.bound, who.of_line
    level, alone = out.level[at], ~licences.together(bound)
    whole, fraction = fill.line(np.maximum(level, 0), who.weight[at])
    units = (who.taken + out.units)[at]
    ruled = ~np.isin(who.policy, [str(policy) for policy in COMPARISONS])[np.searchsorted(who.brands, bound.rows["brand"])] & alone
    below_lot = (out.allocated == 0) & ((bound.lot > bound.pack) | (level < 0))
    by_level = np.select(
        [below_lot & (out.units[at] < bound.lot), ruled & (units > whole), ruled & (units == whole) & fraction],
        [CODE[Reason.MIN_LOT], CODE[Reason.TURN_WON], CODE[Reason.TURN_LOST]],
        CODE[Reason.LEVEL],
    )
    room = np.bincount(at, bound.usable, len(who.owner))
    together = (np.bincount(at, out.allocated, len(who.owner)) == room)[at]
    by_bound = np.where(alone, (out.allocated == bound.usable) & ~out.starved, together)
    reason = np.where(by_bound, np.where(alone, bound.bound, licences.bound(bound, at)), by_level)
    return np.where(out.allocated == bound.requested, CODE[Reason.FULL], reason)


def _lines(claims: pd.DataFrame, who: Claimants, out: HandedOut) -> pd.DataFrame:
    """ALLOCATION rows of all claims."""
    bound = out.bound
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
        allocated=out.allocated,
        reason=bounds.named(_reasons(who, out)),
        policy=np.repeat(who.policy, np.diff(who.offsets))[who.of_line],
    )


def _levels(
    snapshot: Snapshot, week: pd.Timestamp, supply: WeekSupply, who: Claimants, out: HandedOut, expected: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """WEEK_LEVELS: the rows stored before as they stand, and one for every further brand with a supply row that anybody claims."""
    new = ~supply.kept[who.brands] & (supply.available[who.brands] >= 0)
    at, threshold = who.brands[new], out.solved[new]
    cartons = np.bincount(out.bound.rows["brand"], out.bound.usable * expected, len(snapshot.brands))
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
