"""The database's tables, SQLAlchemy Core. Those of the city and of the results follow `frames`; the others stand here whole."""

from ordering.tables.base import metadata
from ordering.tables.city import contract, imports, order_lines, order_weeks, request_versions
from ordering.tables.confirmed import cancelled_lines, confirmations, recalled_lines
from ordering.tables.decisions import audit, batches, decision_versions, flag_answers, suggestion_decisions
from ordering.tables.messages import (
    alerts,
    inbox_deliveries,
    inbox_waiting,
    notice_deliveries,
    notice_readers,
    notices,
)
from ordering.tables.plans import rating_runs, star_ratings, strategy_plan_rows, strategy_plans
from ordering.tables.runs import fits, kept, results, run_problems, run_steps, runs

__all__ = [
    "alerts",
    "audit",
    "batches",
    "cancelled_lines",
    "confirmations",
    "contract",
    "decision_versions",
    "fits",
    "flag_answers",
    "imports",
    "inbox_deliveries",
    "inbox_waiting",
    "kept",
    "metadata",
    "notice_deliveries",
    "notice_readers",
    "notices",
    "order_lines",
    "order_weeks",
    "rating_runs",
    "recalled_lines",
    "request_versions",
    "results",
    "run_problems",
    "run_steps",
    "runs",
    "star_ratings",
    "strategy_plan_rows",
    "strategy_plans",
    "suggestion_decisions",
]
