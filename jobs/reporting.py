"""From a stored run to headquarters' report: the content of a month is read, and the report written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from forecasting import drift
from jobs import report, report_figures
from jobs.exports import Source
from ordering import database, frames, rate_cells, record, release
from ordering.database import forecasts
from ordering.errors import StateError
from ordering.model import week_of


@dataclass(frozen=True)
class Written:
    """The page, and the month's rates in words."""

    page: Path
    headline: list[str]


def write(source: Source, folder: Path, *, month: str | None = None, language: str = "zh") -> Written:
    """Write the report of `month` (YYYY-MM; the newest that is whole unless given) into `folder`.

    Raises StateError where the run holds no rate of that month.
    """
    cells = source.result("district_cells")
    chosen = month_of(source, cells, month)
    content = _content(source, cells, chosen)
    found = report_figures.figures(content)
    page = report.write(folder, content, found, language)
    return Written(page, [f"rates of {chosen}:", *(f"  {line}" for line in report.headline(found, "en"))])


def month_of(source: Source, cells: pd.DataFrame, month: str | None) -> str:
    """`month` (YYYY-MM), or the newest that is whole in `cells`, the run's district cells. Raises StateError where they hold none of it."""
    months = rate_cells.periods(cells["week"], "month") if len(cells) else pd.Series(dtype="str")
    known = sorted(months.unique())
    chosen = month or _newest_whole(source, known)
    if chosen not in known:
        held = f"{known[0]} to {known[-1]}" if known else "none"
        raise StateError(f"run {source.run.run_id} holds no orders of {chosen}; the months it holds: {held}")
    return chosen


def _newest_whole(source: Source, known: list[str]) -> str:
    """The newest month of which every week is before the run's business week; the newest of all where none is."""
    if not known:
        raise StateError(f"run {source.run.run_id} holds no rates: no week before {source.run.business_date} was allocated")
    business = f"{source.run.business_date - pd.Timedelta(days=source.run.business_date.weekday()):%Y-%m}"
    whole = [month for month in known if month < business]
    return whole[-1] if whole else known[-1]


def _content(source: Source, cells: pd.DataFrame, month: str) -> report_figures.ReportContent:
    known = source.known()
    weeks = pd.Series(sorted(cells["week"].unique()))
    released = weeks[rate_cells.periods(weeks, "month").between(str(pd.Period(month, "M") - 1), month)]
    monday, rules = week_of(source.run.business_date), source.settings.forecast
    with source.db.reading() as reader:
        tables = {name: database.read_table(reader, name) for name in ("retailers", "brands", "supply", "targets")}
        judged = forecasts.came_true(reader, record.BRANDS.name, before=monday)
    recent = judged[judged["week"] >= frames.day(monday - timedelta(weeks=rules.drift_weeks))]
    came = recent.drop_duplicates(["brand_id", "week"]).rename(columns={"actual": "demand"})
    return report_figures.ReportContent(
        city=source.settings.city.name,
        month=month,
        run=str(source.run.run_id),
        made_at=datetime.now(ZoneInfo(source.settings.city.time_zone)).replace(tzinfo=None, microsecond=0),
        cells=cells,
        retailer_cells=source.result("retailer_cells"),
        judged=judged,
        drift=drift.left(recent, came, weeks=rules.drift_weeks, outside=rules.drift_outside),
        release=release.release_cells(known, pd.DatetimeIndex(released).as_unit("us")),
        **tables,
    )
