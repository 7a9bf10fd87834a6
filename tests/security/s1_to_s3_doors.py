"""S1 to S3: roles and foreign retailers over the route table, forged requests, and sessions that ended."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from ordering.accounts import MAY, Role
from ordering.database import accounts
from tests.security.ground import Ground, every_route
from tests.web import test_doors as doors
from tests.web import test_session as sessions
from tests.web.browsing import log_in, with_password
from tests.web.conftest import bearer, shops_of
from tests.web.test_authorisation import FILLED, PUBLIC, Tried, ask, by_a_role, by_nobody, of_a_foreign_retailer, one_of, routes


def s1(ground: Ground) -> Tried:
    """Every route × every role and nobody × an own, a foreign and no retailer; and nothing of a foreign one in any answer."""
    house, client = ground.house, ground.client
    seen: set[tuple[str, str]] = set()
    lists = [by_nobody(house, client)]
    lists += [one for role in Role for one in (by_a_role(house, client, role), of_a_foreign_retailer(house, client, role))]
    lists += [nothing_foreign(ground, role) for role in (Role.RETAILER, Role.ACCOUNT_MANAGER)]
    for what, wrong in (tried for one in lists for tried in one):
        method, path, *_ = what.split()
        seen.add((method, path))
        yield what, wrong
    for method, path in sorted(PUBLIC):
        status = ask(client, house, None, method, path.format(chosen="en"), house.own).status_code
        seen.add((method, path))
        yield f"{method} {path} by nobody, public", "" if status != 403 and status < 500 else str(status)
    every = every_route(ground)
    ground.figures["share of routes covered"] = len(seen & every) / len(every)
    for method, path in sorted(every - seen - {("DELETE", "/api/v1/session")}):
        yield f"{method} {path}", "no trial covers it"


def nothing_foreign(ground: Ground, role: Role) -> Tried:
    """Every route that reads, by somebody who sees some retailers alone: their answers and files hold the number of no other."""
    house, who = ground.house, one_of(ground.house, role)
    shops, own = shops_of(house.db), shops_of(house.db)[house.own]
    sees = {house.own} if role is Role.RETAILER else {shop for shop, manager in shops.items() if manager == own}
    for method, path, found in routes(house.app):
        if method != "GET" or not found or (found[0] is not None and found[0] not in MAY[role]):
            continue
        address = path.format(retailer_id=house.own, chosen="en", **FILLED | {"run_id": "1", "brand_id": "010001"})
        for accept in ("application/json", "text/html"):
            text = readable(ground.client.get(address, headers=bearer(house, who) | {"Accept": accept}, follow_redirects=False))
            others = sorted(shop for shop in set(shops) - sees if shop in text)
            yield f"GET {path} by {role}, answer as {accept}", f"holds {others[:3]}" if others else ""


def readable(answer: Any) -> str:
    """The text of an answer, and of all files in one that is packed."""
    if not answer.content.startswith(b"PK"):
        return str(answer.text)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())


def s2(ground: Ground) -> Tried:
    """Every unsafe route without token, with a wrong one, from another origin, and as the form of another site; nothing is changed."""
    house, client = ground.house, ground.client
    people, before = ground.people(), doors.counts(house)
    yield from doors.forged(house, client, people)
    client.cookies.clear()
    log_in(client, "manager")
    token = {"X-CSRF-Token": doors.csrf_of(client.cookies["trueorder"])}
    yield from sessions.unsafe(house, client, token)
    after = {name: rows for name, rows in doors.counts(house).items() if name not in ("audit", "login_attempts")}
    changed = [name for name, rows in after.items() if rows != before[name]]
    yield "nothing is changed", ", ".join(changed)
    client.cookies.clear()


def s3(ground: Ground) -> Tried:
    """A new id at every log-in, and an old cookie after each way in which a session ends."""
    house, client, seen = ground.house, ground.client, set[str]()
    with_password(house, "manager")
    for number in range(ground.number(30)):
        client.cookies.set("trueorder", "planted-by-somebody-else")
        given = log_in(client, "manager").headers["set-cookie"].partition("trueorder=")[2].partition(";")[0]
        yield f"log-in {number}", "" if len(given) >= 43 and given not in seen else "an id that was there before"
        seen.add(given)
        client.cookies.clear()
    for way in doors.WAYS:
        yield from doors.after_the_end(house, client, way)
        client.cookies.clear()
        _as_before(ground)


def _as_before(ground: Ground) -> None:
    """The manager as it was, whatever ended its session."""
    house, by = ground.house, {"by": "tester", "at": ground.house.at}
    found = accounts.find(house.db, "manager")
    if found.disabled:
        accounts.enable(house.db, "manager", **by)
    if found.person.role is not Role.ACCOUNT_MANAGER:
        accounts.set_role(house.db, "manager", Role.ACCOUNT_MANAGER, **by)
        accounts.set_territory(house.db, "manager", managers=[shops_of(house.db)[house.own]], **by)
    with_password(house, "manager")
