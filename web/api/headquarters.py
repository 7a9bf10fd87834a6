"""For headquarters: rates, forecasts, runs, the strategy of a week, and what would be if."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from jobs import exports, reruns, strategies
from ordering import kept_cells
from ordering.accounts import Permission, Person
from ordering.database import planning
from ordering.database import runs as runlog
from ordering.errors import TrueOrderError
from ordering.model import Policy
from ordering.rate_cells import Dimension, Period
from web.api import router_of
from web.api.pages import Number, Page, Part, Utc, records
from web.people import may
from web.problems import ProblemError
from web.service import Here

router = router_of("headquarters")
Text = Annotated[str, Query(max_length=100)]
RunId = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The newest night unless given.")]
Rates = Annotated[Person, may(Permission.READ_RATES)]
Runs = Annotated[Person, may(Permission.READ_RUNS)]
Planner = Annotated[Person, may(Permission.PUBLISH_STRATEGY)]


class Rate(BaseModel):
    """Sums in cartons, and rates of sums; a rate with nothing below the line is null. Dimensions that were not asked for are absent."""

    retailer: str | None = None
    brand: str | None = None
    manager: str | None = None
    district: str | None = None
    star: int | None = None
    manufacturer: str | None = None
    price_class: int | None = None
    period: str | None = None
    requested: int
    allocated: int
    demand: float | None
    fulfilment_rate: float | None
    demand_fulfilment_rate: float | None = Field(description="Of true demand, over the window of config/metrics.toml.")
    line_fill_rate: float | None


@router.get("/rates", response_model=Page[Rate], response_model_exclude_unset=True)
def rates(
    own: Here, person: Rates, part: Part,
    by: Annotated[list[Dimension] | None, Query(description="Repeat for several; without any the rates of the whole city.")] = None,
    period: Period = Period.MONTH,
    run: RunId = None,
) -> Any:  # fmt: skip
    """How well orders and demand were filled, by what the night has summed up; by retailer or star together with brand see the export.

    Of the retailers that are one's own: an account manager is told the rates of its territory.
    """
    named = list(dict.fromkeys(str(one) for one in by or []))
    if kept_cells.stored_in(named) is None:
        raise TrueOrderError(
            "by: rates by retailer or star together with brand are not kept summed up; use trueorder export fulfilment",
            "by：按零售户或档位与品规交叉的满足率未预先汇总，请用 trueorder export fulfilment 导出",
        )
    source, territory = own.source(run), person.territory
    found = exports.rates(source, named, str(period)) if territory is None else exports.rates_within(source, named, str(period), territory)
    return part.of(found)


class BrandWeek(BaseModel):
    """A brand's forecast demand in a week, cartons; p10 to p90 is the interval."""

    brand_id: str
    week: date
    demand: float
    p10: float
    p50: float
    p90: float
    method: str


@router.get("/forecasts", response_model=Page[BrandWeek])
def forecasts(own: Here, person: Rates, part: Part, brand: Text | None = None, run: RunId = None) -> dict[str, Any]:
    """The forecasts of brands by week, as the night stored them."""
    only = {"brand_id": brand} if brand is not None else {}
    return part.of(own.source(run).result("brand_forecast", **only))


class Run(BaseModel):
    """A run of a job."""

    model_config = ConfigDict(from_attributes=True)

    run_id: int
    job: str
    business_date: date
    status: str
    version: str
    started_at: Utc
    finished_at: Utc | None
    detailed: bool = Field(description="Whether its results are still stored.")
    withdrawn: bool
    result_hash: str | None


class Step(BaseModel):
    """A step of a run. Seconds, rows, and what it could not do as it should."""

    step: str
    seconds: float | None
    rows: int | None
    problems: int | None
    note: str | None


class Trouble(BaseModel):
    """What a night could not do as it should, and what it did instead."""

    step: str
    subject: str
    message: str


class RunWhole(Run):
    """A run with its steps and problems."""

    steps: list[Step]
    problems: list[Trouble]


@router.get("/runs", response_model=Page[Run])
def runs(own: Here, person: Runs, part: Part) -> dict[str, Any]:
    """Runs, the newest first."""
    return part.of_list([Run.model_validate(one) for one in runlog.find(own.db)])


@router.get("/runs/{run_id}")
def run(own: Here, person: Runs, run_id: Number) -> RunWhole:
    """One run, step by step."""
    found = runlog.by_id(own.db, run_id)
    if found is None:
        raise ProblemError("NOT_FOUND")
    more = {"steps": runlog.read_steps(own.db, run_id), "problems": runlog.read_problems(own.db, run_id)}
    return RunWhole.model_validate(Run.model_validate(found).model_dump() | more)


class Cap(BaseModel):
    """A proposed cap of one star level, with what is expected of it."""

    brand_id: str
    week: date
    star_level: int
    district: str
    area_type: str
    business_format: str
    street: str
    cap: int
    line: float | None = Field(description="Weight × λ, from which the cap was rounded.")
    factor: float | None
    retailers: float | None
    released: float | None
    expected: float | None
    need: float | None
    take_up: float | None
    covered: float | None
    whole_need: float | None
    fulfilment: float | None


class Hindrance(BaseModel):
    """What stood in the way of a plan, in words."""

    code: str
    english: str
    chinese: str


class Proposal(BaseModel):
    """Proposed caps of a week, a page of them, and all that stood in the way."""

    week: date
    caps: Page[Cap]
    problems: list[Hindrance]


Monday = Annotated[date | None, Query(description="The first week without a strategy unless given.")]


@router.get("/strategy/proposal")
def proposal(
    own: Here, person: Planner, part: Part, week: Monday = None, brand: Text | None = None, by: strategies.Scope | None = None
) -> Proposal:
    """Caps per star level for a week, whose expected take-up comes nearest to the plan. Nothing is stored."""
    found = strategies.strategy(own.source(), week, brand, str(by) if by else None)
    return Proposal.model_validate({"week": found.week, "caps": part.of(found.levels), "problems": records(found.problems)})


class PublishStrategy(BaseModel):
    """Which week's proposed caps are to hold."""

    model_config = ConfigDict(extra="forbid")

    week: date = Field(description="Its Monday.")
    why: Annotated[str, Field(min_length=1, max_length=1000)]
    replace: bool = Field(False, description="Take the place of the strategy that the week has.")


class Published(BaseModel):
    """A plan that was published. By its number it is taken back."""

    plan_id: int
    week: date
    caps: int
    problems: list[Hindrance]


@router.post("/strategy", status_code=201)
def publish_strategy(said: PublishStrategy, own: Here, person: Planner) -> Published:
    """Make the proposed caps of a week its release strategy."""
    plan_id, found = strategies.publish(own.source(), said.week, by=person.name, why=said.why, over=said.replace, at=own.clock())
    return Published.model_validate(
        {"plan_id": plan_id, "week": found.week, "caps": len(found.levels), "problems": records(found.problems)}
    )


class Why(BaseModel):
    """Why something is done; it goes into the audit."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=1, max_length=1000)]


class Withdrawn(BaseModel):
    """A plan that was taken back: the week's strategy is as it was before."""

    plan_id: int
    week: date


@router.post("/strategy/{plan_id}/withdrawal", status_code=201)
def withdraw_strategy(plan_id: Number, said: Why, own: Here, person: Planner) -> Withdrawn:
    """Take published caps back."""
    week = planning.withdraw(own.db, plan_id, by=person.name, why=said.why, at=own.clock())
    return Withdrawn(plan_id=plan_id, week=week)


class WhatIf(BaseModel):
    """The terms to look at: another policy for all brands, another supply of some."""

    model_config = ConfigDict(extra="forbid")

    policy: Policy | None = None
    supply: dict[Annotated[str, Field(max_length=100)], Annotated[int, Field(ge=0, le=10**9)]] = Field({}, max_length=1000)
    run: int | None = Field(None, ge=1, le=2**31 - 1)


class Compared(BaseModel):
    """What the waiting lines of a star level get (level 0: all), as things stand and on the other terms (`…_then`)."""

    week: date
    star_level: int
    lines: int | None
    requested: int | None
    usable: int | None
    demand: float | None
    allocated: int | None
    fill: float | None
    envy: float | None
    drought: float | None
    inflation: float | None
    lines_then: int | None
    requested_then: int | None
    usable_then: int | None
    demand_then: float | None
    allocated_then: int | None
    fill_then: float | None
    envy_then: float | None
    drought_then: float | None
    inflation_then: float | None


@router.post("/what-if")
def what_if(said: WhatIf, own: Here, person: Annotated[Person, may(Permission.WHAT_IF)]) -> list[Compared]:
    """What the waiting lines would get under another policy or supply, beside what they get. Nothing is stored."""
    figures, _ = reruns.compare(own.source(said.run), said.policy, said.supply)
    return [Compared.model_validate(row) for row in records(figures)]
