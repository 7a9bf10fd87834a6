"""Logging in and out, and who one is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.requests import Request

from ordering.accounts import Permission, Person, Role, Session
from ordering.database import accounts
from web import people
from web.api import router_of
from web.people import Anybody
from web.problems import CODES, ProblemError
from web.service import Here, Service

router = router_of("session")


class LogIn(BaseModel):
    """Name and password; a retailer's name is its licence number."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=1000)]


class Me(BaseModel):
    """The person who is logged in, and what they may do."""

    name: str
    role: Role
    retailer_id: str | None = Field(description="Whose shop it is; of retailers only.")
    managers: list[str] = Field(description="Account-manager codes whose retailers are theirs.")
    districts: list[str]
    permissions: list[Permission]


class LoggedIn(Me):
    """A session. The cookie is set beside it."""

    csrf: str = Field(description="To be sent as X-CSRF-Token with everything that changes data.")


@router.post("/session", status_code=201)
def log_in(said: LogIn, request: Request, response: Response, own: Here) -> LoggedIn:
    """Log in: sets the session's cookie and gives the token that goes with it. Programs use bearer tokens instead."""
    people.same_site(request)
    session = begin(request, response, own, said.name, said.password.get_secret_value())
    return LoggedIn(**_me(session.person), csrf=session.csrf)


STATUS = {code: CODES[code][0] for code in ("WRONG_PASSWORD", "TOO_MANY")}
"""How a log-in fails."""


def begin(request: Request, response: Response, own: Service, name: str, password: str) -> Session:
    """Begin a session, whose cookie is set on the response. Raises ProblemError with a code of STATUS."""
    address = request.client.host if request.client else ""
    session = accounts.log_in(own.db, name, password, address=address, at=own.clock(), rules=own.settings.accounts)
    if session is None:
        wait = accounts.wait(own.db, name, address=address, at=own.clock(), rules=own.settings.accounts)
        seconds = {} if wait is None else {"Retry-After": str(int(wait.total_seconds()) + 1)}
        raise ProblemError("WRONG_PASSWORD" if wait is None else "TOO_MANY", headers=seconds)
    age = int((session.expires_at - own.clock()).total_seconds())
    secure = not own.settings.web.insecure
    response.set_cookie(people.cookie_name(own), session.secret, max_age=age, path="/", secure=secure, httponly=True, samesite="lax")
    request.scope["person"] = session.person
    return session


def end(request: Request, response: Response, own: Service) -> None:
    """End the session of a request, here and now, whoever else holds its cookie."""
    name = people.cookie_name(own)
    secret = request.cookies.get(name)
    if secret:
        accounts.log_out(own.db, secret, own.clock())
    response.delete_cookie(name, path="/", secure=not own.settings.web.insecure, httponly=True, samesite="lax")


@router.get("/session")
def me(person: Anybody) -> Me:
    """Who one is, and what one may do."""
    return Me(**_me(person))


@router.delete("/session", status_code=204)
def log_out(person: Anybody, request: Request, response: Response, own: Here) -> None:
    """Log out: the session ends here and now, whoever else holds its cookie."""
    end(request, response, own)


def _me(person: Person) -> dict[str, object]:
    lists = {name: sorted(getattr(person, name)) for name in ("managers", "districts")}
    may = [permission for permission in Permission if person.may(permission)]
    return {"name": person.name, "role": person.role, "retailer_id": person.retailer_id, "permissions": may, **lists}
