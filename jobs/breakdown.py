"""Rates of a period by one dimension, within values of others: with the period before, the trend, targets, and why less was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from jobs import kept_sums, report_figures
from jobs.exports import Source
from ordering import database, fulfilment, kept_cells, rate_cells
from ordering.accounts import Territory
from ordering.errors import TrueOrderError
from ordering.gaps import GAPS
from ordering.model import week_of

KEPT = (*fulfilment.SUMS, *GAPS)
TREND_PERIODS = 53


@dataclass(frozen=True)
class Asked:
    """By which dimension, over which kind of period, of which one (the newest whole one unless given), within which values of others, and
    of whose retailers (None: of all)."""

    by: str
    period: str = "month"
    at: str | None = None
    within: Mapping[str, str | int] = field(default_factory=dict)
    territory: Territory | None = None

    def needs(self, *names: str) -> list[str]:
        """The dimensions that stored cells must hold for `names` within the values and the territory."""
        return [*names, *self.within, *(self.territory or {})]

    @property
    def whose(self) -> dict[str, Any]:
        """The values and the territory, as cells are read by them."""
        return {"within": self.within, "territory": self.territory}


@dataclass(frozen=True)
class Breakdown:
    """What was found; quantities are cartons, rates shares of 1, undefined is NaN.

    `at`: the period shown, of `known`, with its weeks from `first` to `last`. `rows`: the dimension under its name, KEPT, gap, the rates,
    each with its change on the period before (`…_change`) and its target (`…_target`). `whole`: the same over all, one row. `trend`: the
    rates by period. `heat`: the demand fulfilment rate by district and brand, None where no stored cells give it.
    """

    at: str
    known: Sequence[str]
    first: date
    last: date
    rows: pd.DataFrame
    whole: pd.Series
    trend: pd.DataFrame
    heat: pd.DataFrame | None


def breakdown(source: Source, asked: Asked) -> Breakdown | None:
    """The rates that are asked for; None where nothing was asked within these values.

    Raises TrueOrderError where no stored cells give the dimension within these values, or there is no such period.
    """
    table, around = _tables(asked)
    with source.db.reading() as reader:
        weekly = kept_sums.read(reader, source, around, weekly=True, **asked.whose)
        if weekly.empty:
            return None
        of = rate_cells.periods(weekly["week"], asked.period)
        known = sorted(of.unique())
        at = _chosen(asked, known, source.run.business_date)
        before = known[max(known.index(at) - 1, 0)]
        weeks = weekly.loc[of == at, "week"]
        spans = {name: weekly.loc[of == name, "week"] for name in dict.fromkeys([before, at])}
        found = pd.concat(
            [_summed(reader, source, asked, table, span).assign(period=name) for name, span in spans.items()], ignore_index=True
        )
        crossed = _crossed(reader, source, asked, weeks)
        targets = database.read_table(reader, "targets")
    told = targets if not asked.needs() else targets.iloc[:0]  # a target is of one value of one dimension
    rows = _compared(found, asked, at, before, told)
    whole = _compared(weekly.loc[of.isin([at, before])], Asked("", asked.period), at, before, told)
    trend = fulfilment.with_targets(fulfilment.rates(weekly, ["period"], asked.period), told, ["period"]).tail(TREND_PERIODS)
    return Breakdown(at, known, weeks.min().date(), weeks.max().date(), rows, whole.iloc[0], trend, crossed)


def _tables(asked: Asked) -> tuple[str, str]:
    """The stored cells of the dimension within the values, and those of the values alone."""
    rate_cells.check_period(asked.period)
    table, around = (kept_cells.stored_in(names) for names in (asked.needs(asked.by), asked.needs()))
    if table is None or around is None:
        named = ", ".join(asked.needs())
        raise TrueOrderError(
            f"rates by {asked.by} within {named} are not kept summed up; use trueorder export fulfilment",
            "此组合的满足率未预先汇总，请用 trueorder export fulfilment 导出",
        )
    return table, around


def _chosen(asked: Asked, known: Sequence[str], business_date: date) -> str:
    """The period asked for; else the newest of which every week has come, or the newest of all."""
    if asked.at is None:
        now = rate_cells.periods(pd.Series([pd.Timestamp(week_of(business_date))]), asked.period)[0]
        return next((one for one in reversed(known) if one < now), known[-1])
    if asked.at not in known:
        raise TrueOrderError(
            f'at: there are no rates of "{asked.at[:20]}"; there are those of {known[0]} to {known[-1]}',
            f"没有“{asked.at[:20]}”的满足率；可查{known[0]}至{known[-1]}",
        )
    return asked.at


def _crossed(reader: database.Reader, source: Source, asked: Asked, weeks: pd.Series) -> pd.DataFrame | None:
    """The heat map of the period."""
    table = kept_cells.stored_in(asked.needs("brand", "district"))
    if table is None:
        return None
    span = asked.whose | {"first": weeks.min().date(), "last": weeks.max().date()}
    found = kept_sums.read(reader, source, table, ["brand", "district"], **span)
    return report_figures.matrix(found, "demand_fulfilment_rate")


def _summed(reader: database.Reader, source: Source, asked: Asked, table: str, weeks: pd.Series) -> pd.DataFrame:
    """The sums of some weeks by the dimension."""
    span = asked.whose | {"first": weeks.min().date(), "last": weeks.max().date()}
    return kept_sums.read(reader, source, table, [asked.by], **span)


def _compared(found: pd.DataFrame, asked: Asked, at: str, before: str, targets: pd.DataFrame) -> pd.DataFrame:
    """The rates of a period with their gap, targets, and change on the period before."""
    by = [asked.by, "period"] if asked.by else ["period"]
    both = fulfilment.rates(found, by, asked.period, keep=KEPT)
    now = fulfilment.with_targets(both[both["period"] == at].reset_index(drop=True), targets, by).drop(columns="period")
    old = both[both["period"] == (before if before != at else "")]
    for rate in fulfilment.RATES:
        now[f"{rate}_change"] = now[rate] - _before(now, old, asked.by, rate)
    return now.assign(gap=now[list(GAPS)].sum(axis=1))


def _before(now: pd.DataFrame, old: pd.DataFrame, by: str, rate: str) -> pd.Series | float:
    """The rate of the period before, row by row."""
    if by:
        return now[by].map(old.set_index(by)[rate])
    return float(old[rate].iloc[0]) if len(old) else float("nan")


LEAST: Mapping[str, int] = {"brand": report_figures.CASE, "retailer": 30}
"""Of whom the lowest rates are told, and of how many cartons of true demand at least: as the report has them."""
LOWEST = 8


def lowest(source: Source, asked: Asked, name: str, weeks: tuple[date, date]) -> pd.DataFrame | None:
    """The brands or retailers (`name`) of the lowest demand fulfilment in some weeks; None where no stored cells tell them."""
    table = kept_cells.stored_in(asked.needs(name))
    if table is None:
        return None
    with source.db.reading() as reader:
        found = kept_sums.read(reader, source, table, [name], first=weeks[0], last=weeks[1], **asked.whose)
    return report_figures.lowest(fulfilment.rates(found, [name]), LEAST[name], LOWEST)
