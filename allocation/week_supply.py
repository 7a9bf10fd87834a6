"""What a week has of each brand: supply, what of it is left, turns before, and the level that an earlier night stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import limits
from allocation.fill import UNLIMITED
from allocation.limits import Whole
from ordering.frames import Snapshot
from ordering.settings import AllocationSettings

NAMES = np.dtype("U16")
"""The names of policies in arrays."""


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


def of(snapshot: Snapshot, week: pd.Timestamp, against: pd.DataFrame, settings: AllocationSettings) -> WeekSupply:
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
    turns[at] = stored["turns"].to_numpy(np.int64)  # a supply row that comes in late moves no ticket in the middle of a week
    kept[at], threshold[at] = True, stored["threshold"].to_numpy(np.int64, na_value=UNLIMITED)
    policy = np.full(n, "", NAMES)
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
