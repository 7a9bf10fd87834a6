"""All that is stored about a retailer or a user, table by table."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from ordering import personal, tables
from ordering.accounts import Person
from ordering.database import owners
from ordering.database.connection import Database
from ordering.errors import StateError

SHOPS = tables.contract["retailers"]


def about_retailer(db: Database, retailer_id: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """The name and the rows of each table that holds something about a retailer; secrets are left out.

    Raises StateError where there is no such retailer.
    """
    if not db.rows(sa.select(SHOPS.c.retailer_id).where(SHOPS.c.retailer_id == retailer_id)):
        raise StateError(f'there is no retailer "{retailer_id}"', f"没有零售户“{retailer_id}”")
    return _found(db, {table: owners.of_retailer(table, retailer_id) for table in tables.metadata.sorted_tables})


def held(db: Database, retailer_id: str) -> dict[str, int]:
    """The tables that hold something about a retailer, each with how many rows."""
    wanted = {table: owners.of_retailer(table, retailer_id) for table in tables.metadata.sorted_tables}
    counts = [
        sa.select(sa.literal(table.name).label("name"), sa.func.count().label("held")).select_from(table).where(condition)
        for table, condition in wanted.items()
        if condition is not None
    ]
    return {row["name"]: int(row["held"]) for query in counts for row in db.rows(query) if row["held"]}


def about_user(db: Database, person: Person) -> Iterator[tuple[str, pd.DataFrame]]:
    """The same about a user: what it is, did, and how it came in."""
    return _found(db, {table: owners.of_user(table, person) for table in tables.metadata.sorted_tables})


def _found(db: Database, wanted: dict[sa.Table, owners.Condition | None]) -> Iterator[tuple[str, pd.DataFrame]]:
    for table, condition in wanted.items():
        if condition is None:
            continue
        columns = [c for c in table.columns if c.name not in personal.SECRETS]
        rows = db.rows(sa.select(*columns).where(condition).order_by(*table.primary_key.columns))
        if rows:
            yield table.name, pd.DataFrame(rows, columns=[c.name for c in columns])
