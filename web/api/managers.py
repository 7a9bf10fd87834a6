"""For account managers: their own retailers, and the suggestions to decide on."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from jobs import reviewing
from ordering.accounts import Permission, Person
from ordering.database import accounts, lookups, privacy
from ordering.database.reviews import Done
from ordering.model import Decision
from ordering.review import Filter
from web.api import router_of
from web.api.pages import MOST, Number, Page, Paging, Part
from web.people import may
from web.problems import ProblemError
from web.service import Here, Service

router = router_of("account managers")
Code = Annotated[str, Field(max_length=100)]
Note = Annotated[str, Field(max_length=1000)]
Word = Annotated[str, Query(max_length=100)]
Sees = Annotated[Person, may(Permission.READ_SUGGESTIONS)]
Decides = Annotated[Person, may(Permission.DECIDE)]


class Retailer(BaseModel):
    """A retailer as a list shows it."""

    retailer_id: str
    name: str
    star_level: int
    district: str
    street: str
    area_type: str
    business_format: str
    account_manager: str
    order_weekday: int


@router.get("/retailers", response_model=Page[Retailer])
def retailers(own: Here, person: Annotated[Person, may(Permission.READ_SHOP)], part: Part, search: Word | None = None) -> dict[str, Any]:
    """One's own retailers, by licence number; `search`: whose name or number holds this."""
    privacy.note_access(own.db, person=person, what="retailers", at=own.clock())
    found = lookups.retailers(own.db, accounts.seen(person), search=search, offset=part.offset, limit=part.limit)
    return part.page(*found)


class Choice(BaseModel):
    """Which suggestions: those that fit all that is given. Always of one's own retailers alone."""

    model_config = ConfigDict(extra="forbid")

    retailer: Code | None = None
    brand: Code | None = None
    manager: Code | None = None
    district: Code | None = None
    star: Annotated[int, Field(ge=0, le=1000)] | None = None
    week: date | None = None
    day: date | None = None
    flagged: bool = False
    state: Literal["open", "pending", "decided", "accepted", "adjusted", "rejected"] | None = None
    change: Annotated[int, Field(ge=0, le=10**6, description="Suggestion and request lie at least so many cartons apart.")] | None = None
    other_basis: bool = Field(False, description="Decided on another suggestion than this night's.")
    search: Code | None = Field(None, description="Name or number of the retailer or of the brand holds this.")
    empty: bool = Field(False, description="Also lines without suggestion, request and decision.")

    def filter(self) -> Filter:
        """As the review knows it."""
        return Filter(**self.model_dump(include=set(Choice.model_fields)))


class Listing(Choice):
    """The same with a part of the list."""

    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST)] = 100


class Suggestion(BaseModel):
    """A suggestion with what holds of its decision. `most` is what binds (`bound`) leaves; `cap` is the level's for the week, `quota_left`
    what is left of the month's quota of the brand, null where there is none; p10 to p90 is the need's interval."""

    retailer_id: str
    name: str
    account_manager: str
    district: str
    star_level: int
    brand_id: str
    brand_name: str
    week: date
    order_day: date
    flagged: bool
    requested: int
    suggested: int
    p10: float
    p50: float
    p90: float
    stock: float | None
    most: int | None
    bound: str
    cap: int | None
    quota_left: int | None
    reason: str
    decision: Decision
    override: int | None
    final: int | None
    basis: str
    pending: bool
    code: str
    note: str
    decided_by: str
    approved_by: str
    batch_id: int | None
    version: int


@router.get("/suggestions", response_model=Page[Suggestion])
def suggestions(own: Here, person: Sees, of: Annotated[Listing, Query()]) -> dict[str, Any]:
    """The newest night's suggestions, those first that need a look."""
    privacy.note_access(own.db, person=person, what="suggestions", at=own.clock())
    part = Paging(of.offset, of.limit)
    return part.of(reviewing.listed(own.source(), of.filter(), accounts.seen(person)))


class Touched(BaseModel):
    """What a decision by this choice would touch; frozen lines are left as they are."""

    lines: int
    cartons: int
    frozen: int


@router.post("/suggestions/preview")
def preview(said: Choice, own: Here, person: Decides) -> Touched:
    """How many lines and cartons a decision would touch. Nothing is stored."""
    lines, cartons, frozen = reviewing.preview(own.source(), said.filter(), own.clock(), accounts.seen(person))
    return Touched(lines=lines, cartons=cartons, frozen=frozen)


class Decide(BaseModel):
    """A decision on all that `of` chooses: accept, adjust to `quantity`, or reject."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accepted", "adjusted", "rejected"]
    of: Choice
    quantity: Annotated[int, Field(ge=0, le=10**6)] | None = None
    code: Code = ""
    why: Note = ""
    version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(None, description="Of the line when the person looked at it.")


class Act(BaseModel):
    """An act: by its number it is undone or approved."""

    batch_id: int
    lines: int
    pending: int = Field(description="Lines that wait for a second person.")
    frozen: int


def _act(done: Done) -> Act:
    return Act(batch_id=done.batch_id, lines=done.lines, pending=done.pending, frozen=done.frozen)


QUANTITY = ("quantity: give one where the decision is adjusted, and only there", "quantity：仅在 adjusted 时填写，且必须填写")


@router.post("/suggestions/decisions", status_code=201)
def decide(said: Decide, own: Here, person: Decides) -> Act:
    """Decide on suggestions, by line or by choice, in one transaction. A decision recommends; it orders nothing."""
    if (said.quantity is not None) != (said.decision == "adjusted"):
        raise ProblemError("INVALID", QUANTITY)
    done = reviewing.decide(
        own.source(), said.of.filter(), Decision(said.decision), by=person.name, clock=own.clock(), code=said.code, why=said.why,
        quantity=said.quantity, version=said.version, among=accounts.seen(person),
    )  # fmt: skip
    return _act(done)


class Undo(BaseModel):
    """Why an act is taken back."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=1, max_length=1000)]
    spare_frozen: bool = Field(False, description="Leave lines whose cut-off has passed as they are, instead of refusing.")


@router.post("/suggestions/decisions/{batch_id}/undoing", status_code=201)
def undo(batch_id: Number, said: Undo, own: Here, person: Decides) -> Act:
    """Take an act back: each of its lines is again what it was before."""
    _own_batch(own, person, batch_id)
    done = reviewing.undo(own.source(), batch_id, by=person.name, why=said.why, clock=own.clock(), spare_frozen=said.spare_frozen)
    return _act(done)


class Approve(BaseModel):
    """A word of the second person."""

    model_config = ConfigDict(extra="forbid")

    why: Note = ""


@router.post("/suggestions/decisions/{batch_id}/approval", status_code=201)
def approve(batch_id: Number, said: Approve, own: Here, person: Decides) -> Act:
    """Let the pending lines of another person's act hold."""
    _own_batch(own, person, batch_id)
    return _act(reviewing.approve(own.source(), batch_id, by=person.name, why=said.why, clock=own.clock()))


def _own_batch(own: Service, person: Person, batch_id: int) -> None:
    if not lookups.holds_batch(own.db, batch_id, accounts.seen(person)):
        raise ProblemError("NOT_FOUND")
