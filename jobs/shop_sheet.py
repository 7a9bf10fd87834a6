"""What a retailer is shown on paper: the night's suggestions with their reasons in words, and how its orders were filled."""

from __future__ import annotations

import pandas as pd

from allocation import suggest_words
from jobs import breakdown, reviewing
from jobs.advising import COLUMNS
from jobs.breakdown import Asked, Breakdown
from jobs.exports import Source
from ordering.review import Filter

SIZE = ("worth", "suggested", "requested")
"""By what lines are sorted, the largest first; `worth`: what was decided, else what was suggested."""


def lines(source: Source, retailer_id: str) -> pd.DataFrame:
    """The retailer's lines for review (review.SHOWN) with their reasons in columns english and chinese, the largest first."""
    found = reviewing.listed(source, Filter(retailer=retailer_id))
    rows = source.result("suggestions", retailer_id=retailer_id)
    told = {name: [suggest_words.words(row, language) for row in rows.to_dict("records")] for language, name in COLUMNS.items()}
    said = pd.DataFrame({"brand_id": rows["brand_id"].astype("str"), "order_day": rows["order_day"], **told})
    both = found.merge(said, on=["brand_id", "order_day"], how="left", validate="1:1").fillna(dict.fromkeys(COLUMNS.values(), ""))
    both = both.assign(worth=both["final"].fillna(both["suggested"]))
    order = dict.fromkeys(SIZE, False) | {"brand_id": True}
    return both.sort_values(list(order), ascending=list(order.values()), ignore_index=True).drop(columns="worth")


def rates(source: Source, retailer_id: str) -> Breakdown | None:
    """The retailer's rates in the newest whole month, over all its brands; None where it never asked."""
    return breakdown.breakdown(source, Asked("star", within={"retailer": retailer_id}))
