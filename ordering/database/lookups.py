"""Small reads behind lists and single things that people look at: a page at a time, within what a person may see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from ordering import tables
from ordering.database.connection import Database
from ordering.model import SupplyAttribute

Among: TypeAlias = sa.ColumnElement[bool]
"""A condition on `retailers`: the retailers that somebody sees (territories.seen)."""

EVERY = 2**31 - 1
"""As a limit: all there are. No number of a row is greater."""
SHOPS, WARES = tables.contract["retailers"], tables.contract["brands"]
Rows: TypeAlias = tuple[list[dict[str, Any]], int]
"""A page of rows, and how many there are in all."""


def own(among: Among) -> sa.Select[Any]:
    """The ids of the retailers that `among` chooses."""
    return sa.select(SHOPS.c.retailer_id).where(among)


def _page(db: Database, query: sa.Select[Any], offset: int, limit: int, *, most: int | None = None) -> Rows:
    """`most`: count no more rows than one beyond this, or beyond the page itself."""
    counted = query.order_by(None) if most is None else query.order_by(None).limit(max(most, offset + limit) + 1)
    (count,) = db.rows(sa.select(sa.func.count().label("total")).select_from(counted.subquery()))
    return db.rows(query.offset(offset).limit(limit)), int(count["total"])


RETAILER = (
    "retailer_id", "name", "star_level", "district", "street", "area_type", "business_format", "account_manager", "order_weekday",
)  # fmt: skip


def retailers(db: Database, among: Among | None, *, search: str | None, offset: int, limit: int) -> Rows:
    """Retailers by id; `search`: only those whose name or id holds this."""
    query = sa.select(*(SHOPS.c[name] for name in RETAILER)).order_by(SHOPS.c.retailer_id)
    query = query if among is None else query.where(among)
    if search:
        query = query.where(sa.or_(SHOPS.c.name.contains(search, autoescape=True), SHOPS.c.retailer_id.contains(search, autoescape=True)))
    return _page(db, query, offset, limit)


def retailer(db: Database, retailer_id: str) -> dict[str, Any] | None:
    """One retailer, in the same columns; None where there is none."""
    found = db.rows(sa.select(*(SHOPS.c[name] for name in RETAILER)).where(SHOPS.c.retailer_id == retailer_id))
    return found[0] if found else None


def brands(db: Database) -> list[dict[str, Any]]:
    """All brands by id: brand_id, name, supply_attribute."""
    return db.rows(sa.select(WARES.c.brand_id, WARES.c.name, WARES.c.supply_attribute).order_by(WARES.c.brand_id))


def brand_names(db: Database) -> dict[str, str]:
    """The names of all brands by id."""
    return {row["brand_id"]: row["name"] for row in brands(db)}


def audit(
    db: Database, *, by: str | None, action: str | None, since: datetime | None, until: datetime | None = None, offset: int, limit: int,
    most: int | None = None,
) -> Rows:  # fmt: skip
    """What people did, the newest first; `action`: only acts whose name begins so; from `since` on and before `until` (UTC).

    `most`: where there are more, they are not counted, and the total is greater than it.
    """
    return _page(db, _audited(by, action, since, until), offset, limit, most=most)


AT_ONCE = 20_000
"""Entries of the audit in a part."""


def audit_parts(
    db: Database, *, by: str | None, action: str | None, since: datetime | None, until: datetime | None = None
) -> Iterator[list[dict[str, Any]]]:
    """The same, every row, a part at a time; what is done meanwhile is left out."""
    query, before = _audited(by, action, since, until), EVERY
    while found := db.rows(query.where(tables.audit.c.audit_id < before).limit(AT_ONCE)):
        yield found
        before = found[-1]["audit_id"]


def _audited(by: str | None, action: str | None, since: datetime | None, until: datetime | None) -> sa.Select[Any]:
    t = tables.audit
    query = sa.select(t).order_by(t.c.audit_id.desc())
    query = query if by is None else query.where(t.c.by == by)
    query = query if action is None else query.where(t.c.action.startswith(action, autoescape=True))
    query = query if since is None else query.where(t.c.at >= since)
    return query if until is None else query.where(t.c.at < until)


def audit_of(db: Database, subject: str, *, offset: int, limit: int) -> Rows:
    """What was done to a thing, the newest first."""
    t = tables.audit
    return _page(db, sa.select(t).where(t.c.subject == subject).order_by(t.c.audit_id.desc()), offset, limit)


def arrivals(db: Database, first: date, *, offset: int, limit: int) -> Rows:
    """When which short brands arrive, from `first` on: brand_id, name, arrives_on, quantity."""
    t = tables.contract["arrivals"]
    query = sa.select(t.c.brand_id, WARES.c.name, t.c.arrives_on, t.c.quantity).join(WARES, WARES.c.brand_id == t.c.brand_id)
    query = query.where(t.c.arrives_on >= first, WARES.c.supply_attribute == str(SupplyAttribute.TIGHT))
    return _page(db, query.order_by(t.c.arrives_on, t.c.brand_id), offset, limit)


def retailer_of_flag(db: Database, run_id: int, order_id: str, brand_id: str) -> str | None:
    """Whose line a run judged; None where it judged no such line."""
    t = tables.results["inflated"]
    found = db.rows(sa.select(t.c.retailer_id).where(t.c.run_id == run_id, t.c.order_id == order_id, t.c.brand_id == brand_id))
    return str(found[0]["retailer_id"]) if found else None


def retailer_of_answer(db: Database, answer_id: int) -> str | None:
    """About whom an answer to a flag is; None where there is none."""
    t = tables.flag_answers
    found = db.rows(sa.select(t.c.retailer_id).where(t.c.answer_id == answer_id))
    return str(found[0]["retailer_id"]) if found else None


def holds_batch(db: Database, batch_id: int, among: Among | None) -> bool:
    """True where an act decided on suggestions, and on those of retailers that `among` chooses alone."""
    now, old = tables.suggestion_decisions, tables.decision_versions
    touched = sa.union(*(sa.select(t.c.retailer_id).where(t.c.batch_id == batch_id) for t in (now, old))).subquery()
    if not db.rows(sa.select(touched).limit(1)):
        return False
    return among is None or not db.rows(sa.select(touched).where(touched.c.retailer_id.not_in(own(among))).limit(1))
