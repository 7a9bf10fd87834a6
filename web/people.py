"""Who asks, and whether they may: a session's cookie with its CSRF token, or a bearer token; then permission and territory."""

from __future__ import annotations

import hmac
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request

from ordering.accounts import Permission, Person, csrf_of
from ordering.database import accounts
from web import nul, service
from web.problems import ProblemError
from web.service import Service

COOKIE = "trueorder"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(own: Service) -> str:
    """The session cookie's name; `__Host-` binds it to this host and to TLS, which plain http on one's own machine has not."""
    return COOKIE if own.settings.web.insecure else f"__Host-{COOKIE}"


def person(request: Request) -> Person:
    """The person who asks. Raises ProblemError where there is none, or an unsafe request of a browser is not of this site's own page."""
    own = service.of(request)
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme:
        found = accounts.by_token(own.db, secret.strip(), at=own.clock()) if scheme.lower() == "bearer" else None
        return _known(request, found)
    return _known(request, _of_session(request, own))


def _known(request: Request, found: Person | None) -> Person:
    if found is None:
        raise ProblemError("NOT_LOGGED_IN", headers={"WWW-Authenticate": "Bearer"})
    request.scope["person"] = found
    return found


def _of_session(request: Request, own: Service) -> Person | None:
    secret = request.cookies.get(cookie_name(own))
    if not secret:
        return None
    found = accounts.by_session(own.db, secret, at=own.clock())
    if found is not None and request.method not in SAFE:
        same_site(request)
        if not hmac.compare_digest(csrf_of(secret).encode(), request.headers.get("x-csrf-token", "").encode()):
            raise ProblemError("NO_CSRF_TOKEN")
    return found


def same_site(request: Request) -> None:
    """Raise ProblemError where a browser says that another site's page sent this."""
    origin = request.headers.get("origin")
    allowed = service.of(request).settings.web.origins
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ProblemError("OTHER_ORIGIN")
    if origin is None:
        return
    fits = origin in allowed if allowed else urlsplit(origin).netloc == request.headers.get("host")
    if not fits:
        raise ProblemError("OTHER_ORIGIN")


class Guard:
    """A dependency: the person who asks, if they have a permission (None: are logged in) and the retailer of the path is theirs."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Person:
        """Raises ProblemError: 401 nobody, 403 not with this role, 404 not of this person's retailers, whether it exists or not.

        It waits for nothing: a coroutine is called in the thread of its route (web/threads.py), a plain function in one of its own.
        """
        found = person(request)
        known_query(request)
        if self.permission is not None and not found.may(self.permission):
            raise ProblemError("NOT_ALLOWED")
        retailer_id = request.path_params.get("retailer_id")
        if retailer_id is None or retailer_id == found.retailer_id:  # a retailer's own needs no look
            return found
        if not accounts.sees(service.of(request).db, found, retailer_id):
            raise ProblemError("NOT_FOUND")
        return found


def known_query(request: Request) -> None:
    """Raise ProblemError where the address names a parameter that the route has not: a filter misspelt would filter nothing; or where it
    holds a NUL."""
    nul.refuse(nul.ADDRESS, *request.query_params.values(), *map(str, request.path_params.values()))
    if not request.query_params:
        return
    unknown = sorted(set(request.query_params) - _names(request.scope["route"]))
    if unknown:
        raise ProblemError("INVALID", (f"{unknown[0][:100]}: there is no such parameter here", f"{unknown[0][:100]}：没有此参数"))


def _names(route: Any) -> frozenset[str]:
    """The names of a route's query parameters, those of a model one by one."""
    return frozenset(name for one in _parameters(route.dependant) for name in _fields(one))


def _parameters(dependant: Any) -> list[Any]:
    return [*dependant.query_params, *(one for below in dependant.dependencies for one in _parameters(below))]


def _fields(parameter: Any) -> list[str]:
    kind = parameter.field_info.annotation
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else [parameter.alias]


def may(permission: Permission | None) -> Any:
    """What a route declares: `person: Annotated[Person, may(Permission.ORDER)]`."""
    return Depends(Guard(permission))


def guards_of(dependant: Any) -> list[Guard]:
    """The guards that a route declares, by its dependant; the authorisation tests walk all routes with it."""
    own = [dependant.call] if isinstance(dependant.call, Guard) else []
    return own + [found for below in dependant.dependencies for found in guards_of(below)]


Anybody = Annotated[Person, may(None)]
"""Whoever is logged in."""
