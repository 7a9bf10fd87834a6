"""Behind the rates: the brands and retailers of the lowest demand fulfilment, and the order lines of a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from jobs import breakdown
from ordering.database import accounts, cells, privacy, week_lines
from ordering.model import week_of
from web.api.headquarters import Rates
from web.api.pages import records
from web.problems import ProblemError
from web.screens import shell
from web.screens.headquarters import Chosen
from web.screens.paging import Pager, pager
from web.service import Here

router = shell.router_of()
LISTED = 100
NO_SUCH_SPAN = ("first, last: the first day comes before the last, within two years", "first、last：起始日应早于结束日，且不超过两年")


Near = Annotated[date, Field(gt=date(1900, 1, 1), lt=date(9000, 1, 1))]


class Span(Chosen):
    """Rates of the weeks from `first` to `last`."""

    first: Near
    last: Near


class OfWeek(Chosen):
    """Rates of a week, by a day of it."""

    week: date


@dataclass(frozen=True)
class LowestPart:
    """The lowest demand fulfilment among brands and among retailers, each with a link to its lines; None where no stored cells tell."""

    span: Span
    rows: Mapping[str, Sequence[Mapping[str, Any]] | None]
    names: Mapping[str, str]
    least: Mapping[str, int]

    def lines(self, name: str, value: object) -> str:
        """Where the lines of a brand or retailer in the last of the weeks are."""
        return lines_of(self.span, self.span.last, **{name: value})


def lines_of(chosen: Chosen, week: date, **more: object) -> str:
    """The address of the lines behind rates of a week."""
    return "/rates/lines?" + urlencode({"week": week.isoformat(), **chosen.within, **more})


@router.get("/rates/lowest")
def lowest(request: Request, own: Here, person: Rates, span: Annotated[Span, Query()]) -> Response:
    """A part of the page of rates: the brands and retailers whose true demand was met least in some weeks."""
    if not timedelta(0) <= span.last - span.first <= timedelta(days=800):
        raise ProblemError("INVALID", NO_SUCH_SPAN)
    privacy.note_access(own.db, person=person, what="rates", at=own.clock())
    source, asked = own.source(), span.asked(person)
    found = {name: breakdown.lowest(source, asked, name, (span.first, span.last)) for name in breakdown.LEAST}
    rows = {name: None if one is None else records(one) for name, one in found.items()}
    names = {id_: told for name, part in rows.items() for id_, told in cells.names(own.db, name, [row[name] for row in part or ()]).items()}
    return shell.show(request, "headquarters/lowest.html", LowestPart(span, rows, names, breakdown.LEAST))


@dataclass(frozen=True)
class LinesPage:
    """Order lines of a week within values, the largest gap first; `pager` knows of one more line at most. `back`: the rates they are of."""

    chosen: Chosen
    week: date
    rows: Sequence[Mapping[str, Any]]
    pager: Pager
    before: str
    after: str
    back: str


@router.get("/rates/lines")
def lines(request: Request, own: Here, person: Rates, of: Annotated[OfWeek, Query()]) -> Response:
    """The order lines behind the rates of one week, of the retailers that one sees."""
    privacy.note_access(own.db, person=person, what="order lines", at=own.clock())
    week, run_id = week_of(of.week), own.source().run.run_id
    among = accounts.seen(person)
    found = week_lines.listed(own.db, run_id, week, of.within, among=among, offset=of.offset, limit=LISTED + 1)
    part = pager(request, of.offset, of.offset + len(found), LISTED)
    near = [lines_of(of, week + timedelta(days=days)) if date.min < week < date(9999, 12, 1) else "" for days in (-7, 7)]
    back = of.to(week=None, **({"period": "week", "at": week.isoformat()} if found else {}))
    return shell.show(request, "headquarters/lines.html", LinesPage(of, week, found[:LISTED], part, near[0], near[1], back))
