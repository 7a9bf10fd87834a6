"""One shape of errors, in the language asked for, with nothing in it that is no user's business; and what surrounds every answer."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ordering import tables
from ordering.errors import DatabaseError, StateError
from tests.web.conftest import House, bearer
from web import nul, problems
from web.refusals import Refusal
from web.requests import HEADERS, Around

SHAPE = {"type", "title", "status", "detail", "code", "request_id", "errors"}


def problem(answer: Any) -> dict[str, Any]:
    """The problem of an answer, whose form is as it must be."""
    assert answer.headers["content-type"] == problems.MEDIA
    found: dict[str, Any] = answer.json()
    assert set(found) == SHAPE
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["type"] == problems.TYPE + found["code"]
    return found


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nowhere", "NOT_FOUND"),
        ("GET", "/api/v1/nowhere", "NOT_FOUND"),
        ("PUT", "/api/v1/session", "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/runs/77", "NOT_FOUND"),
        ("GET", "/api/v1/runs/x", "INVALID"),
        ("GET", "/api/v1/rates?by=weather", "INVALID"),
        ("GET", "/api/v1/rates?run=77", "STATE"),
        ("GET", "/api/v1/users", "NOT_ALLOWED"),
        ("POST", "/api/v1/what-if", "INVALID"),
        ("GET", "/api/v1/forecasts?brnad=010001", "INVALID"),
        ("GET", "/api/v1/suggestions?retialer=1", "INVALID"),
    ],
)
@pytest.mark.parametrize(("language", "at"), [("en", 0), ("zh-CN,en;q=0.5", 1)])
def test_every_error_has_one_shape(house: House, client: TestClient, method: str, path: str, code: str, language: str, at: int) -> None:
    answer = client.request(method, path, headers=bearer(house, "headquarters") | {"Accept-Language": language})
    found = problem(answer)
    assert found["code"] == code
    assert found["title"] == problems.CODES[code][1 + at]
    assert answer.headers["content-language"] == ("en", "zh")[at]


def test_what_is_not_as_it_should_be_is_named_with_value_and_remedy(house: House, client: TestClient) -> None:
    said = {"policy": "lottery", "supply": {"010001": -3}, "surprise": 1}
    answer = client.post("/api/v1/what-if", json=said, headers=bearer(house, "headquarters"))
    faults = {fault["field"]: fault for fault in problem(answer)["errors"]}
    assert set(faults) == {"policy", "supply.010001", "surprise"}
    assert faults["policy"]["value"] == "lottery"
    assert "uniform" in faults["policy"]["message"]
    assert (faults["supply.010001"]["value"], faults["supply.010001"]["message"]) == ("-3", "Input should be greater than or equal to 0")


def test_a_secret_is_not_repeated(client: TestClient) -> None:
    answer = client.post("/api/v1/session", json={"name": "", "password": "my secret" + "x" * 2000})
    assert {fault["field"] for fault in problem(answer)["errors"]} == {"name", "password"}
    assert "my secret" not in answer.text


@pytest.mark.parametrize("body", [b"x" * 1_100_000, iter([b"[", b"1," * 600_000, b"1]"])], ids=["told", "streamed"])
def test_a_request_that_is_too_large_is_not_read(house: House, client: TestClient, body: Any) -> None:
    headers = bearer(house, "headquarters") | {"Content-Type": "application/json"}
    answer = client.post("/api/v1/what-if", content=body, headers=headers)
    assert problem(answer)["code"] == "TOO_LARGE"


def test_what_is_unforeseen_tells_nothing(house: House, client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    """A table that is gone: an error no route foresees."""
    with house.db.writing() as tx:
        tx.execute(sa.schema.DropTable(tables.audit))
    answer = client.get("/api/v1/audit", headers=bearer(house, "administrator"))
    found = problem(answer)
    assert found["code"] in ("UNFORESEEN", "NO_DATABASE")
    assert not any(word in answer.text.lower() for word in ("select", "sqlite", "traceback", "audit_id", ".py"))
    assert house.tokens["administrator"] not in capsys.readouterr().out


def test_an_error_that_no_handler_knows_is_recorded_under_its_id(house: House, client: TestClient) -> None:
    def broken() -> None:
        raise ZeroDivisionError("the secret of the house")

    house.app.add_api_route("/broken", broken)
    answer = client.get("/broken")
    assert problem(answer)["code"] == "UNFORESEEN"
    assert "secret" not in answer.text


def test_a_database_that_is_gone_is_told_without_its_address(house: House, client: TestClient) -> None:
    """The words of the driver name servers and files, also where an error in words is raised from them."""

    def gone() -> None:
        raise StateError("host db-7.internal refused") from sa.exc.OperationalError("SELECT 1", {}, Exception("db-7.internal"))

    house.app.add_api_route("/gone", gone)
    answer = client.get("/gone")
    assert (answer.status_code, problem(answer)["code"]) == (503, "NO_DATABASE")
    assert "db-7" not in answer.text
    assert answer.headers["retry-after"]


def test_every_answer_carries_the_headers_that_protect_it(house: House, client: TestClient) -> None:
    for path in ("/healthz", "/nowhere", "/api/v1/runs", "/api/v1/openapi.json"):
        answer = client.get(path, headers=bearer(house, "headquarters"))
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert ("no-store" in answer.headers.get("cache-control", "")) == path.startswith("/api/")
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


@pytest.mark.parametrize(("sent", "kept"), [("abcdefgh-1234", True), ("short", False), ("x" * 65, False), ("a b\tc<script>", False)])
def test_the_id_of_a_proxy_is_kept_if_it_is_one(client: TestClient, sent: str, kept: bool) -> None:
    found = client.get("/healthz", headers={"X-Request-ID": sent}).headers["x-request-id"]
    assert (found == sent) is kept
    assert found


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("en", "en"),
        ("fr", "en"),
        ("en;q=0.3, zh;q=0.9", "zh"),
        ("zh;q=0, en", "en"),
        ("zh;q=.", "en"),
        (";;;,", "en"),
    ],
)
def test_the_language_is_the_one_with_the_greater_weight(client: TestClient, asked: str, language: str) -> None:
    assert client.get("/nowhere", headers={"Accept-Language": asked}).headers["content-language"] == language


def test_every_refusal_of_the_desk_has_a_status() -> None:
    assert set(problems.ORDERS) == set(Refusal)
    assert not {code.upper() for code in Refusal} & set(problems.CODES)


def test_every_code_has_words_in_both_languages() -> None:
    for code, (status, english, chinese) in problems.CODES.items():
        assert 400 <= status < 600, code
        assert english.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


def test_the_middleware_leaves_what_is_no_request_alone() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    import asyncio

    asyncio.run(Around(app, secure=True, most=10)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_the_description_is_json_and_knows_the_problems_of_each_route(client: TestClient) -> None:
    found = json.loads(client.get("/api/v1/openapi.json").text)
    assert found["components"]["schemas"]["Problem"]["required"]
    for path, item in found["paths"].items():
        for method, route in item.items():
            if path.startswith("/api/"):
                assert {"401", "403", "409", "422", "429"} <= set(route["responses"]), (method, path)
                assert route["responses"]["422"]["content"] == {problems.MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_what_the_database_says_of_itself_reaches_the_log_and_no_user(
    house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_given: object, **_named: object) -> None:
        raise DatabaseError("database sqlite:////srv/city.db: cannot be read (SELECT secret FROM users)")

    monkeypatch.setattr("web.api.managers.reviewing.listed", fails)
    for accept in ("application/json", "text/html"):
        answer = client.get("/api/v1/suggestions", headers=bearer(house, "manager") | {"Accept": accept})
        assert answer.status_code == 503
        assert "SELECT" not in answer.text
        assert "/srv" not in answer.text
    assert "cannot be read (SELECT secret FROM users)" in caplog.text


def test_an_address_with_a_nul_is_refused(house: House, client: TestClient) -> None:
    assert client.get("/api/v1/suggestions", params={"brand": "a\0"}, headers=bearer(house, "manager")).status_code == 422
    assert client.get("/api/v1/retailers/a%00/sheet", headers=bearer(house, "headquarters")).status_code == 422


@given(st.lists(st.sampled_from(["\0", "\\", "u0000", "%00", "a", '"', "烟"]), max_size=6).map("".join))
def test_a_nul_is_found_in_json_and_in_a_form_and_what_only_looks_like_one_is_not(text: str) -> None:
    for is_ascii in (True, False):
        sent = json.dumps({"text": text}, ensure_ascii=is_ascii).encode()
        assert bool(nul.IN_JSON.search(sent)) == ("\0" in text)
    assert bool(nul.IN_FORM.search(urlencode({"text": text}).encode())) == ("\0" in text)


@pytest.mark.parametrize("form", [True, False])
def test_a_text_with_a_nul_is_refused_before_any_database_sees_it(house: House, client: TestClient, form: bool) -> None:
    path = f"/retailers/{house.own}/visits" if form else f"/api/v1/retailers/{house.own}/visits"
    sent = {"data" if form else "json": {"note": "a\0b"}}
    answer = client.post(path, headers=bearer(house, "manager") | {"Accept": "application/json"}, **sent)  # type: ignore[arg-type]
    assert (answer.status_code, problem(answer)["detail"]) == (422, nul.BODY[0])
