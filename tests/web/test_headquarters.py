"""Headquarters and administrators over the API."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from starlette.testclient import TestClient

from jobs import exports
from tests.web.conftest import PASSWORD, House
from tests.web.test_managers import Asks


@pytest.fixture
def planner(client: TestClient, house: House) -> Asks:
    return Asks(client, house, "headquarters")


@pytest.fixture
def keeper(client: TestClient, house: House) -> Asks:
    return Asks(client, house, "administrator")


@pytest.mark.parametrize("by", [[], ["district"], ["brand", "period"], ["retailer"], ["price_class"]])
def test_rates_are_those_of_the_export(house: House, planner: Asks, by: list[str]) -> None:
    found = planner.get("/rates", by=by, limit=1000)
    source = exports.source(house.db, house.settings, house.folder / "one-history")
    told = exports.rates(source, by, "month")
    assert found["total"] == len(told) == len(found["items"])
    for row, want in zip(found["items"], told.to_dict("records"), strict=True):
        assert row.keys() == want.keys()
        assert all((row[name] is None and pd.isna(value)) or row[name] == value for name, value in want.items())


def test_runs_are_told_with_steps_and_problems(planner: Asks) -> None:
    (run,) = planner.get("/runs")["items"]
    assert run["started_at"].endswith("Z")
    whole = planner.get(f"/runs/{run['run_id']}")
    assert whole["steps"]
    assert sum(step["problems"] for step in whole["steps"]) == len(whole["problems"])


def test_forecasts_are_those_of_the_night(house: House, planner: Asks) -> None:
    brand = planner.get("/forecasts")["items"][0]["brand_id"]
    found = planner.get("/forecasts", brand=brand)
    assert found["total"] == house.settings.forecast.weeks
    assert all(row["p10"] <= row["p50"] <= row["p90"] for row in found["items"])
    assert planner.get("/forecasts", brand="nowhere")["total"] == 0


def test_a_strategy_is_proposed_published_and_taken_back(planner: Asks) -> None:
    proposal = planner.get("/strategy/proposal", limit=1000)
    assert proposal["caps"]["total"] > 0
    plan = planner.post("/strategy", {"week": proposal["week"], "why": "the month's volume"})
    assert plan["caps"] == proposal["caps"]["total"]
    again = planner.post("/strategy", {"week": proposal["week"], "why": "again"}, 409)
    assert "has a release strategy" in again["detail"]
    assert planner.post(f"/strategy/{plan['plan_id']}/withdrawal", {"why": "too early"})["week"] == proposal["week"]
    assert planner.post(f"/strategy/{plan['plan_id']}/withdrawal", {"why": "again"}, 409)["code"] == "STATE"


def test_what_if_says_what_would_be_and_stores_nothing(house: House, planner: Asks) -> None:
    before = planner.get("/runs")["total"]
    found = planner.post("/what-if", {"policy": "proportional"}, 200)
    assert {row["star_level"] for row in found} > {0}
    assert planner.get("/runs")["total"] == before
    assert planner.post("/what-if", {"supply": {"nowhere": 1}}, 422)["code"] == "INVALID"


def test_an_administrator_keeps_users(house: House, client: TestClient, keeper: Asks) -> None:
    new = {"name": "Li", "role": "account_manager", "managers": ["M-other"], "password": PASSWORD}
    assert keeper.post("/users", new)["managers"] == ["M-other"]
    assert "already" in keeper.post("/users", new, 409)["detail"]
    logged_in = client.post("/api/v1/session", json={"name": "Li", "password": PASSWORD})
    assert logged_in.status_code == 201
    changed = client.patch("/api/v1/users/Li", headers=keeper.headers, json={"managers": [], "districts": ["D-other"]})
    assert (changed.json()["managers"], changed.json()["districts"]) == ([], ["D-other"])
    keeper.post("/users/Li/disabling", {"why": "left"})
    assert client.get("/api/v1/session").status_code == 401
    assert keeper.post("/users/Li/enabling", None)["disabled"] is False
    names = [user["name"] for user in keeper.get("/users", limit=1000)["items"]]
    assert "Li" in names
    actions = [entry["action"] for entry in keeper.get("/audit", by="administrator")["items"]]
    assert actions == ["users.enable", "users.disable", "users.territory", "users.add"]
    assert PASSWORD not in str(keeper.get("/audit", limit=1000))


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(house: House, client: TestClient, keeper: Asks) -> None:
    until = (house.at + timedelta(days=10)).isoformat() + "Z"
    secret = keeper.post("/users/service/tokens", {"label": "till", "expires_at": until, "scopes": ["rates.read"]})["token"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/rates", headers=headers).status_code == 200
    assert client.get("/api/v1/runs", headers=headers).status_code == 403
    token = keeper.get("/users/service/tokens")["items"][0]
    assert (token["label"], token["scopes"]) == ("till", "rates.read")
    assert secret not in str(keeper.get("/users/service/tokens"))
    gone = client.post(f"/api/v1/tokens/{token['token_id']}/revocation", headers=keeper.headers, json={"why": "lost"})
    assert gone.status_code == 204
    assert client.get("/api/v1/rates", headers=headers).status_code == 401


def test_the_audit_is_filtered_by_person_act_and_day(house: House, keeper: Asks) -> None:
    every = keeper.get("/audit", limit=1000)
    assert [row["audit_id"] for row in every["items"]] == sorted((row["audit_id"] for row in every["items"]), reverse=True)
    added = keeper.get("/audit", action="users.add", limit=1000)
    assert 0 < added["total"] < every["total"]
    tomorrow = (house.at + timedelta(days=1)).date().isoformat()
    assert keeper.get("/audit", since=tomorrow)["total"] == 0
    assert keeper.get("/audit", by="nobody")["total"] == 0
