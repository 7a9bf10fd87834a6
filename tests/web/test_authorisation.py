"""Every route of the table × every role × own and foreign retailers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from ordering.accounts import EVERYWHERE, MAY, Permission, Role
from tests.web.conftest import House, bearer
from web.people import guards_of

PUBLIC = {
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/api/v1/session"),
    ("GET", "/login"), ("POST", "/login"), ("GET", "/language/{chosen}"),
}  # fmt: skip
"""The routes for which nobody need be logged in; /metrics looks at the address instead."""
FILLED = {"order_id": "O1", "brand_id": "B1", "name": "nobody", "kind": "csv"} | dict.fromkeys(
    ("batch_id", "answer_id", "run_id", "plan_id", "token_id", "complaint_id", "visit_id"), "1"
)


def routes(app: FastAPI) -> Iterator[tuple[str, str, list[Permission | None]]]:
    """Every route of the service: method, template, permissions that it declares."""
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        for method in sorted(route.methods or ()):
            if dependant is not None:
                yield method, str(route.path), [guard.permission for guard in guards_of(dependant)]


def undeclared(app: FastAPI) -> list[tuple[str, str]]:
    """Routes that declare not exactly one permission, and are not public."""
    return [(method, path) for method, path, found in routes(app) if len(found) != 1 and (method, path) not in PUBLIC]


def test_every_route_declares_one_permission(house: House) -> None:
    assert undeclared(house.app) == []
    assert {(method, path) for method, path, found in routes(house.app) if not found} == PUBLIC
    assert len(list(routes(house.app))) > 35


def test_a_route_without_a_permission_would_be_noticed(house: House) -> None:
    hasty = APIRouter()
    hasty.add_api_route("/hasty", lambda: 1)
    house.app.include_router(hasty)
    assert undeclared(house.app) == [("GET", "/hasty")]


def test_every_permission_that_a_role_has_is_a_role_s_to_use_here(house: House) -> None:
    """Those without a route yet are acts of the command line."""
    used = {permission for *_, found in routes(house.app) for permission in found if permission}
    waiting = {Permission.IMPORT, Permission.RATE_STARS, Permission.PUBLISH, Permission.CORRECT, Permission.RERUN,
               Permission.READ_METRICS}  # fmt: skip
    assert used | waiting == set(Permission)


def ask(client: TestClient, house: House, who: str | None, method: str, path: str, retailer_id: str) -> Any:
    filled = path.format(retailer_id=retailer_id, **FILLED)
    headers = {"Idempotency-Key": "a key of a test"} | (bearer(house, who) if who else {})
    return client.request(method, filled, headers=headers, json={} if method in ("POST", "PATCH") else None)


def one_of(house: House, role: Role) -> str:
    names = {Role.RETAILER: house.own, Role.ACCOUNT_MANAGER: "manager"}
    return names.get(role, str(role))


Tried = Iterator[tuple[str, str]]
"""What was tried, and what was wrong with the answer; "": nothing. Tests take it, and `python -m tests.security`, which counts."""


def by_a_role(house: House, client: TestClient, role: Role) -> Tried:
    """Every route, by somebody of a role, of its own retailer: refused where the role has no permission, and nowhere else."""
    for method, path, found in routes(house.app):
        if (method, path) in PUBLIC or (method, path) == ("DELETE", "/api/v1/session"):
            continue
        allowed = found[0] is None or found[0] in MAY[role]
        answer = ask(client, house, one_of(house, role), method, path, house.own)
        is_wrong = (answer.status_code != 403) != allowed or answer.status_code in (401, 500)
        yield f"{method} {path} by {role}", f"{answer.status_code} {answer.text[:200]}" if is_wrong else ""


def of_a_foreign_retailer(house: House, client: TestClient, role: Role) -> Tried:
    """Every route that names a retailer, by somebody who does not see it: as if it did not exist; who sees all gets one that does not."""
    for method, path, found in routes(house.app):
        if "{retailer_id}" not in path or found[0] not in MAY[role]:
            continue
        absent = ask(client, house, one_of(house, role), method, path, "nowhere")
        wrong = "" if absent.status_code == 404 else f"absent: {absent.status_code}"
        if role not in EVERYWHERE:
            foreign = ask(client, house, one_of(house, role), method, path, house.foreign)
            told = [{k: v for k, v in one.json().items() if k != "request_id"} for one in (foreign, absent)]
            wrong = wrong or ("" if foreign.status_code == 404 and told[0] == told[1] else f"foreign: {foreign.status_code}")
        yield f"{method} {path} by {role}, foreign", wrong


def by_nobody(house: House, client: TestClient) -> Tried:
    """Every route but the public ones, without being logged in."""
    for method, path, _ in routes(house.app):
        if (method, path) not in PUBLIC:
            status = ask(client, house, None, method, path, house.own).status_code
            yield f"{method} {path} by nobody", "" if status == 401 else str(status)


def wrong(tried: Tried, least: int = 1) -> list[tuple[str, str]]:
    """What was wrong of what was tried, which must be so much at least."""
    every = list(tried)
    assert len(every) >= least
    return [one for one in every if one[1]]


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_use_the_routes_of_its_permissions_and_no_other(house: House, client: TestClient, role: Role) -> None:
    assert wrong(by_a_role(house, client, role), 35) == []


@pytest.mark.parametrize("role", [Role.RETAILER, Role.ACCOUNT_MANAGER, Role.HEADQUARTERS, Role.SERVICE])
def test_a_foreign_retailer_is_not_there(house: House, client: TestClient, role: Role) -> None:
    assert wrong(of_a_foreign_retailer(house, client, role)) == []


def test_nobody_may_use_any_route_but_the_public_ones(house: House, client: TestClient) -> None:
    assert wrong(by_nobody(house, client), 35) == []
