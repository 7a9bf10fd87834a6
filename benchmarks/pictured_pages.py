"""Which pages the guides show, and what is done on each before its picture is taken."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playwright.sync_api import Page

from ordering.accounts import Role

Act = Callable[[Page], object]


def nothing(page: Page) -> None:
    """The page as it opens."""


@dataclass(frozen=True)
class Picture:
    """What a picture shows: the page at `path` as `role` sees it, after `before`, with what `top` chooses at its upper edge.

    `phone`: it is taken on a phone, too.
    """

    name: str
    role: Role | None
    path: str
    before: Act = nothing
    top: str = ""
    phone: bool = False


def ask(page: Page) -> None:
    """Need of three brands, more than there is of the first."""
    page.check("[data-mark=short]")
    needs = page.locator("#sheet tbody tr:visible .need input")
    for at, need in enumerate(("10", "2", "1")):
        needs.nth(at).fill(need)
        with page.expect_response("**/order/quote"):
            needs.nth(at).press("Enter")
    page.locator("#sheet tbody tr:visible").first.evaluate("one => innerWidth < 720 && one.scrollIntoView()")


def order(page: Page) -> None:
    """An order of them."""
    ask(page)
    page.click("button.main")
    page.locator(".lines").wait_for()


def fill_early(page: Page) -> None:
    """Needs of a pre-order."""
    for at, need in enumerate(("6", "3", "", "12")):
        page.locator(".need input").nth(at).fill(need)


def open_first(selector: str) -> Act:
    """Opens the first of what is folded."""
    return lambda page: page.locator(selector).first.click()


def grid(page: Page) -> None:
    """The review with its lines."""
    page.wait_for_selector("#review[data-weeks]", state="attached")


def first_cell(page: Page, field: str) -> None:
    """Goes to a cell of the grid's first line."""
    grid(page)
    page.locator(f"#grid .tabulator-tableholder .tabulator-row [tabulator-field={field}]").first.click()


def story(page: Page) -> None:
    """What a line was made of."""
    first_cell(page, "shop")
    page.keyboard.press("Space")
    page.locator("#story h3").first.wait_for()


def large_change(page: Page) -> None:
    """A change that needs a reason."""
    grid(page)
    for _ in ("ascending", "descending"):
        page.locator("#grid .tabulator-col[tabulator-field=suggested]").click()
    first = page.locator("#grid .tabulator-tableholder .tabulator-row").first
    most = int(first.locator("[tabulator-field=suggested]").inner_text().split()[0])
    first.locator("[tabulator-field=override]").click()
    page.keyboard.type(f"{most // 10 * 5}")
    page.keyboard.press("Enter")
    page.locator("#why[open]").wait_for()


def accept_many(page: Page) -> None:
    """A level's open suggestions, before they are accepted together."""
    grid(page)
    page.select_option("[name=star]", "3")
    page.wait_for_load_state("networkidle")
    page.click("#accept")
    page.locator("#sure[open]").wait_for()


def edited(page: Page) -> None:
    """A list with two changes and a slip, brought back in."""
    text = page.request.get(page.url.replace("/review/import", "/review.csv")).text()
    rows = list(csv.reader(io.StringIO(text)))
    final = rows[0].index("final")
    for row, said in zip(rows[3:6], ("1", "0", "many"), strict=True):
        row[final] = said
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    page.set_input_files("input[type=file]", {"name": "review.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode()})
    page.click("#upload button")
    page.locator("#outcome .facts").wait_for()


def compare(page: Page) -> None:
    """Requests shared out in proportion, beside the live policy."""
    page.click("#terms button[type=submit]")
    page.locator("table.compared").wait_for()


def proposed(page: Page) -> None:
    """The proposal of the next week, with what publishing would change."""
    page.locator("#proposal details.adding").wait_for(timeout=60_000)


def publish(page: Page) -> None:
    """Publishes the proposal."""
    proposed(page)
    page.click("#proposal details.adding > summary")
    page.fill("#proposal input[name=why]", "W38")
    page.click("#proposal button.main")
    page.locator("#plans table").wait_for(timeout=60_000)


def token(page: Page) -> None:
    """The form of a new token."""
    page.locator("details.adding summary").first.click()


R, M, H, A = Role.RETAILER, Role.ACCOUNT_MANAGER, Role.HEADQUARTERS, Role.ADMINISTRATOR
SHOP, FLAGGED = "/retailers/{shop}", "/retailers/{flagged}"
PICTURES: Sequence[Picture] = (
    Picture("login", None, "/login", phone=True),
    Picture("order", R, f"{SHOP}/order", ask, phone=True),
    Picture("pre-order", R, f"{SHOP}/order?early=true", fill_early),
    Picture("ordered", R, f"{SHOP}/order", order),
    Picture("orders", R, f"{SHOP}/orders", phone=True),
    Picture("why", R, f"{SHOP}/why", open_first("details.order summary"), phone=True),
    Picture("arrivals", R, f"{SHOP}/arrivals"),
    Picture("feedback", R, f"{SHOP}/feedback", phone=True),
    Picture("complaint", R, f"{SHOP}/complaints/2"),
    Picture("review", M, "/review", grid),
    Picture("review-story", M, "/review", story),
    Picture("review-reason", M, "/review", large_change),
    Picture("review-accept", M, "/review", accept_many),
    Picture("review-import", M, "/review/import", edited),
    Picture("visits", M, "/visits", open_first(".call details summary")),
    Picture("retailers", M, "/retailers"),
    Picture("retailer", M, FLAGGED),
    Picture("retailer-demand", M, FLAGGED, top="#demand"),
    Picture("retailer-stock", M, FLAGGED, top="#stock"),
    Picture("retailer-flags", M, FLAGGED, top="#flags"),
    Picture("retailer-sheet", M, f"{SHOP}/sheet"),
    Picture("retailer-care", M, f"{SHOP}/care"),
    Picture("complaints", M, "/complaints"),
    Picture("complaint-followed", M, f"{SHOP}/complaints/2"),
    Picture("rates", H, "/rates?period=month"),
    Picture("rates-why", H, "/rates?period=month&show=why", top=".bar.under"),
    Picture("rates-lines", H, "/rates/lines?week={last}"),
    Picture("brands", H, "/brands"),
    Picture("brand", H, "/brands/{brand}"),
    Picture("strategy", H, "/strategy"),
    Picture("strategy-what-if", H, "/strategy", compare, top="section:has(#terms)"),
    Picture("strategy-proposal", H, "/strategy", proposed, top="section:has(#proposal)"),
    Picture("strategy-published", H, "/strategy", publish, top="#plans"),
    Picture("runs", H, "/runs"),
    Picture("run", H, "/runs/1"),
    Picture("satisfaction", H, "/satisfaction"),
    Picture("users", A, "/users", open_first("details.adding summary")),
    Picture("user", A, "/user?name={manager}"),
    Picture("user-token", A, "/user?name={headquarters}", token, top="h2:has(~ details.adding):nth-last-of-type(2)"),
    Picture("settings", A, "/settings"),
    Picture("audit", A, "/audit"),
    Picture("privacy", A, "/privacy?retailer={shop}"),
)
"""In the order in which they are taken: what is ordered or published in one stands in those after it."""
