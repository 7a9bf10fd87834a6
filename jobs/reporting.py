"""From a stored run to headquarters' report: the content of a month is read, and the report written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from jobs import report, report_figures
from jobs.exports import Source
from ordering import database, rate_cells, release
from ordering.errors import StateError


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
    months = rate_cells.periods(cells["week"], "month") if len(cells) else pd.Series(dtype="str")
    known = sorted(months.unique())
    chosen = month or _newest_whole(source, known)
    if chosen not in known:
        held = f"{known[0]} to {known[-1]}" if known else "none"
        raise StateError(f"run {source.run.run_id} holds no orders of {chosen}; the months it holds: {held}")
    content = _content(source, cells, chosen)
    found = report_figures.figures(content)
    page = report.write(folder, content, found, language)
    return Written(page, [f"rates of {chosen}:", *(f"  {line}" for line in report.headline(found, "en"))])


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
    with source.db.reading() as reader:
        tables = {name: database.read_table(reader, name) for name in ("retailers", "brands", "supply", "targets")}
    return report_figures.ReportContent(
        city=source.settings.city.name,
        month=month,
        run=str(source.run.run_id),
        made_at=datetime.now(ZoneInfo(source.settings.city.time_zone)).replace(tzinfo=None, microsecond=0),
        cells=cells,
        retailer_cells=source.result("retailer_cells"),
        release=release.release_cells(known, pd.DatetimeIndex(released).as_unit("us")),
        **tables,
    )
