"""What every page has: its frame, its language, who looks at it, and where else they may go."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import jinja2
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from jobs.report_words import word
from ordering.accounts import Person, Role, csrf_of
from web import language, people, service
from web.problems import is_htmx
from web.screens import downloads, figures
from web.threads import AtTheDesk, OneThread


def mark(text: str) -> str:
    """Mark a text to be translated where it is shown."""
    return text


def router_of(*, desk: bool = False) -> APIRouter:
    """The router of one audience's pages."""
    return APIRouter(include_in_schema=False, route_class=AtTheDesk if desk else OneThread, default_response_class=HTMLResponse)


@dataclass(frozen=True)
class Link:
    """A place to go: its address and the text of its name, which is translated where it is shown."""

    href: str
    name: str


@dataclass(frozen=True)
class Frame:
    """What is around a page. `at`: its path, `address`: the same with its query; `today` and `zone` are the city's."""

    language: language.Language
    at: str
    address: str
    person: Person | None
    csrf: str
    links: Sequence[Link]
    today: date
    zone: ZoneInfo
    city: str
    version: str


PLACES: Mapping[Role, Sequence[Link]] = {
    Role.RETAILER: (
        Link("/retailers/{shop}/order", mark("Order")), Link("/retailers/{shop}/orders", mark("My orders")),
        Link("/retailers/{shop}/why", mark("What I got and why")), Link("/retailers/{shop}/arrivals", mark("What arrives")),
        Link("/retailers/{shop}/feedback", mark("Tell us")),
    ),
    Role.ACCOUNT_MANAGER: (
        Link("/review", mark("Review")), Link("/visits", mark("Visits")), Link("/retailers", mark("My retailers")),
        Link("/complaints", mark("Complaints")),
    ),
    Role.ADMINISTRATOR: (
        Link("/users", mark("Users")), Link("/settings", mark("Settings")), Link("/audit", mark("Audit")),
        Link("/privacy", mark("Personal data")), Link("/runs", mark("Runs")),
    ),
    Role.HEADQUARTERS: (
        Link("/rates", mark("Rates")), Link("/brands", mark("Brands")), Link("/strategy", mark("Strategy")), Link("/runs", mark("Runs")),
        Link("/satisfaction", mark("Satisfaction")),
    ),
}  # fmt: skip
"""Where the people of a role may go; where they begin comes first."""


def links(person: Person | None) -> list[Link]:
    """The places of a person."""
    if person is None:
        return []
    return [Link(link.href.format(shop=quote(person.retailer_id or "", safe="")), link.name) for link in PLACES.get(person.role, ())]


def frame(request: Request) -> Frame:
    """The frame of a request's page."""
    own = service.of(request)
    person: Person | None = request.scope.get("person")
    secret = request.cookies.get(people.cookie_name(own))
    return Frame(
        language=language.of(request),
        at=request.url.path,
        address=_address(request.url.path, request.url.query),
        person=person,
        csrf=csrf_of(secret) if secret and person else "",
        links=links(person),
        today=own.today,
        zone=ZoneInfo(own.settings.city.time_zone),
        city=own.settings.city.name,
        version=version("trueorder"),
    )


def new_key() -> str:
    """The key of an order that may come."""
    return secrets.token_urlsafe(18)


def show(request: Request, template: str, page: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A page, or a part of one: `template` with `page`, whose fields it names."""
    around = frame(request)
    text = _environment(around.language).get_template(template).render(frame=around, page=page)
    more = {"Content-Language": around.language, "Vary": "Accept-Language, Cookie", "Cache-Control": "no-store"} | dict(headers or {})
    return HTMLResponse(text, status, more)


def problem(request: Request, found: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """A problem as a page; who is not logged in is sent to the log-in, and back again from there."""
    status = int(found["status"])
    if status == 401 and found["code"] == "NOT_LOGGED_IN":
        to = "/login?next=" + quote(_page(request), safe="/")
        return Response(status_code=401, headers={"HX-Redirect": to}) if is_htmx(request) else RedirectResponse(to, 303)
    template = "problem_part.html" if is_htmx(request) else "problem.html"
    return show(request, template, found, status=status, headers=headers)


def _page(request: Request) -> str:
    """The page that was asked for, or of which a part was asked, with its query; / where that is not known."""
    asked = request.headers.get("hx-current-url", "") if is_htmx(request) else str(request.url) if request.method == "GET" else ""
    try:
        found = urlsplit(asked)
    except ValueError:
        return "/"
    return _address(found.path or "/", found.query)


def _address(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


@lru_cache
def _environment(name: language.Language) -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("web", "templates"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    texts = language.texts(name)
    found.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
    found.filters |= {name: getattr(figures, name) for name in ("cartons", "cases", "money", "percent", "points", "signed")}
    found.filters |= {"local": local, "word": word, "file": downloads.address}
    found.policies["ext.i18n.trimmed"] = True
    return found


def local(at: datetime, zone: ZoneInfo, form: str = "%m-%d %H:%M") -> str:
    """A UTC time in the city's zone."""
    return at.replace(tzinfo=UTC).astimezone(zone).strftime(form)
