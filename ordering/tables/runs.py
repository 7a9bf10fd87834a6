"""Runs of the jobs: their record and what they found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ordering import frames, record
from ordering.tables.base import columns, metadata


def _result(table: frames.Table) -> sa.Table:
    """A table of results: the rows of each run, kept apart by run id."""
    more: list[sa.Index] = []
    if table is frames.INFLATED:  # few lines are flagged, and lists of suggestions look for them by shop and brand
        only: dict[str, Any] = {"sqlite_where": sa.text("flagged = 1"), "postgresql_where": sa.text("flagged")}
        more = [sa.Index("ix_run_inflated_flagged", "run_id", "retailer_id", "brand_id", **only)]
    return sa.Table(f"run_{table.name}", metadata, sa.Column("run_id", sa.Integer, primary_key=True), *columns(table), *more)


runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("business_date", sa.Date, nullable=False, index=True),
    sa.Column("status", sa.Text, nullable=False),  # running, done, failed
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("input_hash", sa.Text),
    sa.Column("settings_hash", sa.Text),
    sa.Column("result_hash", sa.Text),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("finished_at", sa.DateTime),
    sa.Column("detailed", sa.Boolean, nullable=False),  # its results are still stored
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),  # a person put it aside: nothing is published of it
)
run_steps = sa.Table(
    "run_steps",
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("problems", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),  # in words: what was taken over from another run
)
run_problems = sa.Table(
    "run_problems",
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)
fits = sa.Table(
    "fits",  # what is found once a week, of what was known on its Monday: nights later in the week take it over
    metadata,
    sa.Column("fit_hash", sa.Text, primary_key=True),  # of all that it was made of
    sa.Column("week", sa.Date, nullable=False),
    sa.Column("run_id", sa.Integer, nullable=False),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),  # of the file that holds it
)
results: Mapping[str, sa.Table] = {name: _result(table) for name, table in frames.RESULTS.items()}
kept: Mapping[str, sa.Table] = {
    table.name: sa.Table(table.name, metadata, *columns(table)) for table in (record.CANDIDATES, record.ORIGINS, *record.FORECASTS.values())
}
