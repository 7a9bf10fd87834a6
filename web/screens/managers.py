"""For an account manager: its own retailers, their flags, and the answers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, Path
from starlette.requests import Request
from starlette.responses import Response

from jobs import flagging
from ordering.accounts import Permission, Person
from ordering.answers import GROUNDS, VERDICTS, Ground, Verdict
from ordering.database import accounts, lookups, privacy
from web.api import flags
from web.api.flags import Answers
from web.api.managers import Word
from web.api.orders import Reads, RetailerId, looked
from web.api.pages import Offset, records
from web.people import may
from web.screens import shell
from web.screens.fields import Day, day
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
SHOWN = 50
"""Retailers of one page."""
NEWEST = 20
"""Flags that are shown at first."""
SeesFlags = Annotated[Person, may(Permission.READ_FLAGS)]
FOUND = rf"^({'|'.join(Verdict)}):[a-z_]{{1,50}}$"
Id = Annotated[str, Path(min_length=1, max_length=100)]


@dataclass(frozen=True)
class RetailersPage:
    """A page of one's own retailers, by licence number."""

    retailers: Sequence[Mapping[str, Any]]
    pager: Pager
    search: str


@router.get("/retailers")
def retailers(request: Request, own: Here, person: Reads, search: Word = "", offset: Offset = 0) -> Response:
    """One's own retailers; `search`: whose name or number holds this."""
    privacy.note_access(own.db, person=person, what="retailers", at=own.clock())
    found, total = lookups.retailers(own.db, accounts.seen(person), search=search.strip(), offset=offset, limit=SHOWN)
    return shell.show(request, "manager/retailers.html", RetailersPage(found, pager(request, offset, total, SHOWN), search.strip()))


@dataclass(frozen=True)
class FlagsPart:
    """A retailer's flags, the newest first (`total`: how many there are in all), and what may be said to one; `may_answer`: whether who
    looks may."""

    retailer_id: str
    total: int
    flags: Sequence[Mapping[str, Any]]
    brands: Mapping[str, str]
    may_answer: bool
    verdicts: Mapping[Verdict, tuple[str, str]]
    grounds: Mapping[str, Ground]


def flags_of(own: Service, person: Person, retailer_id: str, *, every: bool) -> FlagsPart:
    """A retailer's newest flags, or every one."""
    looked(own, person, retailer_id, "flags")
    found = flagging.listed(own.source(), retailer=retailer_id)
    brands = lookups.brand_names(own.db)
    shown = records(found if every else found.head(NEWEST))
    return FlagsPart(retailer_id, len(found), shown, brands, person.may(Permission.ANSWER), VERDICTS, GROUNDS)


@router.post("/retailers/{retailer_id}/flags/{order_id}/{brand_id}/answers")
def answer(
    request: Request, retailer_id: RetailerId, order_id: Id, brand_id: Id, own: Here, person: Answers,
    found: Annotated[str, Form(pattern=FOUND)], note: Annotated[str, Form(min_length=1, max_length=1000)],
    every_brand: Annotated[bool, Form()] = False, until: Day = "",
) -> Response:  # fmt: skip
    """Answer a flag by the form beside it, `found` being verdict and ground; gives the flags anew."""
    verdict, _, ground = found.partition(":")
    said = flags.Say(verdict=Verdict(verdict), ground=ground, note=note, every_brand=every_brand, until=day(until))
    flags.answer(order_id, brand_id, said, own, person)
    return shell.show(request, "manager/flags.html", flags_of(own, person, retailer_id, every=False))
