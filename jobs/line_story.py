"""What a suggestion was made of, for one who looks at it: its sentences, its inputs as they were, and the weeks before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from allocation import suggest
from forecasting import demand
from jobs import advising
from jobs.exports import Source
from ordering import frames
from ordering.database import lookups, pair_weeks
from ordering.model import week_of

WEEKS = 52
"""Weeks before the planned one."""
Weeks = Mapping[str, list[Any]]
"""week, requested, allocated, demand, p10, p90: a list each, missing numbers None."""


@dataclass(frozen=True)
class Story:
    """A suggestion in words, its stored inputs and what follows from them by column, and its weeks up to the planned one."""

    words: str
    inputs: Mapping[str, Any]
    weeks: Weeks


def told(source: Source, retailer_id: str, brand_id: str, language: str) -> Story:
    """All that is stored of a suggestion. Raises TrueOrderError where the run suggests nothing of the kind."""
    said = advising.explained(source, retailer_id, brand_id, language=language)
    rows = source.result("suggestions", retailer_id=retailer_id, brand_id=brand_id)
    row = pd.concat([rows, suggest.derived(rows)], axis=1).iloc[0]
    inputs = {str(name): None if pd.isna(value) else value for name, value in row.items()}
    return Story(said[0].partition(": ")[2], inputs, weeks(source, retailer_id, brand_id))


def weeks(source: Source, retailer_id: str, brand_id: str) -> Weeks:
    """What was asked, given and wanted of a pair, with the interval of what was wanted, up to the week of the business date."""
    last = week_of(source.run.business_date)
    first = last - timedelta(weeks=WEEKS)
    with source.db.reading() as reader:
        lines = pair_weeks.read(reader, retailer_id, brand_id, first, last)
    every = pd.DataFrame({"week": pd.date_range(frames.day(first), frames.day(last), freq="7D").as_unit("us")})
    found = every.merge(lines, on="week", how="left", validate="1:1")
    found = found.merge(_wanted(source, retailer_id, brand_id), on="week", how="left", validate="1:1")
    known = np.flatnonzero(found[["requested", "demand"]].notna().any(axis=1))
    found = found.iloc[known[0] if len(known) else len(found) :]
    plain = found.assign(week=found["week"].dt.strftime("%Y-%m-%d"), demand=found["demand"].round(2)).astype(object)
    columns: Weeks = plain.where(found.notna(), None).to_dict("list")
    return columns


def _wanted(source: Source, retailer_id: str, brand_id: str) -> pd.DataFrame:
    """The stored estimate of a pair by week, from the first of its life on, with deciles: its rate × the brand's index in its district."""
    pair = source.result("pair_estimates", retailer_id=retailer_id, brand_id=brand_id)
    index = _index(source, retailer_id, brand_id)
    if pair.empty:
        return pd.DataFrame({"week": index["week"].iloc[:0], "demand": [], "p10": [], "p90": []})
    own = pair.iloc[0]
    lived = index[index["week"] >= own["from_week"]]
    mean = (own["rate"] * lived["index"]).to_numpy("float64")
    deciles = {name: demand.interval(mean, own["dispersion"], at) for name, at in (("p10", 0.1), ("p90", 0.9))}
    return lived[["week"]].assign(demand=mean, **deciles)


def _index(source: Source, retailer_id: str, brand_id: str) -> pd.DataFrame:
    """The brand's index by week: that of the retailer's district, else the one for every district ("")."""
    shop = lookups.retailer(source.db, retailer_id) or {}
    found = source.result("brand_index", brand_id=brand_id)
    found = found[found["district"].isin(["", shop.get("district", "")])]
    return found.sort_values(["week", "district"]).drop_duplicates("week", keep="last")
