"""The planned weeks as a night left them: supply, caps by level, what is asked and given of each brand, and the price of fairness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from jobs.exports import Source
from ordering import database
from ordering.database import planning
from ordering.model import month_of

SUMS = ["requested", "allocated", "demand"]


@dataclass(frozen=True)
class PlannedWeek:
    """One week; quantities are cartons.

    `rows`: brand, name, available (missing: not limited), SUMS of the lines that wait, fill (allocated ÷ requested, NaN: nothing was
    asked), level (NaN: there is enough), policy. `caps`: by brand and level, the highest of any scope, missing where there is none.
    `price`: 1 − handed out ÷ what any sharing could have handed out, NaN where that is nothing.
    """

    week: date
    rows: pd.DataFrame
    caps: pd.DataFrame
    price: float


def weeks(source: Source) -> Sequence[PlannedWeek]:
    """The weeks that a run planned, in order."""
    levels, fairness, totals = (source.result(name) for name in ("week_levels", "fairness", "week_totals"))
    with source.db.reading() as reader:
        names = database.read_table(reader, "brands").set_index("brand_id")["name"]
    found = []
    for week in sorted(levels["week"].unique()):
        own = levels[levels["week"] == week]
        waiting = fairness[fairness["week"] == week].groupby("brand_id", observed=True)[SUMS].sum().rename_axis("brand").reset_index()
        rows = own[["brand_id", "available", "level", "policy"]].astype({"brand_id": "str"}).rename(columns={"brand_id": "brand"})
        rows = rows.merge(waiting.astype({"brand": "str"}), on="brand", how="outer", validate="1:1").fillna(dict.fromkeys(SUMS, 0))
        rows = rows.assign(name=rows["brand"].map(names), fill=rows["allocated"] / rows["requested"].where(rows["requested"] > 0))
        rows = rows.sort_values(["requested", "brand"], ascending=[False, True], ignore_index=True)
        found.append(PlannedWeek(week.date(), rows, _caps(source, week), _price(totals[totals["week"] == week])))
    return found


def _caps(source: Source, week: pd.Timestamp) -> pd.DataFrame:
    held = planning.read_calendar(source.db, month_of(week.date()), pd.DatetimeIndex([week])).release_strategy
    return by_level(held)


def by_level(caps: pd.DataFrame) -> pd.DataFrame:
    """Caps of one week with a row for each brand and a column for each level; the highest where they are narrowed by scope."""
    plain = caps.astype({"brand_id": "str", "star_level": "int64", "cap": "float64"})
    return plain.pivot_table(index="brand_id", columns="star_level", values="cap", aggfunc="max")


def _price(totals: pd.DataFrame) -> float:
    possible = float(totals["possible"].sum())
    return 1.0 - float(totals["handed"].sum()) / possible if possible > 0 else float("nan")
