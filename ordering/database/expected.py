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


def suggested(reader: bulk.Reader, retailer_id: str | None, first: date, before: date) -> pd.DataFrame:
    """What was suggested for order days from `first` on and before `before`, where it is known: KEY, suggested.

    Known is what somebody decided on, as it was then, and what the nights suggested whose results are stored: of each retailer, brand and
    week by the newest of them, of those that were not put aside.
    """
    at = (*KEY, "suggested")
    days = [DECISIONS.c.week >= first, DECISIONS.c.order_day < before]
    decided = sa.select(*(DECISIONS.c[name] for name in at)).where(*days, *_of(DECISIONS, retailer_id))
    nights = (
        sa.select(*(NIGHTS.c[name] for name in at), RUNS.c.business_date, RUNS.c.run_id)
        .join(RUNS, RUNS.c.run_id == NIGHTS.c.run_id)
        .where(RUNS.c.status == "done", sa.not_(RUNS.c.withdrawn), NIGHTS.c.week >= first, NIGHTS.c.order_day < before)
        .where(*_of(NIGHTS, retailer_id))
    )
    import pyarrow as pa

    kept = _fetched(reader, nights, "suggested", business_date=pa.date32(), run_id=pa.int64())
    newest = kept.sort_values(["business_date", "run_id"]).drop_duplicates(KEY, keep="last")[list(at)]
    both = [_fetched(reader, decided, "suggested").drop_duplicates(KEY, keep="last"), newest]
    return pd.concat(both, ignore_index=True).drop_duplicates(KEY, keep="first", ignore_index=True)


def _of(table: sa.Table, retailer_id: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if retailer_id is None else [table.c.retailer_id == retailer_id]


def _fetched(reader: bulk.Reader, query: sa.Select[Any], *counts: str, **more: Any) -> pd.DataFrame:
    import pyarrow as pa

    names = [column.name for column in query.selected_columns]
    keys = {"retailer_id": pa.string(), "brand_id": pa.string(), "week": pa.date32()}
    types = {name: kind for name, kind in keys.items() if name in names} | dict.fromkeys(counts, pa.int64()) | more
    found = reader.fetch(query, types).to_pandas(date_as_object=False)
    found = found if len(found) else pd.DataFrame({name: [] for name in types})  # pandas merges no two columns without any chunk
    return found.astype({"retailer_id": "str", "week": "datetime64[us]"} | ({"brand_id": "str"} if "brand_id" in names else {}))
