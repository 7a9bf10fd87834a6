"""For an account manager: whom to see today and why, and what was found at a visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import visiting
from jobs.visiting import Call
from ordering import visits
from ordering.accounts import Permission, Person
from ordering.database import accounts, lookups, privacy
from ordering.database import visits as stored
from ordering.model import VisitReason
from web.api.managers import Word
from web.api.orders import RetailerId
from web.api.pages import Number, Offset
from web.people import may
from web.screens import shell
from web.screens.fields import Day, day
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
SHOWN = 50
"""Retailers of one page."""
NEWEST = 8
"""Visits that are shown at first."""
Visits = Annotated[Person, may(Permission.VISIT)]


@dataclass(frozen=True)
class VisitsPage:
    """Whom to see `today`, a page of them, as chosen by `reason`, `weekday` and `search`; `total`: of all, before anything was chosen."""

    today: date
    calls: Sequence[Call]
    total: int
    pager: Pager
    reason: VisitReason | None
    weekday: int | None
    search: str


@router.get("/visits")
def listed(
    request: Request, own: Here, person: Visits, reason: VisitReason | None = None,
    weekday: Annotated[int | None, Query(ge=1, le=7)] = None, search: Word = "", offset: Offset = 0,
) -> Response:  # fmt: skip
    """Whom to see of one's own retailers, those first that need it most."""
    privacy.note_access(own.db, person=person, what="visits", at=own.clock())
    every = visiting.calls(own.source(), accounts.seen(person), own.today)
    found = visiting.chosen(every, reason=reason, weekday=weekday, search=search)
    part = found[offset : offset + SHOWN]
    page = VisitsPage(own.today, part, len(every), pager(request, offset, len(found), SHOWN), reason, weekday, search.strip())
    return shell.show(request, "manager/visits.html", page)


@dataclass(frozen=True)
class VisitsPart:
    """What was found at a retailer's visits: open follow-ups first, then the newest (`total`: of all); `may_write`: whether who looks may
    write one down, `today`."""

    retailer_id: str
    visits: Sequence[Mapping[str, Any]]
    total: int
    today: date
    may_write: bool


def part(own: Service, person: Person, retailer_id: str, *, every: bool = False) -> VisitsPart:
    """A retailer's newest visits, or every one."""
    total = stored.count(own.db, retailer_id)
    found = stored.of_retailer(own.db, retailer_id, limit=total if every else NEWEST)
    return VisitsPart(retailer_id, found, total, own.today, person.may(Permission.VISIT))


@dataclass(frozen=True)
class DonePart:
    """A visit that was written down from the list: of which retailer, and when somebody comes back to it."""

    retailer: Mapping[str, Any]
    follow_up_on: date | None


@router.post("/retailers/{retailer_id}/visits")
def write(
    request: Request, retailer_id: RetailerId, own: Here, person: Visits,
    note: Annotated[str, Form(min_length=1, max_length=visits.LONGEST)],
    on: Day = "", follow_up_on: Day = "", settles: Annotated[bool, Form()] = False, listed: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Write down a visit, of today unless told otherwise; gives the retailer's visits anew, or the entry of the list (`listed`)."""
    visited, again = day(on) or own.today, day(follow_up_on)
    stored.write(
        own.db, retailer_id, note=note, on=visited, follow_up_on=again, settles=settles, by=person.name, today=own.today, at=own.clock()
    )
    if listed:
        return shell.show(request, "manager/visit_done.html", DonePart(lookups.retailer(own.db, retailer_id) or {}, again))
    return shell.show(request, "manager/shop_visits.html", part(own, person, retailer_id))


@router.post("/retailers/{retailer_id}/visits/{visit_id}/closing")
def close(request: Request, retailer_id: RetailerId, visit_id: Number, own: Here, person: Visits) -> Response:
    """Say that what was to be followed up is done with; gives the retailer's visits anew."""
    stored.close(own.db, retailer_id, visit_id, by=person.name, on=own.today, at=own.clock())
    return shell.show(request, "manager/shop_visits.html", part(own, person, retailer_id))
