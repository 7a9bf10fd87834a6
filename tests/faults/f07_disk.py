"""F7: disk full and folder read-only, at the database, the history, the inbox, backups and whatever is written into files.

Each trial does one act where something on its way is full (so many bytes are left) or read-only. It is refused in words that name the
place and what to do, what was there stays as it was, nothing unfinished lies about, and when there is room it is done; or it found room
enough, and all is there. What the inbox had loaded or refused before it had no room left stands, and the next run puts it away.
`small_disk` tells how a disk is made full.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pandas as pd

from jobs import cli
from ordering import sample
from tests.faults import contents, stores
from tests.faults.harness import Place
from tests.faults.small_disk import Disk

FAULT, DEMAND = "F7", "disk full, folder read-only: clear message, old data intact, goes on when freed"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 700, 8
REMEDY = r"free space|right to write|choose another"
SETTINGS = """
[database]
history_folder = "{files}/history"
[inbox]
folder = "{files}/inbox"
[nightly]
workers = 1
[forecast]
origins = 1
"""
MARKER = "_COMPLETE"
RECORD = {"runs", "run_steps"}
"""Where it is kept that a night was begun and failed."""
UNWANTED = re.compile("unfinished|stage|^.trueorder-backup")
SMALL = ("--retailers", "8", "--brands", "3", "--weeks", "12")


@dataclass(frozen=True)
class Act:
    """A command; `on` is the disk it writes to, `base` what the database holds before, `made` the files it makes in `out`.

    `replaces`: they may be there already. `goes_on`: it does what it is for even where it cannot write. `delivers`: which folder lies in
    the inbox before; `status`: how it ends when nothing is in its way.
    """

    name: str
    words: tuple[str, ...]
    on: str = "files"
    base: str = "planned"
    made: tuple[str, ...] = ()
    replaces: bool = True
    goes_on: bool = False
    delivers: str = ""
    status: int = 0


INIT, IMPORT, NIGHTLY, INBOX = ("init",), ("import", "{rest}/city"), ("nightly", "--date", "{cutoff}"), ("inbox", "run")
BASES = {"nothing": ("", ()), "empty": ("nothing", INIT), "loaded": ("empty", IMPORT), "planned": ("loaded", NIGHTLY)}
"""What a database may hold: what it held before, and the command that made the difference."""
ACTS = (
    Act("init", INIT, "store", "nothing"),
    Act("import", IMPORT, "store", "empty"),
    Act("import corrected", ("import", "{rest}/corrected"), "store", "loaded"),
    Act("inbox", INBOX, base="loaded", delivers="corrected"),
    Act("inbox, refused", INBOX, base="loaded", delivers="faulty", status=1),
    Act("inbox into a full database", INBOX, "store", "loaded", delivers="corrected"),
    Act("backup", ("backup", "create", "--to", "{out}/city.backup"), base="loaded", made=("city.backup",), replaces=False),
    Act("history", ("history", "rebuild"), base="loaded"),
    Act("sample", ("sample", "{out}/city", "--truth", "{out}/truth", *SMALL), base="empty", made=("city", "truth"), replaces=False),
    Act("nightly", NIGHTLY, "store", "loaded"),
    Act("nightly without history", NIGHTLY, base="loaded", goes_on=True),
    Act("publish", ("publish",), "store"),
    Act("withdraw", ("proposal", "withdraw", "1", "--by", "tester", "--why", "full"), "store"),
    Act("csv", ("export", "demand", "--to", "{out}/demand.csv"), made=("demand.csv",)),
    Act("parquet", ("export", "demand", "--to", "{out}/demand.parquet"), made=("demand.parquet",)),
    Act("xlsx", ("export", "demand", "--to", "{out}/demand.xlsx"), made=("demand.xlsx",)),
    Act("report", ("report", "--to", "{out}"), made=("index.html", "rates.xlsx")),
    Act("letter", ("letter", "{manufacturer}", "--to", "{out}/letter.xlsx"), made=("letter.xlsx",)),
)
"""The first few need no night, which takes seconds."""


@dataclass
class City:
    """The made-up city in a store, and the disk of files, where history and results lie."""

    store: stores.Store
    files: Disk
    rest: Path
    names: Mapping[str, object]
    needs: dict[str, int] = field(default_factory=dict)
    gist: dict[str, object] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.files.folder / "out"

    @property
    def inbox(self) -> Path:
        return self.files.folder / "inbox"

    def run(self, words: tuple[str, ...]) -> tuple[int, str]:
        """The status of a command and all that it says."""
        said = io.StringIO()
        given = ["--database", self.store.url, "--settings", str(self.rest / "settings.toml"), *(w.format(**self.names) for w in words)]
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                cli.main(given)
            except SystemExit as left:
                return int(left.code or 0), said.getvalue()
        return 0, said.getvalue()

    def disk(self, act: Act) -> Disk:
        return self.store.disk if act.on == "store" else self.files

    def hindered(self, act: Act, chance: random.Random) -> contextlib.AbstractContextManager[None]:
        """No room, or only some of what the act needs, or nothing can be written at all."""
        disk, kind = self.disk(act), chance.random()
        if kind < 0.25 and disk.can_be_read_only:
            return self.store.read_only() if act.on == "store" else disk.read_only()
        return disk.full(0 if kind < 0.5 else int(chance.random() ** 2 * 2 * self.needs[act.name]))

    def prepare(self, act: Act) -> None:
        """The state before the act: the database, no history, and old files where the act replaces them."""
        self._make(act.base)
        self.store.reset(act.base)
        for path in sorted(self.files.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.out.mkdir()
        for name in act.made if act.replaces else ():
            (self.out / name).write_bytes(b"old")
        if act.delivers:
            shutil.copytree(self.rest / act.delivers, self.inbox / "in" / "week")

    def _make(self, base: str) -> None:
        """Have the store keep what it is to hold, made once."""
        before, words = BASES[base]
        if base == "nothing" or base in self.store.kept:
            return
        self._make(before)
        self.store.reset(before)
        status, said = self.run(words)
        assert status == 0, said
        self.store.keep(base)

    def held(self) -> dict[str, str]:
        """All that is kept, hashed: tables, and files beside the derived history and the inbox."""
        files = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in self.out.rglob("*") if path.is_file()}
        return files | self.store.content()

    def litter(self) -> list[str]:
        """What nobody wants: unfinished files, staging folders, logs of errors that were not foreseen."""
        places = (self.files.folder, self.store.disk.folder, Path(tempfile.gettempdir()))
        every = [path for place in places for path in place.rglob("*")]
        return [str(path) for path in every if UNWANTED.search(path.name) or path.is_relative_to(places[2])]


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Act after act, each with less room than it needs, or where nothing can be written."""
    with _city(place) as city:
        for number in range(first, first + count):
            yield _trial(city, ACTS[number % len(ACTS)], random.Random(f"{place.seed} {number}"))


def _trial(city: City, act: Act, chance: random.Random) -> dict[str, float]:
    if act.name not in city.needs:
        _unhindered(city, act)
    city.prepare(act)
    before = city.held()
    with city.hindered(act, chance):
        status, said = city.run(act.words)
    assert city.litter() == [], f"{act.name} leaves {city.litter()}: {said}"
    assert "Traceback" not in said, said
    refused = status != act.status or bool(act.status and _gist(city, act, said) != city.gist[act.name])
    if refused:
        _refused(city, act, said, before)
        again, said = city.run(act.words)
        assert again in (0, act.status), f"{act.name} does not go on when there is room: {said}"
    assert _gist(city, act, said) == city.gist[act.name], f"{act.name} did something else than it does with room: {said}"
    return {"refused": float(refused), "needs kB": city.needs[act.name] / 1024}


def _refused(city: City, act: Act, said: str, before: dict[str, str]) -> None:
    """In words, naming the place and the remedy, and nothing has changed."""
    place = city.store.place if act.on == "store" else str(city.files.folder)
    assert not act.goes_on, said
    assert place in said, f"{act.name} names another place than {place}: {said}"
    assert re.search(REMEDY, said), f"{act.name} says no remedy: {said}"
    if act.delivers:
        _waits(city, act, before)
        return
    changed = {key for key, value in (before | city.held()).items() if before.get(key) != value} - RECORD
    assert not changed or act.base == "nothing", f"{act.name} was refused and changed {sorted(changed)}"


def _waits(city: City, act: Act, before: dict[str, str]) -> None:
    """A delivery is there with all its files, and what the database holds is as it was, or the delivery was taken in whole."""
    files = {path.name: path.read_bytes() for path in city.inbox.rglob("*") if path.is_file()}
    wanted = {path.name: path.read_bytes() for path in (city.rest / act.delivers).iterdir()}
    assert wanted.items() <= files.items(), f"{act.name} lost {sorted(wanted.items() - files.items())}"
    changed = {key for key, value in city.store.content().items() if before.get(key) != value} - {"inbox_waiting"}
    if changed:
        now, whole = contents.taken_in(city.store.url, city.inbox), city.gist[act.name]
        assert isinstance(whole, dict)
        assert now["city"] == whole["city"], f"{act.name} was refused and changed {sorted(changed)}"


def _unhindered(city: City, act: Act) -> None:
    """What an act needs of its disk, and what it makes, when nothing is in its way."""
    city.prepare(act)
    before = city.disk(act).used()
    status, said = city.run(act.words)
    assert status == act.status, said
    city.needs[act.name] = max(city.disk(act).used() - before, 1 << 16)
    city.gist[act.name] = _gist(city, act, said)


def _gist(city: City, act: Act, said: str) -> object:
    """What an act did, without times and ids."""
    if act.delivers:
        return contents.taken_in(city.store.url, city.inbox)
    if act.made:
        return {name: contents.of_file(city.out / name) for name in act.made}
    return re.findall(r"; hash \w+", said) or re.sub(r"\S*/\S*", "", said)


@contextmanager
def _city(place: Place) -> Iterator[City]:
    """The city beside an empty store; and a folder for temporary files, where whatever is left will show."""
    (rest := place.folder / "rest").mkdir()
    (temporary := place.folder / "temporary").mkdir()
    files = Disk(place.folder / "files")
    made = sample.write_city(rest / "city", retailers=10, brands=3, weeks=20, seed=5)
    manufacturer = _correct(rest / "city", rest / "corrected")
    names = {"rest": rest, "out": files.folder / "out", "cutoff": made.cutoff, "manufacturer": manufacturer}
    (rest / "settings.toml").write_text(SETTINGS.format(files=files.folder))
    try:
        with stores.opened(place.url, place.folder) as store, mock.patch.object(tempfile, "tempdir", str(temporary)):
            yield City(store, files, rest, names)
    finally:
        files.close()


def _correct(folder: Path, to: Path) -> str:
    """A folder with the order lines of `folder`, each asking for one carton more, and beside it one with a fault in each line.

    Gives a manufacturer of the city.
    """
    to.mkdir()
    (faulty := to.with_name("faulty")).mkdir()
    lines = pd.read_csv(folder / "order_lines.csv", dtype=str)
    lines["requested"] = (lines["requested"].astype(int) + 1).astype(str)
    lines.to_csv(to / "order_lines.csv", index=False)
    lines.assign(requested="-1").to_csv(faulty / "order_lines.csv", index=False)
    for one in (to, faulty):
        (one / MARKER).touch()
    return str(pd.read_csv(folder / "brands.csv")["manufacturer"][0])
