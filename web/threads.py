"""One thread for a request: its guard, its work and the writing of its answer, one after the other.

FastAPI sends each of the three to a thread of its own. The three ways there and back cost a quote more than its own work, and under load
each waits for its turn at the interpreter. The desk has threads of its own, so that no quote waits behind reports.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, HTTPException
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from web import nul

T = TypeVar("T")


def shared_out(app: FastAPI, threads: int) -> None:
    """Give half of the threads to the desk and half to all else, each at least one; within the event loop, before any request."""
    desk = max(threads // 2, 1)
    app.state.threads = {AtTheDesk: CapacityLimiter(desk), OneThread: CapacityLimiter(max(threads - desk, 1))}


def connections(threads: int) -> int:
    """How many of these threads may want a connection to the database at once."""
    return max(threads, 2)


class OneThread(APIRoute):
    """A route whose plain function, with all it depends on, runs in one thread. Its dependencies are coroutines that wait for nothing."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kinds: Any) -> None:
        super().__init__(path, _as_coroutine(endpoint), **kinds)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request: the body is awaited here, all else is done in the thread."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                body = await request.body()  # kept by the request
            except ClientDisconnect as error:
                raise HTTPException(400) from error
            nul.refuse_body(request, body)
            return await run_sync(at_once, handler(request), limiter=request.app.state.threads[type(self)])

        return handle


class AtTheDesk(OneThread):
    """A route of the ordering desk."""


def _as_coroutine(plain: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """The function as a coroutine: FastAPI then calls it where it is."""

    @functools.wraps(plain)
    async def called(*args: Any, **kwargs: Any) -> T:
        return plain(*args, **kwargs)

    return called


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    coroutine.close()
    raise RuntimeError("a request waits for something in its thread")
