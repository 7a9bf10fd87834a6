"""For headquarters: rates, forecasts, runs, and what would be if."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from jobs import exports, reruns
from ordering import kept_cells
from ordering.accounts import Permission, Person
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
