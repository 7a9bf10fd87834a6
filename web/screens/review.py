"""For an account manager: the planned week's suggestions of its own retailers in one grid, to be decided on."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from jobs import line_story, line_weeks, review_grid, reviewing
from jobs.publish import closed_until
from ordering.accounts import Permission
from ordering.database import accounts, lookups, privacy
from ordering.review import CODES
from ordering.settings import ReviewSettings
from web import language
from web.api.managers import Choice, Decides, Sees
from web.api.orders import RetailerId, looked
from web.screens import shell
from web.service import Here

router = shell.router_of()
BrandId = Annotated[str, Path(min_length=1, max_length=100)]


@dataclass(frozen=True)
class ReviewPage:
    """The grid to be: what it chooses first, what it can be chosen by, and what needs a reason. `codes`: of reasons, with their words."""

    of: Choice
    brands: Sequence[Mapping[str, Any]]
    levels: int
    rules: ReviewSettings
    codes: Mapping[str, tuple[str, str]]


@router.get("/review")
def review(request: Request, own: Here, person: Decides, of: Annotated[Choice, Query()]) -> Response:
    """The page; its lines come by /review/rows."""
    page = ReviewPage(of, lookups.brands(own.db), own.settings.rating.levels, own.settings.review, CODES)
    return shell.show(request, "manager/review.html", page)


@router.get("/review/rows")
def rows(request: Request, own: Here, person: Decides, of: Annotated[Choice, Query()]) -> Response:
    """The lines of a choice as JSON, those first that need a look (review_grid.packed), with the night that suggests them."""
    privacy.note_access(own.db, person=person, what="suggestions", at=own.clock())
    source = own.source()
    found = reviewing.listed(source, of.filter(), accounts.seen(person))
    packed = review_grid.packed(found, source.settings.review, closed_until(source.settings, own.clock()))
    night = {"run": source.run.run_id, "night": source.run.business_date.isoformat()}
    return sent(request, night | packed)


@router.get("/review/weeks")
def weeks(request: Request, own: Here, person: Decides, of: Annotated[Choice, Query()]) -> Response:
    """The last weeks of the pairs of a retailer, or of all that the person sees (line_weeks.packed): they dress the lines of the grid."""
    privacy.note_access(own.db, person=person, what="suggestions", at=own.clock())
    return sent(request, line_weeks.packed(own.source(), of.filter(), accounts.seen(person)))


def sent(request: Request, found: Mapping[str, Any]) -> Response:
    """Many numbers as JSON, compressed where the browser can read that. There is no secret among them that their length could tell of."""
    text = to_json(found)
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding, Cookie"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        text, headers = gzip.compress(text, 3), headers | {"Content-Encoding": "gzip"}
    return Response(text, media_type="application/json", headers=headers)


@dataclass(frozen=True)
class StoryPage:
    """What a suggestion was made of; `names`: of the retailer and the brand, `codes`: of reasons, with their words."""

    retailer_id: str
    brand_id: str
    names: tuple[str, str]
    story: line_story.Story
    may_decide: bool
    codes: Mapping[str, tuple[str, str]]


@router.get("/review/{retailer_id}/{brand_id}")
def story(request: Request, retailer_id: RetailerId, brand_id: BrandId, own: Here, person: Sees) -> Response:
    """The part beside the grid that tells of one line."""
    looked(own, person, retailer_id, "suggestions explain")
    told = line_story.told(own.source(), retailer_id, brand_id, language.of(request))
    shop = lookups.retailer(own.db, retailer_id) or {}
    brands = lookups.brand_names(own.db)
    names = (str(shop.get("name", retailer_id)), str(brands.get(brand_id, brand_id)))
    page = StoryPage(retailer_id, brand_id, names, told, person.may(Permission.DECIDE), CODES)
    return shell.show(request, "manager/story.html", page)
