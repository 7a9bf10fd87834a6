"""The record: what a night leaves to be judged later, and what it can judge of earlier nights now that the weeks have come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import drift
from forecasting.states import expand
from jobs import weekly
from jobs.weekly import Fit, Found, Given
from ordering import database, frames, record
from ordering.database import forecasts
from ordering.frames import Snapshot
from ordering.settings import Settings

RETAILER_HORIZONS = (1, 4, 13)
"""Weeks ahead for which what is forecast of retailers is kept: they are many."""

Frames = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Due:
    """What was forecast for weeks that have come: `made`, by name of record.FORECASTS, and none of it judged yet; and `recent`, of brands
    in the last weeks, judged or not, for the drift alarm.
    """

    made: Frames
    recent: pd.DataFrame

    def settled(self, past: pd.DataFrame) -> Frames:
        """What was forecast for the weeks of `past`; a week of which nothing is known, as when the company was shut, is not judged."""
        return {name: rows[rows["week"].isin(past["week"])] for name, rows in self.made.items()}


def due(reader: database.Reader, monday: date, settings: Settings) -> Due:
    """What the nights of the week of `monday` can judge, and watch for drift."""
    open_ = forecasts.not_judged(reader, monday, since=monday - timedelta(weeks=settings.forecast.weeks))
    weeks = sorted({week for week, _ in open_})
    made = {name: _of(forecasts.of_weeks(reader, name, weeks, before=monday), open_) for name in record.FORECASTS}
    last = [monday - timedelta(weeks=back) for back in range(1, settings.forecast.drift_weeks + 1)]
    return Due(made, forecasts.of_weeks(reader, record.BRANDS.name, last, before=monday))


@dataclass(frozen=True)
class Left:
    """What a night leaves beside its results, and its drift alarms (frames.PROBLEMS)."""

    kept: forecasts.Kept
    problems: pd.DataFrame

    @property
    def rows(self) -> int:
        """Forecasts made or judged."""
        return sum(map(len, self.kept.forecasts.values()))


def of_night(known: Snapshot, asked: Given, found: Found, results: Frames, came: Due, settings: Settings) -> Left:
    """What a night leaves.

    A fit made anew leaves the forecasts of its week, in the place of those of an earlier fit of the same week; every night judges what
    is due.
    """
    rules = settings.forecast
    past = _without(found.fit.past, _waiting(asked.known, "brand_id"))
    made = came.settled(past)
    weeks = sorted(made[record.BRANDS.name]["week"].unique())
    judged = judge(made, actuals(asked.known, found.fit, past, weeks)) if weeks else {}
    fresh = promised(known, results, asked.monday, rules.weeks) if found.run_id is None else {}
    rows = {name: pd.concat([part[name] for part in (fresh, judged) if part]) for name in record.FORECASTS} if fresh or judged else {}
    alarms = drift.left(came.recent, past, weeks=rules.drift_weeks, outside=rules.drift_outside)
    return Left(replace(weekly.kept(known.business_date, asked, found), forecasts=rows), drift.problems(alarms))


def _of(rows: pd.DataFrame, due: Iterable[tuple[date, date]]) -> pd.DataFrame:
    """The rows of the (week, origin) that are due."""
    wanted = pd.DataFrame(due, columns=["week", "origin"]).apply(pd.to_datetime).astype("datetime64[us]")
    return rows.merge(wanted, on=["week", "origin"], how="inner", validate="m:1")


def _waiting(known: Snapshot, id_: str) -> pd.DataFrame:
    """The brands or retailers and past weeks of which a line was never allocated: what came of them is not told yet."""
    rows = known.lines.loc[known.lines["allocated"].isna(), [id_, "week"]]
    return rows.astype({id_: "str"}).drop_duplicates()


def _without(rows: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """`rows` but for those with an id and week of `left_out`."""
    return rows[~frames.among(rows, left_out, list(left_out.columns))]


def promised(known: Snapshot, results: Frames, monday: date, span: int) -> dict[str, pd.DataFrame]:
    """What is forecast from `monday` on, by name of record.FORECASTS: of brands, of brands by district, of retailers at a few horizons."""
    weeks = pd.date_range(frames.day(monday), periods=span, freq="7D", unit="us")
    of_retailers = weeks[[ahead - 1 for ahead in RETAILER_HORIZONS if ahead <= span]]
    chunks = expand(known, results["pair_estimates"], results["brand_index"], weeks)
    by_district, by_retailer = _sums(known, (chunk.assign(value=chunk["demand"]) for chunk in chunks), weeks)
    parts = {
        record.BRANDS.name: results["brand_forecast"].rename(columns={"demand": "forecast"}),
        record.DISTRICTS.name: by_district.rename(columns={"value": "forecast"}),
        record.RETAILERS.name: by_retailer[by_retailer["week"].isin(of_retailers)].rename(columns={"value": "forecast"}),
    }
    origin = frames.day(monday)
    return {name: frames.conform(record.FORECASTS[name], part.assign(origin=origin, actual=np.nan)) for name, part in parts.items()}


def actuals(known: Snapshot, fit: Fit, past: pd.DataFrame, weeks: list[pd.Timestamp]) -> dict[str, pd.DataFrame]:
    """What came in `weeks` (Mondays), as the forecasts are made of it: delivered where the brand was not short, recovered where it was.

    `past`: the fit's, without brand-weeks that are not settled; where it moves a brand's deliveries to the week of their consumption,
    those of its districts and shops go with them. By name of record.FORECASTS: the id columns, week and actual. What is unknown has no
    row: a brand's week in which nobody asked for it (in a retailer's sum it counts as what was recovered), and whatever still waits.
    """
    span = pd.date_range(weeks[0], weeks[-1], freq="7D", unit="us")
    moved = _wide(known, past.assign(moved=_moved(past, fit.brand_demand)), "moved", span)
    told, of_brand = np.isfinite(moved), pd.Index(known.brands["brand_id"])

    def valued() -> Iterable[pd.DataFrame]:
        for chunk in expand(known, fit.estimate.pairs, fit.estimate.index, span):
            factor = moved[chunk["brand_id"].cat.codes, span.get_indexer(pd.DatetimeIndex(chunk["week"]))]
            yield chunk.assign(value=np.where(factor >= 0, chunk["allocated"] * factor, chunk["demand"]))

    by_district, by_retailer = _sums(known, valued(), span)
    at = of_brand.get_indexer(by_district["brand_id"]), span.get_indexer(pd.DatetimeIndex(by_district["week"]))
    parts = {
        record.BRANDS.name: past.rename(columns={"demand": "value"})[["brand_id", "week", "value"]],
        record.DISTRICTS.name: by_district[told[at]],
        record.RETAILERS.name: _without(by_retailer, _waiting(known, "retailer_id")),
    }
    return {name: part[part["week"].isin(weeks)].rename(columns={"value": "actual"}) for name, part in parts.items()}


SHORT = -1.0
"""Stands for a brand's week in shortage: what came is what was recovered, not what was delivered."""


def _moved(past: pd.DataFrame, brand_demand: pd.DataFrame) -> pd.Series:
    """What was delivered in each brand's week counts so many times in `past`; SHORT where the brand was short."""
    delivered = past[["brand_id", "week"]].merge(brand_demand, on=["brand_id", "week"], how="left", validate="1:1")["allocated"].to_numpy()
    factor = past["demand"].to_numpy() / np.where(delivered > 0, delivered, 1.0)
    return pd.Series(np.where(past["tight"], SHORT, np.where(delivered > 0, factor, 1.0)), past.index)


def _wide(known: Snapshot, rows: pd.DataFrame, column: str, span: pd.DatetimeIndex) -> npt.NDArray[np.float64]:
    wide = rows.pivot(index="brand_id", columns="week", values=column)
    return wide.reindex(index=known.brands["brand_id"], columns=span).to_numpy(np.float64)


def judge(made: Frames, came: Frames) -> dict[str, pd.DataFrame]:
    """The forecasts `made`, with what `came` beside them; missing where that is unknown."""
    out = {}
    for name, rows in made.items():
        id_ = [column for column in ("brand_id", "district", "retailer_id") if column in rows]
        key = [*id_, "week"]
        both = rows.drop(columns="actual").merge(came[name][[*key, "actual"]], on=key, how="left", validate="m:1")
        out[name] = frames.conform(record.FORECASTS[name], both)
    return out


def _sums(known: Snapshot, chunks: Iterable[pd.DataFrame], weeks: pd.DatetimeIndex) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sums of the column `value` of pair-weeks by brand, district and week, and by retailer and week; cells in which no pair lives have
    no row.
    """
    area, districts = pd.factorize(known.retailers["district"], sort=True)
    shapes = (len(known.brands), len(districts), len(weeks)), (len(known.retailers), len(weeks))
    total = [np.zeros(np.prod(shape)) for shape in shapes]
    lived = [np.zeros(np.prod(shape), bool) for shape in shapes]
    for chunk in chunks:
        retailer, brand = (chunk[name].cat.codes.to_numpy(np.int64) for name in ("retailer_id", "brand_id"))
        week, value = weeks.get_indexer(pd.DatetimeIndex(chunk["week"])), chunk["value"].to_numpy(np.float64)
        for at, cell in enumerate(((brand * len(districts) + area[retailer]) * len(weeks) + week, retailer * len(weeks) + week)):
            total[at] += np.bincount(cell, value, len(total[at]))
            lived[at][cell] = True
    names = known.brands["brand_id"].to_numpy(), np.asarray(districts), weeks.to_numpy()
    brand, of, week = np.unravel_index(np.flatnonzero(lived[0]), shapes[0])
    by_district = {"brand_id": names[0][brand], "district": names[1][of], "week": names[2][week], "value": total[0][lived[0]]}
    retailer, week = np.unravel_index(np.flatnonzero(lived[1]), shapes[1])
    by_retailer = {"retailer_id": known.retailers["retailer_id"].to_numpy()[retailer], "week": names[2][week], "value": total[1][lived[1]]}
    return pd.DataFrame(by_district), pd.DataFrame(by_retailer)
