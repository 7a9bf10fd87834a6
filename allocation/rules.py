"""The policies: what each claimant may take and how much it weighs. One kernel (fill.py) does the rest.

`uniform`: the weight of the star level. `true_demand`: estimated demand, so that all are served alike in proportion to what their consumers
want. `star_cap`: every cap first, at equal weight; where supply is left, all caps are raised by one factor, which is the level published.
`turn_and_earn`: the weight of the star level × how much of what it received a shop was seen to sell.

Two more are there to compare with, and manipulable: `proportional` (who asks for more gets more) and `first_come`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import fill, owners
from allocation.claimants import Claimants
from allocation.limits import NONE, Whole
from allocation.week_supply import NAMES
from ordering.frames import Snapshot
from ordering.model import Policy
from ordering.settings import AllocationSettings

Floats = npt.NDArray[np.float64]

RELAXED = "star_cap_relaxed"
"""Stored beside a level that is a factor on all caps."""
EARNED = (0.5, 1.5)
"""Within these the sell-through of a shop counts under `turn_and_earn`."""
EARNED_WEEKS = 13


def chosen(snapshot: Snapshot, settings: AllocationSettings) -> npt.NDArray[np.str_]:
    """The policy of every brand by code: that of its supply attribute."""
    return np.array([str(settings.policy_of(attribute)) for attribute in snapshot.brands["supply_attribute"]], dtype=NAMES)


def terms(who: Claimants, packs_left: Whole, kept: npt.NDArray[np.bool_], demand: Floats | None, earned: Floats) -> Claimants:
    """The claimants with the weight and the usable packs that the policy of their brand gives them.

    `packs_left` and `kept` (a level is stored: what was decided on the first night holds) by brand of `who`; `demand` (cartons a week)
    and `earned` (sell-through, 1 where unknown) by claimant.
    """
    group = np.repeat(np.arange(len(who.brands)), np.diff(who.offsets))
    usable, weight, policy = who.usable.copy(), who.weight.copy(), who.policy.copy()
    if demand is not None:
        by_demand = (policy == str(Policy.TRUE_DEMAND))[group]
        share = demand[by_demand] * (who.weight[by_demand] / 1000 if who.by_star else 1.0)
        weight[by_demand] = _thousandths(share / who.pack[by_demand])
    turns = (policy == str(Policy.TURN_AND_EARN))[group]
    weight[turns] = _thousandths(who.weight[turns] / 1000 * np.clip(earned[turns], *EARNED))
    capping = np.isin(policy, [str(Policy.STAR_CAP), RELAXED])[group]
    cap = np.where(who.cap == NONE, who.taken + usable, who.cap)  # without a cap all it asks for comes first
    within = np.where(capping, np.minimum(usable, np.maximum(cap - who.taken, 0)), usable)
    wanted = np.bincount(group, within, len(who.brands))
    policy[(policy == str(Policy.STAR_CAP)) & ~kept & (packs_left >= 0) & (wanted < packs_left)] = RELAXED
    raised = (policy == RELAXED)[group]
    usable = np.where(raised & (cap > 0), usable, within)
    weight = np.where(raised, np.clip(1000 * cap, 1, 2**31 - 1), np.where(capping, 1000, weight))
    return replace(who, usable=usable, weight=weight, policy=policy)


def _thousandths(weight: Floats) -> Whole:
    """Weights as whole thousandths, at least one."""
    return np.clip(np.rint(1000 * weight), 1, 2**31 - 1).astype(np.int64)


def compared(who: Claimants, packs_left: Whole) -> tuple[Whole, Whole]:
    """Units of claimants under a policy for comparison, and by brand UNLIMITED where supply sufficed, else 0: it has no level."""
    units, solved = who.usable.astype(np.int64), np.full(len(who.brands), fill.UNLIMITED, np.int64)
    for number in range(len(who.brands)):
        rows = slice(who.offsets[number], who.offsets[number + 1])
        wanted, supply = units[rows], int(packs_left[number])
        if 0 <= supply < wanted.sum():
            first_come = who.policy[number] == str(Policy.FIRST_COME)
            units[rows] = served_in_turn(wanted, who.came[rows], supply) if first_come else proportional(wanted, who.hashed[rows], supply)
            solved[number] = 0
    return units, solved


def proportional(usable: Whole, hashed: npt.NDArray[np.uint32], supply: int) -> Whole:
    """Everybody the same share of what it asks for, units left over by the largest remainder, then by hash.

    >>> proportional(np.array([10, 5]), np.array([1, 2], np.uint32), 6).tolist()
    [4, 2]
    """
    total = int(usable.sum())
    if total <= supply:
        return usable
    given, remainder = np.divmod(usable * supply, total)
    order = np.lexsort((np.arange(len(usable)), hashed, -remainder))
    given[order[: supply - int(given.sum())]] += 1
    return given


def served_in_turn(usable: Whole, came: Whole, supply: int) -> Whole:
    """Whole requests in the order of `came` while the supply lasts.

    >>> served_in_turn(np.array([4, 4]), np.array([2, 1]), 6).tolist()
    [2, 4]
    """
    order = np.argsort(came, kind="stable")
    before = np.cumsum(usable[order]) - usable[order]
    given = np.zeros(len(usable), np.int64)
    given[order] = np.clip(supply - before, 0, usable[order])
    return given


def sold_through(snapshot: Snapshot, before: pd.Timestamp) -> Floats:
    """By retailer code: cartons that its owner's shops sold ÷ received in weeks that their tills reported, of the last EARNED_WEEKS; 1
    without any.
    """
    since, count = before - pd.Timedelta(weeks=EARNED_WEEKS), len(snapshot.retailers)
    sales, lines = snapshot.scanned_sales, snapshot.lines
    sales = sales[sales["week"].between(since, before, inclusive="left")]
    lines = lines[lines["week"].between(since, before, inclusive="left")]
    weeks = np.append(since.to_datetime64(), pd.date_range(since, before, freq="7D").to_numpy())[1:]

    def cell(frame: pd.DataFrame) -> Whole:
        return frame["retailer_id"].cat.codes.to_numpy(np.int64) * len(weeks) + np.searchsorted(weeks, frame["week"].to_numpy())

    seen = cell(lines)
    reported = np.isin(seen, np.unique(cell(sales)))
    owner = owners.of(snapshot.retailers)
    received = np.bincount(owner[seen[reported] // len(weeks)], lines["allocated"].to_numpy(np.float64, na_value=0.0)[reported], count)
    sold = np.bincount(owner[sales["retailer_id"].cat.codes], sales["sold"], count)
    return np.where(received > 0, sold / np.maximum(received, 1.0), 1.0)[owner]
