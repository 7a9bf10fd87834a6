"""Who looked at a retailer's personal data: noted once for each person, retailer, thing and hour."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ordering import tables
from ordering.accounts import Person
from ordering.database.connection import Database
from ordering.model import ALL

T = tables.access_log


def note_access(place: Database | sa.Connection, *, person: Person, retailer_id: str = ALL, what: str, at: datetime) -> None:
    """Note that a person looked at, or exported, a retailer's data; `ALL`: a list of all the retailers that the person sees.

    `what` is a short name, the same each time: "orders", "export suggestions". Who looks at its own shop is not noted.
    With a connection it is noted in its transaction.
    """
    if person.retailer_id is not None and person.retailer_id == retailer_id:
        return
    note(place, name=person.name, retailer_id=retailer_id, what=what, at=at)


def note(place: Database | sa.Connection, *, name: str, retailer_id: str, what: str, at: datetime) -> None:
    """The same of somebody known by name only, as at the command line."""
    row = {"user_name": name, "retailer_id": retailer_id, "what": what, "hour": at.replace(minute=0, second=0, microsecond=0)}
    if isinstance(place, sa.Connection):
        _add(place, row, at)
    elif not place.rows(sa.select(T.c.at).where(*(T.c[key] == value for key, value in row.items()))):
        with place.writing() as tx:
            _add(tx, row, at)


def _add(tx: sa.Connection, row: dict[str, object], at: datetime) -> None:
    from sqlalchemy.dialects import postgresql, sqlite

    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    tx.execute(insert(T).values(**row, at=at).on_conflict_do_nothing())


def read_log(db: Database, retailer_id: str) -> list[dict[str, object]]:
    """Who looked at a retailer's data, the latest first: at, user_name, what, and `listed`, true where it was a list of many."""
    query = sa.select(T.c.at, T.c.user_name, T.c.what, (T.c.retailer_id == ALL).label("listed"))
    return db.rows(query.where(T.c.retailer_id.in_((retailer_id, ALL))).order_by(T.c.at.desc(), T.c.user_name, T.c.what))


def drop_old(tx: sa.Connection, *, at: datetime, days: int) -> int:
    """Forget what is older than `days`; gives how many rows."""
    return int(tx.execute(T.delete().where(T.c.at <= at - timedelta(days=days))).rowcount)
