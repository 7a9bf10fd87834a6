"""A run as a chain of steps, each recorded as it goes: who runs it, how far it is, what a step kept, what it had to tell.

A run is resumed by the next start on the same input. It belongs to the attempt that took it last: every write of an earlier one is refused.
Times are the database's, except `at` of the calls that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database import audit, runs
from ordering.database.connection import Database, clock, new_id
from ordering.database.leases import Guard, unguarded
from ordering.database.losing import repeated
from ordering.database.runs import Record, Step
from ordering.errors import StateError, TrueOrderError

SILENT = timedelta(seconds=30)
"""How long a run whose process is not known to be gone may give no sign before it counts as cut off."""
SILENT_HERE = timedelta(minutes=10)
"""The same where its process is seen to live, on this host: it may be busy, or it may be another by now."""
LOG_LINES, LOG_LENGTH = 300, 500
"""Lines that a run may tell, and letters of a line."""
OPEN = (runs.WAITING, runs.RUNNING, runs.FAILED)
T, S, L = tables.runs, tables.run_steps, tables.run_log


class CancelledError(TrueOrderError):
    """A person stopped the run."""


@dataclass(frozen=True)
class Asked:
    """What a run is to do. `given_hash`: of all that it was given, by which it is known again; `steps`: their names, in order."""

    job: str
    business_date: date
    version: str
    given_hash: str
    steps: Sequence[str]


@dataclass(frozen=True)
class Here:
    """Who is at work. `lives`: whether a process of a host is there (None: cannot be seen from here)."""

    host: str
    process: int
    by: str
    lives: Callable[[str, int], bool | None]


@dataclass(frozen=True)
class Taken:
    """A run that is this process's now. `kept`: its steps that are done, by name; `words`: what became of runs before it."""

    run_id: int
    attempt: int
    kept: Mapping[str, dict[str, Any]]
    words: tuple[str, ...] = ()

    def guarded(self, guard: Guard) -> Guard:
        """A guard that also refuses writes once another process has taken the run, or a person has ended it."""

        def check(tx: sa.Connection) -> None:
            guard(tx)
            mine = T.update().where(T.c.run_id == self.run_id, T.c.attempt == self.attempt, T.c.status == runs.RUNNING)
            if not tx.execute(mine.values(heartbeat_at=clock(tx))).rowcount:
                raise StateError(
                    f"run {self.run_id} is no longer this process's: another took it up, or it was ended; trueorder runs show {self.run_id}"
                )

        return check


@repeated
def take(db: Database, asked: Asked, here: Here, *, at: datetime, retry: int | None = None, guard: Guard = unguarded) -> Taken:
    """Begin a run, or take up the one of the same job, business date and input that was cut off or failed (or `retry`, also cancelled).

    Open runs of the same date and another input are superseded and keep their record. Raises StateError while another process is at it;
    with a guard of its own that other one is fenced off, and its run is taken.
    """
    try:
        with db.writing() as tx:
            guard(tx)
            found = _open_runs(tx, asked, retry)
            for run in found:
                if run.status == runs.RUNNING and guard is unguarded and not is_cut_off(run, _now(tx), here):
                    raise StateError(_under_way(run, _now(tx)))
            same = next((run for run in found if run.given_hash == asked.given_hash), None)
            others = [run.run_id for run in found if run is not same and run.status == runs.RUNNING]
            tx.execute(T.update().where(T.c.run_id.in_(others)).values(status=runs.FAILED))  # one of a date runs at a time
            run_id = _begun(tx, asked, here, at) if same is None else _resumed(tx, same, asked, here)
            words = [_supersede(tx, run, asked, run_id) for run in found if run.run_id != run_id]
            kept = _steps_of(tx, run_id)
            if same is not None:
                words.append(_goes_on(same, kept))
            for said in words:
                _tell(tx, run_id, "", said)
    except sa.exc.IntegrityError as error:
        raise StateError(f"{asked.job} of {asked.business_date} was begun by another process just now; see: trueorder runs list") from error
    return Taken(run_id, 1 if same is None else same.attempt + 1, kept, tuple(words))


def is_cut_off(run: Record, now: datetime, here: Here) -> bool:
    """True where nobody is at work on a run that counts as running."""
    lives = here.lives(run.host, run.process) if run.process is not None else None
    if lives is False or run.heartbeat_at is None:
        return True
    return now - run.heartbeat_at > (SILENT_HERE if lives else SILENT)


def present(db: Database) -> datetime:
    """The present by the database's clock, UTC."""
    with db.engine.connect().execution_options(reading=True) as connection:
        return _now(connection)


def _now(tx: sa.Connection) -> datetime:
    found: datetime = tx.execute(sa.select(clock(tx))).scalar_one()
    return found


def _open_runs(tx: sa.Connection, asked: Asked, retry: int | None) -> list[Record]:
    """Runs of the same job and date that came to no end, the one to be retried first."""
    of_date = sa.and_(T.c.job == asked.job, T.c.business_date == asked.business_date)
    open_ = sa.or_(sa.and_(T.c.status.in_(OPEN), T.c.superseded_by.is_(None)), T.c.run_id == (retry or 0))
    query = sa.select(T).where(of_date, open_).order_by(T.c.run_id.desc()).with_for_update()
    found = [Record(**row) for row in tx.execute(query).mappings()]
    return sorted(found, key=lambda run: run.run_id != retry)


def _under_way(run: Record, now: datetime) -> str:
    ago = round((now - run.heartbeat_at).total_seconds()) if run.heartbeat_at else 0
    return (
        f"run {run.run_id}, {run.job} of {run.business_date}, is under way: process {run.process} on {run.host}, started by "
        f"{run.started_by}, last sign {ago} s ago; wait for it, or: trueorder runs cancel {run.run_id} --by NAME --why TEXT"
    )


def _begun(tx: sa.Connection, asked: Asked, here: Here, at: datetime) -> int:
    values = {"job": asked.job, "business_date": asked.business_date, "version": asked.version, "given_hash": asked.given_hash}
    who = {"host": here.host, "process": here.process, "started_by": here.by, "heartbeat_at": clock(tx)}
    run_id = new_id(tx, T, {**values, **who, "status": runs.RUNNING, "started_at": at, "detailed": False})
    _await(tx, run_id, asked.steps)
    return run_id


def _await(tx: sa.Connection, run_id: int, steps: Sequence[str], first: int = 0) -> None:
    """Steps that are to come."""
    blank = {"run_id": run_id, "seconds": 0.0, "rows": 0, "problems": 0, "state": runs.WAITING, "attempts": 0}
    if steps:
        tx.execute(S.insert(), [{**blank, "ordinal": n, "step": name} for n, name in enumerate(steps, first)])


def _resumed(tx: sa.Connection, run: Record, asked: Asked, here: Here) -> int:
    """Take a run up again; whoever took it at the same time got it, or did not."""
    mine = T.update().where(T.c.run_id == run.run_id, T.c.attempt == run.attempt, T.c.status == run.status)
    who = {"host": here.host, "process": here.process, "started_by": here.by, "heartbeat_at": clock(tx)}
    anew = {"status": runs.RUNNING, "attempt": run.attempt + 1, "finished_at": None, "error": "", "cancelled_at": None}
    if not tx.execute(mine.values(**who, **anew, cancelled_by=None, cancelled_why=None, superseded_by=None)).rowcount:
        raise StateError(f"run {run.run_id} was taken up by another process just now; see: trueorder runs show {run.run_id}")
    cut = S.update().where(S.c.run_id == run.run_id, S.c.state != runs.DONE)
    tx.execute(cut.values(state=runs.WAITING, progress_done=0, progress_total=0))
    have = list(tx.execute(sa.select(S.c.step).where(S.c.run_id == run.run_id)).scalars())
    _await(tx, run.run_id, [name for name in asked.steps if name not in have], first=len(have))
    return run.run_id


def _steps_of(tx: sa.Connection, run_id: int) -> dict[str, dict[str, Any]]:
    query = sa.select(S).where(S.c.run_id == run_id, S.c.state == runs.DONE).order_by(S.c.ordinal)
    return {row["step"]: dict(row) for row in tx.execute(query).mappings()}


def _supersede(tx: sa.Connection, run: Record, asked: Asked, run_id: int) -> str:
    """Put an open run aside in favour of another; says why."""
    status = runs.CANCELLED if run.status == runs.CANCELLED else runs.FAILED
    tx.execute(T.update().where(T.c.run_id == run.run_id).values(status=status, superseded_by=run_id))
    what, chinese = ("program", "程序") if run.version != asked.version else ("input or settings", "输入或设置")
    _tell(tx, run.run_id, "", f"superseded by run {run_id}: its {what} changed | {chinese}已变，由作业{run_id}取代")
    english = f"run {run.run_id} did not come to its end, and its {what} changed since: begun anew"
    return f"{english} | 作业{run.run_id}未完成，此后{chinese}已变：重新开始"


def _goes_on(run: Record, kept: Mapping[str, dict[str, Any]]) -> str:
    """How a run goes on, in words."""
    held = [name for name, row in kept.items() if row["content_hash"]]
    what = f"kept and not done again: {', '.join(held)}" if held else "nothing was kept of it, every step is done again"
    chinese = f"以下步骤已保存、不再重做：{'、'.join(held)}" if held else "没有已保存的步骤，全部重做"
    time = run.attempt + 1
    return f"attempt {time} of run {run.run_id}, which was {run.status}: {what} | 作业{run.run_id}第{time}次执行：{chinese}"


@repeated
def begin_step(db: Database, run_id: int, step: str, *, guard: Guard) -> None:
    """Record that a step is under way."""
    with db.writing() as tx:
        guard(tx)
        values = {"state": runs.RUNNING, "attempts": S.c.attempts + 1, "started_at": clock(tx), "finished_at": None}
        tx.execute(S.update().where(S.c.run_id == run_id, S.c.step == step).values(**values, progress_done=0, progress_total=0))


@repeated
def end_step(db: Database, run_id: int, step: Step, content_hash: str | None, *, guard: Guard) -> None:
    """Record that a step is done, and the file that keeps what it gave."""
    with db.writing() as tx:
        guard(tx)
        done(tx, run_id, step, content_hash)


def done(tx: sa.Connection, run_id: int, step: Step, content_hash: str | None = None) -> None:
    """The same in a transaction that writes what the step gave."""
    values = {"seconds": step.seconds, "rows": step.rows, "problems": step.problems, "note": step.note, "content_hash": content_hash}
    row = S.update().where(S.c.run_id == run_id, S.c.step == step.name)
    first = sa.func.coalesce(S.c.started_at, clock(tx))
    times = sa.case((S.c.attempts < 1, 1), else_=S.c.attempts)
    tx.execute(row.values(**values, state=runs.DONE, started_at=first, finished_at=clock(tx), attempts=times))


def beat(db: Database, run_id: int, progress: tuple[str, int, int] | None, *, guard: Guard) -> None:
    """Give a sign of life, and how far a step is (name, done, total). Raises StateError where the run is another's by now."""
    with db.writing() as tx:
        guard(tx)
        if progress is not None:
            step, so_far, total = progress
            row = S.update().where(S.c.run_id == run_id, S.c.step == step, S.c.state == runs.RUNNING)
            tx.execute(row.values(progress_done=so_far, progress_total=total))


@repeated
def tell(db: Database, run_id: int, step: str, words: str, *, guard: Guard) -> None:
    """Add a line to the log of a run; beyond LOG_LINES they are dropped, the last one saying so."""
    with db.writing() as tx:
        guard(tx)
        _tell(tx, run_id, step, words)


def _tell(tx: sa.Connection, run_id: int, step: str, words: str) -> None:
    line = tx.execute(sa.select(sa.func.coalesce(sa.func.max(L.c.line), -1) + 1).where(L.c.run_id == run_id)).scalar_one()
    if line < LOG_LINES:
        said = words[:LOG_LENGTH] if line < LOG_LINES - 1 else "more was told and is not kept"
        tx.execute(L.insert().values(run_id=run_id, line=line, at=clock(tx), step=step, words=said))


@repeated
def leave(db: Database, run_id: int, status: str, error: str, *, at: datetime, guard: Guard) -> None:
    """Record that a run stops: FAILED of an error, CANCELLED by a person, WAITING where it was interrupted and the next start goes on."""
    with db.writing() as tx:
        guard(tx)
        finished = None if status == runs.WAITING else at
        tx.execute(T.update().where(T.c.run_id == run_id).values(status=status, finished_at=finished, error=error[:LOG_LENGTH]))
        state = runs.FAILED if status == runs.FAILED else runs.WAITING
        tx.execute(S.update().where(S.c.run_id == run_id, S.c.state == runs.RUNNING).values(state=state, finished_at=clock(tx)))


def wish(db: Database, run_id: int) -> str | None:
    """Who wants the run cancelled and why, in words; None where nobody does."""
    query = sa.select(T.c.cancelled_by, T.c.cancelled_why).where(T.c.run_id == run_id, T.c.cancelled_at.is_not(None))
    found = db.rows(query)
    return f"cancelled by {found[0]['cancelled_by']}: {found[0]['cancelled_why']}" if found else None


@repeated
def cancel(db: Database, run_id: int, here: Here, *, why: str, at: datetime) -> Record:
    """Wish a run cancelled, audited: one that nobody is at work on is at once, a running one stops itself at its next step or tick.

    Gives the run as it is then. Raises StateError where there is no such run or it came to its end, TrueOrderError where nobody says who
    or why.
    """
    if not here.by.strip() or not why.strip():
        raise TrueOrderError("by: say who cancels the run" if not here.by.strip() else "why: say why the run is cancelled")
    with db.writing() as tx:
        run = _one(tx, run_id)
        if run.status in (runs.DONE, runs.CANCELLED) or run.superseded_by is not None:
            raise StateError(f"run {run_id} is {run.status}; there is nothing to cancel", f"作业{run_id}已结束，无可取消")
        at_once = run.status != runs.RUNNING or is_cut_off(run, _now(tx), here)
        values = {"cancelled_at": at, "cancelled_by": here.by.strip(), "cancelled_why": why.strip()}
        more = {"status": runs.CANCELLED, "finished_at": at} if at_once else {}
        tx.execute(T.update().where(T.c.run_id == run_id).values(**values, **more))
        audit.record(tx, action="run.cancel", subject=f"run {run_id}", detail=why.strip()[:LOG_LENGTH], by=here.by.strip(), at=at)
        _tell(tx, run_id, "", f"cancelled by {here.by.strip()}: {why.strip()}")
        return _one(tx, run_id)


def _one(tx: sa.Connection, run_id: int) -> Record:
    row = tx.execute(sa.select(T).where(T.c.run_id == run_id).with_for_update()).mappings().one_or_none()
    if row is None:
        raise StateError(f"there is no run {run_id}; trueorder runs list shows those that are stored", f"没有作业{run_id}")
    return Record(**row)


def newest(db: Database, count: int) -> list[Record]:
    """The newest runs of every job, the newest first."""
    return [Record(**row) for row in db.rows(sa.select(T).order_by(T.c.run_id.desc()).limit(count))]


def open_ids(db: Database, keep: int) -> list[int]:
    """The `keep` newest runs that may still be taken up: whatever their steps kept is needed."""
    may = sa.and_(T.c.status.in_((*OPEN, runs.CANCELLED)), T.c.superseded_by.is_(None))
    return [row["run_id"] for row in db.rows(sa.select(T.c.run_id).where(may).order_by(T.c.run_id.desc()).limit(keep))]


def problem_counts(db: Database, run_ids: Sequence[int]) -> dict[int, int]:
    """How many problems the steps of each run had."""
    query = sa.select(S.c.run_id, sa.func.sum(S.c.problems).label("problems")).where(S.c.run_id.in_(run_ids)).group_by(S.c.run_id)
    return {row["run_id"]: int(row["problems"]) for row in db.rows(query)}


def read_log(db: Database, run_id: int) -> list[dict[str, Any]]:
    """The log of a run, in order."""
    return db.rows(sa.select(L).where(L.c.run_id == run_id).order_by(L.c.line))
