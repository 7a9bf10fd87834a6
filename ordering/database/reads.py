"""What is read: contract tables, lines, levels and weeks, as frames or Arrow tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, tables
from ordering.database import bulk
from ordering.database.connection import Database
from ordering.model import week_of


def weeks_with_orders(db: Database) -> dict[date, int]:
    """The Mondays of weeks with order lines, each with its version."""
    t = tables.order_weeks
    return {row["week"]: row["version"] for row in db.rows(sa.select(t).order_by(t.c.week))}


def read_table(reader: bulk.Reader, name: str, *where: sa.ColumnElement[bool]) -> pd.DataFrame:
    """A contract table, or the rows of it that `where` chooses, as a frame."""
    table = tables.contract[name]
    return reader.frame(sa.select(*(table.c[c] for c in frames.CONTRACT[name].names)).where(*where), frames.CONTRACT[name])


LINE_TYPES = ("order_id", "brand_id", "retailer_id", "order_date", "mode", "requested", "allocated")


def read_lines(reader: bulk.Reader, first: date, last: date) -> Any:
    """Order lines dated `first` to `last`, both included, as an Arrow table ordered by (order_id, brand_id)."""
    t = tables.order_lines
    types = {name: bulk.arrow_type(frames.ORDER_LINES.column(name)) for name in LINE_TYPES}
    in_weeks = sa.and_(t.c.week >= week_of(first), t.c.week <= week_of(last))
    query = sa.select(*(t.c[name] for name in types)).where(in_weeks, t.c.order_date >= first, t.c.order_date <= last)
    return reader.fetch(query, types).sort_by([("order_id", "ascending"), ("brand_id", "ascending")])


def read_confirmed(reader: bulk.Reader, first: date, last: date) -> pd.DataFrame:
    """Keys of the lines of weeks `first` to `last` that were confirmed here: order_id, brand_id."""
    import pyarrow as pa

    t = tables.confirmations
    query = sa.select(t.c.order_id, t.c.brand_id).where(t.c.week >= week_of(first), t.c.week <= week_of(last))
    return reader.fetch(query, {"order_id": pa.string(), "brand_id": pa.string()}).to_pandas()


def read_week_levels(reader: bulk.Reader, first: date, last: date, *, before: date) -> pd.DataFrame:
    """The levels solved on the first night of each week `first` to `last`, by nights of business dates before `before`.

    Nights that were put aside do not count: their levels bind nobody.
    """
    levels, runs = tables.results["week_levels"], tables.runs
    found = (
        sa.select(levels, runs.c.business_date)
        .join(runs, runs.c.run_id == levels.c.run_id)
        .where(levels.c.week >= first, levels.c.week <= last, runs.c.business_date < before, runs.c.status == "done")
        .where(sa.not_(runs.c.withdrawn))
    )
    types = {c.name: bulk.arrow_type(c) for c in frames.WEEK_LEVELS.columns}
    import pyarrow as pa

    rows = reader.fetch(found, types | {"run_id": pa.int64(), "business_date": pa.date32()}).to_pandas(date_as_object=False)
    earliest = rows.sort_values(["business_date", "run_id"], ascending=[True, False]).drop_duplicates(["brand_id", "week"])
    return frames.conform(frames.WEEK_LEVELS, earliest, check=False)


def known_weeks(reader: bulk.Reader, first: date) -> list[tuple[date, int]]:
    """Weeks with order lines from `first` on, each with its version, in order."""
    import pyarrow as pa

    t = tables.order_weeks
    found = reader.fetch(sa.select(t.c.week, t.c.version).where(t.c.week >= first), {"week": pa.date32(), "version": pa.int64()})
    return sorted(zip(found["week"].to_pylist(), found["version"].to_pylist(), strict=True))
