"""The rates of an account manager are those of its own retailers; what cannot be told of them alone is refused in both languages."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from starlette.testclient import TestClient

from jobs import exports
from jobs.breakdown import Asked, breakdown
from ordering.accounts import Role
from tests.web.conftest import House, Looks, bearer, shops_of
from tests.web.test_headquarters_pages import plain, table
from tests.web.test_printing import lines
from web.screens import figures


@pytest.fixture
def own(house: House) -> str:
    """The code whose retailers the account manager sees."""
    return shops_of(house.db)[house.own]


def told(source: exports.Source, by: list[str], code: str) -> pd.DataFrame:
    """The rates of the code's retailers by dimensions, from the export by retailer."""
    every = exports.rates(source, ["manager", *by, "period"], "month")
    return every[every["manager"] == code]


def test_the_page_of_an_account_manager_has_its_own_retailers_alone(
    client: TestClient, house: House, source: exports.Source, own: str
) -> None:
    page = Looks(client, house, "manager").page("/rates", by="retailer", sort="name", down="false")
    month = re.findall(r"<option selected>(.*?)</option>", page)[0]
    (whole,) = (row for row in told(source, [], own).itertuples() if row.period == month)
    of_own = {shop for shop, code in shops_of(house.db).items() if code == own}
    shown = {row[0].split()[-1] for row in table(page, "figures")}
    assert shown <= of_own
    assert shown
    every = table(Looks(client, house).page("/rates", by="retailer"), "figures")
    assert len(every) > len(shown)  # negative control: headquarters sees the others too
    assert figures.percent(whole.fulfilment_rate) in plain(page)
    assert f"Account manager {own}" in plain(page)
    for name, code in shops_of(house.db).items():
        assert code == own or name not in page


def test_the_files_and_the_print_of_an_account_manager_have_its_own_retailers_alone(client: TestClient, house: House, own: str) -> None:
    shops = shops_of(house.db)

    def named(person: str, kind: str) -> set[str]:
        answer = client.get(f"/rates.{kind}", headers=bearer(house, person), params={"by": "retailer", "period": "year"})
        assert answer.status_code == 200, answer.text
        text = answer.content.decode() if kind == "csv" else " ".join(lines(answer.content))
        return {shop for shop in shops if re.search(rf"\b{re.escape(shop)}\b", text)}

    for kind in ("csv", "pdf"):
        assert {shops[shop] for shop in named("manager", kind)} == {own}
        assert {shops[shop] for shop in named("headquarters", kind)} > {own}  # negative control
        refused = client.get(f"/rates.{kind}", headers=bearer(house, "manager"), params={"by": "brand"})
        assert (refused.status_code, refused.json()["code"]) == (422, "INVALID")
    whole = " ".join(lines(client.get("/rates.pdf", headers=bearer(house, "manager")).content))
    assert f"Your territory alone: Account manager {own}" in whole


def test_the_api_tells_an_account_manager_the_same(client: TestClient, house: House, source: exports.Source, own: str) -> None:
    answer = client.get("/api/v1/rates", headers=bearer(house, "manager"), params={"by": ["star", "period"], "limit": 1000})
    want = told(source, ["star"], own)
    sums = {(row["star"], row["period"]): row["requested"] for row in answer.json()["items"]}
    assert sums == {(row.star, row.period): row.requested for row in want.itertuples()}
    whole = client.get("/api/v1/rates", headers=bearer(house, "manager")).json()["items"]
    city = client.get("/api/v1/rates", headers=bearer(house, "headquarters")).json()["items"]
    assert whole[0]["requested"] == want["requested"].sum() < city[0]["requested"]


@pytest.mark.parametrize("by", [["manager", "district", "period"], ["retailer", "manager"], ["star"], []])
def test_rates_within_a_territory_are_those_of_the_whole_cells(source: exports.Source, own: str, by: list[str]) -> None:
    found = exports.rates_within(source, by, "month", {"manager": frozenset({own})})
    every = exports.rates(source, list(dict.fromkeys(["manager", *by])), "month")
    want = every[every["manager"] == own]
    assert found["requested"].sum() == want["requested"].sum() > 0
    assert sorted(found["demand_fulfilment_rate"].dropna()) == sorted(want["demand_fulfilment_rate"].dropna())


@pytest.mark.parametrize(("language", "words"), [("en", "whole districts, not for"), ("zh", "只按片区汇总")])
def test_rates_by_brand_of_one_account_manager_are_refused_in_words(client: TestClient, house: House, language: str, words: str) -> None:
    client.cookies.set("language", language)
    person = Looks(client, house, "manager")
    assert words in person.page("/rates", 422, by="brand")
    assert "by=brand" not in person.page("/rates")  # and are not offered
    answer = client.get("/api/v1/rates", headers=bearer(house, "manager") | {"Accept-Language": language}, params={"by": "brand"})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert "by=brand" in Looks(client, house).page("/rates")


def test_who_sees_a_district_has_its_rates_by_brand_too(client: TestClient, house: House, source: exports.Source) -> None:
    name = str(exports.rates(source, ["brand", "district"], "month")["district"].iloc[0])
    house.person("district", Role.ACCOUNT_MANAGER, districts=[name])
    person = Looks(client, house, "district")
    page = person.page("/rates", by="brand")
    found = breakdown(source, Asked("brand", within={"district": name}))
    assert found is not None
    assert {row[0].split()[-1] for row in table(page, "figures")} == set(found.rows["brand"])
    assert figures.percent(found.whole["demand_fulfilment_rate"]) in plain(page)


def test_who_has_no_territory_sees_nothing(client: TestClient, house: House) -> None:
    house.person("new", Role.ACCOUNT_MANAGER)
    assert "Nothing was asked here" in Looks(client, house, "new").page("/rates")
    assert client.get("/api/v1/rates", headers=bearer(house, "new"), params={"by": "star"}).json()["total"] == 0


def test_the_lowest_rates_and_the_lines_are_ones_own_too(client: TestClient, house: House, own: str) -> None:
    shops = shops_of(house.db)
    span = {"first": "2020-01-06", "last": "2022-01-03"}
    week = re.findall(r"/rates/lines\?week=(\d{4}-\d\d-\d\d)", Looks(client, house).page("/rates"))[0]
    mine = Looks(client, house, "manager").page("/rates/lines", week=week)
    every = Looks(client, house).page("/rates/lines", week=week)
    assert {code for shop, code in shops.items() if f"/retailers/{shop}/" in mine} == {own}
    assert len({code for shop, code in shops.items() if f"/retailers/{shop}/" in every}) > 1
    assert "Not kept summed up" in Looks(client, house, "manager").page("/rates/lowest", **span)
    Looks(client, house).page("/rates/lowest", 422, first="2022-01-03", last="2020-01-06")


def test_the_lines_are_those_of_the_week_and_the_largest_gap_comes_first(client: TestClient, house: House, source: exports.Source) -> None:
    looks = Looks(client, house)
    page = looks.page("/rates", by="brand", period="week")
    week = re.findall(r"<option selected>(.*?)</option>", page)[0]
    found = breakdown(source, Asked("brand", period="week", at=week))
    assert found is not None
    brand = found.rows.iloc[0]
    rows = table(looks.page("/rates/lines", week=week, brand=brand["brand"]), "close lines-of")
    asked, given, gap = ([int(row[n].replace(",", "")) for row in rows] for n in (4, 5, 6))
    assert (sum(asked), sum(given), sum(gap)) == (brand["requested"], brand["allocated"], brand["gap"])
    assert gap == sorted(gap, reverse=True)
    assert "No allocated line fits" in looks.page("/rates/lines", week="1999-01-04")


def test_the_lowest_rates_are_those_of_the_report(client: TestClient, house: House, source: exports.Source) -> None:
    looks = Looks(client, house)
    page = looks.page("/rates", period="year")
    found = breakdown(source, Asked("brand", period="year"))
    assert found is not None
    part = looks.page("/rates/lowest", first=found.first.isoformat(), last=found.last.isoformat())
    assert f"first={found.first.isoformat()}" in page
    rows = table(part, "close lowest brand")
    rates = found.rows.set_index("brand")["demand_fulfilment_rate"].sort_values()
    assert [row[0].split()[-1] for row in rows] == [name for name in rates.index if found.rows.set_index("brand")["demand"][name] >= 250]
    assert rows[0][1] == figures.percent(rates.iloc[0])
