"""The lists of headquarters, managers and administrators as files: rates, runs, retailers and the audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pandas as pd
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import breakdown
from jobs.output_sheets import Look
from jobs.run_lists import Look as RunLook
from ordering.accounts import Permission, Person
from ordering.database import accounts, cells, chains, lookups
from web import language
from web.api.headquarters import Rates, Runs
from web.api.managers import Word
from web.api.orders import Reads
from web.api.pages import Offset
from web.people import may
from web.screens import administrators, downloads, headquarters, rate_columns, shell
from web.screens.administrators import EMPTY, Text
from web.screens.downloads import Kind, Listed
from web.screens.headquarters import Chosen
from web.screens.rate_columns import DIMENSIONS, FORMATS, NUMBERED
from web.screens.shell import mark
from web.service import Here, Service

router = shell.router_of()


@router.get("/rates.{kind}")
def rates(request: Request, kind: Kind, own: Here, person: Rates, chosen: Annotated[Chosen, Query()]) -> Response:
    """The rows of the rates that are shown, quantities in cartons."""
    found = breakdown.breakdown(own.source(), headquarters.kept(chosen, person))
    listed = rate_columns.listed(chosen, language.of(request))
    ids = {chosen.by: ({**DIMENSIONS, **NUMBERED})[chosen.by]} | ({"name": mark("Name")} if chosen.by in NUMBERED else {})
    columns = ids | {column.name: column.title for column in listed}
    rows = pd.DataFrame(columns=list(columns)) if found is None else headquarters.in_order(found.rows, chosen)
    if chosen.by in NUMBERED:
        names = cells.names(own.db, chosen.by, [str(one) for one in rows[chosen.by]])
        rows = rows.assign(name=[names.get(str(one), "") for one in rows[chosen.by]])
    look = Look(formats={column.name: FORMATS[column.kind] for column in listed})
    return downloads.send(request, own, person, Listed("rates", mark("Rates"), [rows], columns, look), kind)


@router.get("/retailers.{kind}")
def retailers(request: Request, kind: Kind, own: Here, person: Reads, search: Word = "") -> Response:
    """One's own retailers; `search`: whose name or number holds this."""
    columns = {
        "retailer_id": mark("Licence number"), "name": mark("Retailer"), "star_level": mark("Level"), "district": mark("District"),
        "street": mark("Street"), "order_weekday": mark("Order day, 1 to 7 from Monday on"), "account_manager": mark("Account manager"),
    }  # fmt: skip
    found, _ = lookups.retailers(own.db, accounts.seen(person), search=search.strip(), offset=0, limit=lookups.EVERY)
    rows = pd.DataFrame(found, columns=list(columns))
    return downloads.send(request, own, person, Listed("retailers", mark("My retailers"), [rows], columns), kind)


@router.get("/audit.{kind}")
def audit(
    request: Request, kind: Kind, own: Here, person: Annotated[Person, may(Permission.READ_AUDIT)], by: Text = None, action: Text = None,
    first: Annotated[date | None, EMPTY] = None, last: Annotated[date | None, EMPTY] = None, offset: Offset = 0,
) -> Response:  # fmt: skip
    """Who did what, the newest first, of days in the city."""
    columns = {"at": mark("When"), "by": mark("Who"), "action": mark("Act"), "subject": mark("What"), "detail": mark("Details")}
    since, until = administrators.midnight(own, first), administrators.midnight(own, last, days=1)
    every = lookups.audit_parts(own.db, by=by, action=action, since=since, until=until)
    return downloads.send(request, own, person, Listed("audit", mark("Audit"), _local(own, every, list(columns)), columns), kind)


def _local(own: Service, every: Iterator[list[dict[str, Any]]], columns: list[str]) -> Iterator[pd.DataFrame]:
    """Parts of rows with their times as the city has them."""
    zone = ZoneInfo(own.settings.city.time_zone)
    for rows in every:
        yield pd.DataFrame([row | {"at": _time(row["at"], zone)} for row in rows], columns=columns, dtype="object")


def _time(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else shell.local(at, zone, "%Y-%m-%d %H:%M:%S")


@router.get("/runs.{kind}")
def runs(request: Request, kind: Kind, own: Here, person: Runs) -> Response:
    """Every run, the newest first; a csv says its state in English."""
    columns = {
        "run_id": mark("Run"), "job": mark("Job"), "business_date": mark("Business date"), "state": mark("State"),
        "withdrawn": mark("withdrawn"), "started_at": mark("Begun"), "finished_at": mark("Ended"), "problems": mark("Problems"),
        "started_by": mark("By"), "detailed": mark("Results stored"),
    }  # fmt: skip
    zone = own.settings.city.time_zone
    look = RunLook(own.db, zone, language.of(request) if kind == "xlsx" else "en")
    found = chains.newest(own.db, lookups.EVERY)
    troubles = chains.problem_counts(own.db, [run.run_id for run in found])
    told = [
        {name: getattr(run, name, None) for name in columns}
        | {"state": look.state(run), "problems": troubles.get(run.run_id, 0), "business_date": run.business_date.isoformat()}
        | {name: _time(getattr(run, name), ZoneInfo(zone)) for name in ("started_at", "finished_at")}
        for run in found
    ]
    rows = pd.DataFrame(told, columns=list(columns)).astype({"started_by": "string"})
    return downloads.send(request, own, person, Listed("runs", mark("Runs"), [rows], columns), kind)
