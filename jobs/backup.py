"""Backups: made with a name and by the clock, checked, rotated; and a database brought back from one, with its history."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jobs import loading
from jobs.clock import now
from jobs.nightly import version
from jobs.runs import Progress, quiet
from ordering import database
from ordering.database import audit, backup
from ordering.errors import TrueOrderError
from ordering.service_settings import BackupSettings
from ordering.settings import Settings

NAME = re.compile(r"trueorder-(?P<city>.+)-(?P<at>\d{8}T\d{6}Z)\.backup")
STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Made:
    """A backup that was written and checked, and the older ones that went for it."""

    file: Path
    manifest: backup.Manifest
    removed: tuple[Path, ...] = ()


def run(
    db: database.Database, settings: Settings, to: Path | None = None, *, clock: datetime | None = None, progress: Progress = quiet
) -> Made:
    """Write a backup into the file `to`; without one into the folder of the settings under a name of its own, where older ones are then
    rotated. `clock` is UTC. Raises TrueOrderError or StateError in words; nothing older goes before the new one was checked.
    """
    at, rules = clock or now(), settings.backup
    city = re.sub(r"[^\w.]+", "_", Path(str(db.url.database)).stem)
    file = to or Path(rules.folder) / f"trueorder-{city}-{at:{STAMP}}.backup"
    progress("backup", 0, 0)
    manifest = backup.write(db, file, program=version(), at=at, tools=rules.tools)
    gone = [] if to else superfluous(_of_city(rules, city), rules, ZoneInfo(settings.city.time_zone))
    for old in gone:
        old.unlink(missing_ok=True)
    return Made(file, manifest, tuple(gone))


def listed(settings: Settings) -> list[tuple[Path, backup.Manifest | None]]:
    """The backups in the folder of the settings, the newest first; None in the place of what a damaged one holds."""

    def held(file: Path) -> backup.Manifest | None:
        try:
            return backup.read_manifest(file)
        except TrueOrderError:
            return None

    files = sorted(Path(settings.backup.folder).glob("*.backup"), key=lambda file: file.name[-23:], reverse=True)
    return [(file, held(file)) for file in files]


def _of_city(rules: BackupSettings, city: str) -> list[Path]:
    named = ((file, NAME.fullmatch(file.name)) for file in Path(rules.folder).glob("*.backup"))
    return [file for file, found in named if found and found["city"] == city]


def superfluous(files: Iterable[Path], rules: BackupSettings, zone: ZoneInfo) -> list[Path]:
    """Which of `files` (named by `run`) may go: those that are not the newest of one of the last days, weeks or months to be kept.

    Days, weeks and months without a backup do not count; days are those of `zone`.
    """
    made = {file: _made_at(file).astimezone(zone) for file in files}
    ages: list[tuple[int, Callable[[datetime], Hashable]]] = [
        (rules.keep_daily, lambda at: at.date()),
        (rules.keep_weekly, lambda at: at.isocalendar()[:2]),
        (rules.keep_monthly, lambda at: (at.year, at.month)),
    ]
    newest_first = sorted(made, key=lambda file: made[file], reverse=True)
    kept: set[Path] = set(newest_first[:1])
    for count, age in ages:
        newest: dict[Hashable, Path] = {}
        for file in newest_first:
            newest.setdefault(age(made[file]), file)
        kept.update(list(newest.values())[:count])
    return [file for file in newest_first if file not in kept]


def _made_at(file: Path) -> datetime:
    found = NAME.fullmatch(file.name)
    assert found is not None
    return datetime.strptime(found["at"], STAMP).replace(tzinfo=UTC)


def restore(
    db: database.Database,
    settings: Settings,
    file: Path,
    *,
    history: Path,
    replace: bool = False,
    by: str,
    why: str = "",
    clock: datetime,
    progress: Progress = quiet,
) -> backup.Manifest:
    """Bring a database to what a backup holds: checked before, compared after, its schema brought up to date, its history made anew.

    An empty database, unless `replace`: then what it held is gone for good, and `why` must be said. It is audited. `clock` is UTC.
    """
    if not by.strip():
        raise TrueOrderError("by: say who restores")
    if replace and not why.strip():
        raise TrueOrderError("why: say why the database is replaced; all that it holds now is gone then")
    progress("restore", 0, 0)
    manifest = backup.restore(db, file, replace=replace, tools=settings.backup.tools)
    database.migrate(db)
    detail = f"schema {manifest.schema}, {manifest.rows:,} rows, made {manifest.made_at:%Y-%m-%d %H:%M}{'; ' if why else ''}{why.strip()}"
    with db.writing() as tx:
        audit.record(tx, action="backup.restore", subject=f"backup {file.name}", detail=detail, by=by.strip(), at=clock)
    loading.rebuild_history(db, history, progress)
    return manifest
