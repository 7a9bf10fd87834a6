"""A small made-up city, written once, and its database on either engine."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs import loading, nightly
from jobs.clock import now
from jobs.runs import quiet
from ordering import database, sample, settings
from tests import servers


def once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], date]) -> tuple[Path, date]:
    """A folder, and the date that `make` gives back when it has filled it: made once, for all processes that test side by side."""
    own = temporary.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    folder.mkdir(exist_ok=True)
    done = folder.with_suffix(".made")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            done.write_text(str(make(folder)))
    return folder, date.fromisoformat(done.read_text())


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, date]:
    """The folder of a city of 16 shops, 4 brands and 22 weeks, and the Monday of its waiting week: too short for models of single brands,
    whose libraries take longer than the rest of a night. Nights with all of them: `test_nightly.py`, `test_record.py`."""

    def make(folder: Path) -> date:
        return sample.write_city(folder / "city", retailers=16, brands=4, weeks=22, seed=3).cutoff

    folder, cutoff = once(tmp_path_factory, "made", make)
    return folder / "city", cutoff


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


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory, made: tuple[Path, date], rules: settings.Settings) -> Path:
    """A folder with the made-up city in SQLite, to be copied."""

    def make(folder: Path) -> date:
        load_city(f"sqlite:///{folder / 'one.db'}", made[0], rules).engine.dispose()
        return made[1]

    return once(tmp_path_factory, "loaded", make)[0]


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory, loaded: Path, made: tuple[Path, date], rules: settings.Settings) -> Path:
    """A folder with the made-up city in SQLite and the night of its waiting week stored, to be copied."""

    def make(folder: Path) -> date:
        db = _copy(loaded, folder)
        nightly.run(db, made[1], rules, history=folder / "one-history")
        db.engine.dispose()
        return made[1]

    return once(tmp_path_factory, "planned", make)[0]


@pytest.fixture(scope="session")
def city_on_server(postgres_server: str, made: tuple[Path, date], rules: settings.Settings) -> str:
    """The name of a database on the server with the made-up city, to be copied."""
    return servers.prepared(postgres_server, "made_city", lambda url: load_city(url, made[0], rules).engine.dispose())


@pytest.fixture
def like(like: str | None, request: pytest.FixtureRequest) -> str | None:
    """A test that asks for `city` has a copy of it."""
    return str(request.getfixturevalue("city_on_server")) if "city" in request.fixturenames else like


@pytest.fixture
def city(url: str, loaded: Path) -> database.Database:
    """The made-up city in a database, once on each engine."""
    found = database.connect(url)
    if found.url.get_backend_name() == "sqlite":
        shutil.copyfile(loaded / "one.db", str(found.url.database))
    return found


def _copy(folder: Path, place: Path) -> database.Database:
    shutil.copytree(folder, place, dirs_exist_ok=True)
    return database.connect(f"sqlite:///{place / 'one.db'}")


@pytest.fixture
def sqlite_city(tmp_path: Path, loaded: Path) -> database.Database:
    """The made-up city in SQLite."""
    return _copy(loaded, tmp_path)


@pytest.fixture
def planned_city(tmp_path: Path, planned: Path) -> database.Database:
    """The made-up city in SQLite, with run 1: the night of its waiting week."""
    return _copy(planned, tmp_path)


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, rules: settings.Settings) -> tuple[Path, date]:
    """A folder with a city of 10 shops, 3 brands and 20 weeks in SQLite, the nights of its last five Mondays stored, and the last one."""

    def make(folder: Path) -> date:
        city = sample.write_city(folder / "city", retailers=10, brands=3, weeks=20, seed=5)
        db = load_city(f"sqlite:///{folder / 'one.db'}", folder / "city", rules)
        for back in range(4, -1, -1):
            nightly.run(db, city.cutoff - timedelta(weeks=back), rules, history=folder / "one-history")
        db.engine.dispose()
        return city.cutoff

    return once(tmp_path_factory, "watched", make)


@pytest.fixture
def watched_city(tmp_path: Path, watched: tuple[Path, date]) -> database.Database:
    """The city of five nights in SQLite, runs 1 to 5."""
    return _copy(watched[0], tmp_path)
