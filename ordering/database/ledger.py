"""The ledger of scheduled jobs: what became of each business date, written under the lease of the scheduler that leads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from ordering import tables
from ordering.database import audit
from ordering.database.connection import Database
from ordering.database.leases import Lease
from ordering.errors import StateError
from ordering.schedule import Entry, Key, State

T = tables.job_days


@dataclass(frozen=True)
class Record:
    """A business date of a job as stored. Times are UTC; `holder`: host/process/word of who ran it last."""

    job: str
    business_date: date
    state: State
    attempts: int
    token: int
    run_id: int | None
    holder: str
    started_at: datetime
    finished_at: datetime | None
    next_at: datetime | None
    words: str

    @property
    def key(self) -> Key:
        """Job and business date."""
        return self.job, self.business_date

    @property
    def entry(self) -> Entry:
        """What decides whether it is due."""
        return Entry(self.state, self.attempts, self.next_at)


def read(db: Database, *, since: date = date.min) -> list[Record]:
    """What is stored of business dates from `since` on, and those of any date that are still to be done, the newest first."""
    wanted = sa.or_(T.c.business_date >= since, T.c.state.in_((State.WAITING.value, State.RUNNING.value)))
    rows = db.rows(sa.select(T).where(wanted).order_by(T.c.business_date.desc(), T.c.started_at.desc()))
    return [Record(**row | {"state": State(row["state"])}) for row in rows]


def subject(key: Key) -> str:
    """What a job of a business date is called in the audit."""
    return f"{key[0]} of {key[1]}"


def ask(db: Database, key: Key, *, by: str, why: str, at: datetime) -> None:
    """Put a job that a person asks for into the ledger, audited. Raises StateError where it waits already or is under way."""
    blank = {"attempts": 0, "token": 0, "run_id": None, "holder": "", "finished_at": None, "next_at": None, "words": ""}
    values = {"state": State.WAITING.value, "started_at": at} | blank
    mine = (T.c.job == key[0], T.c.business_date == key[1])
    with db.writing() as tx:
        before = tx.execute(sa.select(T.c.state).where(*mine).with_for_update()).scalar()
        if before in (State.WAITING.value, State.RUNNING.value):
            raise StateError(f"{subject(key)}: it was asked for already and is {before}", f"{key[0]}（{key[1]}）已有请求，正在等待或执行")
        if before is None:
            tx.execute(T.insert().values(job=key[0], business_date=key[1], **values))
        else:
            tx.execute(T.update().where(*mine).values(**values))
        audit.record(tx, action="run.ask", subject=subject(key), detail=why.strip()[:500], by=by, at=at)


def beginning(db: Database, *prefixes: str, count: int) -> list[Record]:
    """The newest entries of jobs whose names begin so."""
    query = sa.select(T).where(sa.or_(*(T.c.job.startswith(prefix, autoescape=True) for prefix in prefixes)))
    rows = db.rows(query.order_by(T.c.started_at.desc(), T.c.job).limit(count))
    return [Record(**row | {"state": State(row["state"])}) for row in rows]


def begin(db: Database, lease: Lease, key: Key, *, at: datetime) -> int:
    """Record that a job has begun on its business date; gives which attempt it is. Raises StaleLeaseError under a lost lease."""
    mine = (T.c.job == key[0], T.c.business_date == key[1])
    blank = {"finished_at": None, "next_at": None, "words": ""}
    values = {"state": State.RUNNING.value, "token": lease.token, "holder": lease.holder, "started_at": at, **blank}
    with db.writing() as tx:
        lease.guard(tx)
        before = tx.execute(sa.select(T.c.attempts).where(*mine)).scalar()
        if before is None:
            tx.execute(T.insert().values(job=key[0], business_date=key[1], attempts=1, **values))
            return 1
        tx.execute(T.update().where(*mine).values(attempts=before + 1, **values))
        return int(before) + 1


def finish(
    db: Database,
    lease: Lease,
    key: Key,
    state: State,
    *,
    at: datetime,
    words: str,
    run_id: int | None = None,
    next_at: datetime | None = None,
    uncounted: bool = False,
) -> None:
    """Record what became of a job's business date. `uncounted`: the attempt was stopped on request and does not count.

    Raises StaleLeaseError under a lost lease.
    """
    values = {"state": state.value, "finished_at": at, "words": words, "run_id": run_id, "next_at": next_at}
    with db.writing() as tx:
        lease.guard(tx)
        less = {"attempts": T.c.attempts - 1} if uncounted else {}
        tx.execute(T.update().where(T.c.job == key[0], T.c.business_date == key[1]).values(**values, **less))
