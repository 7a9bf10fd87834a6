"""For administrators: users, what they may do and whose retailers are theirs, tokens, and the audit."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ordering.accounts import Permission, Person, Role, login_of
from ordering.database import accounts, lookups
from web.api import router_of
from web.api.pages import Number, Page, Part, Utc
from web.people import may
from web.problems import ProblemError
from web.service import Here

router = router_of("administrators")
Manages = Annotated[Person, may(Permission.MANAGE_USERS)]
Name = Annotated[str, Path(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=100)]
Codes = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=1000)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1000)]
Why = Annotated[str, Field(min_length=1, max_length=1000)]


class User(BaseModel):
    """A user; times are UTC."""

    name: str
    role: Role
    retailer_id: str | None
    managers: list[str]
    districts: list[str]
    disabled: bool
    has_password: bool
    created_at: Utc
    created_by: str


def _user(found: accounts.User) -> User:
    person = found.person
    who = {"name": person.name, "role": person.role, "retailer_id": person.retailer_id}
    where = {"managers": sorted(person.managers), "districts": sorted(person.districts)}
    what = {name: getattr(found, name) for name in ("disabled", "has_password", "created_at", "created_by")}
    return User.model_validate(who | where | what)


@router.get("/users", response_model=Page[User])
def users(own: Here, person: Manages, part: Part) -> dict[str, Any]:
    """All users, by role and name."""
    return part.of_list([_user(one) for one in accounts.listed(own.db)])


class NewUser(BaseModel):
    """A user to be. Without a password it comes in by tokens only; a retailer's name is its licence number."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    role: Role
    password: Password | None = None
    managers: Codes = []
    districts: Codes = []


@router.post("/users", status_code=201)
def add(said: NewUser, own: Here, person: Manages) -> User:
    """Add a user."""
    accounts.add(
        own.db, name=said.name, role=said.role, password=said.password.get_secret_value() if said.password else None,
        managers=said.managers, districts=said.districts, by=person.name, at=own.clock(), rules=own.settings.accounts,
    )  # fmt: skip
    return _user(accounts.find(own.db, said.name))


class Change(BaseModel):
    """What a user is to be; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    managers: Codes | None = None
    districts: Codes | None = None
    password: Password | None = None


@router.patch("/users/{name}")
def change(name: Name, said: Change, own: Here, person: Manages) -> User:
    """Give a user another role, territory or password. Another role or password ends the user's sessions at once."""
    by, at = person.name, own.clock()
    if said.role is not None:
        _of_another(name, person)
        accounts.set_role(own.db, name, said.role, by=by, at=at)
    if said.managers is not None or said.districts is not None:
        before = accounts.find(own.db, name).person
        where = {"managers": said.managers, "districts": said.districts}
        kept = {kind: getattr(before, kind) if codes is None else codes for kind, codes in where.items()}
        accounts.set_territory(own.db, name, **kept, by=by, at=at)
    if said.password is not None:
        accounts.set_password(own.db, name, said.password.get_secret_value(), by=by, at=at, rules=own.settings.accounts)
    return _user(accounts.find(own.db, name))


def _of_another(name: str, person: Person) -> None:
    """Raise ProblemError where administrators would take their own rights away: there might be nobody left to give them back."""
    if login_of(name) == login_of(person.name):
        raise ProblemError("STATE", ("Only another administrator can do this to you.", "对您本人的此项操作须由另一名管理员进行。"))


class Because(BaseModel):
    """Why; it goes into the audit."""

    model_config = ConfigDict(extra="forbid")

    why: Why


@router.post("/users/{name}/disabling", status_code=201)
def disable(name: Name, said: Because, own: Here, person: Manages) -> User:
    """Keep a user out: sessions and tokens end now."""
    _of_another(name, person)
    accounts.disable(own.db, name, by=person.name, why=said.why, at=own.clock())
    return _user(accounts.find(own.db, name))


@router.post("/users/{name}/enabling", status_code=201)
def enable(name: Name, own: Here, person: Manages) -> User:
    """Let a user in again."""
    accounts.enable(own.db, name, by=person.name, at=own.clock())
    return _user(accounts.find(own.db, name))


class Token(BaseModel):
    """A token; its secret was shown once. `scopes`: names of permissions between blanks; empty: all that the role may."""

    model_config = ConfigDict(from_attributes=True)

    token_id: int
    label: str
    scopes: str
    created_at: Utc
    created_by: str
    expires_at: Utc
    used_at: Utc | None
    revoked_at: Utc | None


@router.get("/users/{name}/tokens", response_model=Page[Token])
def tokens(name: Name, own: Here, person: Manages, part: Part) -> dict[str, Any]:
    """A user's tokens, the newest first."""
    return part.of_list([Token.model_validate(one) for one in accounts.tokens(own.db, name)])


class NewToken(BaseModel):
    """A token to be: what it is for, until when (UTC), and what it is good for."""

    model_config = ConfigDict(extra="forbid")

    label: Text
    expires_at: Utc
    scopes: Annotated[list[Permission], Field(max_length=100)] = []


class Secret(BaseModel):
    """A token, shown this once."""

    token: str


@router.post("/users/{name}/tokens", status_code=201)
def new_token(name: Name, said: NewToken, own: Here, person: Manages) -> Secret:
    """Make a token for a user."""
    until = said.expires_at.replace(tzinfo=None)
    secret = accounts.new_token(
        own.db, name, label=said.label, expires_at=until, scopes=said.scopes, by=person.name, at=own.clock(),
        most_days=own.settings.accounts.token_days,
    )  # fmt: skip
    return Secret(token=secret)


@router.post("/tokens/{token_id}/revocation", status_code=204)
def revoke(token_id: Number, said: Because, own: Here, person: Manages) -> None:
    """End a token now."""
    accounts.revoke_token(own.db, token_id, by=person.name, why=said.why, at=own.clock())


class Entry(BaseModel):
    """That somebody did something (UTC)."""

    audit_id: int
    at: Utc
    by: str
    action: str
    subject: str
    detail: str


@router.get("/audit", response_model=Page[Entry])
def audit(
    own: Here, person: Annotated[Person, may(Permission.READ_AUDIT)], part: Part,
    by: Annotated[str | None, Query(max_length=100)] = None,
    action: Annotated[str | None, Query(max_length=100, description="Acts whose name begins so.")] = None,
    since: Annotated[date | None, Query(description="From this day (UTC) on.")] = None,
) -> dict[str, Any]:  # fmt: skip
    """What people did, the newest first."""
    first = None if since is None else datetime.combine(since, time.min)
    found = lookups.audit(own.db, by=by, action=action, since=first, offset=part.offset, limit=part.limit)
    return part.page(*found)
