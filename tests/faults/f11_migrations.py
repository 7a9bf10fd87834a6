"""F11: every migration up, down and up again on a filled database, and killed in the middle.

Even trials go down through every version to the first and up again: of each version the tables that stay keep their rows, and their columns
what they hold. Odd ones are stopped by SIGKILL before one of the statements, on the way down or up: the database is then of one version,
whole, nothing that stays is lost, and the same command goes on to the end, where the schema is that of the tables.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ordering import database
from tests import schema
from tests.faults import filled

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F11", "migrations up, down, up, killed midway: counts and sums kept"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 400, 2
FIRST = "0001"


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Figures: versions gone through, and statements before the kill."""
    with _kept(place) as reset:
        versions = schema.versions()
        statements = _statements(place.url, reset)
        for number in range(first, first + count):
            reset()
            if number % 2 == 0:
                yield _through(place.url, versions)
            else:
                yield _killed(place.url, versions, statements, random.Random(place.seed * 100_003 + number))


@contextmanager
def _kept(place: Place) -> Iterator[Any]:
    """A filled database at the place's URL, and how to have it again."""
    db = database.connect(place.url)
    filled.fill(db, place.folder)
    db.engine.dispose()
    if place.url.startswith("sqlite"):
        file = Path(str(db.url.database))
        with _opened(place.url) as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(file, place.folder / "filled.db")

        def copy() -> None:
            for beside in ("-wal", "-shm"):
                file.with_name(file.name + beside).unlink(missing_ok=True)
            shutil.copyfile(place.folder / "filled.db", file)

        yield copy
        return
    name, template = str(db.url.database), f"{db.url.database}_filled"
    server = sa.make_url(place.url).set(database="postgres").render_as_string(hide_password=False)
    _say(server, f"CREATE DATABASE {template} TEMPLATE {name}")
    try:
        yield lambda: _say(server, f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        _say(server, f"DROP DATABASE {template}")


@contextmanager
def _opened(url: str) -> Iterator[sa.Connection]:
    parsed = sa.make_url(url)
    plain = parsed.set(drivername="postgresql+psycopg") if parsed.get_backend_name() == "postgresql" else parsed
    engine = sa.create_engine(plain, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _say(url: str, *statements: str) -> None:
    with _opened(url) as connection:
        for one in statements:
            connection.exec_driver_sql(one)


@contextmanager
def _database(url: str) -> Iterator[database.Database]:
    db = database.connect(url)
    yield db
    db.engine.dispose()


def _statements(url: str, reset: Any) -> dict[bool, int]:
    """Statements of the way down from the newest version to the first, and of the way up."""
    reset()
    found = {}
    for down, to in ((True, FIRST), (False, "head")):
        with _database(url) as db:
            counted = [0]
            sa.event.listen(db.engine, "before_cursor_execute", lambda *_, counted=counted: counted.__setitem__(0, counted[0] + 1))
            schema.migrate(db, to, down=down)
            found[down] = counted[0]
    return found


def _version(db: database.Database) -> str:
    with db.engine.connect().execution_options(reading=True) as connection:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def _through(url: str, versions: list[str]) -> Mapping[str, float]:
    """Down to the first version and up to the newest, looked at in each."""
    with _database(url) as db:
        held = {versions[-1]: filled.columns_of(db)}
        for lower, upper in reversed(list(pairwise(versions))):
            schema.migrate(db, lower, down=True)
            held[lower] = filled.columns_of(db)
            assert filled.kept(held[upper], held[lower]) == [], f"down to {lower}"
        known = held[FIRST]
        for version in versions[1:]:
            schema.migrate(db, version)
            now = filled.columns_of(db)
            assert filled.kept(known, now) == [], f"up to {version}"
            assert now.keys() == held[version].keys(), f"up to {version}: {now.keys() ^ held[version].keys()}"
            known = now
        _whole(db)
    return {"versions": 2 * len(versions) - 2}


def _killed(url: str, versions: list[str], statements: Mapping[bool, int], rng: random.Random) -> Mapping[str, float]:
    """On a random way down or up, the process is killed before a random statement; then the way is gone again."""
    down = rng.random() < 0.5
    if not down:
        with _database(url) as db:
            schema.migrate(db, FIRST, down=True)
    with _database(url) as db:
        before = filled.columns_of(db)
    after = rng.randrange(statements[down])
    died = _die(url, FIRST if down else "head", down, after)
    with _database(url) as db:
        version = _version(db)
        assert version in versions
        lost = filled.kept(before, filled.columns_of(db))
        assert lost == [], f"killed, at {version}: {lost}"
        schema.migrate(db, FIRST if down else "head", down=down)
        lost = filled.kept(before, filled.columns_of(db))
        assert lost == [], f"after going on from {version}: {lost}"
        database.migrate(db)
        _whole(db)
    assert died, "the process came to its end"
    return {"statements before": after, "versions done": float(versions.index(version))}


def _die(url: str, to: str, down: bool, after: int) -> bool:
    """Migrate in a process of its own that is killed before statement number `after`; True where it was."""
    child = os.fork()
    if child == 0:
        try:
            db, left = database.connect(url), [after]

            def burn(*_given: Any) -> None:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            sa.event.listen(db.engine, "before_cursor_execute", burn)
            schema.migrate(db, to, down=down)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _whole(db: database.Database) -> None:
    """The schema is that of the tables, and a line can be stored."""
    assert schema.differences(db) == []
    database.check_schema(db)
