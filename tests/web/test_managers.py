"""Account managers over the API: own retailers alone, and the same review as by command."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import House, bearer, shops_of


class Asks:
    """Requests of one person."""

    def __init__(self, client: TestClient, house: House, who: str) -> None:
        self.client, self.headers = client, bearer(house, who)

    def get(self, path: str, **query: Any) -> Any:
        found = self.client.get(f"/api/v1{path}", headers=self.headers, params=query)
        assert found.status_code == 200, found.text
        return found.json()

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        found = self.client.post(f"/api/v1{path}", headers=self.headers, json=body)
        assert found.status_code == status, found.text
        return found.json()


@pytest.fixture
def manager(client: TestClient, house: House) -> Asks:
    house.at -= timedelta(hours=10)  # before the first cut-off
    return Asks(client, house, "manager")


def test_a_manager_sees_its_own_retailers_alone(client: TestClient, house: House, manager: Asks) -> None:
    shops = shops_of(house.db)
    mine = {name for name, code in shops.items() if code == shops[house.own]}
    assert {row["retailer_id"] for row in manager.get("/retailers")["items"]} == mine
    for path in ("/suggestions", "/flags"):
        own, stranger, every = (Asks(client, house, who).get(path, limit=1000) for who in ("manager", "stranger", "headquarters"))
        assert {row["retailer_id"] for row in own["items"]} <= mine
        assert not {row["retailer_id"] for row in stranger["items"]} & mine
        assert own["total"] + stranger["total"] == every["total"] > 0
    assert manager.get("/suggestions", retailer=house.foreign)["total"] == 0
    assert manager.get("/retailers", search=house.own)["total"] == 1
    assert manager.get("/retailers", search="%")["total"] == 0


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_put_together_are_the_whole_list_in_its_order(manager: Asks, limit: int) -> None:
    for path in ("/suggestions", "/retailers"):
        whole = manager.get(path, limit=1000)
        parts = [manager.get(path, limit=limit, offset=offset) for offset in range(0, whole["total"], limit)]
        assert [row for part in parts for row in part["items"]] == whole["items"]
        assert {part["total"] for part in parts} == {len(whole["items"])}
    beyond = manager.get("/suggestions", offset=10_000)
    assert (beyond["items"], beyond["total"]) == ([], manager.get("/suggestions")["total"])


def test_deciding_by_choice_touches_what_the_preview_said_and_is_undone(manager: Asks) -> None:
    said = manager.post("/suggestions/preview", {"state": "open"}, 200)
    assert said["lines"] > 0
    before = manager.get("/suggestions", limit=1000)["items"]
    act = manager.post("/suggestions/decisions", {"decision": "accepted", "of": {"state": "open"}})
    assert act["lines"] == said["lines"]
    decided = manager.get("/suggestions", state="accepted", limit=1000)
    assert decided["total"] == act["lines"]
    assert {row["decided_by"] for row in decided["items"]} == {"manager"}
    manager.post(f"/suggestions/decisions/{act['batch_id']}/undoing", {"why": "a slip"})
    kept = ("retailer_id", "brand_id", "suggested", "decision", "final")
    after = manager.get("/suggestions", limit=1000)["items"]
    assert [[row[name] for name in kept] for row in after] == [[row[name] for name in kept] for row in before]


def test_a_decision_by_choice_never_reaches_a_foreign_retailer(client: TestClient, house: House, manager: Asks) -> None:
    act = manager.post("/suggestions/decisions", {"decision": "accepted", "of": {}})
    stranger = Asks(client, house, "stranger")
    assert {row["decision"] for row in stranger.get("/suggestions", limit=1000)["items"]} == {"open"}
    assert stranger.post("/suggestions/decisions", {"decision": "accepted", "of": {"retailer": house.own}}, 409)["code"] == "STATE"
    for act_of in ("undoing", "approval"):
        path = f"/suggestions/decisions/{act['batch_id']}/{act_of}"
        assert stranger.post(path, {"why": "mine now"}, 404)["code"] == "NOT_FOUND"
        assert stranger.post(f"/suggestions/decisions/999/{act_of}", {"why": "x"}, 404)["code"] == "NOT_FOUND"


def test_a_line_that_somebody_decided_meanwhile_is_not_overwritten(client: TestClient, house: House, manager: Asks) -> None:
    row = next(one for one in manager.get("/suggestions")["items"] if one["suggested"] > 0)
    one = {"retailer": row["retailer_id"], "brand": row["brand_id"]}
    seen = row["version"]
    Asks(client, house, "colleague").post("/suggestions/decisions", {"decision": "accepted", "of": one, "version": seen})
    body = {"decision": "rejected", "of": one, "code": "retailer_declines", "version": seen}
    refused = manager.post("/suggestions/decisions", body, 409)
    assert "colleague decided meanwhile" in refused["detail"]
    manager.post("/suggestions/decisions", body | {"version": seen + 1})


def test_a_quantity_belongs_to_an_adjustment(manager: Asks) -> None:
    for body in ({"decision": "adjusted"}, {"decision": "accepted", "quantity": 1}):
        assert manager.post("/suggestions/decisions", body | {"of": {}}, 422)["detail"].startswith("quantity:")


def flagged(house: House, asks: Asks) -> dict[str, Any]:
    """A flag of the night on an own line; the city of the tests has some."""
    found: list[dict[str, Any]] = asks.get("/flags", limit=1000)["items"]
    if not found:
        pytest.fail("the city of the tests has no flag")
    return found[0]


def test_a_flag_is_answered_and_the_answer_taken_back_by_its_own_manager_alone(client: TestClient, house: House) -> None:
    own = Asks(client, house, "manager")
    who, other = ("manager", "stranger") if own.get("/flags")["total"] else ("stranger", "manager")
    own, stranger = Asks(client, house, who), Asks(client, house, other)
    flag = flagged(house, own)
    path = f"/flags/{flag['order_id']}/{flag['brand_id']}/answers"
    said = {"verdict": "mistaken", "ground": "estimate_wrong", "note": "the shelf was empty"}
    assert stranger.post(path, said, 404)["code"] == "NOT_FOUND"
    answer_id = own.post(path, said)["answer_id"]
    found = own.get("/flags", retailer=flag["retailer_id"], brand=flag["brand_id"])["items"]
    assert [one["note"] for one in found if one["answer_id"] == answer_id] == ["the shelf was empty"]
    taken_back = f"/answers/{answer_id}/withdrawal"
    assert stranger.post(taken_back, {"why": "x"}, 404)["code"] == "NOT_FOUND"
    own.post(taken_back, {"why": "the wrong line"})
    assert own.post(taken_back, {"why": "again"}, 409)["code"] == "STATE"
