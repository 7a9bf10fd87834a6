"""A retailer at its pages: the strategy, an order at once, why it got what it got, and the same recomputed."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from ordering import tables
from ordering.accounts import Role
from ordering.database import demo
from tests.browser.conftest import Site, Visit, Visitor
from web.screens import shell


def shown(visitor: Visitor, brand: str, place: int) -> str:
    """A cell of the sheet's row of a brand."""
    return visitor.page.locator(f"#sheet tr[data-text$='{brand}'] td").nth(place).inner_text()


CAP, MOST = 1, 5
WANTED, SEEN = 10, 3
"""Asked, and seen where the city has a brand of which so many can be had."""


def scarce(visitor: Visitor) -> tuple[str, int]:
    """A brand of which SEEN can be had, or else fewer than WANTED, but some; and how many."""
    found = {}
    for row in visitor.page.locator("#sheet tbody tr").all():
        brand, most = str(row.get_attribute("data-text")).split()[-1], row.locator("td").nth(MOST).inner_text()
        if most.isdigit() and 0 < int(most) < WANTED:
            found[brand] = int(most)
    assert found, "the city has no such brand"
    return min(found.items(), key=lambda one: abs(one[1] - SEEN))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_reads_the_strategy_asks_ten_sees_three_and_why_orders_and_recomputes_it(visit: Visit, site: Site, language: str) -> None:
    visitor = visit(language)
    page = visitor.page
    visitor.log_in(Role.RETAILER)
    assert {"en": f"level {demo.LEVEL}", "zh": f"{demo.LEVEL}档"}[language] in page.locator("h1").inner_text()
    brand, most = scarce(visitor)
    assert most == SEEN
    assert int(shown(visitor, brand, CAP)) >= most, "caps are told before asking"
    ask(visitor, brand, most)
    page.click("button.main")
    page.locator(".lines").wait_for()
    assert page.locator(".lines td b").inner_text() == str(most)
    lines = tables.order_lines
    stored = site.db.rows(
        sa.select(lines.c.requested, lines.c.allocated).where(lines.c.order_id.startswith("S"), lines.c.brand_id == brand)
    )
    assert stored == [{"requested": WANTED, "allocated": most}]
    recomputed(visitor, brand, most)


def ask(visitor: Visitor, brand: str, most: int) -> None:
    """Types a need and Enter: what can be had stands beside it, and the rule that binds, in the reader's language."""
    visitor.page.locator(f"input[name='need.{brand}']").fill(str(WANTED))
    visitor.page.keyboard.press("Enter")
    answer = visitor.page.locator(f"#sheet tr[data-text$='{brand}'] .answer")
    answer.locator("b").wait_for()
    assert answer.locator("b").inner_text() == str(most)
    why, most_now = answer.locator("span").inner_text(), visitor.page.locator(f"#sheet tr[data-text$='{brand}'] td").nth(MOST)
    assert str(most) in why
    assert "cap" in why or "quota" in why or "限量" in why
    assert most_now.get_attribute("title"), "the same was told before"


def recomputed(visitor: Visitor, brand: str, given: int) -> None:
    """The rule and the numbers of this very line on the page, put into Python, give what was given; with other numbers they do not."""
    visitor.go(f"/retailers/{visitor.site.people[Role.RETAILER]}/why")
    rule = visitor.page.locator("details.rule pre").text_content()
    own = visitor.page.locator("details.order", has_text=f"{WANTED} → {given}").filter(has_text=f"'{brand}'")
    assert own.count() == 1
    call = str(own.locator("pre").text_content())
    space: dict[str, object] = {}
    exec(str(rule), space)
    assert eval(call, space) == given
    assert eval(call.replace(f"usable={given}", f"usable={given - 1}"), space) == given - 1, "negative control"


def test_enter_goes_from_need_to_need_and_sends_nothing(look: Visit, stand: Site) -> None:
    visitor = look()
    visitor.log_in(Role.RETAILER)
    first, second = (visitor.page.locator(".need input").nth(n) for n in (0, 1))
    first.fill("1")
    first.press("Enter")
    assert second.evaluate("one => one === document.activeElement")
    visitor.page.locator("#sheet tbody tr").first.locator(".answer b").wait_for()
    assert stand.db.rows(sa.select(tables.desk_orders)) == []


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


def test_a_need_that_is_no_number_is_told_in_words(look: Visit) -> None:
    visitor = look()
    visitor.log_in(Role.RETAILER)
    need = visitor.page.locator(".need input").first
    need.fill("ten")
    need.press("Enter")
    visitor.page.locator("#notice .problem").wait_for()
    assert '"ten": write a whole number of cartons' in visitor.page.locator("#notice").inner_text()


def test_brands_are_found_as_one_types(look: Visit) -> None:
    visitor = look()
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
def test_every_page_fits_the_screen_and_complains_of_nothing(look: Visit, language: str, width: int, height: int) -> None:
    visitor = look(language, width=width, height=height)
    visitor.log_in(Role.RETAILER)
    links = [str(link.get_attribute("href")) for link in visitor.page.locator("nav a").all()]
    assert len(links) == len(shell.PLACES[Role.RETAILER])
    for path in links:
        visitor.go(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert re.search("[一-鿿]", visitor.page.locator("h1").inner_text()) or language == "en"


def test_a_console_error_would_be_noticed(look: Visit) -> None:
    """Negative control of the check at the end of every test: an inline script is refused by the policy, and that is told."""
    visitor = look()
    visitor.go("/login")
    visitor.page.evaluate("() => { const s = document.createElement('script'); s.textContent = '1'; document.body.append(s); }")
    visitor.page.wait_for_timeout(100)
    assert visitor.complaints
    visitor.complaints.clear()
