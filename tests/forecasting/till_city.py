"""A small city whose shops have tills and are counted, untidily: deliveries come one to four days after the order, counts fall on any day
and are sometimes a carton off, tills miss sales and whole weeks. What leaves by the back door, and what comes in by it, is put in by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pandas as pd

from ordering import frames
from ordering.frames import Snapshot
from tests import factories as f

WEEKS, BRANDS = 56, 10
DAYS = 7 * WEEKS


@dataclass(frozen=True)
class Town:
    """What the shops do. `out`, `into`: cartons a week that pairs (shop, brand) sell on, or buy, elsewhere."""

    shops: int = 60
    seed: int = 1
    level: float = 2.0  # cartons a week of a middling pair
    seen: float = 0.94  # share of sales that tills see
    silent: float = 0.06  # share of weeks in which a till reports nothing
    visits: float = 0.1  # chance of a week to be counted
    tills: float = 1.0
    miscount: float = 0.05
    out: dict[tuple[int, int], float] = field(default_factory=dict)
    into: dict[tuple[int, int], float] = field(default_factory=dict)
    hoard: dict[tuple[int, int], float] = field(default_factory=dict)  # cartons a week bought on top and kept


def build(town: Town) -> Snapshot:
    """Day by day: deliveries, sales, what goes and comes by the back door, counts in the evening; orders on the shop's weekday."""
    rng = np.random.default_rng(town.seed)
    shape = (town.shops, BRANDS)
    rate = town.level * rng.lognormal(0, 0.6, (town.shops, 1)) * rng.lognormal(0, 0.5, (1, BRANDS)) * rng.lognormal(0, 0.4, shape)
    extra = {name: _matrix(shape, getattr(town, name)) for name in ("out", "into", "hoard")}
    weekday, lag = rng.integers(0, 6, town.shops), rng.integers(1, 5, town.shops)
    has_till = rng.random(town.shops) < town.tills
    counted = rng.random((town.shops, DAYS)) < town.visits / 7
    stock = np.ceil(2.0 * rate).astype(np.int64)
    ordered = np.zeros((DAYS + 8, *shape), np.int64)
    wanted, kept, sold, lines, counts = np.zeros(shape), np.zeros(shape), np.zeros((WEEKS, *shape), np.int64), [], []
    for day in range(DAYS):
        for r in np.flatnonzero(weekday == day % 7):
            asked = np.maximum(np.ceil(2.2 * rate[r] + kept[r] + extra["hoard"][r] + extra["out"][r] - extra["into"][r] - stock[r]), 0)
            kept[r] += extra["hoard"][r]
            ordered[day + lag[r], r] += asked.astype(np.int64)
            lines += [(r, b, day, int(asked[b])) for b in np.flatnonzero(asked)]
        stock += ordered[day]
        gone = np.minimum(stock, rng.poisson(rate / 7))
        sold[day // 7] += gone
        stock += rng.poisson(extra["into"] / 7) - gone
        wanted += extra["out"] / 7
        left = np.minimum(np.floor(wanted), stock).astype(np.int64)
        wanted, stock = wanted - left, stock - left
        for r in np.flatnonzero(counted[:, day]):
            slip = (rng.random(BRANDS) < town.miscount) * rng.choice([-1, 1], BRANDS)
            counts += [(r, b, day, int(max(stock[r, b] + slip[b], 0))) for b in range(BRANDS)]
    scans = rng.binomial(sold, town.seen) * (rng.random((WEEKS, town.shops, 1)) > town.silent) * has_till[None, :, None]
    return _snapshot(town, lines, counts, scans)


def _matrix(shape: tuple[int, int], given: dict[tuple[int, int], float]) -> np.ndarray:
    out = np.zeros(shape)
    for at, value in given.items():
        out[at] = value
    return out


def _snapshot(town: Town, lines: list[tuple[int, ...]], counts: list[tuple[int, ...]], scans: np.ndarray) -> Snapshot:
    first = pd.Timestamp(f.MONDAY - timedelta(weeks=WEEKS))
    names = ["retailer_id", "brand_id", "day", "value"]
    asked, seen = (pd.DataFrame(rows, columns=names) for rows in (lines, counts))
    week, r, b = np.nonzero(scans)
    sold = pd.DataFrame({"retailer_id": r, "brand_id": b, "day": 7 * week, "value": scans[week, r, b]})
    for frame in (asked, seen, sold):
        frame["on"] = (first + pd.to_timedelta(frame["day"], unit="D")).astype("datetime64[us]")
        frame["retailer_id"] = frame["retailer_id"].map("R{:03}".format)
        frame["brand_id"] = frame["brand_id"].map("B{:02}".format)
    empty = f.snapshot(retailers=[f.retailer(f"R{r:03}") for r in range(town.shops)], brands=[f.brand(f"B{b:02}") for b in range(BRANDS)])
    kinds = dict(zip(("retailer_id", "brand_id"), empty.categories(), strict=True))
    history = frames.conform(frames.ORDER_LINES, asked.assign(
        order_id="O" + asked["retailer_id"] + asked["day"].astype("str"), order_date=asked["on"], mode="pre_order",
        requested=asked["value"], allocated=asked["value"],
    ).astype(kinds))  # fmt: skip
    monday = history["order_date"] - pd.to_timedelta(history["order_date"].dt.day_of_week, unit="D")
    return frames.Snapshot(**vars(empty) | {
        "lines": history.assign(week=monday.astype("datetime64[us]")),
        "stock_counts": frames.conform(frames.STOCK_COUNTS, seen.assign(counted_on=seen["on"], stock=seen["value"]).astype(kinds)),
        "scanned_sales": frames.conform(frames.SCANNED_SALES, sold.assign(week=sold["on"], sold=sold["value"]).astype(kinds)),
    })  # fmt: skip
