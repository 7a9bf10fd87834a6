"""The ordering desk: the orders taken at it, who asked what, and what it must know at once."""

from __future__ import annotations

import sqlalchemy as sa

from ordering.tables.base import metadata

city_version = sa.Table(
    "city_version",  # one row, whose number rises with every write to what quotes are made of, lines apart
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)
week_given = sa.Table(
    "week_given",  # cartons that lines of a week were given, by brand; "" over all. No row of a week: not counted yet
    metadata,
    sa.Column("week", sa.Date, primary_key=True),
    sa.Column("brand_id", sa.Text, primary_key=True),
    sa.Column("given", sa.BigInteger, nullable=False),
)
desk_orders = sa.Table(
    "desk_orders",  # orders taken at the desk
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("retailer_id", sa.Text, nullable=False),
    sa.Column("order_date", sa.Date, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime, nullable=False),
    sa.Index("ix_desk_orders_retailer_id", "retailer_id", "order_date"),
)
line_requests = sa.Table(
    "line_requests",  # of the present version of a line asked at the desk: who asked, when, and which cap was seen
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("brand_id", sa.Text, primary_key=True),
    sa.Column("cap_seen", sa.Integer),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime, nullable=False),
)
desk_answers = sa.Table(
    "desk_answers",  # what was answered to a key: the same key gives the same answer, and does nothing again
    metadata,
    sa.Column("retailer_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime, nullable=False),
)
