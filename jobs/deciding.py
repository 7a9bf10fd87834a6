"""The later steps of a night, each a plain function of what the steps before it gave: frames in, frames out.

Each gives a dataclass of all that later steps need of it, so that it can be kept: nothing is made again where a run is taken up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from allocation import dependence, fairness, policies, shortage, substitutes, suggest
from forecasting import newcomers, reconcile
from forecasting.states import Estimate
from jobs import measures
from jobs.runs import problems
from jobs.weekly import Fit
from ordering import frames
from ordering.frames import Snapshot
from ordering.model import week_of
from ordering.settings import Settings

KEY = ["brand_id", "week"]
RATE_WEEKS = 106
"""Weeks whose rates are stored: two years."""


@dataclass(frozen=True)
class Coming:
    """The weeks ahead: the brands' `index` by district, all `pairs` that may want something, the brands' `forecast` coherent with them."""

    index: pd.DataFrame
    pairs: pd.DataFrame
    forecast: pd.DataFrame
    problems: pd.DataFrame


@dataclass(frozen=True)
class Shared:
    """What is given out (policies.Allocated), the demand `planned` for, the requests `expected` beside the lines, and how fair it is."""

    given: policies.Allocated
    planned: pd.DataFrame
    expected: pd.DataFrame
    fairness: pd.DataFrame

    @property
    def problems(self) -> pd.DataFrame:
        """Those of the allocation."""
        return self.given.problems


@dataclass(frozen=True)
class Advice:
    """What is put to the shops: what to order, what to take instead, and who hangs on a short brand."""

    suggestions: pd.DataFrame
    substitutes: pd.DataFrame
    dependence: pd.DataFrame
    problems: pd.DataFrame


def reconciled(known: Snapshot, estimate: Estimate, fit: Fit, settings: Settings) -> Coming:
    """The brands' forecasts spread over all who may want them, so that the parts add up to the whole."""
    first = frames.day(week_of(known.business_date))
    ahead = pd.date_range(first, periods=settings.forecast.weeks, freq="7D", unit="us")
    pairs = newcomers.pairs(known, estimate, fit.brand_demand)
    live_rate = measures.live_rate(known, pairs, ahead)
    expected = newcomers.forecast(fit.predicted.forecast, live_rate)
    index = reconcile.future_index(estimate.index, expected, live_rate=live_rate, festivals=known.festivals)
    tight = fit.brand_demand.merge(fit.past.loc[fit.past["tight"], KEY], on=KEY)
    forecast = measures.coherent(expected, index, live_rate, tight)
    return Coming(index, pairs, forecast, _stranded(reconcile.stranded(expected, live_rate)))


def allocated(known: Snapshot, coming: Coming, settings: Settings) -> Shared:
    """The waiting lines, shared out beside all who are expected to claim."""
    planned = measures.planned_demand(known, coming.pairs, coming.index, cap_at=settings.allocation.demand_cap)
    expected = suggest.expected_requests(known, planned)
    given = policies.allocate(known, expected, settings.allocation, demand=planned)
    return Shared(given, planned, expected, fairness.measured(known, given.lines, planned))


def advised(known: Snapshot, shared: Shared, settings: Settings) -> Advice:
    """What each shop is to order within what can be had, what it may take instead, and who hangs on a short brand."""
    rules = settings.suggesting
    supply = shortage.of(known, suggest.order_weeks(known), shared.given, shared.expected, settings.allocation)
    suggestions = suggest.suggest(known, shared.planned, rules, supply)
    offered = substitutes.offer(known, suggestions, supply, rules)
    return Advice(suggestions, offered, dependence.warnings(known, suggestions, supply, rules), _unheard(suggest.unheard(known, rules)))


def rated(known: Snapshot, estimate: Estimate, inflated: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The weekly cells of the rates, by name."""
    return measures.stored_cells(known, estimate.pairs, estimate.index, inflated, past_weeks(estimate.index)[-RATE_WEEKS:])


def past_weeks(index: pd.DataFrame) -> pd.DatetimeIndex:
    """The weeks for which an index stands."""
    return pd.DatetimeIndex(sorted(index["week"].unique())).as_unit("us")


def _stranded(rows: pd.DataFrame) -> pd.DataFrame:
    """A problem for each brand whose forecast no live pair can take, in the weeks in which that is so."""
    weeks = rows.groupby("brand_id")["week"].agg(first="min", count="size")
    found = [
        problems("reconcile", [f"nobody is offered it in {row['count']} weeks from {row['first']:%Y-%m-%d}; its forecast is 0"], str(brand))
        for brand, row in weeks.iterrows()
    ]
    return pd.concat([frames.empty(frames.PROBLEMS), *found], ignore_index=True)


def _unheard(formats: list[str]) -> pd.DataFrame:
    """A problem for each business format in the settings that no retailer has."""
    said = "suggesting.format_factors names this business format, and no retailer has it; correct or remove it"
    found = [problems("suggest", [said], name) for name in formats]
    return pd.concat([frames.empty(frames.PROBLEMS), *found], ignore_index=True)
