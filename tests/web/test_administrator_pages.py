"""An administrator before its pages: users, settings with their sources, and the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ordering import settings_sources
from ordering.accounts import Role
from ordering.database import accounts, audit, user_lists
from tests.web import desks
from tests.web.browsing import PAGE, Browser, log_in, with_password
from tests.web.conftest import PASSWORD, House, app_of, bearer
from tests.web.test_pages import foreign

PAGES = ("/users", "/user?name=keeper", "/user?name=Wang", "/settings", "/audit")
NEW = {"name": "Li Na", "role": "account_manager", "password": PASSWORD, "managers": "M1"}


@pytest.fixture
def office(desk: House) -> House:
    """The desk's city with users of four roles, and the settings with their sources."""
    desk.app = app_of(desk.db, desk.settings, history=desk.folder, clock=lambda: desk.at, sources=settings_sources.listed())
    desk.person("keeper", Role.ADMINISTRATOR)
    desk.person("Wang", Role.ACCOUNT_MANAGER, districts=["D1"])
    desk.person("R0", Role.RETAILER)
    desk.person("till", Role.SERVICE)
    with_password(desk, "keeper", "Wang", "R0")
    return desk


def visit(office: House) -> TestClient:
    """A browser of its own."""
    return TestClient(office.app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def client(office: House) -> Iterator[TestClient]:
    with visit(office) as found:
        yield found


@pytest.fixture
def keeper(client: TestClient) -> Browser:
    found = Browser(client, "keeper")
    found.get("/users")
    return found


def test_every_page_of_an_administrator_stands_in_both_languages(client: TestClient, keeper: Browser) -> None:
    for language in ("zh", "en"):
        client.get(f"/language/{language}", follow_redirects=False)
        for page in PAGES:
            assert foreign(keeper.get(page), language) == [], page


def test_an_administrator_begins_with_the_users_and_others_may_not_see_them(client: TestClient, office: House, keeper: Browser) -> None:
    assert client.get("/", headers=PAGE, follow_redirects=False).headers["location"] == "/users"
    with visit(office) as other:
        wang = Browser(other, "Wang")
        for page in PAGES:
            assert "NOT_ALLOWED" in wang.get(page, 403)
        assert 'href="/users"' not in wang.get("/users", 403)


def test_a_user_is_added_comes_in_is_disabled_and_is_refused_at_its_next_request(office: House, keeper: Browser) -> None:
    answer = keeper.client.post("/users", data=NEW, headers={"HX-Request": "true", "X-CSRF-Token": keeper.csrf})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/user?name=Li%20Na")
    assert accounts.find(office.db, "Li Na").person.managers == {"M1"}
    with visit(office) as other:
        assert log_in(other, "Li Na").status_code == 303
        assert other.get("/api/v1/session").status_code == 200
        assert "The user is disabled" in keeper.send("/user/disabling?name=Li Na", {"why": "left the company"})
        assert other.get("/api/v1/session").status_code == 401
        assert log_in(other, "Li Na").status_code == 401
        assert "left the company" in keeper.get("/user?name=Li Na")
        assert "may come in again" in keeper.send("/user/enabling?name=Li Na")
        assert other.get("/api/v1/session").status_code == 401, "what ended stays ended"
        assert log_in(other, "Li Na").status_code == 303


@pytest.mark.parametrize("act", ["role", "password", "sessions"])
def test_another_role_another_password_and_the_end_of_sessions_hold_at_once(office: House, keeper: Browser, act: str) -> None:
    said = {"role": {"role": "headquarters"}, "password": {"password": "another long sentence"}, "sessions": {}}[act]
    with visit(office) as other:
        assert log_in(other, "Wang").status_code == 303
        assert "Open sessions</dt><dd>1<" in keeper.get("/user?name=Wang")
        page = keeper.send(f"/user/{act}?name=Wang", said)
        assert 'class="note"' in page
        assert "Open sessions</dt><dd>0<" in page
        assert other.get("/api/v1/session").status_code == 401
        assert log_in(other, "Wang").status_code == (401 if act == "password" else 303)


def test_a_territory_is_what_is_ticked_and_another_role_has_none(office: House, keeper: Browser) -> None:
    page = keeper.get("/user?name=Wang")
    assert re.findall(r'name="(\w+)" value="([^"]+)" checked', page) == [("districts", "D1")]
    keeper.send("/user/role?name=Wang", {"role": "account_manager", "managers": ["M1"]})
    found = accounts.find(office.db, "Wang").person
    assert (found.managers, found.districts) == ({"M1"}, frozenset())
    keeper.send("/user/role?name=Wang", {"role": "account_manager"})
    assert not accounts.find(office.db, "Wang").person.managers
    keeper.send("/user/role?name=Wang", {"role": "headquarters", "districts": ["D1"]})
    assert accounts.find(office.db, "Wang").person.role is Role.HEADQUARTERS


@pytest.mark.parametrize("act", ["role", "disabling"])
@pytest.mark.parametrize("name", ["keeper", "KEEPER"])
def test_nobody_takes_the_own_rights_away(office: House, keeper: Browser, act: str, name: str) -> None:
    said = {"role": "headquarters", "why": "tired"}
    assert "Only another administrator" in keeper.send(f"/user/{act}?name={name}", said, 409)
    assert f"/user/{act}" not in keeper.get(f"/user?name={name}")
    api = f"/api/v1/users/{name}" + ("" if act == "role" else "/disabling")
    body = {"role": "headquarters"} if act == "role" else {"why": "tired"}
    answer = keeper.client.request("PATCH" if act == "role" else "POST", api, json=body, headers=bearer(office, "keeper"))
    assert answer.status_code == 409
    assert accounts.find(office.db, "keeper").person.role is Role.ADMINISTRATOR


@pytest.mark.parametrize(
    ("path", "said", "status", "words"),
    [
        ("/users", NEW | {"name": "wang"}, 409, 'there is a user "wang" already'),
        ("/users", NEW | {"name": ""}, 422, "name"),
        ("/users", NEW | {"password": "short"}, 422, "write at least"),
        ("/users", NEW | {"role": "emperor"}, 422, "role"),
        ("/users", NEW | {"managers": "nowhere"}, 422, "no retailer of the city has this"),
        ("/users", {"name": "R77", "role": "retailer"}, 422, "no retailer of the city has this"),
        ("/users", NEW | {"crown": "yes"}, 422, "crown"),
        ("/user/disabling?name=Wang", {"why": "  "}, 422, "say it in a few visible words"),
        ("/user/disabling?name=nobody", {"why": "x"}, 409, "there is no user"),
        ("/user/enabling?name=Wang", {}, 409, "is not disabled"),
        ("/user/password?name=Wang", {"password": "a" * 20}, 422, "different characters"),
        ("/user/password?name=till", {"password": PASSWORD}, 422, "a service has none"),
        ("/user/role?name=Wang", {"role": "service"}, 422, "a service has no password"),
    ],
)
def test_what_will_not_do_is_told_and_nothing_is_changed(
    office: House, keeper: Browser, path: str, said: dict[str, str], status: int, words: str
) -> None:
    before = accounts.listed(office.db)
    answer = keeper.send(path, said, status)
    assert words in answer
    assert answer.startswith('<div class="problem"')
    assert said.get("password", "a password") not in answer
    assert accounts.listed(office.db) == before


def test_the_list_is_filtered_by_name_role_and_state(office: House, keeper: Browser) -> None:
    accounts.disable(office.db, "Wang", by="tester", why="left", at=office.at)
    named = re.compile(r'<th scope="row"><a href="/user\?name=[^"]+">([^<]+)</a>')
    assert named.findall(keeper.get("/users")) == ["Wang", "keeper", "R0", "till"]
    for query, found in (
        ("search=WAN", ["Wang"]), ("search=%25", []), ("role=retailer", ["R0"]), ("out=true", ["Wang"]), ("search=&role=", 4),
        ("role=retailer&out=true", []),
    ):  # fmt: skip
        seen = named.findall(keeper.get(f"/users?{query}"))
        assert seen == found or len(seen) == found, query
    assert "No user fits." in keeper.get("/users?search=nobody")


def test_many_users_stand_on_several_pages_each_once(office: House, keeper: Browser) -> None:
    for n in range(105):
        accounts.add(
            office.db, name=f"p{n:03}", role=Role.SERVICE, password=None, by="tester", at=office.at, rules=office.settings.accounts
        )
    first = keeper.get("/users?search=p")
    assert "1–100 of 106" in first  # and the keeper
    (after,) = re.findall(r'rel="next" href="([^"]+)"', first)
    assert "search=p" in after
    second = keeper.get(f"/users{after}")
    assert "101–106 of 106" in second
    names = [set(re.findall(r'/user\?name=([^"]+)"', page)) for page in (first, second)]
    assert (len(names[0]), len(names[1]), names[0] & names[1]) == (100, 6, set())


def test_last_seen_is_the_latest_of_session_and_token(office: House, keeper: Browser) -> None:
    def seen() -> dict[str, object]:
        return {one.user.person.name: one.seen_at for one in user_lists.page(office.db, offset=0, limit=9)[0]}

    assert (seen()["keeper"], seen()["Wang"]) == (office.at, None)
    office.at += timedelta(minutes=5)
    keeper.client.get("/api/v1/session", headers=bearer(office, "till"))
    assert seen()["till"] == office.at
    assert "2026-03-05 12:05" in keeper.get("/users?role=service")


def test_settings_are_shown_with_their_source_and_without_secrets(office: House, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[city]\nname = "<b>甲"\n[database]\nurl = "postgresql://u:p4ssw0rd@h/x"\n', "utf-8")
    office.app = app_of(office.db, office.settings, history=tmp_path, clock=lambda: office.at, sources=settings_sources.listed(own))
    with visit(office) as client:
        Browser(client, "keeper")
        text = client.get("/settings", headers=PAGE).text
    rows = dict(re.findall(r'<tr data-text="[^"]*"( data-changed)?><th scope="row"><code>([\w.]+)', text)[n][::-1] for n in range(5))
    assert rows["city.name"]
    assert not rows["city.time_zone"]
    assert text.count(f"<b>{own}</b>") == 2
    assert "p4ssw0rd" not in text
    assert "postgresql://u:***@h/x" in text
    assert "&lt;b&gt;甲" in text
    assert text.count("<tr data-text") == len(settings_sources.listed())


def test_without_sources_the_page_says_so(office: House, tmp_path: Path) -> None:
    office.app = app_of(office.db, office.settings, history=tmp_path, clock=lambda: office.at)
    with visit(office) as client:
        assert "is not known here" in Browser(client, "keeper").get("/settings")


def acts(page: str) -> list[tuple[str, str]]:
    """Who did what, of an audit's page."""
    return re.findall(r'<td class="when">.*?</td><td>([^<]*)</td><td><code>([^<]*)', page)


def test_the_audit_is_filtered_by_person_act_and_day_of_the_city(office: House, keeper: Browser) -> None:
    keeper.send("/user/disabling?name=Wang", {"why": "left"})
    assert acts(keeper.get("/audit"))[0] == ("keeper", "users.disable")
    assert acts(keeper.get("/audit?by=keeper&action=&first=&last=")) == [("keeper", "users.disable"), ("keeper", "login")]
    assert set(acts(keeper.get("/audit?action=users.ad"))) == {("tester", "users.add")}
    assert acts(keeper.get("/audit?by=nobody")) == []
    with office.db.writing() as tx:  # 23:30 and 00:30 in Shanghai
        for at in (desks.NOON.replace(day=9, hour=15, minute=30), desks.NOON.replace(day=9, hour=16, minute=30)):
            audit.record(tx, action=f"test.{at:%H}", subject="it", detail="<i>", by="night", at=at)
    assert acts(keeper.get("/audit?first=2026-03-09&last=2026-03-09")) == [("night", "test.15")]
    assert acts(keeper.get("/audit?first=2026-03-10")) == [("night", "test.16")]
    assert acts(keeper.get("/audit?first=0001-01-01&last=9999-12-31"))
    assert "<i>" not in keeper.client.get("/audit?by=night", headers=PAGE).text


def test_the_audit_is_read_on_several_pages_with_its_filter(office: House, keeper: Browser) -> None:
    with office.db.writing() as tx:
        for n in range(150):
            audit.record(tx, action="test", subject=f"number {n}", detail="", by="a & b", at=office.at)
    first = keeper.get("/audit?by=a %26 b")
    assert "1–100 of 150" in first
    (after,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = keeper.get(f"/audit{after}")
    assert "101–150 of 150" in second
    assert len(acts(second)) == 50
