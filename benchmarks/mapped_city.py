"""A foreign folder read by its mapping, and what a night of any date could have known of it: no database in between."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd

from ordering import frames
from ordering.importing import Stored, read_folder
from ordering.settings import ImportSettings

NOTHING = Stored(frames.empty(frames.RETAILERS), frames.empty(frames.BRANDS), pd.DatetimeIndex([]), frames.empty(frames.RELEASE_STRATEGY))


def tables(folder: Path, mapping: Path) -> Mapping[str, pd.DataFrame]:
    """The checked tables of `folder` by contract name; order lines with their week beside each date."""
    read = dict(read_folder(folder, NOTHING, ImportSettings(min_retailers=2, closed_weeks=()), mapping=mapping).tables)
    lines = read["order_lines"]
    monday = lines["order_date"] - pd.to_timedelta(lines["order_date"].dt.day_of_week, unit="D")
    kinds = {
        "retailer_id": pd.CategoricalDtype(read["retailers"]["retailer_id"]),
        "brand_id": pd.CategoricalDtype(read["brands"]["brand_id"]),
    }
    read["order_lines"] = lines.astype(kinds).assign(week=monday.astype("datetime64[us]"))
    return read


def known_on(read: Mapping[str, pd.DataFrame], day: date) -> frames.Snapshot:
    """The snapshot of the night of `day`, a Monday: lines dated before it, and none that wait."""
    lines = read["order_lines"]
    named = [name for name in frames.Snapshot.__dataclass_fields__ if name in frames.CONTRACT]
    kinds = {name: lines[name].dtype for name in ("retailer_id", "brand_id")}
    empty = {name: frames.empty(frames.CONTRACT[name]) for name in named}
    coded = {
        name: table.astype({c: k for c, k in kinds.items() if c in table}) if name in frames.LONG else table
        for name, table in empty.items()
    }
    known = {"lines": lines[lines["order_date"] < frames.day(day)].reset_index(drop=True), "waiting": lines.iloc[:0]}
    known |= {"retailers": read["retailers"], "brands": read["brands"], "week_levels": frames.empty(frames.WEEK_LEVELS)}
    return frames.Snapshot(business_date=day, **{**coded, **known})
