"""Whose a row is: found from the columns of the tables as they are, so that a table that is added later is found as well."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import Person

LINES = (tables.order_lines, tables.cancelled_lines, tables.request_versions)
"""Tables that tell whose an order is."""
RETAILER_COLUMNS = ("retailer_id", "reader")
"""Names of columns that hold a retailer's id."""
CODES = {("star_ratings", "moved_by")}
"""Columns whose names look like those of people, and are not."""
Condition = sa.ColumnElement[bool]


def staff_columns(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns of a table that name the person who did something."""
    texts = [c for c in table.columns if isinstance(c.type, sa.Text)]
    named = [c for c in texts if c.name in ("by", "user_name") or c.name.endswith("_by")]
    return [c for c in named if (table.name, c.name) not in CODES]


def of_retailer(table: sa.Table, retailer_id: str) -> Condition | None:
    """The rows of a table that are a retailer's: by its id, its orders, its users; None where the table has none of any retailer."""
    if table is tables.audit:
        return _about(retailer_id)
    if table is tables.batches:
        return _only_its_lines(retailer_id)
    for name in RETAILER_COLUMNS:
        if name in table.c:
            return table.c[name] == retailer_id
    if "order_id" in table.c:
        return table.c.order_id.in_(sa.union(*(sa.select(t.c.order_id).where(t.c.retailer_id == retailer_id) for t in LINES)))
    if "user_id" in table.c:
        return table.c.user_id.in_(sa.select(tables.users.c.user_id).where(tables.users.c.retailer_id == retailer_id))
    return None


def of_user(table: sa.Table, person: Person) -> Condition | None:
    """The rows of a table that name a user, or are its own; None where there can be none."""
    found = [column == person.name for column in staff_columns(table)]
    found += [table.c.user_id == person.user_id] if "user_id" in table.c else []
    found += [table.c.subject == f"user {person.name}"] if table is tables.audit else []
    return sa.or_(*found) if found else None


def _about(retailer_id: str) -> Condition:
    """What was done to a retailer or its user, and what that user did."""
    t, users = tables.audit, tables.users
    names = sa.select(users.c.name).where(users.c.retailer_id == retailer_id)
    subjects = sa.select("user " + users.c.name).where(users.c.retailer_id == retailer_id)
    return sa.or_(t.c.subject == f"retailer {retailer_id}", t.c.subject.in_(subjects), t.c.by.in_(names))


def _only_its_lines(retailer_id: str) -> Condition:
    """Acts that took lines of this retailer back, and of no other."""
    t = tables.cancelled_lines
    mine = sa.select(t.c.batch_id).where(t.c.retailer_id == retailer_id)
    others = sa.select(t.c.batch_id).where(t.c.retailer_id != retailer_id)
    return sa.and_(tables.batches.c.batch_id.in_(mine), tables.batches.c.batch_id.not_in(others))
