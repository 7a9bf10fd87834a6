"""The service as an ASGI application: `uvicorn web.app:create --factory`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from jobs import clock as clocks
from jobs import logs, shop
from ordering import database, history, settings, settings_sources
from ordering.database import Database
from ordering.settings import Settings
from ordering.settings_sources import Setting
from web import health, problems, threads
from web.api import API, administrators, care, flags, headquarters, managers, orders, session, strategy, visits
from web.desk import Desk
from web.requests import Around
from web.screens import every, review_files, shell
from web.service import Service

ABOUT = "Orders, quotes, suggestions, rates and accounts of one city. Errors are problem details (RFC 9457) with a code."


class Described(FastAPI):
    """An application whose OpenAPI has the shape of problems too."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI."""
        if self.openapi_schema is None:
            parts = super().openapi().setdefault("components", {})
            schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.setdefault("schemas", {}).update(schema.pop("$defs"), Problem=schema)
        return super().openapi()


STATIC = Path(__file__).parent / "static"
TRUSTED = 1.0
"""Seconds for which a connection that was used is not asked whether it still stands: two of the five ways to the database of a quote."""


def create() -> FastAPI:
    """The application by the environment: TRUEORDER_DATABASE and TRUEORDER_SETTINGS, as the commands read them."""
    rules, place = settings_here(), os.environ.get("TRUEORDER_DATABASE", "")
    logs.configure(rules.logging, service=True)
    db = database.connect(place or rules.database.url, pool=threads.connections(rules.web.threads), trusted=TRUSTED)
    database.check_schema(db)
    shop.ready(db)
    outside = {"database.url": ("TRUEORDER_DATABASE", place)} if place not in ("", rules.database.url) else {}
    sources = settings_sources.listed(*_files(), environment=outside)
    return app_of(db, rules, history=history.folder_for(db.url, rules.database.history_folder), clock=clocks.now, sources=sources)


def settings_here() -> Settings:
    """The settings by the environment, like those of the commands."""
    return settings.load(*_files())


def _files() -> list[Path]:
    local, named = Path("trueorder.toml"), os.environ.get("TRUEORDER_SETTINGS", "")
    return [*([local] if local.exists() else []), *map(Path, filter(None, named.split(os.pathsep)))]


def app_of(db: Database, rules: Settings, *, history: Path, clock: Callable[[], datetime], sources: Sequence[Setting] = ()) -> FastAPI:
    """The application over an open database. `clock` gives the present, UTC; `sources`: the settings as the administrator sees them."""
    larger = dict.fromkeys(review_files.UPLOADS, rules.web.upload_kilobytes * 1024)
    app = Described(
        title="TrueOrder",
        version=version("trueorder"),
        description=ABOUT,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # they would load scripts from a foreign host
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
        middleware=[Middleware(Around, secure=not rules.web.insecure, most=rules.web.body_kilobytes * 1024, larger=larger)],
        exception_handlers=dict(problems.HANDLERS),
    )
    app.state.service = Service(db, rules, history, clock, Desk(db, rules, history=history), sources)
    app.include_router(health.router)
    own = (orders, session, managers, flags, visits, headquarters, strategy, administrators, care)
    for router in (orders.told, *(part.router for part in own)):
        app.include_router(router, responses=problems.documented(*problems.EVERY))
    for pages in every.ROUTERS:
        app.include_router(pages)
    app.mount("/static", GZipMiddleware(StaticFiles(directory=STATIC), compresslevel=6), name="static")
    app.state.problem_page = shell.problem
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Before any request its threads are shared out; at the end the connections are closed."""
    own: Service = app.state.service
    threads.shared_out(app, own.settings.web.threads)
    yield
    own.db.engine.dispose()
