"""A whole database in one file, and back: with a manifest of the same moment by which both can be checked.

The file is a zip of `manifest.json` and the content: a copy of the SQLite file by its online backup, or a dump of PostgreSQL in pg_dump's
custom format. The manifest holds the version of the schema and, of each table, how many rows it has and a checksum that no order of rows
changes: the sum of the first 8 bytes of the BLAKE2b of each row, modulo 2⁶⁴. Numbers of transactions are left out: they are of the server.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from ordering import storage
from ordering.database import pg_tools
from ordering.database.connection import Database, has_no_schema
from ordering.errors import StateError, TrueOrderError

FORMAT = 1
MANIFEST = "manifest.json"
CONTENT = {"sqlite": "city.db", "postgresql": "city.dump"}


@dataclass(frozen=True)
class Rows:
    """What a table holds: how many rows, and their checksum in hexadecimal digits."""

    rows: int
    checksum: str


Content: TypeAlias = Mapping[str, Rows]


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `kind`: sqlite or postgresql; `made_at`: UTC."""

    kind: str
    database: str
    schema: str
    program: str
    made_at: datetime
    tables: Content

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())


def write(db: Database, file: Path, *, program: str, at: datetime, tools: str = "") -> Manifest:
    """Write a backup into `file`, which must not exist, whole or not at all, and read it again before it gets its name.

    `tools`: the folder of pg_dump and pg_restore; found where they usually are unless given. `at` is UTC. Raises TrueOrderError where the
    file is there already or cannot be written, StateError where the database cannot be read or what was written is not what was read.
    """
    if file.exists():
        raise TrueOrderError(f"{file}: is there already, and no backup is ever overwritten; give another name")
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".trueorder-backup-", dir=file.parent) as place:
            content = Path(place) / CONTENT[_kind(db)]
            manifest = _dump(db, content, program, at, tools)
            _pack(unfinished, manifest, content)
        check(unfinished, tools=tools)
        os.link(unfinished, file)  # fails where somebody else was faster
    except FileExistsError as error:
        raise TrueOrderError(f"{file}: is there already, and no backup is ever overwritten; give another name") from error
    except (OSError, sqlite3.OperationalError) as error:
        raise storage.file_error(file, error) from error
    except StateError as error:
        if _tells_of_a_disk(error):
            raise storage.file_error(file, error) from error
        raise
    finally:
        with suppress(OSError):  # of a folder that was never written, or can no longer be
            unfinished.unlink(missing_ok=True)
    return manifest


def read_manifest(file: Path) -> Manifest:
    """What a backup says that it holds. Raises TrueOrderError where the file is no backup."""
    try:
        with zipfile.ZipFile(file) as packed:
            said = json.loads(packed.read(MANIFEST))
        if said.pop("format") != FORMAT:
            raise TrueOrderError(f"{file}: was written by another version of TrueOrder; use that one")
        tables = {name: Rows(**rows) for name, rows in said.pop("tables").items()}
        return Manifest(**said | {"made_at": datetime.fromisoformat(said["made_at"]), "tables": tables})
    except FileNotFoundError as error:
        raise TrueOrderError(f"{file}: there is no such file; trueorder backup list shows the backups there are") from error
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise TrueOrderError(f"{file}: is no backup, or a damaged one; use another: trueorder backup list") from error


def check(file: Path, *, tools: str = "") -> Manifest:
    """Read a backup from the first byte to the last: it opens, and each table holds what the manifest says.

    Raises TrueOrderError naming the first table that does not, or where the file is damaged.
    """
    manifest = read_manifest(file)
    with _unpacked(file, manifest) as content:
        found = of_sqlite(content) if manifest.kind == "sqlite" else pg_tools.contents(content, tools, _checksum)
    compare(manifest.tables, found, f"{file}: is damaged", "use another: trueorder backup list")
    return manifest


def restore(db: Database, file: Path, *, replace: bool, tools: str = "") -> Manifest:
    """Bring a database to what a backup holds, whole or not at all; it is compared with the manifest afterwards.

    Raises StateError where the database is of the other kind, or holds something and `replace` is not given.
    """
    manifest = read_manifest(file)
    if manifest.kind != _kind(db):
        raise StateError(f"{file}: is a backup of {manifest.kind}, and --database names one of {_kind(db)}; name one of {manifest.kind}")
    if not replace and not has_no_schema(db):
        raise StateError(f"database {db.url.render_as_string()}: is not empty; name an empty one, or give --replace, --by and --why")
    check(file, tools=tools)
    with _unpacked(file, manifest) as content:
        if manifest.kind == "sqlite":
            _restore_sqlite(db, content)
        else:
            pg_tools.restore(db.url, content, tools)
    db.engine.dispose()
    compare(manifest.tables, content_of(db), f"database {db.url.render_as_string()}: differs from {file}", "keep both and report this")
    return manifest


def compare(wanted: Content, found: Content, fault: str, remedy: str) -> None:
    """Raise TrueOrderError naming the first table that has not the wanted rows."""
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            there, here = (f"{rows.rows:,} rows, {rows.checksum}" if rows else "no table" for rows in (wanted.get(name), found.get(name)))
            raise TrueOrderError(f"{fault}: {name} should have {there} and has {here}; {remedy}")


def content_of(db: Database) -> Content:
    """What each table of a database holds now."""
    if _kind(db) == "sqlite":
        return of_sqlite(Path(str(db.url.database)))
    with pg_tools.snapshot(db.engine) as (connection, _):
        return {name: _checksum(lines) for name, lines in pg_tools.tables(connection)}


def of_sqlite(file: Path) -> Content:
    """What each table of an SQLite file holds; TrueOrderError where the file is damaged."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        try:
            if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise TrueOrderError(f"{file}: the database is damaged; use another backup")
            return _tables(connection)
        except sqlite3.DatabaseError as error:
            raise TrueOrderError(f"{file}: the database is damaged ({error}); use another backup") from error


def _kind(db: Database) -> str:
    return db.url.get_backend_name()


def _dump(db: Database, content: Path, program: str, at: datetime, tools: str) -> Manifest:
    if _kind(db) == "sqlite":
        schema, tables = _dump_sqlite(db, content)
    else:
        with pg_tools.snapshot(db.engine) as (connection, moment), pg_tools.dumping(db.url, content, moment, tools):
            tables = {name: _checksum(lines) for name, lines in pg_tools.tables(connection)}
            schema = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    return Manifest(_kind(db), Path(str(db.url.database)).name, schema, program, at, tables)


def _dump_sqlite(db: Database, content: Path) -> tuple[str, Content]:
    """Manifest and copy through one reading transaction, so of one moment; others go on writing."""
    with db.engine.connect().execution_options(reading=True) as connection, connection.begin():
        raw: Any = connection.connection.driver_connection
        schema = str(raw.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        tables = _tables(raw)
        with closing(sqlite3.connect(content)) as copy:
            raw.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
    return schema, tables


def _tables(connection: sqlite3.Connection) -> Content:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'").fetchall()
    return {name: _checksum(repr(row).encode() for row in connection.execute(f'SELECT * FROM "{name}"')) for (name,) in names}


def _checksum(rows: Iterable[bytes]) -> Rows:
    count, total, hashed = 0, 0, hashlib.blake2b
    for row in rows:
        count += 1
        total += int.from_bytes(hashed(row, digest_size=8).digest(), "big")
    return Rows(count, f"{total % 2**64:016x}")


def _restore_sqlite(db: Database, content: Path) -> None:
    """All pages in one transaction of the database's own file: who has it open sees it before or after."""
    try:
        with closing(sqlite3.connect(content)) as source, closing(sqlite3.connect(str(db.url.database), timeout=60)) as target:
            source.backup(target)
    except sqlite3.OperationalError as error:
        raise StateError(f"database {db.url.render_as_string()}: was not replaced ({error}); stop what uses it, and try again") from error


def _pack(file: Path, manifest: Manifest, content: Path) -> None:
    """Manifest and content in one file, on the disk when this returns. A dump is compressed already."""
    method = zipfile.ZIP_DEFLATED if manifest.kind == "sqlite" else zipfile.ZIP_STORED
    with file.open("xb") as out:
        with zipfile.ZipFile(out, "w", method, compresslevel=1) as packed:
            said = asdict(manifest) | {"format": FORMAT, "made_at": manifest.made_at.isoformat()}
            packed.writestr(MANIFEST, json.dumps(said, indent=1, ensure_ascii=False))
            packed.write(content, content.name)
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def _unpacked(file: Path, manifest: Manifest) -> Iterator[Path]:
    """The content of a backup as a file of its own, beside it or, where nothing can be written there, in the temporary folder."""
    beside = file.parent if os.access(file.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".trueorder-backup-", dir=beside) as place:
        content = Path(place) / CONTENT[manifest.kind]
        try:
            with zipfile.ZipFile(file) as packed, packed.open(content.name) as source, content.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
        except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
            raise TrueOrderError(f"{file}: is damaged ({error}); use another: trueorder backup list") from error
        except OSError as error:
            raise TrueOrderError(f"{content.parent.parent}: cannot be written ({error.strerror}); free space there") from error
        yield content


def _tells_of_a_disk(error: StateError) -> bool:
    """Whether pg_dump, whose words are all there is, could not write."""
    return any(os.strerror(code) in str(error) for code in storage.ERRNOS)
