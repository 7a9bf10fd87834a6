"""How fair a sharing was, by brand, week and star level: fill, envy, turns waited for, and requests against demand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import limits, needs
from ordering import frames
from ordering.frames import Snapshot

BY = ["week", "brand_id", "star_level"]
DROUGHT_WEEKS = 26
"""How far back turns are counted."""


def measured(snapshot: Snapshot, lines: pd.DataFrame, demand: pd.DataFrame | None) -> pd.DataFrame:
    """frames.FAIRNESS of allocated `lines` (frames.ALLOCATION): sums of cartons, and

    `envy`: the most packs that a claim which the level cut lies behind another of the same weight. The rule gives at most one, but for
    ties and lots. `drought`: the most weeks in a row, this one among them, in which a shop of that level asked for the brand, could have
    been given some, and was given nothing. `demand`: what consumers want of the pairs of these lines until their next visit.
    """
    if lines.empty:
        return frames.empty(frames.FAIRNESS)
    rows = limits.numbered(snapshot, lines)
    visits = snapshot.retailers["visit_every_weeks"].to_numpy(np.float64)[rows["retailer"]]
    pair = lines[["week"]].assign(key=rows["retailer"] * limits.WIDTH + rows["brand"])
    first = ~pair.duplicated().to_numpy()  # several lines of a pair want no more than one
    told = lines.assign(
        retailer=rows["retailer"].to_numpy(),
        brand=rows["brand"].to_numpy(),
        owner=rows["owner"].to_numpy(),
        star_level=limits.star_levels(snapshot, rows),
        demand=np.where(first, _demand(snapshot, demand, lines, rows) * visits, 0.0),
        brand_id=lines["brand_id"].astype("str"),
    )
    sums = told.groupby(BY)[["requested", "usable", "allocated", "demand"]].sum()
    found = sums.join(_envy(told)).join(_drought(snapshot, told)).fillna({"envy": 0, "drought": 0})
    return frames.conform(frames.FAIRNESS, found.assign(lines=told.groupby(BY).size()).reset_index())


def _demand(snapshot: Snapshot, demand: pd.DataFrame | None, lines: pd.DataFrame, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    out = np.zeros(len(lines))
    if demand is None or demand.empty:
        return out
    for week in lines["week"].unique():
        at = (lines["week"] == week).to_numpy()
        out[at] = np.nan_to_num(needs.of_lines(needs.of_pairs(snapshot, demand, week), rows[at]))
    return out


def _envy(told: pd.DataFrame) -> pd.Series:
    """By BY: packs of the best served claim less those of the worst served that the level cut, claims of equal weight; none below 0."""
    claim = told.groupby(["week", "brand_id", "owner"], sort=False).agg(
        allocated=("allocated", "sum"), usable=("usable", "sum"), taken=("taken", "first"), weight=("weight", "first"),
        pack=("pack_multiple", "first"), star_level=("star_level", "max"),
    ).reset_index()  # fmt: skip
    packs = (claim["taken"] + claim["allocated"]) // claim["pack"]
    best = packs.groupby([claim[name] for name in ("week", "brand_id", "weight")]).transform("max")
    behind = (best - packs).where(claim["allocated"] < claim["usable"], 0)
    return behind.groupby([claim[name] for name in BY]).max().rename("envy")


def _drought(snapshot: Snapshot, told: pd.DataFrame) -> pd.Series:
    """By BY: the most weeks in a row without a carton, this one among them, of pairs that could have been given some."""
    dry = told.groupby(["week", "retailer", "brand"], sort=False).agg(
        got=("allocated", "sum"), usable=("usable", "max"), star_level=("star_level", "first"), brand_id=("brand_id", "first")
    )
    dry = dry[(dry["got"] == 0) & (dry["usable"] > 0)].reset_index()
    past = snapshot.lines
    since = told["week"].min() - pd.Timedelta(weeks=DROUGHT_WEEKS)
    past = past[(past["week"] >= since) & (past["requested"] > 0) & past["allocated"].notna()]
    dry = dry.assign(key=dry["retailer"] * limits.WIDTH + dry["brand"])
    key = limits.pairs(snapshot, past)
    mine = np.isin(key, dry["key"])
    weeks = past[mine].assign(key=key[mine]).groupby(["key", "week"])["allocated"].sum().reset_index()
    parts = [part.assign(drought=1 + _dry_weeks(weeks[weeks["week"] < week], part["key"])) for week, part in dry.groupby("week")]
    return pd.concat(parts).groupby(BY)["drought"].max() if parts else pd.Series(dtype="int64", name="drought", index=_none())


def _dry_weeks(weeks: pd.DataFrame, keys: pd.Series) -> pd.Series:
    """How many of the last weeks of each pair in a row brought nothing; `weeks`: key, week, allocated."""
    served = weeks[weeks["allocated"] > 0].groupby("key")["week"].max()
    since = served.reindex(weeks["key"]).set_axis(weeks.index)
    return weeks[since.isna() | (weeks["week"] > since)].groupby("key").size().reindex(keys).fillna(0).astype("int64").set_axis(keys.index)


def _none() -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([pd.DatetimeIndex([]), pd.Index([], dtype="str"), pd.Index([], dtype="int64")], names=BY)
