"""What is stored about one retailer: each of its brands week by week, its levels, its conduct and what it leans on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import demand, resale
from jobs import advising, conduct_words, star_lists
from jobs.exports import Source
from ordering.database import Database, conduct, counts, known_weeks, lookups, pair_weeks, ratings
from ordering.model import SupplyAttribute, week_of

WEEKS = 26
"""Weeks that are drawn."""
RECENT = 13
"""Weeks over which quantities are summed up."""
Row: TypeAlias = Mapping[str, Any]


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
    db, monday = source.db, week_of(source.run.business_date)
    weeks = [monday - timedelta(weeks=n) for n in range(WEEKS, 0, -1)]
    pairs = {row["brand_id"]: row for row in source.rows("pair_estimates", retailer_id=retailer_id) if row["to_week"] >= weeks[0]}
    lines = pair_weeks.of_retailer(db, retailer_id, weeks[0], weeks[-1])
    wares = {row["brand_id"]: row for row in lookups.brands(db)}
    ids = sorted({*pairs, *(row["brand_id"] for row in lines)} & set(wares))
    index = pair_weeks.index(db, source.run.run_id, ids, district, weeks[0], weeks[-1])
    known, counted = _grids(pairs, lines, index, ids, weeks), counts.latest(db, retailer_id)
    rows = [_row(number, wares[brand_id], known, counted.get(brand_id)) for number, brand_id in enumerate(ids)]
    whole = sum(row["weekly"] or 0.0 for row in rows)
    rows = [row | {"share": row["weekly"] / whole if whole and row["weekly"] is not None else None} for row in rows]
    rows.sort(key=lambda row: (-(row["weekly"] or 0.0), -row["asked"], row["brand_id"]))
    return Brands([f"{week:%Y-%m-%d}" for week in weeks], rows)


Grid: TypeAlias = npt.NDArray[np.float64]
"""Values by brand and week; NaN: not known."""


def _grids(
    pairs: Mapping[str, Row], lines: Sequence[Row], index: Sequence[Row], ids: Sequence[str], weeks: Sequence[date]
) -> dict[str, Grid]:
    """requested, allocated (0 where nothing was asked), and demand with its deciles in the weeks of a pair's life."""
    of, at = {brand_id: n for n, brand_id in enumerate(ids)}, {week: n for n, week in enumerate(weeks)}

    def grid(rows: Sequence[Row], name: str, missing: float) -> Grid:
        found = np.full((len(ids), len(weeks)), missing)
        for row in rows:
            if row["brand_id"] in of and row[name] is not None:
                found[of[row["brand_id"]], at[row["week"]]] = row[name]
        return found

    mean, spread = grid(index, "index", np.nan), np.zeros((len(ids), len(weeks)))
    for brand_id, number in of.items():
        own = pairs.get(brand_id)
        lived = [own is not None and own["from_week"] <= week <= own["to_week"] for week in weeks]
        mean[number] *= np.where(lived, own["rate"] if own else 0.0, np.nan)
        spread[number] = own["dispersion"] if own else 0.0
    asked = {name: grid(lines, name, 0.0) for name in ("requested", "allocated")}
    return asked | {"demand": mean, "low": _decile(mean, spread, 0.1), "high": _decile(mean, spread, 0.9)}


def _decile(mean: Grid, spread: Grid, at: float) -> Grid:
    known, found = ~np.isnan(mean), np.full(mean.shape, np.nan)
    found[known] = demand.interval(mean[known], spread[known], at)
    return found


def ready(db: Database) -> None:
    """Have at hand what a first look would wait for: the compiled intervals, and a process that reads the database."""
    demand.interval(np.ones(1), np.ones(1), 0.5)
    with db.reading() as reader:
        known_weeks(reader, date.max)


def _row(number: int, ware: Row, known: Mapping[str, Grid], counted: Row | None) -> dict[str, Any]:
    """One brand: sums of the recent weeks, its newest interval, and its weeks."""
    series = {name: [None if np.isnan(value) else round(value, 3) for value in grid[number].tolist()] for name, grid in known.items()}
    recent = [value for value in series["demand"][-RECENT:] if value is not None]
    sums = {told: int(known[name][number, -RECENT:].sum()) for told, name in (("asked", "requested"), ("given", "allocated"))}
    interval = {told: next((v for v in reversed(series[name]) if v is not None), None) for told, name in (("p10", "low"), ("p90", "high"))}
    stock = {"stock": counted["stock"] if counted else None, "counted_on": counted["counted_on"] if counted else None}
    about = {"brand_id": ware["brand_id"], "name": ware["name"], "tight": ware["supply_attribute"] == SupplyAttribute.TIGHT}
    return about | {"weekly": sum(recent) / len(recent) if recent else None} | sums | interval | stock | series


def levels(source: Source, retailer_id: str) -> list[Row]:
    """The levels of a retailer by month, the newest first (database.ratings.of_retailer), with why in columns english and chinese."""
    return _told(ratings.of_retailer(source.db, retailer_id), partial(star_lists.said, source.db))


def spells(months: Sequence[Row]) -> list[Row]:
    """The same by stretches of one level, the newest first: the row of the newest month of each, `since` which month it was so, and
    `change` to the stretch before (None: none is known)."""
    stretches = [list(rows) for _, rows in groupby(months, itemgetter("level"))]
    before = [rows[0]["level"] for rows in stretches[1:]]
    return [
        {**rows[0], "since": rows[-1]["month"], "change": None if was is None else rows[0]["level"] - was}
        for rows, was in zip_longest(stretches, before)
    ]


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
    habits, signals = (source.rows(name, retailer_id=retailer_id) for name in ("habits", "signals"))
    scores = conduct.scores(source.db, retailer_id)
    holds = conduct.holds(source.db, retailer_id, source.run.business_date)
    told = _told(habits, conduct_words.habits)
    return Conduct(told[0] if told else None, _told(signals, resale.words), scores, holds)


def _told(rows: Sequence[Row], words: Callable[[pd.DataFrame], pd.DataFrame]) -> list[Row]:
    """Rows with their words in columns english and chinese."""
    said = words(pd.DataFrame(rows, dtype=object)).to_dict("records") if rows else []
    return [{**row, **pair} for row, pair in zip(rows, said, strict=True)]


@dataclass(frozen=True)
class Advice:
    """What to talk about: on which brand the shop hangs too much, by name (None: on none), and what to offer
    for brands it cannot have in full.

    `instead`: by the brand that is lacking, the rows of SUBSTITUTES with their names, best first.
    """

    dependence: Row | None
    instead: Mapping[str, Sequence[Row]]


def advice(source: Source, retailer_id: str) -> Advice:
    """What the night has to offer to one retailer."""
    names = lookups.brand_names(source.db)
    rows = source.rows("dependence", retailer_id=retailer_id)
    hangs = _told([{**row, "brand_id": names.get(row["brand_id"], row["brand_id"])} for row in rows], advising.sentences)
    instead: dict[str, dict[str, Row]] = {}
    for row in sorted(source.rows("substitutes", retailer_id=retailer_id), key=lambda row: (row["week"], row["brand_id"], row["rank"])):
        instead.setdefault(row["brand_id"], {}).setdefault(row["substitute_id"], row)
    return Advice(hangs[0] if hangs else None, {brand_id: list(rows.values()) for brand_id, rows in instead.items()})
