"""Coming in with a cookie: tokens against forged requests, other origins, and the end of a session."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from ordering.accounts import Role
from ordering.database import accounts
from tests.web.conftest import PASSWORD, House, app_of, bearer
from tests.web.test_authorisation import FILLED, PUBLIC, Tried, routes, wrong

ACT = ("/api/v1/suggestions/preview", {"flagged": False})
"""Something unsafe that a manager may do, and that changes nothing."""


@pytest.fixture
def wang(house: House) -> str:
    by = {"by": "tester", "at": house.at, "rules": house.settings.accounts}
    accounts.add(house.db, name="Wang", role=Role.ACCOUNT_MANAGER, password=PASSWORD, managers=["M-other"], **by)
    return "Wang"


def log_in(client: TestClient, name: str = "Wang", password: str = PASSWORD, **headers: str) -> Any:
    return client.post("/api/v1/session", json={"name": name, "password": password}, headers=headers)


def test_a_session_serves_until_it_is_logged_out(client: TestClient, wang: str) -> None:
    came = log_in(client)
    assert (came.status_code, came.json()["role"]) == (201, "account_manager")
    cookie = came.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/api/v1/session").json()["name"] == "Wang"
    token = {"X-CSRF-Token": came.json()["csrf"]}
    assert client.post(ACT[0], json=ACT[1], headers=token).status_code == 200
    kept = client.cookies["trueorder"]
    assert client.delete("/api/v1/session", headers=token).status_code == 204
    client.cookies.set("trueorder", kept)
    assert client.get("/api/v1/session").status_code == 401


def test_over_tls_the_cookie_is_bound_to_the_host(house: House, wang: str) -> None:
    web = house.settings.web.model_copy(update={"insecure": False})
    app = app_of(house.db, house.settings.model_copy(update={"web": web}), history=house.folder, clock=lambda: house.at)
    with TestClient(app, base_url="https://order.example.cn") as client:
        came = log_in(client)
        assert came.headers["set-cookie"].startswith("__Host-trueorder=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(came.headers["set-cookie"].split("; "))
        assert "Domain" not in came.headers["set-cookie"]
        assert "max-age" in came.headers["strict-transport-security"]
        assert client.get("/api/v1/session").status_code == 200


def unsafe(house: House, client: TestClient, token: dict[str, str]) -> Tried:
    """Every route that changes something, by the session of the client, whose `token` is missing, wrong or comes from another site."""
    for method, path, _ in routes(house.app):
        if method in ("GET", "HEAD") or (method, path) in PUBLIC:
            continue
        address = path.format(retailer_id=house.own, **FILLED)
        for headers, code in (
            ({}, "NO_CSRF_TOKEN"),
            ({"X-CSRF-Token": "x"}, "NO_CSRF_TOKEN"),
            (token | {"Origin": "https://elsewhere.example"}, "OTHER_ORIGIN"),
            (token | {"Origin": "null"}, "OTHER_ORIGIN"),
            (token | {"Sec-Fetch-Site": "cross-site"}, "OTHER_ORIGIN"),
        ):
            answer = client.request(method, address, headers=headers, json={})
            refused = (answer.status_code, answer.json()["code"]) == (403, code)
            yield f"{method} {path} {headers}", "" if refused else str(answer.status_code)


def test_every_unsafe_route_refuses_a_session_without_its_token_or_from_another_site(house: House, client: TestClient, wang: str) -> None:
    token = {"X-CSRF-Token": log_in(client).json()["csrf"]}
    assert wrong(unsafe(house, client, token), 75) == []
    assert client.post(ACT[0], json=ACT[1], headers=token | {"Origin": "http://localhost"}).status_code == 200


def test_another_site_can_log_nobody_in(client: TestClient, wang: str) -> None:
    assert log_in(client, Origin="https://elsewhere.example").json()["code"] == "OTHER_ORIGIN"
    assert log_in(client, Origin="http://localhost").status_code == 201


def test_named_origins_are_the_only_ones(house: House, wang: str) -> None:
    web = house.settings.web.model_copy(update={"origins": ("https://order.example.cn",)})
    app = app_of(house.db, house.settings.model_copy(update={"web": web}), history=house.folder, clock=lambda: house.at)
    with TestClient(app, base_url="http://localhost") as client:
        assert log_in(client, Origin="http://localhost").status_code == 403
        assert log_in(client, Origin="https://order.example.cn").status_code == 201


def test_a_disabled_user_s_cookie_and_token_are_refused_on_the_next_request(house: House, client: TestClient, wang: str) -> None:
    log_in(client)
    assert client.get("/api/v1/session").status_code == 200
    assert client.get("/api/v1/session", headers=bearer(house, "manager")).status_code == 200
    for name in ("Wang", "manager"):
        accounts.disable(house.db, name, by="tester", why="left", at=house.at)
    assert client.get("/api/v1/session").status_code == 401
    assert client.get("/api/v1/session", headers=bearer(house, "manager")).status_code == 401


def test_guessing_a_password_is_slowed_down(client: TestClient, house: House, wang: str) -> None:
    answers = [log_in(client, password=f"guess number {n}") for n in range(house.settings.accounts.attempts_per_address + 1)]
    assert [one.json()["code"] for one in answers] == ["WRONG_PASSWORD"] * (len(answers) - 2) + ["TOO_MANY"] * 2
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "guess number" not in answers[0].text


@pytest.mark.parametrize("header", ["Bearer ", "Bearer x", "Basic d2FuZzpwYXNz", "Bearer trueorder_" + "a" * 5000])
def test_a_header_that_names_nobody_does_not_fall_back_to_the_cookie(client: TestClient, wang: str, header: str) -> None:
    log_in(client)
    assert client.get("/api/v1/session", headers={"Authorization": header}).status_code == 401
