"""For the machines that watch: is the process alive, can it serve, and its figures."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ordering import database
from ordering.database import leases
from ordering.database import runs as runlog
from ordering.errors import TrueOrderError
from web import meters
from web.problems import ProblemError
from web.service import Here, Service

router = APIRouter(tags=["health"])
NIGHT = "nightly"


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


@router.get("/healthz")
async def healthz() -> Alive:
    """Whether the process is alive; asks nothing of the database. Where this fails, start the process anew."""
    return Alive()


class Check(BaseModel):
    """One thing that was looked at."""

    name: str
    ok: bool
    required: bool = Field(description="Whether the service cannot serve without it.")
    detail: str


class Ready(BaseModel):
    """Whether requests can be served, and what was looked at."""

    status: Literal["ready", "not_ready"]
    checks: list[Check]


@router.get("/readyz", responses={503: {"model": Ready, "description": "Do not send requests here now."}})
def readyz(own: Here) -> JSONResponse:
    """Whether requests can be served: the database answers and its schema is this version's. The scheduler and the newest night are told;
    orders are taken without them."""
    checks = [_database(own)]
    if checks[0].ok:
        checks += [_scheduler(own), _night(own)]
    ready = all(check.ok for check in checks if check.required)
    found = Ready(status="ready" if ready else "not_ready", checks=checks)
    return JSONResponse(found.model_dump(), status_code=200 if ready else 503)


def _database(own: Service) -> Check:
    began = time.perf_counter()
    try:
        database.check_schema(own.db)
    except (TrueOrderError, *database.Unreachable):
        return Check(name="database", ok=False, required=True, detail="does not answer, or its schema is not that of this version")
    return Check(name="database", ok=True, required=True, detail=f"{(time.perf_counter() - began) * 1000:.0f} ms")


def _scheduler(own: Service) -> Check:
    held = leases.holder_of(own.db, "scheduler")
    return Check(name="scheduler", ok=held is not None, required=False, detail=str(held or "nobody holds the lease"))


def _night(own: Service) -> Check:
    run, now = runlog.newest(own.db), own.clock()
    if run is None or run.finished_at is None:
        return Check(name="night", ok=False, required=False, detail="no night is stored yet")
    old = now - run.finished_at
    late = timedelta(hours=24 + own.settings.nightly.grace_hours)
    hours = old.total_seconds() / 3600
    return Check(name="night", ok=old <= late, required=False, detail=f"run {run.run_id} of {run.business_date}, {hours:.1f} hours ago")


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, own: Here) -> Response:
    """Prometheus' text form, for the addresses of web.metrics_from only."""
    if request.client is None or request.client.host not in own.settings.web.metrics_from:
        raise ProblemError("NOT_FOUND")
    return Response(meters.page(lambda: _facts(own)), media_type="text/plain; version=0.0.4; charset=utf-8")


def _facts(own: Service) -> list[tuple[str, str, float | None]]:
    """The newest night and what waits, as the database has it."""
    run = runlog.newest(own.db)
    done = run.finished_at if run else None
    return [
        ("night_age_seconds", "Since the newest night was done.", _seconds(done, own.clock())),
        ("night_duration_seconds", "What the newest night took.", _seconds(run.started_at, done) if run else None),
        ("waiting_lines", "Order lines that wait to be allocated.", float(sum(runlog.waiting_days(own.db).values()))),
    ]


def _seconds(first: datetime | None, last: datetime | None) -> float | None:
    return (last - first).total_seconds() if first and last else None
