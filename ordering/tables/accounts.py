"""Who may come in, and how often somebody tried. Of passwords and secrets only hashes are here."""

from __future__ import annotations

import sqlalchemy as sa

from ordering.tables.base import metadata

users = sa.Table(
    "users",
    metadata,
    sa.Column("user_id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("login", sa.Text, nullable=False, unique=True),  # the name without case and width: two that look alike are one
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("retailer_id", sa.Text, index=True),
    sa.Column("password_hash", sa.Text),  # none: comes in by tokens only
    sa.Column("password_at", sa.DateTime),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sqlite_autoincrement=True,  # an id is never given twice
)
user_territories = sa.Table(
    "user_territories",  # the account-manager codes and districts whose retailers are a user's
    metadata,
    sa.Column("user_id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # manager, district
    sa.Column("code", sa.Text, primary_key=True),
)
user_sessions = sa.Table(
    "user_sessions",  # log-ins that hold; they go when they end
    metadata,
    sa.Column("secret_hash", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Integer, nullable=False, index=True),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("seen_at", sa.DateTime, nullable=False),  # to the minute
    sa.Column("idle_seconds", sa.Integer, nullable=False),  # unseen for longer, it has ended
    sa.Column("expires_at", sa.DateTime, nullable=False, index=True),
    sa.Column("address", sa.Text, nullable=False),
)
user_tokens = sa.Table(
    "user_tokens",
    metadata,
    sa.Column("token_id", sa.Integer, primary_key=True),
    sa.Column("secret_hash", sa.Text, nullable=False, unique=True),
    sa.Column("user_id", sa.Integer, nullable=False, index=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # names between blanks; empty: all that the role may
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", sa.DateTime, nullable=False),
    sa.Column("used_at", sa.DateTime),  # to the hour
    sa.Column("revoked_at", sa.DateTime),
    sa.Column("revoked_by", sa.Text),
    sqlite_autoincrement=True,
)
login_attempts = sa.Table(
    "login_attempts",  # passwords that were checked and were wrong, or are being checked; of unknown names only the hash is kept
    metadata,
    sa.Column("attempt_id", sa.Integer, primary_key=True),
    sa.Column("account_hash", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False, index=True),
    sa.Column("checked", sa.Boolean, nullable=False),  # false: refused unchecked, noted once in a while
    sa.Index("ix_login_attempts_account_hash", "account_hash", "at"),
    sa.Index("ix_login_attempts_address", "address", "at"),
    sqlite_autoincrement=True,
)
access_log = sa.Table(
    "access_log",  # who looked at a retailer's personal data; each person, retailer, thing and hour once
    metadata,
    sa.Column("user_name", sa.Text, primary_key=True),
    sa.Column("retailer_id", sa.Text, primary_key=True),  # empty: a list or export of all that the person sees
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("hour", sa.DateTime, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False, index=True),
    sa.Index("ix_access_log_retailer_id", "retailer_id", "at"),
)
forgotten_retailers = sa.Table(
    "forgotten_retailers",  # whose personal data were deleted: an import does not bring them back
    metadata,
    sa.Column("retailer_id", sa.Text, primary_key=True),
    sa.Column("pseudonym", sa.Text, nullable=False),
    sa.Column("group_hash", sa.Text, nullable=False),  # of the licence group's name; empty: it was in none
    sa.Column("group_pseudonym", sa.Text, nullable=False),
    sa.Column("forgotten_at", sa.DateTime, nullable=False),
    sa.Column("forgotten_by", sa.Text, nullable=False),
)
