"""What the weeks before a month say of each retailer: purchases, sell-through, structure, integrity, cooperation.

Unknown is missing, never 0: a shop without a till and without counts has no sell-through. Sums are of whole numbers, so the order of
rows is of no matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

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
    """The lines, counts and scans of the window by number; days and weeks count from its first. `life`: each retailer's weeks in it."""

    def __init__(self, known: Snapshot, window: Window) -> None:
        self.first, end = day(window.first), day(window.end)
        self.weeks, self.retailers, self.brands = window.weeks, len(known.retailers), len(known.brands)
        counts, scans = known.stock_counts, known.scanned_sales
        self.counts = counts[(counts["counted_on"] >= self.first) & (counts["counted_on"] < end)]
        self.scans = scans[(scans["week"] >= self.first) & (scans["week"] < end)]
        within = ((known.lines["week"] >= self.first) & (known.lines["week"] < end)).to_numpy()
        lines = known.lines.loc[within, ["retailer_id", "brand_id", "order_date", "requested", "allocated"]]
        self.shop, self.brand = (lines[name].cat.codes.to_numpy(np.int64) for name in ("retailer_id", "brand_id"))
        self.on = self.days(lines["order_date"])
        self.asked = lines["requested"].to_numpy() > 0
        self.cartons = lines["allocated"].to_numpy(np.int64, na_value=0)
        fen = np.round(known.brands["wholesale_price"].to_numpy(np.float64) * 100).astype(np.int64)
        self.price = fen[self.brand]
        self.order_weekday = known.retailers["order_weekday"].to_numpy(np.int64)
        opened = known.retailers["active_from"].fillna(self.first).clip(lower=self.first)
        closed = known.retailers["active_to"].fillna(end).clip(upper=end - pd.Timedelta(days=1))
        begins = opened - pd.to_timedelta(opened.dt.day_of_week, unit="D")
        self.life = np.maximum((closed - begins).dt.days.to_numpy(np.int64) // 7 + 1, 0)

    def days(self, dates: pd.Series) -> Whole:
        """Days since the first of the window."""
        return (dates.to_numpy("datetime64[D]") - self.first.to_datetime64().astype("datetime64[D]")).astype(np.int64)

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
    shop, brand = (span.counts[name].cat.codes.to_numpy(np.int64) for name in ("retailer_id", "brand_id"))
    rows = pd.DataFrame({"pair": shop * span.brands + brand, "on": span.days(span.counts["counted_on"]), "stock": span.counts["stock"]})
    rows = rows.sort_values(["pair", "on"])
    first, last = rows.drop_duplicates("pair"), rows.drop_duplicates("pair", keep="last")
    apart = last["on"].to_numpy() - first["on"].to_numpy() >= LEAST_SPAN
    first, last = first[apart], last[apart]
    opened, closed = np.full((2, span.retailers * span.brands), -1, np.int32)
    opened[first["pair"]], closed[last["pair"]] = first["on"], last["on"]
    of_line = span.shop * span.brands + span.brand
    received = span.sums(span.cartons, (span.on >= opened[of_line]) & (span.on < closed[of_line]))
    counted = first["pair"].to_numpy() // span.brands
    opening, closing = (_by(counted, frame["stock"].to_numpy(np.int64), span.retailers) for frame in (first, last))
    return Flow(opening, received, opening + received - closing, np.bincount(counted, minlength=span.retailers) > 0)


def _scanned(span: _Span) -> Flow:
    """Over the weeks in which the till reported, LEAST_SPAN days of them at least; the opening stock is not known, and left out."""
    reported = _reports(span)
    sold = _by(span.scans["retailer_id"].cat.codes.to_numpy(np.int64), span.scans["sold"].to_numpy(np.int64), span.retailers)
    received = span.sums(span.cartons, reported[span.shop, span.on // 7])
    return Flow(np.zeros(span.retailers, np.int64), received, sold, reported.sum(axis=1) * 7 >= LEAST_SPAN)


def _reports(span: _Span) -> npt.NDArray[np.bool_]:
    """Whether each retailer's till reported in each week."""
    reported = np.zeros((span.retailers, span.weeks), bool)
    reported[span.scans["retailer_id"].cat.codes, span.days(span.scans["week"]) // 7] = True
    return reported


def _integrity(known: Snapshot, integrity: pd.DataFrame, window: Window) -> Floats:
    """The mean of the scores of the window's months, missing where there is none."""
    rows = integrity[integrity["month"].isin(window.months)].sort_values(["retailer_id", "month"])
    at = pd.Index(known.retailers["retailer_id"]).get_indexer(pd.Index(rows["retailer_id"].astype("str")))
    seen = at >= 0
    total = np.bincount(at[seen], weights=rows["score"].to_numpy(np.float64)[seen], minlength=len(known.retailers))
    return _over(total, np.bincount(at[seen], minlength=len(known.retailers)))


def _cooperation(span: _Span) -> Floats:
    """The mean of what is known of: orders placed on the order day ÷ orders; weeks reported by the till ÷ weeks, for shops with a till."""
    ordered = np.zeros((span.retailers, span.weeks * 7), bool)
    ordered[span.shop[span.asked], span.on[span.asked]] = True
    kept = ordered.reshape(span.retailers, span.weeks, 7)[np.arange(span.retailers), :, span.order_weekday - 1].sum(axis=1)
    regular = _over(kept, ordered.sum(axis=1))
    weeks = _reports(span).sum(axis=1)
    reporting = np.where(weeks > 0, np.minimum(_over(weeks, span.life), 1.0), np.nan)
    known = np.stack([regular, reporting])
    return _over(np.nansum(known, axis=0), (~np.isnan(known)).sum(axis=0))
