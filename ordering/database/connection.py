"""Opening a city's database, SQLite or PostgreSQL, and bringing its schema up to date."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import sqlalchemy as sa

from ordering import storage
from ordering.database import bulk, losing, partitions
from ordering.errors import StateError

Transaction: TypeAlias = sa.Connection
"""A transaction on a database, for those who hand it on and speak no SQL."""
MIGRATIONS = Path(__file__).parents[1] / "migrations"
Unreachable = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
"""What is raised where the database does not answer, or every connection of the pool is busy."""


@dataclass(frozen=True)
class Database:
    """A city's database: the engine, and its address for bulk reads."""

    engine: sa.Engine
    url: sa.URL

    @property
    def connections_in_use(self) -> int:
        """How many connections of this process's pool are in use now."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, sa.QueuePool) else 0

    @contextmanager
    def reading(self) -> Iterator[bulk.Reader]:
        """Bulk reads that all see the same moment."""
        with losing.told(self.engine), bulk.reading(self.url, self.engine.dialect) as reader:
            yield reader

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction for a few rows; it commits when the block ends well."""
        with losing.committing(self.engine) as tx:
            yield tx

    @losing.repeated
    def rows(self, query: sa.Executable, /, **values: object) -> list[dict[str, Any]]:
        """The rows of a small query, with `values` for the parameters that it names."""
        with losing.told(self.engine), self.engine.connect().execution_options(**self.apart) as connection:
            return [dict(row) for row in connection.execute(query, values).mappings()]

    @property
    def apart(self) -> dict[str, Any]:
        """How statements are run that need no transaction around them, which on PostgreSQL is two more ways to the server and back."""
        return {"isolation_level": "AUTOCOMMIT"} if self.url.get_backend_name() == "postgresql" else {"reading": True}


def connect(url: str, *, pool: int = 5, trusted: float = 0.0) -> Database:
    """Open a database by URL: `sqlite:///file` or any PostgreSQL URL. The schema is `migrate`'s affair. `pool`: connections that are kept,
    each asked before it is used again whether it still stands, if that was not within `trusted` seconds.

    SQLite: write-ahead log, and every write transaction begins IMMEDIATE, so that read-then-write loses no update.
    Raises StateError where the URL is none, the folder does not exist or the server does not answer.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StateError(f'database "{url}": no URL; write it like sqlite:///trueorder.db or postgresql://user@host/name') from error
    name = parsed.get_backend_name()
    if name == "sqlite":
        return Database(_sqlite(parsed, pool), parsed)
    if name != "postgresql":
        raise StateError(f'database "{url}": {name} is not supported; use SQLite or PostgreSQL')
    driver = parsed.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(driver, pool_size=pool)
    partitions.watch(engine)
    _ping(engine, trusted)
    return Database(_telling(engine), parsed)


def _ping(engine: sa.Engine, trusted: float) -> None:
    """Let connections be asked before they are used, unless they were within `trusted` seconds; where one is lost, all are opened anew."""

    @sa.event.listens_for(engine, "checkin")
    def _rest(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used", time.monotonic()) > trusted:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise sa.exc.InvalidatePoolError from error


def _sqlite(url: sa.URL, pool: int) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise StateError("database: an SQLite database needs a file; write sqlite:///trueorder.db")
    folder = Path(url.database).resolve().parent
    if not folder.is_dir():
        raise StateError(f"database: the folder {folder} does not exist; create it first")
    engine = sa.create_engine(url, connect_args={"timeout": 60, "isolation_level": None}, pool_size=pool)

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-200000"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return _telling(engine)


def _telling(engine: sa.Engine) -> sa.Engine:
    """The engine, whose errors of a full or read-only disk come in words."""

    @sa.event.listens_for(engine, "handle_error")
    def _tell(context: sa.ExceptionContext) -> None:
        told = storage.database_error(f"database {engine.url.render_as_string()}", context.original_exception)
        if told is not None:
            raise told from context.original_exception

    return engine


def migrate(db: Database) -> str:
    """Bring the schema to the newest version; gives its name."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return str(MigrationContext.configure(connection).get_current_revision())


def has_no_schema(db: Database) -> bool:
    """True where the database answers and holds no table at all."""
    try:
        return not sa.inspect(db.engine).get_table_names()
    except sa.exc.OperationalError as error:
        raise _silent(db, error) from error


def _silent(db: Database, error: sa.exc.OperationalError) -> StateError:
    return StateError(f"database {db.url.render_as_string()}: does not open ({error.orig}); check the URL and that it runs")


def check_schema(db: Database) -> None:
    """Raise StateError where the database has no schema, or not that of this version, or does not answer."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    try:
        with db.engine.connect().execution_options(reading=True) as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except sa.exc.OperationalError as error:
        raise _silent(db, error) from error
    if found != newest:
        raise StateError(f"database {db.url.render_as_string()}: its schema is {found or 'missing'}, not {newest}; run: trueorder init")


def is_database_error(error: BaseException) -> bool:
    """Whether the database, or a driver of it, raised an error."""
    raised_in = type(error).__module__.partition(".")[0]
    return raised_in in {"sqlalchemy", "sqlite3", "psycopg", "adbc_driver_manager", "adbc_driver_sqlite", "adbc_driver_postgresql"}


def new_id(tx: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert a row whose id the database gives; that id."""
    key = tx.execute(table.insert().values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def clock(tx: sa.Connection) -> sa.ColumnElement[Any]:
    """The present by the database's clock, UTC, as it is stored."""
    if tx.dialect.name == "sqlite":
        return sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now", type_=sa.DateTime)
    return sa.func.timezone("utc", sa.func.clock_timestamp(), type_=sa.DateTime)
