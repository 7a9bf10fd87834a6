"""Surveys and complaints by the API and on the pages, and the satisfaction index: who may, who sees what, and what is said back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from jobs.satisfaction import span
from ordering import tables
from ordering.complaints import Entry
from ordering.database import complaints, surveys
from ordering.satisfaction import Aspect, Survey
from tests.web.browsing import Browser, with_password
from tests.web.conftest import House, bearer

API = "/api/v1"
ALL_FOUR = {str(aspect): 4 for aspect in Aspect}


@pytest.fixture
def shop(house: House, client: TestClient) -> Browser:
    with_password(house, house.own)
    return Browser(client, house.own)


@pytest.fixture
def wang(house: House, client: TestClient) -> Browser:
    with_password(house, "manager")
    return Browser(client, "manager")


def complain(house: House, retailer_id: str) -> int:
    return complaints.begin(house.db, retailer_id=retailer_id, subject="delivery", text="两条没到", by=retailer_id, at=house.at)


def at(house: House, number: int, act: str = "", *, of: str | None = None) -> str:
    return f"/retailers/{of or house.own}/complaints/{number}{act}"


# the retailer's page


def test_a_retailer_answers_what_it_likes_and_sees_what_it_answered(house: House, shop: Browser) -> None:
    page = f"/retailers/{house.own}"
    assert shop.get(f"{page}/feedback").count('type="radio"') == 25
    said = shop.send(f"{page}/survey", {"reliability": "5", "empathy": "2", "words": "送货早一点"})
    assert "Thank you" in said
    assert said.count(" checked") == 2
    stored = house.db.rows(sa.select(tables.surveys))
    assert [(row["reliability"], row["assurance"], row["empathy"], row["words"], row["by"]) for row in stored] == [
        (5, None, 2, "送货早一点", house.own)
    ]
    assert "takes its place" in shop.get(f"{page}/feedback")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "Answer one question"),
        ({"words": "only words"}, "Answer one question"),
        ({"reliability": "6"}, "reliability"),
        ({"x": "5"}, "x"),
    ],
)
def test_a_survey_that_is_none_is_refused_and_nothing_is_stored(house: House, shop: Browser, said: dict[str, str], told: str) -> None:
    shop.get(f"/retailers/{house.own}/feedback")
    assert told in shop.send(f"/retailers/{house.own}/survey", said, status=422)
    assert house.db.rows(sa.select(tables.surveys)) == []


def test_a_retailer_complains_sees_what_becomes_of_it_and_may_open_it_again(house: House, shop: Browser) -> None:
    page = f"/retailers/{house.own}"
    shop.get(f"{page}/feedback")
    assert "Complaint 1 is open" in shop.send(f"{page}/complaints", {"subject": "goods", "text": "破了<b>一条</b>"})
    complaints.add(house.db, 1, Entry.CLOSED, "换了新货", by="manager", at=house.at)
    found = shop.get(at(house, 1))
    assert "换了新货" in found
    assert "Not content with the outcome?" in found
    assert 'follow-ups"' not in found, "it may not note what the company did"
    assert "still open" in shop.send(at(house, 1, "/words"), {"text": "还是坏的"})
    assert complaints.of_retailer(house.db, house.own, 1)["state"] == "open"  # type: ignore[index]


def test_what_a_retailer_wrote_is_shown_as_text(house: House, shop: Browser, client: TestClient) -> None:
    complaints.begin(house.db, retailer_id=house.own, subject="other", text="<svg onload=alert(1)>", by=house.own, at=house.at)
    for path in (f"/retailers/{house.own}/feedback", at(house, 1), f"/retailers/{house.own}/care"):
        text = client.get(path, headers={"Accept": "text/html"}).text
        assert "&lt;svg onload" in text
        assert "<svg onload" not in text


# the account manager's pages


def test_a_manager_follows_a_complaint_up_closes_it_and_opens_it_again(house: House, wang: Browser) -> None:
    number = complain(house, house.own)
    assert "两条没到" in wang.get("/complaints")
    wang.get(at(house, number))
    assert "已走访" in wang.send(at(house, number, "/follow-ups"), {"text": "已走访"})
    closed = wang.send(at(house, number, "/closing"), {"text": "已补送"})
    assert "已补送" in closed
    assert 'reopening"' in closed
    wang.send(at(house, number, "/closing"), {"text": "again"}, status=409)
    assert "still open" in wang.send(at(house, number, "/reopening"), {"text": "没有收到"})
    assert [row["kind"] for row in complaints.entries(house.db, number)] == ["follow_up", "closed", "reopened"]
    done = [row["action"] for row in house.db.rows(sa.select(tables.audit).where(tables.audit.c.subject == f"complaint {number}"))]
    assert done == [f"complaints.{kind}" for kind in ("open", "follow_up", "closed", "reopened")]


def test_a_manager_sees_the_complaints_of_its_own_retailers_alone(house: House, wang: Browser) -> None:
    own, foreign = complain(house, house.own), complain(house, house.foreign)
    found = wang.get("/complaints")
    assert at(house, own) in found
    assert house.foreign not in found
    for path in (at(house, foreign, of=house.foreign), f"/retailers/{house.foreign}/care", f"/retailers/{house.foreign}/feedback"):
        wang.get(path, status=404)
    wang.get(at(house, own))


@pytest.mark.parametrize("act", ["/follow-ups", "/closing", "/reopening"])
def test_a_foreign_complaint_is_not_to_be_had_by_way_of_one_s_own_retailer(house: House, wang: Browser, act: str) -> None:
    own, foreign = complain(house, house.own), complain(house, house.foreign)
    wang.get(at(house, own))
    wang.get(at(house, foreign), status=404)
    wang.send(at(house, foreign, act), {"text": "x"}, status=404)
    assert complaints.entries(house.db, foreign) == []


def test_a_manager_does_not_speak_in_the_place_of_the_retailer(house: House, wang: Browser) -> None:
    number = complain(house, house.own)
    wang.get(at(house, number))
    wang.send(at(house, number, "/words"), {"text": "all is well"}, status=403)
    wang.send(f"/retailers/{house.own}/survey", {"reliability": "5"}, status=403)
    assert "Complaint 2 is open" in wang.send(f"/retailers/{house.own}/complaints", {"subject": "goods", "text": "told by telephone"})


def test_an_empty_word_is_refused(house: House, wang: Browser) -> None:
    number = complain(house, house.own)
    wang.get(at(house, number))
    for text in ("", "  ", "\x00"):
        wang.send(at(house, number, "/closing"), {"text": text}, status=422)
    assert complaints.of_retailer(house.db, house.own, number)["state"] == "open"  # type: ignore[index]


def test_a_shop_s_page_sets_what_it_expected_against_what_it_received(house: House, wang: Browser) -> None:
    survey = Survey(dict.fromkeys(Aspect, 4) | {Aspect.RELIABILITY: 1}, "数量不对")
    surveys.answer(house.db, survey, retailer_id=house.own, by=house.own, on=house.at.date(), at=house.at)
    found = wang.get(f"/retailers/{house.own}/care")
    assert "数量不对" in found
    assert "<b>51</b>" in found, "a quarter of 32 less of 75"
    month = f"{house.at - timedelta(weeks=5):%Y-%m}"
    first, after = span("month", month)
    t = tables.order_lines
    sums = sa.select(sa.func.sum(t.c.requested).label("asked"), sa.func.sum(t.c.allocated).label("got")).where(t.c.allocated.is_not(None))
    told = house.db.rows(sums.where(t.c.retailer_id == house.own, t.c.week >= first, t.c.week < after))[0]
    assert told["asked"] > told["got"]
    asked, got = told["asked"], told["got"]
    assert f'{month}</th><td class="num">{asked}</td><td class="num"><b>{got}</b></td><td class="num">{asked - got}<' in found
    assert "data-chart" in found


# headquarters


def test_the_index_stands_beside_the_fulfilment_rate_and_says_how_many_answered(house: House, client: TestClient) -> None:
    with_password(house, "headquarters")
    hq = Browser(client, "headquarters")
    assert "nobody answered" in hq.get("/satisfaction")
    for shop in (house.own, house.foreign):
        surveys.answer(house.db, Survey(dict.fromkeys(Aspect, 5)), retailer_id=shop, by=shop, on=house.at.date(), at=house.at)
    complain(house, house.own)
    found = hq.get("/satisfaction?by=manager")
    assert "few answers" in found
    assert "M-other" in found
    for by in ("district", "star", "retailer"):
        hq.get(f"/satisfaction?by={by}")
    assert f"/retailers/{house.own}/care" in hq.get("/satisfaction?by=retailer&manager=" + manager_of(house))
    hq.get("/satisfaction?by=brand", status=422)
    hq.get("/satisfaction?at=1999-Q1", status=422)


def manager_of(house: House) -> str:
    shops = tables.contract["retailers"]
    return str(house.db.rows(sa.select(shops.c.account_manager).where(shops.c.retailer_id == house.own))[0]["account_manager"])


def test_a_manager_s_index_is_of_its_own_territory(house: House, wang: Browser) -> None:
    for shop, score in ((house.own, 5), (house.foreign, 1)):
        surveys.answer(house.db, Survey(dict.fromkeys(Aspect, score)), retailer_id=shop, by=shop, on=house.at.date(), at=house.at)
    found = wang.get("/satisfaction?by=manager")
    assert "M-other" not in found
    assert '<p class="value">100</p>' in found, "the stranger's 0 is not in it"
    assert house.foreign not in wang.get("/satisfaction?by=retailer&sort=index&down=false")


@pytest.mark.parametrize("path", ["/complaints", "/satisfaction"])
def test_a_retailer_may_not_look_at_the_lists_of_the_company(shop: Browser, path: str) -> None:
    shop.get(path, status=403)


# the API


def ask(house: House, client: TestClient, who: str, path: str, said: Any = None, **query: Any) -> Any:
    method = "GET" if said is None else "POST"
    return client.request(method, f"{API}{path}", headers=bearer(house, who), json=said, params=query)


def test_the_api_answers_the_survey_and_gives_its_index(house: House, client: TestClient) -> None:
    path = f"/retailers/{house.own}/surveys"
    told = ask(house, client, house.own, path, {"scores": ALL_FOUR, "words": "好"})
    assert (told.status_code, told.json()["index"]) == (201, 75.0)
    assert ask(house, client, "manager", path).json()["total"] == 1
    assert ask(house, client, "manager", path, {"scores": ALL_FOUR}).status_code == 403, "a manager does not judge itself"
    for wrong in ({}, {"scores": {}}, {"scores": {"empathy": 0}}, {"scores": {"kindness": 3}}):
        assert ask(house, client, house.own, path, wrong).status_code == 422


def test_the_api_carries_a_complaint_from_its_beginning_to_its_end(house: House, client: TestClient) -> None:
    path = f"/retailers/{house.own}/complaints"
    begun = ask(house, client, house.own, path, {"subject": "supply", "text": "没有分到"})
    assert (begun.status_code, begun.json()["state"], begun.json()["entries"]) == (201, "open", [])
    one = f"{path}/{begun.json()['complaint_id']}"
    assert ask(house, client, house.own, f"{one}/closing", {"text": "x"}).status_code == 403
    assert ask(house, client, "manager", f"{one}/closing", {"text": "已说明"}).json()["outcome"] == "已说明"
    assert ask(house, client, house.own, f"{one}/words", {"text": "不明白"}).json()["state"] == "open"
    assert ask(house, client, "manager", "/complaints", state="open").json()["total"] == 1
    assert ask(house, client, "stranger", "/complaints").json()["total"] == 0
    assert ask(house, client, "stranger", one).status_code == 404


def test_the_api_gives_the_figures_of_those_that_one_sees(house: House, client: TestClient) -> None:
    for shop in (house.own, house.foreign):
        surveys.answer(house.db, Survey(dict.fromkeys(Aspect, 5)), retailer_id=shop, by=shop, on=house.at.date(), at=house.at)
    every, own = (ask(house, client, who, "/satisfaction", by="manager").json() for who in ("headquarters", "manager"))
    assert (every["total"], own["total"]) == (2, 1)
    assert (own["items"][0]["answers"], own["items"][0]["index"], own["items"][0]["few"]) == (1, 100.0, True)
    months = ask(house, client, "manager", f"/retailers/{house.own}/expectations").json()["items"]
    assert months
    assert all(row["gap"] == row["requested"] - row["received"] for row in months)


def test_who_looked_at_surveys_and_complaints_is_noted(house: House, client: TestClient) -> None:
    ask(house, client, "manager", f"/retailers/{house.own}/surveys")
    ask(house, client, "manager", "/complaints")
    ask(house, client, "headquarters", "/satisfaction", by="retailer")
    noted = {(row["user_name"], row["what"]) for row in house.db.rows(sa.select(tables.access_log))}
    assert noted == {("manager", "surveys"), ("manager", "complaints"), ("headquarters", "satisfaction")}
