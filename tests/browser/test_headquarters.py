"""Headquarters at its pages: the lowest district, why, the brand, its letter, and another policy beside the live one."""

from __future__ import annotations

import re

import pypdfium2
import pytest
from playwright.sync_api import Locator

from ordering.accounts import Role
from tests.browser.conftest import Visit, Visitor

RATE = "demand_fulfilment_rate"


def rates_of(visitor: Visitor) -> list[float]:
    """The demand fulfilment of the rows, in their order."""
    heads = visitor.page.locator("table.figures thead th")
    place = next(n for n in range(heads.count()) if heads.nth(n).locator(f"a[href*='sort={RATE}&'], a[href$='sort={RATE}']").count())
    rows = visitor.page.locator("table.figures tbody tr").all()
    return [float(row.locator("th, td").nth(place).inner_text().rstrip("%")) for row in rows]


def lowest_first(visitor: Visitor) -> Locator:
    """Sorts by demand fulfilment, the lowest first; gives the first row."""
    for direction in ("descending", "ascending"):
        visitor.page.locator(f"table.figures thead a.sort[href*='sort={RATE}']:not([href*='change'])").click()
        visitor.page.locator(f"table.figures th[aria-sort='{direction}']").wait_for()
    found = rates_of(visitor)
    assert len(found) > 1
    assert found == sorted(found)
    assert found[0] < found[-1]
    return visitor.page.locator("table.figures tbody tr").first


def why(visitor: Visitor) -> None:
    """Looks at the parts of the gap: they add up to it."""
    visitor.page.locator("a[href*='show=why']").click()
    row = visitor.page.locator("table.figures tbody tr").first
    row.wait_for()
    texts = [re.split(r"\s", cell)[0] for cell in row.locator("td").all_inner_texts()]
    gap, *parts = [float(text.replace(",", "")) for text in texts[2:]]
    assert abs(gap - sum(parts)) <= 0.05 * (len(parts) + 1)  # each is rounded to a tenth of a case
    assert visitor.page.locator("table.figures tbody tr").count() > 1


FACTS = ("fulfilment_rate", "demand_fulfilment_rate")


def letter(visitor: Visitor) -> None:
    """Gets the letter to the brand's manufacturer, as a workbook and on paper, which says what the page says."""
    page = visitor.page
    name, number = page.locator("h1").inner_text().rsplit(maxsplit=1)
    rates = [fact.split()[0] for fact in page.locator(".facts dd").all_inner_texts()[-len(FACTS) :]]
    weeks = [row.locator("td").first.inner_text() for row in page.locator("table.forecast tbody tr").all()]
    whole = page.locator("table.forecast tfoot td").nth(1).inner_text()
    assert downloaded(visitor, "xlsx")[:2] == b"PK"
    said = on_paper(downloaded(visitor, "pdf"))
    month = row_of(said, f"{number} {name}")
    assert all(re.fullmatch(r"[\d.]+%", rate) for rate in rates)
    assert [figure for figure in month if figure.endswith("%")] == rates
    assert weeks
    assert row_of(said, name)[-len(weeks) - 1 :] == [*weeks, whole]


def downloaded(visitor: Visitor, form: str) -> bytes:
    """The letter by the page's link."""
    with visitor.page.expect_download() as waiting:
        visitor.page.locator(f"a[download][href*='/letter'][href$='form={form}']").click()
    assert waiting.value.suggested_filename.endswith(f".{form}")
    return waiting.value.path().read_bytes()


def on_paper(content: bytes) -> list[str]:
    """The lines of a PDF, those of its pages one after the other."""
    with pypdfium2.PdfDocument(content) as paper:
        return [line for page in paper for line in page.get_textpage().get_text_range().splitlines()]


def row_of(lines: list[str], begin: str) -> list[str]:
    """The figures of the row that begins with a text."""
    (found,) = {line for line in lines if line.startswith(begin + " ")}
    return found.removeprefix(begin).split()


def another_policy(visitor: Visitor) -> None:
    """Tries first come, first served, and sees it beside the live policy."""
    visitor.go("/strategy")
    visitor.page.locator("#proposal table, #proposal .note, #proposal .empty").first.wait_for()
    visitor.page.select_option("#terms select[name=policy]", "first_come")
    visitor.page.click("#terms button[type=submit]")
    rows = visitor.page.locator("#what-if table.compared tbody tr")
    rows.first.wait_for()
    whole = rows.first.locator("th, td").all_inner_texts()
    assert len(whole) == 12
    assert whole[4] != ""
    assert whole[8] != ""
    assert rows.count() > 2  # all levels together, and each by itself


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_the_lowest_district_to_the_letter_and_another_policy(look: Visit, language: str) -> None:
    visitor = look(language)
    page = visitor.page
    visitor.log_in(Role.HEADQUARTERS)
    visitor.go("/rates")
    page.locator("table.lowest").first.wait_for()
    lowest_first(visitor).locator("a").first.click()
    page.locator(".chip").wait_for()  # within the district, by brand
    why(visitor)
    page.locator("table.figures tbody a[href^='/brands/']").first.click()
    page.locator(".chart canvas").wait_for()
    letter(visitor)
    another_policy(visitor)


def test_other_supply_and_caps_are_tried_and_taken_away(look: Visit) -> None:
    visitor = look()
    visitor.log_in(Role.HEADQUARTERS)
    visitor.go("/strategy")
    visitor.page.locator("select[name=brand]").select_option(index=1)
    field = visitor.page.locator("#brand-terms input").first
    field.fill("0")
    visitor.page.click("#terms button[type=submit]")
    visitor.page.locator("#what-if .chip").nth(1).wait_for()
    visitor.page.click("#terms button[type=reset]")
    assert visitor.page.locator("#brand-terms input").count() == 0
