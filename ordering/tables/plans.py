"""Release strategies that were planned here, and star ratings that were computed here."""

from __future__ import annotations

import sqlalchemy as sa

from ordering import frames, ratings
from ordering.tables.base import columns, metadata

strategy_plans = sa.Table(
    "strategy_plans",  # release strategies that were published from a plan, and taken back; rows are only added
    metadata,
    sa.Column("plan_id", sa.Integer, primary_key=True),
    sa.Column("week", sa.Date, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),  # counts what was done to the week
    sa.Column("withdraws", sa.Integer),  # this row takes that plan back, and is no plan itself
    sa.Column("rows_written", sa.Integer, nullable=False),
    sa.Column("rows_replaced", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("planned_at", sa.DateTime, nullable=False),
    sa.Column("planned_by", sa.Text, nullable=False),
    sa.UniqueConstraint("week", "version"),
    sqlite_autoincrement=True,
)
strategy_plan_rows = sa.Table(
    "strategy_plan_rows",  # what a plan wrote, and what it replaced: withdrawing it puts that back
    metadata,
    sa.Column("plan_id", sa.Integer, primary_key=True),
    sa.Column("written", sa.Boolean, primary_key=True),
    *columns(frames.RELEASE_STRATEGY),
)
rating_runs = sa.Table(
    "rating_runs",  # star ratings that were computed; the newest edition of a month that was not withdrawn is in force
    metadata,
    sa.Column("rating_id", sa.Integer, primary_key=True),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("edition", sa.Integer, nullable=False),  # counts the ratings of the month
    sa.Column("first_week", sa.Date, nullable=False),
    sa.Column("end_week", sa.Date, nullable=False),  # not itself measured
    sa.Column("rated", sa.Integer, nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),  # the most that anybody could move by
    sa.Column("places_off", sa.Integer, nullable=False),  # places by which levels could depart from their shares
    sa.Column("rules", sa.Text, nullable=False),  # [rating] of the settings, JSON
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("input_hash", sa.Text, nullable=False),
    sa.Column("settings_hash", sa.Text, nullable=False),
    sa.Column("result_hash", sa.Text, nullable=False),
    sa.Column("rated_at", sa.DateTime, nullable=False),
    sa.Column("rated_by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),  # of a month that was rated before: why again
    sa.Column("withdrawn_at", sa.DateTime),
    sa.Column("withdrawn_by", sa.Text),
    sa.Column("withdrawn_why", sa.Text),
    sa.UniqueConstraint("month", "edition"),
    sqlite_autoincrement=True,  # an id is never given twice
)
star_ratings = sa.Table("star_ratings", metadata, sa.Column("rating_id", sa.Integer, primary_key=True), *columns(ratings.RATINGS))
"""The rows of each rating. They are written once and never changed."""
