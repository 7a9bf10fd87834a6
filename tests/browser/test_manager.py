"""An account manager works through a flagged retailer in the review: looks, edits by keyboard, accepts by filter, takes back."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from ordering import tables
from ordering.accounts import Role
from tests.browser.conftest import Site, Visit, Visitor

T = tables.suggestion_decisions
CHANGE = 3
"""Cartons from which the settings of the tests ask for a reason where a suggestion is rejected."""
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


def decisions(site: Site, shop: str) -> dict[str, tuple[int | None, str]]:
    """What stands decided of a retailer's lines: quantity and code by brand."""
    found = site.db.rows(sa.select(T).where(T.c.retailer_id == shop, T.c.decision != "open"))
    return {row["brand_id"]: (row["decided_qty"], row["code"]) for row in found}


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
def test_works_through_a_flagged_retailer_by_keyboard(visit: Visit, site: Site, language: str) -> None:
    visitor, shop = opened(visit, language)
    page = visitor.page
    page.keyboard.press("Space")
    expect(page.locator("#story .chart canvas")).to_be_visible()
    assert shop in page.locator("#story header").inner_text()
    assert ("条" in page.locator("#story > p").first.inner_text()) == (language == "zh")
    page.keyboard.press("Escape")
    expect(page.locator("#story")).to_be_hidden()

    first = reject(page, "6")
    expect(page.locator("#notice .good")).to_be_visible()
    second = reject(page, "1")
    expect(page.locator(".tabulator-row .holds")).to_have_count(2)
    edited = {first: (0, "retailer_declines"), second: (0, "stock_differs")}
    assert decisions(site, shop) == edited

    page.click("#accept")
    expect(page.locator("#sure")).to_be_visible()
    told = page.locator("#sure [data-touch]").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#sure")).to_be_hidden()
    expect(page.locator("#accept")).to_be_disabled()
    expect(page.locator("#review[aria-busy]")).to_have_count(0)
    accepted = len(decisions(site, shop)) - 2
    assert re.search(rf"\b{accepted}\b", re.sub("[一-鿿]", " ", told)), "the preview counted what was accepted"
    assert accepted > 0

    page.keyboard.press("Control+z")
    expect(page.locator("#accept")).to_be_enabled()
    assert decisions(site, shop) == edited, "the last act alone is taken back"


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
    assert decisions(site, shop) == {}
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
