"""A real browser on the real service over a demo; skipped, with the reason, where there is no chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from jobs import nightly
from ordering import database, sample, settings_sources
from ordering.accounts import Role
from ordering.complaints import Subject
from ordering.database import complaints, demo, surveys, users
from ordering.satisfaction import Aspect, Survey
from ordering.settings import Settings
from tests.browser.visitors import CHROMIUM, Site, Visitor, launched, listening
from tests.jobs.conftest import load_city, once, rules  # noqa: F401
from tests.web.conftest import local, morning
from web.app import app_of

CITY = {"retailers": 140, "brands": 8, "weeks": 22, "seed": 3}
"""Two districts, more than 500 lines that wait after Monday, and a retailer of level 3 that may have 3 cartons of a brand."""


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory, rules: Settings) -> tuple[Path, date]:  # noqa: F811
    """A folder with a city of two districts, its night and its demo's users, to be copied; and the Monday of its waiting week."""

    def make(folder: Path) -> date:
        cutoff = sample.write_city(folder / "city", **CITY).cutoff
        db = load_city(f"sqlite:///{folder / 'one.db'}", folder / "city", rules)
        nightly.run(db, cutoff, rules, history=folder / "one-history")
        peopled(db, morning((folder, cutoff)), local(rules))
        db.engine.dispose()
        return cutoff

    return once(tmp_path_factory, "town", make)


def peopled(db: database.Database, at: datetime, settings: Settings) -> None:
    """Add the demo's users; its account manager has the whole city. Its retailer complains, and answers the survey."""
    people = {one.role: one.name for one in demo.invite(db, at=at, rules=settings.accounts)}
    users.set_territory(db, people[Role.ACCOUNT_MANAGER], managers=managers_of(db), by=demo.BY, at=at)
    shop = people[Role.RETAILER]
    complaints.begin(db, retailer_id=shop, subject=Subject.DELIVERY, text="送货晚了两天", by=shop, at=at)
    survey = Survey({Aspect.RELIABILITY: 4, Aspect.RESPONSIVENESS: 2}, "电话常占线")
    surveys.answer(db, survey, retailer_id=shop, by=shop, on=at.date(), at=at)


def managers_of(db: database.Database) -> list[str]:
    """The account managers of the city."""
    with db.reading() as reader:
        return sorted(set(database.read_table(reader, "retailers")["account_manager"].astype("str")))


@pytest.fixture
def site(tmp_path: Path, town: tuple[Path, date], rules: Settings) -> Iterator[Site]:  # noqa: F811
    """A demo of its own, for who writes."""
    with served(tmp_path / "own", town, rules) as found:
        yield found


@pytest.fixture(scope="package")
def stand(tmp_path_factory: pytest.TempPathFactory, town: tuple[Path, date], rules: Settings) -> Iterator[Site]:  # noqa: F811
    """One demo for all who look only."""
    with served(tmp_path_factory.mktemp("stand") / "own", town, rules) as found:
        yield found


@contextmanager
def served(place: Path, town: tuple[Path, date], rules: Settings) -> Iterator[Site]:  # noqa: F811
    """A copy of the demo, served on a port of its own, at noon of the waiting week's Monday."""
    shutil.copytree(town[0], place, ignore=shutil.ignore_patterns("city", "one-history"))
    db = database.connect(f"sqlite:///{place / 'one.db'}", pool=4)
    settings = local(rules)
    settings = settings.model_copy(update={"web": settings.web.model_copy(update={"metrics_from": ("127.0.0.1",)})})
    app = app_of(
        db, settings, history=town[0] / "one-history", clock=lambda: morning(town), sources=settings_sources.listed()
    )  # fmt: skip
    with listening(app) as address:
        yield Site(address, db, {one.role: one.name for one in demo.visitors(db)}, town[1], app)
    db.engine.dispose()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium without a window, one for a process. Until it is closed an event loop runs in this thread, where tests elsewhere want
    their own."""
    if not CHROMIUM:
        pytest.skip("no chromium here: apt-get install chromium")
    with launched() as found:
        yield found


Visit = Callable[..., Visitor]


@contextmanager
def visits(browser: Browser, site: Site) -> Iterator[Visit]:
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


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Opens a browser for a person who writes."""
    with visits(browser, site) as begin:
        yield begin


@pytest.fixture
def look(browser: Browser, stand: Site) -> Iterator[Visit]:
    """Opens a browser for a person who looks only."""
    with visits(browser, stand) as begin:
        yield begin
