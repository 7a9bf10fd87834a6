"""An account manager in the review: looks, edits by keyboard, accepts by filter, takes back, and edits in a spreadsheet."""

from __future__ import annotations

import re
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from ordering import settings, tables
from ordering.accounts import Role
from ordering.database import accounts, demo
from tests.browser.conftest import Site, Visit, Visitor, managers_of
from tests.browser.workbooks import Line, List
from tests.web.conftest import local

T = tables.suggestion_decisions
CHANGE = 3
"""Cartons from which the settings of the tests ask for a reason where a suggestion is rejected."""
COLLEAGUE = "Li Wei"
FLAGGED = """least => {
  const by = new Map();
  for (const row of Tabulator.findTable("#grid")[0].getData().filter((one) => !one.frozen)) {
    const own = by.get(row.retailer_id) || by.set(row.retailer_id, { large: 0, flagged: 0 }).get(row.retailer_id);
    own.large += row.suggested >= least;
    own.flagged += row.marks >= 8;
  }
  return [...by].filter(([, own]) => own.large > 1).sort(([, one], [, other]) => other.flagged - one.flagged)[0][0];
}"""


def rows(page: Page) -> Any:
    return page.locator("#grid .tabulator-tableholder .tabulator-row")


def opened(visit: Visit, language: str = "en") -> tuple[Visitor, str]:
    """A manager before the lines of a flagged retailer, the largest suggestions first; and the retailer."""
    visitor = visit(language)
    visitor.log_in(Role.ACCOUNT_MANAGER)
    page = visitor.page
    rows(page).first.wait_for()
    page.wait_for_selector("#review[data-weeks]", state="attached")
    shop = str(page.evaluate(FLAGGED, CHANGE))
    page.fill("[name=search]", shop)
    header = page.locator("#grid .tabulator-col[tabulator-field=suggested]")
    header.click()
    header.click()
    expect(rows(page).first).to_contain_text(shop)
    rows(page).first.locator("[tabulator-field=shop]").click()
    return visitor, shop


def decisions(site: Site, shop: str | None = None) -> dict[tuple[str, str], tuple[int | None, str]]:
    """What stands decided, of one retailer's lines or of all: quantity and code by retailer and brand."""
    mine = T.c.decision != "open" if shop is None else (T.c.decision != "open") & (T.c.retailer_id == shop)
    return {(row["retailer_id"], row["brand_id"]): (row["decided_qty"], row["code"]) for row in site.db.rows(sa.select(T).where(mine))}


def reject(page: Page, code: str) -> str:
    """Types 0 into the line one is in, with the reason of a key; gives the brand."""
    brand = str(page.evaluate("Tabulator.findTable('#grid')[0].getRanges()[0].getCells()[0][0].getData().brand_id"))
    page.keyboard.press("0")
    expect(page.locator("#grid input")).to_have_value("0")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_be_visible()
    page.keyboard.press(code)
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_be_hidden()
    return brand


@pytest.mark.parametrize("language", ["zh", "en"])
def test_works_through_a_flagged_retailer_and_all_others_here_and_in_a_file(
    visit: Visit, site: Site, tmp_path: Path, language: str
) -> None:
    """Edits two quantities, accepts 500 lines by filter, undoes, exports, edits in the file, and imports back."""
    visitor, shop = opened(visit, language)
    page = visitor.page
    told(page, shop, language)
    edited = {(shop, reject(page, "6")): (0, "retailer_declines"), (shop, reject(page, "1")): (0, "stock_differs")}
    expect(page.locator(".tabulator-row .holds")).to_have_count(2)
    assert decisions(site) == edited

    assert accepted_by_filter(page) == len(decisions(site)) - 2 >= 500
    page.keyboard.press("Control+z")
    expect(page.locator("#accept")).to_be_enabled()
    assert decisions(site) == edited, "the last act alone is taken back"

    file, sheet = exported(page, tmp_path)
    mine, theirs = changed(sheet, file)
    at = meanwhile(visit, site, theirs)
    edited[at] = decisions(site)[at]
    brought_back(page, file, theirs)
    edited |= {(line["retailer_id"], line["brand_id"]): (int(line["final"]), line["code"]) for line in mine}
    assert decisions(site) == edited
    assert overrides(page) == {key: quantity for key, (quantity, _) in edited.items() if key != at}


def told(page: Page, shop: str, language: str) -> None:
    """Looks at what the line one is in was made of, and leaves it."""
    page.keyboard.press("Space")
    expect(page.locator("#story .chart canvas")).to_be_visible()
    assert shop in page.locator("#story header").inner_text()
    assert ("条" in page.locator("#story > p").first.inner_text()) == (language == "zh")
    page.keyboard.press("Escape")
    expect(page.locator("#story")).to_be_hidden()


def accepted_by_filter(page: Page) -> int:
    """Accepts all open lines of the city; gives the number that the preview said."""
    page.fill("[name=search]", "")
    page.select_option("[name=state]", "open")
    expect(page.locator("#review[aria-busy]")).to_have_count(0)
    page.click("#accept")
    expect(page.locator("#sure")).to_be_visible()
    told = page.locator("#sure [data-touch]").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#sure")).to_be_hidden()
    expect(page.locator("#accept")).to_be_disabled()
    expect(page.locator("#review[aria-busy]")).to_have_count(0)
    return int(re.findall(r"\d+", told.replace(",", ""))[0])


def exported(page: Page, folder: Path) -> tuple[Path, List]:
    """Downloads what the filter shows as a workbook: exactly the grid's lines."""
    with page.expect_download() as waiting:
        page.locator(".files a", has_text="Excel").click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    sheet, shown = List(file), page.evaluate("Tabulator.findTable('#grid')[0].getData().map((row) => [row.retailer_id, row.brand_id])")
    assert sorted([line["retailer_id"], line["brand_id"]] for line in sheet.lines) == sorted(shown)
    return file, sheet


def changed(sheet: List, file: Path) -> tuple[list[Line], Line]:
    """Edits three lines of a list and saves it; gives the first two, and the third."""
    places = [at for at, line in enumerate(sheet.lines) if int(line["suggested"]) > CHANGE and not line["flagged"].startswith("1")]
    first, second, third = (place for place in (places[0], places[-1], places[len(places) // 2]))
    for at in (first, second, third):
        sheet.edit(at, final=0, code="local_event")
    sheet.save(file)
    return [sheet.lines[first], sheet.lines[second]], sheet.lines[third]


def meanwhile(visit: Visit, site: Site, line: Line) -> tuple[str, str]:
    """A colleague accepts a line while the list is being edited; gives its retailer and brand."""
    accounts.add(
        site.db, name=COLLEAGUE, role=Role.ACCOUNT_MANAGER, password=demo.PASSWORD, by="tester", at=datetime.combine(site.week, time()),
        rules=local(settings.load()).accounts, managers=managers_of(site.db),
    )  # fmt: skip
    other = visit()
    other.come(COLLEAGUE, demo.PASSWORD)
    other.go(f"/review?retailer={line['retailer_id']}&brand={line['brand_id']}")
    rows(other.page).first.locator("button.link").click()
    expect(other.page.locator(".holds")).to_be_visible()
    return line["retailer_id"], line["brand_id"]


def brought_back(page: Page, file: Path, refused: Line) -> None:
    """Brings a list back in: sees that two lines would change and one is refused, and why, and takes the two over."""
    page.click("a[href='/review/import']")
    page.set_input_files("input[type=file]", file)
    page.click("#upload button")
    page.locator("#outcome .facts").wait_for()
    assert [re.findall(r"\d+", fact)[0] for fact in page.locator("#outcome .facts dd").all_inner_texts()][:2] == ["2", "1"]
    row = page.locator("#outcome section").first.locator("tbody tr")
    expect(row).to_have_count(1)
    for said in (refused["retailer_id"], refused["brand_id"], COLLEAGUE):
        expect(row).to_contain_text(said)
    page.click("#outcome form button")
    page.locator("#outcome [data-batch]").wait_for()


def overrides(page: Page) -> dict[tuple[str, str], int]:
    """The quantities that the grid shows beside the suggested ones, by retailer and brand."""
    page.click("#outcome a[href='/review']")
    rows(page).first.wait_for()
    page.select_option("[name=state]", "adjusted")
    expect(page.locator("#review[aria-busy]")).to_have_count(0)
    data = page.evaluate("Tabulator.findTable('#grid')[0].getData().map((row) => [row.retailer_id, row.brand_id])")
    shown = [row.locator("[tabulator-field=override]").inner_text() for row in rows(page).all()]
    return {(shop, brand): int(text) for (shop, brand), text in zip(data, shown, strict=True)}


def test_what_could_not_be_saved_stays_typed_and_says_why_until_it_is(visit: Visit, site: Site) -> None:
    visitor, shop = opened(visit)
    page = visitor.page
    page.route("**/suggestions/decisions", lambda route: route.abort())
    reject(page, "6")
    expect(page.locator("#notice .problem")).to_contain_text("0 for ")
    expect(page.locator("#notice .problem")).to_contain_text("The service does not answer")
    expect(page.locator(".unsaved")).to_have_text("0 !")
    page.reload()
    expect(page.locator(".unsaved")).to_have_text("0 !")
    assert page.locator("#unsaved").inner_text() == "1 not saved"
    assert decisions(site) == {}
    page.unroute("**/suggestions/decisions")
    page.locator(".unsaved").click()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_be_visible()
    assert page.locator("#code").input_value() == "retailer_declines", "the reason was kept as well"
    page.locator("#code").press("Enter")
    expect(page.locator(".unsaved")).to_have_count(0)
    assert list(decisions(site, shop).values()) == [(0, "retailer_declines")]
    assert len(visitor.complaints) == 1, "the browser tells of the save that failed"
    visitor.complaints.clear()


def test_what_is_typed_takes_the_place_of_what_stood_there(visit: Visit) -> None:
    visitor, _ = opened(visit)
    page = visitor.page
    page.keyboard.press("Enter")
    stands = page.locator("#grid input").input_value()
    page.keyboard.press("Escape")
    expect(page.locator("#grid input")).to_have_count(0)
    digit = "8" if stands == "7" else "7"
    page.keyboard.type(digit)
    expect(page.locator("#grid input")).to_have_value(digit)
    page.keyboard.type("777x")
    page.keyboard.press("Enter")
    expect(page.locator("#notice .problem")).to_contain_text(f"{digit}777x is no quantity")
    expect(page.locator(".unsaved")).to_have_text(f"{digit}777x !")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    expect(page.locator(".unsaved")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
