"""An administrator makes tokens that are shown once, and gives out, looks into and deletes personal data."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from ordering.database import accounts, audit, privacy, user_lists
from tests.web.browsing import PAGE, Browser
from tests.web.conftest import House
from tests.web.test_administrator_pages import client as client
from tests.web.test_administrator_pages import keeper as keeper
from tests.web.test_administrator_pages import office as office
from tests.web.test_administrator_pages import visit
from tests.web.test_pages import foreign
from web.screens import administrators

PAGES = ("/privacy", "/privacy?retailer=R0", "/privacy?retailer=nobody", "/user?name=till")
TOKEN = {"label": "the till", "until": "2026-04-01", "scopes": ["order.place", "shop.read"]}


def made(page: str) -> str:
    """The token that a page shows."""
    found = re.search(r'<code class="secret">([^<]+)</code>', page)
    assert found
    return found.group(1)


def test_both_pages_stand_in_both_languages(client: TestClient, keeper: Browser, office: House) -> None:
    privacy.note(office.db, name="Wang", retailer_id="R0", what="orders", at=office.at)
    for language in ("zh", "en"):
        client.get(f"/language/{language}", follow_redirects=False)
        for page in PAGES:
            assert foreign(keeper.get(page), language) == [], page


def test_a_token_is_shown_once_good_for_its_scopes_until_its_day_and_ends_when_it_is_revoked(office: House, keeper: Browser) -> None:
    secret = made(keeper.send("/user/tokens?name=till", TOKEN))
    again = keeper.get("/user?name=till")
    assert "the till" in again
    assert secret not in again
    (token,) = [one for one in accounts.tokens(office.db, "till") if one.label == "the till"]
    assert f"{token.expires_at:%Y-%m-%d %H:%M}" == "2026-04-01 16:00"  # midnight in the city
    with visit(office) as program:
        own = {"Authorization": f"Bearer {secret}"}
        assert program.get("/api/v1/session", headers=own).json()["permissions"] == ["order.place", "shop.read"]
        assert "has ended" in keeper.send(f"/user/tokens/{token.token_id}/revocation?name=till", {"why": "the till was sold"})
        assert program.get("/api/v1/session", headers=own).status_code == 401
    assert "the till was sold" in keeper.get("/user?name=till")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scopes": []}, "names what it is good for"), ({"scopes": ["users.manage"]}, "users.manage"), ({"label": " "}, "visible words"),
        ({"until": "2029-01-01"}, "ends within"), ({"until": "2026-03-01"}, "ends within"), ({"until": "9999-12-31"}, "earlier day"),
        ({"scopes": ["nonsense"]}, "scopes"),
    ],
)  # fmt: skip
def test_a_token_that_may_not_be_is_refused_in_words(office: House, keeper: Browser, more: dict[str, object], words: str) -> None:
    before = accounts.tokens(office.db, "till")
    assert words in keeper.send("/user/tokens?name=till", TOKEN | more, 422)
    assert accounts.tokens(office.db, "till") == before


def test_an_ended_token_and_a_disabled_user_offer_no_act(office: House, keeper: Browser) -> None:
    keeper.send("/user/tokens?name=Wang", TOKEN | {"scopes": []})
    assert "/user/tokens/" in keeper.get("/user?name=Wang")
    accounts.disable(office.db, "Wang", by="tester", why="left", at=office.at)
    page = keeper.get("/user?name=Wang")
    assert "revoked" in page
    assert "/user/tokens" not in page


def test_who_looked_is_told_with_time_and_thing(office: House, keeper: Browser) -> None:
    assert "Nobody but the retailer." in keeper.get("/privacy?retailer=R0")
    for n in range(60):
        privacy.note(office.db, name="Wang", retailer_id="R0", what="orders", at=office.at - timedelta(hours=n))
    page = keeper.get("/privacy?retailer=R0")
    assert "2026-03-05 12:00" in page
    assert page.count("<td>Wang</td>") == 50
    assert keeper.get("/privacy?retailer=R0&offset=50").count("<td>Wang</td>") == 10


def unpacked(client: TestClient, path: str) -> dict[str, bytes]:
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        return {name: found.read(name) for name in found.namelist()}


def test_what_is_given_out_is_what_the_page_names_and_is_noted(client: TestClient, office: House, keeper: Browser) -> None:
    shown = dict(re.findall(r"<code>(\w+)</code></th><td class=\"num\">([\d,]+)", keeper.get("/privacy?retailer=R0")))
    files = unpacked(client, "/privacy/copy?retailer=R0")
    about = json.loads(files.pop("about.json"))
    assert {name: str(held["rows"]) for name, held in about["tables"].items() if name != "access_log"} == shown
    assert {name.removesuffix(".csv") for name in files} == set(about["tables"])
    assert "R1" not in str(list(files.values()))
    assert about["made_by"] == "keeper"
    assert [row["what"] for row in privacy.read_log(office.db, "R0")] == ["privacy export"]
    assert b"password_hash" not in unpacked(client, "/user/copy?name=R0")["users.csv"]
    assert "users.csv" in unpacked(client, "/user/copy?name=Wang")


def test_a_deletion_needs_the_number_once_more_and_a_wish_and_is_for_good(office: House, keeper: Browser) -> None:
    for said, words in (
        ({"again": "R1", "why": "the owner"}, "nothing was deleted"), ({"again": "R0", "why": " "}, "visible words"),
    ):  # fmt: skip
        assert words in keeper.send("/privacy/deletion?retailer=R0", said, 422)
    assert "is called deleted-" in keeper.send("/privacy/deletion?retailer=R0", {"again": "R0", "why": "the owner"})
    assert accounts.find(office.db, "R0").disabled
    assert 'class="problem"' in keeper.send("/privacy/deletion?retailer=R9", {"again": "R9", "why": "the owner"}, 409)
    entries = keeper.get("/audit?action=privacy.delete")
    assert "retailer R0" in entries


def test_others_may_not_see_personal_data(office: House) -> None:
    with visit(office) as other:
        wang = Browser(other, "Wang")
        for page in ("/privacy?retailer=R0", "/privacy/copy?retailer=R0", "/user/copy?name=R0"):
            assert "NOT_ALLOWED" in wang.get(page, 403)


def test_the_audit_is_counted_up_to_a_limit_and_read_beyond_it(office: House, keeper: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administrators, "COUNTED", 120)
    with office.db.writing() as tx:
        for n in range(320):
            audit.record(tx, action=f"test.{n % 3}", subject=f"number {n}", detail="", by="night", at=office.at)
    assert "1–100 of more than 120" in keeper.get("/audit?by=night")
    assert "101–200 of more than 120" in keeper.get("/audit?by=night&offset=100")
    last = keeper.get("/audit?by=night&offset=300")
    assert "301–320 of" in last
    assert 'rel="next"' not in last
    assert {"test.0", "test.1", "test.2", "login"} <= set(user_lists.actions(office.db))
    assert keeper.client.get("/audit?by=night&offset=200", headers=PAGE).text.count('rel="next"') == 1
