"""What people decided and said, and that they did."""

from __future__ import annotations

import sqlalchemy as sa

from ordering import review
from ordering.tables.base import SQL_TYPES, columns, metadata

flag_answers = sa.Table(
    "flag_answers",  # what was said to a flag; rows are only added, and taken away only where a person's data are to be forgotten
    metadata,
    sa.Column("answer_id", sa.Integer, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("brand_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),  # counts what was said to the line
    sa.Column("retailer_id", sa.Text, nullable=False, index=True),
    sa.Column("withdraws", sa.Integer),  # this row takes that answer back, and is no answer itself; its verdict and ground are empty
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("ground", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("every_brand", sa.Boolean, nullable=False),
    sa.Column("requested", sa.Integer, nullable=False),
    sa.Column("expected", sa.Double, nullable=False),
    sa.Column("from_on", sa.Date, nullable=False),
    sa.Column("until_on", sa.Date, nullable=False),
    sa.Column("answered_on", sa.Date, nullable=False),  # local date: nights of later dates see it
    sa.Column("answered_at", sa.DateTime, nullable=False),
    sa.Column("answered_by", sa.Text, nullable=False),
    sa.UniqueConstraint("order_id", "brand_id", "version"),
    sqlite_autoincrement=True,  # an id is never given twice, also after rows were forgotten
)
suggestion_decisions = sa.Table(
    review.DECISIONS.name, metadata, *columns(review.DECISIONS), sa.Index("ix_suggestion_decisions_batch_id", "batch_id")
)
decision_versions = sa.Table(
    "decision_versions",  # what a decision was before an act changed it
    metadata,
    *(
        sa.Column(c.name, SQL_TYPES[c.kind], primary_key=c.name in (*review.DECISIONS.key, "version"), nullable=c.nullable)
        for c in review.DECISIONS.columns
    ),
    sa.Column("superseded_by", sa.Integer, nullable=False, index=True),
    sa.Index("ix_decision_versions_batch_id", "batch_id"),
)
batches = sa.Table(
    "batches",  # acts of a person on many rows at once; each can be undone by one other
    metadata,
    sa.Column("batch_id", sa.Integer, primary_key=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("run_id", sa.Integer),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("undoes", sa.Integer, unique=True),
    sqlite_autoincrement=True,
)
audit = sa.Table(
    "audit",  # that a person did something, in the transaction that did it; never what was written in confidence
    metadata,
    sa.Column("audit_id", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("detail", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
