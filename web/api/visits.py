"""For account managers: whom to see and why, what was found at visits, and stock counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from jobs import visiting
from ordering import counts, visits
from ordering.accounts import Permission, Person
from ordering.counts import FarOff
from ordering.database import accounts, privacy
from ordering.database import visits as stored
from ordering.model import VisitReason
from web.api import router_of
from web.api.orders import Id, RetailerId, looked
from web.api.pages import Number, Page, Part
from web.people import may
from web.service import Here

router = router_of("account managers")
Visits = Annotated[Person, may(Permission.VISIT)]


class Why(BaseModel):
    """One reason to see a retailer, with its points and its evidence in words."""

    reason: VisitReason
    points: float
    english: str
    chinese: str


class Call(BaseModel):
    """A retailer to see. `days` since the last visit (null: never visited), and the points that they add."""

    retailer_id: str
    name: str
    level: int
    order_weekday: int
    points: float
    days: int | None
    waiting: float
    why: list[Why]


@router.get("/visits", response_model=Page[Call])
def due(
    own: Here, person: Visits, part: Part, reason: VisitReason | None = None, weekday: Annotated[int | None, Query(ge=1, le=7)] = None,
) -> dict[str, Any]:  # fmt: skip
    """Whom to see today of one's own retailers, those first that need it most."""
    privacy.note_access(own.db, person=person, what="visits", at=own.clock())
    every = visiting.calls(own.source(), accounts.seen(person), own.today)
    found = visiting.chosen(every, reason=reason, weekday=weekday, search="")
    return part.of_list([_call(one) for one in found])


def _call(one: visiting.Call) -> Call:
    due = one.due
    why = [Why(**vars(reason)) for reason in due.why]
    shop = {name: one.shop[name] for name in ("retailer_id", "name", "order_weekday")}
    return Call(**shop, level=one.level, points=due.points, days=due.days, waiting=due.waiting, why=why)


class Visit(BaseModel):
    """A visit as it was written down; `open`: it is to be followed up and nobody has said that this is done."""

    visit_id: int
    visited_on: date
    note: str
    follow_up_on: date | None
    visited_by: str
    closed_on: date | None
    closed_by: str | None
    open: bool


@router.get("/retailers/{retailer_id}/visits", response_model=Page[Visit])
def listed(retailer_id: RetailerId, own: Here, person: Visits, part: Part) -> dict[str, Any]:
    """A retailer's visits: those with something to follow up first, then the newest."""
    looked(own, person, retailer_id, "visits")
    return part.of_list(stored.of_retailer(own.db, retailer_id, limit=stored.count(own.db, retailer_id)))


class Note(BaseModel):
    """What was found at a visit; `settles`: what was to be followed up before is done with."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(min_length=1, max_length=visits.LONGEST)]
    on: date | None = Field(None, description="Today unless given.")
    follow_up_on: date | None = None
    settles: bool = False


class Written(BaseModel):
    """A visit, by its number."""

    visit_id: int


@router.post("/retailers/{retailer_id}/visits", status_code=201)
def write(retailer_id: RetailerId, said: Note, own: Here, person: Visits) -> Written:
    """Write down a visit."""
    visit_id = stored.write(
        own.db, retailer_id, note=said.note, on=said.on or own.today, follow_up_on=said.follow_up_on, settles=said.settles, by=person.name,
        today=own.today, at=own.clock(),
    )  # fmt: skip
    return Written(visit_id=visit_id)


@router.post("/retailers/{retailer_id}/visits/{visit_id}/closing", status_code=201)
def close(retailer_id: RetailerId, visit_id: Number, own: Here, person: Visits) -> Written:
    """Say that what was to be followed up is done with."""
    stored.close(own.db, retailer_id, visit_id, by=person.name, on=own.today, at=own.clock())
    return Written(visit_id=visit_id)


class Count(BaseModel):
    """Cartons by brand, counted on a day; `sure`: also those that lie far from what is reckoned."""

    model_config = ConfigDict(extra="forbid")

    counts: Annotated[dict[Id, Annotated[int, Field(ge=0, le=counts.MOST)]], Field(min_length=1, max_length=1000)]
    on: date | None = Field(None, description="Today unless given.")
    sure: bool = False


class Counted(BaseModel):
    """How many brands were kept: all, or none where some are `far` off and it was not said that one is sure."""

    kept: int
    far: list[FarOff]


@router.post("/retailers/{retailer_id}/counts", status_code=201)
def count(retailer_id: RetailerId, said: Count, own: Here, person: Visits) -> Counted:
    """Keep a stock count, for the next night to read."""
    on, today, at = said.on or own.today, own.today, own.clock()
    far = visiting.count(own.source(), retailer_id, said.counts, on=on, sure=said.sure, by=person.name, today=today, at=at)
    return Counted(kept=0 if far else len(said.counts), far=far)
