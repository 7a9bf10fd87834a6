"""For a retailer: what its level may order, asking and ordering, what it got and why, and what arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from jobs import explaining, explaining_words, reviewing
from ordering.accounts import Permission
from ordering.database import lookups, runs
from web.api.orders import Orders, Reads, RetailerId, looked, quoted, taken
from web.api.pages import records
from web.orders import Offer, Order, Quote, Sheet
from web.screens import shell
from web.screens.fields import typed
from web.service import Here, Service

router = shell.router_of(desk=True)
told = shell.router_of()
NEED = "need."
"""Begins the names of the fields into which needs are typed; the brand follows."""
ARRIVALS = 500


@dataclass(frozen=True)
class OrderPage:
    """The sheet to order from; `may_order`: whether who looks orders here; `at_once`: whether it is a same-day order, else a pre-order;
    `key`: of the order that may come; `recommended`: cartons by brand that were decided to be put before the retailer."""

    retailer_id: str
    sheet: Sheet
    may_order: bool
    at_once: bool
    key: str
    recommended: Mapping[str, int]

    def filled(self, offer: Offer) -> int | None:
        """What stands in the field of a brand at first: the request that waits, else what is recommended and not yet ordered."""
        if offer.waiting:
            return None if self.at_once else offer.waiting
        return None if offer.given else self.recommended.get(offer.brand_id)


@router.get("/retailers/{retailer_id}/order")
def order(request: Request, retailer_id: RetailerId, own: Here, person: Reads, early: bool = False) -> Response:
    """This week's strategy for the retailer's level, with the form to ask and order."""
    looked(own, person, retailer_id, "sheet")
    sheet = own.desk.sheet(retailer_id, now=own.clock())
    at_once, recommended = sheet.is_open and not early, _recommended(own, retailer_id, sheet.order_day)
    page = OrderPage(retailer_id, sheet, person.may(Permission.ORDER), at_once, shell.new_key(), recommended)
    return shell.show(request, "retailer/order.html", page)


def _recommended(own: Service, retailer_id: str, order_day: date) -> dict[str, int]:
    """Cartons by brand that are recommended for an order day; none where no night is stored yet."""
    if runs.newest(own.db) is None:
        return {}
    found = reviewing.recommended(own.source(), retailer_id, order_day)
    return dict(zip(found["brand_id"].astype("str"), found["quantity"].tolist(), strict=True))


async def _needs(request: Request) -> dict[str, int]:
    """The needs typed into a form, by brand. It waits for nothing: the form was read with the fields that the routes name."""
    return typed((await request.form()).items(), NEED)


Needs = Annotated[dict[str, int], Depends(_needs)]


@dataclass(frozen=True)
class Answer:
    """What of a need can be ordered; None where nothing is asked."""

    brand_id: str
    quote: Quote | None


@router.post("/retailers/{retailer_id}/order/quote")
def quote(
    request: Request, retailer_id: RetailerId, own: Here, person: Orders, needs: Needs, brand: Annotated[str, Form(max_length=100)]
) -> Response:
    """The answer to one need, after what else stands in the form."""
    if brand not in needs:
        return shell.show(request, "retailer/answer.html", Answer(brand, None))
    found = quoted(own.desk.quote(retailer_id, brand, needs[brand], cart=needs, by=person.name, now=own.clock()))
    return shell.show(request, "retailer/answer.html", Answer(brand, found))


@dataclass(frozen=True)
class DonePage:
    """An order as it was taken."""

    retailer_id: str
    order: Order
    names: Mapping[str, str]


@router.post("/retailers/{retailer_id}/order")
def take(
    request: Request, retailer_id: RetailerId, own: Here, person: Orders, needs: Needs,
    key: Annotated[str, Form(min_length=8, max_length=200)], at_once: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Order what stands in the form: at once, or as a pre-order for the cut-off."""
    act = own.desk.confirm if at_once else own.desk.pre_order
    found = taken(act(retailer_id, needs, key=key, by=person.name, now=own.clock()))
    names = {offer.brand_id: offer.name for offer in own.desk.sheet(retailer_id, now=own.clock()).offers}
    return shell.show(request, "retailer/done.html", DonePage(retailer_id, found, names))


@dataclass(frozen=True)
class OrdersPage:
    """A retailer's orders, the newest day first."""

    retailer_id: str
    orders: Sequence[Order]
    names: Mapping[str, str]
    may_order: bool


@router.get("/retailers/{retailer_id}/orders")
def orders(request: Request, retailer_id: RetailerId, own: Here, person: Reads) -> Response:
    """Orders of the last eight weeks and of those that come."""
    looked(own, person, retailer_id, "orders")
    found = own.desk.orders(retailer_id, now=own.clock())
    names = lookups.brand_names(own.db)
    return shell.show(request, "retailer/orders.html", OrdersPage(retailer_id, found, names, person.may(Permission.ORDER)))


@dataclass(frozen=True)
class WhyPage:
    """What the newest night gave, line by line, and the rule that recomputes it."""

    retailer_id: str
    lines: Sequence[Mapping[str, Any]]
    calls: Sequence[str]
    rule: str


@told.get("/retailers/{retailer_id}/why")
def why(request: Request, retailer_id: RetailerId, own: Here, person: Reads) -> Response:
    """What the retailer got in the newest night's weeks, why, and how to recompute it from published numbers."""
    looked(own, person, retailer_id, "allocations")
    found = explaining.sheet(own.source(), retailer_id)
    mine = found[found["retailer_id"] == retailer_id]
    calls = [explaining_words.call(row, str(row["salt"])).partition("  #")[0] for row in mine.to_dict("records")]
    return shell.show(request, "retailer/why.html", WhyPage(retailer_id, records(mine), calls, explaining_words.recipe()))


@dataclass(frozen=True)
class ArrivalsPage:
    """Short brands that arrive from today on."""

    retailer_id: str
    arrivals: Sequence[Mapping[str, Any]]


@told.get("/retailers/{retailer_id}/arrivals")
def arrivals(request: Request, retailer_id: RetailerId, own: Here, person: Reads) -> Response:
    """When short brands arrive."""
    found, _ = lookups.arrivals(own.db, own.today, offset=0, limit=ARRIVALS)
    return shell.show(request, "retailer/arrivals.html", ArrivalsPage(retailer_id, found))
