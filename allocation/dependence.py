"""Retailers that hang on one brand while it is short."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocation import limits, peers, stock
from allocation.shortage import Shortage
from ordering import frames
from ordering.advice import DEPENDENCE
from ordering.frames import Snapshot, day
from ordering.model import Reason
from ordering.settings import SuggestSettings


def warnings(snapshot: Snapshot, suggestions: pd.DataFrame, supply: Shortage, rules: SuggestSettings) -> pd.DataFrame:
    """DEPENDENCE: retailers whose largest brand is short in the week of their order day, or short for all that is suggested of it, and has
    a share of `rules.dependence_share` or more in their estimated demand.

    share = demand of the brand ÷ demand of all brands; hhi = Σ share² over all brands (Herfindahl); purchased = the brand's part of what
    the retailer received in the last eight weeks, missing where that was nothing. Of brands of equal demand the first by id counts.
    """
    rate = peers.matrix(snapshot, suggestions, suggestions["demand"].to_numpy(np.float64, na_value=0.0))
    share = peers.shares(rate)
    top = share.argmax(axis=1)
    pair = limits.pairs(snapshot, suggestions)
    retailer, brand = pair // limits.WIDTH, pair % limits.WIDTH
    column = supply.column(limits.numbered(snapshot, suggestions.rename(columns={"order_day": "order_date"}))["week"])
    lacking = suggestions["reason"].isin([name for name in suggestions["reason"].unique() if str(Reason.LEVEL) in name.split("+")])
    short = supply.short(brand, column) | lacking.to_numpy(bool)
    at = np.flatnonzero((brand == top[retailer]) & (share[retailer, brand] >= rules.dependence_share) & short)
    shop, ware = retailer[at], brand[at]
    bought = _received(snapshot)
    whole = bought.sum(axis=1)[shop]
    found = suggestions.iloc[at][["retailer_id", "brand_id", "week", "suggested"]].assign(
        share=np.minimum(share[shop, ware], 1.0),
        purchased=np.divide(bought[shop, ware], whole, out=np.full(len(at), np.nan), where=whole > 0),
        hhi=np.minimum((share[shop] ** 2).sum(axis=1), 1.0),
        needed=suggestions["need"].to_numpy(np.int64, na_value=0)[at],
    )
    return frames.conform(DEPENDENCE, found)


def _received(snapshot: Snapshot) -> peers.Floats:
    """Cartons received in the last weeks, by retailer and brand."""
    since = day(snapshot.business_date) - pd.Timedelta(weeks=stock.RECENT_WEEKS)
    lines = snapshot.lines[snapshot.lines["order_date"] >= since]
    return peers.matrix(snapshot, lines, lines["allocated"].to_numpy(np.float64, na_value=0.0))
