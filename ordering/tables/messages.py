"""What comes in by the watched folder, what is to be told to whom, and alerts."""

from __future__ import annotations

import sqlalchemy as sa

from ordering.tables.base import metadata

inbox_deliveries = sa.Table(
    "inbox_deliveries",  # folders that came in by the inbox and what became of each; written in the transaction that loaded it
    metadata,
    sa.Column("delivery_id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, index=True),
    sa.Column("digest", sa.Text, nullable=False, index=True),  # SHA-256 of its files' names and contents
    sa.Column("state", sa.Text, nullable=False),  # loaded, repeated, quarantined
    sa.Column("settled", sa.Boolean, nullable=False),  # its files lie where they belong
    sa.Column("counts", sa.Text, nullable=False),  # JSON: by table, rows of the file, new, changed, same
    sa.Column("faults", sa.Text, nullable=False),  # JSON: those that are told one by one
    sa.Column("fault_count", sa.Integer, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),  # JSON
    sa.Column("finished_at", sa.DateTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
inbox_waiting = sa.Table(
    "inbox_waiting",  # deliveries that are not complete yet, as they were last seen
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("signature", sa.Text, nullable=False),  # names, sizes and times of its files
    sa.Column("since", sa.DateTime, nullable=False),
)
notices = sa.Table(
    "notices",  # what is to be told, written in the transaction in which it became true
    metadata,
    sa.Column("notice_id", sa.Integer, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False, unique=True),  # by which a receiver knows a repetition
    sa.Column("unique_key", sa.Text, nullable=False, unique=True),  # posting it twice is once
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("audience", sa.Text, nullable=False),  # retailers, managers, operators
    sa.Column("payload", sa.Text, nullable=False),  # JSON: what the words are made of
    sa.Column("posted_at", sa.DateTime, nullable=False, index=True),
    sqlite_autoincrement=True,
)
notice_readers = sa.Table(
    "notice_readers",  # whom a notice is for: retailers or account managers, by id; nobody named: the whole audience
    metadata,
    sa.Column("notice_id", sa.Integer, primary_key=True),
    sa.Column("reader", sa.Text, primary_key=True),
    sa.Index("ix_notice_readers_reader", "reader", "notice_id"),
)
notice_deliveries = sa.Table(
    "notice_deliveries",  # how far each notice came on each channel
    metadata,
    sa.Column("notice_id", sa.Integer, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False, index=True),  # waiting, delivered, dead
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", sa.DateTime, nullable=False),
    sa.Column("holder", sa.Text),  # who is sending it
    sa.Column("held_until", sa.DateTime),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("finished_at", sa.DateTime),
)
_open = sa.text("cleared_at IS NULL")
alerts = sa.Table(
    "alerts",  # what somebody has to look at; each once per subject until it clears
    metadata,
    sa.Column("alert_id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("english", sa.Text, nullable=False),
    sa.Column("chinese", sa.Text, nullable=False),
    sa.Column("raised_at", sa.DateTime, nullable=False),
    sa.Column("seen_at", sa.DateTime, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("acked_at", sa.DateTime),
    sa.Column("acked_by", sa.Text),
    sa.Column("cleared_at", sa.DateTime),
    sa.Index("ix_alerts_open", "kind", "subject", unique=True, sqlite_where=_open, postgresql_where=_open),
    sqlite_autoincrement=True,
)
