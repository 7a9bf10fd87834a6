"""For headquarters: the week's supply and caps, what is proposed for the next one, and what would be under another policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import pandas as pd
from starlette.requests import Request
from starlette.responses import Response

from jobs import reruns, strategies, week_view
from ordering.accounts import Permission, Person
from ordering.database import lookups
from ordering.errors import StateError
from ordering.model import Policy
from web.api.headquarters import Planner
from web.api.pages import records
from web.people import may
from web.screens import shell
from web.screens.headquarters import nothing_yet
from web.service import Here

router = shell.router_of()
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Week:
    """A planned week: its rows, the levels, the caps of each brand by level, the sums of the rows, and the price of fairness."""

    week: date
    rows: Sequence[Row]
    levels: Sequence[int]
    caps: Mapping[str, Mapping[int, float | None]]
    whole: Row
    price: float


@dataclass(frozen=True)
class StrategyPage:
    """The planned weeks, and the policies that can be looked at."""

    weeks: Sequence[Week]
    policies: Sequence[str]


@router.get("/strategy")
def strategy(request: Request, own: Here, person: Planner) -> Response:
    """The planned weeks as the newest night left them; the page then asks for the proposal."""
    if empty := nothing_yet(request, own):
        return empty
    weeks = [_week(found) for found in week_view.weeks(own.source())]
    return shell.show(request, "headquarters/strategy.html", StrategyPage(weeks, [str(one) for one in Policy]))


def _week(found: week_view.PlannedWeek) -> Week:
    whole = {name: float(found.rows[name].sum()) for name in ("available", *week_view.SUMS)}
    whole["fill"] = whole["allocated"] / whole["requested"] if whole["requested"] else float("nan")
    return Week(found.week, records(found.rows), list(found.caps.columns), caps(found.caps), whole, found.price)


def caps(by_level: pd.DataFrame) -> dict[str, dict[int, float | None]]:
    """Caps by brand and level; None where there is none."""
    return {str(brand): row for brand, row in zip(by_level.index, records(by_level), strict=True)}


@dataclass(frozen=True)
class ProposalPart:
    """The proposal for a week: sums by brand, the caps by level, and what stood in the way. `refused`: why there is none."""

    refused: str = ""
    week: date | None = None
    rows: Sequence[Row] = ()
    levels: Sequence[int] = ()
    caps: Mapping[str, Mapping[int, float | None]] | None = None
    problems: Sequence[Row] = ()
    names: Mapping[str, str] | None = None


@router.get("/strategy/proposal")
def proposal(request: Request, own: Here, person: Planner) -> Response:
    """A part of the page: caps for the first week without a strategy, whose expected take-up comes nearest to the plan."""
    try:
        found = strategies.strategy(own.source())
    except StateError as error:
        return shell.show(request, "headquarters/proposal.html", ProposalPart(str(error)))
    by_level = week_view.by_level(found.levels)
    names = lookups.brand_names(own.db)
    levels, problems = list(by_level.columns), records(found.problems)
    part = ProposalPart("", found.week, records(found.brands), levels, caps(by_level), problems, names)
    return shell.show(request, "headquarters/proposal.html", part)


@dataclass(frozen=True)
class WhatIfPart:
    """What the waiting lines get by star level (0: all), now and under another policy. `refused`: why nothing can be said."""

    policy: str
    refused: str = ""
    rows: Sequence[Row] = ()


@router.get("/strategy/what-if")
def what_if(request: Request, own: Here, person: Annotated[Person, may(Permission.WHAT_IF)], policy: Policy) -> Response:
    """A part of the page: the live policy and another one, side by side. Nothing is stored."""
    try:
        figures, _ = reruns.compare(own.source(), policy, {})
    except StateError as error:
        return shell.show(request, "headquarters/what_if.html", WhatIfPart(str(policy), str(error)))
    return shell.show(request, "headquarters/what_if.html", WhatIfPart(str(policy), rows=records(figures)))
