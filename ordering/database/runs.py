"""Runs of the jobs: their record, steps, problems and results; and the confirming of a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, tables
from ordering.database import audit, bulk, counters, forecasts
from ordering.database.connection import Database, new_id

RUNNING, DONE, FAILED = "running", "done", "failed"

SHADOW = "shadow"
"""How the job of a run begins that another policy allocated beside a night, only to be compared with it."""
LIVE = sa.not_(tables.runs.c.job.startswith(SHADOW))

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


def begin(db: Database, *, job: str, business_date: date, version: str, at: datetime) -> int:
    """Record that a run has begun; gives its id."""
    values = {"job": job, "business_date": business_date, "status": RUNNING, "version": version, "started_at": at, "detailed": False}
    with db.writing() as tx:
        return new_id(tx, tables.runs, values)


def forget(db: Database, run_id: int) -> None:
    """Take away the record of a run that found nothing new."""
    with db.writing() as tx:
        tx.execute(tables.runs.delete().where(tables.runs.c.run_id == run_id))


def fail(db: Database, run_id: int, *, at: datetime) -> None:
    """Record that a run did not come to its end."""
    t = tables.runs
    with db.writing() as tx:
        tx.execute(t.update().where(t.c.run_id == run_id).values(status=FAILED, finished_at=at))


def save(
    db: Database,
    run_id: int,
    results: Mapping[str, pd.DataFrame],
    *,
    hashes: Mapping[str, str],
    steps: list[Step],
    problems: pd.DataFrame,
    at: datetime,
    keep: int,
    kept: forecasts.Kept | None = None,
) -> None:
    """Store what a run found and mark it done, in one transaction; runs before the `keep` newest lose their details.

    `hashes` holds input_hash, settings_hash and result_hash; `kept` is what outlives the run.
    """
    import pyarrow as pa

    staged = {}
    for name, frame in results.items():
        rows = bulk.arrow(frames.RESULTS[name], frame)
        staged[tables.results[name]] = rows.add_column(0, "run_id", pa.array([run_id] * rows.num_rows, pa.int32()))
    beside = forecasts.stage(kept) if kept is not None else {}
    with bulk.staging(db.engine, staged | beside) as tx:
        for table, rows in staged.items():
            names = rows.column_names
            stage = sa.table(bulk.STAGE + table.name, *(sa.column(name, table.c[name].type) for name in names))
            tx.execute(table.insert().from_select(names, sa.select(*(stage.c[name] for name in names))))
        _insert_steps(tx, run_id, steps, problems)
        if kept is not None:
            forecasts.write(tx, kept, run_id=run_id)
        t = tables.runs
        tx.execute(t.update().where(t.c.run_id == run_id).values(status=DONE, finished_at=at, detailed=True, **hashes))
        _thin(tx, keep)
        counters.renew_city(tx)


def _insert_steps(tx: sa.Connection, run_id: int, steps: list[Step], problems: pd.DataFrame) -> None:
    numbered = [
        {"run_id": run_id, "ordinal": n, "step": s.name, "seconds": s.seconds, "rows": s.rows, "problems": s.problems, "note": s.note}
        for n, s in enumerate(steps)
    ]
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
        if name not in KEPT:
            tx.execute(table.delete().where(table.c.run_id.in_(old)))
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
    first = sa.select(sa.func.min(tables.runs.c.business_date)).where(tables.runs.c.detailed).scalar_subquery()
    t = tables.order_lines
    query = sa.select(t.c.order_date, sa.func.count().label("lines")).where(t.c.order_date >= first, t.c.allocated.is_(None))
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
    same = sa.and_(done.c.order_id == t.c.order_id, done.c.brand_id == t.c.brand_id)
    chosen = [of_line[name] == value for name, value in where.items()]
    query = sa.select(*(of_line[name] for name in frames.ALLOCATION.names), *(done.c[name] for name in more)).join_from(done, t, same)
    types = {c.name: bulk.arrow_type(c) for c in frames.ALLOCATION.columns} | more
    return reader.fetch(query.where(*chosen), types).to_pandas(date_as_object=False)


CONFIRMED = tuple(name for name in frames.ALLOCATION.names if name not in ("retailer_id", "order_date"))


def confirm(tx: sa.Connection, lines: pd.DataFrame, *, run_id: int, by: str, at: datetime, accepted: str = "") -> tuple[int, int]:
    """Confirm allocated lines (frames.ALLOCATION) once: those still waiting get their allocation and a row in `confirmations`.

    Lines confirmed before, or given an allocation by an import, are left as they are. `tx` holds the lock of their weeks. Gives the
    number of lines confirmed and of their cartons. `accepted`: the limits that were not kept and why that is accepted, for the audit.
    """
    t, done = tables.order_lines, tables.confirmations
    bulk.stage(tx, done, bulk.arrow(frames.ALLOCATION, lines).select(CONFIRMED))
    stage = sa.table(bulk.STAGE + done.name, *(sa.column(name, done.c[name].type) for name in CONFIRMED))
    waiting = sa.and_(t.c.order_id == stage.c.order_id, t.c.brand_id == stage.c.brand_id, t.c.allocated.is_(None))
    more = {"run_id": sa.literal(run_id), "confirmed_at": sa.literal(at, sa.DateTime), "confirmed_by": sa.literal(by)}
    fresh = sa.select(*(stage.c[name] for name in CONFIRMED), *more.values()).join_from(stage, t, waiting)
    sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(stage.c.allocated), 0)).join_from(stage, t, waiting)
    count, cartons = tx.execute(sums).one()
    tx.execute(done.insert().from_select([*CONFIRMED, *more], fresh))
    counters.renew_versions(tx, {row[0] for row in tx.execute(sa.select(stage.c.week).join_from(stage, t, waiting).distinct())})
    tx.execute(t.update().where(waiting).values(allocated=stage.c.allocated))
    if accepted:
        audit.record(tx, action="publish.accept_limits", subject=f"run {run_id}", detail=accepted, by=by, at=at)
    return int(count), int(cartons)
