"""Doing what only one may do at a time: a lease that is taken, kept alive by a thread while it is held, and given back."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from jobs.runs import Progress
from ordering.database import Database, leases
from ordering.database.leases import Lease, StaleLeaseError
from ordering.errors import StateError

NIGHT, PUBLISHING, IMPORTING = "nightly:{}", "publish", "import"
"""Names of the leases of acts; that of a night takes its business date."""
RENEWALS = 4
"""How often a lease is renewed within its time."""


class HeldError(StateError):
    """Somebody else is at it."""


def myself() -> str:
    """This holder: host, process and a word of its own, so that a process number given twice is not mistaken."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


_own: set[str] = set()
"""The holders that this process is now."""


def is_gone(holder: str) -> bool:
    """True for a holder of this host that has ended without giving its lease back: killed, or with no room to write that it ends.

    It need not be waited for. Where this should be wrong, two hosts of one name say, the fence refuses what the older one writes.
    """
    host, _, process = holder.partition("/")
    number = process.partition("/")[0]
    if host != socket.gethostname() or not number.isdecimal():
        return False
    return holder not in _own if int(number) == os.getpid() else not _is_alive(int(number))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


@dataclass
class Held:
    """A lease held, renewed from a thread every quarter of its time until `end`, or until it is `lost`."""

    db: Database
    lease: Lease
    seconds: float
    doing: str = ""
    lost: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> Held:
        """Begin to renew it."""
        self.thread = threading.Thread(target=self._renew, name=f"lease {self.lease.name}", daemon=True)
        self.thread.start()
        return self

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self.lost.is_set() and not self.ended.wait(self.seconds / RENEWALS):
            asked = time.monotonic()
            try:
                if not leases.renew(self.db, self.lease, self.seconds, self.doing):
                    self.lost.set()
                renewed = asked
            except Exception:  # the database does not answer: what cannot be renewed in its time is lost
                if time.monotonic() - renewed > self.seconds:
                    self.lost.set()

    def check(self) -> None:
        """Raise StaleLeaseError where it was lost."""
        if self.lost.is_set():
            raise StaleLeaseError(f"lease {self.lease.name}: it could not be renewed in time, so somebody else may hold it; stopped")

    def watching(self, progress: Progress) -> Progress:
        """`progress` that stops at the next step where the lease was lost."""

        def tell(what: str, done: int, total: int) -> None:
            self.check()
            progress(what, done, total)

        return tell

    def guard(self, tx: Any) -> None:
        """Refuse a write under a lease that was lost; see Lease.guard."""
        self.check()
        self.lease.guard(tx)

    def end(self) -> None:
        """Give it back."""
        self.ended.set()
        if self.thread is not None:
            self.thread.join(self.seconds)
        _own.discard(self.lease.holder)
        with suppress(Exception):  # it runs out by itself
            leases.release(self.db, self.lease)


def take(db: Database, name: str, seconds: float) -> Held | None:
    """Take a lease and keep it alive; None where somebody holds it."""
    _own.add(holder := myself())
    try:
        lease = leases.take(db, name, holder=holder, seconds=seconds, is_gone=is_gone)
    except BaseException:
        _own.discard(holder)
        raise
    if lease is None:
        _own.discard(holder)
        return None
    return Held(db, lease, seconds).start()


@contextmanager
def alone(db: Database, name: str, seconds: float, what: str) -> Iterator[Held]:
    """Hold a lease while the block runs. Raises HeldError, in words, where somebody else is at `what`."""
    held = take(db, name, seconds)
    if held is None:
        who = leases.holder_of(db, name)
        raise HeldError(f"{what}: {who or 'somebody else'} is at it; nothing was done here. Wait until it is done, or end that process")
    try:
        yield held
    finally:
        held.end()
