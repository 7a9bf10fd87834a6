"""The backtest: the city's recovered brand demand, forecast from rolling origins, beside what came."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from jobs.runs import Progress
from ordering import database, snapshot
from ordering.settings import Settings


@dataclass(frozen=True)
class Backtest:
    """Every forecast with what came, and the table in words."""

    rolled: pd.DataFrame
    text: str


def run(db: database.Database, business_date: date, settings: Settings, *, history: Path, origins: int, progress: Progress) -> Backtest:
    """Brand accuracy by method and horizon from `origins` rolling origins, each knowing only what came before it.

    What came is the recovered demand (where nothing was short, the deliveries themselves).
    """
    from forecasting import backtest, demand

    progress("read", 0, 3)
    known, _ = snapshot.read_week(db, business_date, weeks=settings.demand.weeks, horizon=settings.forecast.weeks, history_folder=history)
    progress("estimate", 1, 3)
    past = demand.brand_weeks(known, demand.estimate(known, settings.demand))
    progress("forecast", 2, 3)
    rolled = backtest.rolling(
        past[["brand_id", "week", "demand"]],
        origins=origins,
        horizons=settings.forecast.weeks,
        festivals=known.festivals,
        regressors=known.regressors,
        workers=settings.nightly.workers or os.cpu_count() or 1,
    )
    return Backtest(rolled, backtest.table(rolled).to_string(float_format=lambda value: f"{value:.4f}"))
