"""What is stored about one retailer: each of its brands week by week, its levels, its conduct and what it leans on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from forecasting import demand, resale
from jobs import advising, conduct_words, star_lists
from jobs.exports import Source
from ordering import database, frames
from ordering.database import conduct, counts, pair_weeks
from ordering.errors import StateError
from ordering.model import week_of

WEEKS = 26
"""Weeks that are drawn."""
RECENT = 13
"""Weeks over which quantities are summed up."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Brands:
    """A retailer's brands, those with the largest demand first, and the weeks of which each has a value.

    `rows`: brand_id, name, tight, weekly (demand, cartons a week), p10, p90 (of the newest week), asked, given (of the last RECENT weeks),
    share (of the shop's demand), stock, counted_on (None: never counted), and by week `requested`, `allocated`, `demand`, `low`, `high`.
    """

    weeks: Sequence[str]
    rows: Sequence[Row]


def brands(source: Source, retailer_id: str, district: str) -> Brands:
    """The brands that a retailer carries or asked for in the last WEEKS weeks."""
    monday = week_of(source.run.business_date)
    first, last = monday - timedelta(weeks=WEEKS), monday - timedelta(weeks=1)
    pairs = source.result("pair_estimates", retailer_id=retailer_id).astype({"brand_id": "str"})
    pairs = pairs[pairs["to_week"] >= frames.day(first)]
    with source.db.reading() as reader:
        lines = pair_weeks.of_retailer(reader, retailer_id, first, last)
        ids = sorted({*pairs["brand_id"], *lines["brand_id"]})
        index = pair_weeks.index(reader, source.run.run_id, ids, district, first, last)
        wares = database.read_table(reader, "brands").set_index("brand_id")
    weeks = pd.date_range(frames.day(first), frames.day(last), freq="7D").as_unit("us")
    known = _grids(pairs, lines, index, ids, weeks)
    counted = counts.latest(source.db, retailer_id)
    rows = [_row(number, brand_id, wares.loc[brand_id], known, counted.get(brand_id)) for number, brand_id in enumerate(ids)]
    whole = sum(row["weekly"] or 0.0 for row in rows)
    rows = [row | {"share": row["weekly"] / whole if whole and row["weekly"] is not None else None} for row in rows]
    rows.sort(key=lambda row: (-(row["weekly"] or 0.0), -row["asked"], row["brand_id"]))
    return Brands([f"{week:%Y-%m-%d}" for week in weeks], rows)


Grids = Mapping[str, np.ndarray]
"""Values by brand and week; NaN: not known."""


def _grids(pairs: pd.DataFrame, lines: pd.DataFrame, index: pd.DataFrame, ids: Sequence[str], weeks: pd.DatetimeIndex) -> Grids:
    """requested, allocated (0 where nothing was asked), and demand with its deciles in the weeks of a pair's life."""

    def grid(rows: pd.DataFrame, value: str) -> np.ndarray:
        found = rows.pivot(index="brand_id", columns="week", values=value)
        return found.reindex(index=list(ids), columns=weeks).to_numpy(np.float64)

    own = pairs.set_index("brand_id").reindex(list(ids))
    every = weeks.to_numpy()
    lived = (own["from_week"].to_numpy()[:, None] <= every) & (every <= own["to_week"].to_numpy()[:, None])
    mean = np.where(lived, own["rate"].to_numpy(np.float64)[:, None] * grid(index, "index"), np.nan)
    spread = np.broadcast_to(own["dispersion"].to_numpy(np.float64)[:, None], mean.shape)
    known = ~np.isnan(mean)
    deciles = {}
    for name, at in (("low", 0.1), ("high", 0.9)):
        deciles[name] = np.full(mean.shape, np.nan)
        deciles[name][known] = demand.interval(mean[known], spread[known], at)
    asked = {name: np.nan_to_num(grid(lines, name)) for name in ("requested", "allocated")}
    return {**asked, "demand": mean, **deciles}


def _row(number: int, brand_id: str, ware: pd.Series, known: Grids, counted: Row | None) -> dict[str, Any]:
    """One brand: sums of the recent weeks, its newest interval, and its weeks."""
    series = {name: [None if np.isnan(value) else round(float(value), 3) for value in grid[number]] for name, grid in known.items()}
    recent = [value for value in series["demand"][-RECENT:] if value is not None]
    sums = {told: int(known[name][number, -RECENT:].sum()) for told, name in (("asked", "requested"), ("given", "allocated"))}
    interval = {told: next((v for v in reversed(series[name]) if v is not None), None) for told, name in (("p10", "low"), ("p90", "high"))}
    stock = {"stock": counted["stock"] if counted else None, "counted_on": counted["counted_on"] if counted else None}
    about = {"brand_id": brand_id, "name": str(ware["name"]), "tight": str(ware["supply_attribute"]) == "tight"}
    return about | {"weekly": sum(recent) / len(recent) if recent else None} | sums | interval | stock | series


def levels(source: Source, retailer_id: str) -> list[Row]:
    """The levels of a retailer by month, the newest first: month, level, source, english, chinese; none where none is known."""
    try:
        found = star_lists.listed(source.db, retailer=retailer_id)
    except StateError:
        return []
    told = found[["month", "level", "previous", "source", "english", "chinese"]].astype(object)
    return told.where(told.notna(), None).iloc[::-1].to_dict("records")


@dataclass(frozen=True)
class Conduct:
    """How a retailer orders and what else is on record: `habits` (None: not judged) with words, `signals` with words, `scores` by month,
    the newest first, and `holds` that are in force or to come."""

    habits: Row | None
    signals: Sequence[Row]
    scores: Sequence[Row]
    holds: Sequence[Row]


def of_conduct(source: Source, retailer_id: str) -> Conduct:
    """The record of one retailer's conduct."""
    habits = source.result("habits", retailer_id=retailer_id)
    signals = source.result("signals", retailer_id=retailer_id)
    said = pd.concat([habits, conduct_words.habits(habits)], axis=1).to_dict("records")
    told = pd.concat([signals, resale.words(signals)], axis=1)
    scores = conduct.scores(source.db, retailer_id)
    holds = conduct.holds(source.db, retailer_id, source.run.business_date)
    return Conduct(said[0] if said else None, told.astype(object).where(told.notna(), None).to_dict("records"), scores, holds)


@dataclass(frozen=True)
class Advice:
    """What to talk about: in which brand the shop hangs too much (None: in none), and what to offer for brands it cannot have in full.

    `instead`: by the brand that is lacking, the rows of SUBSTITUTES with their names, best first.
    """

    dependence: Row | None
    instead: Mapping[str, Sequence[Row]]


def advice(source: Source, retailer_id: str) -> Advice:
    """What the night has to offer to one retailer."""
    hangs = source.result("dependence", retailer_id=retailer_id)
    said = pd.concat([hangs, advising.sentences(hangs)], axis=1).to_dict("records")
    offered = source.result("substitutes", retailer_id=retailer_id).astype({"brand_id": "str", "substitute_id": "str"})
    offered = offered.sort_values(["week", "brand_id", "rank"]).drop_duplicates(["brand_id", "substitute_id"])
    return Advice(said[0] if said else None, {str(brand): rows.to_dict("records") for brand, rows in offered.groupby("brand_id")})
