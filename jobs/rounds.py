"""What the leading scheduler does over and over, beside what is due at its time: it looks into the inbox, sends notices and looks for
alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from jobs import alerts, inbox, outbox
from ordering.database import Database
from ordering.settings import Settings

BY = "scheduler"
Round = Callable[[Database, Settings, datetime], str]
"""Given the present (UTC), says in words what it did; empty where there was nothing to do."""


def look_into_inbox(db: Database, settings: Settings, at: datetime) -> str:
    """Load or refuse the deliveries that are complete, where a folder is watched."""
    if not settings.inbox.folder:
        return ""
    return "; ".join(f"{one.name} {one.state}" for one in inbox.run(db, settings, at=at, by=BY))


def send_notices(db: Database, settings: Settings, at: datetime) -> str:
    """Send the notices that are due."""
    done = outbox.deliver(db, settings, now=lambda: at)
    return f"{done.delivered} delivered, {done.failed} to be tried again, {done.dead} given up" if any(vars(done).values()) else ""


def look_for_alerts(db: Database, settings: Settings, at: datetime) -> str:
    """Raise and clear what can be seen from outside."""
    standing = alerts.check(db, settings, at)
    return f"{standing} standing" if standing else ""


ROUNDS: Mapping[str, Round] = {"inbox": look_into_inbox, "notices": send_notices, "alerts": look_for_alerts}
