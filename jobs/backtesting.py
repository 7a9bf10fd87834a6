"""The backtest: brand demand forecast from rolling origins, each estimated from what was known then, beside what came."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.runs import Progress
from ordering import database, snapshot
from ordering.frames import Snapshot
from ordering.settings import Settings


@dataclass(frozen=True)
class Backtest:
    """Every forecast with what came (`actual`: recovered demand; `delivered`: missing where the brand was short), and tables in words."""

    rolled: pd.DataFrame
    text: str


def run(db: database.Database, business_date: date, settings: Settings, *, history: Path, origins: int, progress: Progress) -> Backtest:
    """Brand accuracy by method and horizon from `origins` rolling origins.

    At each origin demand is estimated anew from what a night of that date could know, and forecast from that; all methods are given the
    same history. They are judged by the demand recovered from all data up to `business_date`, and, in weeks without shortage, by what
    was delivered. `origins`: how many. Raises StateError where nothing is stored
    before the date, TrueOrderError where the history is too short.
    """
    from forecasting import backtest, demand, influences, timing

    def known_on(day: date) -> Snapshot:
        return snapshot.read_week(db, day, weeks=settings.demand.weeks, horizon=settings.forecast.weeks, history_folder=history)[0]

    def of_night(known: Snapshot) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Recovered demand of the brands' weeks, and their history: deliveries, or where they were short what was recovered."""
        estimate = demand.estimate(known, settings.demand)
        recovered = demand.brand_weeks(known, estimate)
        return recovered, demand.history(recovered, estimate)

    now = known_on(business_date)
    (recovered, past), span = of_night(now), settings.forecast.weeks
    weeks = backtest.origins_of(past, origins=origins, horizons=span)
    seen = {}
    for done, week in enumerate(weeks):
        progress(f"estimate {week:%Y-%m-%d}", done, len(weeks) + 1)
        then, delivered = of_night(known_on(week.date()))
        seen[week] = timing.in_consumption(delivered, then)
    progress("forecast", len(weeks), len(weeks) + 1)
    rolled = backtest.rolling(
        past,
        origins=origins,
        horizons=span,
        festivals=now.festivals,
        regressors=influences.of_city(now),
        truth=recovered,
        seen=seen,
        workers=settings.nightly.workers or os.cpu_count() or 1,
    )
    rolled = rolled.merge(_delivered(past), on=["brand_id", "week"], how="left", validate="m:1")
    return Backtest(rolled, "\n\n".join([_said("recovered demand", rolled), *_by_delivery(rolled)]))


def _delivered(past: pd.DataFrame) -> pd.DataFrame:
    """Cartons delivered by brand and week, missing where the brand was short or absent."""
    return past[["brand_id", "week"]].assign(delivered=past["demand"].where(~past["tight"]))


def _by_delivery(rolled: pd.DataFrame) -> list[str]:
    rows = rolled[rolled["delivered"].notna()]
    return [_said("deliveries in weeks without shortage", rows.assign(actual=rows["delivered"]))] if len(rows) else []


def _said(what: str, rolled: pd.DataFrame) -> str:
    """WAPE and bias by method, best first, for horizons in weeks and their average."""
    from forecasting import backtest

    table = backtest.table(rolled)
    counts = f"{rolled['origin'].nunique()} origins, {rolled['brand_id'].nunique()} brands"
    parts = []
    for measure, rows in table.groupby(level="measure", sort=False):
        ranked = rows.droplevel("measure").sort_values("average", key=np.abs)
        parts.append(
            f"{str(measure).upper()} against {what} ({counts}), by horizon in weeks\n{ranked.to_string(float_format='{:.3f}'.format)}"
        )
    return "\n".join(parts)
