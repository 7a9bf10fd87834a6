"""One thread for a request: its guard, its work and the writing of its answer, one after the other.

FastAPI sends each of the three to a thread of its own. The three ways there and back cost a quote more than its own work, and under load
each waits for its turn at the interpreter.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

T = TypeVar("T")


class OneThread(APIRoute):
    """A route whose plain function, with all it depends on, runs in one thread. Its dependencies are coroutines that wait for nothing."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kinds: Any) -> None:
        super().__init__(path, _as_coroutine(endpoint), **kinds)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request: the body is awaited here, all else is done in the thread."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                await request.body()  # kept by the request
            except ClientDisconnect as error:
                raise HTTPException(400) from error
            return await run_in_threadpool(_run, handler(request))

        return handle


def _as_coroutine(plain: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """The function as a coroutine: FastAPI then calls it where it is."""

    @functools.wraps(plain)
    async def called(*args: Any, **kwargs: Any) -> T:
        return plain(*args, **kwargs)

    return called


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    coroutine.close()
    raise RuntimeError("a request waits for something in its thread")
