"""The pages as a browser meets them: coming in and going on, both languages, refusals, and a retailer who orders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest
from starlette.testclient import TestClient

from ordering.accounts import Role
from tests.web import desks
from tests.web.browsing import PAGE, Browser, log_in, with_password
from tests.web.conftest import PASSWORD, House
from tests.web.test_language import catalogue
from web import requests
from web.requests import HEADERS

ORDER = "/retailers/R0/order"


@pytest.fixture
def shop(desk: House) -> House:
    """The desk's city, with two retailers."""
    with_password(desk, *(desk.person(name, Role.RETAILER) for name in ("R0", "R1")))
    return desk


@pytest.fixture
def guest(shop: House) -> Iterator[TestClient]:
    """Somebody who has not logged in."""
    with TestClient(shop.app, base_url="http://localhost", raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def retailer(guest: TestClient) -> Browser:
    return Browser(guest, "R0")


# coming in


def test_a_page_without_a_session_leads_to_the_log_in_and_that_back_to_the_page(guest: TestClient) -> None:
    asked = guest.get(f"{ORDER}?early=true", headers=PAGE, follow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/retailers/R0/order%3Fearly%3Dtrue")
    form = guest.get(asked.headers["location"], headers=PAGE)
    action = re.search(r'action="([^"]+)"', form.text)
    assert action
    came = guest.post(action.group(1), data={"name": "R0", "password": PASSWORD}, headers=PAGE, follow_redirects=False)
    assert (came.status_code, came.headers["location"]) == (303, f"{ORDER}?early=true")
    assert guest.get(came.headers["location"], headers=PAGE).status_code == 200


def test_a_part_asked_without_a_session_leads_the_page_around_it_to_the_log_in(guest: TestClient) -> None:
    """To the page, which can be asked for again; not to the part, which cannot."""
    htmx = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{ORDER}?early=true"}
    answer = guest.post(f"{ORDER}/quote", data={"brand": "B1"}, headers=htmx)
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["hx-redirect"] == "/login?next=/retailers/R0/order%3Fearly%3Dtrue"
    for unknown in ("", "http://[", "about:blank"):
        answer = guest.post(ORDER, headers=htmx | {"HX-Current-URL": unknown})
        assert answer.headers["hx-redirect"] in ("/login?next=/", "/login?next=blank")


def test_programs_that_ask_a_page_without_a_session_get_a_problem_and_no_page(guest: TestClient) -> None:
    for path in (ORDER, "/api/v1/session"):
        answer = guest.get(path, headers={"Accept": "application/json"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.json()["code"] == "NOT_LOGGED_IN"
    assert guest.get("/api/v1/session", headers=PAGE).headers["content-type"] == "application/problem+json"


def test_a_wrong_password_is_told_on_the_form_which_keeps_the_name_alone(guest: TestClient) -> None:
    answer = log_in(guest, "R0", "not the password", next=ORDER)
    assert answer.status_code == 401
    assert "This name and password do not fit together." in answer.text
    assert 'value="R0"' in answer.text
    assert f'action="/login?next={ORDER}"' in answer.text
    assert "not the password" not in answer.text
    assert "set-cookie" not in answer.headers
    assert log_in(guest, "nobody", "not the password").text.replace("nobody", "R0") == log_in(guest, "R0", "not the password").text


def test_too_many_attempts_are_told_on_the_form_with_the_time_to_wait(guest: TestClient, shop: House) -> None:
    for _ in range(shop.settings.accounts.attempts_per_address):
        answer = log_in(guest, "R0", "a guess")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert re.search(r"Too many attempts: wait \d+ minutes? and try again", answer.text)
    assert 'value="R0"' in answer.text
    assert log_in(guest, "R0").status_code == 429, "the right password is not checked either"


ELSEWHERE = (
    "//evil.example", "///evil.example", "https://evil.example", "http:evil.example", "evil.example", "javascript:alert(1)", "",
    "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\r\nSet-Cookie: a=b", "/\x00", "\u2028//evil.example", "/" + "a" * 500,
)  # fmt: skip


def test_no_address_of_another_site_is_gone_on_to(guest: TestClient) -> None:
    for address in ELSEWHERE:
        assert log_in(guest, "R0", next=address).headers["location"] == "/", address
        chosen = guest.get("/language/en", params={"next": address}, headers=PAGE, follow_redirects=False)
        assert chosen.headers["location"] == "/", address
        assert 'action="/login?next=/"' in guest.get("/login", params={"next": address}, headers=PAGE).text, address


def test_a_log_in_from_another_site_is_refused_as_a_page(guest: TestClient) -> None:
    answer = log_in(guest, "R0", Origin="https://evil.example")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "set-cookie" not in answer.headers


def test_logging_out_ends_the_session_whoever_else_holds_its_cookie(guest: TestClient, retailer: Browser) -> None:
    retailer.get(ORDER)
    kept = guest.cookies["trueorder"]
    answer = guest.post("/logout", headers={"HX-Request": "true", "X-CSRF-Token": retailer.csrf})
    assert answer.headers["hx-redirect"] == "/login"
    assert "trueorder" not in guest.cookies
    guest.cookies.set("trueorder", kept)
    retailer.get(ORDER, 303)


def test_one_begins_at_the_first_place_of_ones_role(guest: TestClient, retailer: Browser) -> None:
    assert guest.get("/", headers=PAGE, follow_redirects=False).headers["location"] == ORDER


# languages


def test_every_page_of_a_retailer_stands_in_both_languages(house: House, client: TestClient) -> None:
    with_password(house, house.own)
    browser = Browser(client, house.own)
    for language, place in product(("zh", "en"), ("order", "order?early=true", "orders", "why", "arrivals")):
        page = f"/retailers/{house.own}/{place}"
        chosen = client.get(f"/language/{language}", params={"next": page}, follow_redirects=False)
        assert chosen.headers["location"] == page
        text = browser.get(page, **{"Accept-Language": "en" if language == "zh" else "zh"})
        assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in text
        assert foreign(text, language) == [], page


def foreign(text: str, language: str) -> list[str]:
    """Texts of the catalogue that stand in a page in the language that it is not in; short ones may be part of others."""
    said = [one for one in catalogue() if isinstance(one.id, str) and len(one.id) > 3 and "%(" not in one.id]
    found = {str(one.string if language == "en" else one.id) for one in said}
    return sorted(one for one in found if f">{one}<" in text)


def test_a_text_in_the_other_language_would_be_noticed() -> None:
    assert foreign("<b>Brand</b>", "zh") == ["Brand"]
    assert foreign("<b>品规</b>", "en") == ["品规"]


@pytest.mark.parametrize(("language", "words"), [("zh", "登录"), ("en", "Log in")])
def test_the_log_in_keeps_its_way_on_when_the_language_is_changed(guest: TestClient, language: str, words: str) -> None:
    form = guest.get("/login", params={"next": ORDER}, headers=PAGE).text
    (link,) = re.findall(rf'href="(/language/{language}[^"]+)"', form)
    changed = guest.get(link, headers=PAGE)
    assert f"<h1>{words}</h1>" in changed.text
    assert f'action="/login?next={ORDER}"' in changed.text


# refusals


def test_a_problem_on_a_page_is_a_page_with_the_id_of_the_request(guest: TestClient, retailer: Browser) -> None:
    for path, status, code in (
        ("/nowhere", 404, "NOT_FOUND"),
        (f"{ORDER}?erly=true", 422, "INVALID"),
        ("/logout", 405, "METHOD_NOT_ALLOWED"),
    ):
        answer = guest.get(path, headers=PAGE)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert f"{status} · {code} · request {answer.headers['x-request-id']}" in answer.text
    part = guest.post(f"{ORDER}/quote", headers={"HX-Request": "true"})
    assert part.text.startswith('<div class="problem" role="alert">')
    assert part.headers["x-request-id"] in part.text
    assert part.status_code == 403


def test_a_refusal_that_a_page_asks_for_quietly_has_status_200_for_the_browser_alone(
    guest: TestClient, retailer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the browser writes it to its console as an error of the page. What is logged and counted is the status that it is."""
    seen: list[int] = []
    monkeypatch.setattr(requests, "note", lambda scope, status, seconds: seen.append(status))
    htmx = {"HX-Request": "true"}
    loud, quiet = (guest.post(f"{ORDER}/quote", headers=htmx | more) for more in ({}, {"X-Refusals": "quiet"}))
    assert (loud.status_code, quiet.status_code, seen) == (403, 200, [403, 403])
    without_id = [re.sub(r"request \w+", "", answer.text) for answer in (loud, quiet)]
    assert without_id[0] == without_id[1]
    assert (quiet.headers["hx-retarget"], quiet.headers["hx-reswap"], quiet.headers["hx-reselect"]) == ("#notice", "innerHTML", "unset")
    assert "hx-retarget" not in loud.headers
    assert "hx-retarget" not in guest.get("/login", headers=PAGE | {"X-Refusals": "quiet"}).headers


FORGED = (
    ({"X-CSRF-Token": ""}, "NO_CSRF_TOKEN"),
    ({"X-CSRF-Token": "x"}, "NO_CSRF_TOKEN"),
    ({"Origin": "https://evil.example"}, "OTHER_ORIGIN"),
    ({"Sec-Fetch-Site": "cross-site"}, "OTHER_ORIGIN"),
    ({"Sec-Fetch-Site": "same-site"}, "OTHER_ORIGIN"),
)


def test_what_no_page_of_ours_sent_is_refused(retailer: Browser) -> None:
    said = {"key": key_of(retailer.get(ORDER)), "at_once": "true", "brand": "B2", "need.B2": "5"}
    for path, (headers, code) in product((ORDER, f"{ORDER}/quote", "/logout"), FORGED):
        assert code in retailer.send(path, said, 403, **headers), (path, headers)
    assert desks.THURSDAY.isoformat() not in retailer.get("/retailers/R0/orders")
    retailer.send(ORDER, said)
    assert desks.THURSDAY.isoformat() in retailer.get("/retailers/R0/orders"), "the same from a page of ours"


def test_a_foreign_retailer_s_pages_are_not_there(retailer: Browser) -> None:
    for place in ("order", "orders", "why", "arrivals"):
        found, absent = (retailer.get(f"/retailers/{name}/{place}", 404) for name in ("R1", "R9"))
        assert re.sub(r"request \w+", "", found.replace("R1", "R9")) == re.sub(r"request \w+", "", absent)
    for place in ("order", "order/quote"):
        assert "NOT_FOUND" in retailer.send(f"/retailers/R1/{place}", {"brand": "B1", "need.B1": "1", "key": "a key of ours"}, 404)


def test_static_files_come_with_the_headers_that_protect_them(guest: TestClient) -> None:
    for file in ("screens.css", "screens.js", "icon.svg", "vendor/htmx.min.js"):
        answer = guest.get(f"/static/{file}")
        assert answer.status_code == 200
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_nothing_beside_the_static_files_is_served(guest: TestClient) -> None:
    for file in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "....//app.py", "/etc/passwd", "..\\app.py", "%00", "", "vendor"):
        assert guest.get(f"/static/{file}").status_code == 404, file


# ordering


def key_of(page: str) -> str:
    """The key of the order that may come of a page."""
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found
    return found.group(1)


def lines(page: str) -> dict[str, tuple[str, ...]]:
    """What was asked and given of each brand, in the first order of a page."""
    rows = re.findall(r'<tr><th scope="row">.*?<small>(\w+)</small></th>(.*?)</tr>', page.partition("<tfoot>")[0])
    return {brand: tuple(re.findall(r">([\d,–]+)<", cells)) for brand, cells in rows}


def test_a_retailer_asks_sees_what_it_can_have_and_why_orders_and_sees_the_order(retailer: Browser, shop: House) -> None:
    page = retailer.get(ORDER)
    answer = retailer.send(f"{ORDER}/quote", {"brand": "B1", "need.B1": "10", "need.B2": ""})
    told = shop.app.state.service.desk.quote("R0", "B1", 10, by="R0", now=shop.at)
    assert 0 < told.orderable < 10
    assert f'<b class="less">{told.orderable}</b>' in answer
    assert told.words.en in answer
    done = retailer.send(ORDER, {"key": key_of(page), "at_once": "true", "need.B1": "10", "need.B2": "10", "need.B3": ""})
    assert "<h1>Ordered" in done
    assert lines(done) == {"B1": ("10", str(told.orderable)), "B2": ("10", "10")}
    assert lines(retailer.get("/retailers/R0/orders")) == lines(done)


def test_a_need_that_was_taken_back_has_no_answer(retailer: Browser) -> None:
    retailer.get(ORDER)
    assert retailer.send(f"{ORDER}/quote", {"brand": "B1", "need.B1": ""}).strip() == ""


def test_what_is_sent_twice_is_ordered_once(retailer: Browser, shop: House) -> None:
    said = {"key": key_of(retailer.get(ORDER)), "at_once": "true", "need.B2": "5"}
    assert len({retailer.send(ORDER, said) for _ in range(3)}) == 1
    (placed,) = [one for one in shop.app.state.service.desk.orders("R0", now=shop.at) if one.order_date == desks.THURSDAY]
    assert [line.allocated for line in placed.lines] == [5]
    assert "KEY_USED" in retailer.send(ORDER, said | {"need.B2": "10"}, 409)


def test_a_pre_order_takes_the_place_of_the_one_that_waits(guest: TestClient, shop: House) -> None:
    shop.at = desks.EVENING
    retailer = Browser(guest, "R0")
    for need, told in (({"need.B2": "5"}, {"B2"}), ({"need.B3": "4"}, {"B3"}), ({}, set())):
        page = retailer.get(ORDER)
        done = retailer.send(ORDER, {"key": key_of(page), "at_once": "false", **need})
        assert set(lines(done)) == told
        assert ("Your pre-order waits" in done) is bool(told)
        waits = re.findall(r'name="need.(\w+)"[^>]* value="([^"]+)"', retailer.get(ORDER))
        assert waits == [(name.removeprefix("need."), said) for name, said in need.items()]


def test_a_need_that_is_no_number_is_told_in_words(retailer: Browser) -> None:
    retailer.get(ORDER)
    words = {"en": "write a whole number of cartons", "zh": "请填写整条数"}
    for need, language in product(("ten", "-3", "1.5", "1e3", "12345678", "²", "<b>", "0x10"), words):
        for path in (ORDER, f"{ORDER}/quote"):
            said = {"key": "a key of ours", "at_once": "true", "brand": "B1", "need.B1": need}
            answer = retailer.send(path, said, 422, **{"Accept-Language": language})
            assert words[language] in answer
            assert need in answer


def test_what_a_retailer_types_comes_back_as_text(guest: TestClient, retailer: Browser) -> None:
    retailer.get(ORDER)
    own = {"HX-Request": "true", "X-CSRF-Token": retailer.csrf}
    answer = guest.post(f"{ORDER}/quote", data={"brand": "B1", "need.B1": "<script>alert(1)</script>"}, headers=own)
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
