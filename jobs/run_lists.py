"""Runs for people: the last ones, one with its steps, problems and log, and one followed while it goes; and taking one up again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jobs import chain, nightly, publish
from jobs.clock import now
from jobs.run_words import LANGUAGES, STATES, STEPS, said, span, text
from jobs.runs import Progress, quiet
from ordering import database
from ordering.database import chains
from ordering.database import runs as runlog
from ordering.database.runs import Record
from ordering.errors import StateError, TrueOrderError
from ordering.settings import Settings

BAR = 20
PROBLEMS_SHOWN = 12
FOLLOW_SECONDS = 1.0


@dataclass(frozen=True)
class Look:
    """How runs are looked at: the database, the city's time zone, the language, and the present by the database's clock."""

    db: database.Database
    zone: str
    language: str
    present: datetime = field(init=False)

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise TrueOrderError(f'language "{self.language}": there are {" and ".join(LANGUAGES)}')
        object.__setattr__(self, "present", chains.present(self.db))

    def state(self, run: Record) -> str:
        """What a run is, in words."""
        found = "superseded" if run.superseded_by is not None else run.status
        if run.status == runlog.RUNNING and chains.is_cut_off(run, self.present, chain.here()):
            found = "cut off"
        return self.state_of(found)

    def state_of(self, state: str) -> str:
        """A state of a run or of a step in words."""
        return said(STATES, state, self.language)

    def local(self, at: datetime) -> str:
        """A stored time as the city has it."""
        return f"{at.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S}"

    def ago(self, at: datetime) -> str:
        """How long ago."""
        return span(max((self.present - at).total_seconds(), 0.0), self.language)

    def took(self, run: Record) -> str:
        """How long a run took, or has taken so far."""
        until = run.finished_at or (self.present if run.status == runlog.RUNNING else run.heartbeat_at or run.started_at)
        return span(max((until - run.started_at).total_seconds(), 0.0), self.language)


def listed(look: Look, count: int) -> list[str]:
    """The newest runs, one line each: what they are, since when, how long they took, and their problems."""
    found = chains.newest(look.db, count)
    troubles = chains.problem_counts(look.db, [run.run_id for run in found])
    return [_line(look, run, troubles.get(run.run_id, 0)) for run in found] or [text("none", look.language)]


def _line(look: Look, run: Record, troubles: int) -> str:
    begun, ago, took = look.local(run.started_at), look.ago(run.started_at), look.took(run)
    told = {"started": begun, "ago": ago, "took": took, "problems": troubles}
    what = f"{run.run_id:>6}  {run.job:<12} {run.business_date}  {look.state(run):<10} "
    return what + text("line", look.language, **told)


def shown(look: Look, run_id: int) -> list[str]:
    """A run with its steps, problems and log."""
    run = found(look.db, run_id)
    return [*_head(look, run), *_steps(look, run), *_problems(look, run), *_log(look, run)]


def found(db: database.Database, run_id: int) -> Record:
    """A run by its id. Raises StateError where there is none."""
    run = runlog.by_id(db, run_id)
    if run is None:
        raise StateError(f"there is no run {run_id}; trueorder runs list shows those that are stored", f"没有作业{run_id}")
    return run


def _head(look: Look, run: Record) -> Iterator[str]:
    yield text("head", look.language, run=run.run_id, job=run.job, date=run.business_date, state=look.state(run))
    if run.process is not None:
        who = {"by": run.started_by, "process": run.process, "host": run.host}
        yield text("who", look.language, attempt=run.attempt, **who)
    yield text("when", look.language, started=look.local(run.started_at), ago=look.ago(run.started_at), took=look.took(run))
    if run.status == runlog.RUNNING and run.heartbeat_at is not None:
        yield text("beat", look.language, ago=look.ago(run.heartbeat_at))
    if run.error:
        yield text("error", look.language, error=run.error)
    if run.cancelled_at is not None:
        yield text("cancelled", look.language, by=run.cancelled_by, why=run.cancelled_why)
    if run.superseded_by is not None:
        yield text("superseded", look.language, run=run.superseded_by)
    elif run.status in (runlog.WAITING, runlog.FAILED) or look.state(run) == said(STATES, "cut off", look.language):
        yield text("goes on", look.language, run=run.run_id)


def _steps(look: Look, run: Record) -> Iterator[str]:
    rows = runlog.read_steps(look.db, run.run_id)
    longest = max((row["seconds"] for row in rows), default=0.0)
    before = ""
    for row in rows:
        yield f"  {said(STEPS, row['step'], look.language):<14} {step(look, row, longest, before)}".rstrip()
        before = row["step"]


def step(look: Look, row: dict[str, Any], longest: float, before: str) -> str:
    """A step in words: a bar of its duration and what it gave, how far it is, or what it waits for."""
    language, state = look.language, said(STATES, row["state"], look.language)
    if row["state"] == runlog.DONE:
        bar = "█" * round(BAR * row["seconds"] / longest) if longest else ""
        sums = text("step", language, rows=row["rows"], problems=row["problems"])
        again = text("again", language, times=row["attempts"]) if row["attempts"] > 1 else ""
        return f"{state:<9} {row['seconds']:>9.2f} s {bar:<{BAR}} {sums}  {row['note']}  {again}"
    if row["state"] == runlog.RUNNING:
        so_far, of = row["progress_done"], row["progress_total"]
        bar = "█" * (BAR * so_far // of) + "░" * (BAR - BAR * so_far // of) + f" {so_far}/{of}" if of else ""
        since = look.ago(row["started_at"]) if row["started_at"] else ""
        return f"{state:<9} {since:>11} {bar}"
    return f"{state:<9} {text('waits', language, step=said(STEPS, before, language)) if before and row['state'] == runlog.WAITING else ''}"


def _problems(look: Look, run: Record) -> Iterator[str]:
    rows = runlog.read_problems(look.db, run.run_id)
    for row in rows[:PROBLEMS_SHOWN]:
        told = {"step": row["step"], "subject": row["subject"], "message": row["message"]}
        yield text("problem", look.language, **told)
    if len(rows) > PROBLEMS_SHOWN:
        yield text("more", look.language, count=len(rows) - PROBLEMS_SHOWN)


def _log(look: Look, run: Record) -> Iterator[str]:
    for row in chains.read_log(look.db, run.run_id):
        of = f"{said(STEPS, row['step'], look.language)}: " if row["step"] else ""
        yield f"{look.local(row['at'])}  {of}{in_language(row['words'], look.language)}"


def in_language(words: str, language: str) -> str:
    """The part of a message that is in a language; all of it where it is not told apart."""
    english, _, chinese = words.partition(" | ")
    return (chinese or english) if language == "zh" else english


def followed(look: Look, run_id: int) -> Iterator[str]:
    """A run as it goes: each step when its state or progress changes, and at last how it ended; ends with the run."""
    told: dict[str, tuple[Any, ...]] = {}
    while True:
        run = found(look.db, run_id)
        before = ""
        for row in runlog.read_steps(look.db, run_id):
            now_is = (row["state"], row["progress_done"], row["attempts"])
            if row["state"] != runlog.WAITING and told.get(row["step"]) != now_is:
                told[row["step"]] = now_is
                yield f"{said(STEPS, row['step'], look.language):<14} {step(look, row, row['seconds'], before)}".rstrip()
            before = row["step"]
        look = Look(look.db, look.zone, look.language)
        if run.status != runlog.RUNNING or look.state(run) == said(STATES, "cut off", look.language):
            yield from _head(look, run)
            return
        time.sleep(FOLLOW_SECONDS)


def retry(
    db: database.Database, run_id: int, settings: Settings, *, history: Path, by: str, progress: Progress = quiet
) -> nightly.Outcome | list[publish.Published]:
    """Take a run up again after its last step that was done; on other input or by another program it begins anew.

    Raises StateError where there is no such run, it came to its end, was superseded, is under way, or is of a job done in one piece.
    """
    run = to_retry(db, run_id)
    if run.job == runlog.NIGHT:
        return nightly.run(db, run.business_date, settings, history=history, progress=progress, by=by, retry=run_id)
    return publish.publish(db, settings, history=history, clock=now(), by=by, retry=run_id)


def to_retry(db: database.Database, run_id: int) -> Record:
    """A run that can be taken up again, if nobody is at it. Raises StateError where it cannot."""
    run = found(db, run_id)
    if run.status == runlog.DONE:
        raise StateError(
            f"run {run_id} is done; to run its date once more: trueorder nightly --date {run.business_date}",
            f"作业{run_id}已完成；如需再次运行其业务日期，请选择再次运行",
        )
    if (later := run.superseded_by) is not None:
        raise StateError(
            f"run {run_id} was superseded by run {later}; see: trueorder runs show {later}", f"作业{run_id}已由作业{later}取代"
        )
    if run.job not in (runlog.NIGHT, publish.JOB):
        raise StateError(
            f"run {run_id}: {run.job} is done in one piece and leaves nothing half done; give its command once more",
            f"作业{run_id}一次完成，没有可继续的部分；请重新执行其命令",
        )
    return run
