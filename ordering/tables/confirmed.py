"""Lines that were confirmed here, and what became of them."""

from __future__ import annotations

import sqlalchemy as sa

from ordering.tables.base import metadata
from ordering.tables.city import order_lines

confirmations = sa.Table(
    "confirmations",  # lines that were confirmed here, each once
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("brand_id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Integer, nullable=False),
    sa.Column("week", sa.Date, nullable=False, index=True),
    sa.Column("requested", sa.Integer, nullable=False),
    sa.Column("allocated", sa.Integer, nullable=False),
    sa.Column("cap", sa.Integer),
    *(sa.Column(f"{limit}_left", sa.Integer) for limit in ("cap", "demand", "quota", "band", "total", "day")),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("pack_multiple", sa.Integer, nullable=False),
    sa.Column("min_lot", sa.Integer, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False),
    sa.Column("usable", sa.Integer, nullable=False),
    sa.Column("weight", sa.Integer, nullable=False),
    sa.Column("ticket", sa.BigInteger, nullable=False),
    sa.Column("level", sa.Double),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("confirmed_at", sa.DateTime, nullable=False),
    sa.Column("confirmed_by", sa.Text, nullable=False),
)
cancelled_lines = sa.Table(
    "cancelled_lines",  # lines that were taken back after they were asked: whole, with what was confirmed of them
    metadata,
    *(sa.Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in order_lines.columns),
    *(
        sa.Column(f"confirmed_{c.name.removeprefix('confirmed_')}", c.type)
        for c in confirmations.columns
        if c.name not in ("order_id", "brand_id", "week", "requested", "allocated")
    ),
    sa.Column("batch_id", sa.Integer, nullable=False, index=True),
)
recalled_lines = sa.Table(
    "recalled_lines",  # confirmed lines that gave cartons back when supply was cut, before and after
    metadata,
    sa.Column("batch_id", sa.Integer, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("brand_id", sa.Text, primary_key=True),
    sa.Column("week", sa.Date, nullable=False),
    sa.Column("allocated", sa.Integer, nullable=False),
    sa.Column("level", sa.Double),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("new_allocated", sa.Integer, nullable=False),
    sa.Column("new_level", sa.Double),
    sa.Column("new_reason", sa.Text, nullable=False),
)
