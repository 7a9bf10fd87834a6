"""What the first night of a week knew: the snapshot of a later night of the week, less what came since Monday.

What is found of it once, on whichever night comes first, holds for every night of the week.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from ordering import frames
from ordering.frames import Snapshot
from ordering.model import month_of, week_of

Kinds = Mapping[str, pd.CategoricalDtype]


def of(known: Snapshot, *, horizon: int) -> Snapshot:
    """`known` as `snapshot.read_week` would have given it on the Monday of its week, without waiting lines and published levels.

    `horizon`: weeks of the calendar ahead, as `known` was read with. Retailers and brands that were not known on the Monday are gone,
    and so are their rows; the ids of the others are categories of those left.
    """
    monday = week_of(known.business_date)
    last = monday + timedelta(days=6)
    retailers = _known_by(last, known, "retailer_id", known.retailers, "active_from", "active_to")
    brands = _known_by(last, known, "brand_id", known.brands, "launched_on", "withdrawn_on")
    kinds = {"retailer_id": pd.CategoricalDtype(retailers["retailer_id"]), "brand_id": pd.CategoricalDtype(brands["brand_id"])}
    cut = {
        "lines": known.lines.iloc[: _count_before(known.lines, monday)],
        "waiting": known.waiting.iloc[:0],
        "stock_counts": _until(known.stock_counts, "counted_on", monday - timedelta(days=1)),
        "scanned_sales": known.scanned_sales,
        "festivals": _until(known.festivals, "starts_on", monday + timedelta(weeks=horizon + 4)),
        "holds": _until(known.holds, "from", last),
        **{name: _until(getattr(known, name), "week", last) for name in ("supply", "release_strategy", "band_caps", "regressors")},
        **{name: _until_month(getattr(known, name), month_of(monday)) for name in ("star_levels", "monthly_quotas")},
    }
    coded = {name: _coded(known, frame, kinds) for name, frame in cut.items()}
    levels = frames.empty(frames.WEEK_LEVELS)
    return Snapshot(monday, retailers, brands, daily_limits=known.daily_limits, week_levels=levels, **coded)


def _known_by(last: date, known: Snapshot, id_: str, table: pd.DataFrame, begins: str, ends: str) -> pd.DataFrame:
    """The rows of `table` known by the day `last`: begun by then, or named by a line; a later end was not known yet."""
    day = frames.day(last)
    named = np.zeros(len(table), bool)
    for lines in (known.lines, known.waiting[known.waiting["order_date"] <= day]):
        named[lines[id_].cat.codes.to_numpy()] = True
    begun = (table[begins].isna() | (table[begins] <= day)).to_numpy()
    kept = table[begun | named].reset_index(drop=True)
    return kept.assign(**{ends: kept[ends].where(kept[ends] <= day)})


def _count_before(lines: pd.DataFrame, monday: date) -> int:
    """How many lines are of earlier weeks; they come first."""
    return int((lines["week"] < frames.day(monday)).to_numpy().sum())


def _until(frame: pd.DataFrame, column: str, last: date) -> pd.DataFrame:
    return frame[frame[column] <= frames.day(last)]


def _until_month(frame: pd.DataFrame, month: str) -> pd.DataFrame:
    return frame[frame["month"] <= month]


def _coded(known: Snapshot, frame: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """Rows of those still known, their ids as categories of them; where everybody is, nothing is to do."""
    was = dict(zip(("retailer_id", "brand_id"), known.categories(), strict=True))
    new = {
        name: kinds[name]
        for name in kinds
        if name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype) and len(kinds[name].categories) < len(was[name].categories)
    }
    typed = frame.astype(new) if new else frame
    return typed.dropna(subset=list(new)).reset_index(drop=True) if new else typed.reset_index(drop=True)
