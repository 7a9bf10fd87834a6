"""F8: deliveries cut off, half there, with keys twice, delivered again, and late ones, by `trueorder import` and by the inbox."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobs import loading
from jobs.runs import quiet
from ordering import database
from ordering.errors import Fault, ImportRefusedError
from tests import factories as f
from tests.jobs.deliveries import AT, CITY, contents, deliver, rules, run

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F8", "refused whole with line numbers, nothing changed; the same again changes nothing; a late one merges; counts add up"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 400, 8
BREAKS = ("cut", "missing", "repeated", "again", "late")


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Each trial damages a random delivery in one way, or repeats it, or brings an older week, by one of the two ways in."""
    db = database.connect(place.url)
    database.migrate(db)
    ways = {"import": ByCommand(db, place.folder), "inbox": ByInbox(db, place.folder)}
    assert ways["import"].bring("city", _texts(CITY)) is None
    for trial in range(first, first + count):
        by = ways[("import", "inbox")[trial % 2]]
        kind = BREAKS[trial // 2 % len(BREAKS)]
        yield _trial(db, by, kind, random.Random(f"{place.seed} {trial}"), f"t{trial}", is_inbox=trial % 2 == 1)
    db.engine.dispose()


def _trial(db: database.Database, by: Any, kind: str, chance: random.Random, name: str, *, is_inbox: bool) -> dict[str, float]:
    oldest = min(database.weeks_with_orders(db))
    fresh = _week(chance, name, oldest - timedelta(weeks=1) if kind == "late" else f.week(-1 - chance.randrange(8)))
    before = contents(db)
    texts = _texts(fresh)
    if kind in ("again", "late"):
        assert by.bring(name, texts) is None, f"{kind}: a sound delivery was refused"
        assert by.rows == {table: len(rows) for table, rows in fresh.items()}, f"{kind}: {by.rows} rows were counted"
        after = contents(db)
        assert after != before, f"{kind}: nothing was stored"
        assert by.bring(f"{name}-again", texts) is None
        assert contents(db) == after, "the same delivery again changed something"
        assert by.changed == 0
        return {"rows": float(sum(map(len, fresh.values()))), "faults": 0.0}
    DAMAGE[kind](texts, chance, is_inbox)
    faults = by.bring(name, texts)
    assert faults, f"{kind}: a damaged delivery was loaded"
    assert any(fault.line for fault in faults), f"{kind}: no line is named: {faults}"
    assert contents(db) == before, f"{kind}: something of a refused delivery was stored"
    return {"rows": 0.0, "faults": float(len(faults))}


def _week(chance: random.Random, name: str, week: date) -> dict[str, list[dict[str, Any]]]:
    """A delivery of one week: orders of new numbers, and the supply."""
    number = int(name[1:])
    lines = [
        f.line(retailer, brand, (asked := chance.randint(1, 20)), chance.randint(0, asked), order_date=week + timedelta(days=2))
        | {"order_id": f"{name}-{retailer}"}
        for retailer in ("R1", "R2", "R3")
        for brand in ("B1", "B2")
    ]
    available = [{"brand_id": brand, "week": week, "available": 1000 + number} for brand in ("B1", "B2")]
    return {"order_lines": lines, "supply": available}


def _texts(given: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    return {table: pd.DataFrame(rows).to_csv(index=False) for table, rows in given.items()}


def _cut(texts: dict[str, str], chance: random.Random, is_inbox: bool) -> None:
    """Cut order lines anywhere but at the end of a line. The command takes a last line that lacks only its end, and says so: cut deeper."""
    lines = texts["order_lines"].splitlines(keepends=True)
    keep = chance.randint(1, len(lines) - 1)
    last = lines[keep].rstrip("\n")
    most = len(last) if is_inbox else last.rindex(",")
    texts["order_lines"] = "".join(lines[:keep]) + last[: chance.randint(1, most)]


def _missing(texts: dict[str, str], chance: random.Random, is_inbox: bool) -> None:
    """Half of it is there: lines of a shop and a brand whose own files did not come."""
    other = chance.choice([("R1", "R77"), ("B1", "B77")])
    texts["order_lines"] = texts["order_lines"].replace(*other)


def _repeated(texts: dict[str, str], chance: random.Random, is_inbox: bool) -> None:
    """A key stands twice, the second time with other numbers."""
    table = chance.choice(sorted(texts))
    lines = texts[table].splitlines(keepends=True)
    texts[table] = "".join([*lines, lines[chance.randint(1, len(lines) - 1)]])


DAMAGE: Mapping[str, Callable[[dict[str, str], random.Random, bool], None]] = {"cut": _cut, "missing": _missing, "repeated": _repeated}


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for table, text in texts.items():
        (folder / f"{table}.csv").write_text(text, "utf-8")


class ByCommand:
    """What `trueorder import` does."""

    def __init__(self, db: database.Database, folder: Path) -> None:
        self.db, self.folder, self.given = db, folder / "folders", rules(folder)
        self.rows: dict[str, int] = {}
        self.changed = 0

    def bring(self, name: str, texts: Mapping[str, str]) -> tuple[Fault, ...] | None:
        """The faults of a folder, None where it was loaded."""
        _write(self.folder / name, texts)
        try:
            did = loading.load(self.db, self.folder / name, self.given, mapping=None, by="tester", at=AT, progress=quiet).tables
        except ImportRefusedError as error:
            return tuple(error.faults)
        self.rows = {table: count.rows for table, count in did.items()}
        self.changed = sum(count.new + count.changed for count in did.values())
        return None


class ByInbox(ByCommand):
    """The same by the watched folder."""

    def bring(self, name: str, texts: Mapping[str, str]) -> tuple[Fault, ...] | None:
        """The faults of a delivery, None where it was loaded or had been."""
        _write(deliver(self.given, name, {}), texts)
        (done,) = run(self.db, self.given)
        assert done.settled
        if done.state == "quarantined":
            report = self.given.inbox.folder + f"/refused/{done.delivery_id:06d}-{name}/report.txt"
            assert all(str(fault) in Path(report).read_text("utf-8") for fault in done.faults)
            return done.faults
        self.rows = {table: count.rows for table, count in done.counts.items()}
        self.changed = sum(count.new + count.changed for count in done.counts.values())
        return None
