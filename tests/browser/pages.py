"""Every page of the route table, with the addresses to look at it, and what is found there: each page is loaded once for all checks."""

from __future__ import annotations

import getpass
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import APIResponse, BrowserContext, Page, Response
from playwright.sync_api import Error as PlaywrightError
from pydantic import BaseModel

from ordering import tables
from ordering.accounts import MAY, Permission, Role
from tests.browser.conftest import Site
from tests.web.test_language import HELD, catalogue
from tests.web.test_payloads import screens
from web.people import guards_of

LOOKING = (Path(__file__).parent / "looking.js").read_text("utf-8")
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
QUERIES: Mapping[str, tuple[str, ...]] = {
    "/user": ("name={user}",),
    "/user/copy": ("name={user}",),
    "/privacy": ("", "retailer={retailer_id}"),
    "/privacy/copy": ("retailer={retailer_id}",),
    "/retailers/{retailer_id}/order": ("", "early=true"),
    "/strategy/what-if": ("policy=proportional",),
    "/strategy/what-if/brand": ("brand={brand_id}",),
    "/rates": ("", "by=star&show=why", "by=retailer"),
    "/rates/lowest": ("first={past}&last={past}",),
    "/rates/lines": ("week={past}",),
}
"""What is asked beside the path, where a page is nothing without it, or is another one with it."""
PARTS: Mapping[str, str] = {}
"""Parts of a page that stand in another page than that where one begins, by their route."""
REFUSED: Mapping[tuple[str, Role | None], int] = {("/brands", Role.ACCOUNT_MANAGER): 409}
"""Pages that tell a role in words that they are not for it, with their status; no link of its pages leads there."""
WORDS = frozenset(
    {
        "TrueOrder",
        "English",
        "csv",
        "xlsx",
        "pdf",
        "CSV",
        "XLSX",
        "PDF",
        "HHI",
        "Enter",
        "Tab",
        "final",
        "UTC",
        "Excel",
        "Python",
        "Esc",
        "Ctrl",
        "trueorder demo",
        getpass.getuser(),
    }
)
"""What stands in Latin letters on a Chinese page as well: names of programs, keys, a column of lists, who made the demo and its night."""


def values(site: Site) -> dict[str, str]:
    """Real ids of the demo by the names of parameters."""
    t = tables.contract
    brand = site.db.rows(sa.select(t["brands"].c.brand_id, t["brands"].c.manufacturer).order_by(t["brands"].c.brand_id))[0]
    shop = site.people[Role.RETAILER]
    return {
        "retailer_id": shop, "brand_id": str(brand["brand_id"]), "manufacturer": str(brand["manufacturer"]), "run_id": "1",
        "user": site.people[Role.ACCOUNT_MANAGER], "chosen": "zh", "week": f"{site.week}", "month": f"{site.week:%Y-%m}",
        "past": f"{site.week - timedelta(days=7)}", "kind": "xlsx", "complaint_id": "1",
    }  # fmt: skip


@dataclass(frozen=True)
class Place:
    """An address of a route, and who looks at it; None: anybody. `others`: who may look at it as well."""

    route: str
    address: str
    role: Role | None
    others: tuple[Role | None, ...] = ()

    @property
    def first(self) -> bool:
        """Whether nobody looks at it before this role does."""
        return all(list(Role).index(self.role) < list(Role).index(other) for other in self.others if self.role and other)

    @property
    def phone(self) -> bool:
        """Whether it is looked at on a phone as well: retailers have nothing else, and a user is kept out from anywhere."""
        return self.role is Role.RETAILER or (self.role is Role.ADMINISTRATOR and not self.others)


def places(site: Site) -> tuple[list[Place], list[str]]:
    """Every place to look at, and what is not known of routes that have parameters."""
    found, unknown, known = [], [], values(site)
    for method, route, dependant in screens(site.app):
        if method != "GET":
            continue
        missing = [name for name in _named(route) if name not in known]
        asked = QUERIES.get(route, ("",))
        missing += [one for one in _required(dependant) if not any(f"{one}=" in query for query in asked)]
        unknown += [f"GET {route}: no example of {name}; add it to tests/browser/pages.py" for name in missing]
        if not missing:
            roles = _roles(dependant)
            found += [
                Place(route, _filled(route, query, known), role, tuple(one for one in roles if one is not role))
                for query in asked
                for role in roles
            ]
    return found, unknown


def _named(template: str) -> list[str]:
    return [name for _, name, *_ in string.Formatter().parse(template) if name]


def _required(dependant: Any) -> list[str]:
    """The parameters of a query without which there is no answer; of a model those of its fields."""
    own = []
    for one in dependant.query_params:
        model = one.field_info.annotation
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {one.alias: one.field_info}
        own += [name for name, field in fields.items() if field.is_required()]
    return own + [name for below in dependant.dependencies for name in _required(below)]


def _filled(route: str, query: str, known: Mapping[str, str]) -> str:
    return route.format(**known) + (f"?{query.format(**known)}" if query else "")


def _roles(dependant: Any) -> list[Role | None]:
    guards = guards_of(dependant)
    if not guards:
        return [None]
    wanted: Permission | None = guards[0].permission
    return [role for role in Role if role is not Role.SERVICE and (wanted is None or wanted in MAY[role])]


# what is found on a page


@dataclass(frozen=True)
class Found:
    """What is wrong with a place: which check found it, and what."""

    check: str
    place: Place
    language: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.place.address} ({self.place.role or 'anybody'}, {self.language}): {self.what}"


CHECKS = ("answer", "console", "policy", "words", "axe", "letters", "width", "phone")


class Looker:
    """A browser of one person in one language, with all that it complains of."""

    def __init__(self, context: BrowserContext, site: Site, language: str) -> None:
        context.add_init_script(LOOKING)
        context.add_cookies([{"name": "language", "value": language, "url": site.address}])
        self.context, self.site, self.language, self.said = context, site, language, list[str]()
        context.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # asked for where a part of a page is opened alone
        self.page: Page = context.new_page()
        self.page.on("console", lambda said: self.said.append(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def look(self, place: Place) -> Iterator[Found]:
        """Open a place, and tell what is wrong with it; of what is no page only whether it is there."""
        self.said.clear()
        answer = self._go(place)
        if answer.status >= 400 and answer.status != REFUSED.get((place.route, place.role)):
            yield Found("answer", place, self.language, f"status {answer.status}")
        if answer.status >= 300 or "html" not in answer.headers.get("content-type", "") or not answer.url.endswith(place.address):
            return
        if not answer.text().lstrip().startswith("<!DOCTYPE"):
            self.said.clear()
            self.put(place)
        yield from (
            Found(check, place, self.language, what)
            for check, what in self.checked(phone=place.phone, thorough=self.language == "zh" or place.first)
        )

    def _go(self, place: Place) -> Response | APIResponse:
        """The answer of a place; a file is asked for without being kept."""
        try:
            found = self.page.goto(self.site.address + place.address)
        except PlaywrightError as error:
            if "Download is starting" not in error.message:
                raise
            return self.context.request.get(self.site.address + place.address)
        assert found is not None
        return found

    def put(self, place: Place) -> None:
        """Fetch a part of a page into the page that it is of, or into that where one begins, as htmx does it."""
        self.page.goto(self.site.address + PARTS.get(place.route, "/"))
        self.page.evaluate("address => htmx.ajax('GET', address, '#main')", place.address)

    def checked(self, *, phone: bool = False, thorough: bool = True) -> Iterator[tuple[str, str]]:
        """What is wrong with the page as it is; `thorough`: axe looks at it as well, in English for the first role alone."""
        self.page.evaluate("__seen.quiet()")
        self.page.evaluate(AXE if thorough else "window.axe = {run: () => ({violations: []})}")
        found = self.page.evaluate(
            "async () => ({policy: __seen.refused, letters: __seen.missing(), texts: __seen.texts(), axe: await __seen.faults(), "
            "width: document.documentElement.scrollWidth})"
        )
        yield from (("policy", one) for one in found["policy"])
        yield from (("letters", one) for one in found["letters"])
        yield from (("axe", one) for one in found["axe"])
        yield from (("words", one) for one in foreign(found["texts"], self.language))
        if found["width"] > (wide := self.page.viewport_size["width"]):  # type: ignore[index]
            yield "width", f"{found['width']} px on a screen of {wide}"
        if phone:
            yield from self._on_a_phone()
        yield from (("console", one) for one in self.said)

    def _on_a_phone(self) -> Iterator[tuple[str, str]]:
        before = self.page.viewport_size
        self.page.set_viewport_size({"width": 390, "height": 844})
        self.page.evaluate("__seen.quiet()")
        if (wide := self.page.evaluate("document.documentElement.scrollWidth")) > 390:
            yield "phone", f"{wide} px on a screen of 390"
        self.page.set_viewport_size(before)  # type: ignore[arg-type]


def foreign(texts: list[str], language: str) -> list[str]:
    """Texts that are in the other language: of a Chinese page those with English words, of an English one the Chinese texts of pages."""
    if language == "zh":
        return sorted({text for text in texts if _english(text)})
    return sorted({text for text in texts if text in _chinese()})


def _english(text: str) -> list[str]:
    """Its English words; codes and names with a point or a hyphen in them are none."""
    return [] if text in WORDS else [word for word in re.findall(r"(?<![\w.@/-])[A-Za-z]{3,}(?![\w@/-]|\.\w)", text) if word not in WORDS]


@cache
def _chinese() -> frozenset[str]:
    """What the catalogue says in Chinese, where it holds no values."""
    said = [message.string for message in catalogue() if message.id]
    every = [text for one in said for text in ([one] if isinstance(one, str) else one)]
    return frozenset(one for one in every if not HELD.search(one) and re.search("[一-鿿]", one))
