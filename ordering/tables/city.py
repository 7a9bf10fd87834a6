"""A city: the tables of its folder, and what came in when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ordering import frames
from ordering.tables.base import columns, metadata


def _contract(table: frames.Table) -> sa.Table:
    """A table of a city folder. Order lines also carry their week, the version of their request and the import that brought it."""
    more: list[sa.Column[Any] | sa.Index] = []
    if table is frames.ORDER_LINES:
        more = [
            sa.Column("week", sa.Date, nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("import_id", sa.Integer),
            sa.Index("ix_order_lines_week", "week").ddl_if(dialect="sqlite"),  # PostgreSQL keeps each week apart
            sa.Index("ix_order_lines_retailer_id", "retailer_id", "week"),
        ]
    return sa.Table(table.name, metadata, *columns(table), *more)


contract: Mapping[str, sa.Table] = {name: _contract(table) for name, table in frames.CONTRACT.items()}
order_lines = contract["order_lines"]
imports = sa.Table(
    "imports",
    metadata,
    sa.Column("import_id", sa.Integer, primary_key=True),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("imported_at", sa.DateTime, nullable=False),
    sa.Column("imported_by", sa.Text, nullable=False),
    sa.Column("rows_new", sa.Integer, nullable=False),
    sa.Column("rows_changed", sa.Integer, nullable=False),
)
order_weeks = sa.Table(
    "order_weeks",
    metadata,
    sa.Column("week", sa.Date, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),  # drawn anew by every write to a line of the week; names its Parquet file
)
request_versions = sa.Table(
    "request_versions",  # what a line was before it was changed: who asked what, seeing which cap, when
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("brand_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("retailer_id", sa.Text, nullable=False),
    sa.Column("order_date", sa.Date, nullable=False),
    sa.Column("requested", sa.Integer, nullable=False),
    sa.Column("allocated", sa.Integer),
    sa.Column("cap_seen", sa.Integer),
    sa.Column("import_id", sa.Integer),
    sa.Column("asked_by", sa.Text),
    sa.Column("asked_at", sa.DateTime),
    sa.Column("superseded_at", sa.DateTime, nullable=False),
    sa.Index("ix_request_versions_order_date", "order_date", "superseded_at"),
)
