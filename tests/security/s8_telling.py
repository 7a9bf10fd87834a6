"""S8: what a failure tells a user, and what is noted of who came in, who was refused and who overrode: with UTC time and actor."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import MAY, Role
from ordering.database import Database, accounts
from ordering.errors import DatabaseError, StateError
from ordering.review import CODES
from tests.security.ground import Ground
from tests.web.browsing import Browser, log_in, with_password
from tests.web.conftest import PASSWORD, bearer
from tests.web.test_authorisation import FILLED, PUBLIC, Tried, one_of, routes

SECRETS = ("hunter2", "SELECT secret", "/srv/city.db", "db-7.internal", "Traceback", 'File "', "ZeroDivisionError", "sqlalchemy")
"""What no answer may hold: they stand in the words of the failures below."""


def _cause() -> Exception:
    failed = StateError("host db-7.internal refused")
    failed.__cause__ = sa.exc.OperationalError("SELECT secret", {"password": "hunter2"}, Exception("/srv/city.db"))
    return failed


FAILURES: tuple[Callable[[], Exception], ...] = (
    lambda: ZeroDivisionError("hunter2 in /srv/city.db"),
    lambda: DatabaseError("database sqlite:////srv/city.db: cannot be read (SELECT secret FROM users)"),
    lambda: sa.exc.OperationalError("SELECT secret", {"password": "hunter2"}, Exception("db-7.internal")),
    lambda: sa.exc.ProgrammingError("SELECT secret", {}, Exception("no such table in /srv/city.db")),
    lambda: RuntimeError("hunter2"),
    _cause,
)


def s8(ground: Ground) -> Tried:
    """Each failure within each route; then what is noted of each act; then what stands in the log."""
    with logged() as log:
        yield from failing(ground)
        yield from noted(ground)
        text = log.getvalue()
    yield "failures are in the log", "" if "ZeroDivisionError" in text or "hunter2" in text else "no trace of them"
    kept = [secret for secret in (PASSWORD, "a wrong password of mine", *ground.house.tokens.values()) if secret in text]
    yield "no secret is in the log", "" if not kept else f"{len(kept)} are"


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that is logged, as text with its traces."""
    handler = logging.StreamHandler(text := io.StringIO())
    logging.getLogger().addHandler(handler)
    try:
        yield text
    finally:
        logging.getLogger().removeHandler(handler)


def failing(ground: Ground) -> Tried:
    """Every route, whose function or guard fails in each way, asked as a page and as JSON."""
    for method, path, found in routes(ground.house.app):
        who = one_of(ground.house, next(role for role in Role if not found or found[0] is None or found[0] in MAY[role]))
        address = path.format(retailer_id=ground.house.own, chosen="en", **FILLED)
        for make in FAILURES[: ground.number(len(FAILURES))]:
            for accept in ("text/html", "application/json"):
                headers = bearer(ground.house, who) | {"Accept": accept, "Idempotency-Key": "a key of a test"}
                with fails(make):
                    answer = ground.client.request(method, address, headers=headers, json={}, follow_redirects=False)
                told = [secret for secret in SECRETS if secret in answer.text or secret in str(answer.headers)]
                error = type(make()).__name__
                reached = answer.status_code >= 500 or (method, path) in PUBLIC or error == "StateError"
                yield f"{method} {path} {error} {accept}", ", ".join(told) or ("" if reached else f"{answer.status_code}: not reached")


@contextmanager
def fails(make: Callable[[], Exception]) -> Iterator[None]:
    """While it lasts every look into the database fails."""
    rows = Database.rows

    def fail(*_given: object, **_named: object) -> Any:
        raise make()

    Database.rows = fail  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.rows = rows  # type: ignore[method-assign]


# what is noted


def noted(ground: Ground) -> Tried:
    """Each act, and the entry of the audit that it leaves: who, what, when."""
    house, client = ground.house, ground.client
    with_password(house, "manager", "administrator")
    client.cookies.clear()
    for what, act in acts(ground):
        before = _last(ground)
        act()
        entries = [one for one in entries_after(ground, before) if one["action"].startswith(what)]
        well = [one for one in entries if one["by"] and one["at"] == house.at]
        yield f"{what} is noted with time and actor", "" if well else f"{len(entries)} entries"
    client.cookies.clear()
    yield from refusals(ground)


def acts(ground: Ground) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is done, and the name of the entry that it leaves."""
    house, client = ground.house, ground.client
    line = client.get("/api/v1/suggestions", headers=bearer(house, "manager")).json()["items"][0]

    def send(path: str, who: str = "manager", **said: Any) -> Any:
        return client.post(f"/api/v1/{path}", json=said, headers=bearer(house, who))

    yield "login.refused", lambda: log_in(client, "manager", "a wrong password of mine")
    yield "login", lambda: log_in(client, "manager")
    page = Browser(client, "manager")
    page.get("/review")
    yield "logout", lambda: page.send("/logout")
    yield "login.throttled", lambda: [log_in(client, "stranger", "a wrong password of mine") for _ in range(8)]
    yield from decisions(send, line)
    for name, path, said in (
        ("users.add", "users", {"name": "nova", "role": "headquarters"}),
        ("users.disable", "users/nova/disabling", {"why": "x"}),
        ("users.enable", "users/nova/enabling", {}),
        ("users.token", "users/nova/tokens", {"label": "x", "expires_at": f"{house.at:%Y-%m}-28T00:00:00Z"}),
    ):
        yield name, lambda path=path, said=said: send(path, "administrator", **said)
    yield "users.role", lambda: accounts.set_role(house.db, "nova", Role.ADMINISTRATOR, by="administrator", at=house.at)


def decisions(send: Callable[..., Any], line: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Suggestions accepted, adjusted and rejected, each taken back: the manager's overrides."""
    made: list[int] = []
    of = {"retailer": line["retailer_id"], "brand": line["brand_id"]}
    for decision, more in (("accepted", {}), ("adjusted", {"quantity": line["suggested"] + 1}), ("rejected", {})):

        def decide(decision: str = decision, more: dict[str, int] = more) -> None:
            made.append(
                send("suggestions/decisions", decision=decision, of=of, why="a test", code=next(iter(CODES)), **more).json()["batch_id"]
            )

        yield "review.", decide
        yield "review.undo", lambda: send(f"suggestions/decisions/{made[-1]}/undoing", why="a slip")


def refusals(ground: Ground) -> Tried:
    """A route that is refused to a role is in the log, with the person's number, code and status; and the log has UTC times."""
    told: list[dict[str, Any]] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.msg) if isinstance(record.msg, dict) else None  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    for path in ("/users", "/audit", "/settings", "/privacy"):
        ground.client.get(path, headers=bearer(ground.house, "manager") | {"Accept": "text/html"})
        own = [one for one in told if one.get("route") == path and one.get("code") == "NOT_ALLOWED"]
        yield f"{path} refused", "" if own and own[-1].get("user_id") and own[-1].get("status") == 403 else str(told[-1:])
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(level)


def _last(ground: Ground) -> int:
    with ground.house.db.engine.connect() as tx:
        return int(tx.execute(sa.select(sa.func.coalesce(sa.func.max(tables.audit.c.audit_id), 0))).scalar_one())


def entries_after(ground: Ground, last: int) -> list[dict[str, Any]]:
    """The audit since an entry."""
    with ground.house.db.engine.connect() as tx:
        return [dict(row) for row in tx.execute(sa.select(tables.audit).where(tables.audit.c.audit_id > last)).mappings()]
