"""Payloads in every parameter of every page, by the route table, and in what was stored: no page fails, and none lets markup through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient

from ordering import tables
from ordering.accounts import MAY, Role
from ordering.database import accounts
from tests.web.browsing import PAGE
from tests.web.conftest import PASSWORD, House
from tests.web.test_authorisation import FILLED, Tried
from tests.web.test_authorisation import wrong as faults
from tests.web.test_doors import people as people
from web.people import guards_of
from web.problems import API
from web.requests import HEADERS

HTML = "<svg onload=alert(1)>"
PAYLOADS = (
    f"x'\"><script>{HTML}</script>{{{{99999*99999}}}}${{99999*99999}}",
    "' OR 1=1; DROP TABLE users; --",
    "\x00\x1f\u202e\ufffe",
    "-9e999",
    "9" * 30,
    "../../etc/passwd",
    "%s%n%(name)s{0.__class__}",
    "a" * 5000,
)
BARE = (HTML, "9999800001", "Traceback", 'File "', "sqlite3", "SELECT ", "<built-in", "root:")
"""What no answer may hold: markup as it was sent, an expression computed, and the inside of the house."""


def screens(app: Any) -> Iterator[tuple[str, str, Any]]:
    """Every page: method, template, dependant."""
    for route in iter_route_contexts(app.routes):
        if (dependant := getattr(route, "dependant", None)) is not None and not str(route.path).startswith(API):
            yield from ((method, str(route.path), dependant) for method in sorted(route.methods or ()))


def names(dependant: Any, kind: str) -> list[str]:
    """The parameters of a kind (path, query, body) that a route takes, with all it depends on, those of a model one by one."""
    own = []
    for one in getattr(dependant, f"{kind}_params"):
        model = one.field_info.annotation
        own += list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else [one.alias]
    return own + [name for below in dependant.dependencies for name in names(below, kind)]


GOOD = {
    "name": "nobody",
    "role": "headquarters",
    "key": "a key of ours",
    "brand": "010001",
    "password": PASSWORD,
    "why": "a test",
    "next": "/",
}
"""What else stands beside a payload, so that it is met."""


def attacks(house: House, method: str, path: str, dependant: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests of a route, each with a payload in one parameter: path, query, field of a form (need.… is what pages of orders read)."""
    filled = {"retailer_id": house.own, "chosen": "en"} | FILLED
    sent = {kind: sorted(set(names(dependant, kind))) for kind in ("path", "query", "body")}
    good = {kind: {name: GOOD[name] for name in sent[kind] if name in GOOD} for kind in ("query", "body")}
    fields = [*sent["body"], "need.010001", "need.nowhere", "unknown"] if method == "POST" else []
    for payload in PAYLOADS:
        for name in sent["path"]:
            yield path.replace(f"{{{name}}}", "{p}").format(p=quote(payload[:1000], safe=""), **filled), {"params": good["query"]}
        for name in [*sent["query"], "unknown"]:
            yield path.format(**filled), {"params": good["query"] | {name: payload}}
        for name in fields:
            yield path.format(**filled), {"params": good["query"], "data": good["body"] | {name: payload}}


def wrong(answer: Any) -> list[str]:
    """What is wrong with an answer, whatever was asked."""
    found = [bare for bare in BARE if bare in answer.text] if "html" in answer.headers.get("content-type", "") else []
    found += [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
    return found + ([str(answer.status_code)] if answer.status_code >= 500 else [])


def holes(house: House, client: TestClient, people: dict[Role, dict[str, str]]) -> Tried:
    """Payloads in every parameter of every page, and what is wrong with the answers."""
    for method, path, dependant in screens(house.app):
        guards = guards_of(dependant)
        may = [role for role in people if not guards or guards[0].permission is None or guards[0].permission in MAY[role]]
        for address, more in attacks(house, method, path, dependant):
            headers = people[may[0]] | {"Accept": "text/html"} | ({"HX-Request": "true"} if method == "POST" else {})
            if path == "/logout":
                headers["X-CSRF-Token"] = "x"
            answer = client.request(method, address, headers=headers, follow_redirects=False, **more)
            yield f"{method} {address[:80]} {str(more)[:80]}", ", ".join(wrong(answer))


def test_no_payload_in_any_parameter_of_any_page_does_harm(house: House, client: TestClient, people: dict[Role, dict[str, str]]) -> None:
    assert faults(holes(house, client, people), 500) == []
    with house.db.engine.connect() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(tables.users)).scalar_one() >= 8


def test_a_page_that_lets_a_payload_through_would_be_noticed(house: House, client: TestClient, people: dict[Role, dict[str, str]]) -> None:
    house.app.router.routes[:] = []

    @house.app.get("/naive", response_model=None)
    def naive(said: str = "") -> HTMLResponse:
        if said.startswith("-"):
            raise ZeroDivisionError(f"{said} SELECT")
        return HTMLResponse(f"<p>{said}</p>")

    assert {bad for _, bad in holes(house, client, people) if bad} == {HTML, "500"}


HEADERS_SENT = (
    "Accept-Language",
    "Referer",
    "HX-Current-URL",
    "X-Request-ID",
    "User-Agent",
    "Origin",
    "Cookie",
    "X-CSRF-Token",
    "Authorization",
)


def test_no_payload_in_a_header_does_harm(house: House, client: TestClient, people: dict[Role, dict[str, str]]) -> None:
    page = f"/retailers/{house.own}/orders"
    for name in HEADERS_SENT:
        for payload in PAYLOADS:
            said = payload.encode("utf-8", "replace").replace(b"\x00", b"").replace(b"\x1f", b"")
            for extra in ({}, {"HX-Request": "true"}):
                headers = {**people[Role.RETAILER], **PAGE, **extra, name: said}
                answer = client.get(page, headers=headers, follow_redirects=False)  # type: ignore[arg-type]
                assert wrong(answer) == [], (name, payload[:40])
                assert "evil" not in answer.headers.get("hx-redirect", "")


def test_markup_that_was_stored_is_shown_as_text(house: House, client: TestClient, people: dict[Role, dict[str, str]]) -> None:
    """Names of shops and brands that were imported, a user's name, and a reason that was written."""
    with house.db.writing() as tx:
        for table in ("retailers", "brands"):
            tx.execute(tables.contract[table].update().values(name=f"{HTML}&\"'"))
    by = {"by": f"by {HTML}", "at": house.at}
    accounts.add(house.db, name=HTML, role=Role.SERVICE, password=None, rules=house.settings.accounts, **by)
    accounts.disable(house.db, HTML, why=f"why {HTML}", **by)
    filled, seen = {"retailer_id": house.own, "chosen": "en"} | FILLED, ""
    for method, path, dependant in screens(house.app):
        for key in people.values() if method == "GET" else ():
            query = {"name": HTML} if "name" in names(dependant, "query") else {}
            answer = client.get(path.format(**filled), params=query, headers=key | PAGE, follow_redirects=False)
            assert wrong(answer) == [], path
            seen += answer.text
    assert seen.count("&lt;svg onload=alert(1)&gt;") > 20
