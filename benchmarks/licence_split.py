"""What one shop gains by splitting into two licences, in a whole night's allocation of one short brand: with and without licence groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import policies, suggest
from benchmarks import mapped_city
from ordering import frames, settings
from ordering.frames import Snapshot

Whole = npt.NDArray[np.int64]
MONDAY = date(2026, 3, 2)
EVERY = 8
"""Every how many-th shop is tried, of those that get less than they need."""


def gains(need: Whole, level: Whole, supply: int) -> dict[str, dict[str, float]]:
    """Shops tried one after the other, all asking what they need: their needs, and what they get as one licence and as two, cartons."""
    whole = got(city(need, level, supply))
    cut = np.flatnonzero(whole < need)[::EVERY].tolist()
    found = {
        "one licence": whole[cut].sum(),
        "two licences of nobody known": sum(got(city(need, level, supply, split=shop))[shop] for shop in cut),
        "two licences of one group": sum(got(city(need, level, supply, split=shop, grouped=True))[shop] for shop in cut),
    }
    rows = {name: {"shops tried": len(cut), "needed": need[cut].sum(), "got": each} for name, each in found.items()}
    return {name: {key: float(value) for key, value in row.items()} | {"fill": row["got"] / row["needed"]} for name, row in rows.items()}


def got(known: Snapshot) -> Whole:
    """What each shop gets, both its licences together."""
    lines = policies.allocate(known, suggest.nobody_else(), settings.load().allocation).lines
    shop = lines["retailer_id"].astype("str").str[1:5].astype(int)
    return np.bincount(shop, lines["allocated"]).astype(np.int64)


def city(need: Whole, level: Whole, supply: int, *, split: int | None = None, grouped: bool = False) -> Snapshot:
    """One brand, whose waiting lines ask for what is needed. The shop `split` has a second licence of its level, and asks half by each."""
    shops = pd.DataFrame({"retailer_id": [f"R{shop:04d}" for shop in range(len(need))], "star_level": level, "asks": need})
    if split is not None:
        half = shops.iloc[[split]].assign(retailer_id=f"R{split:04d}-2", asks=need[split] // 2)
        shops.loc[split, "asks"] -= need[split] // 2
        shops = pd.concat([shops, half]).sort_values("retailer_id", ignore_index=True)
    of_one = shops["retailer_id"].str.startswith("R" if split is None else f"R{split:04d}") & grouped
    retailers = shops.drop(columns="asks").assign(
        name="店", district="D1", street="S1", area_type="urban", business_format="convenience", account_manager="M1", order_weekday=1,
        licence_group=np.where(of_one, "G1", ""),
    )  # fmt: skip
    wares = pd.DataFrame({"brand_id": ["B1"], "name": "牌", "manufacturer": "F1", "price_class": 2, "wholesale_price": 180.0})
    week = frames.day(MONDAY)
    asked = shops[shops["asks"] > 0].reset_index(drop=True)
    lines = pd.DataFrame(
        {"order_id": "O-" + asked["retailer_id"], "brand_id": "B1", "retailer_id": asked["retailer_id"], "order_date": week,
         "mode": "pre_order", "requested": asked["asks"], "allocated": None}
    )  # fmt: skip
    return _snapshot(retailers, wares, lines, [{"brand_id": "B1", "week": week, "available": supply}])


def _snapshot(retailers: pd.DataFrame, wares: pd.DataFrame, lines: pd.DataFrame, supply: Sequence[dict[str, object]]) -> Snapshot:
    tables = {"retailers": frames.conform(frames.RETAILERS, retailers), "brands": frames.conform(frames.BRANDS, wares)}
    kinds = {name: pd.CategoricalDtype(tables[table][name]) for name, table in (("retailer_id", "retailers"), ("brand_id", "brands"))}
    waiting = frames.conform(frames.ORDER_LINES, lines).astype(kinds).assign(week=frames.day(MONDAY))
    known = mapped_city.known_on({**tables, "order_lines": waiting.iloc[:0]}, MONDAY)
    return replace(known, waiting=waiting, supply=frames.conform(frames.CONTRACT["supply"], pd.DataFrame(list(supply))))
