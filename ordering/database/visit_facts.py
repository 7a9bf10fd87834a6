"""What is known of the retailers that somebody sees, for whom to visit: a few sums of the newest night, orders, levels and visits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa

from ordering import tables, visits
from ordering.conduct import Habit
from ordering.database import ratings
from ordering.database.connection import Database
from ordering.database.lookups import RETAILER, SHOPS, WARES, Among, own
from ordering.database.runs import Record
from ordering.model import month_of, week_of
from ordering.settings import VisitSettings
from ordering.visits import Facts

CELLS, HABITS, FLAGS, SUGGESTED = (tables.results[name] for name in ("retailer_cells", "habits", "inflated", "suggestions"))
LINES, LEVELS, ANSWERS, VISITS = tables.order_lines, tables.contract["star_levels"], tables.flag_answers, tables.visits
LOOK_BACK = 13
"""Weeks within which a last order is looked for."""
SELLS = 0.5
"""Cartons a week from which a brand that is sold out is missed."""
MONTH = 365.25 / 12 / 7
"""Weeks of a month."""
Chosen: TypeAlias = Callable[[sa.Table], sa.ColumnElement[bool]]
"""True for the rows of a table that are of a retailer one sees."""
By: TypeAlias = dict[str, dict[str, Any]]
"""Columns of each retailer."""


def read(db: Database, run: Record, among: Among | None, *, rules: VisitSettings, today: date) -> list[tuple[dict[str, Any], Facts]]:
    """The retailers that `among` chooses and that are active, by licence number: their columns (lookups.RETAILER), and what is known."""

    def chosen(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.true() if among is None else table.c.retailer_id.in_(own(among))

    shops = _shops(db, among, today)
    parts = [
        _rates(db, run, chosen, rules), _habits(db, run, chosen), _unanswered(db, run, chosen, rules), _shelves(db, run, chosen),
        _sold_out(db, run, chosen, rules), _levels(db, chosen, today), _seen(db, chosen),
    ]  # fmt: skip
    ordered = _ordered(db, chosen, today)
    return [(shop, _facts(shop, parts, ordered.get(shop["retailer_id"]), today)) for shop in shops]


def one(db: Database, run: Record, retailer_id: str, *, rules: VisitSettings, today: date) -> Facts | None:
    """The same of one retailer; None where it is not active."""
    found = read(db, run, SHOPS.c.retailer_id == retailer_id, rules=rules, today=today)
    return found[0][1] if found else None


def _facts(shop: Mapping[str, Any], parts: Iterable[By], last: date | None, today: date) -> Facts:
    """One retailer's facts. Who never ordered in the weeks looked at is counted from their beginning, or from its own."""
    found: dict[str, Any] = {}
    for part in parts:
        found |= part.get(shop["retailer_id"], {})
    since = max(today - timedelta(weeks=LOOK_BACK), shop["active_from"] or date.min)
    gap = visits.missed(last or since, weekday=shop["order_weekday"], every_weeks=shop["visit_every_weeks"], today=today)
    return Facts(shop["retailer_id"], missed=gap, ordered_on=last, **found)


def _shops(db: Database, among: Among | None, today: date) -> list[dict[str, Any]]:
    names = (*RETAILER, "visit_every_weeks", "active_from")
    active = (
        sa.or_(SHOPS.c.active_from.is_(None), SHOPS.c.active_from <= today),
        sa.or_(SHOPS.c.active_to.is_(None), SHOPS.c.active_to >= today),
    )
    query = sa.select(*(SHOPS.c[name] for name in names)).where(*active).order_by(SHOPS.c.retailer_id)
    return db.rows(query if among is None else query.where(among))


def _by(rows: Iterable[dict[str, Any]]) -> By:
    return {str(row.pop("retailer_id")): row for row in rows}


def _rates(db: Database, run: Record, chosen: Chosen, rules: VisitSettings) -> By:
    """Requested, allocated, demand and what of it was met, in the newest weeks before the night's."""
    monday = week_of(run.business_date)
    weeks = [monday - timedelta(weeks=n) for n in range(1, rules.weeks + 1)]
    sums = {"requested": CELLS.c.requested, "allocated": CELLS.c.allocated, "demand": CELLS.c.demand_window, "met": CELLS.c.met}
    columns = [sa.func.sum(column).label(name) for name, column in sums.items()]
    query = sa.select(CELLS.c.retailer_id, *columns).where(CELLS.c.run_id == run.run_id, CELLS.c.week.in_(weeks), chosen(CELLS))
    return _by(db.rows(query.group_by(CELLS.c.retailer_id)))


def _ordered(db: Database, chosen: Chosen, today: date) -> dict[str, date]:
    """The newest day for which each asked for something, those to come as well."""
    first = week_of(today) - timedelta(weeks=LOOK_BACK)
    query = sa.select(LINES.c.retailer_id, sa.func.max(LINES.c.order_date).label("last"))
    query = query.where(LINES.c.week >= first, LINES.c.requested > 0, chosen(LINES)).group_by(LINES.c.retailer_id)
    return {row["retailer_id"]: row["last"] for row in db.rows(query)}


def _habits(db: Database, run: Record, chosen: Chosen) -> By:
    often = sa.case((HABITS.c.habit == str(Habit.OFTEN), True), else_=False).label("often")
    return _by(
        db.rows(
            sa.select(HABITS.c.retailer_id, often, HABITS.c.flagged, HABITS.c.lines).where(HABITS.c.run_id == run.run_id, chosen(HABITS))
        )
    )


def _unanswered(db: Database, run: Record, chosen: Chosen, rules: VisitSettings) -> By:
    """Flags on lines of the newest weeks to which no answer holds."""
    taken_back = ANSWERS.alias("taken_back")
    holds = sa.and_(
        ANSWERS.c.order_id == FLAGS.c.order_id, ANSWERS.c.brand_id == FLAGS.c.brand_id, ANSWERS.c.withdraws.is_(None),
        ~sa.exists().where(taken_back.c.withdraws == ANSWERS.c.answer_id),
    )  # fmt: skip
    first = week_of(run.business_date) - timedelta(weeks=rules.weeks)
    query = sa.select(FLAGS.c.retailer_id, sa.func.count().label("unanswered"))
    query = query.where(
        FLAGS.c.run_id == run.run_id, FLAGS.c.flagged, FLAGS.c.order_date >= first, chosen(FLAGS), ~sa.exists().where(holds)
    )
    return _by(db.rows(query.group_by(FLAGS.c.retailer_id)))


def _counted(run: Record, chosen: Chosen) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        SUGGESTED.c.run_id == run.run_id,
        SUGGESTED.c.counted.is_not(None),
        SUGGESTED.c.stock.is_not(None),
        SUGGESTED.c.demand.is_not(None),
        chosen(SUGGESTED),
    )


def _shelves(db: Database, run: Record, chosen: Chosen) -> By:
    """Brands of each retailer that were counted of late, what stands of them on its order day, and a month's demand of them."""
    sums = (
        sa.func.count().label("counted"),
        sa.func.sum(SUGGESTED.c.stock).label("stock"),
        (sa.func.sum(SUGGESTED.c.demand) * MONTH).label("sales"),
    )
    return _by(db.rows(sa.select(SUGGESTED.c.retailer_id, *sums).where(*_counted(run, chosen)).group_by(SUGGESTED.c.retailer_id)))


def _sold_out(db: Database, run: Record, chosen: Chosen, rules: VisitSettings) -> By:
    """Names of brands that sell and of which too little stands, those that are missed most first."""
    out = (SUGGESTED.c.demand >= SELLS, SUGGESTED.c.stock < SUGGESTED.c.demand * rules.stock_out_weeks)
    query = sa.select(SUGGESTED.c.retailer_id, WARES.c.name).join(WARES, WARES.c.brand_id == SUGGESTED.c.brand_id)
    query = query.where(*_counted(run, chosen), *out).order_by(SUGGESTED.c.retailer_id, SUGGESTED.c.demand.desc(), SUGGESTED.c.brand_id)
    found: dict[str, list[str]] = {}
    for row in db.rows(query):
        found.setdefault(row["retailer_id"], []).append(row["name"])
    return {retailer_id: {"sold_out": tuple(names)} for retailer_id, names in found.items()}


def _levels(db: Database, chosen: Chosen, today: date) -> By:
    """The level of this month and of the one before: imported where there is such a row, else computed."""
    since = visits.month_began(today)
    months = {month_of(since - timedelta(weeks=1)): "level_before", month_of(since): "level"}
    rated = ratings.ROWS
    computed = sa.select(rated.c.retailer_id, rated.c.month, rated.c.level).where(
        rated.c.month.in_(months), ratings.of_force(), chosen(rated)
    )
    imported = sa.select(LEVELS.c.retailer_id, LEVELS.c.month, LEVELS.c.star_level.label("level")).where(
        LEVELS.c.month.in_(months), chosen(LEVELS)
    )
    found: By = {}
    for row in [*db.rows(computed), *db.rows(imported)]:
        found.setdefault(row["retailer_id"], {"since": since})[months[row["month"]]] = row["level"]
    return found


def _seen(db: Database, chosen: Chosen) -> By:
    """When each was last visited, and the first day on which something is to be followed up."""
    open_ = sa.case((VISITS.c.closed_on.is_(None), VISITS.c.follow_up_on))
    columns = (sa.func.max(VISITS.c.visited_on).label("visited_on"), sa.func.min(open_).label("follow_up_on"))
    return _by(db.rows(sa.select(VISITS.c.retailer_id, *columns).where(chosen(VISITS)).group_by(VISITS.c.retailer_id)))
