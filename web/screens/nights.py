"""For headquarters and administrators: the last runs, and one with its steps, problems and log, followed while it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from jobs.run_lists import Look, in_language
from jobs.run_words import STEPS, said
from ordering.database import chains
from ordering.database import runs as runlog
from ordering.database.runs import Record
from web import language
from web.api.headquarters import Runs
from web.problems import ProblemError
from web.screens import shell
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
LISTED = 50
PROBLEMS = 200


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
class RunsPage:
    """A part of the runs, the newest first; `pager` knows of one older run at most."""

    rows: Sequence[Told]
    pager: Pager


@dataclass(frozen=True)
class RunPage:
    """A run: `steps` as stored, each with its name in the reader's language, how it goes and its share of the longest; its problems, of
    which `hidden` more are not listed; its log; and the last sign of life, in words."""

    told: Told
    steps: Sequence[Mapping[str, Any]]
    problems: Sequence[Mapping[str, Any]]
    hidden: int
    log: Sequence[Mapping[str, Any]]
    beat: str


@router.get("/runs")
def runs(request: Request, own: Here, person: Runs, offset: Annotated[int, Query(ge=0, le=10**7)] = 0) -> Response:
    """The runs, the newest first."""
    look = _look(request, own)
    found = chains.newest(own.db, offset + LISTED + 1)[offset:]
    troubles = chains.problem_counts(own.db, [run.run_id for run in found])
    rows = [_told(look, run, troubles.get(run.run_id, 0)) for run in found[:LISTED]]
    return shell.show(request, "headquarters/runs.html", RunsPage(rows, pager(request, offset, offset + len(found), LISTED)))


@router.get("/runs/{run_id}")
def run(request: Request, own: Here, person: Runs, run_id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
    """One run, step by step; the page asks for itself again while it goes."""
    found = runlog.by_id(own.db, run_id)
    if found is None:
        raise ProblemError("NOT_FOUND")
    look = _look(request, own)
    steps, problems = runlog.read_steps(own.db, run_id), runlog.read_problems(own.db, run_id)
    page = RunPage(
        told=_told(look, found, len(problems)),
        steps=[_step(look, row, max(float(one["seconds"]) for one in steps)) for row in steps],
        problems=[
            row | {"step": said(STEPS, row["step"], look.language), "message": in_language(row["message"], look.language)}
            for row in problems[:PROBLEMS]
        ],
        hidden=max(len(problems) - PROBLEMS, 0),
        log=[_line(look, row) for row in chains.read_log(own.db, run_id)],
        beat=look.ago(found.heartbeat_at) if found.heartbeat_at is not None else "",
    )
    return shell.show(request, "headquarters/run.html", page)


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
