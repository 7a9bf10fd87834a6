"""Whose retailers a person sees."""

from __future__ import annotations

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import EVERYWHERE, Person, Role, Territory
from ordering.database.connection import Database
from ordering.rate_cells import DIMENSIONS

SHOPS = tables.contract["retailers"]


def seen(person: Person) -> sa.ColumnElement[bool] | None:
    """A condition on `retailers` that chooses those a person sees; None: all of them."""
    if person.role is Role.RETAILER:
        return SHOPS.c.retailer_id == person.retailer_id
    return within(person.territory) if person.role in (*EVERYWHERE, Role.ACCOUNT_MANAGER) else sa.false()


def within(territory: Territory | None) -> sa.ColumnElement[bool] | None:
    """The same of those of a territory; None: of the whole city."""
    if territory is None:
        return None
    return sa.or_(*(SHOPS.c[DIMENSIONS[name]].in_(sorted(values)) for name, values in territory.items()))


def sees(db: Database, person: Person, retailer_id: str) -> bool:
    """True where there is such a retailer and the person may see it: one that is not there and one that is foreign look alike."""
    if not retailer_id.isprintable():
        return False
    condition = seen(person)
    query = sa.select(SHOPS.c.retailer_id).where(SHOPS.c.retailer_id == retailer_id)
    return bool(db.rows(query if condition is None else query.where(condition)))


def one_at_a_time(tx: sa.Connection, retailer_id: str) -> None:
    """Let nobody else who asks for the same write of a retailer before this transaction ends. SQLite lets one write at a time anyway."""
    tx.execute(sa.select(SHOPS.c.retailer_id).where(SHOPS.c.retailer_id == retailer_id).with_for_update(key_share=True))
