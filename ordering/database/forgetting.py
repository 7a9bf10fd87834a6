"""Deleting a retailer's personal data: all or nothing, in one transaction, and for good. What was ordered and given stays."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ordering import personal, tables
from ordering.accounts import hash_of, said
from ordering.database import audit, bulk, owners
from ordering.database.connection import Database
from ordering.errors import StateError
from ordering.personal import Fate, Holding

T = tables.forgotten_retailers
SHOPS = tables.contract["retailers"]


@dataclass(frozen=True)
class Forgotten:
    """What a deletion did: the pseudonym, and rows by table."""

    pseudonym: str
    deleted: Mapping[str, int]
    cleared: Mapping[str, int]


def forget(db: Database, retailer_id: str, *, by: str, why: str, at: datetime) -> Forgotten:
    """Delete a retailer's personal data, table by table as `personal.TABLES` says; that it was done stays in the audit.

    An import does not bring them back. Data that came in since an earlier deletion are deleted by another one.
    Raises TrueOrderError where nobody or no reason is named, StateError where there is no such retailer or a table is not classified.
    """
    by, why = said("by", by), said("why", why)
    unknown = set(tables.metadata.tables) - set(personal.TABLES)
    if unknown:
        raise StateError(f"nothing was deleted: ordering/personal.py does not say what table {min(unknown)} holds about people")
    with _for_good(db) as tx:
        shop = tx.execute(sa.select(SHOPS).where(SHOPS.c.retailer_id == retailer_id).with_for_update()).mappings().first()
        if shop is None:
            raise StateError(f'there is no retailer "{retailer_id}"', f"没有零售户“{retailer_id}”")
        names = _pseudonyms(tx, dict(shop), by, at)
        counts = {name: _apply(tx, name, holding, retailer_id, names) for name, holding in personal.TABLES.items()}
        deleted, cleared = ({n: c for n, c in counts.items() if c and personal.TABLES[n].fate is f} for f in (Fate.DELETED, Fate.CLEARED))
        told = f"{sum(deleted.values())} rows deleted, {sum(cleared.values())} cleared; {why}"
        audit.record(tx, action="privacy.delete", subject=f"retailer {retailer_id}", detail=told, by=by, at=at)
    return Forgotten(names[personal.PSEUDONYM], deleted, cleared)


@contextmanager
def _for_good(db: Database) -> Iterator[sa.Connection]:
    """A transaction whose deleted bytes SQLite overwrites, in its file and its log. PostgreSQL clears them when it next vacuums."""
    if db.engine.dialect.name != "sqlite":
        with db.writing() as tx:
            yield tx
        return
    with db.writing() as tx:
        before = tx.exec_driver_sql("PRAGMA secure_delete").scalar_one()
        tx.exec_driver_sql("PRAGMA secure_delete = ON")
        try:
            yield tx
        finally:
            tx.exec_driver_sql(f"PRAGMA secure_delete = {before}")
    with closing(db.engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _apply(tx: sa.Connection, name: str, holding: Holding, retailer_id: str, names: Mapping[str, str]) -> int:
    """Do to a retailer's rows of a table what it says; gives how many rows."""
    table = tables.metadata.tables[name]
    condition = owners.of_retailer(table, retailer_id)
    if condition is None or holding.fate in (Fate.KEPT, Fate.NOBODYS):
        return 0
    if holding.fate is Fate.DELETED:
        return int(tx.execute(table.delete().where(condition)).rowcount)
    values = {column: names.get(str(value), value) for column, value in holding.cleared.items()}
    return int(tx.execute(table.update().where(condition).values(values)).rowcount)


def _pseudonyms(tx: sa.Connection, shop: dict[str, Any], by: str, at: datetime) -> dict[str, str]:
    """The names that stand for a retailer and for its owner's licences from now on; drawn once, and given to the other licences as well.

    A group stays a group: under the rule its licences claim as one.
    """
    before = tx.execute(sa.select(T).where(T.c.retailer_id == shop["retailer_id"])).mappings().first()
    group = shop["licence_group"]
    known = tx.execute(sa.select(T).where(T.c.group_pseudonym == group).limit(1)).mappings().first() if group else None
    row = {
        "retailer_id": shop["retailer_id"], "pseudonym": before["pseudonym"] if before else f"deleted-{secrets.token_hex(4)}",
        "group_hash": known["group_hash"] if known else hash_of(group) if group else "",
        "group_pseudonym": group if known else f"group-{secrets.token_hex(4)}" if group else "",
        "forgotten_at": at, "forgotten_by": by,
    }  # fmt: skip
    if group and not known:
        tx.execute(SHOPS.update().where(SHOPS.c.licence_group == group).values(licence_group=row["group_pseudonym"]))
    tx.execute(T.delete().where(T.c.retailer_id == shop["retailer_id"]))
    tx.execute(T.insert().values(row))
    return {personal.PSEUDONYM: row["pseudonym"], personal.GROUP: row["group_pseudonym"]}


def keep_forgotten(tx: sa.Connection, table: sa.Table) -> int:
    """Take out of the staged rows of an import what was deleted here: columns take their cleared value, rows go; gives how many went."""
    holding = personal.TABLES[table.name]
    if holding.fate not in (Fate.CLEARED, Fate.DELETED) or not tx.execute(sa.select(T.c.retailer_id).limit(1)).first():
        return 0
    stage = sa.table(bulk.STAGE + table.name, *(sa.column(c.name, c.type) for c in table.columns))
    theirs = stage.c.retailer_id.in_(sa.select(T.c.retailer_id))
    if holding.fate is Fate.DELETED:
        return int(tx.execute(sa.delete(stage).where(theirs)).rowcount)
    own = {personal.PSEUDONYM: T.c.pseudonym, personal.GROUP: T.c.group_pseudonym}
    drawn = {k: sa.select(c).where(T.c.retailer_id == stage.c.retailer_id).scalar_subquery() for k, c in own.items()}
    values = {column: drawn.get(str(value), value) for column, value in holding.cleared.items()}
    tx.execute(sa.update(stage).where(theirs).values(values))
    if table is SHOPS:
        _keep_groups(tx, stage)
    return 0


def _keep_groups(tx: sa.Connection, stage: sa.TableClause) -> None:
    """The other licences of an owner, one of whose licences was forgotten, stay in its group under its pseudonym."""
    names = {row[0]: row[1] for row in tx.execute(sa.select(T.c.group_hash, T.c.group_pseudonym).where(T.c.group_hash != ""))}
    groups = tx.execute(sa.select(stage.c.licence_group).distinct()).scalars().all() if names else []
    for group in (g for g in groups if g and hash_of(g) in names):
        tx.execute(sa.update(stage).where(stage.c.licence_group == group).values(licence_group=names[hash_of(group)]))
