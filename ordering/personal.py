"""What every table holds about people, and what becomes of it when a retailer's personal data are deleted. Pure: names of tables only.

Whose a row is follows from its columns (`ordering.database.owners`): a retailer by id or by order, a member of staff by name. What a
deletion does to it stands here, table by table; a table that is not here makes a test fail, and a deletion refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Fate(StrEnum):
    """What a deletion does to a retailer's rows of a table."""

    NOBODYS = "nobody's"  # no row is a retailer's
    KEPT = "kept"  # as they are, under the licence number
    CLEARED = "cleared"  # they stay, without what tells of the person
    DELETED = "deleted"


PSEUDONYM, GROUP = "pseudonym", "group pseudonym"
"""Stand for the value a column is cleared to where it is drawn for the retailer, or for its owner's licences together."""


@dataclass(frozen=True)
class Holding:
    """One table: what happens to a retailer's rows, the columns that are cleared and to what, and columns that hold fixed codes only."""

    fate: Fate
    cleared: Mapping[str, object] = field(default_factory=dict)
    codes: tuple[str, ...] = ()


SECRETS = frozenset({"password_hash", "secret_hash", "account_hash"})
"""Columns that no export gives out."""

KEPT, DELETED, NOBODYS = Holding(Fate.KEPT), Holding(Fate.DELETED), Holding(Fate.NOBODYS)


def _kept(*codes: str) -> Holding:
    return Holding(Fate.KEPT, codes=codes)


def _cleared(codes: tuple[str, ...] = (), **values: object) -> Holding:
    return Holding(Fate.CLEARED, values, codes)


TABLES: Mapping[str, Holding] = MappingProxyType({
    # what came in
    "retailers": _cleared(
        ("district", "area_type", "business_format", "account_manager"), name=PSEUDONYM, street=PSEUDONYM, licence_group=GROUP,
        latitude=None, longitude=None,
    ),
    "order_lines": _kept("mode"),
    "request_versions": _cleared(asked_by=None),
    "star_levels": _kept("month"), "stock_counts": KEPT, "scanned_sales": KEPT,
    "integrity": DELETED,
    "holds": _cleared(reason=""),
    **dict.fromkeys(
        ("brands", "supply", "release_strategy", "band_caps", "monthly_quotas", "daily_limits", "festivals", "regressors", "monthly_plan",
         "arrivals", "targets", "imports", "order_weeks"), NOBODYS,
    ),
    # what became of it
    "confirmations": _kept("reason", "policy"), "recalled_lines": _kept("reason", "new_reason"),
    "cancelled_lines": _kept("mode", "confirmed_reason", "confirmed_policy"),
    "desk_orders": _cleared(("mode",), asked_by=""), "line_requests": _cleared(asked_by=""), "desk_answers": DELETED,
    "city_version": NOBODYS, "week_given": NOBODYS,
    # what people decided
    "suggestion_decisions": _cleared(("decision",), code="", note=""), "decision_versions": _cleared(("decision",), code="", note=""),
    "flag_answers": DELETED, "visits": DELETED,
    "batches": _cleared(("action",), why=""),  # of acts on its lines alone
    "audit": _cleared(("action", "subject"), detail=""),
    "surveys": DELETED, "complaints": DELETED, "complaint_entries": DELETED,
    "rating_runs": NOBODYS, "star_ratings": _kept("month", "reason", "moved_by"),
    "strategy_plans": NOBODYS, "strategy_plan_rows": NOBODYS,
    # what the nights found
    **dict.fromkeys(("runs", "run_steps", "run_log", "run_problems", "fits", "leases", "job_days"), NOBODYS),
    "run_pair_estimates": _kept("evidence"), "run_suggestions": _kept("reason", "bound"), "run_allocation": _kept("reason", "policy"),
    "run_retailer_cells": KEPT, "run_retailer_months": KEPT, "run_substitutes": KEPT, "forecast_retailers": _kept("origin"),
    "run_inflated": _cleared(score=0.0, flagged=False, reason=""),
    "run_habits": DELETED, "run_signals": DELETED, "run_dependence": DELETED,
    **dict.fromkeys(
        ("run_brand_index", "run_brand_demand", "run_brand_forecast", "run_week_levels", "run_week_totals", "run_fairness",
         "run_district_cells", "candidate_forecasts", "candidate_origins", "forecast_brands", "forecast_districts"), NOBODYS,
    ),
    # what is told, and what comes in by itself
    "notices": NOBODYS, "notice_readers": DELETED,
    **dict.fromkeys(("notice_deliveries", "alerts", "inbox_deliveries", "inbox_waiting"), NOBODYS),
    # who may come in
    "users": _cleared(("name", "login", "role"), password_hash=None, disabled=True),
    "user_sessions": DELETED, "user_tokens": DELETED, "user_territories": DELETED,
    "login_attempts": NOBODYS,  # a hash and an address, for minutes
    "access_log": _kept("what"), "forgotten_retailers": _kept("pseudonym", "group_hash", "group_pseudonym"),
})  # fmt: skip
"""Every table of the database."""
