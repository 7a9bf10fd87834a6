"""What retailers say of the company: surveys, complaints and what became of them."""

from __future__ import annotations

import sqlalchemy as sa

from ordering.satisfaction import Aspect
from ordering.tables.base import metadata

surveys = sa.Table(
    "surveys",  # the newest of a retailer and month counts; older ones stay
    metadata,
    sa.Column("survey_id", sa.Integer, primary_key=True),
    sa.Column("retailer_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    *(sa.Column(str(aspect), sa.Integer) for aspect in Aspect),  # scores; none: left blank
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Index("ix_surveys_retailer_id", "retailer_id", "month"),
    sa.Index("ix_surveys_month", "month"),
    sqlite_autoincrement=True,  # the greater id is the newer survey, also after rows were forgotten
)
complaints = sa.Table(
    "complaints",
    metadata,
    sa.Column("complaint_id", sa.Integer, primary_key=True),
    sa.Column("retailer_id", sa.Text, nullable=False, index=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),  # open, closed
    sa.Column("opened_at", sa.DateTime, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("closed_at", sa.DateTime),
    sa.Column("closed_by", sa.Text),
    sa.Column("outcome", sa.Text),
    sqlite_autoincrement=True,
)
complaint_entries = sa.Table(
    "complaint_entries",  # what was said and done after; rows are only added
    metadata,
    sa.Column("entry_id", sa.Integer, primary_key=True),
    sa.Column("complaint_id", sa.Integer, nullable=False, index=True),
    sa.Column("retailer_id", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
