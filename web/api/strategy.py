"""For headquarters: the strategy that is proposed for a week, publishing it and taking it back."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from jobs import strategies
from ordering.accounts import Permission, Person
from ordering.database import planning
from web.api import router_of
from web.api.headquarters import Text
from web.api.pages import Number, Page, Part, records
from web.people import may
from web.service import Here

router = router_of("headquarters")
Planner = Annotated[Person, may(Permission.PUBLISH_STRATEGY)]


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
