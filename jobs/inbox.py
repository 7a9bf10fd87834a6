"""The inbox: a folder watched for deliveries. Each is loaded whole, or put aside with a report; the same content is loaded once.

A delivery is taken by a rename, loaded by the import that `trueorder import` is, and recorded in the transaction that loads it. Whoever
dies in between leaves it in `working/`, and the next run tells by the record whether it was loaded.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jobs import clock, inbox_files, inbox_report, loading, logs
from jobs.inbox_files import FILES, Rooms
from jobs.runs import quiet
from ordering import storage
from ordering.database import Database, Stored, alerts, deliveries, is_database_error
from ordering.database.deliveries import LOADED, QUARANTINED, REPEATED, Delivery
from ordering.errors import Fault, ImportRefusedError, StateError, TrueOrderError
from ordering.notices import Alert, alert_words
from ordering.settings import Settings

log = logs.log(__name__)


class _LoadedBeforeError(Exception):
    """The same content was loaded by an earlier delivery."""


class _WrittenToError(Exception):
    """Somebody wrote to the delivery while it was read."""


def run(db: Database, settings: Settings, *, at: datetime, by: str) -> list[Delivery]:
    """Take up every delivery that is complete; gives what became of each. `at` is UTC. Nothing where another process is at it.

    Raises SettingsError where no folder is set or it cannot be used; what is no fault of a delivery (database, disk, mapping) is raised
    too, and the delivery is taken up again by the next run.
    """
    rooms = inbox_files.opened(settings.inbox.folder)
    with rooms.locked() as alone:
        if not alone:
            log.info("inbox is being worked on by another process")
            return []
        _settle_rest(db, rooms)
        rules = settings.inbox
        waited = deliveries.waiting(db)
        came = inbox_files.entries(rooms.incoming)
        ready, wait = inbox_files.complete(came, waited, marker=rules.marker, settle=timedelta(seconds=rules.settle_seconds), at=at)
        deliveries.keep_waiting(db, wait)
        left = inbox_files.entries(rooms.working)
        taken = [*left, *(path for path in (_taken(rooms, delivery) for delivery in ready) if path)]
        found = [_handle(db, settings, rooms, delivery, at=at, by=by) for delivery in taken]
        return [one for one in found if one is not None]


def _taken(rooms: Rooms, delivery: Path) -> Path | None:
    """The delivery, moved to where it is loaded; None where that cannot be, or one of its name lies there still."""
    target = rooms.working / inbox_files.plain(delivery.name)
    if target.exists():
        return None
    try:
        return delivery.rename(target)
    except OSError as error:
        log.warning("delivery cannot be taken", name=delivery.name, error=str(error))
        return None


def _handle(db: Database, settings: Settings, rooms: Rooms, path: Path, *, at: datetime, by: str, again: bool = False) -> Delivery | None:
    """Load a delivery that lies in `working`, or put it aside; None where somebody still wrote to it, and it waits again."""
    with logs.bound(delivery=path.name):
        faults = inbox_files.strange(path)
        sums = {} if faults else inbox_files.sums(path, settings.inbox.marker)
        faults = faults or inbox_files.against_marker(path / settings.inbox.marker, sums)
        digest = inbox_files.digest(sums) if sums else ""
        try:
            if faults:
                raise ImportRefusedError(faults)
            done = _load(db, settings, path, digest, at=at, by=by, again=again)
        except _LoadedBeforeError:
            with db.writing() as tx:
                done = deliveries.record(tx, name=path.name, digest=digest, state=REPEATED, at=at, by=by)
                alerts.clear(tx, kind=Alert.INBOX_QUARANTINED, subject=path.name, at=at)
        except _WrittenToError:
            path.rename(rooms.incoming / path.name)
            return None
        except ImportRefusedError as error:
            faults = list(error.faults)
            done = _quarantine(db, path.name, digest, faults, getattr(error, "count", len(faults)), at=at, by=by)
        except Exception as error:  # one delivery that nobody foresaw must not stop those behind it
            if isinstance(error, TrueOrderError | OSError) or is_database_error(error):
                raise
            log.exception("delivery stopped the import")
            faults = [Fault(path.name, 0, "", "", f"stopped the import ({type(error).__name__}); the log has the details")]
            done = _quarantine(db, path.name, digest, faults, 1, at=at, by=by)
        return _settle(db, rooms, found(db, str(done)), faults)


def _load(db: Database, settings: Settings, path: Path, digest: str, *, at: datetime, by: str, again: bool) -> int:
    """Import a delivery and record it in the same transaction; gives its id."""
    before, ids = inbox_files.signature(path), []

    def unless_loaded(tx: Any) -> None:
        if not again and deliveries.loaded_as(tx, digest) is not None:
            raise _LoadedBeforeError

    def beside(notes: tuple[str, ...], tx: Any, counts: Mapping[str, Stored]) -> None:
        deliveries.lock(tx)
        unless_loaded(tx)
        if inbox_files.signature(path) != before:
            raise _WrittenToError
        worth = [note for note in notes if not note.startswith(f"{settings.inbox.marker} ")]  # the marker is no file of a city
        ids.append(deliveries.record(tx, name=path.name, digest=digest, state=LOADED, counts=counts, notes=worth, at=at, by=by))
        alerts.clear(tx, kind=Alert.INBOX_QUARANTINED, subject=path.name, at=at)

    with db.writing() as tx:
        unless_loaded(tx)
    mapping = Path(settings.inbox.mapping) if settings.inbox.mapping else None
    try:
        loading.load(db, path, settings, mapping=mapping, by=by, at=at, progress=quiet, whole_lines=True, beside=beside)
    except ImportRefusedError:
        if inbox_files.signature(path) != before:
            raise _WrittenToError from None
        raise
    return ids[0]


def _quarantine(db: Database, name: str, digest: str, faults: Sequence[Fault], count: int, *, at: datetime, by: str) -> int:
    """Record a refused delivery and raise the alert of it; gives its id."""
    with db.writing() as tx:
        words = alert_words(Alert.INBOX_QUARANTINED, name=name, faults=count)
        alerts.raise_(tx, kind=Alert.INBOX_QUARANTINED, subject=name, words=words, at=at)
        return deliveries.record(tx, name=name, digest=digest, state=QUARANTINED, faults=faults, fault_count=count, at=at, by=by)


def _settle(db: Database, rooms: Rooms, done: Delivery, faults: Sequence[Fault]) -> Delivery:
    """Put a delivery away beside its report, which is there whole or not at all; TrueOrderError where there is no room for it."""
    place, path = rooms.place(done.state, done.delivery_id, done.name), rooms.working / done.name
    try:
        with storage.adding(place) as (unfinished,):
            inbox_report.write(unfinished, done, faults)
        path.rename(place / FILES)
    except OSError as error:
        what = f'delivery "{done.name}" is {done.state} and is put away by the next run; its report '
        raise storage.file_error(place, error, what) from error
    deliveries.settle(db, done.delivery_id)
    counts = {name: f"{did.new} new, {did.changed} changed, {did.same} same" for name, did in done.counts.items()}
    log.info("delivery", state=done.state, id=done.delivery_id, faults=done.fault_count, tables=counts)
    return replace(done, settled=True)


def _settle_rest(db: Database, rooms: Rooms) -> None:
    """Put away what was recorded by a run that died before it could."""
    for done in reversed(deliveries.find(db, settled=False)):
        if (rooms.working / done.name).exists():
            _settle(db, rooms, done, done.faults)
        else:
            deliveries.settle(db, done.delivery_id)


def retry(db: Database, settings: Settings, name: str, *, at: datetime, by: str) -> Delivery:
    """Take up once more what was refused, or not loaded since the same had been; audited. StateError where there is none of that name."""
    if not by.strip():
        raise TrueOrderError("by: say who does this")
    rooms = inbox_files.opened(settings.inbox.folder)
    with rooms.locked() as alone:
        if not alone:
            raise StateError("another process is working on the inbox; try again in a moment")
        _settle_rest(db, rooms)
        last = found(db, name)
        path = rooms.place(last.state, last.delivery_id, last.name) / FILES
        if last.state == LOADED or not path.exists():
            what = "was loaded" if last.state == LOADED else "its files are gone"
            raise StateError(f'delivery "{name}": {what}; deliver it anew, or load a folder by trueorder import')
        taken = rooms.working / last.name
        if taken.exists():
            raise StateError(f'delivery "{name}": another of that name is being loaded; try again in a moment')
        deliveries.note_retry(db, last, by=by.strip(), at=at)
        done = _handle(db, settings, rooms, path.rename(taken), at=at, by=by.strip(), again=True)
    if done is None:
        raise StateError(f'delivery "{name}": somebody is writing to it; it waits in the inbox again')
    return done


def found(db: Database, name: str) -> Delivery:
    """The delivery of a number, or the newest of a name. Raises StateError where there is none."""
    by_number = deliveries.by_id(db, int(name)) if re.fullmatch(r"[0-9]{1,9}", name) else None
    every = [by_number] if by_number else deliveries.find(db, name=name, most=1)
    if not every:
        raise StateError(f'there is no delivery "{name}"; trueorder inbox list shows those there are')
    return every[0]


def watch(db: Database, settings: Settings, *, by: str, tell: Callable[[Delivery], None], rounds: int | None = None) -> None:
    """Look again and again, until interrupted (or `rounds` times); what is no fault of a delivery goes into the log, and is tried again."""
    inbox_files.opened(settings.inbox.folder)
    done = 0
    while rounds is None or done < rounds:
        try:
            for one in run(db, settings, at=clock.now(), by=by):
                tell(one)
        except (TrueOrderError, OSError) as error:
            log.error("inbox", error=str(error))
        done += 1
        if rounds is None or done < rounds:
            time.sleep(settings.inbox.poll_seconds)
