"""A real browser on the real service over a demo; skipped, with the reason, where there is no chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ordering import database, settings_sources
from ordering.database import demo
from ordering.settings import Settings
from tests.browser.visitors import CHROMIUM, Site, Visitor, launched, listening
from tests.jobs.conftest import loaded, made, planned, rules  # noqa: F401
from tests.web.conftest import local, morning
from web.app import app_of


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
    with listening(app) as address:
        yield Site(address, db, people, made[1], app)
    db.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. Until it is closed an event loop runs in this thread, where tests of other modules want their own."""
    if not CHROMIUM:
        pytest.skip("no chromium here: apt-get install chromium")
    with launched() as found:
        yield found


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Opens a browser for a person; at the end no page may have complained."""
    visitors: list[Visitor] = []

    def begin(language: str = "en", *, width: int = 1366, height: int = 768) -> Visitor:
        visitors.append(Visitor.begin(browser, site, language, width=width, height=height))
        return visitors[-1]

    yield begin
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.page.context.close()
    assert complaints == []
