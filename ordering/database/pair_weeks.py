"""What retailers asked and were given of brands, week by week, and what demand is reckoned from: of one pair, of a retailer, of many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import tables
from ordering.database import bulk, lookups
from ordering.database.connection import Database
from ordering.database.lookups import SHOPS, Among
from ordering.review import Filter

T = tables.order_lines
S, P, INDEX = (tables.results[name] for name in ("suggestions", "pair_estimates", "brand_index"))


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


def read_many(reader: bulk.Reader, of: Filter, among: Among | None, weeks: Sequence[date]) -> pd.DataFrame:
    """The lines of some weeks (Mondays), of the retailer and brand of a filter among those that somebody sees: retailer_id, brand_id, week,
    requested, allocated, a row for each line.
    """
    import pyarrow as pa

    types = {"retailer_id": pa.string(), "brand_id": pa.string(), "week": pa.date32(), "requested": pa.int64(), "allocated": pa.int64()}
    query = sa.select(*(T.c[name] for name in types)).where(T.c.week.in_(weeks), *_own(T, of, among))
    return reader.fetch(query, types).to_pandas(date_as_object=False)


def read_pairs(reader: bulk.Reader, run_id: int, of: Filter, among: Among | None) -> pd.DataFrame:
    """The pairs that a run suggests for, with what it found of them: retailer_id, brand_id, week (the planned one), district, rate,
    from_week, to_week; the last three missing where it estimated nothing.
    """
    import pyarrow as pa

    texts = dict.fromkeys(("retailer_id", "brand_id", "district"), pa.string())
    types = texts | {"rate": pa.float64()} | dict.fromkeys(("week", "from_week", "to_week"), pa.date32())
    same = sa.and_(*(P.c[name] == S.c[name] for name in ("run_id", "retailer_id", "brand_id")))
    joined = S.join(SHOPS, SHOPS.c.retailer_id == S.c.retailer_id).outerjoin(P, same)
    columns = [S.c.retailer_id, S.c.brand_id, SHOPS.c.district, P.c.rate, S.c.week, P.c.from_week, P.c.to_week]
    query = sa.select(*columns).select_from(joined).where(S.c.run_id == run_id, *_own(S, of, among))
    return reader.fetch(query, types).to_pandas(date_as_object=False)


def read_index(reader: bulk.Reader, run_id: int, brand_id: str | None, weeks: Sequence[date]) -> pd.DataFrame:
    """The index of brands in some weeks of a run: brand_id, district ("" for every one), week, index."""
    import pyarrow as pa

    types = {"brand_id": pa.string(), "district": pa.string(), "week": pa.date32(), "index": pa.float64()}
    query = sa.select(*(INDEX.c[name] for name in types)).where(INDEX.c.run_id == run_id, INDEX.c.week.in_(weeks))
    query = query if brand_id is None else query.where(INDEX.c.brand_id == brand_id)
    return reader.fetch(query, types).to_pandas(date_as_object=False)


def _own(table: Any, of: Filter, among: Among | None) -> list[sa.ColumnElement[bool]]:
    """The retailer and brand of a filter, among the retailers that somebody sees."""
    equal = [table.c[name] == value for name, value in (("retailer_id", of.retailer), ("brand_id", of.brand)) if value is not None]
    return equal if among is None else [*equal, table.c.retailer_id.in_(lookups.own(among))]


def index(db: Database, run_id: int, brands: Collection[str], district: str, first: date, last: date) -> list[dict[str, Any]]:
    """The index of some brands in the weeks of a run: brand_id, week, index; that for every district before that of the district itself."""
    mine = (INDEX.c.run_id == run_id, INDEX.c.brand_id.in_(brands), INDEX.c.district.in_(["", district]))
    query = sa.select(INDEX.c.brand_id, INDEX.c.week, INDEX.c.index).where(*mine, INDEX.c.week >= first, INDEX.c.week <= last)
    return db.rows(query.order_by(INDEX.c.district))
