"""What one retailer asked and was given, of one brand or of all, week by week, and the index by which its demand moves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import tables
from ordering.database import bulk
from ordering.database.connection import Database

T, INDEX = tables.order_lines, tables.results["brand_index"]


def read(reader: bulk.Reader, retailer_id: str, brand_id: str, first: date, last: date) -> pd.DataFrame:
    """Columns week, requested, allocated of the weeks `first` to `last` (Mondays) with lines; allocated is missing where all still wait."""
    import pyarrow as pa

    sums = [sa.func.sum(T.c[name]).label(name) for name in ("requested", "allocated")]
    mine = (T.c.retailer_id == retailer_id, T.c.brand_id == brand_id, T.c.week >= first, T.c.week <= last)
    query = sa.select(T.c.week, *sums).where(*mine).group_by(T.c.week)
    found = reader.fetch(query, {"week": pa.date32(), "requested": pa.int64(), "allocated": pa.int64()})
    rows = found.to_pandas(date_as_object=False).astype({"week": "datetime64[us]"})
    return rows.sort_values("week", ignore_index=True)


def of_retailer(db: Database, retailer_id: str, first: date, last: date) -> list[dict[str, Any]]:
    """The same of all brands of a retailer: brand_id, week, requested, allocated."""
    sums = [sa.func.sum(T.c[name]).label(name) for name in ("requested", "allocated")]
    mine = (T.c.retailer_id == retailer_id, T.c.week >= first, T.c.week <= last)
    return db.rows(sa.select(T.c.brand_id, T.c.week, *sums).where(*mine).group_by(T.c.brand_id, T.c.week))


def index(db: Database, run_id: int, brands: Collection[str], district: str, first: date, last: date) -> list[dict[str, Any]]:
    """The index of some brands in the weeks of a run: brand_id, week, index; that for every district before that of the district itself."""
    mine = (INDEX.c.run_id == run_id, INDEX.c.brand_id.in_(brands), INDEX.c.district.in_(["", district]))
    query = sa.select(INDEX.c.brand_id, INDEX.c.week, INDEX.c.index).where(*mine, INDEX.c.week >= first, INDEX.c.week <= last)
    return db.rows(query.order_by(INDEX.c.district))
