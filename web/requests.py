"""Around every request: its id, security headers, one line in the log, its count and latency; and the last resort for errors."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Mapping
from time import perf_counter
from types import MappingProxyType
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import meters, problems

log = structlog.get_logger("trueorder.web")

POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}
SECURE = {"strict-transport-security": "max-age=31536000"}
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; they are counted, and logged only where something is wrong."""


class Around:
    """ASGI middleware. Plain ASGI: Starlette's BaseHTTPMiddleware costs a task and a queue for each request."""

    def __init__(self, app: ASGIApp, *, secure: bool, most: int, larger: Mapping[str, int] = MappingProxyType({})) -> None:
        """`most`: bytes of a request; `larger`: of those to certain paths."""
        self.app, self.most, self.larger = app, most, larger
        headers = HEADERS | (SECURE if secure else {})
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, told = perf_counter(), {"status": 0}
        request_id = scope["request_id"] = identity(scope)
        own = [*self.headers, (b"x-request-id", request_id.encode())]
        if scope["path"].startswith(problems.API):
            own.append((b"cache-control", b"no-store"))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                message = quietly(scope, {**message, "headers": [*message.get("headers", ()), *own]})
            await send(message)

        try:
            most = self.larger.get(scope["path"], self.most)
            if length(scope) > most:
                await problems.answer(Request(scope), "TOO_LARGE")(scope, receive, answer)
            else:
                await self.app(scope, limited(receive, most), answer)
        except Exception as error:
            frames = traceback.format_tb(error.__traceback__)[-DEEPEST:]  # no local variables: they hold secrets
            log.error("unforeseen", request_id=request_id, route=template(scope), error=repr(error), traceback="".join(frames))
            if told["status"]:
                raise
            await problems.answer(Request(scope), "UNFORESEEN")(scope, receive, answer)
        finally:
            note(scope, told["status"] or 500, perf_counter() - began)


DEEPEST = 12
QUIET = (b"x-refusals", b"quiet")
"""What the pages' script says of its requests: a browser writes every status of a failure to its console, as if the page were at fault."""
NOTICE = [(b"hx-retarget", b"#notice"), (b"hx-reswap", b"innerHTML"), (b"hx-reselect", b"unset")]
"""Where on a page a refusal goes."""


def quietly(scope: Scope, message: Message) -> Message:
    """The begin of an answer; of a refusal with status 200, and where it goes, if who asks wants it so. Logs and counts have the other."""
    if not 400 <= message["status"] < 500 or QUIET not in scope["headers"]:
        return message
    return {**message, "status": 200, "headers": [*message["headers"], *NOTICE]}


def length(scope: Scope) -> int:
    """How many bytes a request says that it has; 0 where it does not say."""
    said = dict(scope["headers"]).get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0


def limited(receive: Receive, most: int) -> Receive:
    """What a request sends, as long as it is not more than `most` bytes; then a 413."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413)
        return message

    return counted


def identity(scope: Scope) -> str:
    """The request's id: the one that a proxy gave it, if it is one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and re.fullmatch(rb"[A-Za-z0-9_.-]{8,64}", value):
            return str(value.decode())
    return secrets.token_hex(8)


def template(scope: Scope) -> str:
    """The route's template, with no id in it; "none" where no route took the request."""
    return str(getattr(scope.get("route"), "path", "none"))


def note(scope: Scope, status: int, seconds: float) -> None:
    """Count and log a request. The log holds the route's template and the person's number, and no retailer's."""
    route, code = template(scope), scope.get("problem")
    meters.REQUESTS.labels(route, scope["method"], status).inc()
    meters.LATENCY.labels(route).observe(seconds)
    if "app" in scope:
        meters.POOL.set(scope["app"].state.service.db.connections_in_use)
    if code:
        meters.REFUSALS.labels(code).inc()
    if scope["path"] in PROBES and status < 400:
        return
    person: Any = scope.get("person")
    client = scope.get("client")
    log.info(
        "request", request_id=scope["request_id"], method=scope["method"], route=route, status=status, code=code,
        milliseconds=round(seconds * 1000, 1), user_id=person.user_id if person else None, address=client[0] if client else None,
    )  # fmt: skip
