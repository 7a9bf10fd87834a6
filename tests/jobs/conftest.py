"""A small made-up city, written once, and its database on either engine."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jobs import loading
from jobs.clock import now
from jobs.runs import quiet
from ordering import database, sample, settings


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, date]:
    """The folder of a city of 40 shops, 5 brands and 60 weeks, and the Monday of its waiting week."""
    folder = tmp_path_factory.mktemp("made") / "city"
    city = sample.write_city(folder, retailers=40, brands=5, weeks=60, seed=3)
    return folder, city.cutoff


@pytest.fixture(scope="session")
def rules() -> settings.Settings:
    """The default settings, with one process and one origin for the forecasts."""
    found = settings.load()
    one = {"nightly": found.nightly.model_copy(update={"workers": 1}), "forecast": found.forecast.model_copy(update={"origins": 1})}
    return found.model_copy(update=one)


def load_city(url: str, folder: Path, rules: settings.Settings) -> database.Database:
    """A database with the schema and the city of `folder`."""
    db = database.connect(url)
    database.migrate(db)
    loading.load(db, folder, rules, mapping=None, by="tester", at=now(), progress=quiet)
    return db


@pytest.fixture
def city(url: str, made: tuple[Path, date], rules: settings.Settings) -> database.Database:
    """The made-up city in a database, once on each engine."""
    return load_city(url, made[0], rules)


@pytest.fixture
def sqlite_city(tmp_path: Path, made: tuple[Path, date], rules: settings.Settings) -> database.Database:
    """The made-up city in SQLite."""
    return load_city(f"sqlite:///{tmp_path / 'one.db'}", made[0], rules)
