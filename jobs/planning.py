"""The month's weeks by brand: what planning reads, and the weekly plan made of volume, forecast, arrivals and what was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import plan, take_up
from allocation.unplanned import COLUMNS, Unplanned, said
from jobs import measures, output
from jobs.exports import Source
from ordering import frames
from ordering.database import planning
from ordering.errors import StateError, TrueOrderError
from ordering.frames import Snapshot
from ordering.model import month_of, week_of
from ordering.settings import PlanningSettings

Floats = npt.NDArray[np.float64]

WEEK_COLUMNS = ("brand_id", "week", "volume", "forecast", "given", "arrived", "plan", "unplanned")
"""Columns of the weekly plan."""


@dataclass(frozen=True)
class Ground:
    """What a month is planned on: the estimates of a run, and the company's tables as they are now."""

    source: Source
    month: str
    measured: dict[str | None, pd.DataFrame] = field(default_factory=dict)

    @cached_property
    def known(self) -> Snapshot:
        """What the run's night could know."""
        return self.source.known()

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The run's pair estimates."""
        return self.source.pairs(self.known)

    @cached_property
    def index(self) -> pd.DataFrame:
        """The brands' indices, past and future."""
        return self.source.result("brand_index")

    @cached_property
    def calendar(self) -> planning.Calendar:
        """The company's tables of the month."""
        return planning.read_calendar(self.source.db, self.month, self.weeks)

    @property
    def weeks(self) -> pd.DatetimeIndex:
        """The order weeks of the month."""
        return plan.weeks_of(self.month)

    @property
    def first(self) -> pd.Timestamp:
        """The first week that can still be planned: that of the run's business date."""
        return frames.day(week_of(self.source.run.business_date))

    @property
    def rules(self) -> PlanningSettings:
        """The settings of planning."""
        return self.source.settings.planning

    def pair_weeks(self, weeks: pd.DatetimeIndex, brand: str | None = None, *, ahead: bool) -> Iterator[tuple[pd.DataFrame, Floats]]:
        """Pair-weeks of `weeks` with their dispersions, in chunks. `ahead`: as if these weeks had no release strategy yet."""
        from forecasting import demand

        known, pairs = self.known, self.pairs
        if ahead:
            strategy = known.release_strategy
            known = replace(known, release_strategy=strategy[~strategy["week"].isin(weeks)].reset_index(drop=True))
        chosen = pairs if brand is None else pairs[pairs["brand_id"] == brand].reset_index(drop=True)
        for chunk in demand.expand(known, chosen, self.index, weeks):
            yield chunk, chosen["dispersion"].to_numpy(np.float64)[measures.pair_rows(chunk, chosen)]

    def factors(self, brand: str | None, levels: npt.NDArray[np.int64]) -> Floats:
        """What was taken of what the model expects, by brand and level, over the last weeks; found once for all weeks of the month."""
        if brand not in self.measured:
            weeks = self.source.weeks(self.index, past=True, count=self.rules.weeks)
            chunks = self.pair_weeks(weeks, brand, ahead=False)
            parts = [take_up.cells(self.known, chunk, spread) for chunk, spread in chunks if len(chunk)]
            self.measured[brand] = pd.concat([take_up.no_cells(), *parts]).groupby(take_up.KEY, sort=True).sum().reset_index()
        return take_up.factors(self.measured[brand], len(self.known.brands), levels, self.rules.trust)


def ground(source: Source, month: str | None = None) -> Ground:
    """What a month, `YYYY-MM`, is planned on; that of the run's week unless given. Raises StateError where it is past or too far ahead."""
    first = week_of(source.run.business_date)
    found = Ground(source, month or month_of(first))
    if found.weeks[-1] < found.first:
        raise StateError(
            f"month {found.month} was over on {source.run.business_date}, the date of the newest night; give a later --month",
            f"最近一次夜间作业的业务日期为{source.run.business_date}，{found.month}已结束，请选择之后的月份",
        )
    last = found.index["week"].max()
    if found.weeks[-1] > last:
        raise StateError(
            f"month {found.month} goes beyond {last:%Y-%m-%d}, the last week that is forecast; raise forecast.weeks for a later one",
            f"{found.month}超出预测范围（最后一周为{last:%Y-%m-%d}）；如需更远，请增大 forecast.weeks",
        )
    return found


@dataclass(frozen=True)
class Weeks:
    """A month's weeks: WEEK_COLUMNS, a row per brand and week, and what stood in the way (unplanned.COLUMNS)."""

    month: str
    rows: pd.DataFrame
    problems: pd.DataFrame

    def of(self, week: pd.Timestamp) -> dict[str, int]:
        """Cartons planned for a week, by brand."""
        rows = self.rows[self.rows["week"] == week]
        return dict(zip(rows["brand_id"], rows["plan"].astype(int), strict=True))


def month_weeks(on: Ground) -> Weeks:
    """The weekly plan of every brand with a volume in the month."""
    tables, forecast = on.calendar, on.source.result("brand_forecast")
    volume = tables.monthly_plan[["brand_id", "volume"]]
    month = plan.Month(on.month, on.first, volume, forecast, _given(on), tables.supply, tables.arrivals)
    rows = plan.plan_month(month)
    return Weeks(on.month, rows, _problems(on.month, rows, forecast[forecast["week"].isin(on.weeks)]))


def _given(on: Ground) -> pd.DataFrame:
    """What was given already in the month's weeks: brand_id, week, allocated."""
    parts = [lines[["brand_id", "week", "allocated"]] for lines in (on.known.lines, on.known.waiting)]
    lines = pd.concat([part[part["week"].isin(on.weeks) & part["allocated"].notna()] for part in parts], ignore_index=True)
    keys = [lines["brand_id"].astype("str"), lines["week"]]
    return lines["allocated"].astype("int64").groupby(keys, sort=True).sum().reset_index()


def _problems(month: str, rows: pd.DataFrame, forecast: pd.DataFrame) -> pd.DataFrame:
    """Brands that are wanted and have no volume, and those whose volume is spent or does not arrive."""
    wanted = sorted(set(forecast.loc[forecast["demand"] > 0, "brand_id"].astype("str")) - set(rows["brand_id"]))
    found = [said(Unplanned.NO_VOLUME, brand_id=brand, month=month) for brand in wanted]
    for row in rows.drop_duplicates("brand_id").itertuples():
        if row.unplanned:
            code = Unplanned.NOT_ARRIVED if row.unplanned > 0 else Unplanned.VOLUME_GIVEN
            found.append(said(code, brand_id=row.brand_id, month=month, volume=row.volume, beyond=abs(row.unplanned)))
    return table(found)


def table(found: list[dict[str, str]]) -> pd.DataFrame:
    """Problems as a frame."""
    return pd.DataFrame(found, columns=list(COLUMNS), dtype="str")


def write(rows: pd.DataFrame, file: Path) -> int:
    """Write a plan into a file; gives the number of rows."""
    return output.write([rows], list(rows.columns), file)


def one_brand(rows: pd.DataFrame, brand: str | None) -> pd.DataFrame:
    """The rows of one brand, or all. Raises TrueOrderError where the brand has none."""
    chosen = rows if brand is None else rows[rows["brand_id"] == brand].reset_index(drop=True)
    if brand is not None and chosen.empty:
        raise TrueOrderError(f'brand "{brand}": it has no volume in the month; give it one in monthly_plan.csv')
    return chosen
