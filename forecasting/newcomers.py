"""Cold start: what a shop or a brand of which nothing is known yet may want, from shops and brands like it.

A new shop wants what shops of its area, format and level want on the mean. A new brand takes, of every shop's demand in its price class,
the share that brands launched earlier took in their first weeks. Both are guesses with a wide interval, good for a first suggestion and a
first claim on the supply; no request is judged by them, and what the lines of a whole week tell takes their place.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.states import Estimate, codes
from ordering import frames
from ordering.frames import Snapshot
from ordering.model import week_of

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

NEW_WEEKS = 8
"""A shop or brand begun so many weeks ago or later, and without a line of a whole week, is new."""
LEAST_PEERS = 10
"""Shops from which a group of peers is used; smaller groups make way for wider ones."""
LAUNCH_WEEKS = 8
"""Weeks after its launch in which a brand's share of its class is that of a launch."""
WITHOUT_FORERUNNER = 0.5
"""Where no brand was launched, a new one is taken for so much of a middling brand of its class."""
DISPERSION = 1.0
SPREAD = 0.6
"""Relative error of a new brand's forecast."""
NORMAL_80 = 1.2816
PEERS: tuple[list[str], ...] = (["area_type", "business_format", "star_level"], ["area_type", "business_format"], ["area_type"], [])
"""Who a shop's peers are, the nearest first."""


def pairs(known: Snapshot, estimate: Estimate, brand_demand: pd.DataFrame) -> pd.DataFrame:
    """`estimate.pairs` and beside them those of new shops and new brands (frames.PAIR_ESTIMATES, evidence "peers").

    `brand_demand`: frames.BRAND_DEMAND, which tells how earlier launches went. A shop or brand that has any pair is not new.
    """
    retailer, brand = codes(known, estimate.pairs)
    shops, wares = np.zeros(len(known.retailers), bool), np.zeros(len(known.brands), bool)
    shops[retailer], wares[brand] = True, True
    new_shops = _new(known, "retailer_id", known.retailers, "active_from", "active_to") & ~shops
    new_wares = _new(known, "brand_id", known.brands, "launched_on", "withdrawn_on") & ~wares
    if not shops.any() or not (new_shops.any() or new_wares.any()):
        return estimate.pairs
    sizes = _rates(known, estimate, new_shops)
    own = _launched(known, brand_demand)
    rate = np.zeros((len(known.retailers), len(known.brands)), np.float32)
    rate[new_shops] = sizes[new_shops]
    classes = known.brands["price_class"].to_numpy()
    for column in np.flatnonzero(new_wares):
        in_class = sizes[:, classes == classes[column]].sum(axis=1)
        rate[:, column] = own.get(classes[column], own.get(0, 0.0)) * np.where(in_class.sum() > 0, in_class, sizes.sum(axis=1))
    return _together(known, estimate.pairs, rate)


def _new(known: Snapshot, id_: str, table: pd.DataFrame, begins: str, ends: str) -> Truths:
    """Rows of `table` that began of late, or of which a line of this week or a waiting one is the first that was heard, and not ended."""
    monday = frames.day(week_of(known.business_date))
    heard = np.zeros(len(table), bool)
    for lines in (known.lines[known.lines["week"] >= monday], known.waiting):
        heard[lines[id_].cat.codes.to_numpy()] = True
    begun = (table[begins] >= monday - pd.Timedelta(weeks=NEW_WEEKS)).to_numpy(bool)
    ended = (table[ends] <= frames.day(known.business_date)).to_numpy(bool)
    return np.asarray((heard | begun) & ~ended)


def _rates(known: Snapshot, estimate: Estimate, new_shops: Truths) -> npt.NDArray[np.float32]:
    """Rates by retailer and brand, (retailers, brands): the estimated ones, and the mean of the nearest peers for new shops."""
    retailer, brand = codes(known, estimate.pairs)
    rates = np.zeros((len(known.retailers), len(known.brands)), np.float32)
    rates[retailer, brand] = estimate.pairs["rate"].to_numpy(np.float32)
    settled = np.zeros(len(known.retailers), bool)
    settled[retailer] = True
    left = np.flatnonzero(new_shops)
    for by in PEERS:
        group = known.retailers.groupby(by, sort=True).ngroup().to_numpy() if by else np.zeros(len(known.retailers), np.int64)
        count = np.bincount(group[settled], minlength=group.max() + 1)
        enough = (count >= LEAST_PEERS) | (not by)
        for shop in left[enough[group[left]]]:
            rates[shop] = rates[settled & (group == group[shop])].mean(axis=0, dtype=np.float64)
        left = left[~enough[group[left]]]
    return rates


def _launched(known: Snapshot, brand_demand: pd.DataFrame) -> dict[int, float]:
    """The share of its price class's demand that a brand takes in its first weeks, by class; 0 stands for classes without any brand.

    share = sum over launches of the brand's demand in its first weeks / sum of its class's demand in the same weeks.
    """
    rows = brand_demand.merge(known.brands[["brand_id", "price_class", "launched_on"]], on="brand_id", how="inner", validate="m:1")
    if rows.empty:
        return {}
    whole = rows.groupby(["price_class", "week"], sort=True)["demand"].sum().rename("whole").reset_index()
    rows = rows.merge(whole, on=["price_class", "week"], how="left", validate="m:1")
    age = rows["week"] - rows["launched_on"]
    seen = rows["launched_on"] > rows["week"].min()  # who was there before the first week was launched unseen
    first = rows[seen & (age > -pd.Timedelta(weeks=1)) & (age < pd.Timedelta(weeks=LAUNCH_WEEKS))]
    if first["whole"].sum() > 0:
        return {0: float(first["demand"].sum() / first["whole"].sum())}
    late = rows[rows["week"] > rows["week"].max() - timedelta(weeks=13)]
    sums = late.groupby(["price_class", "brand_id"], sort=True)["demand"].sum()
    share = (sums / sums.groupby("price_class").transform("sum")).groupby("price_class").median()
    return {0: WITHOUT_FORERUNNER * float(share.min())} | {
        int(number): WITHOUT_FORERUNNER * float(value) for number, value in share.items()
    }


def _together(known: Snapshot, settled: pd.DataFrame, rate: npt.NDArray[np.float32]) -> pd.DataFrame:
    retailer, brand = np.nonzero(rate)
    shops, wares = known.categories()
    monday = frames.day(week_of(known.business_date))
    found = pd.DataFrame({
        "retailer_id": pd.Categorical.from_codes(retailer, dtype=shops), "brand_id": pd.Categorical.from_codes(brand, dtype=wares),
        "rate": rate[retailer, brand].astype(np.float64), "dispersion": DISPERSION, "evidence": "peers", "from_week": monday,
        "to_week": monday,
    })  # fmt: skip
    return frames.conform(frames.PAIR_ESTIMATES, pd.concat([settled, found], ignore_index=True), check=False)


def forecast(predicted: pd.DataFrame, live_rate: pd.DataFrame) -> pd.DataFrame:
    """`predicted` (frames.BRAND_FORECAST) and beside it the brands of `live_rate` that it lacks: the sum of their pairs' rates.

    `live_rate`: brand_id, district, week, rate.
    """
    sums = live_rate.groupby(["brand_id", "week"], sort=True)["rate"].sum().rename("demand").reset_index()
    fresh = sums[~sums["brand_id"].isin(predicted["brand_id"]) & sums["week"].isin(predicted["week"].unique())]
    if fresh.empty:
        return predicted
    at = {"p10": max(1 - NORMAL_80 * SPREAD, 0.0), "p50": 1.0, "p90": 1 + NORMAL_80 * SPREAD}
    fresh = fresh.assign(method="peers", **{name: fresh["demand"] * factor for name, factor in at.items()})
    return frames.conform(frames.BRAND_FORECAST, pd.concat([predicted, fresh], ignore_index=True))
