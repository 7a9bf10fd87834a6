"""A retailer's own orders: what it may order, quotes, same-day and pre-orders, what it got and why, and what arrives."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Header, Path
from pydantic import BaseModel, ConfigDict, Field

from jobs import explaining, explaining_words
from ordering.accounts import Permission, Person
from ordering.database import lookups, privacy
from ordering.model import Reason
from web import meters
from web.api import router_of
from web.api.pages import Page, Part
from web.orders import Order, Quote, Sheet
from web.people import may
from web.problems import ProblemError
from web.service import Here, Service

router = router_of("orders", "/retailers/{retailer_id}", desk=True)
told = router_of("orders", "/retailers/{retailer_id}")
Id = Annotated[str, Field(min_length=1, max_length=100)]
RetailerId = Annotated[str, Path(min_length=1, max_length=100, description="The licence number.")]
OrderId = Annotated[str, Path(min_length=1, max_length=100)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        description="Anew for each order: sent again, it gives the same answer.",
    ),
]
Cartons = Annotated[int, Field(ge=0, le=1_000_000, description="Whole cartons.")]
Orders = Annotated[Person, may(Permission.ORDER)]
Reads = Annotated[Person, may(Permission.READ_SHOP)]


class Ask(BaseModel):
    """A need, as typed; `cart`: what stands in the form beside it, by brand."""

    model_config = ConfigDict(extra="forbid")

    brand_id: Id
    requested: Cartons
    cart: dict[Id, Cartons] = Field({}, max_length=500)


class Basket(BaseModel):
    """Requests by brand."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[dict[Id, Cartons], Field(max_length=500)]


class TakeBack(BaseModel):
    """Why an order is taken back."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=1, max_length=1000)]
    paid: bool = Field(True, description="false: the payment failed; only a program may say so.")


@router.get("/sheet")
def sheet(retailer_id: RetailerId, own: Here, person: Reads) -> Sheet:
    """The strategy for the retailer's level: every brand on offer with its caps, before anything is asked."""
    looked(own, person, retailer_id, "sheet")
    return own.desk.sheet(retailer_id, now=own.clock())


@router.post("/quotes")
def quote(retailer_id: RetailerId, said: Ask, own: Here, person: Orders) -> Quote:
    """What of a need can be ordered now, and the rule that binds. The answer is kept as a version of the request; it holds nothing back."""
    return quoted(own.desk.quote(retailer_id, said.brand_id, said.requested, cart=said.cart, by=person.name, now=own.clock()))


def quoted(found: Quote) -> Quote:
    """The quote, counted."""
    meters.QUOTES.labels(str(found.reason)).inc()
    return found


@router.post("/orders", status_code=201)
def confirm(retailer_id: RetailerId, said: Basket, key: Key, own: Here, person: Orders) -> Order:
    """Confirm a same-day order: each line gets what can be given at this moment, all in one transaction, once for each key."""
    return taken(own.desk.confirm(retailer_id, said.lines, key=key, by=person.name, now=own.clock()))


@router.post("/pre-orders", status_code=201)
def pre_order(retailer_id: RetailerId, said: Basket, key: Key, own: Here, person: Orders) -> Order:
    """Leave requests for the next order day, in the place of those that waited (no lines: nothing waits any more); until the cut-off."""
    return taken(own.desk.pre_order(retailer_id, said.lines, key=key, by=person.name, now=own.clock()))


def taken(order: Order) -> Order:
    """The order, counted."""
    meters.CONFIRMED.labels(str(order.mode)).inc(len(order.lines))
    return order


@router.get("/orders", response_model=Page[Order])
def orders(retailer_id: RetailerId, own: Here, person: Reads, part: Part) -> dict[str, Any]:
    """The retailer's orders of the last eight weeks and of those that come, the newest day first, cancelled ones among them."""
    looked(own, person, retailer_id, "orders")
    return part.of_list(own.desk.orders(retailer_id, now=own.clock()))


@router.get("/orders/{order_id}")
def order(retailer_id: RetailerId, order_id: OrderId, own: Here, person: Reads) -> Order:
    """One of them."""
    looked(own, person, retailer_id, "orders")
    return _own(own, retailer_id, order_id)


@router.post("/orders/{order_id}/cancellation", status_code=201)
def cancel(retailer_id: RetailerId, order_id: OrderId, said: TakeBack, own: Here, person: Orders) -> Order:
    """Take an order back: its cartons can be given to others at once."""
    if not said.paid and person.retailer_id is not None:
        raise ProblemError("NOT_ALLOWED")
    if own.desk.retailer_of(order_id) != retailer_id:
        raise ProblemError("NOT_FOUND")
    return own.desk.cancel(order_id, paid=said.paid, by=person.name, why=said.why, now=own.clock())


def _own(own: Service, retailer_id: str, order_id: str) -> Order:
    """The retailer's order of that number; a foreign one is not there."""
    for found in own.desk.orders(retailer_id, now=own.clock()):
        if found.order_id == order_id:
            return found
    raise ProblemError("NOT_FOUND")


class Allocation(BaseModel):
    """A line of the newest night: what it got, why, and every number by which the retailer can recompute it."""

    order_id: str
    brand_id: str
    brand: str
    retailer_id: str
    owner: str = Field(description="The licence of whose group the ticket is.")
    week: date
    order_date: date
    requested: int
    held: bool
    pack_multiple: int
    min_lot: int
    cap_left: int | None
    demand_left: int | None
    quota_left: int | None
    band_left: int | None
    total_left: int | None
    day_left: int | None
    usable: int
    taken: int
    salt: str
    turns: int
    ticket: int
    weight: int
    level: float | None
    line: float | None
    allocated: int
    recomputed: int
    agrees: bool
    reason: Reason
    policy: str
    english: str
    chinese: str


class Allocations(Page[Allocation]):
    """Lines, and the rule that recomputes them."""

    rule: str = Field(description="In Python: cartons(owner, brand_id, salt=, turns=, weight=, level=, usable=, taken=, pack=).")


@told.get("/allocations")
def allocations(retailer_id: RetailerId, own: Here, person: Reads, part: Part) -> Allocations:
    """What the retailer got in the newest night's weeks, why in words, and how to recompute it from published numbers alone."""
    looked(own, person, retailer_id, "allocations")
    found = explaining.sheet(own.source(), retailer_id)
    return Allocations.model_validate(part.of(found[found["retailer_id"] == retailer_id]) | {"rule": explaining_words.recipe()})


class Arrival(BaseModel):
    """When a short brand arrives."""

    brand_id: str
    name: str
    arrives_on: date
    quantity: int


@told.get("/supply-calendar", response_model=Page[Arrival])
def supply_calendar(retailer_id: RetailerId, own: Here, person: Reads, part: Part) -> dict[str, Any]:
    """Short brands that arrive from today on."""
    return part.page(*lookups.arrivals(own.db, own.today, offset=part.offset, limit=part.limit))


def looked(own: Service, person: Person, retailer_id: str, what: str) -> None:
    """Note that somebody looks at a retailer's data; who looks at its own is not noted."""
    privacy.note_access(own.db, person=person, retailer_id=retailer_id, what=what, at=own.clock())
