"""Doors that are kept shut, over every route of the table: forged requests, and cookies that ended.

What else is held: payloads in test_payloads, roles and foreign retailers in test_authorisation, tokens and origins in test_session, the API
under random requests in test_contract, the shape of errors in test_errors.
"""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from ordering import tables
from ordering.accounts import MAY, Role, csrf_of
from ordering.database import accounts
from tests.web.browsing import PAGE, Browser, log_in, with_password
from tests.web.conftest import PASSWORD, House
from tests.web.test_authorisation import FILLED, PUBLIC, Tried, one_of, routes, wrong


def keys(house: House, who: str) -> dict[str, str]:
    """Cookie and token of a new session."""
    found = accounts.log_in(house.db, who, PASSWORD, address="testclient", at=house.at, rules=house.settings.accounts)
    assert found
    return {"Cookie": f"trueorder={found.secret}", "X-CSRF-Token": csrf_of(found.secret)}


@pytest.fixture
def people(house: House) -> dict[Role, dict[str, str]]:
    """Cookie and token of somebody of each role that people have."""
    names = {role: one_of(house, role) for role in Role if role is not Role.SERVICE}
    with_password(house, *names.values())
    return {role: keys(house, name) for role, name in names.items()}


# forged requests


def counts(house: House) -> dict[str, int]:
    """How many rows each table has, but for what is noted of reading, and what is counted up when it is first read."""
    noted = {"access_log", "user_sessions", "week_given"}
    with house.db.engine.connect() as tx:
        every = [table for table in tables.metadata.sorted_tables if table.name not in noted]
        return {table.name: int(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()) for table in every}


FOREIGN = ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"})
BODIES = (
    ("application/x-www-form-urlencoded", b"key=12345678&why=x"),
    ("text/plain", b'{"why": "x"}'),
    ("multipart/form-data; boundary=x", b"--x--"),
    ("application/json", b"{}"),
)


def forged(house: House, client: TestClient, people: dict[Role, dict[str, str]]) -> Tried:
    """Every route that changes something, by forms that another site's page can send: the cookie goes along, the token does not."""
    for method, path, found in routes(house.app):
        if method in ("GET", "HEAD") or (method, path) in PUBLIC:
            continue
        role = next((role for role in people if found[0] is None or found[0] in MAY[role]), Role.HEADQUARTERS)
        address = path.format(retailer_id=house.own, **FILLED)
        for headers, (kind, body) in zip(FOREIGN, BODIES, strict=True):
            own = {"Cookie": people[role]["Cookie"], "Content-Type": kind, **headers}
            status = client.request(method, address, headers=own, content=body).status_code
            yield f"{method} {path} {kind} {headers}", "" if status == 403 else str(status)


def test_no_unsafe_route_takes_what_a_form_of_another_site_can_send(
    house: House, client: TestClient, people: dict[Role, dict[str, str]]
) -> None:
    before = counts(house)
    assert wrong(forged(house, client, people), 100) == []
    assert counts(house) == before


def test_nothing_is_changed_by_looking(house: House, client: TestClient, people: dict[Role, dict[str, str]]) -> None:
    """Every route that a link can lead to, by everybody who may follow it."""
    before = counts(house)
    for method, path, found in routes(house.app):
        for role, key in people.items():
            if method == "GET" and (not found or found[0] is None or found[0] in MAY[role]):
                client.get(path.format(retailer_id=house.own, chosen="en", **FILLED), headers=key | PAGE, follow_redirects=False)
    assert counts(house) == before


# sessions


def ended(house: House, client: TestClient, way: str) -> None:
    """End the manager's session, whose cookie the client holds, in a way."""
    by = {"by": "tester", "at": house.at}
    secret = client.cookies["trueorder"]
    if way == "log-out page":
        assert client.post("/logout", headers={"X-CSRF-Token": csrf_of(secret)}).status_code == 200
    elif way == "log-out API":
        assert client.delete("/api/v1/session", headers={"X-CSRF-Token": csrf_of(secret)}).status_code == 204
    elif way == "disabling":
        accounts.disable(house.db, "manager", why="left", **by)
    elif way == "role":
        accounts.set_role(house.db, "manager", Role.HEADQUARTERS, **by)
    elif way == "password":
        accounts.set_password(house.db, "manager", "another long sentence", rules=house.settings.accounts, **by)
    else:
        accounts.end_sessions(house.db, "manager", **by)


WAYS = ("log-out page", "log-out API", "disabling", "role", "password", "ending")


def after_the_end(house: House, client: TestClient, way: str) -> Tried:
    """The manager logs in, its session ends in a way, and its cookie is shown again: to the API, to a page, and with an act."""
    Browser(client, "manager")
    kept = client.cookies["trueorder"]
    before = client.get("/api/v1/session").status_code
    yield f"{way}: before", "" if before == 200 else str(before)
    ended(house, client, way)
    client.cookies.set("trueorder", kept)
    seen = client.get("/api/v1/session").status_code
    yield f"{way}: API", "" if seen == 401 else str(seen)
    page = client.get("/", headers=PAGE, follow_redirects=False)
    led = (page.status_code, page.headers.get("location"))
    yield f"{way}: page", "" if led == (303, "/login?next=/") else str(led)
    act = client.post("/api/v1/suggestions/preview", json={}, headers={"X-CSRF-Token": csrf_of(kept)}).status_code
    yield f"{way}: act", "" if act == 401 else str(act)


@pytest.mark.parametrize("way", WAYS)
def test_an_old_cookie_is_refused_at_the_next_request(house: House, client: TestClient, way: str) -> None:
    with_password(house, "manager")
    assert wrong(after_the_end(house, client, way), 4) == []


def test_every_log_in_begins_under_a_new_id_whatever_cookie_came_along(house: House, client: TestClient) -> None:
    with_password(house, "manager")
    seen = {"planted-by-somebody-else"}
    client.cookies.set("trueorder", "planted-by-somebody-else")
    for _ in range(3):
        headers = log_in(client, "manager").headers
        given = headers["set-cookie"].partition("trueorder=")[2].partition(";")[0]
        assert len(given) >= 43
        assert given not in seen
        seen.add(given)
    client.cookies.clear()
    client.cookies.set("trueorder", "planted-by-somebody-else")
    assert client.get("/api/v1/session").status_code == 401


# what is noted


def test_log_ins_and_refusals_are_noted_with_time_and_person(house: House, client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with_password(house, "manager")
    with caplog.at_level(logging.INFO):
        log_in(client, "manager", "a wrong password of mine")
        Browser(client, "manager").get("/users", 403)
    with house.db.engine.connect() as tx:
        t = tables.audit
        noted = [tuple(row) for row in tx.execute(sa.select(t.c.action, t.c.by, t.c.at).order_by(t.c.audit_id.desc()).limit(2))]
    assert noted == [("login", "manager", house.at), ("login.refused", "manager", house.at)]
    told = [record.msg for record in caplog.records if isinstance(record.msg, dict) and record.msg.get("route") == "/users"]
    person = accounts.find(house.db, "manager").person
    assert [(one["code"], one["status"], one["user_id"]) for one in told] == [("NOT_ALLOWED", 403, person.user_id)]
    assert "a wrong password of mine" not in caplog.text
