"""Nights in processes that can be killed: each is forked from a process that has imported what a night needs, so that it begins at once."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ordering import database, frames, record, sample, settings, tables
from ordering.database import bulk

if TYPE_CHECKING:
    from tests.faults.harness import Place

WAIT = 300.0
LEFT = ("run_steps", "run_log", "run_problems", "runs", "fits")
"""Tables that a night writes beside its results and what is kept of forecasts."""


def plan(url: str, on: date, history: str, rules: dict[str, Any], told: str) -> None:
    """A night; what it came to goes into the file `told`."""
    from jobs import nightly

    found = settings.load()
    found = found.model_copy(update={name: getattr(found, name).model_copy(update=dict(keys)) for name, keys in rules.items()})
    try:
        night = nightly.run(database.connect(url), on, found, history=Path(history))
        said = {"run": night.run_id, "hash": night.result_hash, "stored": night.stored}
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    Path(told).write_text(json.dumps(said), "utf-8")


@dataclass
class City:
    """A small city in the database of a place, whose nights are told to begin, and killed."""

    place: Place
    on: date
    rules: dict[str, Any] = field(default_factory=lambda: {"nightly": {"workers": 1}, "forecast": {"origins": 1}})

    @classmethod
    def made(cls, place: Place, *, retailers: int = 12, brands: int = 3, weeks: int = 20, **rules: Any) -> City:
        """A sample city, loaded."""
        from jobs import loading
        from jobs.clock import now
        from jobs.runs import quiet

        folder = place.folder / "city"
        made = sample.write_city(folder, retailers=retailers, brands=brands, weeks=weeks, seed=place.seed + 3)
        db = database.connect(place.url)
        database.migrate(db)
        loading.load(db, folder, settings.load(), mapping=None, by="tester", at=now(), progress=quiet)
        db.engine.dispose()
        city = cls(place, made.cutoff)
        city.rules |= rules
        return city

    @cached_property
    def db(self) -> database.Database:
        """The database, as the test looks at it."""
        return database.connect(self.place.url)

    @property
    def history(self) -> Path:
        """Where nights keep what they derive."""
        return self.place.folder / "history"

    @cached_property
    def _server(self) -> ForkServerContext:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.faults.preloaded"])
        return context

    def begin(self, **rules: Any) -> ForkServerProcess:
        """A night under way."""
        (self.place.folder / "told.json").unlink(missing_ok=True)
        given = (self.place.url, self.on, str(self.history), self.rules | rules, str(self.place.folder / "told.json"))
        process = self._server.Process(target=plan, args=given)
        process.start()
        return process

    def ended(self, process: ForkServerProcess) -> dict[str, Any]:
        """What a night came to that was left to end."""
        process.join(WAIT)
        assert process.exitcode == 0, f"the night ended with {process.exitcode}"
        said: dict[str, Any] = json.loads((self.place.folder / "told.json").read_text("utf-8"))
        assert "error" not in said, said["error"]
        return said

    def night(self, **rules: Any) -> dict[str, Any]:
        """A night that nobody cuts off."""
        return self.ended(self.begin(**rules))

    def forget(self) -> None:
        """The city as it was before any night."""
        with self.db.writing() as tx:
            for table in (*tables.results.values(), *tables.kept.values(), *(tables.metadata.tables[name] for name in LEFT)):
                tx.execute(table.delete())
        for name in ("runs", "fits"):
            shutil.rmtree(self.history / name, ignore_errors=True)

    def steps(self) -> dict[str, dict[str, Any]]:
        """The steps of the newest run, by name; none where there is no run."""
        newest = sa.select(sa.func.max(tables.runs.c.run_id)).scalar_subquery()
        return {row["step"]: row for row in self.db.rows(sa.select(tables.run_steps).where(tables.run_steps.c.run_id == newest))}

    def tables_hash(self) -> str:
        """The hash of all that nights leave in the database, but for times, ids and who did it."""
        digest = hashlib.sha256()
        with self.db.reading() as reader:
            for name, rows in sorted(_left(reader, self.db).items()):
                digest.update(f"{name}{rows}".encode())
        return digest.hexdigest()


def _left(reader: bulk.Reader, db: database.Database) -> dict[str, str]:
    """What stands in each table that nights write, as text in the order of its keys; runs and steps by what they say."""
    kinds = frames.RESULTS | {of.name: of for of in (record.CANDIDATES, record.ORIGINS, *record.FORECASTS.values())}
    found = {}
    for name, table in (tables.results | tables.kept).items():
        rows = reader.frame(sa.select(*(table.c[column] for column in kinds[name].names)), kinds[name])
        found[name] = rows.sort_values(list(kinds[name].key), ignore_index=True).to_csv(float_format=float.hex)
    runs, steps, problems, fits = tables.runs, tables.run_steps, tables.run_problems, tables.fits
    said = {
        "runs": (runs, ("business_date", "status", "input_hash", "settings_hash", "result_hash", "detailed")),
        "run_steps": (steps, ("ordinal", "step", "rows", "problems", "note", "state")),
        "run_problems": (problems, ("ordinal", "step", "subject", "message")),
        "fits": (fits, ("fit_hash", "week", "business_date", "content_hash")),
    }
    for name, (table, columns) in said.items():
        found[name] = repr(
            [tuple(row.values()) for row in db.rows(sa.select(*(table.c[c] for c in columns)).order_by(*(table.c[c] for c in columns)))]
        )
    found["lines"] = repr(db.rows(sa.select(sa.func.count(), sa.func.sum(tables.order_lines.c.allocated))))
    return found


def kill(process: ForkServerProcess) -> None:
    """kill -9, and wait until it is gone; it may be over already."""
    assert process.pid is not None
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.join(WAIT)


@contextmanager
def timed(into: dict[str, float], name: str) -> Iterator[None]:
    """What the block took, in seconds."""
    began = time.monotonic()
    yield
    into[name] = time.monotonic() - began
