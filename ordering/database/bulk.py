"""Many rows in and out of the database: ADBC for reading and for SQLite, COPY for writing to PostgreSQL.

Rows travel as Arrow tables. SQLite is read from a process of its own (see `outside`). A write goes into a staging table first, of the
same connection, so that one transaction holds the bulk and everything beside it: on SQLite a staging file that ADBC fills and the
connection attaches, on PostgreSQL a temporary table.
"""

from __future__ import annotations

import atexit
import fcntl
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ordering import frames, storage
from ordering.database import losing
from ordering.errors import DatabaseError

STAGE = "stage_"
"""What the name of a staging table begins with."""


def arrow_type(column: frames.Column) -> Any:
    """The Arrow type in which a column is stored and read."""
    import pyarrow as pa

    kinds = {
        frames.Kind.COUNT: pa.int32(),
        frames.Kind.SIGNED: pa.int64(),
        frames.Kind.NUMBER: pa.float64(),
        frames.Kind.DATE: pa.date32(),
        frames.Kind.WEEK: pa.date32(),
        frames.Kind.BOOL: pa.bool_(),
    }
    return kinds.get(column.kind, pa.string())


def arrow(table: frames.Table, frame: Any) -> Any:
    """A frame as an Arrow table of the columns of `table`."""
    import pyarrow as pa

    def cast(column: frames.Column) -> Any:
        values = pa.Array.from_pandas(frame[column.name])
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values.cast(pa.string())
        return values.cast(arrow_type(column))

    return pa.table({column.name: cast(column) for column in table.columns})


Ask = Callable[[str], Any]
"""Runs a query and gives its rows as an Arrow table."""


class Reader:
    """Bulk reads of one moment: every `fetch` sees the database as it was at the first."""

    def __init__(self, ask: Ask, dialect: sa.Dialect) -> None:
        self._ask, self._dialect = ask, dialect

    def fetch(self, query: sa.Select[Any], types: Mapping[str, Any]) -> Any:
        """The rows of `query` as an Arrow table, cast to `types` (column name -> Arrow type)."""
        import pyarrow as pa

        sqlite = self._dialect.name == "sqlite"
        compiled = (_typed(query) if sqlite else query).compile(dialect=self._dialect, compile_kwargs={"literal_binds": True})
        found = self._ask(str(compiled))
        return pa.table({name: _cast(found[name], kind) for name, kind in types.items()})

    def frame(self, query: sa.Select[Any], table: frames.Table) -> Any:
        """The rows of `query` as a frame of `table`, in key order."""
        found = self.fetch(query, {c.name: arrow_type(c) for c in table.columns})
        return frames.conform(table, found.to_pandas(date_as_object=False), check=False)


def _typed(query: sa.Select[Any]) -> sa.Select[Any]:
    """`query` with no missing date or real number: SQLite has no column types, so the driver guesses one from the first rows, and a
    column that begins with missing values would be held to be of whole numbers. `_cast` makes them missing again.
    """
    inner = query.subquery()
    stand_ins: dict[type, Any] = {sa.Date: sa.literal_column("''"), sa.Double: sa.literal_column("9e999")}

    def whole(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        stand_in = stand_ins.get(type(column.type))
        return column if stand_in is None else sa.func.coalesce(column, stand_in).label(column.name)

    return sa.select(*(whole(column) for column in inner.c))


def _cast(column: Any, kind: Any) -> Any:
    """A column as `kind`; SQLite gives dates as text, whole numbers and truth values as 64 bits, and the stand-ins of `_typed`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = column.type
    if pa.types.is_date(kind) and pa.types.is_string(found):
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    elif pa.types.is_floating(kind) and pa.types.is_floating(found):
        column = pc.if_else(pc.is_inf(column), pa.scalar(None, found), column)
    elif pa.types.is_date(kind) and not pa.types.is_date(found):
        return pa.chunked_array([pa.nulls(len(column), kind)])  # no row at all: the guess means nothing
    elif pa.types.is_boolean(kind) and pa.types.is_integer(found):
        column = column.cast(pa.int8())
    return column.cast(kind)


@contextmanager
def reading(url: sa.URL, dialect: sa.Dialect) -> Iterator[Reader]:
    """A consistent view of the database for bulk reads."""
    with _asking_sqlite(url) if dialect.name == "sqlite" else _asking_postgresql(url) as ask:
        yield Reader(ask, dialect)


@contextmanager
def _asking_sqlite(url: sa.URL) -> Iterator[Ask]:
    import pyarrow as pa

    process = _outside()
    assert process.stdin is not None
    assert process.stdout is not None
    question, answer = process.stdin, process.stdout

    def tell(words: str | None) -> None:
        question.write(json.dumps(words).encode() + b"\n")
        question.flush()
        said = json.loads(answer.readline() or b'{"error": "the reading process ended"}')
        if "error" in said:
            place = f"database {url.render_as_string()}"
            told = storage.database_error(place, DatabaseError(said["error"]))
            raise told or DatabaseError(f"{place}: cannot be read ({said['error']})")

    def ask(query: str) -> Any:
        tell(query)
        return pa.ipc.open_stream(answer).read_all()

    try:
        tell(str(Path(str(url.database)).resolve()))
        yield ask
        tell(None)
    except BaseException:  # an answer may lie half read in the pipe
        _end(process)
        raise
    if len(_idle) < IDLE:
        _idle.append(process)
    else:
        _end(process)


IDLE = 4
"""Reading processes that are kept: to start one takes longer than most readings."""
_idle: list[subprocess.Popen[bytes]] = []


def _outside() -> subprocess.Popen[bytes]:
    """A reading process that nobody uses, a new one where there is none."""
    while _idle:
        with suppress(IndexError):  # another thread was faster
            process = _idle.pop()
            if process.poll() is None:
                return process
    return subprocess.Popen([sys.executable, str(Path(__file__).with_name("outside.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a reading process, with which it ends, and wait for that."""
    with suppress(BrokenPipeError), process:
        pass


@atexit.register
def _end_idle() -> None:
    while _idle:
        _end(_idle.pop())


os.register_at_fork(after_in_child=_idle.clear)  # the pipes are the parent's


SOCKETS = ("/var/run/postgresql", "/tmp")
"""Where servers on this machine listen, Debian's and others'."""


def _placed(url: sa.URL) -> sa.URL:
    """The address, with the folder of the server's socket where it names no host: each driver was built to look into another one."""
    if url.host or "host" in url.query or os.environ.get("PGHOST"):
        return url
    there = [folder for folder in SOCKETS if Path(folder, f".s.PGSQL.{url.port or 5432}").exists()]
    return url.update_query_dict({"host": there[0]}) if there else url


@contextmanager
def _asking_postgresql(url: sa.URL) -> Iterator[Ask]:
    import adbc_driver_postgresql.dbapi as postgresql

    with postgresql.connect(_placed(url).set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

        def ask(query: str) -> Any:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetch_arrow_table()

        yield ask
        connection.rollback()


@contextmanager
def staging(engine: sa.Engine, tables: Mapping[sa.Table, Any]) -> Iterator[sa.Connection]:
    """One write transaction in which each table's Arrow rows stand in the staging table `stage_<name>`.

    Commits when the block ends well; on an error nothing is left, in the database or beside it. Raises StorageError where there is no room.
    """
    with storage.telling(f"database {engine.url.render_as_string()}"):
        if engine.dialect.name == "sqlite":
            with _staged_in_file(engine, tables) as tx:
                yield tx
        else:
            with losing.committing(engine) as tx:
                for table, rows in tables.items():
                    _copy(tx, table, rows)
                yield tx


STAGING = ".trueorder-stage-"


def sweep(engine: sa.Engine) -> None:
    """Take away the staging files of processes that were killed."""
    if engine.dialect.name != "sqlite":
        return
    for place in Path(str(engine.url.database)).resolve().parent.glob(f"{STAGING}*"):
        with suppress(OSError), (place / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _staged_in_file(engine: sa.Engine, tables: Mapping[sa.Table, Any]) -> Iterator[sa.Connection]:
    import adbc_driver_sqlite.dbapi as sqlite  # opens the staging file alone, and closes it before the other SQLite attaches it

    folder = Path(str(engine.url.database)).resolve().parent
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=folder) as place, (Path(place) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # goes with the process, and says that it is at work here
        file = str(Path(place) / "stage.db")
        with sqlite.connect(file) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE stage_of_none (n INTEGER)")
            for table, rows in tables.items():
                cursor.adbc_ingest(STAGE + table.name, rows, mode="create")
            connection.commit()
        with engine.connect() as tx:
            driver = tx.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("ATTACH DATABASE ? AS stage", (file,))
            try:
                with tx.begin():
                    yield tx
            finally:
                driver.execute("DETACH DATABASE stage")


def stage(tx: sa.Connection, table: sa.Table, rows: Any) -> None:
    """Arrow rows into the staging table `stage_<name>` of a transaction that has begun: for fewer than `staging` is made for."""
    name = STAGE + table.name
    if tx.dialect.name != "sqlite":
        tx.exec_driver_sql(f'DROP TABLE IF EXISTS "{name}"')
        _copy(tx, table, rows)
        return
    names = ", ".join(f'"{column}"' for column in rows.column_names)
    tx.exec_driver_sql(f'DROP TABLE IF EXISTS temp."{name}"')
    tx.exec_driver_sql(f'CREATE TEMPORARY TABLE "{name}" AS SELECT {names} FROM "{table.name}" LIMIT 0')
    stage = sa.table(name, *(sa.column(column, table.c[column].type) for column in rows.column_names))
    if rows.num_rows:
        tx.execute(stage.insert(), rows.to_pylist())


def _copy(tx: sa.Connection, table: sa.Table, rows: Any) -> None:
    """COPY the rows into a temporary table that goes with the transaction."""
    import pyarrow.csv as csv

    names = ", ".join(f'"{name}"' for name in rows.column_names)
    stage = f'"{STAGE}{table.name}"'
    tx.exec_driver_sql(f'CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {names} FROM "{table.name}" WITH NO DATA')
    driver: Any = tx.connection.driver_connection
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    with driver.cursor() as cursor, cursor.copy(f"COPY {stage} ({names}) FROM STDIN WITH (FORMAT csv)") as copy:
        for batch in rows.to_batches(max_chunksize=200_000):
            text = io.BytesIO()
            csv.write_csv(batch, text, options)
            copy.write(text.getvalue())
