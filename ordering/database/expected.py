"""What retailers asked and were given, and what is still known of what was suggested to them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import tables
from ordering.database import bulk
from ordering.expected import KEY

LINES, RUNS = tables.order_lines, tables.runs
NIGHTS, DECISIONS = tables.results["suggestions"], tables.suggestion_decisions


def lines(reader: bulk.Reader, retailer_id: str, first: date) -> pd.DataFrame:
    """A retailer's requests that were decided, of weeks from `first` on: KEY, requested, received."""
    return _lines(reader, KEY, LINES.c.week >= first, LINES.c.retailer_id == retailer_id)


def weekly(reader: bulk.Reader) -> pd.DataFrame:
    """The requests of all retailers that were decided, summed over brands: retailer_id, week, requested, received."""
    return _lines(reader, [KEY[0], KEY[2]])


def _lines(reader: bulk.Reader, names: list[str], *where: sa.ColumnElement[bool]) -> pd.DataFrame:
    keys = [LINES.c[name] for name in names]
    query = sa.select(
        *keys, *(sa.func.sum(LINES.c[of]).label(name) for name, of in (("requested", "requested"), ("received", "allocated")))
    )
    return _fetched(reader, query.where(LINES.c.allocated.is_not(None), *where).group_by(*keys), "requested", "received")


def suggested(reader: bulk.Reader, retailer_id: str, first: date, before: date) -> pd.DataFrame:
    """What was suggested to a retailer for order days from the week `first` on and before `before`, where it is known: KEY, suggested.

    Known is what somebody decided on, as it was then, and what the nights suggested whose results are stored: of each retailer, brand and
    week by the newest of them, of those that were not put aside.
    """
    known = _known(before, first, retailer_id).subquery()
    return _fetched(reader, sa.select(*(known.c[name] for name in (*KEY, "suggested"))).where(known.c.place == 1), "suggested")


def weekly_suggested(reader: bulk.Reader, before: date) -> pd.DataFrame:
    """The same of all retailers, summed over brands by the database: retailer_id, week, suggested."""
    known = _known(before).subquery()
    keys = [known.c[name] for name in (KEY[0], KEY[2])]
    query = sa.select(*keys, sa.func.sum(known.c.suggested).label("suggested")).where(known.c.place == 1).group_by(*keys)
    return _fetched(reader, query, "suggested")


def _known(before: date, first: date = date.min, retailer_id: str | None = None) -> sa.Select[Any]:
    """Every suggestion that is known: KEY, suggested, and its place among those of one key, 1 for the one that counts."""
    at = (*KEY, "suggested", "order_day")

    def own(table: sa.Table) -> list[sa.ColumnElement[bool]]:
        whose = [] if retailer_id is None else [table.c.retailer_id == retailer_id]
        return [table.c.week >= first, table.c.order_day < before, *whose]

    decided = sa.select(*(DECISIONS.c[name] for name in at), sa.literal(1), sa.null(), sa.null()).where(*own(DECISIONS))
    nights = (
        sa.select(*(NIGHTS.c[name] for name in at), sa.literal(0).label("by_person"), RUNS.c.business_date, RUNS.c.run_id)
        .join(RUNS, RUNS.c.run_id == NIGHTS.c.run_id)
        .where(RUNS.c.status == "done", sa.not_(RUNS.c.withdrawn), *own(NIGHTS))
    )
    every = sa.union_all(nights, decided).subquery()
    newest = [every.c[name].desc() for name in ("by_person", "business_date", "run_id", "order_day")]
    place = sa.func.row_number().over(partition_by=[every.c[name] for name in KEY], order_by=newest)
    return sa.select(*(every.c[name] for name in (*KEY, "suggested")), place.label("place"))


def _fetched(reader: bulk.Reader, query: sa.Select[Any], *counts: str) -> pd.DataFrame:
    import pyarrow as pa

    names = [column.name for column in query.selected_columns]
    keys = {"retailer_id": pa.string(), "brand_id": pa.string(), "week": pa.date32()}
    types = {name: kind for name, kind in keys.items() if name in names} | dict.fromkeys(counts, pa.int64())
    found = reader.fetch(query, types).to_pandas(date_as_object=False)
    found = found if len(found) else pd.DataFrame({name: [] for name in types})  # pandas merges no two columns without any chunk
    return found.astype({"retailer_id": "str", "week": "datetime64[us]"} | ({"brand_id": "str"} if "brand_id" in names else {}))
