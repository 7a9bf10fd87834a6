"""Stored cells of rates as pages need them: sums by any dimension that a table holds, within others, summed by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, tables
from ordering.accounts import Territory
from ordering.database import bulk
from ordering.database.connection import Database
from ordering.rate_cells import DIMENSIONS, MEASURES

OF = {"brand_id": tables.contract["brands"], "retailer_id": tables.contract["retailers"]}
"""What the ids of cells are looked up in."""
WHOLE = ("star_level", "price_class")


def summed(
    reader: bulk.Reader, run_id: int, name: str, by: Sequence[str] = (), *, within: Mapping[str, str | int] | None = None,
    territory: Territory | None = None, first: date | None = None, last: date | None = None, weekly: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Sums of MEASURES of the run's cells `name` by the dimensions `by` (and, where `weekly`, first by week), sorted so; the dimensions as
    columns of DIMENSIONS.

    `name` is a table that can be summed so (rate_cells.stored_in). `within`: values that dimensions have; `territory`: whose cells count;
    `first`, `last`: weeks, both included. Sums of cells are exact, so they are those that reading every cell would give.
    """
    import pyarrow as pa

    table = tables.results[name]
    place = {one: _column(table, one) for one in (*by, *(within or {}), *(territory or {}))}
    keys: list[sa.ColumnElement[Any]] = [table.c.week] if weekly else []
    keys += [place[one].label(DIMENSIONS[one]) for one in by]
    sums = [sa.cast(sa.func.sum(table.c[one]), sa.Double).label(one) for one in MEASURES]
    query = sa.select(*keys, *sums).select_from(_joined(table, place.values())).where(table.c.run_id == run_id)
    query = query.where(*(place[one] == value for one, value in (within or {}).items()))
    if territory is not None:
        query = query.where(sa.or_(*(place[one].in_(sorted(values)) for one, values in territory.items())))
    query = query if first is None else query.where(table.c.week >= first)
    query = query if last is None else query.where(table.c.week <= last)
    kinds = {DIMENSIONS[one]: pa.int64() if DIMENSIONS[one] in WHOLE else pa.string() for one in by}
    types = ({"week": pa.date32()} if weekly else {}) | kinds | dict.fromkeys(MEASURES, pa.float64())
    grouped = query.group_by(*([table.c.week] if weekly else []), *(place[one] for one in by))
    return _sorted(reader.fetch(grouped, types).to_pandas(date_as_object=False), [*(["week"] if weekly else []), *kinds])


def _column(table: sa.Table, dimension: str) -> sa.Column[Any]:
    """The column that holds a dimension: of the cells themselves, or of what their ids are looked up in."""
    name = DIMENSIONS[dimension]
    if name in table.c:
        return table.c[name]
    return next(of.c[name] for id_, of in OF.items() if id_ in table.c and name in of.c)


def _joined(table: sa.Table, columns: Any) -> sa.FromClause:
    found: sa.FromClause = table
    for id_, of in OF.items():
        if any(column.table is of for column in columns):
            found = found.join(of, of.c[id_] == table.c[id_])
    return found


def _sorted(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    kinds = {key: "datetime64[us]" if key == "week" else "str" for key in keys if key not in WHOLE}
    return rows.astype(kinds).sort_values(keys, ignore_index=True) if keys else rows


def names(db: Database, dimension: str, ids: Sequence[str]) -> dict[str, str]:
    """The names of brands or retailers by id; none of what has no name beside its id."""
    id_ = DIMENSIONS[dimension]
    if id_ not in OF or not ids:
        return {}
    of = OF[id_]
    return {row[id_]: row["name"] for row in db.rows(sa.select(of.c[id_], of.c.name).where(of.c[id_].in_(ids)))}


def supplied(reader: bulk.Reader, first: date, last: date) -> dict[str, int]:
    """Cartons available of each brand in the weeks from `first` to `last`, both included; a brand without any is not limited."""
    supply = tables.contract["supply"]
    query = sa.select(*(supply.c[one] for one in frames.SUPPLY.names)).where(supply.c.week.between(first, last))
    rows = reader.frame(query, frames.SUPPLY)
    return {str(brand): int(count) for brand, count in rows.groupby("brand_id", observed=True)["available"].sum().items()}
