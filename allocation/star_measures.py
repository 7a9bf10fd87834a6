"""What the weeks before a month say of each retailer: purchases, sell-through, structure, integrity, cooperation.

Unknown is missing, never 0: a shop without a till and without counts has no sell-through. Sums are of whole numbers, so the order of
rows is of no matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import limits
from ordering import frames, ratings, strategy
from ordering.frames import Snapshot, day
from ordering.ratings import Window, month_after
from ordering.settings import RatingSettings

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

CASE = 250
"""Cartons in a case: structure is yuan per case."""
DIGITS = 6
"""Decimals of a measure: equals are ranked as equals, whatever their last bits."""
LEAST_SPAN = 28
"""Days between two counts of a shelf, and days that a till must have reported, before they say how much was sold."""


def measured(known: Snapshot, integrity: pd.DataFrame, window: Window, rules: RatingSettings) -> pd.DataFrame:
    """ratings.FACTS of every retailer of `known` that is not closed before the month's first Monday.

    `known`: what is known on the day the window ends, with lines from its first week on; `integrity`: frames.INTEGRITY.
    """
    span = _Span(known, window)
    received, value = span.sums(span.cartons), span.sums(span.cartons * span.price)
    ratio, sold_share = _sell_through(span, rules)
    bought = _over(value / 100 if rules.purchases_in == "yuan" else received, span.life)
    counted = bought * np.minimum(np.where(np.isnan(sold_share), np.inf, sold_share) / rules.full_sell_through, 1.0)
    found = known.retailers[["retailer_id", "area_type", "business_format", "district", "street"]].assign(
        previous=strategy.levels(known, pd.Index([month_after(window.month, -1)]))[:, 0],
        weeks=span.life,
        bought=bought,
        sold_share=sold_share,
        purchases=counted,
        sell_through=ratio,
        structure=_over(value / 100 * CASE, received),
        integrity=_integrity(known, integrity, window),
        cooperation=_cooperation(span),
    )
    found = found.round(DIGITS)
    closes = known.retailers["active_to"]
    return frames.conform(ratings.FACTS, found[closes.isna() | (closes >= day(ratings.first_monday(window.month)))])


class _Span:
    """The lines, counts and scans of the window by number. `life`: each retailer's weeks of life in it."""

    def __init__(self, known: Snapshot, window: Window) -> None:
        first, end = day(window.first), day(window.end)
        lines = known.lines[(known.lines["week"] >= first) & (known.lines["week"] < end)]
        counts, scans = known.stock_counts, known.scanned_sales
        self.known, self.lines = known, lines
        self.counts = counts[(counts["counted_on"] >= first) & (counts["counted_on"] < end)]
        self.scans = scans[(scans["week"] >= first) & (scans["week"] < end)]
        self.retailers = len(known.retailers)
        self.shop = lines["retailer_id"].cat.codes.to_numpy(np.int64)
        self.cartons = lines["allocated"].to_numpy(np.int64, na_value=0)
        fen = np.round(known.brands["wholesale_price"].to_numpy(np.float64) * 100).astype(np.int64)
        self.price = fen[lines["brand_id"].cat.codes.to_numpy()]
        opened = known.retailers["active_from"].fillna(first).clip(lower=first)
        closed = known.retailers["active_to"].fillna(end).clip(upper=end - pd.Timedelta(days=1))
        begins = opened - pd.to_timedelta(opened.dt.day_of_week, unit="D")
        self.life = np.maximum((closed - begins).dt.days.to_numpy(np.int64) // 7 + 1, 0)

    def sums(self, quantities: Whole, chosen: npt.NDArray[np.bool_] | None = None) -> Whole:
        """Σ of the lines' quantities per retailer, of the chosen ones alone."""
        shop = self.shop if chosen is None else self.shop[chosen]
        return _by(shop, quantities if chosen is None else quantities[chosen], self.retailers)


def _by(shop: Whole, quantities: Whole, retailers: int) -> Whole:
    return np.bincount(shop, weights=quantities, minlength=retailers).astype(np.int64)


def _over(above: npt.NDArray[np.number], below: npt.NDArray[np.number]) -> Floats:
    """above ÷ below, missing where nothing stands below."""
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)


class Flow(NamedTuple):
    """Cartons of each retailer over the pairs, or weeks, of which it is known what was sold."""

    opening: Whole
    received: Whole
    sold: Whole
    enough: npt.NDArray[np.bool_]


def _sell_through(span: _Span, rules: RatingSettings) -> tuple[Floats, Floats]:
    """Sell-through, sold ÷ (opening + received) within 0 and 1, and sold ÷ received; missing where neither source tells."""
    ratio, share = np.full(span.retailers, np.nan), np.full(span.retailers, np.nan)
    sources = {"counts": _counted, "tills": _scanned}
    for name in rules.sell_through_from:
        flow = sources[name](span)
        told = np.isnan(ratio) & flow.enough & (flow.opening + flow.received > 0)
        ratio = np.where(told, np.clip(_over(flow.sold, flow.opening + flow.received), 0, 1), ratio)
        share = np.where(told, np.maximum(_over(flow.sold, flow.received), 0), share)
    return ratio, share


def _counted(span: _Span) -> Flow:
    """Between the first and the last count of each pair, at least LEAST_SPAN days apart: sold = opening + received − closing.

    An order dated on the day of a count was delivered after it.
    """
    rows = pd.DataFrame(
        {
            "pair": limits.pairs(span.known, span.counts),
            "on": span.counts["counted_on"].to_numpy("datetime64[D]").astype(np.int64),
            "stock": span.counts["stock"].to_numpy(np.int64),
        }
    ).sort_values(["pair", "on"])
    first, last = rows.drop_duplicates("pair"), rows.drop_duplicates("pair", keep="last")
    apart = last["on"].to_numpy() - first["on"].to_numpy() >= LEAST_SPAN
    pair, opened, closed = (frame[column].to_numpy()[apart] for frame, column in ((first, "pair"), (first, "on"), (last, "on")))
    of_line = limits.pairs(span.known, span.lines)
    at = np.minimum(np.searchsorted(pair, of_line), max(len(pair) - 1, 0))
    on = span.lines["order_date"].to_numpy("datetime64[D]").astype(np.int64)
    within = (pair[at] == of_line) & (on >= opened[at]) & (on < closed[at]) if len(pair) else np.zeros(len(on), bool)
    shop = pair // limits.WIDTH
    opening, closing = (_by(shop, frame["stock"].to_numpy()[apart], span.retailers) for frame in (first, last))
    received = span.sums(span.cartons, within)
    return Flow(opening, received, opening + received - closing, np.bincount(shop, minlength=span.retailers) > 0)


def _scanned(span: _Span) -> Flow:
    """Over the weeks in which the till reported, LEAST_SPAN days of them at least; the opening stock is not known, and left out."""
    reported, at = _reports(span)
    within = np.isin(span.shop * limits.WIDTH + _week(span.lines), reported)
    sold = _by(at, span.scans["sold"].to_numpy(np.int64), span.retailers)
    weeks = np.bincount(reported // limits.WIDTH, minlength=span.retailers)
    return Flow(np.zeros(span.retailers, np.int64), span.sums(span.cartons, within), sold, weeks * 7 >= LEAST_SPAN)


def _reports(span: _Span) -> tuple[Whole, Whole]:
    """The retailers and weeks of which a till reported, as numbers, each once; and the retailer of each scan."""
    at = span.scans["retailer_id"].cat.codes.to_numpy(np.int64)
    return np.unique(at * limits.WIDTH + _week(span.scans)), at


def _week(rows: pd.DataFrame) -> Whole:
    return (rows["week"].to_numpy("datetime64[D]").astype(np.int64) + 3) // 7


def _integrity(known: Snapshot, integrity: pd.DataFrame, window: Window) -> Floats:
    """The mean of the scores of the window's months, missing where there is none."""
    rows = integrity[integrity["month"].isin(window.months)].sort_values(["retailer_id", "month"])
    at = pd.Index(known.retailers["retailer_id"]).get_indexer(pd.Index(rows["retailer_id"].astype("str")))
    seen = at >= 0
    total = np.bincount(at[seen], weights=rows["score"].to_numpy(np.float64)[seen], minlength=len(known.retailers))
    return _over(total, np.bincount(at[seen], minlength=len(known.retailers)))


def _cooperation(span: _Span) -> Floats:
    """The mean of what is known of: orders placed on the order day ÷ orders; weeks reported by the till ÷ weeks, for shops with a till."""
    on = span.lines["order_date"].to_numpy("datetime64[D]").astype(np.int64)
    asked = span.lines["requested"].to_numpy() > 0
    orders = np.unique(span.shop[asked] * limits.WIDTH + on[asked])
    shop, weekday = orders // limits.WIDTH, (orders % limits.WIDTH + 3) % 7 + 1
    kept = weekday == span.known.retailers["order_weekday"].to_numpy()[shop]
    regular = _over(np.bincount(shop[kept], minlength=span.retailers), np.bincount(shop, minlength=span.retailers))
    weeks = np.bincount(_reports(span)[0] // limits.WIDTH, minlength=span.retailers)
    reporting = np.where(weeks > 0, np.minimum(_over(weeks, span.life), 1.0), np.nan)
    known = np.stack([regular, reporting])
    return _over(np.nansum(known, axis=0), (~np.isnan(known)).sum(axis=0))
