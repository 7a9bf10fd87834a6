"""The database's tables, SQLAlchemy Core. Those of the city and of the results follow `frames`; the others stand here whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ordering import frames, ratings, record, review
from ordering.frames import Kind

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING)

SQL_TYPES: Mapping[Kind, type[sa.types.TypeEngine[Any]]] = {
    Kind.ID: sa.Text,
    Kind.TEXT: sa.Text,
    Kind.CHOICE: sa.Text,
    Kind.MONTH: sa.Text,
    Kind.COUNT: sa.Integer,
    Kind.SIGNED: sa.BigInteger,
    Kind.NUMBER: sa.Double,
    Kind.DATE: sa.Date,
    Kind.WEEK: sa.Date,
    Kind.BOOL: sa.Boolean,
}


def _columns(table: frames.Table) -> list[sa.Column[Any]]:
    return [sa.Column(c.name, SQL_TYPES[c.kind], primary_key=c.name in table.key, nullable=c.nullable) for c in table.columns]


def _contract(table: frames.Table) -> sa.Table:
    """A table of a city folder. Order lines also carry their week, the version of their request and the import that brought it."""
    more: list[sa.Column[Any] | sa.Index] = []
    if table is frames.ORDER_LINES:
        more = [
            sa.Column("week", sa.Date, nullable=False, index=True),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("import_id", sa.Integer),
        ]
    return sa.Table(table.name, metadata, *_columns(table), *more)


def _result(table: frames.Table) -> sa.Table:
    """A table of results: the rows of each run, kept apart by run id."""
    more: list[sa.Index] = []
    if table is frames.INFLATED:  # few lines are flagged, and lists of suggestions look for them by shop and brand
        only: dict[str, Any] = {"sqlite_where": sa.text("flagged = 1"), "postgresql_where": sa.text("flagged")}
        more = [sa.Index("ix_run_inflated_flagged", "run_id", "retailer_id", "brand_id", **only)]
    return sa.Table(f"run_{table.name}", metadata, sa.Column("run_id", sa.Integer, primary_key=True), *_columns(table), *more)


contract: Mapping[str, sa.Table] = {name: _contract(table) for name, table in frames.CONTRACT.items()}
results: Mapping[str, sa.Table] = {name: _result(table) for name, table in frames.RESULTS.items()}
kept: Mapping[str, sa.Table] = {
    table.name: sa.Table(table.name, metadata, *_columns(table))
    for table in (record.CANDIDATES, record.ORIGINS, *record.FORECASTS.values())
}
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
    review.DECISIONS.name, metadata, *_columns(review.DECISIONS), sa.Index("ix_suggestion_decisions_batch_id", "batch_id")
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
    *_columns(frames.RELEASE_STRATEGY),
)
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
fits = sa.Table(
    "fits",  # what is found once a week, of what was known on its Monday: nights later in the week take it over
    metadata,
    sa.Column("fit_hash", sa.Text, primary_key=True),  # of all that it was made of
    sa.Column("week", sa.Date, nullable=False),
    sa.Column("run_id", sa.Integer, nullable=False),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),  # of the file that holds it
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
star_ratings = sa.Table("star_ratings", metadata, sa.Column("rating_id", sa.Integer, primary_key=True), *_columns(ratings.RATINGS))
"""The rows of each rating. They are written once and never changed."""
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
