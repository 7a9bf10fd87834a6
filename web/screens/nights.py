"""For headquarters and administrators: the last runs, and one with its steps, problems and log, followed while it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import asked, chain, publish
from jobs.run_lists import Look, in_language
from jobs.run_words import STEPS, said
from jobs.scheduler import LEADER
from ordering.accounts import Permission, Person
from ordering.database import chains, leases, ledger
from ordering.database import runs as runlog
from ordering.database.runs import Record
from ordering.schedule import State
from web import language
from web.api.headquarters import Runs
from web.api.pages import Number
from web.people import may
from web.problems import ProblemError, is_htmx
from web.screens import shell
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
LISTED = 50
PROBLEMS = 200
WANTED = 5
"""Requests of people that are listed."""
Starts = Annotated[Person, may(Permission.RERUN)]
Why = Annotated[str, Form(min_length=1, max_length=500)]


@dataclass(frozen=True)
class Told:
    """A run with what it is and how long it took, in words, how many problems it had, and whether somebody is at work on it."""

    run: Record
    state: str
    took: str
    ago: str
    problems: int
    is_running: bool


@dataclass(frozen=True)
class Wanted:
    """What people asked to be run, the newest first; `open`: whether any of it is still to be done; `leads`: whether a scheduler is there
    to do it."""

    rows: Sequence[ledger.Record]
    open: bool
    leads: bool


@dataclass(frozen=True)
class RunsPage:
    """A part of the runs, the newest first; `pager` knows of one older run at most."""

    rows: Sequence[Told]
    pager: Pager
    wanted: Wanted


@dataclass(frozen=True)
class RunPage:
    """A run: `steps` as stored, each with its name in the reader's language, how it goes and its share of the longest; its problems, of
    which `hidden` more are not listed; its log; and the last sign of life, in words. `wanted`: what was asked of it; `acts`: what who looks
    may ask ("retry", "again", "cancel")."""

    told: Told
    steps: Sequence[Mapping[str, Any]]
    problems: Sequence[Mapping[str, Any]]
    hidden: int
    log: Sequence[Mapping[str, Any]]
    beat: str
    wanted: Wanted
    acts: Sequence[str]


@router.get("/runs")
def runs(request: Request, own: Here, person: Runs, offset: Annotated[int, Query(ge=0, le=10**7)] = 0) -> Response:
    """The runs, the newest first."""
    look = _look(request, own)
    found = chains.newest(own.db, offset + LISTED + 1)[offset:]
    troubles = chains.problem_counts(own.db, [run.run_id for run in found])
    rows = [_told(look, run, troubles.get(run.run_id, 0)) for run in found[:LISTED]]
    part = pager(request, offset, offset + len(found), LISTED)
    page = RunsPage(rows, part, _wanted(own))
    return shell.show(request, "headquarters/runs.html", page)


@router.get("/runs/{run_id}")
def run(request: Request, own: Here, person: Runs, run_id: Number) -> Response:
    """One run, step by step; the page asks for itself again while it goes, and is made anew when it has ended."""
    found = runlog.by_id(own.db, run_id)
    if found is None:
        raise ProblemError("NOT_FOUND")
    look = _look(request, own)
    wanted = _wanted(own, found)
    told = _told(look, found, 0)
    if is_htmx(request) and not (told.is_running or wanted.open):
        return _anew()
    steps, problems = runlog.read_steps(own.db, run_id), runlog.read_problems(own.db, run_id)
    page = RunPage(
        told=replace(told, problems=len(problems)),
        steps=[_step(look, row, max(float(one["seconds"]) for one in steps)) for row in steps],
        problems=[
            row | {"step": said(STEPS, row["step"], look.language), "message": in_language(row["message"], look.language)}
            for row in problems[:PROBLEMS]
        ],
        hidden=max(len(problems) - PROBLEMS, 0),
        log=[_line(look, row) for row in chains.read_log(own.db, run_id)],
        beat=look.ago(found.heartbeat_at) if found.heartbeat_at is not None else "",
        wanted=wanted,
        acts=_acts(found, told, wanted) if person.may(Permission.RERUN) else (),
    )
    return shell.show(request, "headquarters/run.html", page)


def _wanted(own: Service, run: Record | None = None) -> Wanted:
    """What people asked to be run; of one run and its date alone where it is named."""
    names = [asked.RETRY, asked.AGAIN] if run is None else [f"{asked.RETRY}{run.run_id}", f"{asked.AGAIN}{run.job}"]
    rows = ledger.beginning(own.db, *names, count=WANTED * 10)
    if run is not None:
        rows = [row for row in rows if row.job in names and row.business_date == run.business_date]
    who = leases.holder_of(own.db, LEADER)
    is_open = any(row.state in (State.WAITING, State.RUNNING) for row in rows)
    return Wanted(rows[:WANTED], is_open, who is not None and who.live)


def _acts(run: Record, told: Told, wanted: Wanted) -> list[str]:
    """What can be asked of a run."""
    if told.is_running:
        return ["cancel"]
    if wanted.open or run.superseded_by is not None:
        return []
    if run.status == runlog.DONE:
        return ["again"] if run.job == runlog.NIGHT else []
    return (["retry"] if run.job in (runlog.NIGHT, publish.JOB) else []) + (["cancel"] if run.status != runlog.CANCELLED else [])


def _anew() -> Response:
    """Has the page made anew."""
    return Response(headers={"HX-Refresh": "true"})


@router.post("/runs/{run_id}/retry")
def retry(own: Here, person: Starts, run_id: Number, why: Why) -> Response:
    """Ask the scheduler to take a run up after its last step that was done."""
    asked.retry(own.db, run_id, by=person.name, why=why, at=own.clock())
    return _anew()


@router.post("/runs/{run_id}/again")
def again(own: Here, person: Starts, run_id: Number, why: Why) -> Response:
    """Ask the scheduler to run the night of a run's date once more."""
    asked.again(own.db, run_id, by=person.name, why=why, at=own.clock())
    return _anew()


@router.post("/runs/{run_id}/cancellation")
def cancel(own: Here, person: Starts, run_id: Number, why: Why) -> Response:
    """Stop a run: at once where nobody is at work on it, else at its next step or tick of progress, in its own process."""
    chains.cancel(own.db, run_id, chain.here(person.name), why=why, at=own.clock())
    return _anew()


def _look(request: Request, own: Service) -> Look:
    return Look(own.db, own.settings.city.time_zone, language.of(request))


def _told(look: Look, run: Record, problems: int) -> Told:
    state = look.state(run)
    is_running = run.status == runlog.RUNNING and state == look.state_of(runlog.RUNNING)
    return Told(run, state, look.took(run), look.ago(run.started_at), problems, is_running)


def _step(look: Look, row: Mapping[str, Any], longest: float) -> dict[str, Any]:
    """A step with its words, and the share that is shown as a bar: of the longest step where it is done, of its own work while it goes."""
    state, total = row["state"], row["progress_total"] or 0
    done = row["progress_done"] / total if total else 0.0
    share = done if state == runlog.RUNNING else row["seconds"] / longest if longest and state == runlog.DONE else 0.0
    more = {"name": said(STEPS, row["step"], look.language), "words": look.state_of(state), "share": share}
    return {**row, **more, "note": in_language(row["note"] or "", look.language)}


def _line(look: Look, row: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the log in the reader's language."""
    step = said(STEPS, row["step"], look.language) if row["step"] else ""
    return {"at": row["at"], "step": step, "words": in_language(row["words"], look.language)}
