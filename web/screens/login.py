"""Logging in and out, and choosing a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ordering.database import demo
from web import language, people
from web.api import session
from web.problems import ProblemError
from web.screens import shell
from web.service import Here, Service

router = shell.router_of()
LONGEST = 500
"""Characters of an address to go on to."""


@dataclass(frozen=True)
class LogIn:
    """The log-in: where it leads, what was typed, why it failed ("wrong_password", "too_many"; empty: not tried), minutes to wait, and
    the users of a demo."""

    next: str
    name: str = ""
    failed: str = ""
    minutes: int = 0
    visitors: Sequence[demo.Visitor] = ()
    password: str = ""


@router.get("/login")
def ask(request: Request, own: Here, next: str = "/") -> Response:
    """The form."""
    return _form(request, own, LogIn(_local(next)))


@router.post("/login")
def log_in(
    request: Request, own: Here, name: Annotated[str, Form(max_length=100)], password: Annotated[str, Form(max_length=1000)],
    next: str = "/",
) -> Response:  # fmt: skip
    """Logs in and leads on; or the form again, with the reason."""
    people.same_site(request)
    answer = RedirectResponse(_local(next), 303)
    try:
        session.begin(request, answer, own, name, password)
    except ProblemError as refused:
        minutes = (int((refused.headers or {}).get("Retry-After", "0")) + 59) // 60
        failed = LogIn(_local(next), name, refused.code.lower(), minutes)
        return _form(request, own, failed, session.STATUS[refused.code], refused.headers)
    return answer


def _form(request: Request, own: Service, page: LogIn, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    visitors = demo.visitors(own.db)
    shown = LogIn(page.next, page.name, page.failed, page.minutes, visitors, demo.PASSWORD if visitors else "")
    return shell.show(request, "login.html", shown, status=status, headers=headers)


@router.post("/logout")
def log_out(request: Request, own: Here, person: people.Anybody) -> Response:
    """Ends the session."""
    answer = Response(headers={"HX-Redirect": "/login"})
    session.end(request, answer, own)
    return answer


@router.get("/")
def home(person: people.Anybody) -> Response:
    """Where one begins."""
    places = shell.links(person)
    return RedirectResponse(places[0].href if places else "/login", 303)


@router.get("/language/{chosen}")
def choose(chosen: language.Language, own: Here, next: str = "/") -> Response:
    """Keeps the language that a reader chose, and leads back."""
    answer = RedirectResponse(_local(next), 303)
    secure = not own.settings.web.insecure
    answer.set_cookie(language.COOKIE, chosen, max_age=31_536_000, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


def _local(address: str) -> str:
    """An address of this service; / for any other."""
    inside = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if inside and len(address) <= LONGEST else "/"
