"""Runs of the jobs: their record, steps, problems and results; and the confirming of a proposal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, tables
from ordering.database import audit, bulk, counters, forecasts, outbox, partitions
from ordering.database.connection import Database, new_id
from ordering.database.leases import Guard, unguarded
from ordering.database.losing import repeated
from ordering.model import week_of
from ordering.notices import RETAILERS, Notice

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
"""States of a run; all but the last also of a step."""

NIGHT = "nightly"
"""The job of the runs that hold proposals."""
SHADOW = "shadow"
"""How the job of a run begins that another policy allocated beside a night, only to be compared with it."""
LIVE = tables.runs.c.job == NIGHT

KEPT = frozenset({"week_levels"})
"""Results that stay when a run is thinned: the published levels of its weeks."""


@dataclass(frozen=True)
class Step:
    """One step of a run, done: how long it took, what it gave, what it could not do as it should, and a note in words."""

    name: str
    seconds: float
    rows: int
    problems: int
    note: str = ""


@dataclass(frozen=True)
class Record:
    """A run as stored."""

    run_id: int
    job: str
    business_date: date
    status: str
    version: str
    input_hash: str | None
    settings_hash: str | None
    result_hash: str | None
    started_at: datetime
    finished_at: datetime | None
    detailed: bool
    withdrawn: bool
    attempt: int = 1
    host: str = ""
    process: int | None = None
    started_by: str = ""
    heartbeat_at: datetime | None = None
    given_hash: str | None = None
    superseded_by: int | None = None
    error: str = ""
    cancelled_at: datetime | None = None
    cancelled_by: str | None = None
    cancelled_why: str | None = None


@repeated
def begin(db: Database, *, job: str, business_date: date, version: str, at: datetime, guard: Guard = unguarded) -> int:
    """Record that a run has begun that is done in one piece; gives its id. Chains of steps: `chains.take`."""
    values = {"job": job, "business_date": business_date, "status": RUNNING, "version": version, "started_at": at, "detailed": False}
    with db.writing() as tx:
        guard(tx)
        return new_id(tx, tables.runs, values)


@repeated
def forget(db: Database, run_id: int, *, guard: Guard = unguarded) -> None:
    """Take away the record of a run that found nothing new."""
    with db.writing() as tx:
        guard(tx)
        for table in (tables.run_log, tables.run_steps, tables.runs):
            tx.execute(table.delete().where(table.c.run_id == run_id))


@repeated
def fail(db: Database, run_id: int, *, at: datetime) -> None:
    """Record that a run did not come to its end."""
    t = tables.runs
    with db.writing() as tx:
        tx.execute(t.update().where(t.c.run_id == run_id).values(status=FAILED, finished_at=at))


@repeated
def save(
    db: Database,
    run_id: int,
    results: Mapping[str, pd.DataFrame],
    *,
    hashes: Mapping[str, str],
    steps: Sequence[Step] = (),
    problems: pd.DataFrame,
    at: datetime,
    keep: int,
    kept: forecasts.Kept | None = None,
    guard: Guard = unguarded,
    tell: Callable[[sa.Connection], None] | None = None,
    after: Callable[[sa.Connection, int], None] | None = None,
) -> None:
    """Store what a run found and mark it done, in one transaction; runs before the `keep` newest lose their details.

    `hashes` holds input_hash, settings_hash and result_hash; `kept` is what outlives the run; `steps` are those that were not recorded as
    they went (see `chains`); `tell` posts the notices of it, `after` is told the number of rows, both in the same transaction.
    """
    import pyarrow as pa

    staged = {}
    for name, frame in results.items():
        rows = bulk.arrow(frames.RESULTS[name], frame)
        staged[tables.results[name]] = rows.add_column(0, "run_id", pa.array([run_id] * rows.num_rows, pa.int32()))
    beside = forecasts.stage(kept) if kept is not None else {}
    partitions.drop_thinned(db)  # those that the night before let go: whoever still read them then has read them by now
    with bulk.staging(db.engine, staged | beside) as tx:
        guard(tx)
        for table, rows in staged.items():
            names = rows.column_names
            stage = sa.table(bulk.STAGE + table.name, *(sa.column(name, table.c[name].type) for name in names))
            partitions.insert(tx, table, names, sa.select(*(stage.c[name] for name in names)), [run_id])
        _insert_steps(tx, run_id, steps, problems)
        if after is not None:
            after(tx, sum(rows.num_rows for rows in staged.values()))
        if kept is not None:
            forecasts.write(tx, kept, run_id=run_id)
        t = tables.runs
        tx.execute(t.update().where(t.c.run_id == run_id).values(status=DONE, finished_at=at, detailed=True, **hashes))
        _thin(tx, keep)
        counters.renew_city(tx)
        if tell is not None:
            tell(tx)


def _insert_steps(tx: sa.Connection, run_id: int, steps: Sequence[Step], problems: pd.DataFrame) -> None:
    numbered = [
        {"run_id": run_id, "ordinal": n, "step": s.name, "seconds": s.seconds, "rows": s.rows, "problems": s.problems, "note": s.note}
        for n, s in enumerate(steps)
    ]
    if numbered:
        tx.execute(tables.run_steps.insert(), numbered)
    found = [{"run_id": run_id, "ordinal": n, **row} for n, row in enumerate(problems[frames.PROBLEMS.names].to_dict("records"))]
    if found:
        tx.execute(tables.run_problems.insert(), found)


def _thin(tx: sa.Connection, keep: int) -> None:
    """Take the details of all but the `keep` newest nights, and of what is older than those."""
    t = tables.runs
    newest = sa.select(t.c.run_id).where(t.c.detailed, LIVE).order_by(t.c.run_id.desc()).limit(keep)
    kept = [row[0] for row in tx.execute(newest)]
    gone = sa.or_(t.c.run_id < min(kept, default=0), sa.and_(LIVE, t.c.run_id.not_in(kept)))
    old = [row[0] for row in tx.execute(sa.select(t.c.run_id).where(t.c.detailed, gone))]
    if not old:
        return
    for name, table in tables.results.items():
        if name not in KEPT and not partitions.has_parts(tx, table):  # parts go whole, with the next night
            tx.execute(table.delete().where(table.c.run_id.in_(old)))
    log = tables.run_log
    tx.execute(log.delete().where(log.c.run_id < min(kept, default=0)))
    tx.execute(t.update().where(t.c.run_id.in_(old)).values(detailed=False))


def find(db: Database, *where: sa.ColumnElement[bool]) -> list[Record]:
    """Runs chosen by `where`, the newest first."""
    t = tables.runs
    return [Record(**row) for row in db.rows(sa.select(t).where(*where).order_by(t.c.run_id.desc()))]


def equal_run(db: Database, *, business_date: date, input_hash: str, settings_hash: str, version: str) -> Record | None:
    """The newest finished run that was given the same, by the same version; None where there is none."""
    c = tables.runs.c
    same = (c.business_date == business_date, c.input_hash == input_hash, c.settings_hash == settings_hash, c.version == version)
    found = find(db, LIVE, c.status == DONE, *same)
    return found[0] if found else None


PROPOSES = sa.and_(LIVE, tables.runs.c.status == DONE, tables.runs.c.detailed, sa.not_(tables.runs.c.withdrawn))
"""Which runs hold a proposal: nights, finished, their results stored, and not put aside."""


def newest_id() -> sa.Select[Any]:
    """The id of what `newest` gives, as a query."""
    t = tables.runs
    return sa.select(t.c.run_id).where(PROPOSES).order_by(t.c.business_date.desc(), t.c.run_id.desc()).limit(1)


def newest(db: Database) -> Record | None:
    """The run of the latest business date that holds a proposal."""
    found = find(db, PROPOSES)
    return max(found, key=lambda run: (run.business_date, run.run_id), default=None)


def done_on(db: Database, business_date: date) -> Record | None:
    """The newest finished run of a business date, its results stored or not."""
    found = find(db, LIVE, tables.runs.c.status == DONE, tables.runs.c.business_date == business_date)
    return found[0] if found else None


def planned(db: Database, order_day: date) -> Record | None:
    """The last night holding a proposal that planned an order day: of that day or of the six before it."""
    found = find(db, PROPOSES, tables.runs.c.business_date.between(order_day - timedelta(days=6), order_day))
    return max(found, key=lambda run: (run.business_date, run.run_id), default=None)


def waiting_days(db: Database) -> dict[date, int]:
    """Order days that have lines without an allocation, since the first night whose results are stored: how many lines."""
    first = db.rows(sa.select(sa.func.min(tables.runs.c.business_date).label("first")).where(tables.runs.c.detailed))[0]["first"]
    if first is None:
        return {}
    t = tables.order_lines
    query = sa.select(t.c.order_date, sa.func.count().label("lines")).where(t.c.order_date >= first, t.c.allocated.is_(None))
    query = query.where(t.c.week >= week_of(first))  # which tells the weeks that need not be searched
    return {row["order_date"]: row["lines"] for row in db.rows(query.group_by(t.c.order_date).order_by(t.c.order_date))}


def by_id(db: Database, run_id: int) -> Record | None:
    """A run by its id; None where there is none."""
    found = find(db, tables.runs.c.run_id == run_id)
    return found[0] if found else None


def read_steps(db: Database, run_id: int) -> list[dict[str, Any]]:
    """The steps of a run, in order."""
    t = tables.run_steps
    return db.rows(sa.select(t).where(t.c.run_id == run_id).order_by(t.c.ordinal))


def read_problems(db: Database, run_id: int) -> list[dict[str, Any]]:
    """The problems of a run, in order."""
    t = tables.run_problems
    return db.rows(sa.select(t).where(t.c.run_id == run_id).order_by(t.c.ordinal))


def read_result(reader: bulk.Reader, run_id: int, name: str, **only: str) -> pd.DataFrame:
    """One result table of a run, or its rows in which the columns named by `only` have these values, in key order."""
    table = tables.results[name]
    chosen = (table.c.run_id == run_id, *(table.c[column] == value for column, value in only.items()))
    return reader.frame(sa.select(*(table.c[c] for c in frames.RESULTS[name].names)).where(*chosen), frames.RESULTS[name])


def rows(db: Database, run_id: int, name: str, **only: str) -> list[dict[str, Any]]:
    """The same of few rows, as they are stored; quicker than a frame."""
    table = tables.results[name]
    chosen = (table.c.run_id == run_id, *(table.c[column] == value for column, value in only.items()))
    query = sa.select(*(table.c[c] for c in frames.RESULTS[name].names)).where(*chosen)
    return db.rows(query.order_by(*(table.c[key] for key in frames.RESULTS[name].key)))


def read_evidence(reader: bulk.Reader, run_id: int) -> pd.DataFrame:
    """Sums of the pairs' rates of a run by brand and by the evidence they mainly rest on: brand_id, evidence, rate; sorted."""
    import pyarrow as pa

    c = tables.results["pair_estimates"].c
    query = sa.select(c.brand_id, c.evidence, sa.func.sum(c.rate).label("rate")).where(c.run_id == run_id).group_by(c.brand_id, c.evidence)
    rows = reader.fetch(query, {"brand_id": pa.string(), "evidence": pa.string(), "rate": pa.float64()}).to_pandas()
    return rows.astype({"brand_id": "str", "evidence": "str"}).sort_values(["brand_id", "evidence"], ignore_index=True)


def read_lines(reader: bulk.Reader, run_id: int, **where: object) -> pd.DataFrame:
    """Allocated lines of a run (frames.ALLOCATION) whose columns have the values of `where`."""
    table = tables.results["allocation"]
    chosen = [table.c[name] == value for name, value in where.items()]
    query = sa.select(*(table.c[c] for c in frames.ALLOCATION.names)).where(table.c.run_id == run_id, *chosen)
    return reader.frame(query, frames.ALLOCATION)


def read_confirmations(reader: bulk.Reader, **where: object) -> pd.DataFrame:
    """Confirmed lines as frames.ALLOCATION, and by which run, when and by whom: run_id, confirmed_at, confirmed_by."""
    import pyarrow as pa

    done, t = tables.confirmations, tables.order_lines
    of_line = {name: done.c[name] for name in CONFIRMED} | {name: t.c[name] for name in ("retailer_id", "order_date")}
    more = {"run_id": pa.int64(), "confirmed_by": pa.string()}
    same = sa.and_(*(done.c[name] == t.c[name] for name in ("order_id", "brand_id", "week")))
    chosen = [of_line[name] == value for name, value in where.items()]
    query = sa.select(*(of_line[name] for name in frames.ALLOCATION.names), *(done.c[name] for name in more)).join_from(done, t, same)
    types = {c.name: bulk.arrow_type(c) for c in frames.ALLOCATION.columns} | more
    return reader.fetch(query.where(*chosen), types).to_pandas(date_as_object=False)


CONFIRMED = tuple(name for name in frames.ALLOCATION.names if name not in ("retailer_id", "order_date"))


def _tell_allocated(tx: sa.Connection, lines: sa.Select[Any], run_id: int, at: datetime) -> None:
    """Tell the retailers of lines that are being confirmed (retailer_id, order_date), per order day."""
    found = lines.subquery()
    for day in tx.execute(sa.select(found.c.order_date).distinct()).scalars().all():
        readers = outbox.Audience(RETAILERS, sa.select(found.c.retailer_id).where(found.c.order_date == day))
        payload = {"order_day": day, "run_id": run_id}
        outbox.post(tx, kind=Notice.ALLOCATION_READY, subject=f"order day {day}", audience=readers, payload=payload, at=at)


def confirm(tx: sa.Connection, lines: pd.DataFrame, *, run_id: int, by: str, at: datetime, accepted: str = "") -> tuple[int, int]:
    """Confirm allocated lines (frames.ALLOCATION) once: those still waiting get their allocation and a row in `confirmations`.

    Lines confirmed before, or given an allocation by an import, are left as they are. `tx` holds the lock of their weeks. Gives the
    number of lines confirmed and of their cartons. `accepted`: the limits that were not kept and why that is accepted, for the audit.
    """
    t, done = tables.order_lines, tables.confirmations
    bulk.stage(tx, done, bulk.arrow(frames.ALLOCATION, lines).select(CONFIRMED))
    stage = sa.table(bulk.STAGE + done.name, *(sa.column(name, done.c[name].type) for name in CONFIRMED))
    of_days = t.c.week.in_([week.date() for week in lines["week"].unique()])
    waiting = sa.and_(*(t.c[name] == stage.c[name] for name in ("order_id", "brand_id", "week")), of_days, t.c.allocated.is_(None))
    more = {"run_id": sa.literal(run_id), "confirmed_at": sa.literal(at, sa.DateTime), "confirmed_by": sa.literal(by)}
    fresh = sa.select(*(stage.c[name] for name in CONFIRMED), *more.values()).join_from(stage, t, waiting)
    sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(stage.c.allocated), 0)).join_from(stage, t, waiting)
    count, cartons = tx.execute(sums).one()
    _tell_allocated(tx, sa.select(t.c.retailer_id, t.c.order_date).join_from(stage, t, waiting), run_id, at)
    tx.execute(done.insert().from_select([*CONFIRMED, *more], fresh))
    counters.renew_versions(tx, {row[0] for row in tx.execute(sa.select(stage.c.week).join_from(stage, t, waiting).distinct())})
    tx.execute(t.update().where(waiting).values(allocated=stage.c.allocated))
    if accepted:
        audit.record(tx, action="publish.accept_limits", subject=f"run {run_id}", detail=accepted, by=by, at=at)
    return int(count), int(cartons)
