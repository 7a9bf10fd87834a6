"""The account manager's visits and the page of one retailer: whom to see, what was found, and what stands on the shelf."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from ordering.accounts import Role
from ordering.database import accounts, counts, lookups, privacy
from ordering.database import visits as stored
from tests.web.browsing import Browser
from tests.web.conftest import PASSWORD, House, bearer, shops_of


@pytest.fixture
def wang(house: House, client: TestClient) -> Browser:
    """The manager of the house's own retailer."""
    by = {"by": "tester", "at": house.at, "rules": house.settings.accounts}
    accounts.add(house.db, name="Wang", role=Role.ACCOUNT_MANAGER, password=PASSWORD, managers=[shops_of(house.db)[house.own]], **by)
    return Browser(client, "Wang")


def today(house: House) -> date:
    return (house.at + timedelta(hours=8)).date()


def listed(page: str) -> list[str]:
    """The licence numbers of a list, in its order."""
    return re.findall(r'<div class="whom"><a href="/retailers/([^"]+)"', page)


def points(page: str) -> list[float]:
    return [float(found) for found in re.findall(r'<div class="num"><b>([\d.]+)</b>', page)]


def notes(house: House, retailer_id: str) -> list[dict[str, Any]]:
    return stored.of_retailer(house.db, retailer_id, limit=99)


def test_the_list_has_ones_own_retailers_those_first_that_need_it_most(wang: Browser, house: House) -> None:
    found = listed(wang.get("/visits"))
    mine = {name for name, manager in shops_of(house.db).items() if manager == shops_of(house.db)[house.own]}
    assert found
    assert set(found) <= mine
    sums = points(wang.get("/visits"))
    assert sums == sorted(sums, reverse=True)
    assert sums[0] > sums[-1]


def test_a_filter_leaves_what_fits_it(wang: Browser, house: House) -> None:
    every = listed(wang.get("/visits"))
    assert listed(wang.get(f"/visits?search={every[0]}")) == [every[0]]
    weekday = {name: (lookups.retailer(house.db, name) or {})["order_weekday"] for name in every}
    assert listed(wang.get("/visits?weekday=3")) == [name for name in every if weekday[name] == 3]
    by_reason = [listed(wang.get(f"/visits?reason={reason}")) for reason in ("low_fulfilment", "inflated", "stock_out", "no_order")]
    assert any(found != every for found in by_reason)
    assert all(found == [name for name in every if name in found] for found in by_reason)
    assert "No retailer fits." in wang.get("/visits?search=%25")
    wang.get("/visits?reason=none_such", 422)


def test_a_visit_noted_from_the_list_takes_the_retailer_off_it_for_the_day(wang: Browser, house: House) -> None:
    first, *others = listed(wang.get("/visits"))
    again = today(house) + timedelta(days=7)
    said = {"note": "门口修路", "follow_up_on": again.isoformat(), "listed": "true"}
    part = wang.send(f"/retailers/{first}/visits", said)
    assert "The visit is written down." in part
    assert again.isoformat() in part
    assert listed(wang.get("/visits")) == others
    (note,) = notes(house, first)
    assert (note["note"], note["visited_on"], note["follow_up_on"], note["visited_by"]) == ("门口修路", today(house), again, "Wang")
    page = wang.get(f"/retailers/{first}")
    assert "门口修路" in page
    house.at += timedelta(days=1)
    text = wang.client.get("/visits", headers=bearer(house, "manager") | {"Accept": "text/html"}).text
    assert first in listed(text)


def test_what_was_open_is_closed_by_a_button_and_once(wang: Browser, house: House) -> None:
    wang.get(f"/retailers/{house.own}")
    part = wang.send(
        f"/retailers/{house.own}/visits", {"note": "asks for a shelf", "follow_up_on": (today(house) + timedelta(days=2)).isoformat()}
    )
    closing = re.search(rf'hx-post="(/retailers/{house.own}/visits/\d+/closing)"', part)
    assert closing
    assert "closing" not in wang.send(closing[1])
    assert notes(house, house.own)[0]["closed_by"] == "Wang"
    assert "may be closed already" in wang.send(closing[1], status=409)


@pytest.mark.parametrize(
    "wrong", [{"note": ""}, {"note": " "}, {"on": "2126-01-01"}, {"on": "2026-02-30"}, {"on": "soon"}, {"follow_up_on": "2020-01-01"}]
)
def test_a_visit_that_does_not_hold_together_is_refused(wang: Browser, house: House, wrong: dict[str, str]) -> None:
    wang.get(f"/retailers/{house.own}")
    wang.send(f"/retailers/{house.own}/visits", {"note": "seen"} | wrong, status=422)
    assert notes(house, house.own) == []
    wang.send(f"/retailers/{house.own}/visits", {"note": "seen"})
    assert len(notes(house, house.own)) == 1, "the control"


def test_nothing_is_written_without_the_token_of_the_page(wang: Browser, house: House) -> None:
    wang.get(f"/retailers/{house.own}")
    for path, said in (("visits", {"note": "seen"}), ("counts", {"count.B1": "1"})):
        wang.send(f"/retailers/{house.own}/{path}", said, 403, **{"X-CSRF-Token": "guessed"})
    assert notes(house, house.own) == []


def test_only_the_retailers_own_manager_writes_and_only_staff_reads_notes(wang: Browser, client: TestClient, house: House) -> None:
    wang.get(f"/retailers/{house.own}")
    wang.send(f"/retailers/{house.own}/visits", {"note": "keeps two tills"})
    for who, status in (("stranger", 404), ("headquarters", 403), (house.own, 403), ("administrator", 403), ("colleague", 200)):
        for path, said in (("visits", {"note": "seen"}), ("counts", {f"count.{brand_of(house)}": "1", "sure": "true"})):
            found = client.post(f"/retailers/{house.own}/{path}", data=said, headers=bearer(house, who))
            assert found.status_code == status, (who, path, found.text)
    reads = {
        who: client.get(f"/retailers/{house.own}", headers=bearer(house, who) | {"Accept": "text/html"}).text
        for who in ("headquarters", house.own)
    }
    assert "keeps two tills" in reads["headquarters"]
    assert "keeps two tills" not in reads[house.own]
    assert "<textarea" not in reads["headquarters"] + reads[house.own]
    assert client.get("/visits", headers=bearer(house, "headquarters")).status_code == 403
    assert client.get("/visits", headers=bearer(house, house.own)).status_code == 403


def brand_of(house: House) -> str:
    return lookups.brands(house.db)[0]["brand_id"]


def test_a_count_is_kept_and_shown_and_noted(wang: Browser, house: House) -> None:
    page = wang.get(f"/retailers/{house.own}")
    fields = re.findall(r'name="count\.([^"]+)"', page)
    assert len(fields) > 3
    part = wang.send(
        f"/retailers/{house.own}/counts", {f"count.{fields[0]}": "4", f"count.{fields[1]}": "", f"count.{fields[2]}": "0", "sure": "true"}
    )
    assert "2 brands counted" in part
    kept = counts.latest(house.db, house.own)
    assert [kept[brand]["stock"] for brand in (fields[0], fields[2])] == [4, 0]
    assert {kept[brand]["counted_on"] for brand in (fields[0], fields[2])} == {today(house)}
    assert fields[1] not in kept or kept[fields[1]]["counted_on"] < today(house)
    assert {row["what"] for row in privacy.read_log(house.db, house.own)} >= {"retailer"}


def test_a_count_far_off_is_kept_only_when_it_is_said_again(wang: Browser, house: House) -> None:
    page = wang.get(f"/retailers/{house.own}")
    known = next(brand for brand in re.findall(r'name="count\.([^"]+)"', page) if brand in counts.latest(house.db, house.own))
    before = counts.latest(house.db, house.own)[known]
    said = {f"count.{known}": "99999"}
    part = wang.send(f"/retailers/{house.own}/counts", said)
    assert "Nothing is kept yet" in part
    assert 'name="sure" value="true"' in part
    assert 'value="99999"' in part
    assert counts.latest(house.db, house.own)[known] == before
    assert "counted on" in wang.send(f"/retailers/{house.own}/counts", said | {"sure": "true"})
    assert counts.latest(house.db, house.own)[known]["stock"] == 99999


@pytest.mark.parametrize("wrong", [{"count.B1": "-1"}, {"count.B1": "1.5"}, {"count.nowhere": "1"}, {}, {"on": "2126-01-01"}])
def test_what_is_no_count_is_refused(wang: Browser, house: House, wrong: dict[str, str]) -> None:
    brand, before = brand_of(house), counts.latest(house.db, house.own)
    wang.get(f"/retailers/{house.own}")
    said = {name.replace("B1", brand): value for name, value in wrong.items()} | ({f"count.{brand}": "1"} if "on" in wrong else {})
    wang.send(f"/retailers/{house.own}/counts", said, status=422)
    assert counts.latest(house.db, house.own) == before


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_retailers_page_tells_what_matters_in_the_readers_language(wang: Browser, house: House, language: str) -> None:
    wang.client.cookies.set("language", language)
    page = wang.get(f"/retailers/{house.own}")
    said = (
        ("What to talk about", "Star history", "How it orders") if language == "en" else ("拜访要点", "档位变动记录", "要货习惯与诚信记录")
    )
    for text in said:
        assert text in page
    for anchor in re.findall(r'<a href="#(\w+)"', page):
        assert f'id="{anchor}"' in page
    assert page.count('<svg class="weeks"') > 5
    assert "style=" not in page
    assert "{" not in re.sub(r"data-chart='[^']*'|<meta[^>]*>|hx-headers='[^']*'", "", page)


def test_the_demand_of_a_brand_is_that_of_its_story(wang: Browser, house: House) -> None:
    from jobs import line_story, shop
    from web import service

    own: service.Service = house.app.state.service
    source, about = own.source(), lookups.retailer(house.db, house.own) or {}
    found = shop.brands(source, house.own, about["district"])
    brand = next(row for row in found.rows if row["asked"])
    told = line_story.weeks(source, house.own, brand["brand_id"])
    by_week = {week: n for n, week in enumerate(told["week"])}
    for n, week in enumerate(found.weeks):
        if week in by_week and told["demand"][by_week[week]] is not None:
            at = by_week[week]
            assert brand["demand"][n] == pytest.approx(told["demand"][at], abs=0.006)
            assert (brand["low"][n], brand["high"][n]) == (told["p10"][at], told["p90"][at])
            assert brand["requested"][n] == (told["requested"][at] or 0)
    assert sum(row["share"] or 0 for row in found.rows) == pytest.approx(1.0)
    weekly = [row["weekly"] or 0 for row in found.rows]
    assert weekly == sorted(weekly, reverse=True)


def test_a_foreign_retailer_is_not_there_nor_is_a_foreign_visit(wang: Browser, house: House, client: TestClient) -> None:
    found = client.post(
        f"/retailers/{house.foreign}/visits", data={"note": "theirs", "follow_up_on": "2126-01-01"}, headers=bearer(house, "stranger")
    )
    assert found.status_code == 200, found.text
    theirs = notes(house, house.foreign)[0]["visit_id"]
    wang.get(f"/retailers/{house.own}")
    wang.send(f"/retailers/{house.foreign}/visits/{theirs}/closing", status=404)
    wang.send(f"/retailers/{house.own}/visits/{theirs}/closing", status=409)
    wang.get(f"/retailers/{house.foreign}", 404)
    assert notes(house, house.foreign)[0]["open"]
    assert house.foreign not in wang.get("/visits")


def test_the_api_tells_and_keeps_the_same(wang: Browser, client: TestClient, house: House) -> None:
    mine, at = bearer(house, "manager"), f"/api/v1/retailers/{house.own}"
    found = client.get("/api/v1/visits", params={"limit": 1000}, headers=mine).json()
    assert [one["retailer_id"] for one in found["items"]] == listed(wang.get("/visits"))
    assert found["items"][0]["points"] == pytest.approx(
        sum(why["points"] for why in found["items"][0]["why"]) + found["items"][0]["waiting"]
    )
    written = client.post(f"{at}/visits", json={"note": "by the till", "follow_up_on": "2126-01-01"}, headers=mine)
    assert written.status_code == 201, written.text
    (note,) = client.get(f"{at}/visits", headers=mine).json()["items"]
    assert (note["note"], note["open"], note["visit_id"]) == ("by the till", True, written.json()["visit_id"])
    assert client.post(f"{at}/visits/{note['visit_id']}/closing", headers=mine).status_code == 201
    assert client.post(f"{at}/visits/{note['visit_id']}/closing", headers=mine).status_code == 409
    brand = next(iter(counts.latest(house.db, house.own)))
    far = client.post(f"{at}/counts", json={"counts": {brand: 99999}}, headers=mine).json()
    assert (far["kept"], [one["brand_id"] for one in far["far"]]) == (0, [brand])
    assert client.post(f"{at}/counts", json={"counts": {brand: 99999}, "sure": True}, headers=mine).json() == {"kept": 1, "far": []}
    for wrong in ({"counts": {}}, {"counts": {brand: -1}}, {"counts": {"nowhere": 1}}, {"counts": {brand: 1}, "on": "2126-01-01"}):
        assert client.post(f"{at}/counts", json=wrong, headers=mine).status_code == 422
    assert client.get(f"{at}/visits", headers=bearer(house, "stranger")).status_code == 404
    assert client.get(f"{at}/visits", headers=bearer(house, house.own)).status_code == 403
