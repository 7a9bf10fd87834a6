"""The outbox: notices written in the transaction in which they became true, and how far each came on each channel.

A sender claims one notice at a time by a lease, so that several do not send it twice at once; whoever dies holding one leaves it to the
next when the lease ends. That makes delivery "at least once": a receiver drops repetitions by the notice's `uid`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ordering import tables
from ordering.database import audit
from ordering.database.connection import Database
from ordering.errors import StateError, TrueOrderError
from ordering.notices import AUDIENCES, MANAGERS, OPERATORS, RETAILERS, Stored

WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
NOTICES, READERS, SENDING = tables.notices, tables.notice_readers, tables.notice_deliveries
Readers = sa.Select[Any] | Iterable[str]


@dataclass(frozen=True)
class Audience:
    """A group (retailers, managers, operators) and whom of it a notice is for: a query of ids, or ids; None: all of the group."""

    group: str
    readers: Readers | None = None

    @property
    def nobody(self) -> bool:
        """Whether it names nobody."""
        return isinstance(self.readers, Collection) and not self.readers


operators = Audience(OPERATORS)
managers = Audience(MANAGERS)
retailers = Audience(RETAILERS)


def insert(tx: sa.Connection, table: sa.Table) -> Any:
    """An insert that both engines can be told to leave where the key is taken."""
    return (sqlite if tx.dialect.name == "sqlite" else postgresql).insert(table)


def post(
    tx: sa.Connection,
    *,
    kind: str,
    subject: str,
    audience: Audience,
    payload: Mapping[str, Any],
    at: datetime,
    unique: str | None = None,
) -> int | None:
    """Write a notice in the caller's transaction; gives its id, None where one of the same `unique` stands already or nobody is named.

    One row for all its readers, whose ids are kept beside it. Raises TrueOrderError where there is no such audience.
    """
    if audience.group not in AUDIENCES:
        raise TrueOrderError(f'audience "{audience.group}": there is none; use {", ".join(AUDIENCES)}')
    if audience.nobody:
        return None
    uid = uuid.uuid4().hex
    values = {"uid": uid, "unique_key": unique or uid, "kind": str(kind), "subject": subject, "audience": audience.group}
    told = json.dumps(dict(payload), ensure_ascii=False, default=str)
    written = insert(tx, NOTICES).values(**values, payload=told, posted_at=at).on_conflict_do_nothing().returning(NOTICES.c.notice_id)
    notice_id = tx.execute(written).scalar_one_or_none()
    if notice_id is None or audience.readers is None:
        return notice_id
    named = audience.readers.distinct() if isinstance(audience.readers, sa.Select) else _listed(tx, sorted(set(audience.readers)))
    found = named.subquery()
    tx.execute(READERS.insert().from_select(["notice_id", "reader"], sa.select(sa.literal(notice_id), *found.c)))
    if tx.execute(sa.select(READERS.c.reader).where(READERS.c.notice_id == notice_id).limit(1)).first() is None:
        tx.execute(NOTICES.delete().where(NOTICES.c.notice_id == notice_id))
        return None
    return int(notice_id)


def _listed(tx: sa.Connection, ids: list[str]) -> sa.Select[Any]:
    """Ids as a query, in one parameter: a row each would be a round trip each."""
    if tx.dialect.name == "sqlite":
        return sa.select(sa.func.json_each(json.dumps(ids)).table_valued("value").c.value)
    return sa.select(sa.func.unnest(sa.cast(ids, postgresql.ARRAY(sa.Text))).label("value"))


def active_in(first: date, last: date) -> Audience:
    """The retailers that are active on a day of a span."""
    t = tables.contract["retailers"].c
    begun, ended = sa.or_(t.active_from.is_(None), t.active_from <= last), sa.or_(t.active_to.is_(None), t.active_to >= first)
    return Audience(RETAILERS, sa.select(t.retailer_id).where(begun, ended))


def _stored(row: Mapping[str, Any], readers: Iterable[str] = ()) -> Stored:
    kept = {name: row[name] for name in ("notice_id", "uid", "kind", "subject", "audience", "posted_at")}
    return Stored(**kept, payload=json.loads(row["payload"]), readers=tuple(readers))


def of_reader(db: Database, audience: str, reader: str, *, since: datetime | None = None, most: int = 100) -> list[Stored]:
    """The notices for one retailer or account manager, the newest first; those to their whole audience included."""
    named = sa.exists().where(READERS.c.notice_id == NOTICES.c.notice_id)
    own = sa.select(READERS.c.notice_id).where(READERS.c.reader == reader)
    chosen = [NOTICES.c.audience == audience, sa.or_(NOTICES.c.notice_id.in_(own), sa.not_(named))]
    if since is not None:
        chosen.append(NOTICES.c.posted_at >= since)
    return [_stored(row) for row in db.rows(sa.select(NOTICES).where(*chosen).order_by(NOTICES.c.notice_id.desc()).limit(most))]


@dataclass(frozen=True)
class Claim:
    """A notice that one sender holds until `until`, and how often it was tried before."""

    notice: Stored
    channel: str
    attempts: int
    holder: str
    until: datetime


def claim(
    db: Database, channels: Mapping[str, Collection[str]], *, holder: str, at: datetime, seconds: float, fresh_since: datetime
) -> Claim | None:
    """Take the next notice that is due on one of `channels` (channel -> audiences); None where there is none.

    Of each channel and audience only the oldest undelivered one is ever sent, so their order is kept; one that waits for its next
    attempt holds up those behind it. Nothing posted before `fresh_since` is begun.
    """
    until = at + timedelta(seconds=seconds)
    with db.writing() as tx:
        for channel, audiences in channels.items():
            _open(tx, channel, audiences, at, fresh_since)
        found = tx.execute(_due(channels, at)).mappings().first()
        if found is None:
            return None
        mine = sa.and_(SENDING.c.notice_id == found["notice_id"], SENDING.c.channel == found["channel"])
        tx.execute(SENDING.update().where(mine).values(holder=holder, held_until=until))
        row = tx.execute(sa.select(NOTICES).where(NOTICES.c.notice_id == found["notice_id"])).mappings().one()
        readers = tx.execute(sa.select(READERS.c.reader).where(READERS.c.notice_id == found["notice_id"]).order_by(READERS.c.reader))
        return Claim(_stored(dict(row), readers.scalars()), found["channel"], found["attempts"], holder, until)


def _open(tx: sa.Connection, channel: str, audiences: Collection[str], at: datetime, fresh_since: datetime) -> None:
    """A row for each notice that the channel has to send and has none of yet."""
    begun = sa.exists().where(SENDING.c.notice_id == NOTICES.c.notice_id, SENDING.c.channel == channel)
    values = [sa.literal(channel), sa.literal(WAITING), sa.literal(0), sa.literal(at, sa.DateTime), sa.literal("")]
    due = NOTICES.c.audience.in_(list(audiences)), NOTICES.c.posted_at >= fresh_since, sa.not_(begun)
    rows = sa.select(NOTICES.c.notice_id, *values).where(*due)
    into = insert(tx, SENDING).from_select(["notice_id", "channel", "state", "attempts", "due_at", "error"], rows)
    tx.execute(into.on_conflict_do_nothing())


def _due(channels: Collection[str], at: datetime) -> sa.Select[Any]:
    """The oldest row that may be sent now, locked; rows that another sender is about to take are passed over."""
    earlier, its = SENDING.alias("earlier"), NOTICES.alias("its")
    behind = (
        sa.exists()
        .where(earlier.c.channel == SENDING.c.channel, earlier.c.state == WAITING, earlier.c.notice_id < SENDING.c.notice_id)
        .where(its.c.notice_id == earlier.c.notice_id, its.c.audience == NOTICES.c.audience)
    )
    free = sa.or_(SENDING.c.held_until.is_(None), SENDING.c.held_until <= at)
    query = sa.select(SENDING).join(NOTICES, NOTICES.c.notice_id == SENDING.c.notice_id).where(SENDING.c.channel.in_(list(channels)))
    query = query.where(SENDING.c.state == WAITING, SENDING.c.due_at <= at, free, sa.not_(behind))
    return query.order_by(SENDING.c.notice_id, SENDING.c.channel).limit(1).with_for_update(of=SENDING, skip_locked=True)


def delivered(db: Database, claimed: Claim, *, at: datetime) -> bool:
    """Note that a claimed notice was received; False where somebody else holds it by now."""
    return _finish(db, claimed, {"state": DELIVERED, "error": "", "finished_at": at})


def failed(db: Database, claimed: Claim, *, error: str, at: datetime, again_at: datetime | None) -> bool:
    """Note that a claimed notice was not received, and when to try again; None: never, it is left for a person."""
    more = {"state": DEAD, "finished_at": at} if again_at is None else {"state": WAITING, "due_at": again_at}
    return _finish(db, claimed, more | {"error": error[:500]})


def _finish(db: Database, claimed: Claim, values: Mapping[str, Any]) -> bool:
    mine = sa.and_(SENDING.c.notice_id == claimed.notice.notice_id, SENDING.c.channel == claimed.channel)
    held = sa.and_(mine, SENDING.c.holder == claimed.holder, SENDING.c.held_until == claimed.until)
    with db.writing() as tx:
        done = tx.execute(SENDING.update().where(held).values(attempts=claimed.attempts + 1, holder=None, held_until=None, **values))
        return bool(done.rowcount)


def retry(db: Database, notice_id: int, *, by: str, at: datetime) -> int:
    """Send again what was left for a person, on every channel; gives the number of channels. Audited. StateError where nothing was."""
    if not by.strip():
        raise TrueOrderError("by: say who does this")
    with db.writing() as tx:
        dead = sa.and_(SENDING.c.notice_id == notice_id, SENDING.c.state == DEAD)
        again = tx.execute(SENDING.update().where(dead).values(state=WAITING, attempts=0, due_at=at, finished_at=None)).rowcount
        if not again:
            raise StateError(f"notice {notice_id}: no channel gave it up; trueorder notices list --dead shows those that did")
        detail = f"{again} channels"
        audit.record(tx, action="notice.retry", subject=f"notice {notice_id}", detail=detail, by=by.strip(), at=at)
    return int(again)


def listed(db: Database, *, dead: bool = False, most: int = 50) -> list[dict[str, Any]]:
    """Notices, the newest first, each with the number of its readers and its channels: state, attempts, due_at, error."""
    query = sa.select(NOTICES).order_by(NOTICES.c.notice_id.desc()).limit(most)
    if dead:
        query = query.where(NOTICES.c.notice_id.in_(sa.select(SENDING.c.notice_id).where(SENDING.c.state == DEAD)))
    rows = db.rows(query)
    ids = [row["notice_id"] for row in rows]
    counted = sa.select(READERS.c.notice_id, sa.func.count().label("readers")).where(READERS.c.notice_id.in_(ids))
    readers = {row["notice_id"]: row["readers"] for row in db.rows(counted.group_by(READERS.c.notice_id))}
    sent: dict[int, list[dict[str, Any]]] = {}
    for row in db.rows(sa.select(SENDING).where(SENDING.c.notice_id.in_(ids)).order_by(SENDING.c.channel)):
        sent.setdefault(row["notice_id"], []).append(row)
    return [{"notice": _stored(row), "readers": readers.get(n), "channels": sent.get(n, [])} for row in rows for n in [row["notice_id"]]]


def thin(db: Database, *, before: datetime) -> int:
    """Delete notices posted before a moment that wait on no channel; gives their number."""
    waits = sa.exists().where(SENDING.c.notice_id == NOTICES.c.notice_id, SENDING.c.state == WAITING)
    with db.writing() as tx:
        old = tx.execute(sa.select(NOTICES.c.notice_id).where(NOTICES.c.posted_at < before, sa.not_(waits)).limit(1000)).scalars().all()
        for table in (SENDING, READERS, NOTICES):
            tx.execute(table.delete().where(table.c.notice_id.in_(old)))
    return len(old)
