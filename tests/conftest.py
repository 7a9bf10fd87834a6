"""Databases for tests: real ones, SQLite in a file and PostgreSQL from a pip package."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordering import database
from tests import compiling, servers

os.environ.setdefault("NUMBA_NUM_THREADS", "2")
REAL = Path(__file__).with_name("real")


def pytest_configure(config: pytest.Config) -> None:
    """Where several processes will test, compile before they start."""
    if getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        compiling.run_where_cold()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real data first: tests are handed to processes by the hundred at first, and by twos at the end, where several processes would
    each make what a module's tests share."""
    items.sort(key=lambda item: REAL not in item.path.parents)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL server, started for these tests."""
    with servers.server() as url:
        yield url


@pytest.fixture
def like(request: pytest.FixtureRequest) -> str | None:
    """The name of the database on the server that the test's own is a copy of; None: it is empty."""
    return str(request.getfixturevalue("schema_on_server")) if "db" in request.fixturenames else None


@pytest.fixture
def postgres_url(postgres_server: str, like: str | None, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of its own on the server."""
    with servers.made(postgres_server, f"t{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:30]}", like) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, once on each engine; empty but for a test that asks for `db`."""
    return f"sqlite:///{tmp_path / 'city.db'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def schema_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the schema and nothing else, to be copied: the migrations have tests of their own."""
    file = tmp_path_factory.mktemp("schema") / "schema.db"
    _migrated(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def schema_on_server(postgres_server: str) -> str:
    """The name of a database on the server with the schema and nothing else, to be copied."""
    return servers.prepared(postgres_server, "schema_only", _migrated)


def _migrated(url: str) -> None:
    opened = database.connect(url)
    database.migrate(opened)
    opened.engine.dispose()


@pytest.fixture
def db(url: str, request: pytest.FixtureRequest) -> Iterator[database.Database]:
    """A database with the schema, once on each engine."""
    opened = database.connect(url)
    if opened.url.get_backend_name() == "sqlite":
        shutil.copyfile(request.getfixturevalue("schema_file"), str(opened.url.database))
    yield opened
    opened.engine.dispose()
