"""Deliveries in the week of consumption: what brands in plenty were delivered, moved to the weeks in which it was wanted.

Shops stock up before a feast and live on their shelves after it, so the deliveries of the whole city run ahead of or behind what its
consumers want, by a week or two. The recovered demand knows, where tills report. A brand's own peaks, which the shared index smooths away,
are in its deliveries. So the deliveries are kept, times one ratio a week: recovered over delivered, over the brands in plenty.
Where nothing but deliveries is known the recovered demand flows with them, and the ratio is 1.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

NOISE_TO_SPREAD = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""
MOST_APART = 1.5
"""A brand that departs further from the others in a week counts as so far."""
CLEAR = 2.0
"""A week's ratio is believed as far as its square exceeds so many times the square of what weeks stray by in general."""


def in_consumption(history: pd.DataFrame, recovered: pd.DataFrame) -> pd.DataFrame:
    """`history` (brand_id, week, demand, tight) with the slack weeks' deliveries in the timing of `recovered` demand.

    `recovered`: frames.BRAND_DEMAND. Tight weeks, whose demand is recovered already, stay as they are.
    """
    wanted = recovered[["brand_id", "week", "demand"]].rename(columns={"demand": "recovered"})
    both = history.merge(wanted, on=["brand_id", "week"], how="left", validate="1:1")
    sold = both[~both["tight"] & (both["recovered"] > 0) & (both["demand"] > 0)]
    moved = both["demand"] * both["week"].map(_timing(sold)).fillna(1.0)
    return both.assign(demand=both["demand"].where(both["tight"], moved))[history.columns.tolist()]


def _timing(sold: pd.DataFrame) -> pd.Series:
    """Recovered over delivered by week, drawn to 1 where it does not stand out of how the weeks stray; what was delivered in all stays.

    A ratio of sums, in which no brand departs from the weighted middle of the brands by more than a factor MOST_APART: a single brand's
    peak is no matter of the week.
    """
    week, off = sold["week"], np.log(sold["recovered"] / sold["demand"])
    middle = week.map(_weighted_median(off, sold["recovered"], week))
    held = np.exp(off.clip(middle - np.log(MOST_APART), middle + np.log(MOST_APART)))
    sums = pd.DataFrame({"wanted": sold["recovered"], "delivered": sold["recovered"] / held}).groupby(week).sum()
    log = np.log(sums["wanted"] / sums["delivered"])
    usual = NOISE_TO_SPREAD * float(log.abs().median()) if len(log) else 0.0
    ratio = np.exp(log * (1 - CLEAR * usual**2 / (log**2).where(log != 0)).clip(lower=0.0).fillna(0.0))
    before = sold.groupby("week")["demand"].sum()
    after = float((before * ratio).sum())
    return ratio * (float(before.sum()) / after if after > 0 else 1.0)


def _weighted_median(values: pd.Series, weights: pd.Series, by: pd.Series) -> pd.Series:
    """The value of each group at which half of the group's weight is reached."""
    rows = pd.DataFrame({"by": by, "value": values, "weight": weights}).sort_values(["by", "value"], kind="stable")
    groups = rows.groupby("by")["weight"]
    reached = rows[groups.cumsum() >= groups.transform("sum") / 2]
    return reached.groupby("by")["value"].first()
