"""Every page of the route table, for every role that may see it, in both languages: each is opened once, and looked at in all ways.

Routes come from the application, so that a new one is looked at without a word here; one whose parameters have no example fails.
"""

from __future__ import annotations

import pytest
from fastapi import APIRouter
from playwright.sync_api import Browser
from starlette.responses import HTMLResponse

from ordering.accounts import Role
from ordering.database import demo
from tests.browser import pages
from tests.browser.conftest import Site, Visitor
from tests.browser.pages import CHECKS, Looker, Place


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("role", [None, *(role for role in Role if role is not Role.SERVICE)])
def test_no_page_has_a_fault(browser: Browser, stand: Site, role: Role | None, language: str) -> None:
    """answer: its status; console: errors and warnings; policy: what the policy of content refused; words: of the other language;
    axe: serious and critical findings; letters: that no font has; width, phone: scrolling to the side."""
    every, _ = pages.places(stand)
    looker = Looker(browser.new_context(viewport={"width": 1366, "height": 768}), stand, language)
    if role is not None:
        Visitor(looker.page, stand).come(stand.people[role], demo.PASSWORD)
    found = [str(one) for place in every if place.role == role for one in looker.look(place)]
    looker.context.close()
    assert "\n".join(found) == ""


def test_every_page_is_looked_at_by_every_role_that_may_see_it(stand: Site) -> None:
    every, unknown = pages.places(stand)
    assert unknown == []
    assert {place.role for place in every} == {None, *stand.people}
    assert len({place.route for place in every}) == len({path for method, path, _ in pages.screens(stand.app) if method == "GET"})


def test_a_route_without_an_example_would_be_noticed(stand: Site) -> None:
    kept = list(stand.app.router.routes)
    hasty = APIRouter()
    hasty.add_api_route("/visits/{visit_id}", lambda visit_id, when: 1)
    stand.app.include_router(hasty)
    _, unknown = pages.places(stand)
    stand.app.router.routes[:] = kept
    assert unknown == [f"GET /visits/{{visit_id}}: no example of {name}; add it to tests/browser/pages.py" for name in ("visit_id", "when")]


FAULTY = """<!DOCTYPE html><html lang="zh-CN"><title>x</title><body><h1>页面\ue124</h1><p>Nothing fits</p><input type="text">
<p style="color: red">x</p><script>1</script><canvas></canvas><table width="3000"><tr><td>x</td></tr></table></body></html>"""


def test_the_faults_of_a_page_that_has_them_all_are_found(browser: Browser, stand: Site) -> None:
    """Negative control of each check: no label, an inline script, English on a Chinese page, a letter without a form, a wide table."""
    kept = list(stand.app.router.routes)
    stand.app.add_api_route("/faulty", lambda: HTMLResponse(FAULTY))
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    looker = Looker(context, stand, "zh")
    looker.page.goto(f"{stand.address}/faulty")
    looker.page.evaluate("document.querySelector('canvas').getContext('2d').fillText('\\u{E123}', 0, 9)")
    found = list(looker.checked(phone=True))
    context.close()
    stand.app.router.routes[:] = kept
    assert {check for check, _ in found} == set(CHECKS) - {"answer"}
    assert any(what.startswith("label") for check, what in found if check == "axe")
    assert [what for check, what in found if check == "words"] == ["Nothing fits"]
    assert [what[0] for check, what in found if check == "letters"] == ["\ue123", "\ue124"], "of a chart and of a text; Chinese has letters"
    missing = list(Looker(browser.new_context(), stand, "en").look(Place("/nowhere", "/nowhere", None)))
    assert [(one.check, one.what) for one in missing] == [("answer", "status 404")]
