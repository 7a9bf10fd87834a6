"""Parts of tables on PostgreSQL: made by the writes themselves, by several at once, and a line never stands in two weeks."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordering import database, frames, tables
from ordering.database import partitions
from ordering.database import runs as runlog
from ordering.errors import ImportRefusedError
from tests import factories as f
from tests.examples import examples

AT = datetime(2026, 3, 2, 1, 30)
LINES = tables.order_lines
BRANDS = ("B1", "B2", "B3")
Folder = dict[str, tuple[date, dict[str, int]]]
"""Orders: their date, and what is asked of each brand."""


def store(db: database.Database, lines: list[dict[str, Any]]) -> database.Stored:
    return database.store(db, {"order_lines": f.table(frames.ORDER_LINES, lines)}, folder="city", by="tester", at=AT)["order_lines"]


def lines_of(folder: Folder) -> list[dict[str, Any]]:
    return [
        f.line(f"R{order}", brand, requested, None, order_id=order, order_date=on)
        for order, (on, asked) in folder.items()
        for brand, requested in asked.items()
    ]


def stored(db: database.Database) -> list[tuple[str, str, date, int]]:
    """Every line: order, brand, week, requested."""
    rows = db.rows(sa.select(LINES).order_by(LINES.c.order_id, LINES.c.brand_id, LINES.c.week))
    return [(row["order_id"], row["brand_id"], row["week"], row["requested"]) for row in rows]


def parts_of(db: database.Database, table: sa.Table) -> set[str]:
    with db.engine.connect() as connection:
        names = sa.inspect(connection).get_table_names(schema=partitions.SCHEMA)
    return {name.removeprefix(f"{table.name}_") for name in names if name.startswith(f"{table.name}_")}


@pytest.fixture
def server(postgres_url: str) -> Iterator[database.Database]:
    db = database.connect(postgres_url)
    database.migrate(db)
    yield db
    db.engine.dispose()


days = st.integers(0, 34).map(lambda n: f.MONDAY + timedelta(days=n))
asked = st.dictionaries(st.sampled_from(BRANDS), st.integers(1, 9), min_size=1)
folders: st.SearchStrategy[list[Folder]] = st.lists(
    st.dictionaries(st.sampled_from([f"O{n}" for n in range(5)]), st.tuples(days, asked), min_size=1), min_size=1, max_size=5
)


def empty(db: database.Database) -> None:
    with db.writing() as tx:
        for table in (LINES, tables.request_versions, tables.imports, tables.order_weeks):
            tx.execute(table.delete())
        if partitions.has_parts(tx, LINES):
            tx.execute(partitions.ORDERS.delete())
            for name in sa.inspect(tx).get_table_names(schema=partitions.SCHEMA):
                if name.startswith("order_lines_"):
                    tx.exec_driver_sql(f'DROP TABLE {partitions.SCHEMA}."{name}"')


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(folders)
def test_an_import_never_leaves_a_key_twice_and_a_moved_line_stands_in_its_new_week_alone(
    server: database.Database, made: list[Folder]
) -> None:
    empty(server)
    known: Folder = {}
    for folder in made:
        moved = {o for o, (on, lines) in folder.items() if o in known and known[o][0] != on and set(known[o][1]) - set(lines)}
        if moved:  # some of an order's lines would stay on another day
            before = stored(server)
            with pytest.raises(ImportRefusedError, match="with what is stored; give every line of it"):
                store(server, lines_of(folder))
            assert stored(server) == before
            continue
        store(server, lines_of(folder))
        for order, (on, lines) in folder.items():
            known[order] = (on, (known[order][1] if order in known else {}) | lines)
        monday = {order: on - timedelta(days=on.weekday()) for order, (on, _) in known.items()}
        assert stored(server) == sorted((o, b, monday[o], q) for o, (_, lines) in known.items() for b, q in lines.items())


def test_without_the_weeks_of_orders_a_key_would_stand_twice(server: database.Database) -> None:
    """The control of the law above."""
    store(server, lines_of({"O1": (f.week(-2), {"B1": 5})}))
    with server.writing() as tx:
        tx.execute(partitions.ORDERS.delete())
    store(server, lines_of({"O1": (f.week(0), {"B1": 5})}))
    assert [line[:2] for line in stored(server)] == [("O1", "B1")] * 2


def test_lines_that_are_not_imported_are_known_by_their_order_as_well(server: database.Database) -> None:
    """Whoever inserts a line need not think of it: the database does."""
    with server.writing() as tx:
        tx.execute(
            LINES.insert().values(f.line("R1", "B1", 5, 5, order_id="O1", order_date=f.week(-2)) | {"week": f.week(-2), "version": 1})
        )
    store(server, lines_of({"O1": (f.week(0), {"B1": 5})}))
    assert stored(server) == [("O1", "B1", f.week(0), 5)]


def test_an_import_of_a_hundred_new_weeks_makes_a_hundred_parts_or_none(server: database.Database) -> None:
    lines = [f.line(order_id=f"O{n}", order_date=f.week(-n)) for n in range(100)]
    store(server, lines_of({"TORN": (f.week(1), {"B1": 5, "B2": 5})}))
    with pytest.raises(ImportRefusedError):
        store(server, [*lines, *lines_of({"TORN": (f.week(2), {"B1": 5})})])
    assert parts_of(server, LINES) == {f"{f.week(1):%Y%m%d}"}
    store(server, lines)
    assert parts_of(server, LINES) == {f"{f.week(-n):%Y%m%d}" for n in range(-1, 100)}
    assert len(stored(server)) == 102


def test_imports_that_begin_the_same_weeks_at_once_wait_for_each_other(server: database.Database) -> None:
    failed: list[BaseException] = []

    def import_own(own: int) -> None:
        try:
            store(server, [f.line(f"R{own}", order_id=f"O{own}-{n}", order_date=f.week(-n)) for n in range(12)])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=import_own, args=(own,)) for own in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(stored(server)) == 72
    assert len(parts_of(server, LINES)) == 12


def test_a_reader_sees_a_week_as_it_was_while_its_part_is_made_and_filled(server: database.Database) -> None:
    store(server, lines_of({"O1": (f.week(-1), {"B1": 5})}))
    with server.reading() as reader:
        assert database.known_weeks(reader, date.min)
        store(server, lines_of({"O2": (f.week(0), {"B1": 7}), "O1": (f.week(-1), {"B1": 6})}))
        found = database.read_lines(reader, f.week(-1), f.week(1))
        assert (found["order_id"].to_pylist(), found["requested"].to_pylist()) == (["O1"], [5])
    with server.reading() as reader:
        assert database.read_lines(reader, f.week(-1), f.week(1))["requested"].to_pylist() == [6, 7]


def test_a_week_is_read_from_its_part_alone(server: database.Database) -> None:
    store(server, [f.line(order_id=f"O{n}", order_date=f.week(-n)) for n in range(9)])
    asked = sa.select(LINES.c.order_id).where(LINES.c.week >= f.week(-3), LINES.c.week <= f.week(-2))
    text = str(asked.compile(dialect=server.engine.dialect, compile_kwargs={"literal_binds": True}))
    with server.engine.connect() as connection:
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}"))
    assert set(re.findall(r"order_lines_(\d{8})", plan)) == {f"{f.week(-n):%Y%m%d}" for n in (2, 3)}


def save_run(db: database.Database, keep: int) -> int:
    run_id = runlog.begin(db, job="nightly", business_date=f.MONDAY, version="v", at=AT)
    rows = f.table(frames.SUGGESTIONS, [f.suggestion("R1"), f.suggestion("R2")])
    steps = [runlog.Step("made", 0, 0, 0)]
    runlog.save(db, run_id, {"suggestions": rows}, hashes={}, steps=steps, problems=frames.empty(frames.PROBLEMS), at=AT, keep=keep)
    return run_id


def test_the_results_of_a_run_that_is_let_go_leave_with_the_next_night(server: database.Database) -> None:
    first, second = save_run(server, 1), save_run(server, 1)
    table = tables.results["suggestions"]
    assert [run.detailed for run in runlog.find(server)] == [True, False]
    assert parts_of(server, table) == {str(first), str(second)}
    third = save_run(server, 1)
    assert parts_of(server, table) == {str(second), str(third)}
    with server.reading() as reader:
        assert len(runlog.read_result(reader, third, "suggestions")) == 2


def test_a_run_that_somebody_reads_is_let_go_later(server: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "WAIT", "50ms")
    save_run(server, 1), save_run(server, 1)
    table = tables.results["suggestions"]
    with server.reading() as reader:
        assert len(runlog.read_result(reader, 1, "suggestions")) == 2
        assert partitions.drop_thinned(server) == 0
        assert len(runlog.read_result(reader, 1, "suggestions")) == 2
    assert partitions.drop_thinned(server) == 1
    assert parts_of(server, table) == {"2"}


def test_a_confirmed_line_that_moves_takes_its_confirmation_along(db: database.Database) -> None:
    store(db, lines_of({"O1": (f.week(-1), {"B1": 5})}))
    done = dict.fromkeys(("run_id", "requested", "allocated", "pack_multiple", "min_lot", "taken", "usable", "weight", "ticket"), 1)
    done |= {"order_id": "O1", "brand_id": "B1", "week": f.week(-1), "held": False, "reason": "FULL", "policy": "uniform"}
    with db.writing() as tx:
        tx.execute(tables.confirmations.insert().values(done | {"confirmed_at": AT, "confirmed_by": "Li"}))
    store(db, lines_of({"O1": (f.week(0), {"B1": 5})}))
    assert [row["week"] for row in db.rows(sa.select(tables.confirmations))] == [f.week(0)]


def test_sqlite_has_no_parts(tmp_path: Any) -> None:
    db = database.connect(f"sqlite:///{tmp_path / 'city.db'}")
    with db.writing() as tx:
        partitions.prepare(tx, LINES, [f.MONDAY])
        assert not partitions.has_parts(tx, LINES)
        assert partitions.weeks_of_orders(tx, sa.select(LINES.c.order_id)) == set()
    assert partitions.drop_thinned(db) == 0
