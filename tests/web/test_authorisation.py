"""Every route of the table × every role × own and foreign retailers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from ordering.accounts import MAY, Permission, Role
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
    waiting = {Permission.IMPORT, Permission.RATE_STARS, Permission.PUBLISH, Permission.CORRECT, Permission.RERUN, Permission.PRIVACY,
               Permission.READ_METRICS}  # fmt: skip
    assert used | waiting == set(Permission)


def ask(client: TestClient, house: House, who: str | None, method: str, path: str, retailer_id: str) -> Any:
    filled = path.format(retailer_id=retailer_id, **FILLED)
    headers = {"Idempotency-Key": "a key of a test"} | (bearer(house, who) if who else {})
    return client.request(method, filled, headers=headers, json={} if method in ("POST", "PATCH") else None)


def one_of(house: House, role: Role) -> str:
    names = {Role.RETAILER: house.own, Role.ACCOUNT_MANAGER: "manager"}
    return names.get(role, str(role))


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_use_the_routes_of_its_permissions_and_no_other(house: House, client: TestClient, role: Role) -> None:
    wrong = []
    for method, path, found in routes(house.app):
        if (method, path) in PUBLIC or (method, path) == ("DELETE", "/api/v1/session"):
            continue
        allowed = found[0] is None or found[0] in MAY[role]
        answer = ask(client, house, one_of(house, role), method, path, house.own)
        if (answer.status_code != 403) != allowed or answer.status_code in (401, 500):
            wrong.append((method, path, answer.status_code, answer.text[:200]))
    assert wrong == []


@pytest.mark.parametrize("role", [Role.RETAILER, Role.ACCOUNT_MANAGER, Role.HEADQUARTERS, Role.SERVICE])
def test_a_foreign_retailer_is_not_there(house: House, client: TestClient, role: Role) -> None:
    """As if it did not exist: for those who see all, only one that does not."""
    everywhere = role in (Role.HEADQUARTERS, Role.SERVICE)
    seen = []
    for method, path, found in routes(house.app):
        if "{retailer_id}" not in path or found[0] not in MAY[role]:
            continue
        foreign = ask(client, house, one_of(house, role), method, path, house.foreign)
        absent = ask(client, house, one_of(house, role), method, path, "nowhere")
        seen.append(path)
        assert absent.status_code == 404, (method, path)
        if not everywhere:
            kept = {k: v for k, v in foreign.json().items() if k != "request_id"}
            assert (foreign.status_code, kept) == (404, {k: v for k, v in absent.json().items() if k != "request_id"})
    assert seen


def test_nobody_may_use_any_route_but_the_public_ones(house: House, client: TestClient) -> None:
    for method, path, _ in routes(house.app):
        if (method, path) not in PUBLIC:
            assert ask(client, house, None, method, path, house.own).status_code == 401, (method, path)
