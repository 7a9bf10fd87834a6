"""A night's suggestions with what was decided on them, chosen by a filter: the lines, and how many there would be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import review, tables
from ordering.database import bulk, lookups, ratings
from ordering.database.connection import Database
from ordering.database.lookups import Among
from ordering.database.runs import Record
from ordering.model import Decision, month_of, week_of
from ordering.review import Filter

S, FLAGS = tables.results["suggestions"], tables.results["inflated"]
D, SHOPS, WARES, RATED = tables.suggestion_decisions, *(tables.contract[name] for name in ("retailers", "brands", "star_levels"))
COMPUTED = ratings.ROWS
ACT, DECIDING = tables.batches.alias("act"), tables.batches.alias("deciding")


def read(reader: bulk.Reader, run: Record, of: Filter, among: Among | None = None) -> pd.DataFrame:
    """The lines (review.LINES) of a run that `of` chooses, of the retailers that somebody sees (`among`; None: all), in key order.

    Raises TrueOrderError where `of` asks for an unknown state.
    """
    return reader.frame(_query(run, of.check(), among), review.LINES)


def count(db: Database, run: Record, of: Filter, *, closed: date, among: Among | None = None) -> tuple[int, int, int]:
    """What a decision by filter would touch: lines, the cartons suggested on them, and lines beside them of order days up to `closed`."""
    lines = _query(run, of.check(), among).subquery()
    open_, one = lines.c.order_day > closed, sa.literal(1)

    def total(value: sa.ColumnElement[int], of: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((of, value), else_=0)), 0)

    sums = {"lines": total(one, open_), "cartons": total(lines.c.suggested, open_), "frozen": total(one, sa.not_(open_))}
    columns: list[Any] = [value.label(name) for name, value in sums.items()]
    (found,) = db.rows(sa.select(*columns))
    return int(found["lines"]), int(found["cartons"]), int(found["frozen"])


def read_decisions(reader: bulk.Reader, first: date, last: date) -> pd.DataFrame:
    """All that was decided and holds for order days `first` to `last`: columns of review.DECISIONS."""
    holds = (D.c.decision != Decision.OPEN, sa.not_(D.c.pending))
    return reader.frame(sa.select(D).where(D.c.order_day >= first, D.c.order_day <= last, *holds), review.DECISIONS)


def _query(run: Record, of: Filter, among: Among | None = None) -> sa.Select[Any]:
    flagged = _flagged(run)
    month = _by_month(run, lambda month: sa.literal(month))
    star = sa.func.coalesce(RATED.c.star_level, _computed(run, month), SHOPS.c.star_level)  # that of the month, if there is one
    own = {name: S.c[name] for name in ("retailer_id", "brand_id", "week", "order_day", "requested", "suggested", "p10", "p50", "p90")}
    own |= {name: S.c[name] for name in ("stock", "reason", "most", "bound", "cap", "quota_left")}
    shop = {name: SHOPS.c[name] for name in ("name", "account_manager", "district")}
    ware = {"brand_name": WARES.c.name, "price": WARES.c.wholesale_price} | {name: WARES.c[name] for name in ("pack_multiple", "min_lot")}
    columns = own | shop | ware | _decided() | {"star_level": star, "flagged": flagged}
    joined = (
        S.join(SHOPS, SHOPS.c.retailer_id == S.c.retailer_id)
        .join(WARES, WARES.c.brand_id == S.c.brand_id)
        .outerjoin(RATED, sa.and_(RATED.c.retailer_id == S.c.retailer_id, RATED.c.month == month))
        .outerjoin(D, sa.and_(*(D.c[name] == S.c[name] for name in review.KEY)))
        .outerjoin(ACT, ACT.c.batch_id == D.c.batch_id)
        .outerjoin(DECIDING, DECIDING.c.batch_id == D.c.decided_in)
    )
    query = sa.select(*(columns[name].label(name) for name in review.LINES.names)).select_from(joined)
    query = query.where(S.c.run_id == run.run_id, *_chosen(of, star, flagged))
    return query if among is None else query.where(S.c.retailer_id.in_(lookups.own(among)))


def _decided() -> dict[str, sa.ColumnElement[Any]]:
    """What is known of a line's decision; text is never missing, so that a driver cannot mistake it for numbers."""
    approved = sa.case((D.c.batch_id != D.c.decided_in, ACT.c.by), else_="")
    found: dict[str, sa.ColumnElement[Any]] = {"basis_qty": D.c.suggested, "decided_qty": D.c.decided_qty, "batch_id": D.c.batch_id}
    found |= {name: sa.func.coalesce(D.c[name], "") for name in ("code", "note")}
    found |= {"decided_by": sa.func.coalesce(DECIDING.c.by, ""), "approved_by": sa.func.coalesce(approved, "")}
    return found | {
        "version": sa.func.coalesce(D.c.version, 0),
        "decision": sa.func.coalesce(D.c.decision, str(Decision.OPEN)),
        "pending": sa.func.coalesce(D.c.pending, sa.false()),
    }


def _computed(run: Record, month: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """The level by the rating in force. Looked up line by line: as one more join it makes PostgreSQL plan the whole city."""
    own = (COMPUTED.c.rating_id == _by_month(run, ratings.id_in_force), COMPUTED.c.retailer_id == S.c.retailer_id)
    return sa.select(COMPUTED.c.level).where(*own, COMPUTED.c.month == month).correlate(S).scalar_subquery()


def _by_month(run: Record, of: Callable[[str], sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """What `of` gives of the month of a line's week, which is one of two."""
    first, last = week_of(run.business_date), week_of(run.business_date + timedelta(days=6))
    return sa.case((S.c.week == first, of(month_of(first))), else_=of(month_of(last)))


def _flagged(run: Record) -> sa.ColumnElement[bool]:
    """True where a line that waits for the order day was flagged."""
    same = (FLAGS.c.run_id == run.run_id, FLAGS.c.retailer_id == S.c.retailer_id, FLAGS.c.brand_id == S.c.brand_id)
    return sa.exists().where(*same, FLAGS.c.flagged, FLAGS.c.order_date == S.c.order_day)


def _chosen(of: Filter, star: sa.ColumnElement[int], flagged: sa.ColumnElement[bool]) -> list[sa.ColumnElement[bool]]:
    """The conditions of a filter."""
    holds = sa.and_(D.c.decision != Decision.OPEN, sa.not_(D.c.pending))
    states = {
        "open": sa.or_(D.c.decision.is_(None), D.c.decision == Decision.OPEN),
        "pending": sa.and_(D.c.decision != Decision.OPEN, D.c.pending),
        "decided": holds,
    } | {str(way): sa.and_(holds, D.c.decision == way) for way in Decision if way is not Decision.OPEN}
    equal = (
        (S.c.retailer_id, of.retailer), (S.c.brand_id, of.brand), (star, of.star), (S.c.week, of.week), (S.c.order_day, of.day),
    )  # fmt: skip
    shop = [SHOPS.c[name] == value for name, value in (("account_manager", of.manager), ("district", of.district)) if value is not None]
    found: list[sa.ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    found += [S.c.retailer_id.in_(sa.select(SHOPS.c.retailer_id).where(*shop))] if shop else []  # so that the key of S is used
    found += [flagged] if of.flagged else []
    found += [states[of.state]] if of.state is not None else []
    found += [sa.func.abs(S.c.suggested - S.c.requested) >= of.change] if of.change is not None else []
    found += [sa.and_(D.c.decision != Decision.OPEN, D.c.suggested != S.c.suggested)] if of.other_basis else []
    found += [_holding(of.search)] if of.search else []
    something = sa.or_(S.c.suggested > 0, S.c.requested > 0, D.c.decision != Decision.OPEN)
    return found if of.empty else [*found, something]


def _holding(text: str) -> sa.ColumnElement[bool]:
    """True where name or number of the retailer or of the brand holds a text."""
    return sa.or_(*(column.icontains(text, autoescape=True) for column in (SHOPS.c.name, S.c.retailer_id, WARES.c.name, S.c.brand_id)))
