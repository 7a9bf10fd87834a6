"""A retailer at its pages: the strategy, an order at once, why it got what it got, and the same recomputed."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from ordering import tables
from ordering.accounts import Role
from tests.browser.conftest import Site, Visit, Visitor


def shown(visitor: Visitor, brand: str, place: int) -> str:
    """A cell of the sheet's row of a brand."""
    return visitor.page.locator(f"#sheet tr[data-text$='{brand}'] td").nth(place).inner_text()


CAP, MOST = 1, 5


def scarce(visitor: Visitor) -> tuple[str, int]:
    """A brand of which fewer than ten can be had, but some, and how many."""
    for row in visitor.page.locator("#sheet tbody tr").all():
        brand, most = str(row.get_attribute("data-text")).split()[-1], row.locator("td").nth(MOST).inner_text()
        if most.isdigit() and 0 < int(most) < 10:
            return brand, int(most)
    raise AssertionError("the city has no such brand")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_asks_ten_sees_fewer_and_why_orders_and_recomputes(visit: Visit, site: Site, language: str) -> None:
    visitor = visit(language)
    page = visitor.page
    visitor.log_in(Role.RETAILER)
    brand, most = scarce(visitor)
    assert shown(visitor, brand, CAP)  # caps are told before asking
    need = page.locator(f"input[name='need.{brand}']")
    need.fill("10")
    need.press("Enter")
    answer = page.locator(f"#sheet tr[data-text$='{brand}'] .answer")
    answer.locator("b").wait_for()
    assert answer.locator("b").inner_text() == str(most)
    assert str(most) in answer.locator("span").inner_text()
    page.click("button.main")
    page.locator(".lines").wait_for()
    assert page.locator(".lines td b").inner_text() == str(most)
    lines = tables.order_lines
    stored = site.db.rows(
        sa.select(lines.c.requested, lines.c.allocated).where(lines.c.order_id.startswith("S"), lines.c.brand_id == brand)
    )
    assert stored == [{"requested": 10, "allocated": most}]
    recomputed(visitor, brand, most)


def recomputed(visitor: Visitor, brand: str, given: int) -> None:
    """The rule and the numbers on the page, put into Python, give what was given."""
    visitor.go(f"/retailers/{visitor.site.people[Role.RETAILER]}/why")
    rule = visitor.page.locator("details.rule pre").text_content()
    calls = [call.text_content() or "" for call in visitor.page.locator("details.order pre").all()]
    own = [call for call in calls if f"'{brand}'" in call]
    assert own
    space: dict[str, object] = {}
    exec(str(rule), space)
    assert given in [eval(call, space) for call in own]


def test_enter_goes_from_need_to_need_and_sends_nothing(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.log_in(Role.RETAILER)
    first, second = (visitor.page.locator(".need input").nth(n) for n in (0, 1))
    first.fill("1")
    first.press("Enter")
    assert second.evaluate("one => one === document.activeElement")
    visitor.page.locator("#sheet tbody tr").first.locator(".answer b").wait_for()
    assert site.db.rows(sa.select(tables.desk_orders)) == []


def test_a_pre_order_beyond_the_cap_waits_and_stands_in_the_form(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(Role.RETAILER)
    visitor.page.click("text=Pre-order")
    visitor.page.locator(".need input").first.fill("300")
    visitor.page.click("button.main")
    visitor.page.locator("text=Your pre-order waits").wait_for()
    visitor.page.click("text=Order more")
    visitor.page.click("text=Pre-order")
    assert visitor.page.locator(".need input").first.input_value() == "300"


def test_a_need_that_is_no_number_is_told_in_words(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(Role.RETAILER)
    need = visitor.page.locator(".need input").first
    need.fill("ten")
    need.press("Enter")
    visitor.page.locator("#notice .problem").wait_for()
    assert '"ten": write a whole number of cartons' in visitor.page.locator("#notice").inner_text()
    visitor.complaints[:] = [said for said in visitor.complaints if "422" not in said]  # the browser tells of the status itself


def test_brands_are_found_as_one_types(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(Role.RETAILER)
    rows = visitor.page.locator("#sheet tbody tr:visible")
    all_of_them = rows.count()
    name = str(rows.first.get_attribute("data-text")).split()[0]
    visitor.page.fill("[data-find]", name)
    assert 0 < rows.count() < all_of_them
    visitor.page.fill("[data-find]", "no such brand")
    assert rows.count() == 0
    assert visitor.page.locator(".empty:visible").count() == 1


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_every_page_fits_the_screen_and_complains_of_nothing(visit: Visit, language: str, width: int, height: int) -> None:
    visitor = visit(language, width=width, height=height)
    visitor.log_in(Role.RETAILER)
    links = [str(link.get_attribute("href")) for link in visitor.page.locator("nav a").all()]
    assert len(links) == 4
    for path in links:
        visitor.go(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert re.search("[一-鿿]", visitor.page.locator("h1").inner_text()) or language == "en"


def test_a_console_error_would_be_noticed(visit: Visit) -> None:
    """Negative control of the check at the end of every test: an inline script is refused by the policy, and that is told."""
    visitor = visit()
    visitor.go("/login")
    visitor.page.evaluate("() => { const s = document.createElement('script'); s.textContent = '1'; document.body.append(s); }")
    visitor.page.wait_for_timeout(100)
    assert visitor.complaints
    visitor.complaints.clear()
