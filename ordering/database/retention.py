"""Dropping rows that have had their time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from ordering import tables
from ordering.database import access, audit, throttle
from ordering.database.connection import Database
from ordering.model import week_of
from ordering.service_settings import AccountSettings, PrivacySettings

SESSIONS = tables.user_sessions
DAYS_OF_A_MONTH = 31  # never too early


def drop(db: Database, accounts: AccountSettings, privacy: PrivacySettings, *, at: datetime) -> dict[str, int]:
    """Drop sessions that have ended, tries that count no more, and the access log, decisions, answers, visits, surveys and
    complaints beyond their time.

    Gives rows by table. Where decisions, answers, visits, surveys or complaints went, the audit says how many.
    """
    with db.writing() as tx:
        gone = {
            SESSIONS.name: int(tx.execute(SESSIONS.delete().where(_ended(tx, at))).rowcount),
            throttle.T.name: throttle.drop_old(tx, at=at, rules=accounts),
            access.T.name: access.drop_old(tx, at=at, days=privacy.access_log_days),
        }
        if privacy.decision_months:
            before = week_of(at.date() - timedelta(days=DAYS_OF_A_MONTH * privacy.decision_months))
            gone |= _drop_decisions(tx, before, at) | _drop_care(tx, before, at)
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
    return _dropped(tx, old, "decisions", before, at)


def _drop_care(tx: sa.Connection, before: date, at: datetime) -> dict[str, int]:
    """Surveys of before the Monday `before`, and complaints that were closed before it, with their entries."""
    surveys, complaints, entries = tables.surveys, tables.complaints, tables.complaint_entries
    since = datetime.combine(before, time())
    closed = complaints.c.closed_at < since
    of_closed = entries.c.complaint_id.in_(sa.select(complaints.c.complaint_id).where(closed))
    return _dropped(tx, {entries: of_closed, complaints: closed, surveys: surveys.c.at < since}, "surveys and complaints", before, at)


def _dropped(tx: sa.Connection, old: Mapping[sa.Table, sa.ColumnElement[bool]], what: str, before: date, at: datetime) -> dict[str, int]:
    """Drop the rows that the conditions choose, in this order; gives rows by table, and leaves an audit where any went."""
    gone = {table.name: int(tx.execute(table.delete().where(condition)).rowcount) for table, condition in old.items()}
    if any(gone.values()):
        told = ", ".join(f"{count} {name}" for name, count in gone.items())
        audit.record(tx, action="retention.drop", subject=what, detail=f"before {before}: {told}", by="retention", at=at)
    return gone
