"""What account managers wrote down of their visits."""

from __future__ import annotations

import sqlalchemy as sa

from ordering.tables.base import metadata

visits = sa.Table(
    "visits",  # rows are only added; a follow-up is closed once
    metadata,
    sa.Column("visit_id", sa.Integer, primary_key=True),
    sa.Column("retailer_id", sa.Text, nullable=False),
    sa.Column("visited_on", sa.Date, nullable=False),  # local date
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("follow_up_on", sa.Date),  # there is something to come back to on that day
    sa.Column("visited_by", sa.Text, nullable=False),
    sa.Column("written_at", sa.DateTime, nullable=False),
    sa.Column("closed_on", sa.Date),  # the follow-up is done with
    sa.Column("closed_by", sa.Text),
    sa.Index("ix_visits_retailer_id", "retailer_id", "visited_on"),
    sqlite_autoincrement=True,  # an id is never given twice, also after rows were forgotten
)
