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


RUNNING: Any = sa.text("status = 'running'")
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("business_date", sa.Date, nullable=False, index=True),
    sa.Column("status", sa.Text, nullable=False),  # waiting, running, done, failed, cancelled
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("input_hash", sa.Text),
    sa.Column("settings_hash", sa.Text),
    sa.Column("result_hash", sa.Text),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("finished_at", sa.DateTime),
    sa.Column("detailed", sa.Boolean, nullable=False),  # its results are still stored
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),  # a person put it aside: nothing is published of it
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),  # how often it was begun or taken up again
    sa.Column("host", sa.Text, nullable=False, server_default=""),
    sa.Column("process", sa.Integer),  # its number on the host
    sa.Column("started_by", sa.Text, nullable=False, server_default=""),
    sa.Column("heartbeat_at", sa.DateTime),  # by the database's clock
    sa.Column("given_hash", sa.Text),  # of what it was given before its first step: on the same only it is taken up again
    sa.Column("superseded_by", sa.Integer),  # the run that began anew on another input
    sa.Column("error", sa.Text, nullable=False, server_default=""),  # what it failed of
    sa.Column("cancelled_at", sa.DateTime),  # a person wishes it to stop; its process does so
    sa.Column("cancelled_by", sa.Text),
    sa.Column("cancelled_why", sa.Text),
    sa.Index("ix_runs_one_running", "job", "business_date", unique=True, **dict.fromkeys(("sqlite_where", "postgresql_where"), RUNNING)),
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
    sa.Column("state", sa.Text, nullable=False, server_default="done"),  # waiting, running, done, failed
    sa.Column("attempts", sa.Integer, nullable=False, server_default="1"),  # how often it was begun
    sa.Column("started_at", sa.DateTime),  # by the database's clock, as the next
    sa.Column("finished_at", sa.DateTime),
    sa.Column("progress_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("progress_total", sa.Integer, nullable=False, server_default="0"),  # 0: not known
    sa.Column("content_hash", sa.Text),  # of the file that keeps what it gave until the run is done
)
run_log = sa.Table(
    "run_log",  # what a run had to tell beside its results, bounded
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
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
