"""Sending what stands in the outbox: at least once, in order, again after growing pauses, and left for a person in the end."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import clock, logs
from jobs.channels import Channel, SendError, configured
from ordering.database import Database, outbox
from ordering.service_settings import NoticeSettings
from ordering.settings import Settings

SPARE = 30.0
"""Seconds by which a lease is longer than a sending may take."""
log = logs.log(__name__)


@dataclass(frozen=True)
class Round:
    """What a round of sending came to, in notices times channels; `dead`: given up in this round."""

    delivered: int
    failed: int
    dead: int


def deliver(
    db: Database, settings: Settings, *, channels: list[Channel] | None = None, now: Callable[[], datetime] = clock.now, most: int = 10_000
) -> Round:
    """Send every notice that is due. `channels`: those of the settings unless given. Raises SettingsError where a secret is missing."""
    ways = {way.name: way for way in (configured(settings) if channels is None else channels)}
    audiences = {name: way.audiences for name, way in ways.items()}
    rules, me = settings.notices, f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    done = {"delivered": 0, "failed": 0, "dead": 0}
    for _ in range(most if ways else 0):
        at = now()
        fresh = at - timedelta(days=rules.fresh_days)
        claimed = outbox.claim(db, audiences, holder=me, at=at, seconds=rules.send_seconds + SPARE, fresh_since=fresh)
        if claimed is None:
            break
        done[_send(db, ways[claimed.channel], claimed, rules, now)] += 1
    outbox.thin(db, before=now() - timedelta(days=rules.keep_days))
    return Round(**done)


def _send(db: Database, way: Channel, claimed: outbox.Claim, rules: NoticeSettings, now: Callable[[], datetime]) -> str:
    """Send one claimed notice; gives `delivered`, `failed` or `dead`."""
    notice = claimed.notice
    about = {"notice": notice.notice_id, "kind": notice.kind, "channel": way.name, "attempt": claimed.attempts + 1}
    try:
        way.send(notice)
    except SendError as error:
        last = claimed.attempts + 1 >= rules.attempts
        again = None if last else now() + pause(claimed.attempts + 1, rules)
        outbox.failed(db, claimed, error=str(error), at=now(), again_at=again)
        log.error("notice given up" if last else "notice not received", error=str(error), **about)
        return "dead" if last else "failed"
    outbox.delivered(db, claimed, at=now())
    log.info("notice delivered", readers=len(notice.readers), **about)
    return "delivered"


def pause(failures: int, rules: NoticeSettings) -> timedelta:
    """How long to wait after so many failures in a row: four times as long each time, up to the longest."""
    growing = rules.first_pause_seconds * 4 ** min(failures - 1, 20)
    return timedelta(seconds=min(growing, rules.longest_pause_hours * 3600))
