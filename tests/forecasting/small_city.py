"""A small city whose true rates are known: honest shops reorder what they sold or did not get; brands are ample, tight, or both in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from ordering import frames
from ordering.frames import Snapshot
from tests import factories

WEEKS = 64
SHOPS = 40


@dataclass(frozen=True)
class SmallCity:
    """`rate[shop, brand]`: true cartons a week; `given[shop, brand, week]`."""

    snapshot: Snapshot
    rate: np.ndarray
    given: np.ndarray


def build(shares: tuple[str, ...] = ("ample",) * 4, *, seed: int = 1, shops: int = SHOPS, scans: tuple[int, ...] = ()) -> SmallCity:
    """One brand per entry of `shares`: "ample", "tight" (six tenths of demand arrives) or "turns" (every second 16 weeks are tight)."""
    rng = np.random.default_rng(seed)
    size, popular = rng.lognormal(0.3, 0.5, shops), rng.lognormal(0.2, 0.3, len(shares))
    rate = size[:, None] * popular * rng.lognormal(0, 0.3, (shops, len(shares)))
    asked, given, sold = (np.zeros((shops, len(shares), WEEKS), np.int64) for _ in range(3))
    stock = np.ceil(2 * rate).astype(np.int64)
    for t in range(WEEKS):
        asked[:, :, t] = np.maximum(np.ceil(2 * rate + 1) - stock, 0)
        for b, kind in enumerate(shares):
            tight = kind == "tight" or (kind == "turns" and t // 16 % 2)
            supply = int(0.6 * rate[:, b].sum()) if tight else 10**6
            given[:, b, t] = _shared(asked[:, b, t], supply, rng)
        stock += given[:, :, t]
        sold[:, :, t] = np.minimum(stock, rng.poisson(rate))
        stock -= sold[:, :, t]
    return SmallCity(_snapshot(shares, asked, given, sold, scans), rate, given)


def _shared(asked: np.ndarray, supply: int, rng: np.random.Generator) -> np.ndarray:
    """Every carton asked for has the same chance; whole cartons."""
    if asked.sum() <= supply:
        return asked
    return rng.multivariate_hypergeometric(asked, supply)


def _snapshot(shares: tuple[str, ...], asked: np.ndarray, given: np.ndarray, sold: np.ndarray, scans: tuple[int, ...]) -> Snapshot:
    shops, brands, weeks = asked.shape
    monday = factories.MONDAY - timedelta(weeks=weeks)
    empty = factories.snapshot(
        retailers=[factories.retailer(f"R{r:02}", district=f"D{r % 2}", street=f"S{r % 8}") for r in range(shops)],
        brands=[factories.brand(f"B{b}") for b in range(brands)],
        scanned_sales=[
            {"retailer_id": f"R{r:02}", "brand_id": f"B{b}", "week": monday + timedelta(weeks=t), "sold": int(sold[r, b, t])}
            for r in scans for b in range(brands) for t in range(weeks) if sold[r, b, t]
        ],
    )  # fmt: skip
    r, b, t = np.nonzero(asked)
    on = pd.Timestamp(monday) + pd.to_timedelta(7 * t + 1, unit="D")
    kinds = empty.categories()
    lines = pd.DataFrame({
        "order_id": [f"O{i}-{w}" for i, w in zip(r, t, strict=True)], "brand_id": pd.Categorical.from_codes(b, dtype=kinds[1]),
        "retailer_id": pd.Categorical.from_codes(r, dtype=kinds[0]), "order_date": on, "mode": "pre_order",
        "requested": asked[r, b, t], "allocated": given[r, b, t],
    })  # fmt: skip
    lines = frames.conform(frames.ORDER_LINES, lines)
    return replace(empty, lines=lines.assign(week=(lines["order_date"] - pd.Timedelta(days=1)).astype("datetime64[us]")))


def with_lines(snapshot: Snapshot, lines: pd.DataFrame) -> Snapshot:
    return replace(snapshot, lines=lines.reset_index(drop=True))


def last_monday(snapshot: Snapshot) -> date:
    """The Monday of the last week with lines."""
    last: pd.Timestamp = snapshot.lines["week"].max()
    return last.date()


def until(snapshot: Snapshot, day: date) -> Snapshot:
    """What was known at the start of `day`, a day of the last week with lines: no till of that week has reported."""
    at = frames.day(day)
    return replace(
        snapshot,
        business_date=day,
        lines=snapshot.lines[snapshot.lines["order_date"] < at].reset_index(drop=True),
        stock_counts=snapshot.stock_counts[snapshot.stock_counts["counted_on"] < at].reset_index(drop=True),
        scanned_sales=snapshot.scanned_sales[snapshot.scanned_sales["week"] < snapshot.lines["week"].max()].reset_index(drop=True),
    )


def fivefold(snapshot: Snapshot, retailer_id: str, weeks: int = 26, before: int = 0) -> Snapshot:
    """One retailer asks five times as much in `weeks` weeks, the last or those `before` them, and gets what it got."""
    lines, end = snapshot.lines, pd.Timestamp(factories.MONDAY) - pd.Timedelta(weeks=before)
    his = (lines["retailer_id"] == retailer_id) & (lines["week"] >= end - pd.Timedelta(weeks=weeks)) & (lines["week"] < end)
    return with_lines(snapshot, lines.assign(requested=lines["requested"].where(~his, 5 * lines["requested"]).astype("int32")))
