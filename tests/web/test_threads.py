"""One thread for a request: its guard, its work and its answer; nobody's mistake ends as something unforeseen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, field_serializer
from starlette.testclient import TestClient

from web.api import router_of
from web.threads import AtTheDesk, OneThread, shared_out


class Where(BaseModel):
    """The threads in which each part ran."""

    guard: int
    work: int
    answer: int = 0

    @field_serializer("answer")
    def _told(self, _answer: int) -> int:
        return threading.get_ident()


async def _guard() -> int:
    return threading.get_ident()


async def _waits() -> None:
    await asyncio.sleep(0)


def _made() -> FastAPI:
    @asynccontextmanager
    async def sharing(app: FastAPI) -> AsyncIterator[None]:
        shared_out(app, 2)
        yield

    return FastAPI(lifespan=sharing)


def _app(kind: type[APIRoute]) -> FastAPI:
    app, router = _made(), APIRouter(route_class=kind)

    @router.get("/where")
    def where(guard: Annotated[int, Depends(_guard)]) -> Where:
        return Where(guard=guard, work=threading.get_ident())

    @router.post("/add")
    def add(said: dict[str, int]) -> int:
        return sum(said.values())

    @router.get("/waits")
    def never(waited: Annotated[None, Depends(_waits)]) -> None:
        """Not reached."""

    app.include_router(router)
    return app


def _threads(kind: type[APIRoute]) -> set[int]:
    with TestClient(_app(kind)) as client:
        return set(client.get("/where").json().values())


def test_guard_work_and_answer_share_a_thread() -> None:
    """A control: with FastAPI's own routes they do not."""
    assert len(_threads(OneThread)) == 1
    assert len(_threads(APIRoute)) > 1


def test_the_thread_is_not_that_of_the_event_loop() -> None:
    app = _app(OneThread)

    @app.get("/loop")
    async def loop() -> int:
        return threading.get_ident()

    with TestClient(app) as client:
        assert client.get("/loop").json() not in client.get("/where").json().values()


def test_every_router_of_the_api_has_such_routes() -> None:
    assert router_of("orders").route_class is OneThread
    assert router_of("orders", desk=True).route_class is AtTheDesk


def test_the_desk_answers_while_reports_take_all_other_threads() -> None:
    """A control: a second report waits for the first."""
    app, begun, ends = _made(), threading.Event(), threading.Event()
    reports, desk = APIRouter(route_class=OneThread), APIRouter(route_class=AtTheDesk)

    @reports.get("/report")
    def report() -> bool:
        begun.set()
        return ends.wait(30)

    @reports.get("/short-report")
    def short() -> int:
        return 1

    @desk.get("/quote")
    def quote() -> int:
        return 1

    app.include_router(reports)
    app.include_router(desk)
    with TestClient(app) as client, ThreadPoolExecutor(2) as others:
        long = others.submit(client.get, "/report")
        assert begun.wait(30)
        second = others.submit(client.get, "/short-report")
        assert client.get("/quote").json() == 1
        assert not second.done()
        ends.set()
        assert long.result(30).json()
        assert second.result(30).json() == 1


def test_bodies_arrive_and_are_checked() -> None:
    with TestClient(_app(OneThread)) as client:
        assert client.post("/add", json={"a": 1, "b": 2}).json() == 3
        assert client.post("/add", json={"a": "many"}).status_code == 422


def test_a_dependency_that_waits_is_a_mistake_of_ours() -> None:
    with TestClient(_app(OneThread)) as client, pytest.raises(RuntimeError, match="waits for something"):
        client.get("/waits")


def test_a_client_that_leaves_before_its_body_is_whole_gets_a_plain_refusal() -> None:
    """Nobody reads the answer, but nothing is logged as unforeseen."""
    sent = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/add", "raw_path": b"/add",
        "query_string": b"", "headers": [(b"content-type", b"application/json")], "scheme": "http", "root_path": "", "state": {},
    }  # fmt: skip
    app = _app(OneThread)

    async def ask() -> None:
        shared_out(app, 2)
        await app(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert sent[0]["status"] == 400
