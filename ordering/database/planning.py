"""What weeks are planned from, and the release strategies published from plans: written in one transaction, audited, taken back by id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, tables
from ordering.database import audit, bulk, counters, outbox, ratings
from ordering.database.connection import Database, new_id
from ordering.database.reads import read_table
from ordering.errors import StateError, TrueOrderError
from ordering.notices import Notice

STRATEGY = tables.contract["release_strategy"]
PLANS, ROWS = tables.strategy_plans, tables.strategy_plan_rows


@dataclass(frozen=True)
class Calendar:
    """The company's tables for a month: its volumes, what arrives for its first week and later, supply and strategy of its weeks, and
    the newest star levels, imported or computed, there are by then. `top_level`: the highest star level that occurs anywhere.
    """

    month: str
    monthly_plan: pd.DataFrame
    arrivals: pd.DataFrame
    supply: pd.DataFrame
    release_strategy: pd.DataFrame
    star_levels: pd.DataFrame
    top_level: int


def read_calendar(db: Database, month: str, weeks: pd.DatetimeIndex) -> Calendar:
    """The calendar of a month, `YYYY-MM`, whose order weeks are `weeks` (Mondays)."""
    c = {name: table.c for name, table in tables.contract.items()}
    first, last = weeks[0].date(), weeks[-1].date()
    rated = max((known for known in ratings.months(db) if known <= month), default=month)
    with db.reading() as reader:
        return Calendar(
            month,
            read_table(reader, "monthly_plan", c["monthly_plan"].month == month),
            read_table(reader, "arrivals", c["arrivals"].arrives_on > first - timedelta(weeks=1)),
            read_table(reader, "supply", c["supply"].week >= first, c["supply"].week <= last),
            read_table(reader, "release_strategy", c["release_strategy"].week >= first, c["release_strategy"].week <= last),
            ratings.read_levels(reader, rated, rated),
            _top_level(db),
        )


def _top_level(db: Database) -> int:
    tops = [sa.select(sa.func.max(tables.contract[name].c.star_level).label("top")) for name in LEVELLED]
    tops.append(sa.select(sa.func.max(ratings.ROWS.c.level).label("top")).where(ratings.of_force()))
    return max(db.rows(top)[0]["top"] or 1 for top in tops)


LEVELLED = ("retailers", "star_levels", "release_strategy")


def publish(db: Database, strategy: pd.DataFrame, week: date, *, replace: bool, by: str, why: str, at: datetime) -> int:
    """Write the release strategy of a week (frames.RELEASE_STRATEGY, that week alone) as an import would have; gives the plan's id.

    The week must have none yet; with `replace` what it has for the brands of `strategy` is taken out, and kept with the plan. Raises
    TrueOrderError where nobody or no reason is named or there is nothing to write, StateError where the week has a strategy already or a
    line of it is confirmed.
    """
    _check(by, why)
    if strategy.empty:
        raise TrueOrderError(
            f"week {week}: no brand could be planned, so there is nothing to publish; trueorder plan strategy says why",
            f"{week}当周没有可安排的品规，无可发布；原因见投放建议下的说明",
        )
    rows = _plain(frames.conform(frames.RELEASE_STRATEGY, strategy))
    with db.writing() as tx:
        counters.renew_city(tx)
        _lock(tx)
        _none_confirmed(tx, week, "its strategy stands")
        every = _held(tx, STRATEGY, STRATEGY.c.week == week)
        if every and not replace:
            raise StateError(
                f"week {week} has a release strategy of {len(every):,} rows already; --replace takes its place",
                f"{week}当周已有投放策略（{len(every):,}行）；如要替换，请选择替换",
            )
        held = _held(tx, STRATEGY, *_of(week, rows))
        counts = {"rows_written": len(rows), "rows_replaced": len(held)}
        plan_id = _add(tx, counts | {"week": week, "why": why.strip(), "planned_at": at, "planned_by": by.strip()})
        kept = [row | {"plan_id": plan_id, "written": written} for written, part in ((True, rows), (False, held)) for row in part]
        tx.execute(ROWS.insert(), kept)
        _put(tx, rows, instead_of=_of(week, rows))
        detail = f"week {week}: {len(rows)} rows written, {len(held)} replaced"
        audit.record(tx, action="plan.publish", subject=f"plan {plan_id}", detail=detail, by=by.strip(), at=at)
        _tell(tx, Notice.STRATEGY_PUBLISHED, week, plan_id, len({row["brand_id"] for row in rows}), at)
    return plan_id


def withdraw(db: Database, plan_id: int, *, by: str, why: str, at: datetime) -> date:
    """Take a published plan back: the week's strategy is as it was before; gives the week.

    Raises StateError where there is no such plan, it was taken back already, a line of the week is confirmed, or the rows were changed
    since; TrueOrderError where nobody or no reason is named.
    """
    _check(by, why)
    with db.writing() as tx:
        counters.renew_city(tx)
        _lock(tx)
        week = _standing(tx, plan_id)
        _none_confirmed(tx, week, "its strategy stays")
        written, before = (_held(tx, ROWS, ROWS.c.plan_id == plan_id, ROWS.c.written == is_written) for is_written in (True, False))
        if _held(tx, STRATEGY, *_of(week, written)) != written:
            raise StateError(
                f"the strategy of week {week} was changed since plan {plan_id}; import or publish what it is to be",
                f"方案{plan_id}发布后，{week}当周的投放策略又有改动；请导入或发布所需的策略",
            )
        _put(tx, before, instead_of=_of(week, written))
        counts = {"rows_written": len(before), "rows_replaced": len(written), "withdraws": plan_id}
        _add(tx, counts | {"week": week, "why": why.strip(), "planned_at": at, "planned_by": by.strip()})
        detail = f"week {week}: {len(written)} rows taken out, {len(before)} put back"
        audit.record(tx, action="plan.withdraw", subject=f"plan {plan_id}", detail=detail, by=by.strip(), at=at)
        _tell(tx, Notice.STRATEGY_WITHDRAWN, week, plan_id, len({row["brand_id"] for row in written}), at)
    return week


def _tell(tx: sa.Connection, notice: Notice, week: date, plan_id: int, brands: int, at: datetime) -> None:
    """Tell the retailers that are active in the week."""
    payload = {"week": week, "plan_id": plan_id, "brands": brands}
    readers = outbox.active_in(week, week + timedelta(days=6))
    outbox.post(tx, kind=notice, subject=f"week {week}", audience=readers, payload=payload, at=at, unique=f"{notice}:{plan_id}")


def _check(by: str, why: str) -> None:
    if not by.strip():
        raise TrueOrderError("by: say who does this")
    if not why.strip():
        raise TrueOrderError("why: say in a few words why", "请简要说明原因")


def _lock(tx: sa.Connection) -> None:
    """Nobody else confirms lines or writes a strategy until the transaction ends; on SQLite every writer is alone anyway."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("LOCK TABLE confirmations, release_strategy IN SHARE ROW EXCLUSIVE MODE")


def _none_confirmed(tx: sa.Connection, week: date, so: str) -> None:
    done = tables.confirmations
    count = tx.execute(sa.select(sa.func.count()).where(done.c.week == week)).scalar_one()
    if count:
        raise StateError(
            f"{count:,} lines of week {week} are confirmed, under the strategy they were given; {so}",
            f"{week}当周已有{count:,}行订单按原策略确认，该周策略不再变动",
        )


def _standing(tx: sa.Connection, plan_id: int) -> date:
    """The week of a plan that nobody has taken back."""
    found = tx.execute(sa.select(PLANS).where(sa.or_(PLANS.c.plan_id == plan_id, PLANS.c.withdraws == plan_id))).mappings().all()
    if len(found) != 1 or found[0]["withdraws"] is not None:
        problem = f"plan {plan_id} was taken back already" if len(found) > 1 else f"there is no plan {plan_id}"
        chinese = f"方案{plan_id}已撤回" if len(found) > 1 else f"没有方案{plan_id}"
        raise StateError(f"{problem}; trueorder plan publish says the id of each", chinese)
    week: date = found[0]["week"]
    return week


def _held(tx: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """Rows of a strategy, in key order."""
    columns = [table.c[name] for name in frames.RELEASE_STRATEGY.names]
    found = [dict(row) for row in tx.execute(sa.select(*columns).where(*where)).mappings()]
    return sorted(found, key=lambda row: tuple(row[name] for name in frames.RELEASE_STRATEGY.key))


def _of(week: date, rows: list[dict[str, Any]]) -> tuple[sa.ColumnElement[bool], ...]:
    """The strategy of a week for the brands that `rows` name."""
    return STRATEGY.c.week == week, STRATEGY.c.brand_id.in_(sorted({row["brand_id"] for row in rows}))


def _put(tx: sa.Connection, rows: list[dict[str, Any]], *, instead_of: tuple[sa.ColumnElement[bool], ...]) -> None:
    """Rows of the strategy in the place of others."""
    tx.execute(STRATEGY.delete().where(*instead_of))
    if rows:
        tx.execute(STRATEGY.insert(), rows)


def _add(tx: sa.Connection, values: dict[str, Any]) -> int:
    """One row more about a week; gives its id."""
    version = tx.execute(
        sa.select(sa.func.coalesce(sa.func.max(PLANS.c.version), 0) + 1).where(PLANS.c.week == values["week"])
    ).scalar_one()
    return new_id(tx, PLANS, {"version": version, **values})


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a strategy as the database takes them."""
    return bulk.arrow(frames.RELEASE_STRATEGY, frame).to_pylist()


def first_open_week(db: Database, week: date) -> date:
    """The first week from `week` on that has no release strategy yet."""
    taken = {row["week"] for row in db.rows(sa.select(STRATEGY.c.week).where(STRATEGY.c.week >= week).distinct())}
    while week in taken:
        week += timedelta(weeks=1)
    return week


def strategy_of(db: Database, week: date) -> pd.DataFrame:
    """The release strategy that a week has, as rows of frames.RELEASE_STRATEGY."""
    with db.reading() as reader:
        return read_table(reader, "release_strategy", STRATEGY.c.week == week)


def plans(db: Database, count: int) -> list[dict[str, Any]]:
    """The newest published plans: plan_id, week, rows_written, rows_replaced, why, planned_at, planned_by; `withdrawn_by`, `withdrawn_at`
    and `withdrawn_why` are missing while the plan stands."""
    back = PLANS.alias("back")
    gone = [back.c.planned_by.label("withdrawn_by"), back.c.planned_at.label("withdrawn_at"), back.c.why.label("withdrawn_why")]
    own = [PLANS.c[name] for name in ("plan_id", "week", "rows_written", "rows_replaced", "why", "planned_at", "planned_by")]
    query = sa.select(*own, *gone).select_from(PLANS.outerjoin(back, back.c.withdraws == PLANS.c.plan_id))
    return db.rows(query.where(PLANS.c.withdraws.is_(None)).order_by(PLANS.c.plan_id.desc()).limit(count))
