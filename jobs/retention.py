"""Letting go of what has had its time: sessions, tries to come in, the access log, old decisions and answers."""

from __future__ import annotations

from datetime import datetime

from ordering.database import Database, retention
from ordering.settings import Settings


def run(db: Database, settings: Settings, *, at: datetime) -> dict[str, int]:
    """Drop what is kept no longer at `at` (UTC), in one transaction; gives rows by table. Run again it finds nothing more."""
    return retention.drop(db, settings.accounts, settings.privacy, at=at)
