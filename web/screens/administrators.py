"""For administrators: users and what they may do, the settings with their sources, and the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Form, Query
from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from ordering.accounts import MAY, PERMITS, Permission, Person, Role
from ordering.database import accounts, lookups, user_lists
from ordering.database.sessions import Open
from ordering.database.tokens import Token
from ordering.settings_sources import Setting
from web.api import administrators as api
from web.api.administrators import Manages
from web.api.pages import Offset
from web.people import may
from web.screens import shell
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
ROWS = 100
"""Of a page of users, or of the audit."""
COUNTED = 10_000
"""Entries of the audit are counted up to so many: it grows for years, and nobody needs to know how many there are."""
EMPTY = BeforeValidator(lambda said: said or None)
"""A filter that a form leaves empty filters nothing."""
Text = Annotated[Annotated[str, Field(max_length=100)] | None, EMPTY, Query()]
Name = Annotated[str, Query(min_length=1, max_length=100)]
Code = Annotated[str, Form(max_length=100)]


@dataclass(frozen=True)
class UsersPage:
    """Users, the filter that chose them, the roles and territories of a new one, and the fewest characters of a password."""

    users: Sequence[user_lists.Listed]
    pager: Pager
    search: str
    role: str
    out: bool
    roles: Sequence[Role]
    codes: Mapping[str, Mapping[str, int]]
    least: int


@router.get("/users")
def users(
    request: Request, own: Here, person: Manages, search: Text = None, role: Annotated[Role | None, EMPTY] = None, out: bool = False,
    offset: Offset = 0,
) -> Response:  # fmt: skip
    """All users, with the form to add one."""
    found, total = user_lists.page(own.db, search=search, role=role, disabled=True if out else None, offset=offset, limit=ROWS)
    part, codes = pager(request, offset, total, ROWS), user_lists.codes(own.db)
    page = UsersPage(found, part, search or "", role or "", out, tuple(Role), codes, own.settings.accounts.least_length)
    return shell.show(request, "administrator/users.html", page)


@router.post("/users")
def add(said: Annotated[api.NewUser, Form()], own: Here, person: Manages) -> Response:
    """Add a user, and lead on to it."""
    none: dict[str, list[str]] = {"managers": [], "districts": []}
    added = api.add(said if said.role is Role.ACCOUNT_MANAGER else said.model_copy(update=none), own, person)
    return Response(headers={"HX-Redirect": "/user?name=" + quote(added.name, safe="")})


@dataclass(frozen=True)
class UserPage:
    """A user; `own`: whether it is who looks.

    `done`: what was just done ("changed", "password", "sessions", "disabled", "enabled", "token", "revoked"); `secret`: a token that was
    just made, shown this once. `scopes`: what a token may be good for, each with its words in English and Chinese; `until` and `last`:
    the end that is proposed for a token, and the latest there may be.
    """

    user: accounts.User
    sessions: Sequence[Open]
    tokens: Sequence[Token]
    history: Sequence[Mapping[str, Any]]
    roles: Sequence[Role]
    codes: Mapping[str, Mapping[str, int]]
    least: int
    own: bool
    at: datetime
    until: date
    last: date
    scopes: Mapping[Permission, tuple[str, str]]
    done: str = ""
    secret: str = field(default="", repr=False)


LATEST = 10
PROPOSED = timedelta(days=90)
"""For how long a token is made unless somebody says otherwise."""


def _user(own: Service, person: Person, name: str) -> UserPage:
    found = accounts.find(own.db, name)
    name = found.person.name
    acts, _ = lookups.audit_of(own.db, f"user {name}", offset=0, limit=LATEST)
    last = own.today + timedelta(days=own.settings.accounts.token_days - 1)
    scopes = {one: PERMITS[one] for one in Permission if one in MAY[found.person.role]}
    return UserPage(
        found, accounts.open_sessions(own.db, name, at=own.clock()), accounts.tokens(own.db, name), acts, tuple(Role),
        user_lists.codes(own.db), own.settings.accounts.least_length, found.person.user_id == person.user_id,
        own.clock(), min(own.today + PROPOSED, last), last, scopes,
    )  # fmt: skip


@router.get("/user")
def user(request: Request, own: Here, person: Manages, name: Name) -> Response:
    """One user: what it may do, how it comes in, and what was done about it."""
    return shell.show(request, "administrator/user.html", _user(own, person, name))


def done(request: Request, own: Service, person: Person, name: str, what: str, *, secret: str = "") -> Response:
    """The user as it is now, with what was just done."""
    return shell.show(request, "administrator/user_part.html", replace(_user(own, person, name), done=what, secret=secret))


@router.post("/user/role")
def change(
    request: Request, own: Here, person: Manages, name: Name, role: Annotated[Role, Form()],
    managers: Annotated[list[Code], Form(max_length=1000)] = [], districts: Annotated[list[Code], Form(max_length=1000)] = [],  # noqa: B006
) -> Response:  # fmt: skip
    """Give a user another role or territory."""
    before = accounts.find(own.db, name).person
    territory = {"managers": managers, "districts": districts} if role is Role.ACCOUNT_MANAGER else {}
    api.change(name, api.Change(role=None if role is before.role else role, **territory), own, person)
    return done(request, own, person, name, "changed")


@router.post("/user/password")
def set_password(request: Request, own: Here, person: Manages, name: Name, password: Annotated[api.Password, Form()]) -> Response:
    """Give a user another password."""
    api.change(name, api.Change(password=password), own, person)
    return done(request, own, person, name, "password")


@router.post("/user/sessions")
def end_sessions(request: Request, own: Here, person: Manages, name: Name) -> Response:
    """End a user's sessions: it has to log in again."""
    accounts.end_sessions(own.db, name, by=person.name, at=own.clock())
    return done(request, own, person, name, "sessions")


@router.post("/user/disabling")
def disable(request: Request, own: Here, person: Manages, name: Name, why: Annotated[str, Form(max_length=1000)]) -> Response:
    """Keep a user out."""
    api.disable(name, api.Because(why=why), own, person)
    return done(request, own, person, name, "disabled")


@router.post("/user/enabling")
def enable(request: Request, own: Here, person: Manages, name: Name) -> Response:
    """Let a user in again."""
    api.enable(name, own, person)
    return done(request, own, person, name, "enabled")


@dataclass(frozen=True)
class SettingsPage:
    """Every setting with its source, as they were when this process started."""

    settings: Sequence[Setting]


@router.get("/settings")
def settings(request: Request, own: Here, person: Annotated[Person, may(Permission.READ_SETTINGS)]) -> Response:
    """Every setting with its value and where that comes from; secrets are masked."""
    return shell.show(request, "administrator/settings.html", SettingsPage(own.sources))


@dataclass(frozen=True)
class AuditPage:
    """What people did, the filter that chose it, and the names of all acts."""

    entries: Sequence[Mapping[str, Any]]
    pager: Pager
    by: str
    action: str
    first: date | None
    last: date | None
    actions: Sequence[str]


@router.get("/audit")
def audit(
    request: Request, own: Here, person: Annotated[Person, may(Permission.READ_AUDIT)], by: Text = None, action: Text = None,
    first: Annotated[date | None, EMPTY] = None, last: Annotated[date | None, EMPTY] = None, offset: Offset = 0,
) -> Response:  # fmt: skip
    """Who did what, the newest first, of days in the city."""
    since, until = midnight(own, first), midnight(own, last, days=1)
    found, total = lookups.audit(own.db, by=by, action=action, since=since, until=until, offset=offset, limit=ROWS, most=COUNTED)
    page = AuditPage(
        found, pager(request, offset, total, ROWS, most=COUNTED), by or "", action or "", first, last, user_lists.actions(own.db)
    )
    return shell.show(request, "administrator/audit.html", page)


def midnight(own: Service, day: date | None, days: int = 0) -> datetime | None:
    """When a day begins in the city, or one so many days later; UTC. The first and last days that there are have none before and after."""
    try:
        local = None if day is None else datetime.combine(day + timedelta(days), time.min, ZoneInfo(own.settings.city.time_zone))
        return local and local.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return None
