"""F9: fuzzed input files. Each trial damages a sound city's files, or a mapping, and loads them into a database that holds the city.

They are taken, or refused in words: what is refused names the file, the line where a cell is known to be wrong, and has changed nothing.
Whatever else is raised fails the trial, and so does more than a gigabyte of memory.
"""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files as resources
from pathlib import Path

import pyarrow as pa

from jobs import loading
from jobs.runs import quiet
from ordering import database, sample, settings
from ordering.errors import ImportRefusedError
from tests.faults import damage, stores
from tests.faults.harness import Place

FAULT, DEMAND = "F9", "fuzzed input files: no traceback, at most 1 GB, the line named, nothing changed"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 10_000, 10
LIMIT = 60
MOST_MB = 1_024
STANDARD_MB = 250
"""What the program itself takes with all its libraries; where a test's process is larger to begin with, the rest does not count."""
FOREIGN = {
    "stores.csv": "store,name,zip,city,latitude,longitude\n1,甲,50309,x,1.5,2.5\n2,乙,50310,y,,\n",
    "items.csv": "item,name,vendor,bottle_cost\n10,牌,厂,9.5\n11,牌二,厂,20\n",
    "lines.csv": "store,item,date,bottles\n1,10,2026-03-02,5\n1,11,2026-03-03,2\n2,10,2026-03-03,4\n2,10,2026-03-04,-1\n",
}


@dataclass
class City:
    """The city's sound files, the store that holds it, and the settings of the import."""

    store: stores.Store
    folder: Path
    files: Mapping[str, bytes]
    content: Mapping[str, str]
    rules: settings.Settings
    memory: float


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Folder after folder."""
    with _city(place) as city:
        for number in range(first, first + count):
            yield _trial(city, random.Random(f"{place.seed} {number}"))


def _trial(city: City, chance: random.Random) -> dict[str, float]:
    with _folder(city) as folder:
        done, mapping = _damaged(city, folder, chance)
        pa.default_memory_pool().release_unused()
        _reset_peak()
        try:
            refused = _load(city, folder, mapping)
        except Exception as error:
            raise AssertionError(f"{done.way}: {type(error).__name__}: {str(error)[:500]}") from error
        used = max(_peak() - city.memory, 0) + STANDARD_MB
        assert used <= MOST_MB, f"{done.way}: {used:.0f} MB"
        _judge(city, done, refused)
    return {"refused": float(bool(refused)), "MB": used}


def _damaged(city: City, folder: Path, chance: random.Random) -> tuple[damage.Damage, Path | None]:
    """A damaged folder, and the mapping to read it by where it is of a foreign layout."""
    if chance.random() < 0.08:
        iowa = resources("config").joinpath("mappings").joinpath("iowa.toml").read_text("utf-8").replace("lines.parquet", "lines.csv")
        text, done = damage.mapping(iowa, chance)
        _write(folder, {name: text.encode() for name, text in FOREIGN.items()})
        (mapping := folder.parent / "mapping.toml").write_bytes(text)
        return done, mapping
    found = dict(city.files)
    if chance.random() < 0.05:
        _write(folder, found)
        return damage.unlike_a_file(folder, chance), None
    way = chance.choices(list(damage.WAYS), list(damage.WAYS.values()))[0]
    done = way(found, chance)
    _write(folder, found)
    return done, None


def _load(city: City, folder: Path, mapping: Path | None) -> str:
    """What is said of a folder that is refused; "" of one that is taken. What is said can be printed."""
    db = database.connect(city.store.url)
    try:
        loaded = loading.load(db, folder, city.rules, mapping=mapping, by="tester", at=datetime(2026, 3, 2), progress=quiet)
        "\n".join(loaded.notes).encode()
        assert all(len(note) < 2_000 for note in loaded.notes), "a note that nobody can read"
        return ""
    except ImportRefusedError as error:
        said = str(error)
        said.encode()
    finally:
        db.engine.dispose()
    assert max(map(len, said.splitlines())) < 2_000, "a line that nobody can read"
    return said


def _judge(city: City, done: damage.Damage, refused: str) -> None:
    if not refused:
        city.store.reset("loaded")
        assert not done.told, f"{done.way} was taken; {done.told} was to be told"
        return
    lines = refused.splitlines()
    assert lines[-1].endswith("nothing was stored"), lines[-1]
    assert len(lines) > 1, "refused without saying why"
    for told in done.told:
        assert any(line.startswith(told) for line in lines), f"{done.way}: {told} is not told: {refused[:500]}"
    now = city.store.content()
    changed = sorted(name for name in now.keys() | city.content.keys() if now.get(name) != city.content.get(name))
    assert not changed, f"{done.way}: refused, and other: {changed}"


@contextmanager
def _folder(city: City) -> Iterator[Path]:
    (folder := city.folder / "damaged").mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)


@contextmanager
def _city(place: Place) -> Iterator[City]:
    sample.write_city(place.folder / "city", retailers=6, brands=3, weeks=10, seed=5)
    files = {path.name: path.read_bytes() for path in (place.folder / "city").iterdir()}
    rules = settings.load()
    with stores.opened(place.url, place.folder) as store:
        db = database.connect(store.url)
        database.migrate(db)
        loading.load(db, place.folder / "city", rules, mapping=None, by="tester", at=datetime(2026, 3, 2), progress=quiet)
        db.engine.dispose()
        store.keep("loaded")
        _reset_peak()
        city = City(store, place.folder, files, store.content(), rules, _peak())
        assert _load(city, place.folder / "city", None) == "", "the city that is damaged is not sound"
        yield city


def _reset_peak() -> None:
    """Have the system forget the most that this process has had in memory so far, where it can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """The most that this process has had in memory, in MB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
