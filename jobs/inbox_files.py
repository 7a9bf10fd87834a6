"""The folders of the inbox and what lies in them: deliveries are looked at, taken and put away by renaming, and nothing leaves the inbox.

`in/` is where others put deliveries; `working/` holds the one that is being loaded; `done/` and `refused/` those that were, each in a
folder of its own with its report. All four lie in one file system, so that a rename is whole or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ordering import storage
from ordering.errors import Fault, SettingsError

LONGEST_NAME = 60
FILES = "delivery"
"""Under which name a delivery lies beside its report."""


@dataclass(frozen=True)
class Rooms:
    """The inbox's folders."""

    folder: Path

    @property
    def incoming(self) -> Path:
        """Where others put deliveries."""
        return self.folder / "in"

    @property
    def working(self) -> Path:
        """Where a delivery lies while it is loaded."""
        return self.folder / "working"

    def place(self, state: str, delivery_id: int, name: str) -> Path:
        """Where a delivery is put away."""
        return self.folder / ("refused" if state == "quarantined" else "done") / f"{delivery_id:06d}-{name}"

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Only one process works in the inbox at a time; False where another does. Its death ends the lock.

        Raises TrueOrderError where the folder may not be written.
        """
        try:
            opened = (self.folder / ".lock").open("w")
        except OSError as error:
            raise storage.file_error(self.folder, error, "the inbox ") from error
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True


def opened(folder: str) -> Rooms:
    """The inbox, its folders made where they are missing. Raises SettingsError where none is set, or it cannot be used."""
    if not folder:
        raise SettingsError('inbox.folder: no folder is watched; set it, for example inbox.folder = "inbox"')
    rooms = Rooms(Path(folder))
    try:
        for room in ("in", "working", "done", "refused"):
            (rooms.folder / room).mkdir(parents=True, exist_ok=True)
        devices = {(rooms.folder / room).stat().st_dev for room in ("in", "working", "done", "refused")}
    except OSError as error:
        raise SettingsError(f"inbox.folder: {folder} cannot be used ({error.strerror}); choose another place") from error
    if len(devices) > 1:
        raise SettingsError(f"inbox.folder: the folders in, working, done and refused of {folder} must lie in one file system")
    return rooms


def plain(name: str) -> str:
    """A name from outside as it is used here: letters, digits and ._- only, short, not hidden; another name for another one."""
    if re.fullmatch(rf"[\w-][\w.-]{{0,{LONGEST_NAME - 1}}}", name) and name.isprintable():
        return name
    cleaned = re.sub(r"[^\w-]", "_", name)[: LONGEST_NAME - 9]
    shown = "".join(sign if sign.isprintable() else "_" for sign in cleaned)
    return f"{shown}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def entries(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, by name."""
    return sorted((entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=lambda entry: entry.name)


def signature(delivery: Path) -> str:
    """Names, sizes and times of what a delivery holds: equal as long as nobody writes to it."""
    found = [delivery, *(entries(delivery) if delivery.is_dir() and not delivery.is_symlink() else ())]
    stats = [(entry.name, entry.lstat()) for entry in found]
    return hashlib.sha256(json.dumps([(n, s.st_size, s.st_mtime_ns, s.st_ino) for n, s in stats[1:] or stats]).encode()).hexdigest()


def complete(
    deliveries: list[Path], before: dict[str, tuple[str, datetime]], *, marker: str, settle: timedelta, at: datetime
) -> tuple[list[Path], dict[str, tuple[str, datetime]]]:
    """Deliveries that are complete, and those that are to be waited for, each with its signature and since when that is so.

    Complete is what holds the marker, and what looks the same as it did `settle` ago by our clock, whatever the files' own times say.
    """
    ready, wait = [], {}
    for delivery in deliveries:
        try:
            now, is_marked = signature(delivery), (delivery / marker).is_file()
        except OSError:  # it is being moved or written just now
            continue
        seen, since = before.get(plain(delivery.name), ("", at))
        since = min(since, at) if seen == now else at
        if is_marked or at - since >= settle:
            ready.append(delivery)
        else:
            wait[plain(delivery.name)] = (now, since)
    return ready, wait


def strange(delivery: Path) -> list[Fault]:
    """What cannot be a delivery, or has no place in one: anything but plain files in a folder. Links are not followed."""
    if delivery.is_symlink() or not delivery.is_dir():
        return [Fault(delivery.name, 0, "", "", "is no folder; a delivery is a folder of csv or Parquet files")]
    kinds = {entry.name: entry.lstat().st_mode for entry in entries(delivery)}
    odd = [name for name, mode in kinds.items() if not stat.S_ISREG(mode)]
    return [Fault(plain(name), 0, "", "", "is no plain file; a delivery holds files only, no links and no folders") for name in odd]


def sums(delivery: Path, marker: str) -> dict[str, str]:
    """The SHA-256 of each file of a delivery, by name; the marker is none of them."""
    found = {}
    for entry in entries(delivery):
        if entry.name != marker:
            with entry.open("rb") as file:
                found[entry.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def digest(found: dict[str, str]) -> str:
    """One hash for the names and contents of all files."""
    named = sorted((name.encode("utf-8", "surrogateescape").hex(), value) for name, value in found.items())
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def against_marker(marker: Path, found: dict[str, str]) -> list[Fault]:
    """Where the marker holds sums as sha256sum writes them: files that are missing, differ, or are not named."""
    if not marker.is_file() or marker.stat().st_size > 2**20:
        return []
    lines = [(n, line) for n, line in enumerate(marker.read_text("utf-8-sig", "replace").splitlines(), 1) if line.strip()]
    faults, told = [], {}
    for number, line in lines:
        parts = re.fullmatch(r"([0-9a-fA-F]{64})\s+\*?(\S.*?)\s*", line)
        if parts is None:
            faults.append(Fault(marker.name, number, "", "", "is no checksum; write it as sha256sum does, or leave the file empty"))
            continue
        told[parts[2]] = number
        if found.get(parts[2]) is None:
            faults.append(Fault(marker.name, number, "", "", f"names {plain(parts[2])}, which is not there; deliver it as well"))
        elif found[parts[2]] != parts[1].lower():
            faults.append(Fault(plain(parts[2]), 0, "", "", f"differs from its checksum in {marker.name}: cut off or changed on its way"))
    if lines:
        missing = [name for name in found if name not in told]
        faults += [Fault(plain(name), 0, "", "", f"is not named in {marker.name}; give its checksum as well") for name in missing]
    return faults
