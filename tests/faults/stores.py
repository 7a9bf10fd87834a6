"""A database whose disk can be filled or made read-only, and put back to what it once held."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from ordering import database
from tests import servers
from tests.faults.small_disk import Disk


class Store(ABC):
    """The database at `url`, on `disk`; `kept` names what it can be put back to."""

    url: str
    disk: Disk
    kept: set[str]

    @abstractmethod
    def keep(self, name: str) -> None:
        """Remember what the database holds now."""

    @abstractmethod
    def reset(self, name: str) -> None:
        """Put the database back to what was kept under the name; "nothing" is a database without any table."""

    @abstractmethod
    def read_only(self) -> AbstractContextManager[None]:
        """Nothing can be written into it while the block lasts."""

    @property
    @abstractmethod
    def place(self) -> str:
        """What an error must name."""

    @abstractmethod
    def close(self) -> None:
        """Take all of it away."""

    def content(self) -> dict[str, str]:
        """A hash of the rows of each table, but of who holds which lease: that is taken and given back whatever comes of it."""
        db = database.connect(self.url)
        found = {}
        with db.engine.connect() as connection:
            for name in sorted({*sa.inspect(db.engine).get_table_names()} - {"leases"}):
                rows = sorted(map(repr, connection.exec_driver_sql(f'SELECT * FROM "{name}"')))
                found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        db.engine.dispose()
        return found


class SqliteStore(Store):
    """An SQLite file on a disk of its own."""

    def __init__(self, folder: Path) -> None:
        self._kept_in = folder / "kept"
        self._kept_in.mkdir()
        self.disk, self.kept = Disk(folder / "store"), set()
        self._file = self.disk.folder / "city.db"
        self.url = f"sqlite:///{self._file}"

    @property
    def place(self) -> str:
        return str(self.disk.folder)

    def keep(self, name: str) -> None:
        db = database.connect(self.url)
        with db.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
        shutil.copyfile(self._file, self._kept_in / name)
        self.kept.add(name)

    def reset(self, name: str) -> None:
        for file in self.disk.folder.iterdir():
            file.unlink()
        if name != "nothing":
            shutil.copyfile(self._kept_in / name, self._file)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        with self.disk.read_only():
            yield

    def close(self) -> None:
        self.disk.close()


class PostgresqlStore(Store):
    """A database on the server at `url`, in a tablespace on a disk of its own; what else the server writes has its own room.

    No other trial may use that server: where one disk is full, the server makes no checkpoint, and refuses to copy or drop any database.
    """

    def __init__(self, url: str) -> None:
        self._server, self._name = url, f"f7_{secrets.token_hex(6)}"
        self._folder = Path(tempfile.mkdtemp(prefix="trueorder-store-"))
        self._folder.chmod(0o755)
        self.disk = Disk(self._folder / "store")
        self.kept = set()
        with servers.saying(url) as say:
            owner = Path(say("SHOW data_directory").scalar()).stat()  # type: ignore[attr-defined]
            os.chown(self.disk.folder, owner.st_uid, owner.st_gid)
            say(f"CREATE TABLESPACE {self._name} LOCATION '{self.disk.folder}'")
            say(f"CREATE DATABASE {self._name} TABLESPACE {self._name}")
        self.url = servers.named(url, self._name)

    @property
    def place(self) -> str:
        return self._name

    def keep(self, name: str) -> None:
        with servers.saying(self._server) as say:
            say(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")
            say(f"CREATE DATABASE {self._name}_{name} TEMPLATE {self._name} TABLESPACE pg_default")
        self.kept.add(name)

    def reset(self, name: str) -> None:
        template = "template0" if name == "nothing" else f"{self._name}_{name}"
        with servers.saying(self._server) as say:
            say(f"DROP DATABASE {self._name} WITH (FORCE)")
            say(f"CREATE DATABASE {self._name} TEMPLATE {template} TABLESPACE {self._name}")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self._default_read_only("on")
        try:
            yield
        finally:
            self._default_read_only("off")

    def _default_read_only(self, state: str) -> None:
        with servers.saying(self._server) as say:
            say(f"ALTER DATABASE {self._name} SET default_transaction_read_only = {state}")

    def close(self) -> None:
        with servers.saying(self._server) as say:
            for name in [self._name, *(f"{self._name}_{kept}" for kept in self.kept)]:
                say(f"DROP DATABASE {name} WITH (FORCE)")
            say(f"DROP TABLESPACE {self._name}")
        self.disk.close()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Store]:
    """A store of the kind of `url`: an SQLite file below `folder`, or a database on a server of its own."""
    with ExitStack() as stack:
        store = SqliteStore(folder) if url.startswith("sqlite") else PostgresqlStore(stack.enter_context(servers.server()))
        stack.callback(store.close)
        yield store
