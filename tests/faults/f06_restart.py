"""F6: the database is restarted in the middle of an import, a night or a publishing.

Each trial does one act while its server is stopped, like a crash or as an administrator does, and started again: before a statement, before
a commit, after a commit whose answer never comes, or at any instant, also while rows are read or copied. Nobody helps: the act goes on,
and the database then holds what it holds when nothing happens. Somebody who reads meanwhile sees each week, run and order day whole or not.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from jobs import loading, nightly, publish
from jobs.runs import quiet
from ordering import database, sample, settings, tables
from tests.faults import restarting

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F6", "database restarted in the middle: goes on or resumes, never half a week"
DATABASES = ("postgresql",)
FULL, SHORT = 300, 3
LINES, DONE = tables.order_lines, tables.confirmations
DRAWN = {
    "order_weeks": {"version"},
    "runs": {"started_at", "finished_at", "host", "process", "heartbeat_at", "attempt"},
    "run_steps": {"seconds", "started_at", "finished_at", "attempts", "progress_done", "progress_total"},
    "notices": {"uid", "unique_key", "payload"},
}
"""Columns that differ from one undisturbed time to the next, or tell of the restart."""
NOT_KEPT = {"run_log", "leases"}
GIVEN = {
    key.name: table
    for table in tables.metadata.sorted_tables
    for key in table.primary_key
    if len(table.primary_key) == 1 and isinstance(key.type, sa.Integer) and key.name.endswith("_id")
}
"""Ids that the database gives, and the table that each is of: a transaction that was cut off leaves a gap in them."""
Seen = dict[Any, tuple[int, int]]
"""Of each week, run or order day: rows, and a sum."""


@dataclass(frozen=True)
class Act:
    """What is done on a copy of the database `base`, and what a reader looks at meanwhile."""

    name: str
    base: str
    do: Callable[[City, database.Database, Path], object]
    look: Callable[[database.Reader], Seen]


@dataclass
class City:
    """The made-up city on its server; `content` and `seen` (before, after) of each act when nothing happens, with its length."""

    server: restarting.Server
    folder: Path
    cutoff: datetime
    rules: settings.Settings
    content: dict[str, str] = field(default_factory=dict)
    seen: dict[str, tuple[Seen, Seen]] = field(default_factory=dict)
    length: dict[str, tuple[int, int, float]] = field(default_factory=dict)

    def night(self, db: database.Database, history: Path) -> object:
        return nightly.run(db, self.cutoff.date(), self.rules, history=history, clock=self.cutoff)


def _import(city: City, db: database.Database, _history: Path) -> object:
    more = {"mapping": None, "by": "tester", "at": city.cutoff, "progress": quiet}
    return loading.load(db, city.folder / "corrected", city.rules, **more)  # type: ignore[arg-type]


def _night(city: City, db: database.Database, history: Path) -> object:
    return city.night(db, history)


def _publish(city: City, db: database.Database, history: Path) -> object:
    late = city.cutoff + timedelta(days=8)
    done = publish.publish(db, city.rules, history=history, clock=late, by="tester", accept_limits="made up")
    assert sum(one.lines for one in done) > 0, "it tells of nothing that it confirmed"
    return done


def _groups(reader: database.Reader, query: Any, key: Any) -> Seen:
    found = reader.fetch(query, {"key": key, "rows": pa.int64(), "sum": pa.int64()}).to_pylist()
    return {row["key"]: (row["rows"], row["sum"]) for row in found}


def _sums(key: Any, value: Any) -> Any:
    return sa.select(key.label("key"), sa.func.count().label("rows"), sa.cast(sa.func.sum(value), sa.BigInteger).label("sum")).group_by(key)


def _weeks(reader: database.Reader) -> Seen:
    return _groups(reader, _sums(LINES.c.week, LINES.c.requested), pa.date32())


def _runs(reader: database.Reader) -> Seen:
    t = tables.results["allocation"]
    running = _groups(reader, _sums(tables.runs.c.status, 1).where(tables.runs.c.status == "running"), pa.string())
    known = _groups(reader, _sums(t.c.order_date, t.c.requested), pa.date32())
    done = _groups(reader, _sums(tables.runs.c.status, 1).where(tables.runs.c.status == "done"), pa.string())
    assert bool(known) == bool(done), "results of a run that is not done, or a run without them"
    assert len(running) <= 1
    return known


def _days(reader: database.Reader) -> Seen:
    given = _groups(reader, _sums(LINES.c.order_date, LINES.c.allocated).where(LINES.c.allocated.is_not(None)), pa.date32())
    same = sa.and_(*(DONE.c[name] == LINES.c[name] for name in ("order_id", "brand_id")))
    confirmed = _groups(reader, _sums(LINES.c.order_date, DONE.c.allocated).select_from(LINES.join(DONE, same)), pa.date32())
    return given | {f"confirmed {day}": found for day, found in confirmed.items()}


ACTS = (Act("import", "loaded", _import, _weeks), Act("night", "loaded", _night, _runs), Act("publish", "planned", _publish, _days))


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """One act and one restart each; figures: seconds of the act, what a reader saw meanwhile, and how often it found the server gone."""
    with restarting.started() as server:
        city = _made(server, place.folder)
        for number in range(first, first + count):
            yield _trial(city, ACTS[number % len(ACTS)], random.Random(place.seed * 100_003 + number), number)


def _made(server: restarting.Server, folder: Path) -> City:
    """The city in two databases to be copied: loaded, and with its night; and each act done undisturbed."""
    made = sample.write_city(folder / "city", retailers=16, brands=4, weeks=22, seed=3)
    rules = settings.load()
    one = {"nightly": rules.nightly.model_copy(update={"workers": 1}), "forecast": rules.forecast.model_copy(update={"origins": 1})}
    city = City(server, folder, datetime.combine(made.cutoff, datetime.min.time()), rules.model_copy(update=one))
    _correct(folder)
    server.say("CREATE DATABASE loaded")
    db = database.connect(server.database("loaded"))
    database.migrate(db)
    more = {"mapping": None, "by": "tester", "at": city.cutoff, "progress": quiet}
    loading.load(db, folder / "city", city.rules, **more)  # type: ignore[arg-type]
    db.engine.dispose()
    server.say("CREATE DATABASE planned TEMPLATE loaded")
    db = database.connect(server.database("planned"))
    city.night(db, folder / "history")
    db.engine.dispose()
    for act in ACTS:
        _measure(city, act)
    return city


def _correct(folder: Path) -> None:
    """A folder that changes each line of two weeks, and brings a new week."""
    lines = pd.read_csv(folder / "city" / "order_lines.csv", dtype=str, keep_default_na=False)
    on = pd.to_datetime(lines["order_date"])
    monday = on - pd.to_timedelta(on.dt.day_of_week, unit="D")
    last = sorted(monday.unique())[-3:]
    changed = lines[monday.isin(last[:2])]
    changed = changed.assign(requested=(changed["requested"].astype(int) + 1).astype(str))
    later = lines[monday == last[-1]].assign(order_date=(on[monday == last[-1]] + pd.Timedelta(days=7)).dt.strftime("%Y-%m-%d"))
    later = later.assign(order_id="N" + later["order_id"].astype(str))
    (folder / "corrected").mkdir()
    pd.concat([changed, later]).to_csv(folder / "corrected" / "order_lines.csv", index=False)


@contextmanager
def _copy(city: City, act: Act) -> Iterator[database.Database]:
    city.server.say("DROP DATABASE IF EXISTS trial WITH (FORCE)")
    city.server.say(f"CREATE DATABASE trial TEMPLATE {act.base}")
    db = database.connect(city.server.database("trial"))
    yield db
    db.engine.dispose()


def _history(city: City, name: str) -> Path:
    folder = city.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    if (city.folder / "history").exists():
        shutil.copytree(city.folder / "history", folder)
    return folder


def _measure(city: City, act: Act) -> None:
    with _copy(city, act) as db:
        counts = {"before_cursor_execute": 0, "commit": 0}
        for event in counts:
            sa.event.listen(db.engine, event, lambda *_given, event=event: counts.update({event: counts[event] + 1}))
        before = _seen(db, act)
        since = time.perf_counter()
        act.do(city, db, _history(city, "undisturbed"))
        city.length[act.name] = (counts["before_cursor_execute"], counts["commit"], time.perf_counter() - since)
        city.seen[act.name], city.content[act.name] = (before, _seen(db, act)), content(db)
        assert before != city.seen[act.name][1], f"{act.name}: nothing to see"


def _seen(db: database.Database, act: Act) -> Seen:
    with db.reading() as reader:
        return act.look(reader)


def content(db: database.Database) -> str:
    """A hash of every row of every table, but for what is drawn at random or measured; ids that the database gives count by their order."""
    digest, places = hashlib.sha256(), {name: _places(db, table.c[name]) for name, table in GIVEN.items()}
    for table in tables.metadata.sorted_tables:
        if table.name in NOT_KEPT:
            continue
        names = [c.name for c in table.columns if c.name not in DRAWN.get(table.name, set())]
        rows = db.rows(sa.select(*(table.c[n] for n in names)))
        said = sorted(repr([places.get(n, {}).get(value, value) for n, value in row.items()]) for row in rows)
        digest.update(repr((table.name, said)).encode())
    return digest.hexdigest()


def _places(db: database.Database, column: sa.Column[int]) -> dict[int, str]:
    """The ids of a table, and the place of each among them."""
    return {row[column.name]: f"#{place}" for place, row in enumerate(db.rows(sa.select(column).order_by(column)))}


def _trial(city: City, act: Act, rng: random.Random, number: int) -> Mapping[str, float]:
    with _copy(city, act) as db, _watching(city, act) as watched:
        history = _history(city, "trial")
        fuse = _fuse(city, db, act, rng)
        since = time.perf_counter()
        act.do(city, db, history)
        seconds = time.perf_counter() - since
        fuse.join()
        assert content(db) == city.content[act.name], f"{act.name}: another end than without a restart"
    before, after = city.seen[act.name]
    for seen in watched.seen:
        for key in before.keys() | after.keys() | seen.keys():
            found = seen.get(key)
            assert found in (before.get(key), after.get(key)), f"{act.name}: half of {key} was seen: {found}"
    return {"seconds": seconds, "looks": len(watched.seen), "server gone for reader": watched.lost}


def _fuse(city: City, db: database.Database, act: Act, rng: random.Random) -> threading.Thread:
    """Let the server be restarted once while the act is done."""
    mode = rng.choice(["immediate", "fast"])
    statements, commits, seconds = city.length[act.name]
    way = rng.choice(["statement", "commit", "committed", "instant", "instant"])
    left = [rng.randrange(statements if way == "statement" else commits)]

    def burn(connection: sa.Connection, *_given: Any) -> None:
        left[0] -= 1
        if left[0] == -1:
            if way == "committed":
                connection.connection.driver_connection.commit()  # type: ignore[union-attr]
            city.server.restart(mode)

    thread = threading.Thread(target=lambda: None)
    if way == "instant":
        thread = threading.Timer(rng.uniform(0, seconds), city.server.restart, [mode])
    else:
        sa.event.listen(db.engine, "before_cursor_execute" if way == "statement" else "commit", burn)
    thread.start()
    return thread


@dataclass
class Watched:
    """What a reader saw, and how often the server was gone."""

    seen: list[Seen] = field(default_factory=list)
    lost: int = 0
    failed: list[BaseException] = field(default_factory=list)


@contextmanager
def _watching(city: City, act: Act) -> Iterator[Watched]:
    """Somebody who reads all the while, through connections of their own."""
    watched, end = Watched(), threading.Event()

    def watch() -> None:
        db = database.connect(city.server.database("trial"))
        while not end.wait(0.01):
            try:
                watched.seen.append(_seen(db, act))
            except database.LostError:
                watched.lost += 1
            except BaseException as error:
                watched.failed.append(error)
                return
        db.engine.dispose()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield watched
    finally:
        end.set()
        thread.join()
    assert watched.failed == []
