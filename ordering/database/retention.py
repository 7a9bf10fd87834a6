"""Dropping rows that have had their time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from ordering import tables
from ordering.database import access, audit, throttle
from ordering.database.connection import Database
from ordering.model import week_of
from ordering.service_settings import AccountSettings, PrivacySettings

SESSIONS = tables.user_sessions
DAYS_OF_A_MONTH = 31  # never too early


def drop(db: Database, accounts: AccountSettings, privacy: PrivacySettings, *, at: datetime) -> dict[str, int]:
    """Drop sessions that have ended, tries that count no more, and the access log, decisions, answers and visits beyond their time.

    Gives rows by table. Where decisions, answers or visits went, the audit says how many.
    """
    with db.writing() as tx:
        gone = {
            SESSIONS.name: int(tx.execute(SESSIONS.delete().where(_ended(tx, at))).rowcount),
            throttle.T.name: throttle.drop_old(tx, at=at, rules=accounts),
            access.T.name: access.drop_old(tx, at=at, days=privacy.access_log_days),
        }
        if privacy.decision_months:
            gone |= _drop_decisions(tx, week_of(at.date() - timedelta(days=DAYS_OF_A_MONTH * privacy.decision_months)), at)
    return gone


def _ended(tx: sa.Connection, at: datetime) -> sa.ColumnElement[bool]:
    """Sessions past their end, and those that nobody used for too long: as many seconds as each says."""
    idle = sorted(set(tx.execute(sa.select(SESSIONS.c.idle_seconds).distinct()).scalars()))
    unused = [sa.and_(SESSIONS.c.idle_seconds == s, SESSIONS.c.seen_at <= at - timedelta(seconds=s)) for s in idle]
    return sa.or_(SESSIONS.c.expires_at <= at, *unused)


def _drop_decisions(tx: sa.Connection, before: date, at: datetime) -> dict[str, int]:
    """Decisions of weeks before the Monday `before`, all their versions, and answers and visits whose last day lies before it."""
    decisions, versions, answers = tables.suggestion_decisions, tables.decision_versions, tables.flag_answers
    old = {decisions: decisions.c.week < before, versions: versions.c.week < before, answers: answers.c.until_on < before}
    visits = tables.visits
    old |= {visits: sa.func.coalesce(visits.c.follow_up_on, visits.c.visited_on) < before}
    gone = {table.name: int(tx.execute(table.delete().where(condition)).rowcount) for table, condition in old.items()}
    if any(gone.values()):
        told = ", ".join(f"{count} {name}" for name, count in gone.items())
        audit.record(tx, action="retention.drop", subject="decisions", detail=f"before {before}: {told}", by="retention", at=at)
    return gone
