"""The account manager's pages: the review as a grid, what a line was made of, one's own retailers, and answers to flags."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from ordering import tables
from ordering.accounts import Role
from ordering.database import accounts
from tests.web.browsing import Browser
from tests.web.conftest import PASSWORD, House, bearer, shops_of
from tests.web.test_managers import Asks, flagged

DECISIONS = "/api/v1/suggestions/decisions"


class Reviewer(Browser):
    """A manager before the review."""

    def __init__(self, client: TestClient, name: str) -> None:
        super().__init__(client, name)
        self.get("/review")

    def rows(self, **of: Any) -> list[dict[str, Any]]:
        """The lines of the grid, unpacked as the page's script does."""
        answer = self.client.get("/review/rows", params=of)
        assert answer.status_code == 200, answer.text
        return unpacked(answer.json())

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """JSON, as the page's script sends it."""
        return self.client.post(path, json=body, headers={"X-CSRF-Token": self.csrf} | headers)


def unpacked(found: dict[str, Any]) -> list[dict[str, Any]]:
    columns, names = dict(found["columns"]), found["names"]
    called = {"shop": "retailer_id", "brand": "brand_id"}
    told = {called.get(name, name): [names[name][code][0] for code in columns.pop(name)] for name in names}
    rows = [
        {"decision": "open", "version": 0} | {name: values[at] for name, values in (told | columns).items()} for at in range(found["total"])
    ]
    decided = dict(found["decided"])
    for n, at in enumerate(decided.pop("at")):
        rows[at] |= {name: values[n] for name, values in decided.items()}
    return rows


@pytest.fixture
def wang(house: House, client: TestClient) -> Reviewer:
    """The manager of the house's own retailer, before the first cut-off."""
    house.at -= timedelta(hours=10)
    by = {"by": "tester", "at": house.at, "rules": house.settings.accounts}
    accounts.add(house.db, name="Wang", role=Role.ACCOUNT_MANAGER, password=PASSWORD, managers=[shops_of(house.db)[house.own]], **by)
    return Reviewer(client, "Wang")


def test_the_grid_has_the_lines_of_the_api_and_exceptions_come_first(wang: Reviewer) -> None:
    rows = wang.rows()
    listed = wang.client.get("/api/v1/suggestions", params={"limit": 1000}).json()
    by_key = {(one["retailer_id"], one["brand_id"], one["order_day"]): one for one in listed["items"]}
    assert len(rows) == listed["total"] > 0
    for row in rows:
        one = by_key[row["retailer_id"], row["brand_id"], row["day"]]
        assert [row[name] for name in ("requested", "suggested", "most", "version")] == [
            one[name] for name in ("requested", "suggested", "most", "version")
        ]
        assert one["flagged"] == (row["marks"] >= 8)
    marks = [row["marks"] for row in rows]
    assert marks == sorted(marks, reverse=True)
    assert marks[0] > marks[-1]


@pytest.mark.parametrize("way", ["brand", "star", "state", "search", "flagged"])
def test_a_filter_leaves_what_fits_it(wang: Reviewer, way: str) -> None:
    every = wang.rows()
    first = every[0]
    value = {"brand": first["brand_id"], "star": first["star_level"], "state": "open", "search": first["retailer_id"], "flagged": True}[way]
    fits = {
        "brand": lambda row: row["brand_id"] == value, "star": lambda row: row["star_level"] == value, "state": lambda _: True,
        "search": lambda row: row["retailer_id"] == value, "flagged": lambda row: row["marks"] >= 8,
    }[way]  # fmt: skip
    assert wang.rows(**{way: value}) == [row for row in every if fits(row)]
    if way == "state":
        assert wang.rows(state="decided") == []


def test_a_search_holds_names_and_numbers_of_both_and_no_pattern(wang: Reviewer, house: House) -> None:
    shop = wang.client.get("/api/v1/retailers", params={"search": house.own}).json()["items"][0]
    mine = wang.rows(retailer=house.own)
    assert [row for row in wang.rows(search=shop["name"]) if row["retailer_id"] == house.own] == mine
    brand = mine[0]["brand_id"]
    assert {row["brand_id"] for row in wang.rows(search=brand.lower())} == {brand}
    assert wang.rows(search="%") == []


def test_what_is_accepted_by_filter_is_what_was_previewed_and_the_undo_opens_it_again(wang: Reviewer) -> None:
    brand = wang.rows()[0]["brand_id"]
    of = {"search": brand, "state": "open"}
    would = wang.post("/api/v1/suggestions/preview", of).json()
    act = wang.post(DECISIONS, {"decision": "accepted", "of": of}).json()
    assert (act["lines"], act["frozen"]) == (would["lines"], would["frozen"])
    after = wang.rows()
    assert {row["decision"] for row in after if row["brand_id"] == brand} == {"accepted"}
    assert {row["decision"] for row in after if row["brand_id"] != brand} == {"open"}
    assert all(row["final"] == row["suggested"] for row in after if row["brand_id"] == brand)
    undone = wang.post(f"{DECISIONS}/{act['batch_id']}/undoing", {"why": "a slip", "spare_frozen": True})
    assert (undone.status_code, undone.json()["lines"]) == (201, act["lines"])
    assert {row["decision"] for row in wang.rows()} == {"open"}


def test_a_quantity_is_changed_with_the_token_of_the_page_and_not_without(wang: Reviewer) -> None:
    row = next(one for one in wang.rows() if one["suggested"] > 0)
    of = {"retailer": row["retailer_id"], "brand": row["brand_id"], "day": row["day"]}
    body = {"decision": "adjusted", "of": of, "quantity": 0, "code": "retailer_declines", "version": row["version"]}
    for token in ({}, {"X-CSRF-Token": "guessed"}):
        refused = wang.client.post(DECISIONS, json=body, headers=token)
        assert (refused.status_code, refused.json()["code"]) == (403, "NO_CSRF_TOKEN")
    assert wang.rows(**of)[0]["decision"] == "open"
    assert wang.post(DECISIONS, body).status_code == 201
    now = wang.rows(**of)[0]
    assert (now["decision"], now["override"], now["final"], now["version"]) == ("adjusted", 0, 0, 1)
    assert wang.post(DECISIONS, body).status_code == 409, "the version of before"


def test_the_page_asks_for_a_reason_where_the_rule_does(wang: Reviewer, house: House) -> None:
    text = wang.client.get("/review").text
    rules = house.settings.review
    assert f'data-share="{rules.reason_share}"' in text
    assert f'data-cartons="{rules.reason_cartons}"' in text
    assert '<option value="stock_differs">' in text


def test_lines_past_their_cut_off_are_told_as_frozen(wang: Reviewer, house: House) -> None:
    before = wang.client.get("/review/rows").json()
    assert before["closed"] < min(row["day"] for row in unpacked(before))
    house.at += timedelta(days=1)  # longer than a session lasts
    after = wang.client.get("/review/rows", headers=bearer(house, "manager")).json()
    assert before["closed"] < after["closed"]
    days = [row["day"] for row in unpacked(after)]
    assert min(days) <= after["closed"] < max(days)


def test_a_line_tells_what_it_was_made_of(wang: Reviewer) -> None:
    row = wang.rows()[0]
    part = wang.client.get(f"/review/{row['retailer_id']}/{row['brand_id']}", headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert f"Suggested: {row['suggested']}" in part.text
    found = re.search(r"data-chart='([^']+)'", part.text)
    assert found
    chart = json.loads(found[1])
    asked, _, wanted = (one["data"] for one in chart["series"])
    band = chart["band"]
    assert {len(values) for values in (asked, wanted, band["low"], band["high"])} == {len(chart["labels"])}
    known = [one for one in zip(band["low"], wanted, band["high"], strict=True) if one[1] is not None]
    assert known
    assert all(low <= high for low, _, high in known)
    assert sum(filter(None, asked)) > 0


def given(house: House, row: dict[str, Any], *, weeks: int) -> Any:
    """What was given of a line's pair so many weeks before its own; None where nothing is known."""
    week = date.fromisoformat(row["day"]) - timedelta(days=date.fromisoformat(row["day"]).weekday() + 7 * weeks)
    t = tables.order_lines
    same = (t.c.retailer_id == row["retailer_id"], t.c.brand_id == row["brand_id"], t.c.week == week)
    return house.db.rows(sa.select(sa.func.sum(t.c.allocated).label("n")).where(*same))[0]["n"]


def test_the_last_weeks_of_every_line_come_packed_and_say_what_was_given(wang: Browser, house: House) -> None:
    found = wang.client.get("/review/weeks").json()
    names, wide = found["names"], 3 * len(found["weeks"])
    pairs = [(names["shop"][shop], names["brand"][brand]) for shop, brand in zip(found["shop"], found["brand"], strict=True)]
    assert len(found["shape"]) == wide * len(pairs)
    at = {pair: n for n, pair in enumerate(pairs)}
    rows = wang.rows()
    assert {(row["retailer_id"], row["brand_id"]) for row in rows} <= set(at)
    told = [(found["last"][at[row["retailer_id"], row["brand_id"]]], given(house, row, weeks=1)) for row in rows[:40]]
    assert [one for one, _ in told] == [other for _, other in told]
    assert any(one for one, _ in told)
    shapes = [found["shape"][n * wide : (n + 1) * wide] for n in range(len(pairs))]
    assert all(set(shape) <= {" ", *map(chr, range(40, 92))} for shape in shapes)
    drawn = [shape for shape, peak in zip(shapes, found["peak"], strict=True) if peak > 0]
    assert drawn
    assert all("[" in shape for shape in drawn), "the highest week reaches the top"
    assert wang.client.get("/review/weeks", params={"retailer": house.foreign}).json()["shop"] == []


def test_cap_and_quota_left_stand_in_the_grid_as_the_night_found_them(wang: Browser, house: House) -> None:
    t = tables.results["suggestions"]
    stored = {(row["retailer_id"], row["brand_id"]): (row["cap"], row["quota_left"]) for row in house.db.rows(sa.select(t))}
    rows = wang.rows()
    assert [(row["cap"], row["quota_left"]) for row in rows] == [stored[row["retailer_id"], row["brand_id"]] for row in rows]
    assert any(row["cap"] is not None for row in rows)


def test_a_line_tells_its_peers_what_bound_it_and_who_decided(wang: Browser) -> None:
    row = next(one for one in wang.rows() if one["suggested"] > 0)
    of = {"retailer": row["retailer_id"], "brand": row["brand_id"], "day": row["day"]}
    path = f"/review/{row['retailer_id']}/{row['brand_id']}"
    assert "Decisions" not in wang.client.get(path).text
    body = {"decision": "adjusted", "of": of, "quantity": 0, "code": "retailer_declines", "why": "said so at the counter"}
    assert wang.post(DECISIONS, body).status_code == 201
    text = wang.client.get(path).text
    assert "Shops like it" in text
    assert "Decisions" in text
    assert "The retailer does not want it." in text
    assert "said so at the counter" in text
    wang.client.cookies.set("language", "zh")
    assert "零售户不需要。" in wang.client.get(path).text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_refusal_is_told_in_the_language_of_the_page(wang: Browser, language: str) -> None:
    wang.client.cookies.set("language", language)
    row = next(one for one in wang.rows() if one["most"] is not None)
    of = {"retailer": row["retailer_id"], "brand": row["brand_id"], "day": row["day"]}
    above = {"decision": "adjusted", "of": of, "quantity": row["most"] + 1, "code": "new_brand"}
    stale = {"decision": "accepted", "of": of, "version": 7}
    nothing = {"decision": "accepted", "of": of | {"star": 999}}
    for body, english in ((above, "give no more"), (stale, "list again"), (nothing, "has no such line")):
        refused = wang.post(DECISIONS, body).json()["detail"]
        assert (english in refused) == (language == "en")
        assert bool(re.search("[一-鿿]", refused)) == (language == "zh")


def test_a_foreign_retailer_is_not_there(wang: Reviewer, house: House) -> None:
    brand = wang.rows()[0]["brand_id"]
    for path in (f"/review/{house.foreign}/{brand}", f"/retailers/{house.foreign}"):
        assert wang.client.get(path, headers={"Accept": "text/html"}).status_code == 404
        assert wang.client.get(path.replace(house.foreign, house.own)).status_code == 200
    assert wang.rows(retailer=house.foreign) == []
    assert house.foreign not in wang.client.get("/retailers").text
    assert house.own in wang.client.get("/retailers").text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_retailer_s_page_leads_to_its_others(wang: Reviewer, house: House, language: str) -> None:
    wang.client.cookies.set("language", language)
    text = wang.client.get(f"/retailers/{house.own}").text
    assert ("Open suggestions" if language == "en" else "未处理的建议") in text
    for below in ("order", "orders", "why"):
        assert f'href="/retailers/{house.own}/{below}"' in text
        page = wang.client.get(f"/retailers/{house.own}/{below}")
        assert page.status_code == 200
        assert 'name="need.' not in page.text, "who may not order finds nothing to order with"


def test_retailers_are_found_and_paged(wang: Reviewer, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.screens.managers.SHOWN", 2)
    mine = sorted(name for name, manager in shops_of(house.db).items() if manager == shops_of(house.db)[house.own])
    found = [re.findall(r'href="/retailers/([^"?]+)"', wang.client.get("/retailers", params={"offset": at}).text) for at in (0, 2)]
    assert [name for page in found for name in page if name in mine] == mine[:4]
    assert wang.client.get("/retailers", params={"search": mine[3]}).text.count('<th scope="row">') == 1
    assert "No retailer fits." in wang.client.get("/retailers", params={"search": "%"}).text


def test_a_flag_is_answered_on_the_retailer_s_page_by_its_own_manager(client: TestClient, house: House) -> None:
    who = "manager" if Asks(client, house, "manager").get("/flags")["total"] else "stranger"
    other = {"manager": "stranger", "stranger": "manager"}[who]
    flag = flagged(house, Asks(client, house, who))
    path = f"/retailers/{flag['retailer_id']}/flags/{flag['order_id']}/{flag['brand_id']}/answers"
    said = {"found": "explained:banquet", "note": "a wedding in the street", "until": flag["order_date"]}
    assert client.post(path, data=said, headers=bearer(house, other)).status_code == 404
    assert client.post(path, data=said, headers=bearer(house, "headquarters")).status_code == 403
    for wrong in ({"found": "explained:feared_shortage"}, {"found": "nothing"}, {"until": "2026-02-30"}, {"note": ""}):
        assert client.post(path, data=said | wrong, headers=bearer(house, who)).status_code == 422
    answered = client.post(path, data=said, headers=bearer(house, who))
    assert answered.status_code == 200, answered.text
    assert "a wedding in the street" in answered.text
    assert "a wedding in the street" in client.get(f"/retailers/{flag['retailer_id']}", headers=bearer(house, who)).text
