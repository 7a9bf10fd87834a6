"""One order week: its supply shared among the lines that wait and the requests still expected, and a reason for each line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bound, bounds, claimants, fill, handing_out, licences, limits, needs, owners, rules, totals, week_supply
from allocation.bounds import CODE, Bounds
from allocation.claimants import Claimants
from allocation.handing_out import HandedOut
from allocation.limits import Whole
from allocation.week_supply import NAMES, WeekSupply
from ordering.frames import Snapshot
from ordering.model import COMPARISONS, Policy, Reason
from ordering.settings import AllocationSettings


@dataclass(frozen=True)
class Shared:
    """A week's outcome: ALLOCATION and WEEK_LEVELS rows, what counts as given from now on, and problems as (subject, message).

    `handed`: cartons to lines and expected requests; `possible`: what any sharing could have handed out under the same limits.
    """

    lines: pd.DataFrame
    levels: pd.DataFrame
    given: pd.DataFrame
    handed: int
    possible: int
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
    closing: bool = False,
) -> Shared:
    """Share the supply of `week` among `claims`: order_id, retailer_id, brand_id, week, order_date, requested, waits (False: expected).

    `against` is what was given already, as from `bounds.given`. A level that an earlier night stored is used as it stands, with the
    supply left as the hard ceiling; else the level is solved over lines and expected requests together. `only`: a policy for all brands.
    `closing`: the cut-off of these lines has passed; on the week's last order day they share what the level leaves.
    """
    prepared = prepare(snapshot, claims, week, against=against, demand=demand, settings=settings)
    policy = prepared.policy if only is None else np.full(len(prepared.policy), str(only), NAMES)
    (who, out), supply, waits = prepared.decided(policy, closing=closing), prepared.supply, prepared.waits
    return Shared(
        lines=lines(prepared, who, out),
        levels=_levels(snapshot, week, supply, who, out, ~waits),
        given=out.bound.rows.assign(allocated=out.allocated)[waits],
        handed=int(out.allocated.sum()),
        possible=possible(prepared.bound, who, supply),
        problems=_short(snapshot, week, who.brands[supply.kept[who.brands] & (out.solved >= 0)]),
    )


@dataclass(frozen=True)
class Prepared:
    """A week before it is decided: its claims, their bounds, who claims, and the `order` of lines in which owners take. `known`: estimated
    demand by pair, None without an estimate. It can be decided again and again, on other terms."""

    snapshot: Snapshot
    week: pd.Timestamp
    settings: AllocationSettings
    claims: pd.DataFrame
    bound: Bounds
    who: Claimants
    supply: WeekSupply
    order: Whole
    known: pd.Series | None

    @property
    def waits(self) -> npt.NDArray[np.bool_]:
        """Which claims are lines that wait; the others are expected."""
        return self.claims["waits"].to_numpy(bool)

    @cached_property
    def policy(self) -> npt.NDArray[np.str_]:
        """The policy of every brand by code: of the week's first night, else that of the settings."""
        return np.where(self.supply.kept, self.supply.policy, rules.chosen(self.snapshot, self.settings))

    @cached_property
    def demand(self) -> npt.NDArray[np.float64] | None:
        """Estimated demand by claimant; one without an estimate counts as the mean of its brand's others. None where there is none."""
        if self.known is None:
            return None
        found = pd.Series(needs.of_owners(self.snapshot, self.known, self.who.owner, self.who.brand))
        return found.fillna(found.groupby(self.who.brand).transform("mean")).fillna(found.mean()).fillna(1.0).to_numpy(np.float64)

    @cached_property
    def earned(self) -> npt.NDArray[np.float64]:
        """Sell-through by claimant."""
        return rules.sold_through(self.snapshot, self.week)[self.who.owner]

    def on_terms(self, policy: npt.NDArray[np.str_], left: Whole) -> Claimants:
        """The claimants under these policies, with `left` cartons of each brand."""
        who = replace(self.who, policy=policy[self.who.brands])
        if (who.policy == str(Policy.FIRST_COME)).any():
            who = claimants.arrived(who, self.claims)
        demand = self.demand if (who.policy == str(Policy.TRUE_DEMAND)).any() else None
        earned = self.earned if (who.policy == str(Policy.TURN_AND_EARN)).any() else np.ones(len(who.owner))
        return rules.terms(who, handing_out.in_packs(who, left), self.supply.kept[who.brands], demand, earned)

    def decided(self, policy: npt.NDArray[np.str_], left: Whole | None = None, *, closing: bool = False) -> tuple[Claimants, HandedOut]:
        """What everybody gets under the policies `policy` by brand code, and on which terms; `left`: other supplies, cartons by brand code,
        UNLIMITED where there is no limit; `closing` as of `share_week`."""
        supply = self.supply if left is None else replace(self.supply, left=left)
        who = self.on_terms(policy, supply.left)
        bound = self.bound.without(Reason.STAR_CAP, self._relaxed(who))
        lot = self.snapshot.brands["min_lot"].to_numpy(np.int64)
        if np.isin(policy, [str(one) for one in COMPARISONS]).all():
            out = handing_out.compared(who, bound, self.order, supply)
        else:
            out = handing_out.decided(who, bound, self.order, supply, lot=lot, last_day=self._last_day() if closing else None)
        allocated = licences.shared(self.snapshot, out.bound, out.allocated, supply.turns, self.settings)
        return who, replace(out, allocated=allocated)

    def _relaxed(self, who: Claimants) -> npt.NDArray[np.bool_]:
        """Lines whose star cap is raised with all others of their brand; one of 0 stays: the brand is not offered there."""
        raised = np.repeat(who.policy == rules.RELAXED, np.diff(who.offsets))
        return raised[who.of_line] & (self.bound.cap > 0)

    def _last_day(self) -> int:
        """The last weekday (1 to 7) on which anybody who is active in the week orders."""
        shops = self.snapshot.retailers
        active = owners.active(shops, np.arange(len(shops)), np.repeat(limits.week_numbers([self.week]), len(shops)))
        return int(shops["order_weekday"].to_numpy()[active].max(initial=1))


def prepare(
    snapshot: Snapshot,
    claims: pd.DataFrame,
    week: pd.Timestamp,
    *,
    against: pd.DataFrame,
    demand: pd.DataFrame | None,
    settings: AllocationSettings,
) -> Prepared:
    """All that a week is decided from; arguments as of `share_week`."""
    supply = week_supply.of(snapshot, week, against, settings)
    brand = limits.codes(claims["brand_id"], snapshot.brands["brand_id"], "brand")
    claims = claims[claims["waits"].to_numpy(bool) | ~supply.kept[brand]].reset_index(drop=True)
    known = None if demand is None or demand.empty else needs.of_pairs(snapshot, demand, week)
    bound = bounds.bounded(snapshot, claims, against, most=needs.demand_cap(snapshot, demand, week))
    who = claimants.of(snapshot, bound, against, supply.turns, settings)
    order = totals.preferred(bound, _demand(known, bound.rows, claims))
    return Prepared(snapshot, week, settings, claims, bound, who, supply, order, known)


def _demand(known: pd.Series | None, rows: pd.DataFrame, claims: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Each claim's estimated weekly demand; an expected request is its own estimate at need."""
    own = np.where(claims["waits"], 0.0, claims["requested"].to_numpy(np.float64))
    found = np.full(len(own), np.nan) if known is None else needs.of_lines(known, rows)
    return np.where(np.isnan(found), own, found)


def _reasons(who: Claimants, out: HandedOut) -> npt.NDArray[np.int8]:
    """Why each line got what it got: its smallest bound, or the level, or the ticket that decided the unit beyond its whole line."""
    bound, at = out.bound, who.of_line
    alone = ~licences.together(bound)
    ruled = ~np.isin(who.policy, [str(policy) for policy in COMPARISONS])[np.searchsorted(who.brands, bound.rows["brand"])] & alone
    by_level = level_reasons(out.level[at], who.weight[at], who.taken[at], out.units[at], bound, out.allocated, ruled)
    room = np.bincount(at, bound.usable, len(who.owner))
    together = (np.bincount(at, out.allocated, len(who.owner)) == room)[at]
    by_bound = np.where(alone, (out.allocated == bound.usable) & ~out.starved, together)
    reason = np.where(by_bound, np.where(alone, bound.bound, licences.bound(bound, at)), by_level)
    return np.where(out.allocated == bound.requested, CODE[Reason.FULL], reason)


def level_reasons(
    level: Whole, weight: Whole, taken: Whole, units: Whole, bound: Bounds, allocated: Whole, ruled: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int8]:
    """Why lines that no bound cut got no more: the level, or the ticket that decided the unit beyond its whole line, or the lot.

    By line: `taken` and `units` of its claimant in packs; `ruled`: one ticket decides it.
    """
    whole, fraction = fill.line(np.maximum(level, 0), weight)
    below_lot = (allocated == 0) & ((bound.lot > bound.pack) | (level < 0)) & (units * bound.pack < bound.lot)
    had = taken + units
    return np.select(
        [below_lot, ruled & (had > whole), ruled & (had == whole) & fraction],
        [CODE[Reason.MIN_LOT], CODE[Reason.TURN_WON], CODE[Reason.TURN_LOST]],
        CODE[Reason.LEVEL],
    )


def lines(prepared: Prepared, who: Claimants, out: HandedOut) -> pd.DataFrame:
    """ALLOCATION rows of the waiting lines."""
    bound = out.bound
    names, of_brand = np.unique(who.policy, return_inverse=True)
    policy = np.repeat(of_brand, np.diff(who.offsets))[who.of_line]
    found = prepared.claims[["order_id", "retailer_id", "brand_id", "week", "order_date", "requested"]].assign(
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
        policy=pd.Categorical.from_codes(policy, pd.Index(names, dtype="str")),
    )
    return found[prepared.waits]


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


def possible(found: Bounds, who: Claimants, supply: WeekSupply) -> int:
    """The most cartons that any sharing could hand out to these claims: see allocation.bound. A limit over a price class is not counted, so
    it may be less than this says."""
    alone = np.min([found.left[reason] for reason in (Reason.STAR_CAP, Reason.DEMAND_CAP, Reason.QUOTA_BRAND)], axis=0)
    claim, owner = who.of_line, found.rows["owner"].to_numpy()
    cap = np.full(len(who.owner), limits.NONE)
    cap[claim] = alone  # the same for all lines of a claim
    wanted = np.minimum(np.bincount(claim, found.own, len(who.owner)).astype(np.int64), cap)
    owners, at = np.unique(who.owner, return_inverse=True)
    total, of_line = np.full(len(owners), limits.NONE), np.searchsorted(owners, owner)
    total[of_line] = found.left[Reason.QUOTA_TOTAL]
    days = pd.DataFrame({"owner": of_line, "day": found.rows["day"].to_numpy(), "left": found.left[Reason.DAY_LIMIT]}).drop_duplicates()
    total = np.minimum(total, np.bincount(days["owner"], days["left"], len(owners)).astype(np.int64))
    return bound.most(who.offsets, np.minimum(wanted, 2**31 - 1), at, total, supply.left[who.brands])


def _short(snapshot: Snapshot, week: pd.Timestamp, brands: Whole) -> list[tuple[str, str]]:
    """A problem for each brand whose supply left no longer covers the level published for the week."""
    said = "the supply left no longer covers the level stored for the week; what is left is shared at a lower one"
    return [(f"brand {snapshot.brands['brand_id'].iloc[brand]}, week {week:%Y-%m-%d}", said) for brand in brands]
