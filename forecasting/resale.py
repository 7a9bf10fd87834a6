"""Signals: where what a shop bought, what its till sold and what was counted on its shelf do not fit together.

Each pair of retailer and brand is tested against an honest shop (flow_tests); over the city the share of false signals is bounded
(Benjamini & Hochberg 1995). A signal is a question, and says what to look at first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import flow_tests, flows
from forecasting.flows import Floats, Flows, Truths
from ordering import conduct, frames, model
from ordering.conduct import Signal
from ordering.frames import Snapshot
from ordering.settings import SignalSettings

REASONS: Mapping[Signal, tuple[str, str]] = MappingProxyType({
    Signal.SOLD_ELSEWHERE: (
        "More left the shop, by its counts and deliveries, than its till sold: {cartons} cartons went another way.",
        "按盘点和到货推算，流出量超过扫码销量，约 {cartons} 条去向不明。"),
    Signal.BOUGHT_ELSEWHERE: (
        "The till sold more than the shop had and was delivered: {cartons} cartons came from elsewhere.",
        "扫码销量超过库存与到货之和，约 {cartons} 条另有来源。"),
    Signal.PILES_UP: (
        "The stock counted is more than three and a half months of sales, by {cartons} cartons, and the shop goes on buying.",
        "盘点库存超过三个半月销量 {cartons} 条，且仍在进货。"),
    Signal.UNACCOUNTED: (
        "Far more was delivered than the till sold: {cartons} cartons, beyond a stock of three and a half months, are on the shelf or went "
        "another way. Count the stock first.",
        "到货远多于扫码销量，除三个半月库存外另有 {cartons} 条，或在库，或已流出，请先盘点。"),
    Signal.NEVER_SCANNED: (
        "The till knows no sale of this brand, though {cartons} cartons should have sold. Look first whether it is scanned at all.",
        "扫码系统无该品牌销售记录，而应已售出 {cartons} 条，请先核实该品牌是否扫码。"),
    Signal.TILL_INCOMPLETE: (
        "Over all brands the till sold {cartons} cartons less than the shop bought. Perhaps not every sale is scanned.",
        "全部品牌合计，扫码销量比进货量少 {cartons} 条，可能并非每笔销售都扫码。"),
})  # fmt: skip
"""Every signal with its words in English and Chinese."""

LEAST_LEFT = 3.0
"""Cartons of a brand that must have left a shop for the share that its till saw to be compared."""
LOW_TILL = 0.7
"""A till that sees less than this part of what other tills see is incomplete."""
TILL_BRANDS = 5
"""Brands that must be compared before anything is said of a till."""


def signals(snapshot: Snapshot, rules: SignalSettings) -> pd.DataFrame:
    """conduct.SIGNALS of the last `rules.weeks` weeks: pairs, and whole tills (brand ""), whose records do not fit together."""
    flow = flows.measure(snapshot, rules.weeks)
    seen, tills = coverage(flow, len(snapshot.retailers))
    found = pd.concat([_pairs(snapshot, flow, seen[flow.retailer]), _tills(snapshot, flow, tills)], ignore_index=True)
    found = found[found["adjusted"] <= rules.false_share]
    first = found.sort_values(["retailer_id", "brand_id", "rank"]).drop_duplicates(["retailer_id", "brand_id"])
    return frames.conform(conduct.SIGNALS, first, check=False)


def coverage(flow: Flows, retailers: int) -> tuple[Floats, pd.DataFrame]:
    """The share of sales that each shop's till sees, at most 1; and the shops compared: retailer, seen, brands, usual.

    The median over the shop's brands of sold ÷ left: one brand that leaves by the back door does not move it. A shop with few brands
    is taken to scan as the city's shops do.
    """
    change = np.nan_to_num(flow.closing - flow.opening)  # of the stock, where both ends were counted
    left = (flow.sure + flow.most) / 2 - change
    use = flow.has_till & (left >= LEAST_LEFT)
    frame = pd.DataFrame({"retailer": flow.retailer[use], "share": flow.scanned[use] / (left * flow.reported)[use]})
    shops = frame.groupby("retailer", sort=True)["share"].agg(seen="median", brands="size").reset_index()
    usual = float(shops.loc[shops["brands"] >= TILL_BRANDS, "seen"].median())
    usual = min(usual, 1.0) if usual == usual else 1.0
    shops = shops[shops["brands"] >= TILL_BRANDS].assign(usual=usual)
    out = np.full(retailers, usual)
    out[shops["retailer"]] = np.clip(shops["seen"], LOW_TILL * usual, 1.0)
    return out, shops


def _pairs(snapshot: Snapshot, flow: Flows, seen: Floats) -> pd.DataFrame:
    """Every pair that a test speaks of, one row per test, with the p-value adjusted over all pairs that could be tested."""
    tests = {
        Signal.SOLD_ELSEWHERE: flow_tests.sold_elsewhere(flow, seen),
        Signal.BOUGHT_ELSEWHERE: flow_tests.bought_elsewhere(flow),
        Signal.PILES_UP: flow_tests.piles_up(flow, seen),
        Signal.UNACCOUNTED: flow_tests.unaccounted(flow, seen),
    }
    shop, brand = snapshot.retailers["retailer_id"].to_numpy(), snapshot.brands["brand_id"].to_numpy()
    parts = []
    for rank, (signal, found) in enumerate(tests.items()):
        at = np.flatnonzero(found.p < 1)
        never = (flow.scanned[at] == 0) & (signal in (Signal.SOLD_ELSEWHERE, Signal.UNACCOUNTED))
        parts.append(pd.DataFrame({
            "retailer_id": shop[flow.retailer[at]], "brand_id": brand[flow.brand[at]],
            "signal": np.where(never, str(Signal.NEVER_SCANNED), str(signal)), "rank": rank,
            "from_on": _date(flow.from_day[at] + 1), "to_on": _date(flow.to_day[at]),
            "opening": flow.opening[at], "received": np.where(signal is Signal.BOUGHT_ELSEWHERE, flow.most, flow.sure)[at],
            "closing": flow.closing[at], "scanned": flow.scanned[at], "reported": flow.reported[at],
            "cartons": found.cartons[at], "p_value": found.p[at], "adjusted": adjusted(found.p, found.tested)[at],
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def adjusted(p: Floats, tested: Truths) -> Floats:
    """p-values with the share of false signals among all at least as strong (Benjamini & Hochberg); 1 where nothing was tested."""
    from scipy.stats import false_discovery_control

    out = np.ones(len(p))
    if tested.any():
        out[tested] = false_discovery_control(p[tested], method="bh")
    return out


def _date(day: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    return day.astype("datetime64[D]").astype("datetime64[us]")


def _tills(snapshot: Snapshot, flow: Flows, shops: pd.DataFrame) -> pd.DataFrame:
    """Shops whose till sees less than the city's tills do: over all brands, and of the middling brand, so that no one brand makes it."""
    use = flow.has_till
    whole = pd.DataFrame({
        "retailer": flow.retailer[use], "received": flow.sure[use], "left": flow_tests.least_out(flow)[use], "scanned": flow.scanned[use],
        "reported": flow.reported[use], "from_day": flow.from_day[use], "to_day": flow.to_day[use],
    })  # fmt: skip
    sums = {"received": "sum", "left": "sum", "scanned": "sum", "reported": "mean", "from_day": "min", "to_day": "max"}
    rows = shops.merge(whole.groupby("retailer").agg(sums).reset_index(), on="retailer", how="left", validate="1:1")
    cartons = (rows["left"] - rows["scanned"] / (rows["usual"] * rows["reported"])).to_numpy()
    far = (rows["seen"] < LOW_TILL * rows["usual"]) & flow_tests.matters(cartons, rows["left"].to_numpy())
    left, chance = np.floor(rows["left"]).to_numpy(), np.clip(rows["usual"] * rows["reported"], 0.01, 0.99).to_numpy()
    p = flow_tests.p_values(far.to_numpy(), lambda at: flow_tests.beta_binomial(rows["scanned"].to_numpy()[at], left[at], chance[at]))
    rows = rows.assign(cartons=cartons, p_value=p, adjusted=adjusted(p, np.ones(len(p), bool)))[far]
    return rows.assign(
        retailer_id=snapshot.retailers["retailer_id"].to_numpy()[rows["retailer"]], brand_id=model.ALL, signal=str(Signal.TILL_INCOMPLETE),
        rank=len(Signal), from_on=_date(rows["from_day"].to_numpy() + 1), to_on=_date(rows["to_day"].to_numpy()),
        opening=np.nan, closing=np.nan,
    )  # fmt: skip


def words(signals: pd.DataFrame) -> pd.DataFrame:
    """The sentence of each signal, in columns english and chinese."""
    said = [
        tuple(text.format(cartons=round(cartons)) for text in REASONS[Signal(signal)])
        for signal, cartons in zip(signals["signal"], signals["cartons"], strict=True)
    ]
    return pd.DataFrame(said, columns=["english", "chinese"], index=signals.index, dtype="str")
