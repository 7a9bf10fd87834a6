"""A lost connection: told in words, waited out, what was cut off is found out and never guessed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from ordering import database, frames, tables
from ordering.database import losing
from ordering.errors import StateError
from tests import factories as f
from tests.faults import restarting

T = tables.order_weeks


@pytest.fixture(scope="module")
def server() -> Iterator[restarting.Server]:
    with restarting.started() as started:
        yield started


@pytest.fixture
def db(server: restarting.Server, request: pytest.FixtureRequest) -> Iterator[database.Database]:
    name = f"d{abs(hash(request.node.nodeid))}"
    server.say(f"CREATE DATABASE {name}")
    opened = database.connect(server.database(name))
    database.migrate(opened)
    yield opened
    opened.engine.dispose()


def insert(tx: sa.Connection, version: int = 1) -> None:
    tx.execute(T.insert().values(week=f.week(), version=version))


def weeks(db: database.Database) -> int:
    return len(db.rows(sa.select(T)))


def at_commit(db: database.Database, act: Any) -> None:
    sa.event.listen(db.engine, "commit", lambda connection: act(connection.connection.driver_connection), once=True)


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_transaction_that_was_cut_off_before_its_commit_is_told_as_not_written(
    db: database.Database, server: restarting.Server, mode: str
) -> None:
    at_commit(db, lambda _: server.restart(mode))
    with pytest.raises(database.LostError, match="the connection was lost, and nothing was written; try again"), db.writing() as tx:
        insert(tx)
    assert weeks(db) == 0


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_commit_whose_answer_never_came_counts_as_written(db: database.Database, server: restarting.Server, mode: str) -> None:
    def act(driver: Any) -> None:
        driver.commit()
        server.restart(mode)

    at_commit(db, act)
    with db.writing() as tx:
        insert(tx)
    assert weeks(db) == 1


def test_a_commit_that_is_still_going_on_elsewhere_is_waited_for(db: database.Database) -> None:
    """The line is cut, and the server's process has not noticed: it holds its number's lock until it has ended."""
    with db.engine.connect() as held:
        held.begin()
        insert(held)
        token = losing._mark(held)
        threading.Timer(0.5, held.commit).start()
        assert losing._was_written(db.engine, token, OSError("cut"))
    with db.engine.connect() as held:
        held.begin()
        token = losing._mark(held)
        threading.Timer(0.5, held.rollback).start()
        assert not losing._was_written(db.engine, token, OSError("cut"))


def test_work_is_begun_anew_until_it_is_done_and_is_written_once(db: database.Database, server: restarting.Server) -> None:
    begun = []

    @losing.repeated
    def work(db: database.Database) -> int:
        begun.append(1)
        with db.writing() as tx:
            insert(tx)
            if len(begun) < 3:
                server.restart()
        return len(begun)

    assert work(db) == 3
    assert weeks(db) == 1


def test_a_reading_that_was_cut_off_is_told_and_can_be_begun_anew(db: database.Database, server: restarting.Server) -> None:
    database.store(db, {"retailers": f.table(frames.RETAILERS, [f.retailer("R1")])}, folder="x", by="t", at=f.pd.Timestamp(2026, 3, 2))
    tries = []

    @losing.repeated
    def read(db: database.Database) -> int:
        with db.reading() as reader:
            database.known_weeks(reader, f.MONDAY)
            if not tries:
                tries.append(server.restart())
            return len(database.read_table(reader, "retailers"))

    assert read(db) == 1


def test_a_server_that_stays_away_is_told_in_words_without_the_password(
    db: database.Database, server: restarting.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losing, "PATIENCE", 0.3)
    server.stop()
    try:
        with pytest.raises(StateError) as error:
            weeks(db)
    finally:
        server.start()
    assert "did not come back within 0 s" in str(error.value)
    assert "start it and run the same command again" in str(error.value)
    assert "postgres:postgres" not in str(error.value)
    assert weeks(db) == 0


def test_other_errors_are_no_loss_and_nothing_is_repeated(db: database.Database) -> None:
    begun = []

    @losing.repeated
    def work(db: database.Database) -> None:
        begun.append(1)
        with db.writing() as tx:
            insert(tx)
            insert(tx)

    with pytest.raises(sa.exc.IntegrityError):
        work(db)
    with db.writing() as other:
        other.exec_driver_sql("LOCK TABLE order_weeks IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            ask_impatiently(db)
    assert (len(begun), weeks(db)) == (1, 0)


def ask_impatiently(db: database.Database) -> None:
    with db.writing() as tx:
        tx.exec_driver_sql("SET LOCAL lock_timeout = '1ms'")
        tx.exec_driver_sql("SELECT * FROM order_weeks")


def test_numbers_of_transactions_long_past_go(db: database.Database) -> None:
    with db.writing() as tx:
        tx.exec_driver_sql(f"INSERT INTO {losing.COMMITS} VALUES (7, now() - interval '2 days')")
    with db.writing() as tx:
        losing.forget_commits(tx)
        assert tx.exec_driver_sql(f"SELECT count(*) FROM {losing.COMMITS} WHERE token = 7").scalar_one() == 0
