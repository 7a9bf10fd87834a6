"""Leases: one holder at a time, by the database's clock, and whoever lost one writes nothing."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordering import database, tables
from ordering.database import leases
from ordering.database.leases import Lease, StaleLeaseError

NAME = "nightly:2026-03-02"


def taken(db: database.Database, who: str = "one/1/a", seconds: float = 60.0) -> Lease:
    lease = leases.take(db, NAME, holder=who, seconds=seconds)
    assert lease is not None
    return lease


def expire(db: database.Database, seconds: float = 1.0) -> None:
    """Let the lease have run out so many seconds ago."""
    with db.writing() as tx:
        past = leases.clock(tx.dialect) - seconds
        tx.execute(tables.leases.update().values(renewed=past, expires=past))


def write(db: database.Database, lease: Lease, word: str) -> None:
    with db.writing() as tx:
        lease.guard(tx)
        tx.execute(tables.audit.insert().values(action="t", subject=word, detail="", by="t", at=leases.now(db)))


def written(db: database.Database) -> list[str]:
    return [row["subject"] for row in db.rows(sa.select(tables.audit.c.subject).order_by(tables.audit.c.audit_id))]


def test_only_one_of_many_who_ask_at_once_gets_it(db: database.Database) -> None:
    got: list[Lease | None] = []
    ready = threading.Barrier(8)

    def ask(n: int) -> None:
        ready.wait()
        got.append(leases.take(db, NAME, holder=f"host/{n}/x", seconds=60))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [lease for lease in got if lease is not None]
    assert len(winners) == 1
    held = leases.holder_of(db, NAME)
    assert held is not None
    assert (held.live, f"{held.host}/{held.process}/x") == (True, winners[0].holder)


def test_who_holds_it_is_told_with_host_process_and_time(db: database.Database) -> None:
    assert leases.holder_of(db, NAME) is None
    taken(db, "lab/77/q")
    held = leases.holder_of(db, NAME)
    assert held is not None
    assert str(held).startswith("lab, process 77, since 20")
    assert abs((leases.now(db) - held.since).total_seconds()) < 10


def test_it_is_free_again_when_it_is_given_back_or_has_run_out(db: database.Database) -> None:
    first = taken(db)
    leases.release(db, first)
    second = taken(db, "two/2/b")
    expire(db)
    third = taken(db, "three/3/c")
    assert [first.token, second.token, third.token] == [1, 2, 3]


def test_a_lease_that_is_renewed_does_not_run_out(db: database.Database) -> None:
    lease = taken(db, seconds=0.4)
    for _ in range(5):
        time.sleep(0.2)
        assert leases.renew(db, lease, 0.4, "at it")
    held = leases.holder_of(db, NAME)
    assert held is not None
    assert (held.live, held.doing) == (True, "at it")
    time.sleep(0.5)
    assert taken(db, "two/2/b").token == 2
    assert not leases.renew(db, lease, 60)


def test_a_holder_who_lost_it_writes_nothing_and_gives_nothing_back(db: database.Database) -> None:
    old = taken(db)
    write(db, old, "in time")
    expire(db)
    write(db, old, "late, but nobody took it")
    new = taken(db, "two/2/b")
    with pytest.raises(StaleLeaseError, match="one/1/a lost it, two/2/b holds it; nothing was written"):
        write(db, old, "stale")
    leases.release(db, old)
    held = leases.holder_of(db, NAME)
    assert held is not None
    assert held.live
    write(db, new, "new")
    assert written(db) == ["in time", "late, but nobody took it", "new"]


def test_without_the_guard_the_stale_write_would_have_been_stored(db: database.Database) -> None:
    old = taken(db)
    expire(db)
    taken(db, "two/2/b")
    with db.writing() as tx:
        leases.unguarded(tx)
        tx.execute(tables.audit.insert().values(action="t", subject="stale", detail="", by=old.holder, at=leases.now(db)))
    assert written(db) == ["stale"]


@pytest.mark.parametrize("hours", [1, 24])
def test_a_clock_set_back_keeps_nobody_out_for_longer(db: database.Database, hours: int) -> None:
    """What was renewed in what is now the future says nothing; its holder renews, or another takes it."""
    old = taken(db)
    expire(db, -3600.0 * hours)
    assert leases.renew(db, old, 60)
    held = leases.holder_of(db, NAME)
    assert held is not None
    assert held.live
    expire(db, -3600.0 * hours)
    assert taken(db, "two/2/b").token == 2


STEPS = st.lists(st.tuples(st.sampled_from(["take", "renew", "release", "expire", "write"]), st.integers(0, 2)), max_size=25)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_only_the_newest_token_writes(db: database.Database, steps: list[tuple[str, int]]) -> None:
    with db.writing() as tx:
        tx.execute(tables.leases.delete())
        tx.execute(tables.audit.delete())
    held: dict[int, Lease] = {}
    newest, live, expected = 0, False, []
    for n, (what, who) in enumerate(steps):
        mine = held.get(who)
        if what == "take":
            got = leases.take(db, NAME, holder=f"h/{who}/x", seconds=600)
            assert (got is None) == live
            if got is not None:
                assert got.token == newest + 1
                held[who], newest, live = got, got.token, True
        elif what == "expire" and newest:
            expire(db)
            live = False
        elif mine is None:
            continue
        elif what == "renew":
            assert leases.renew(db, mine, 600) == (mine.token == newest)
            live = live or mine.token == newest
        elif what == "release":
            leases.release(db, mine)
            live = live and mine.token != newest
        elif what == "write":
            try:
                write(db, mine, str(n))
                expected.append(str(n))
                assert mine.token == newest
            except StaleLeaseError:
                assert mine.token < newest
    assert written(db) == expected


def test_who_is_paused_in_the_midst_of_a_guarded_write_loses_its_connection(postgres_url: str) -> None:
    db = database.connect(postgres_url)
    database.migrate(db)
    old = taken(db)
    tx: Any = db.engine.connect()
    begun = tx.begin()
    old.guard(tx)
    tx.execute(tables.audit.insert().values(action="t", subject="stale", detail="", by="t", at=leases.now(db)))
    assert leases.renew(db, old, 60), "a guarded write holds up no renewal"
    expire(db)
    began = time.monotonic()
    new = taken(db, "two/2/b")
    assert time.monotonic() - began < 5
    with pytest.raises(sa.exc.OperationalError):
        begun.commit()
    tx.invalidate()
    tx.close()
    write(db, new, "new")
    assert written(db) == ["new"]
    db.engine.dispose()


def test_a_guarded_write_of_a_live_holder_is_left_alone(postgres_url: str) -> None:
    db = database.connect(postgres_url)
    database.migrate(db)
    old = taken(db)
    with db.writing() as tx:
        old.guard(tx)
        assert leases.take(db, NAME, holder="two/2/b", seconds=60) is None
        tx.execute(tables.audit.insert().values(action="t", subject="mine", detail="", by="t", at=leases.now(db)))
    assert written(db) == ["mine"]
    db.engine.dispose()
