"""The database's tables, SQLAlchemy Core. Those of the city and of the results follow `frames`; the others stand here whole."""

from ordering.tables.accounts import access_log, forgotten_retailers, login_attempts, user_sessions, user_territories, user_tokens, users
from ordering.tables.base import metadata
from ordering.tables.care import complaint_entries, complaints, surveys
from ordering.tables.city import contract, imports, order_lines, order_weeks, request_versions
from ordering.tables.confirmed import cancelled_lines, confirmations, recalled_lines
from ordering.tables.decisions import audit, batches, decision_versions, flag_answers, suggestion_decisions
from ordering.tables.desk import city_version, desk_answers, desk_orders, line_requests, week_given
from ordering.tables.messages import _open, alerts, inbox_deliveries, inbox_waiting, notice_deliveries, notice_readers, notices
from ordering.tables.plans import rating_runs, star_ratings, strategy_plan_rows, strategy_plans
from ordering.tables.runs import fits, kept, results, run_log, run_problems, run_steps, runs
from ordering.tables.schedule import job_days, leases
from ordering.tables.visits import visits

__all__ = [
    "_open",
    "access_log",
    "alerts",
    "audit",
    "batches",
    "cancelled_lines",
    "city_version",
    "complaint_entries",
    "complaints",
    "confirmations",
    "contract",
    "decision_versions",
    "desk_answers",
    "desk_orders",
    "fits",
    "flag_answers",
    "forgotten_retailers",
    "imports",
    "inbox_deliveries",
    "inbox_waiting",
    "job_days",
    "kept",
    "leases",
    "line_requests",
    "login_attempts",
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
    "run_log",
    "run_problems",
    "run_steps",
    "runs",
    "star_ratings",
    "strategy_plan_rows",
    "strategy_plans",
    "suggestion_decisions",
    "surveys",
    "user_sessions",
    "user_territories",
    "user_tokens",
    "users",
    "visits",
    "week_given",
]
