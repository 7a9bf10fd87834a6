"""Pages on paper: the rates as the page has them, every row; the sheet for a retailer, on one page; the letter, audited."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote

import pypdfium2
import pytest
from starlette.testclient import TestClient

from jobs import exports, shop_sheet
from ordering.database import lookups, privacy
from tests.web.conftest import House, Looks, bearer
from tests.web.test_headquarters_pages import brand_of, table
from web import service
from web.language import Language
from web.screens import figures
from web.screens import shop_sheet as sheets

TEXT = {"Accept": "text/html"}


def pdf(client: TestClient, house: House, who: str, path: str, language: str = "en") -> list[str]:
    """The lines of a PDF, as a search finds them."""
    answer = client.get(path, headers=bearer(house, who) | {"Accept-Language": language})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text[:500]
    return lines(answer.content)


def lines(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(content) as found:
        return [line.strip() for page in found for line in page.get_textpage().get_text_range().splitlines()]


def maker(looks: Looks) -> str:
    """The first manufacturer that rates name."""
    return table(looks.page("/rates?by=manufacturer"), "figures")[0][0]


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    "query",
    ["by=district", "by=brand&sort=gap", "by=brand&show=why", "by=retailer&period=week", "by=star", "by=brand&manufacturer={maker}"],
)
def test_the_printed_rates_are_the_rows_of_the_page_in_its_order(client: TestClient, house: House, looks: Looks, query: str) -> None:
    query = query.format(maker=maker(looks))
    shown = [words(" ".join(row)) for row in table(looks.page(f"/rates?{query}"), "figures")]
    said = words(" ".join(pdf(client, house, "headquarters", f"/rates.pdf?{query}")))
    at = 0
    for row in shown:
        for word in row:
            at = said.index(word, at) + 1
    assert shown
    assert "Together" in said[at:]


def test_a_filter_leaves_what_fits_it_on_paper(client: TestClient, house: House, looks: Looks) -> None:
    """Without the filter the other brands are there: negative control."""
    chosen, every = maker(looks), {row["brand_id"] for row in lookups.brands(house.db)}
    own = {row[0].split()[-1] for row in table(looks.page("/rates", by="brand", manufacturer=chosen), "figures")}
    whole = " ".join(pdf(client, house, "headquarters", "/rates.pdf?by=brand"))
    one = " ".join(pdf(client, house, "headquarters", f"/rates.pdf?by=brand&manufacturer={chosen}"))
    assert own < every
    assert {brand for brand in every if brand in whole} == every
    assert {brand for brand in every if brand in one} == own
    assert f"Only Manufacturer: {chosen}" in one


def test_every_retailer_is_printed_where_the_page_shows_a_part(
    client: TestClient, house: House, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.screens.headquarters.LISTED", 3)
    assert len(table(looks.page("/rates?by=retailer"), "figures")) == 3
    said = " ".join(pdf(client, house, "headquarters", "/rates.pdf?by=retailer"))
    shops, total = lookups.retailers(house.db, None, search=None, offset=0, limit=1000)
    assert total > 3
    assert [shop["retailer_id"] for shop in shops if shop["retailer_id"] not in said] == []


def test_rates_by_retailer_are_noted_and_the_same_bytes_each_time(client: TestClient, house: House) -> None:
    def noted() -> list[object]:
        return [row["what"] for row in privacy.read_log(house.db, house.own)]

    first = client.get("/rates.pdf?by=district", headers=bearer(house, "headquarters")).content
    assert "print rates" not in noted()
    assert client.get("/rates.pdf?by=district", headers=bearer(house, "headquarters")).content == first
    client.get("/rates.pdf?by=retailer", headers=bearer(house, "headquarters"))
    assert "print rates" in noted()


def test_the_page_of_rates_leads_to_its_print_under_the_same_filter(client: TestClient, house: House, looks: Looks) -> None:
    page = looks.page(f"/rates?by=brand&manufacturer={maker(looks)}&show=why")
    (href,) = re.findall(r'href="(/rates\.pdf[^"]*)"', page)
    assert {"by=brand", f"manufacturer={quote(maker(looks))}", "show=why"} <= set(href.partition("?")[2].replace("&amp;", "&").split("&"))
    assert client.get("/rates.pdf?by=brand&nonsense=1", headers=bearer(house, "headquarters")).status_code == 422
    assert client.get("/rates.pdf?at=1999-01", headers=bearer(house, "headquarters")).status_code in (404, 409, 422)
    assert client.get("/rates.pdf", headers=bearer(house, house.own)).status_code == 403


def test_the_letter_is_had_as_printed_pages_and_that_is_audited(client: TestClient, house: House, looks: Looks) -> None:
    brand = brand_of(house)
    page = looks.page(f"/brands/{brand}")
    for form in ("xlsx", "pdf"):
        (href,) = re.findall(rf'href="(/brands/{brand}/letter[^"]*form={form})"', page)
        answer = client.get(href.replace("&amp;", "&"), headers=looks.headers)
        assert answer.headers["content-disposition"].endswith(f".{form}")
    said = lines(answer.content)
    assert any(line.startswith("致 ") for line in said)
    assert any(brand in line for line in said)
    acts, _ = lookups.audit(house.db, by="headquarters", action="letter", since=None, offset=0, limit=10)
    assert [act["detail"].split(", ")[1] for act in acts] == ["pdf", "xlsx"]
    assert client.get(f"/brands/{brand}/letter?form=pdf", headers=bearer(house, "manager")).status_code == 403
    assert lookups.audit(house.db, by="manager", action="letter", since=None, offset=0, limit=10)[1] == 0


def at_service(house: House) -> service.Service:
    found: service.Service = house.app.state.service
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sheet_has_what_is_suggested_with_reasons_caps_and_rates(client: TestClient, house: House, language: Language) -> None:
    at = f"/retailers/{house.own}"
    said = "".join(pdf(client, house, "manager", f"{at}/sheet.pdf", language)).replace(" ", "")
    page = client.get(f"{at}/sheet", headers=bearer(house, "manager") | TEXT | {"Accept-Language": language}).text
    found = shop_sheet.lines(exports.source(house.db, house.settings, house.folder / "one-history"), house.own)
    caps = {one["brand_id"]: one["cap"] for one in client.get(f"/api/v1{at}/sheet", headers=bearer(house, "manager")).json()["offers"]}
    assert len(found)
    for row in found.to_dict("records"):
        reason = row["chinese" if language == "zh" else "english"]
        assert reason.replace(" ", "") in said
        assert reason in page.replace("&#39;", "'")
        begins = [row["brand_name"], row["brand_id"], str(row["requested"]), str(row["suggested"]), figures.cartons(None)]
        begins.append(figures.cartons(caps.get(row["brand_id"])))
        assert "".join(begins).replace(" ", "") in said
    rates = shop_sheet.rates(exports.source(house.db, house.settings, house.folder / "one-history"), house.own)
    assert rates is not None
    assert figures.percent(rates.whole["fulfilment_rate"]) in said
    assert figures.percent(rates.whole["demand_fulfilment_rate"]) in page


def test_a_decided_line_is_printed_as_decided(client: TestClient, house: House) -> None:
    house.at = house.at.replace(hour=0)
    source = exports.source(house.db, house.settings, house.folder / "one-history")
    first = shop_sheet.lines(source, house.own).iloc[0]
    decision = {"decision": "accepted", "of": {"retailer": house.own, "brand": first["brand_id"]}}
    assert client.post("/api/v1/suggestions/decisions", json=decision, headers=bearer(house, "manager")).status_code == 201
    again = shop_sheet.lines(source, house.own).set_index("brand_id").loc[first["brand_id"]]
    assert again["final"] == again["suggested"]
    said = " ".join(pdf(client, house, "manager", f"/retailers/{house.own}/sheet.pdf"))
    assert f"{first['brand_id']} {again['requested']} {again['suggested']} {again['final']} " in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sheet_stays_one_page_however_much_there_is_to_say(house: House, language: Language) -> None:
    own = at_service(house)
    found = sheets.sheet_of(own, house.own, language)
    long = max(found.lines, key=lambda one: len(one.words))
    offer = next(one for one in own.desk.sheet(house.own, now=own.clock()).offers if one.cap is not None)
    wordy = replace(long, words=(long.words + " ") * 2)
    crowded = replace(found, lines=[wordy] * sheets.LINES, caps=[offer] * sheets.CAPS, more=30, more_caps=70)
    with pypdfium2.PdfDocument(sheets.made(own, crowded, language)) as document:
        assert len(document) == 1
        said = document[0].get_textpage().get_text_range()
    left_out = sheets.LINES - said.count(long.line["brand_id"])
    assert str(30 + left_out) in said


@pytest.mark.parametrize("path", ["sheet", "sheet.pdf"])
def test_a_sheet_is_of_one_s_own_retailers_and_noted(client: TestClient, house: House, path: str) -> None:
    for name, status in (("manager", 200), ("stranger", 404), ("headquarters", 200), (house.own, 200), ("administrator", 403)):
        answer = client.get(f"/retailers/{house.own}/{path}", headers=bearer(house, name) | TEXT)
        assert answer.status_code == status, name
    noted = {row["user_name"] for row in privacy.read_log(house.db, house.own) if row["what"] == "printed sheet"}
    assert noted == {"manager", "headquarters"}
    assert client.get(f"/retailers/nowhere/{path}", headers=bearer(house, "headquarters") | TEXT).status_code == 404


def test_the_manager_s_page_leads_to_the_sheet_which_has_no_style_of_its_own(house: House, client: TestClient) -> None:
    looks = Looks(client, house, "manager")
    assert f'href="/retailers/{house.own}/sheet"' in looks.page(f"/retailers/{house.own}")
    page = looks.page(f"/retailers/{house.own}/sheet")
    assert f'href="/retailers/{house.own}/sheet.pdf"' in page
    assert not re.search(r'\sstyle="|<style|\son\w+="|<script(?![^>]*\ssrc=)', page)


@pytest.mark.parametrize("path", ["/rates.pdf", "/retailers/{own}/sheet", "/retailers/{own}/sheet.pdf"])
def test_without_a_night_it_is_told_in_words(client: TestClient, house: House, path: str) -> None:
    with house.db.writing() as tx:
        tx.exec_driver_sql("update runs set status = 'failed'")
    answer = client.get(path.format(own=house.own), headers=bearer(house, "headquarters"))
    assert answer.status_code in (404, 409, 503), answer.text
    assert "night" in answer.text
