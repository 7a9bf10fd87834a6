"""A real browser on the real service over a demo; skipped, with the reason, where there is no chromium."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from ordering import database, settings_sources
from ordering.accounts import Role
from ordering.database import demo
from ordering.settings import Settings
from tests.jobs.conftest import loaded, made, planned, rules  # noqa: F401
from tests.web.conftest import local, morning
from web.app import app_of

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(path).exists()), "")
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@dataclass
class Site:
    """The service under an address, with its demo's users by role."""

    address: str
    db: database.Database
    people: dict[Role, str]
    week: date
    app: FastAPI


@pytest.fixture
def site(tmp_path: Path, planned: Path, made: tuple[Path, date], rules: Settings) -> Iterator[Site]:  # noqa: F811
    """A demo of its own."""
    with served(tmp_path, planned, made, rules) as found:
        yield found


@contextmanager
def served(place: Path, planned: Path, made: tuple[Path, date], rules: Settings) -> Iterator[Site]:  # noqa: F811
    """A demo, served on a port of its own, at noon of the waiting week's Monday."""
    shutil.copytree(planned, place / "city")
    db = database.connect(f"sqlite:///{place / 'city' / 'one.db'}", pool=4)
    settings = local(rules)
    settings = settings.model_copy(update={"web": settings.web.model_copy(update={"metrics_from": ("127.0.0.1",)})})
    people = {one.role: one.name for one in demo.invite(db, at=morning(made), rules=settings.accounts)}
    app = app_of(
        db, settings, history=place / "city" / "one-history", clock=lambda: morning(made), sources=settings_sources.listed()
    )  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"http://localhost:{port}", db, people, made[1], app)
    server.should_exit = True
    thread.join(10)
    db.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. Until it is closed an event loop runs in this thread, where tests of other modules want their own."""
    if not CHROMIUM:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_playwright() as play:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = play.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *root])
        yield found
        found.close()


@dataclass
class Visitor:
    """A person at a browser. `complaints`: what the console said that it should not."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def log_in(self, role: Role) -> None:
        """Logs in on the log-in page, as the demo's user of a role."""
        self.come(self.site.people[role], demo.PASSWORD)

    def come(self, name: str, password: str) -> None:
        """Logs in on the log-in page."""
        self.page.goto(f"{self.site.address}/login")
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.click(".login button")
        self.page.wait_for_url(lambda address: "/login" not in address)

    def go(self, path: str) -> None:
        """Goes to a page of the service."""
        self.page.goto(self.site.address + path)


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Opens a browser for a person; at the end no page may have complained."""
    visitors: list[Visitor] = []

    def begin(language: str = "en", *, width: int = 1366, height: int = 768) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": "language", "value": language, "url": site.address}])
        visitor = Visitor(context.new_page(), site)
        visitor.page.on("console", lambda said: visitor.complaints.append(said.text) if said.type in ("error", "warning") else None)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitors.append(visitor)
        return visitor

    yield begin
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.page.context.close()
    assert complaints == []
