"""People at a real browser before the real service: what tests of pages and the pictures of the guides share."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from ordering import database
from ordering.accounts import Role
from ordering.database import demo

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(path).exists()), "")
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@dataclass
class Site:
    """The service under an address, with its demo's users by role."""

    address: str
    db: database.Database
    people: Mapping[Role, str]
    week: date
    app: FastAPI


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address of an application while the block lasts, on a port of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the service did not start")
        time.sleep(0.02)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium without a window."""
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

    @classmethod
    def begin(cls, browser: Browser, site: Site, language: str, *, width: int = 1366, height: int = 768) -> Visitor:
        """A browser of its own for a person who reads a language."""
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": "language", "value": language, "url": site.address}])
        visitor = cls(context.new_page(), site)
        visitor.page.on("console", lambda said: visitor.complaints.append(said.text) if said.type in ("error", "warning") else None)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        return visitor

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
