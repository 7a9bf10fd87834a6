"""What is kept of forecasts beside the runs: what the methods said, what was forecast and came true, and each week's fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import record, review, tables
from ordering.database import bulk
from ordering.database.connection import Database
from ordering.model import Decision, week_of

RETAILER_WEEKS = 53
"""Weeks for which retailers' forecasts are kept: they are many. Those of brands and districts stay."""


@dataclass(frozen=True)
class Fit:
    """A week's fit as recorded: what it was made of, by which run, and the hash of the file that holds it."""

    fit_hash: str
    week: date
    run_id: int
    business_date: date
    content_hash: str


@dataclass(frozen=True)
class Kept:
    """What a night leaves beside its results. `candidates`: record.CANDIDATES, made by it, and `origins`: record.ORIGINS, those it used;
    both empty where it took its fit over. `forecasts`: by name of record.FORECASTS, those of its week and those that came true; `fit`:
    (fit_hash, content_hash) of a fit made anew.
    """

    business_date: date
    candidates: pd.DataFrame
    origins: pd.DataFrame
    forecasts: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    fit: tuple[str, str] | None = None

    @property
    def week(self) -> date:
        """The Monday of the business date's week."""
        return week_of(self.business_date)


def stage(kept: Kept) -> dict[sa.Table, Any]:
    """The rows to be staged for `write`."""
    rows = {
        tables.kept[of.name]: bulk.arrow(of, rows) for of, rows in ((record.CANDIDATES, kept.candidates), (record.ORIGINS, kept.origins))
    }
    return rows | {tables.kept[name]: bulk.arrow(record.FORECASTS[name], frame) for name, frame in kept.forecasts.items()}


def write(tx: sa.Connection, kept: Kept, *, run_id: int) -> None:
    """Put the staged rows in the place of those of the same origins, and forget retailers' forecasts of more than a year ago."""
    said, used = (tables.kept[of.name] for of in (record.CANDIDATES, record.ORIGINS))
    for origin in kept.candidates["origin"].unique():
        tx.execute(said.delete().where(said.c.planned_week == kept.week, said.c.origin == origin.date()))
    if len(kept.origins):
        tx.execute(used.delete().where(used.c.planned_week == kept.week))
    for table in (said, used):
        _insert(tx, table)
    for name, frame in kept.forecasts.items():
        table = tables.kept[name]
        for week, origin in frame[["week", "origin"]].drop_duplicates().itertuples(index=False):
            tx.execute(table.delete().where(table.c.week == week.date(), table.c.origin == origin.date()))
        _insert(tx, table)
    old = tables.kept[record.RETAILERS.name]
    tx.execute(old.delete().where(old.c.week < kept.week - timedelta(weeks=RETAILER_WEEKS)))
    if kept.fit is not None:
        fit_hash, content_hash = kept.fit
        row = Fit(fit_hash, kept.week, run_id, kept.business_date, content_hash)
        tx.execute(tables.fits.delete().where(tables.fits.c.fit_hash == fit_hash))
        tx.execute(tables.fits.insert().values(vars(row)))


def _insert(tx: sa.Connection, table: sa.Table) -> None:
    staged = sa.table(bulk.STAGE + table.name, *(sa.column(c.name, c.type) for c in table.c))
    tx.execute(table.insert().from_select(list(staged.c.keys()), sa.select(*staged.c)))


def find_fit(db: Database, fit_hash: str, *, before: date) -> Fit | None:
    """The fit of that hash, made by a night of an earlier business date than `before`; None where there is none."""
    c = tables.fits.c
    found = db.rows(sa.select(tables.fits).where(c.fit_hash == fit_hash, c.business_date < before))
    return Fit(**found[0]) if found else None


def read_candidates(reader: bulk.Reader, week: date, *, since: date) -> pd.DataFrame:
    """What the methods said at origins from `since` to before `week`, as far as a night of that week may know (record.CANDIDATES).

    A night run again reads what the week's first night read. For that first one: nights of later weeks may have gone back to an origin
    with later knowledge, and what they found there is not read; of several that were not later, the earliest counts, which knew least
    beyond the origin.
    """
    said, used = (tables.kept[of.name] for of in (record.CANDIDATES, record.ORIGINS))
    within = (said.c.origin >= since, said.c.origin < week, said.c.planned_week <= week)
    rows = reader.frame(sa.select(said).where(*within), record.CANDIDATES)
    chosen = reader.frame(sa.select(used).where(used.c.planned_week == week), record.ORIGINS)[["origin", "made_in"]]
    if chosen.empty:
        made = rows[["origin", "planned_week"]].drop_duplicates().sort_values("planned_week", kind="stable")
        chosen = made.drop_duplicates("origin").rename(columns={"planned_week": "made_in"})
    key = {"left_on": ["origin", "planned_week"], "right_on": ["origin", "made_in"]}
    own = rows.merge(chosen, how="inner", validate="m:1", **key)[record.CANDIDATES.names]
    return own.sort_values(["origin", "brand_id", "method", "week"], kind="stable", ignore_index=True)


def read_forecasts(reader: bulk.Reader, name: str, *where: sa.ColumnElement[bool]) -> pd.DataFrame:
    """One of record.FORECASTS, or the rows of it that `where` chooses."""
    return reader.frame(sa.select(tables.kept[name]).where(*where), record.FORECASTS[name])


def came_true(reader: bulk.Reader, name: str, *, before: date) -> pd.DataFrame:
    """The rows of one of record.FORECASTS whose week was judged and lies before `before`."""
    c = tables.kept[name].c
    return read_forecasts(reader, name, c.actual.is_not(None), c.week < before)


def of_weeks(reader: bulk.Reader, name: str, weeks: Sequence[date], *, before: date) -> pd.DataFrame:
    """The rows of one of record.FORECASTS that were made for `weeks`, at origins before `before`."""
    c = tables.kept[name].c
    return read_forecasts(reader, name, c.week.in_(weeks), c.origin < before)


def not_judged(reader: bulk.Reader, before: date, *, since: date) -> list[tuple[date, date]]:
    """(week, origin) of the forecasts for weeks from `since` to before `before` none of which was held against what came."""
    import pyarrow as pa

    c = tables.kept[record.BRANDS.name].c
    query = sa.select(c.week, c.origin).where(c.week >= since, c.week < before, c.origin < before)
    query = query.group_by(c.week, c.origin).having(sa.func.count(c.actual) == 0)
    found = reader.fetch(query, {"week": pa.date32(), "origin": pa.date32()})
    return sorted(zip(found["week"].to_pylist(), found["origin"].to_pylist(), strict=True))


def read_decided(reader: bulk.Reader, *, before: date) -> pd.DataFrame:
    """Decisions that hold, of weeks before `before`: retailer_id, brand_id, week, suggested, decision, decided_qty.

    `suggested` is what the person saw. Of two order days in one week the later counts.
    """
    t = tables.suggestion_decisions
    names = ("retailer_id", "brand_id", "week", "suggested", "decision", "decided_qty")
    query = sa.select(t.c.order_day, *(t.c[name] for name in names))
    query = query.where(t.c.decision != Decision.OPEN, sa.not_(t.c.pending), t.c.week < before)
    found = reader.fetch(query, {c.name: bulk.arrow_type(c) for c in review.DECISIONS.columns if c.name in (*names, "order_day")})
    rows = found.to_pandas(date_as_object=False).sort_values("order_day", kind="stable").drop_duplicates(list(names[:3]), keep="last")
    typed = {name: review.DECISIONS.column(name).dtype for name in names}
    return rows[list(names)].astype(typed).sort_values(list(names[:3]), ignore_index=True)
