"""The true-demand letter to a manufacturer: what its brands were asked for, given and truly wanted, and what the next weeks will want."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from jobs.exports import Source
from jobs.reporting import month_of
from jobs.scoreboard import accuracy_of
from ordering import database, metrics, rate_cells
from ordering.database import runs as runlog
from ordering.errors import StateError, TrueOrderError
from ordering.metrics import LANGUAGES

ENDING = ".xlsx"
ENDINGS = (ENDING, ".pdf")
PAST_WEEKS = 53
JUDGED_WEEKS, JUDGED_AHEAD = 26, 4
SUMS = ("requested", "allocated", "demand", "met", "demand_window")
RATES = ("fulfilment_rate", "demand_fulfilment_rate")


@dataclass(frozen=True)
class Letter:
    """What a letter says; quantities in cartons.

    `brands`: one row per brand with the month's requested, allocated, demand, low, high, shortage, the rates, and the forecast's sum with
    its bounds (ahead, ahead_low, ahead_high). `total`: the same sums over all. `weeks`: brand, week, requested, allocated, demand, low,
    high of the last year; `forecast`: brand, week, forecast, low, high. `evidence`: share of the demand that rests mainly on each kind.
    `judged`: forecast accuracy and bias of the manufacturer's brands, missing where no forecast has come due.
    """

    manufacturer: str
    city: str
    month: str
    run_id: int
    business_date: date
    made_at: datetime
    brands: pd.DataFrame
    total: Mapping[str, float]
    weeks: pd.DataFrame
    forecast: pd.DataFrame
    evidence: Mapping[str, float]
    judged: pd.Series


@dataclass(frozen=True)
class Results:
    """The tables of a run that letters are made of, sums of rates by brand and evidence, the brands, and the accuracy by manufacturer."""

    cells: pd.DataFrame
    demand: pd.DataFrame
    forecast: pd.DataFrame
    evidence: pd.DataFrame
    brands: pd.DataFrame
    judged: pd.DataFrame


def write(source: Source, place: Path, *, manufacturer: str | None = None, month: str | None = None) -> list[Path]:
    """Write the letter to `manufacturer` into the file `place`, or one to each manufacturer into the folder `place`; gives the files.

    `month` (YYYY-MM): the newest whole one unless given. Raises StateError where the run holds nothing of the month, TrueOrderError where
    there is no such manufacturer, or the file's ending is none of ENDINGS. Letters to all are workbooks.
    """

    results = read(source)
    chosen = month_of(source, results.cells, month)
    known = sorted(results.brands["manufacturer"].unique())
    if manufacturer is not None and manufacturer not in known:
        raise TrueOrderError(f'there is no manufacturer "{manufacturer}"; there are {", ".join(known)}')
    if manufacturer is not None and place.suffix.lower() not in ENDINGS:
        raise TrueOrderError(f"{place}: a letter is a workbook or a printed page; let the name end with {' or '.join(ENDINGS)}")
    letters = [
        found for name in ([manufacturer] if manufacturer else known) if (found := compose(source, results, name, chosen)) is not None
    ]
    if not letters:
        raise StateError(f"run {source.run.run_id} holds no brand of {manufacturer or 'any manufacturer'} in {chosen}")
    names = file_names([one.manufacturer for one in letters])
    places = [place] if manufacturer else [place / f"{name}{ENDING}" for name in names]
    for one, file in zip(letters, places, strict=True):
        _write(file, one)
    return places


def _write(file: Path, letter: Letter) -> None:
    """Write the letter as its file's ending says."""
    if file.suffix.lower() == ENDING:
        from jobs import letter_xlsx

        letter_xlsx.write(file, letter)
    else:
        from jobs import letter_pdf

        letter_pdf.write(file, letter)


def read(source: Source) -> Results:
    """What the letters of a run are made of."""
    judged = accuracy_of(source, ["manufacturer"], weeks=JUDGED_WEEKS, ahead=JUDGED_AHEAD)
    with source.db.reading() as reader:
        found = partial(runlog.read_result, reader, source.run.run_id)
        cells, demand, forecast = found("district_cells"), found("brand_demand"), found("brand_forecast")
        evidence, brands = runlog.read_evidence(reader, source.run.run_id), database.read_table(reader, "brands")
    return Results(cells, demand, forecast, evidence, brands, judged)


def compose(source: Source, results: Results, manufacturer: str, month: str) -> Letter | None:
    """The letter to one manufacturer about one month; None where none of its brands was on offer then, or is forecast."""
    own = results.brands[results.brands["manufacturer"] == manufacturer].rename(columns={"brand_id": "brand"})
    forecast = _of(results.forecast, own).rename(columns={"demand": "forecast", "p10": "low", "p90": "high"})
    weeks = _of(results.demand, own).rename(columns={"p10": "low", "p90": "high"})
    rows = _brands(own, _of(results.cells, own), weeks, forecast, month)
    if rows.empty:
        return None
    judged = results.judged[results.judged["manufacturer"] == manufacturer]
    sums = rows[[*SUMS, "ahead"]].sum()
    total = {name: float(sums[name]) for name in sums.index} | {
        name: float(metrics.value(sums.to_frame().T, name).iloc[0]) for name in RATES
    }
    return Letter(
        manufacturer=manufacturer,
        city=source.settings.city.name,
        month=month,
        run_id=source.run.run_id,
        business_date=source.run.business_date,
        made_at=datetime.now(ZoneInfo(source.settings.city.time_zone)).replace(tzinfo=None, microsecond=0),
        brands=rows,
        total=total | {"shortage": total["demand"] - total["allocated"]},
        weeks=weeks[weeks["week"].isin(sorted(weeks["week"].unique())[-PAST_WEEKS:])].reset_index(drop=True),
        forecast=forecast[["brand", "week", "forecast", "low", "high"]].reset_index(drop=True),
        evidence=_evidence(_of(results.evidence, own)),
        judged=judged.iloc[0] if len(judged) else pd.Series({"forecast_accuracy": float("nan"), "forecast_bias": float("nan")}),
    )


def _of(rows: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """The rows of a result that speak of the manufacturer's brands."""
    return rows[rows["brand_id"].isin(own["brand"])].rename(columns={"brand_id": "brand"}).astype({"brand": "str"})


def _brands(own: pd.DataFrame, cells: pd.DataFrame, weeks: pd.DataFrame, forecast: pd.DataFrame, month: str) -> pd.DataFrame:
    """One row per brand that was on offer in the month or is forecast, the largest demand first.

    The month's interval adds up the weeks': their errors are mostly one and the same.
    """
    sums = metrics.totals(_in_month(cells, month), ["brand"], SUMS)
    bounds = metrics.totals(_in_month(weeks, month), ["brand"], ["low", "high"])
    ahead = metrics.totals(forecast, ["brand"], ["forecast", "low", "high"])
    ahead.columns = ["brand", "ahead", "ahead_low", "ahead_high"]
    out = own[["brand", "name", "price_class"]]
    for part in (sums, bounds, ahead):
        out = out.merge(part.astype({"brand": "str"}), on="brand", how="left", validate="1:1")
    out = out[(out["demand"] > 0) | (out["requested"] > 0) | (out["ahead"] > 0)].fillna(dict.fromkeys((*SUMS, "ahead"), 0.0))
    out = out.assign(shortage=out["demand"] - out["allocated"], **{name: metrics.value(out, name) for name in RATES})
    return out.sort_values(["demand", "ahead", "brand"], ascending=[False, False, True], ignore_index=True)


def _in_month(rows: pd.DataFrame, month: str) -> pd.DataFrame:
    return rows[rate_cells.periods(rows["week"], "month") == month] if len(rows) else rows


def _evidence(rates: pd.DataFrame) -> dict[str, float]:
    """Share of the demand whose estimate rests mainly on each kind of evidence, the largest first."""
    sums = rates.groupby("evidence", sort=True)["rate"].sum().sort_values(ascending=False, kind="stable")
    return {str(kind): float(value / sums.sum()) for kind, value in sums.items() if value > 0}


def file_names(manufacturers: list[str]) -> list[str]:
    """A file's name for each, without what a file system does not bear, each once."""
    plain = [re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name).strip(" .") or "_" for name in manufacturers]
    return [name if plain.count(name) == 1 else f"{name}-{plain[: at + 1].count(name)}" for at, name in enumerate(plain)]


@cache
def words() -> Mapping[str, tuple[str, str]]:
    """Every text of jobs/templates/letter.toml as (Chinese, English)."""
    listed = tomllib.loads(files("jobs").joinpath("templates", "letter.toml").read_text("utf-8"))
    return {key: (chinese, english) for key, (chinese, english) in listed.items()}


def text(key: str, language: str, **filled: object) -> str:
    """One text in `language` (zh or en), its braces filled; a key that is not there stands for itself."""
    return words().get(key, (key, key))[LANGUAGES.index(language)].format(**filled)
