"""For headquarters: the week's supply and caps, what is proposed for another week, publishing it, and what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

import pandas as pd
from fastapi import Form
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from jobs import strategy_desk, week_view
from jobs.strategy_desk import Preview
from ordering.accounts import Permission
from ordering.database import lookups, planning
from ordering.errors import TrueOrderError
from ordering.model import Policy, week_of
from web import language
from web.api.pages import Number, records
from web.api.strategy import Planner
from web.screens import shell
from web.screens.headquarters import nothing_yet
from web.service import Here, Service

router = shell.router_of()
Row = Mapping[str, Any]
PLANS = 10
"""Published plans that are listed."""
CHANGES = 60
"""Changed caps that a preview lists."""
WEEKS = 6
"""Weeks from the night's own on whose proposal can be looked at."""


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
    """The planned weeks, the policies and brands that can be looked at on other terms, and the weeks whose proposal can be looked at."""

    weeks: Sequence[Week]
    policies: Sequence[str]
    brands: Sequence[Row]
    ahead: Sequence[date]
    may_ask: bool


@router.get("/strategy")
def strategy(request: Request, own: Here, person: Planner) -> Response:
    """The planned weeks as the newest night left them; the page then asks for the proposal and the plans."""
    if empty := nothing_yet(request, own):
        return empty
    source = own.source()
    weeks = [_week(found) for found in week_view.weeks(source)]
    first = week_of(source.run.business_date)
    ahead = [first + timedelta(weeks=n) for n in range(WEEKS)]
    may_ask = person.may(Permission.WHAT_IF)
    page = StrategyPage(weeks, [str(one) for one in Policy], lookups.brands(own.db), ahead, may_ask)
    return shell.show(request, "headquarters/strategy.html", page)


def _week(found: week_view.PlannedWeek) -> Week:
    whole = {name: float(found.rows[name].sum()) for name in ("available", *week_view.SUMS)}
    whole["fill"] = whole["allocated"] / whole["requested"] if whole["requested"] else float("nan")
    return Week(found.week, records(found.rows), list(found.caps.columns), caps(found.caps), whole, found.price)


def caps(by_level: pd.DataFrame) -> dict[str, dict[int, float | None]]:
    """Caps by brand and level; None where there is none."""
    return {str(brand): row for brand, row in zip(by_level.index, records(by_level), strict=True)}


def said(request: Request, error: TrueOrderError) -> str:
    """What the cores refuse, in the reader's language."""
    return error.words[language.of(request)]


@dataclass(frozen=True)
class ProposalPart:
    """The proposal for a week: sums by brand, the caps by level, what stood in the way, and what publishing it would change.

    `changes`: the first of `changed` caps that would be others; `has`: how many rows the week's strategy has; `digest`: of just this.
    `refused`: why there is none; `done`: the plan that was just published.
    """

    refused: str = ""
    week: date | None = None
    rows: Sequence[Row] = ()
    levels: Sequence[int] = ()
    caps: Mapping[str, Mapping[int, float | None]] | None = None
    problems: Sequence[Row] = ()
    names: Mapping[str, str] | None = None
    changes: Sequence[Row] = ()
    changed: int = 0
    has: int = 0
    digest: str = ""
    done: int | None = None


OfWeek = Annotated[date | None, BeforeValidator(lambda told: told or None)]


@router.get("/strategy/proposal")
def proposal(request: Request, own: Here, person: Planner, week: OfWeek = None) -> Response:
    """A part of the page: caps for a week (the first without a strategy unless given), whose expected take-up comes nearest to the plan."""
    return shell.show(request, "headquarters/proposal.html", _proposal(request, own, week))


def _proposal(request: Request, own: Service, week: date | None, done: int | None = None) -> ProposalPart:
    try:
        found = strategy_desk.preview(own.source(), week)
    except TrueOrderError as error:
        return ProposalPart(said(request, error), week, done=done)
    return _part(own, found, done)


def _part(own: Service, found: Preview, done: int | None) -> ProposalPart:
    one = found.proposal
    by_level = week_view.by_level(one.levels)
    return ProposalPart(
        "", one.week, records(one.brands), list(by_level.columns), caps(by_level), records(one.problems), lookups.brand_names(own.db),
        records(found.changes.head(CHANGES)), len(found.changes), len(found.has), found.digest, done,
    )  # fmt: skip


class Said(BaseModel):
    """Which week's proposal is to hold, as it was seen (its digest), and why."""

    model_config = ConfigDict(extra="forbid")

    week: date
    seen: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    why: Annotated[str, Field(min_length=1, max_length=1000)]


@router.post("/strategy/plans")
def publish(request: Request, said: Annotated[Said, Form()], own: Here, person: Planner) -> Response:
    """Make the proposal that was seen the week's release strategy; gives the part anew, and has the list of plans asked for again."""
    plan_id = strategy_desk.publish(own.source(), said.week, seen=said.seen, by=person.name, why=said.why, at=own.clock())
    part = _proposal(request, own, said.week, done=plan_id)
    return shell.show(request, "headquarters/proposal.html", part, headers={"HX-Trigger": "plans"})


@dataclass(frozen=True)
class PlansPart:
    """The newest published plans; `withdrawn`: the week whose plan was just taken back."""

    plans: Sequence[Row]
    withdrawn: date | None = None


@router.get("/strategy/plans")
def plans(request: Request, own: Here, person: Planner) -> Response:
    """A part of the page: what was published, by whom and why, and what was taken back."""
    return shell.show(request, "headquarters/plans.html", PlansPart(planning.plans(own.db, PLANS)))


@router.post("/strategy/plans/{plan_id}/withdrawal")
def withdraw(
    request: Request, own: Here, person: Planner, plan_id: Number,
    why: Annotated[str, Form(min_length=1, max_length=1000)],
) -> Response:  # fmt: skip
    """Take a published plan back: the week's strategy is as it was before."""
    week = planning.withdraw(own.db, plan_id, by=person.name, why=why, at=own.clock())
    part = PlansPart(planning.plans(own.db, PLANS), week)
    return shell.show(request, "headquarters/plans.html", part, headers={"HX-Trigger": "proposal"})
