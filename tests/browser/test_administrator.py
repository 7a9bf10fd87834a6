"""An administrator at its pages: adds a user, who comes in beside it, keeps it out, and gives a program a token that is shown once."""

from __future__ import annotations

import pytest

from ordering.accounts import Role
from ordering.database import accounts
from tests.browser.conftest import Site, Visit, Visitor

SENTENCE = "a sentence that is long enough"


def send(visitor: Visitor, form: str) -> None:
    """Send a form of the page by its button, and wait for what it says."""
    visitor.page.click(f"form[hx-post^='{form}'] button[type=submit]")
    visitor.page.locator(".note[role=status]").wait_for()


def add(visitor: Visitor, name: str) -> None:
    """Add an account manager with a territory, by the form of the page."""
    page = visitor.page
    page.click("details.adding summary")
    form = page.locator("form[hx-post='/users']")
    form.locator("select[name=role]").select_option("retailer")
    assert not form.locator(".territory").is_visible()
    form.locator("select[name=role]").select_option("account_manager")
    form.locator("input[name=name]").fill(name)
    form.locator("input[name=password]").fill(SENTENCE)
    form.locator("input[name=managers]").first.check()
    form.locator("button.main").click()
    page.wait_for_url("**/user?name=*")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_user_is_added_comes_in_is_disabled_and_its_next_request_is_refused(visit: Visit, site: Site, language: str) -> None:
    keeper, other = visit(language), visit(language)
    keeper.log_in(Role.ADMINISTRATOR)
    keeper.go("/users")
    add(keeper, "Li Na")
    assert "Li Na" in keeper.page.locator("h1").inner_text()
    other.come("Li Na", SENTENCE)
    assert "/review" in other.page.url
    other.page.wait_for_load_state("networkidle")  # what its page still asks for would be refused as well
    keeper.page.reload()
    assert keeper.page.locator("form[hx-post^='/user/sessions']").count() == 1, "the session is seen"
    keeper.page.fill("form[hx-post^='/user/disabling'] input[name=why]", "left the company")
    send(keeper, "/user/disabling")
    assert other.page.context.request.get(f"{site.address}/api/v1/session").status == 401
    other.go("/retailers")
    assert "/login?next=/retailers" in other.page.url
    said = {"name": "Li Na", "password": SENTENCE}
    assert other.page.context.request.post(f"{site.address}/login", form=said, max_redirects=0).status == 401, "nor does it come in again"
    keeper.go("/audit?action=users.disable")
    assert "left the company" in keeper.page.locator("table").inner_text()


def test_a_token_is_made_shown_once_and_revoked(visit: Visit, site: Site) -> None:
    keeper = visit()
    keeper.log_in(Role.ADMINISTRATOR)
    keeper.go(f"/user?name={site.people[Role.HEADQUARTERS]}")
    keeper.page.click("text=Make a token")
    keeper.page.fill("form[hx-post^='/user/tokens?'] input[name=label]", "a report")
    keeper.page.check("input[value='rates.read']")
    send(keeper, "/user/tokens?")
    secret = keeper.page.locator("code.secret").inner_text()
    own = {"Authorization": f"Bearer {secret}"}
    ask = keeper.page.context.request
    assert ask.get(f"{site.address}/api/v1/session", headers=own).json()["permissions"] == ["rates.read"]
    keeper.page.reload()
    assert keeper.page.locator("code.secret").count() == 0
    keeper.page.click("td details summary")
    keeper.page.fill("td details input[name=why]", "no longer needed")
    keeper.page.click("td details button")
    keeper.page.locator("td .tag").wait_for()
    assert ask.get(f"{site.address}/api/v1/session", headers=own).status == 401


def test_a_retailer_s_personal_data_are_deleted_after_its_number_was_typed_twice(visit: Visit, site: Site) -> None:
    keeper, shop = visit(), site.people[Role.RETAILER]
    keeper.log_in(Role.ADMINISTRATOR)
    keeper.go("/privacy")
    keeper.page.fill("input[name=retailer]", shop)
    keeper.page.click("form.bar button")
    keeper.page.click("details.adding summary")
    keeper.page.fill("input[name=again]", shop)
    keeper.page.fill("input[name=why]", "the owner's wish")
    send(keeper, "/privacy/deletion")
    assert "deleted-" in keeper.page.locator("h2").first.inner_text()
    assert accounts.find(site.db, shop).disabled
