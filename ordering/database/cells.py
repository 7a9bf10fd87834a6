"""Stored cells of rates as pages need them: sums by any dimension that a table holds, within others, summed by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, tables
from ordering.accounts import Territory
from ordering.database import bulk
from ordering.database.connection import Database
from ordering.kept_cells import spans
from ordering.model import week_of
from ordering.rate_cells import DIMENSIONS, MEASURES, added

OF = {"brand_id": tables.contract["brands"], "retailer_id": tables.contract["retailers"]}
"""What the ids of cells are looked up in."""
WHOLE = ("star_level", "price_class")
AT_ONCE = 10_000
"""Names that one query looks up: databases take no more than some ten thousand values."""


def summed(
    reader: bulk.Reader, run_id: int, name: str, by: Sequence[str] = (), *, within: Mapping[str, str | int] | None = None,
    territory: Territory | None = None, first: date | None = None, last: date | None = None, weekly: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Sums of MEASURES of the run's cells `name` by the dimensions `by` (and, where `weekly`, first by week), sorted so; the dimensions as
    columns of DIMENSIONS.

    `name` is a table that can be summed so (kept_cells.stored_in); what is kept of it by month is read so. `within`: values that
    dimensions have; `territory`: whose cells count; `first`, `last`: days, between which, both included, the Mondays of the weeks lie.
    Sums of cells are exact, so they are those that reading every cell would give.
    """
    first, last = first and week_of(first + timedelta(days=6)), last and week_of(last)
    parts = [(name, first, last)] if weekly else spans(name, first, last)
    own = (within or {}, territory)
    found = [_summed(reader, run_id, tables.results[one], by, begin, end, weekly, *own) for one, begin, end in parts]
    return found[0] if len(found) == 1 else added(found)


def _summed(
    reader: bulk.Reader, run_id: int, table: sa.Table, by: Sequence[str], first: date | None, last: date | None, weekly: bool,
    within: Mapping[str, str | int], territory: Territory | None,
) -> pd.DataFrame:  # fmt: skip
    import pyarrow as pa

    conditions = [table.c.run_id == run_id, *(_having(table, one, [value]) for one, value in within.items())]
    if territory is not None:
        conditions.append(sa.or_(*(_having(table, one, sorted(values)) for one, values in territory.items())))
    conditions += [table.c.week >= first] if first is not None else []
    conditions += [table.c.week <= last] if last is not None else []
    if any(_column(table, one).table is OF["retailer_id"] for one in (*within, *(territory or {}))):
        conditions.append(table.c.week.in_(_mondays(reader, table, run_id, first, last)))  # so that the key finds each retailer at once
    week = [table.c.week] if weekly else []
    query = _grouped(table, [*week, *(_column(table, one) for one in by)], conditions)
    kinds = {DIMENSIONS[one]: pa.int64() if DIMENSIONS[one] in WHOLE else pa.string() for one in by}
    types = ({"week": pa.date32()} if weekly else {}) | kinds | dict.fromkeys(MEASURES, pa.float64())
    return _sorted(reader.fetch(query, types).to_pandas(date_as_object=False), [*(["week"] if weekly else []), *kinds])


def _column(table: sa.Table, dimension: str) -> sa.Column[Any]:
    """The column that holds a dimension: of the cells themselves, or of what their ids are looked up in."""
    name = DIMENSIONS[dimension]
    if name in table.c:
        return table.c[name]
    return next(of.c[name] for id_, of in OF.items() if id_ in table.c and name in of.c)


def _having(table: sa.Table, dimension: str, values: Sequence[str | int]) -> sa.ColumnElement[bool]:
    """Cells that have any of these values of a dimension."""
    column = _column(table, dimension)
    if column.table is table:
        return column.in_(values)
    id_ = _id(column)
    return table.c[id_].in_(sa.select(column.table.c[id_]).where(column.in_(values)))


def _id(column: sa.Column[Any]) -> str:
    """By which id a column is looked up."""
    return next(id_ for id_, of in OF.items() if column.table is of)


def _mondays(reader: bulk.Reader, table: sa.Table, run_id: int, first: date | None, last: date | None) -> list[date]:
    """The weeks that the run's cells may have from `first` to `last`."""
    import pyarrow as pa

    own = sa.select(table.c.week).where(table.c.run_id == run_id)
    ends = {"first": own.order_by(table.c.week).limit(1), "last": own.order_by(table.c.week.desc()).limit(1)}
    found = reader.fetch(sa.select(*(end.scalar_subquery().label(name) for name, end in ends.items())), dict.fromkeys(ends, pa.date32()))
    begin, end = (found[name][0].as_py() for name in ends)
    if begin is None:
        return []
    begin, end = max(begin, first or begin), min(end, last or end)
    return [begin + timedelta(weeks=n) for n in range((end - begin).days // 7 + 1)]


def _grouped(table: sa.Table, by: Sequence[sa.Column[Any]], conditions: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """The sums of cells by columns. By what is looked up they are summed by its id first, so that each id is looked up once."""
    looked = [column for column in by if column.table is not table]
    inner = list(dict.fromkeys([*(column for column in by if column.table is table), *(table.c[_id(column)] for column in looked)]))
    sums = [sa.cast(sa.func.sum(table.c[one]), sa.Double).label(one) for one in MEASURES]
    query = sa.select(*inner, *sums).where(*conditions).group_by(*inner)
    if not looked:
        return query
    part = query.subquery()
    whole: sa.FromClause = part
    for id_ in dict.fromkeys(map(_id, looked)):
        whole = whole.join(OF[id_], OF[id_].c[id_] == part.c[id_])
    keys = [part.c[column.name] if column.table is table else column for column in by]
    again = [sa.func.sum(part.c[one]).label(one) for one in MEASURES]
    return sa.select(*keys, *again).select_from(whole).group_by(*keys)


def _sorted(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    kinds = {key: "datetime64[us]" if key == "week" else "str" for key in keys if key not in WHOLE}
    return rows.astype(kinds).sort_values(keys, ignore_index=True) if keys else rows


def names(db: Database, dimension: str, ids: Sequence[str]) -> dict[str, str]:
    """The names of brands or retailers by id; none of what has no name beside its id."""
    id_ = DIMENSIONS[dimension]
    if id_ not in OF or not ids:
        return {}
    of = OF[id_]
    parts = (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))
    return {row[id_]: row["name"] for part in parts for row in db.rows(sa.select(of.c[id_], of.c.name).where(of.c[id_].in_(part)))}


def supplied(reader: bulk.Reader, first: date, last: date) -> dict[str, int]:
    """Cartons available of each brand in the weeks from `first` to `last`, both included; a brand without any is not limited."""
    supply = tables.contract["supply"]
    query = sa.select(*(supply.c[one] for one in frames.SUPPLY.names)).where(supply.c.week.between(first, last))
    rows = reader.frame(query, frames.SUPPLY)
    return {str(brand): int(count) for brand, count in rows.groupby("brand_id", observed=True)["available"].sum().items()}
