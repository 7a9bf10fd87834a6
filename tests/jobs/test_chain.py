"""Chains of steps: taken up where they were cut off, never by two at once, stopped when a person wishes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import chain, run_lists
from jobs.runs import Steps
from ordering import database, tables
from ordering.database import bulk, chains
from ordering.database import runs as runlog
from ordering.database.chains import Asked, CancelledError
from ordering.database.leases import Guard, unguarded
from ordering.errors import StateError, TrueOrderError

ON, AT = date(2026, 3, 2), datetime(2026, 3, 2, 4, 0)
NAMES = ("one", "two", "three")


class Cut(BaseException):
    """Stands for the end of a process: nothing of it is recorded."""


@dataclass
class Toy:
    """A job of three steps, each of which adds a row to what the one before gave; `made` counts how often each was done."""

    db: database.Database
    folder: Path
    made: list[str]

    def run(self, *, given: str = "same", cut: Callable[[str], None] = str, retry: int | None = None, guard: Guard = unguarded) -> int:
        steps, asked = Steps(), Asked("nightly", ON, "v1", given, (*NAMES, "write"))
        with chain.running(self.db, asked, steps, history=self.folder, by="Li", keep=8, at=AT, retry=retry, guard=guard) as under_way:
            rows = pd.DataFrame({"n": [0]})
            for name in NAMES:
                rows = steps.do(name, self.work, name, rows, cut, steps)
            with steps.step("write"):
                under_way.save("write", {}, hashes={}, problems=steps.all_problems(), keep=8)
            assert rows["n"].tolist() == [0, 1, 2, 3]
            return under_way.run_id

    def work(self, name: str, rows: pd.DataFrame, cut: Callable[[str], None], steps: Steps) -> pd.DataFrame:
        cut(name)
        self.made.append(name)
        return pd.concat([rows, pd.DataFrame({"n": [len(rows)]})], ignore_index=True)

    def cut_off(self, at: str, error: BaseException | None = None, given: str = "same") -> None:
        """Run until step `at`, which fails."""

        def cut(name: str) -> None:
            if name == at:
                raise error or RuntimeError("out of luck")

        with pytest.raises(type(error) if error is not None else RuntimeError):
            self.run(cut=cut, given=given)

    def stranded(self, at: str, *, host: str = "elsewhere", heartbeat: datetime | None = None) -> None:
        """As `cut_off`, and the record as kill -9 leaves it."""
        self.cut_off(at)
        t = tables.runs
        with self.db.writing() as tx:
            beat = heartbeat or sa.select(database.connection.clock(tx)).scalar_subquery()
            values = {"status": "running", "host": host, "process": 999_999_999, "heartbeat_at": beat, "finished_at": None}
            tx.execute(t.update().values(**values))


@pytest.fixture
def toy(db: database.Database, tmp_path: Path) -> Toy:
    return Toy(db, tmp_path / "h", [])


def test_a_run_that_failed_is_taken_up_after_its_last_step_that_was_done(toy: Toy) -> None:
    toy.cut_off("three")
    assert [(run.status, run.error) for run in runlog.find(toy.db)] == [("failed", "RuntimeError: out of luck")]
    run_id = toy.run()
    assert toy.made == ["one", "two", "three"], "each step was made once"
    run = runlog.find(toy.db)[0]
    assert (run.run_id, run.status, run.attempt, run.error) == (run_id, "done", 2, "")
    assert {row["step"]: row["attempts"] for row in runlog.read_steps(toy.db, run_id)} == {"one": 1, "two": 1, "three": 2, "write": 1}
    assert not (toy.folder / "runs" / str(run_id)).exists(), "what was kept goes with the end of the run"


def test_a_run_on_another_input_begins_anew_and_says_so(toy: Toy) -> None:
    toy.cut_off("three")
    run_id = toy.run(given="another")
    assert toy.made == ["one", "two", "one", "two", "three"]
    new, old = runlog.find(toy.db)
    assert (new.run_id, new.status, old.status, old.superseded_by) == (run_id, "done", "failed", run_id)
    assert "input or settings changed since: begun anew" in chains.read_log(toy.db, run_id)[0]["words"]
    assert not list((toy.folder / "runs").iterdir())
    with pytest.raises(StateError, match=f"was superseded by run {run_id}"):
        run_lists.retry(toy.db, old.run_id, None, history=toy.folder, by="Li")  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["torn", "other", "gone"])
def test_what_was_kept_and_is_not_what_it_was_is_made_again(toy: Toy, how: str) -> None:
    toy.cut_off("three")
    kept = next((toy.folder / "runs").glob("*/01-two.zip"))
    if how == "torn":
        kept.write_bytes(kept.read_bytes()[:-9])
    elif how == "other":
        kept.write_bytes(kept.with_name("00-one.zip").read_bytes())
    else:
        kept.unlink()
    run_id = toy.run()
    assert toy.made == ["one", "two", "two", "three"]
    assert any("cannot be read any more" in row["words"] for row in chains.read_log(toy.db, run_id))


def test_a_run_whose_process_gave_a_sign_just_now_is_left_alone_and_told(toy: Toy) -> None:
    toy.stranded("two")
    with pytest.raises(StateError, match=r"is under way: process 999999999 on elsewhere, started by Li"):
        toy.run()
    assert len(runlog.find(toy.db)) == 1


def test_a_run_whose_process_is_gone_is_taken_up(toy: Toy) -> None:
    toy.stranded("two", host=chain.here().host)
    toy.run()
    assert toy.made == ["one", "two", "three"]


def test_a_run_that_gave_no_sign_for_long_is_taken_up(toy: Toy) -> None:
    toy.stranded("two", heartbeat=datetime(2026, 3, 1))
    toy.run()
    assert toy.made == ["one", "two", "three"]


def test_a_run_that_was_cut_off_gives_way_to_one_on_another_input(toy: Toy) -> None:
    toy.stranded("two", heartbeat=datetime(2026, 3, 1))
    run_id = toy.run(given="another")
    assert [(run.status, run.superseded_by) for run in runlog.find(toy.db)] == [("done", None), ("failed", run_id)]


def test_a_holder_of_a_lease_takes_the_run_and_the_former_one_writes_no_more(toy: Toy) -> None:
    def overtaken(name: str) -> None:
        if name == "two":
            toy.run(guard=lambda tx: None)

    with pytest.raises(StateError, match="no longer this process's"):
        toy.run(cut=overtaken)
    run = runlog.find(toy.db)[0]
    assert (run.status, run.attempt) == ("done", 2), "the former holder neither failed it nor stored a thing"


def test_a_guard_refuses_every_write(toy: Toy) -> None:
    def refused(tx: sa.Connection) -> None:
        raise StateError("stale")

    with pytest.raises(StateError, match="stale"):
        toy.run(guard=refused)
    assert runlog.find(toy.db) == []


def test_a_running_run_stops_at_its_next_step_when_a_person_wishes_it(toy: Toy) -> None:
    def cancelled(name: str) -> None:
        if name == "two":
            found = chains.cancel(toy.db, 1, replace(chain.here(), by="Wang"), why="wrong caps", at=AT)
            assert found.status == "running", "it stops itself"

    with pytest.raises(CancelledError, match="run 1 was cancelled by Wang: wrong caps; nothing of it was stored"):
        toy.run(cut=cancelled)
    assert toy.made == ["one", "two"]
    assert runlog.find(toy.db)[0].status == "cancelled"
    acts = toy.db.rows(sa.select(tables.audit.c.by, tables.audit.c.action, tables.audit.c.subject, tables.audit.c.detail))
    assert [tuple(act.values()) for act in acts] == [("Wang", "run.cancel", "run 1", "wrong caps")]


def test_a_running_run_stops_at_a_tick_of_progress_too(toy: Toy) -> None:
    steps, asked = Steps(), Asked("nightly", ON, "v1", "same", ("one",))

    def long() -> None:
        chains.cancel(toy.db, 1, chain.here("Wang"), why="too long", at=AT)
        for done in range(400):
            steps.watch("one").done(done, 400)
            time.sleep(0.05)

    with pytest.raises(CancelledError), chain.running(toy.db, asked, steps, history=None, at=AT):
        steps.do("one", long)
    row = runlog.read_steps(toy.db, 1)[0]
    assert 0 < row["progress_done"] < 400
    assert (row["state"], row["progress_total"]) == ("waiting", 400)


def test_a_cancelled_run_is_begun_anew_by_the_next_start_and_taken_up_by_a_retry(toy: Toy) -> None:
    toy.cut_off("three")
    chains.cancel(toy.db, 1, chain.here("Wang"), why="no", at=AT)
    assert runlog.find(toy.db)[0].status == "cancelled"
    with pytest.raises(StateError, match="run 1 is cancelled; there is nothing to cancel"):
        chains.cancel(toy.db, 1, chain.here("Wang"), why="no", at=AT)
    assert toy.run(retry=1) == 1
    assert toy.made == ["one", "two", "three"]


def test_an_interruption_lets_the_run_wait(toy: Toy) -> None:
    toy.cut_off("two", KeyboardInterrupt())
    assert [(run.status, run.finished_at) for run in runlog.find(toy.db)] == [("waiting", None)]
    toy.run()
    assert runlog.find(toy.db)[0].status == "done"


@pytest.mark.parametrize(("by", "why"), [("", "x"), (" ", "x"), ("Wang", " ")])
def test_who_cancels_says_who_and_why(toy: Toy, by: str, why: str) -> None:
    toy.cut_off("two")
    with pytest.raises(TrueOrderError, match=r"^(by|why): say"):
        chains.cancel(toy.db, 1, replace(chain.here(), by=by), why=why, at=AT)
    assert toy.db.rows(sa.select(tables.audit)) == []


def test_a_log_is_bounded(toy: Toy) -> None:
    run_id = runlog.begin(toy.db, job="nightly", business_date=ON, version="v", at=AT)
    for number in range(chains.LOG_LINES + 5):
        chains.tell(toy.db, run_id, "one", f"{number} " + "x" * 2 * chains.LOG_LENGTH, guard=unguarded)
    log = chains.read_log(toy.db, run_id)
    assert len(log) == chains.LOG_LINES
    assert log[-1]["words"] == "more was told and is not kept"
    assert max(len(row["words"]) for row in log) == chains.LOG_LENGTH


def test_two_runs_of_one_date_never_run_at_once(toy: Toy) -> None:
    runlog.begin(toy.db, job="nightly", business_date=ON, version="v", at=AT)
    with pytest.raises(sa.exc.IntegrityError):
        runlog.begin(toy.db, job="nightly", business_date=ON, version="v", at=AT)


def test_staging_files_of_the_killed_are_swept_and_those_at_work_are_not(tmp_path: Path) -> None:
    db = database.connect(f"sqlite:///{tmp_path / 'a.db'}")
    left = tmp_path / f"{bulk.STAGING}left"
    left.mkdir()
    (left / "lock").touch()
    with bulk.staging(db.engine, {}):
        bulk.sweep(db.engine)
        assert len(list(tmp_path.glob(f"{bulk.STAGING}*"))) == 1
    assert not left.exists()
