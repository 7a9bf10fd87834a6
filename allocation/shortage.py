"""What the planned weeks can give of each brand: the level to which a short one reaches, and what others have to spare.

The level rests on the lines that wait and on what estimated demand lets one expect of the others, never on what is suggested: so a
suggestion can read the level, and no level reads a suggestion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, fill, greedy, limits, policies, week_supply
from allocation.bounds import Bounds
from allocation.fill import UNLIMITED
from allocation.limits import NONE, Whole
from allocation.policies import Allocated
from ordering.frames import Snapshot
from ordering.model import Policy, SupplyAttribute
from ordering.settings import AllocationSettings

Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shortage:
    """By brand code and planned week, shape (brands, weeks).

    `threshold` of the level in force, UNLIMITED where supply suffices, and whether its policy is `uniform`; `turns` of the tickets;
    `free`: cartons left for the retailers who are planned in the week, what others are expected to claim being put aside; `spare`:
    cartons that nobody is expected to claim; both UNLIMITED where supply has no limit. `known` by week: whether its supply and strategy
    are published. `tight` by brand: the company expects it to be short.
    """

    weeks: pd.DatetimeIndex
    known: Truths
    tight: Truths
    threshold: Whole
    uniform: Truths
    turns: Whole
    free: Whole
    spare: Whole
    rules: AllocationSettings

    def column(self, week: npt.ArrayLike) -> Whole:
        """The column of each week, given by its number (see limits.numbered). The weeks are among the planned ones."""
        numbers, at = limits.distinct(week)
        return self.weeks.get_indexer(limits.monday(numbers))[at].astype(np.int64)

    def short(self, brand: Whole, column: Whole) -> Truths:
        """Whether each brand is short in the week of that column: its supply ends at a level, or the company expects it to be short."""
        return np.asarray((self.threshold[brand, column] >= 0) | self.tight[brand])

    def line(self, snapshot: Snapshot, rows: pd.DataFrame, pack: Whole) -> Whole:
        """What each row's owner gets of its brand in its week if it asks for no less, cartons in whole packs; NONE without a level, or
        where its policy weighs otherwise than by star level.

        `rows` as from limits.numbered. That is the weight × the level, up or down by the ticket, all orders of the week together.
        """
        brand, column = rows["brand"].to_numpy(np.int64), self.column(rows["week"])
        out, at = np.full(len(rows), NONE), np.flatnonzero((self.threshold[brand, column] >= 0) & self.uniform[brand, column])
        brand, column, retailer = brand[at], column[at], rows["owner"].to_numpy(np.int64)[at]
        ids = list(snapshot.retailers["retailer_id"]), list(snapshot.brands["brand_id"])
        ticket, _ = fill.tickets(*ids, retailer, brand, self.turns[brand, column], self.rules.salt)
        packs = fill.entitled(
            self.threshold[brand, column], ticket, bounds.weights(snapshot, rows.iloc[at], self.rules), np.full(len(at), NONE)
        )
        out[at] = np.minimum(packs, (NONE - 1) // pack[at]) * pack[at]
        return out

    def within(self, snapshot: Snapshot, bound: Bounds, given: Whole) -> Whole:
        """`bound.usable` of planned pairs, less where that of a brand and week together is more than is free: shared then by the rule.

        `given`: cartons of the week that each has already. A level at which requests were met need not meet what is needed instead.
        """
        rows, out = bound.rows, bound.usable.copy()
        key = self.column(rows["week"]) * len(self.free) + rows["brand"].to_numpy(np.int64)
        free = self.free.T.ravel()
        over = (free >= 0) & (np.bincount(key, bound.usable, len(free)) > free)
        at = np.flatnonzero(over[key] & (bound.usable > 0))
        width, owner = len(snapshot.retailers), rows["owner"].to_numpy(np.int64)[at]
        claim, first, of = np.unique(key[at] * width + owner, return_index=True, return_inverse=True)
        groups, starts = np.unique(claim // width, return_index=True)
        chosen, turns = at[first], self.turns.T.ravel()[claim // width]
        brand = rows["brand"].to_numpy(np.int64)[chosen]
        ids = list(snapshot.retailers["retailer_id"]), list(snapshot.brands["brand_id"])
        ticket, hashed = fill.tickets(*ids, claim % width, brand, turns, self.rules.salt)
        pack, weight = bound.pack[chosen], bounds.weights(snapshot, rows.iloc[chosen], self.rules)
        lot, usable = -(-bound.lot[chosen] // pack), np.bincount(of, bound.usable[at], len(claim)).astype(np.int64)
        packs, _ = fill.fill(
            np.append(starts, len(claim)), usable // pack, weight, ticket, hashed, free[groups] // pack[starts],
            taken=-(-given[chosen] // pack), lot=lot[starts],
        )  # fmt: skip
        most, group = (packs * pack)[of], of[np.newaxis].astype(np.int32)
        order = np.lexsort((rows["retailer"].to_numpy()[at], of))
        out[at], _ = greedy.cut(order, group, bound.usable[at], most[np.newaxis].astype(np.int32), bound.pack[at], bound.lot[at])
        return out


def of(snapshot: Snapshot, planned: pd.Series, found: Allocated, expected: pd.DataFrame, rules: AllocationSettings) -> Shortage:
    """What the weeks of the order days that are planned can give, after a night has allocated the waiting lines (`found`).

    `planned`: the week of each retailer's next order day, in the order of `snapshot.retailers`. `expected`: retailer_id, brand_id, week,
    requested of those who have not ordered yet, as `found` was given them. What is claimed is what waiting lines were allocated and what
    is expected. Where less than a pack of a brand is left, its level is at 0.
    """
    ids, against = pd.Index(snapshot.brands["brand_id"]), bounds.given(snapshot)
    pack, weeks = snapshot.brands["pack_multiple"].to_numpy(np.int64), pd.DatetimeIndex(sorted(planned.unique())).as_unit("us")
    shape = (len(ids), len(weeks))
    threshold, turns, uniform = np.full(shape, UNLIMITED), np.zeros(shape, np.int64), np.ones(shape, bool)
    free, spare = np.full(shape, UNLIMITED), np.full(shape, UNLIMITED)
    claims = _claims(snapshot, planned, found, expected)
    for number, week in enumerate(weeks):
        supply, own = week_supply.of(snapshot, week, against, rules), claims[claims["week"] == week]
        limited = supply.left >= 0
        turns[:, number] = supply.turns
        for out, rows in ((free, own[~own["planned"]]), (spare, own)):
            claimed = np.bincount(rows["brand"], rows["cartons"], len(ids)).astype(np.int64)
            out[:, number] = np.where(limited, np.maximum(supply.left - claimed, 0), UNLIMITED)
        uniform[:, number] = ~np.isin(
            ids, found.levels.loc[(found.levels["week"] == week) & (found.levels["policy"] != Policy.UNIFORM), "brand_id"]
        )
        threshold[:, number] = np.where(limited & (supply.left < pack), 0, _in_force(ids, found, week))
    known = np.array([policies.not_known(snapshot, week) == "" for week in weeks], bool)
    tight = (snapshot.brands["supply_attribute"] == SupplyAttribute.TIGHT).to_numpy(bool)
    return Shortage(weeks, known, tight, threshold, uniform, turns, free, spare, rules)


def _claims(snapshot: Snapshot, planned: pd.Series, found: Allocated, expected: pd.DataFrame) -> pd.DataFrame:
    """What is claimed: brand, week, cartons, and whether in the week in which the retailer is planned."""
    both = ((found.lines, "allocated"), (expected, "requested"))
    retailer = np.concatenate([limits.codes(rows["retailer_id"], snapshot.retailers["retailer_id"], "retailer") for rows, _ in both])
    week = np.concatenate([pd.DatetimeIndex(rows["week"]).as_unit("us").to_numpy() for rows, _ in both])
    return pd.DataFrame(
        {
            "brand": np.concatenate([limits.codes(rows["brand_id"], snapshot.brands["brand_id"], "brand") for rows, _ in both]),
            "week": week,
            "cartons": np.concatenate([rows[column].to_numpy(np.float64) for rows, column in both]),
            "planned": week == planned.to_numpy("datetime64[us]")[retailer],
        }
    )


def _in_force(ids: pd.Index, found: Allocated, week: pd.Timestamp) -> Whole:
    """The threshold of each brand's level: that of the week, or a lower one at which what is left had to be shared; UNLIMITED: none."""
    levels = found.levels[(found.levels["week"] == week).to_numpy() & found.levels["threshold"].notna().to_numpy()]
    lines = found.lines[(found.lines["week"] == week).to_numpy() & found.lines["level"].notna().to_numpy()]
    known = np.concatenate([levels["threshold"].to_numpy(np.int64), fill.unpublished(lines["level"])])
    brand = np.concatenate([limits.codes(rows["brand_id"], ids.to_series(), "brand") for rows in (levels, lines)])
    out = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(out, brand, known)
    return np.where(out == np.iinfo(np.int64).max, UNLIMITED, out)
