"""Whose retailers a person sees."""

from __future__ import annotations

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import EVERYWHERE, Person, Role
from ordering.database.connection import Database

SHOPS = tables.contract["retailers"]


def seen(person: Person) -> sa.ColumnElement[bool] | None:
    """A condition on `retailers` that chooses those a person sees; None: all of them."""
    if person.role in EVERYWHERE:
        return None
    if person.role is Role.RETAILER:
        return SHOPS.c.retailer_id == person.retailer_id
    if person.role is Role.ACCOUNT_MANAGER:
        own = (SHOPS.c.account_manager.in_(sorted(person.managers)), SHOPS.c.district.in_(sorted(person.districts)))
        return sa.or_(*own)
    return sa.false()


def sees(db: Database, person: Person, retailer_id: str) -> bool:
    """True where there is such a retailer and the person may see it: one that is not there and one that is foreign look alike."""
    if not retailer_id.isprintable():
        return False
    condition = seen(person)
    query = sa.select(SHOPS.c.retailer_id).where(SHOPS.c.retailer_id == retailer_id)
    return bool(db.rows(query if condition is None else query.where(condition)))
