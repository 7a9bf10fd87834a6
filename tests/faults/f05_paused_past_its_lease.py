"""F5: the scheduler that leads is paused past its lease, killed, or its connections are cut: takeover, and stale writes refused."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ordering import database, tables
from ordering.database import ledger
from ordering.schedule import State
from tests.faults import crew

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F5", "scheduler paused past its lease, connections cut: a stale holder's writes are refused, takeover within 30 s"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 100, 4
KINDS = ("paused", "paused in the write", "killed", "cut")
LEASE, TICK = 1.5, 0.2
"""Seconds of most trials; every tenth has those of the default settings."""
MOST = 30.0


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """A leader of two schedulers is struck in the midst of its night; the other does the night, and what is struck comes back."""
    db = crew.migrated(place.url)
    default = crew.rules().schedule
    with crew.crew(place.url, place.folder, 2) as members:
        for number in range(first, first + count):
            by_default = number % 10 == 9
            lease, tick = (default.lease_seconds, default.tick_seconds) if by_default else (LEASE, TICK)
            (place.folder / "night").write_text(str(number))
            took = _trial(db, place, members, number, lease, tick)
            _rest(place, members)
            yield {"takeover_s" if by_default else "takeover_short_lease_s": took}
    db.engine.dispose()


def _rest(place: Place, members: list[crew.Member]) -> None:
    """Schedule no more; who was killed is replaced."""
    for n, one in enumerate(members):
        if one.process.poll() is not None:
            members[n] = crew.ready(crew.member(place.url, place.folder))
            continue
        one.tell(do="close")
        assert one.answer() == {"closed": True}


def _trial(db: database.Database, place: Place, members: list[crew.Member], number: int, lease: float, tick: float) -> float:
    kind = KINDS[number % len(KINDS)]
    sqlite = db.engine.dialect.name == "sqlite"
    in_write = place.folder / "in-the-write"
    in_write.unlink(missing_ok=True)
    if kind == "paused in the write" and not sqlite:  # SQLite has one writer, so nobody else could write a thing meanwhile
        in_write.touch()
    for one in members:
        one.tell(do="schedule", lease=lease, tick=tick)
        assert one.answer() == {"scheduled": True}
    old = _begun(db, number, members, 1)
    other = next(one for one in members if one is not old)
    if in_write.exists():
        _in_a_write(db)
        in_write.unlink()
    since = time.monotonic()
    _strike(db, old, kind)
    if kind == "cut" and not sqlite:
        return _goes_on(db, place, number, old, since)
    assert _begun(db, number, members, 2) is other
    took = time.monotonic() - since
    assert took <= MOST, f"trial {number}: {kind}: taken over after {took:.1f} s"
    (place.folder / f"go-{crew.day_of(number)}").touch()
    _until(lambda: _entry(db, number).state is State.DONE, f"trial {number}: {kind}: the other is done")
    if old.process.poll() is None:
        os.kill(old.process.pid, signal.SIGCONT)
        _until(lambda: _leads_no_more(old), f"trial {number}: {kind}: the old leader steps down")
    _check(db, number, other)
    return took


def _strike(db: database.Database, old: crew.Member, kind: str) -> None:
    """Pause the leader, kill it, or cut every connection it has (where the database has none: kill it)."""
    if kind.startswith("paused"):
        os.kill(old.process.pid, signal.SIGSTOP)
    elif kind == "cut" and db.engine.dialect.name != "sqlite":
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        with db.writing() as tx:
            tx.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    else:
        os.kill(old.process.pid, signal.SIGKILL)
        old.process.wait()


def _goes_on(db: database.Database, place: Place, number: int, old: crew.Member, since: float) -> float:
    """A lease hangs on no connection: whose connections are cut, the leader or another does the date, once."""
    (place.folder / f"go-{crew.day_of(number)}").touch()
    _until(lambda: _entry(db, number).state is State.DONE, f"trial {number}: cut: done")
    done = [row for row in _runs(db, number) if row["status"] == "done"]
    assert len(done) == 1, _runs(db, number)
    return time.monotonic() - since


def _check(db: database.Database, number: int, other: crew.Member) -> None:
    """Of the two runs that were begun only the other's was ended, and the ledger has it."""
    states = {int(row["version"]): row["status"] for row in _runs(db, number)}
    pid = other.process.pid
    assert sorted(states.values()) == ["done", "running"], states
    assert states[pid] == "done", states
    entry = _entry(db, number)
    assert (entry.holder.split("/")[1], entry.attempts, entry.words) == (str(pid), 2, "well"), entry


def _runs(db: database.Database, number: int) -> list[dict[str, Any]]:
    t = tables.runs
    return db.rows(sa.select(t).where(t.c.business_date == crew.day_of(number)).order_by(t.c.run_id))


def _entry(db: database.Database, number: int) -> ledger.Record:
    (found,) = (record for record in ledger.read(db) if record.business_date == crew.day_of(number))
    return found


def _begun(db: database.Database, number: int, members: list[crew.Member], count: int) -> crew.Member:
    """Who began the run of that count."""
    _until(lambda: len(_runs(db, number)) >= count, f"trial {number}: run {count} is begun", 2 * MOST)
    pid = int(_runs(db, number)[count - 1]["version"])
    return next(one for one in members if one.process.pid == pid)


def _in_a_write(db: database.Database) -> None:
    """Until somebody is in the midst of a guarded write."""
    held = sa.text("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted")

    def entered() -> bool:
        with db.engine.connect() as connection:
            return bool(connection.execute(held).scalar())

    _until(entered, "a guarded write is under way")


def _leads_no_more(one: crew.Member) -> bool:
    one.tell(do="hear")
    return any("leads no more" in line for line in one.answer()["said"])


def _until(true: Any, what: str, seconds: float = MOST) -> None:
    by = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < by, f"not in time: {what}"
        time.sleep(0.02)
