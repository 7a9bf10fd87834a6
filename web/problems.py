"""What goes wrong, told in one shape: RFC 9457 problem details with a code, words in the reader's language, and the request's id."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ordering.database import Unreachable
from ordering.errors import DatabaseError, OrderError, StateError, TrueOrderError
from web import language
from web.refusals import Refusal

CODES: Mapping[str, tuple[int, str, str]] = MappingProxyType({
    "NOT_LOGGED_IN": (401, "Log in, or send a token that is valid.", "请先登录，或提供有效的令牌。"),
    "WRONG_PASSWORD": (401, "This name and password do not fit together.", "用户名或密码不正确。"),
    "NOT_ALLOWED": (403, "Your role may not do this.", "您的角色无权进行此操作。"),
    "OTHER_ORIGIN": (403, "This came from another site; do it on a page of this service.", "请求来自其他网站，请在本系统页面内操作。"),
    "NO_CSRF_TOKEN": (403, "X-CSRF-Token is missing or not that of the session; log in again.", "缺少或不匹配 X-CSRF-Token，请重新登录。"),
    "NOT_FOUND": (404, "There is no such thing, or it is not yours.", "不存在，或不属于您。"),
    "METHOD_NOT_ALLOWED": (405, "This address does not take that method.", "该地址不支持此方法。"),
    "STATE": (409, "As things stand this cannot be done.", "当前状态下无法进行。"),
    "TOO_LARGE": (413, "The request is too large; send less at once.", "请求过大，请分次提交。"),
    "INVALID": (422, "Something in the request is not as it should be.", "请求内容有误。"),
    "TOO_MANY": (429, "Too many attempts; wait and try again.", "尝试过于频繁，请稍后再试。"),
    "UNFORESEEN": (500, "This should not have happened; it was recorded under the request's id.", "系统发生意外错误，已按请求编号记录。"),
    "NO_DATABASE": (503, "The database does not answer; try again in a moment.", "数据库暂时无响应，请稍后再试。"),
})  # fmt: skip
"""Every code of this service itself: status, and what is wrong and what to do in English and Chinese. Orders have further ones."""

API = "/api/"
"""Begins the addresses that answer with JSON whatever is asked for."""
log = structlog.get_logger("trueorder.web")
MEDIA = "application/problem+json"
TYPE = "urn:trueorder:problem:"


class Fault(BaseModel):
    """One field that is not as it should be."""

    field: str
    value: str = Field(description="What was sent, cut to 100 characters; empty for what is secret or missing.")
    message: str = Field(description="What would be right.")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str = Field(description="What is wrong in general, in the language asked for.")
    status: int
    detail: str = Field(description="What is wrong here, and the remedy.")
    code: str
    request_id: str
    errors: list[Fault] = []


class ProblemError(Exception):
    """Ends a request with a problem. `detail` in English and Chinese; the words of the code where none is given."""

    def __init__(self, code: str, detail: tuple[str, str] | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code, self.detail, self.headers = code, detail, headers


def wants_page(request: Request) -> bool:
    """Whether whoever asks would read a page rather than JSON."""
    is_page = "text/html" in request.headers.get("accept", "") or is_htmx(request)
    return is_page and not request.url.path.startswith(API) and hasattr(request.app.state, "problem_page")


def is_htmx(request: Request) -> bool:
    """Whether a page asks for a part of itself."""
    return request.headers.get("hx-request") == "true"


def answer(
    request: Request,
    code: str,
    *,
    status: int | None = None,
    detail: tuple[str, str] | None = None,
    title: tuple[str, str] | None = None,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response, JSON or a page; title and detail are those of the code unless given."""
    own = CODES.get(code, CODES["STATE"])
    at = 0 if language.of(request) == "en" else 1
    said = title or own[1:]
    problem = Problem(
        type=TYPE + code,
        title=said[at],
        status=status or own[0],
        detail=(detail or said)[at],
        code=code,
        request_id=request.scope.get("request_id", ""),
        errors=list(errors),
    )
    request.scope["problem"] = code
    if wants_page(request):
        shown: Response = request.app.state.problem_page(request, problem.model_dump(), dict(headers or {}))
        return shown
    more = {"Content-Language": ("en", "zh")[at], "Vary": "Accept-Language, Cookie"} | dict(headers or {})
    return JSONResponse(problem.model_dump(), status_code=problem.status, media_type=MEDIA, headers=more)


async def told(request: Request, error: Exception) -> Response:
    """A ProblemError."""
    assert isinstance(error, ProblemError)
    return answer(request, error.code, detail=error.detail, headers=error.headers)


async def refused(request: Request, error: Exception) -> Response:
    """An error of the cores, which are written for people: input at fault is 422, the state 409; orders say their own code and words."""
    if isinstance(error, DatabaseError) or isinstance(error.__cause__, Unreachable):  # its words name servers, files and queries
        log.error("database", request_id=request.scope.get("request_id", ""), error=str(error))
        return await silent(request, error)
    if isinstance(error, OrderError):
        said = (error.words["en"], error.words["zh"])
        status = ORDERS.get(Refusal(error.code), 422)
        return answer(request, error.code.upper(), status=status, title=said, detail=said)
    return answer(
        request, "STATE" if isinstance(error, StateError) else "INVALID", detail=(str(error), getattr(error, "chinese", str(error)))
    )


ORDERS: Mapping[Refusal, int] = MappingProxyType(
    dict.fromkeys((Refusal.NO_RETAILER, Refusal.NO_ORDER), 404)
    | dict.fromkeys((Refusal.QUANTITY, Refusal.PACK, Refusal.NO_BRAND, Refusal.NO_LINES, Refusal.KEY), 422)
    | {Refusal.BUSY: 503}
    | dict.fromkeys(
        (Refusal.KEY_USED, Refusal.OTHER_DAY, Refusal.NOT_OPEN_YET, Refusal.CLOSED, Refusal.TOO_EARLY, Refusal.NOT_YET_KNOWN,
         Refusal.NOT_PLANNED), 409,
    )
)  # fmt: skip
"""The status of each refusal of the ordering desk; its code here is in capitals, like the others."""


async def invalid(request: Request, error: Exception) -> Response:
    """A request that does not have the form it must have: each field by name, with its value and what would be right."""
    assert isinstance(error, RequestValidationError)
    english = [_fault(one) for one in error.errors()]
    first = "; ".join(f"{one.field}: {one.message}" for one in english[:3])
    return answer(request, "INVALID", detail=(first, f"请检查：{'、'.join(one.field for one in english[:3])}（{first}）"), errors=english)


SECRET = frozenset({"password", "secret", "token", "authorization", "cookie", "x-csrf-token", "new_password"})
SHOWN = 100


def _fault(one: Mapping[str, Any]) -> Fault:
    """A validation error in words; a remedy comes with each of pydantic's messages."""
    place = [str(part) for part in one["loc"]]
    field = ".".join(place[1:] if len(place) > 1 else place)
    kept = isinstance(one["input"], str | int | float) and not SECRET & {part.lower() for part in place}
    return Fault(field=field, value=str(one["input"])[:SHOWN] if kept else "", message=str(one["msg"]))


async def plain(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such address, no such method, too large."""
    assert isinstance(error, HTTPException)
    codes = {status: code for code, (status, *_) in CODES.items() if code not in ("WRONG_PASSWORD", "OTHER_ORIGIN", "NO_CSRF_TOKEN")}
    code = codes.get(error.status_code, "INVALID" if error.status_code < 500 else "UNFORESEEN")
    return answer(request, code, status=error.status_code, headers=error.headers)


async def silent(request: Request, _error: Exception) -> Response:
    """The database is down, or all its connections are busy."""
    return answer(request, "NO_DATABASE", headers={"Retry-After": "2"})


HANDLERS: Mapping[int | type[Exception], Callable[[Request, Exception], Coroutine[Any, Any, Response]]] = {
    ProblemError: told,
    TrueOrderError: refused,
    RequestValidationError: invalid,
    HTTPException: plain,
    **dict.fromkeys(Unreachable, silent),
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of a route for its OpenAPI."""
    words = {status: english for status, english, _ in reversed(tuple(CODES.values()))}
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": words[status], "content": content} for status in statuses}


EVERY = (401, 403, 404, 409, 413, 422, 429, 503)
"""What any route of the API may answer with."""
