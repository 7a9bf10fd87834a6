"""Orders over the API, on both databases: quote, confirm once, take back, and what others may see of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from ordering import database, tables
from ordering.accounts import Role
from tests.web import desks
from tests.web.conftest import House, bearer, local

BASE = "/api/v1/retailers"


@pytest.fixture
def shop(db: database.Database, tmp_path: Path) -> House:
    """The desk's city at noon of its Thursday, with two retailers and a service."""
    desks.city(db)
    house = House(db, local(desks.RULES), tmp_path, desks.NOON)
    for name in ("R0", "R1"):
        house.person(name, Role.RETAILER)
    house.person("service", Role.SERVICE)
    return house


@pytest.fixture
def client(shop: House) -> Iterator[TestClient]:
    with TestClient(shop.app, base_url="http://localhost", raise_server_exceptions=False) as found:
        yield found


def send(client: TestClient, shop: House, path: str, body: Any = None, *, who: str = "R0", key: str = "a key of ours") -> Any:
    headers = bearer(shop, who) | {"Idempotency-Key": key}
    return client.post(f"{BASE}{path}", json=body, headers=headers) if body is not None else client.get(f"{BASE}{path}", headers=headers)


def test_a_sheet_then_a_quote_then_an_order(client: TestClient, shop: House) -> None:
    sheet = send(client, shop, "/R0/sheet").json()
    assert sheet["is_open"]
    assert sheet["closes_at"] == "2026-03-05T12:00:00Z"
    offers = {offer["brand_id"]: offer for offer in sheet["offers"]}
    quote = send(client, shop, "/R0/quotes", {"brand_id": "B1", "requested": 9}).json()
    assert quote["orderable"] == offers["B1"]["most"] < 9
    assert quote["reason"] in ("LEVEL", "TURN_LOST", "TURN_WON")
    assert quote["words"]["en"] != quote["words"]["zh"]
    order = send(client, shop, "/R0/orders", {"lines": {"B1": 9, "B2": 10}})
    assert order.status_code == 201
    got = {line["brand_id"]: line["allocated"] for line in order.json()["lines"]}
    assert got == {"B1": quote["orderable"], "B2": 10}
    assert send(client, shop, f"/R0/orders/{order.json()['order_id']}").json() == order.json()
    assert send(client, shop, "/R0/orders").json()["items"][0] == order.json()


def test_the_same_key_orders_once(client: TestClient, shop: House) -> None:
    answers = [send(client, shop, "/R0/orders", {"lines": {"B2": 5}}) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    with shop.db.engine.connect() as tx:
        t = tables.order_lines
        mine = (t.c.retailer_id == "R0", t.c.order_date == desks.THURSDAY)
        assert tx.execute(sa.select(sa.func.sum(t.c.allocated)).where(*mine)).scalar_one() == 5
    other = send(client, shop, "/R0/orders", {"lines": {"B2": 10}})
    assert (other.status_code, other.json()["code"]) == (409, "KEY_USED")


def test_an_order_without_a_key_is_refused(client: TestClient, shop: House) -> None:
    answer = client.post(f"{BASE}/R0/orders", json={"lines": {"B2": 5}}, headers=bearer(shop, "R0"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ({"B2": 7}, 422, "PACK"),
        ({"nowhere": 1}, 422, "NO_BRAND"),
        ({}, 422, "NO_LINES"),
        ({"B1": -1}, 422, "INVALID"),
        ({"B1": 2**40}, 422, "INVALID"),
    ],
)
def test_what_a_retailer_can_mend_is_told_with_a_code(client: TestClient, shop: House, lines: Any, status: int, code: str) -> None:
    answer = send(client, shop, "/R0/orders", {"lines": lines})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_after_the_cut_off_the_state_is_in_the_way(client: TestClient, shop: House) -> None:
    shop.at = desks.EVENING
    answer = send(client, shop, "/R0/quotes", {"brand_id": "B1", "requested": 1})
    assert answer.status_code == 409
    assert answer.json()["code"] in ("CLOSED", "OTHER_DAY")


def test_a_pre_order_waits_and_is_replaced(client: TestClient, shop: House) -> None:
    shop.at = desks.EVENING
    first = send(client, shop, "/R0/pre-orders", {"lines": {"B2": 5}}, key="the first key")
    second = send(client, shop, "/R0/pre-orders", {"lines": {"B3": 4}}, key="the second key")
    assert (first.status_code, second.status_code) == (201, 201)
    waiting = [order for order in send(client, shop, "/R0/orders").json()["items"] if order["state"] == "waiting"]
    assert [line["brand_id"] for order in waiting for line in order["lines"]] == ["B3"]
    assert send(client, shop, "/R0/pre-orders", {"lines": {}}, key="the third key").status_code == 201
    assert not [order for order in send(client, shop, "/R0/orders").json()["items"] if order["state"] == "waiting"]


def test_an_order_is_taken_back_by_its_own_retailer_alone(client: TestClient, shop: House) -> None:
    order_id = send(client, shop, "/R0/orders", {"lines": {"B1": 9}}).json()["order_id"]
    for path in (f"/R1/orders/{order_id}/cancellation", f"/R0/orders/{order_id}/cancellation"):
        foreign = send(client, shop, path, {"why": "mine"}, who="R1")
        assert (foreign.status_code, foreign.json()["code"]) == (404, "NOT_FOUND")
    assert send(client, shop, f"/R1/orders/{order_id}", who="R1").status_code == 404
    unpaid = send(client, shop, f"/R0/orders/{order_id}/cancellation", {"why": "no money", "paid": False})
    assert unpaid.json()["code"] == "NOT_ALLOWED"
    done = send(client, shop, f"/R0/orders/{order_id}/cancellation", {"why": "no money", "paid": False}, who="service")
    assert (done.status_code, done.json()["state"]) == (201, "cancelled")
    again = send(client, shop, f"/R0/orders/{order_id}/cancellation", {"why": "twice"})
    assert again.status_code == 404


def test_all_shops_at_once_never_get_more_than_there_is(client: TestClient, shop: House) -> None:
    def one(number: int) -> int:
        path, key = f"/R{number % 6}/orders", f"key number {number}"
        answer = send(client, shop, path, {"lines": {"B1": 9}}, who="service", key=key)
        assert answer.status_code == 201, answer.text
        return sum(line["allocated"] for line in answer.json()["lines"])

    with ThreadPoolExecutor(8) as many:
        given = sum(many.map(one, range(24)))
    with shop.db.engine.connect() as tx:
        t = tables.order_lines
        stored = tx.execute(sa.select(sa.func.sum(t.c.allocated)).where(t.c.brand_id == "B1", t.c.order_date == desks.THURSDAY))
        assert stored.scalar_one() == given <= 30
