"""Users that anybody may log in as, in a database that was made to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ordering.accounts import Role
from ordering.database import users
from ordering.database.connection import Database
from ordering.errors import StateError
from ordering.service_settings import AccountSettings

T, SHOPS = users.T, users.SHOPS
PASSWORD = "have a look around"
"""Of the users made here, and of no others."""
BY = "trueorder demo"
"""Who made them: by this they are told from others."""
LEVEL = 3
"""The star level of its retailer, or the nearest that there is: one whose caps bind."""


@dataclass(frozen=True)
class Visitor:
    """A user of the demo."""

    name: str
    role: Role


def visitors(db: Database) -> list[Visitor]:
    """Those who are let in; none where the database is no demo."""
    found = db.rows(sa.select(T.c.name, T.c.role).where(T.c.created_by == BY, T.c.disabled.is_(False)).order_by(T.c.user_id))
    return [Visitor(row["name"], Role(row["role"])) for row in found]


def invite(db: Database, *, at: datetime, rules: AccountSettings) -> list[Visitor]:
    """Add a user of each role that people have. Raises StateError where somebody is there already, or no retailer."""
    if db.rows(sa.select(T.c.user_id).limit(1)):
        raise StateError("the database has users: a demo is made in a fresh one; trueorder users add adds people")
    if not (found := db.rows(_SHOP)):
        raise StateError("the database has no retailers: load a city first, trueorder sample and trueorder import")
    shop, manager = found[0]["retailer_id"], found[0]["account_manager"]
    people: list[tuple[str, Role, list[str]]] = [
        (shop, Role.RETAILER, []), ("demo.manager", Role.ACCOUNT_MANAGER, [manager]),
        ("demo.headquarters", Role.HEADQUARTERS, []), ("demo.administrator", Role.ADMINISTRATOR, []),
    ]  # fmt: skip
    for name, role, managers in people:
        users.add(db, name=name, role=role, password=PASSWORD, by=BY, at=at, rules=rules, managers=managers)
    return visitors(db)


_SHOP = (
    sa.select(SHOPS.c.retailer_id, SHOPS.c.account_manager)
    .order_by(sa.func.abs(SHOPS.c.star_level - LEVEL), SHOPS.c.order_weekday, SHOPS.c.retailer_id)
    .limit(1)
)
"""A retailer of the level named, or of one near it, that orders early in the week."""
