"""Backups: of one moment, checked, never in the place of another; and a city that comes back from one finds the same."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as within
from hypothesis import strategies as st

from jobs import backup as job
from jobs import cli, nightly
from ordering import database, frames, history, tables
from ordering.database import backup, pg_tools
from ordering.errors import StateError, TrueOrderError
from ordering.service_settings import BackupSettings
from ordering.settings import Settings
from tests import factories as f

AT = datetime(2026, 3, 2, 18, 30)
Made = tuple[Path, date]


@pytest.fixture
def other(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[database.Database]:
    """An empty database beside `url`."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        (tmp_path / "other").mkdir()
        yield database.connect(f"sqlite:///{tmp_path / 'other' / 'other.db'}")
        return
    name = f"{parsed.database}_o"
    engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        opened = database.connect(parsed.set(database=name).render_as_string(hide_password=False))
        yield opened
        opened.engine.dispose()
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def store(db: database.Database, retailer_id: str) -> None:
    database.store(db, {"retailers": f.table(frames.RETAILERS, [f.retailer(retailer_id)])}, folder="x", by="t", at=AT)


def shops(db: database.Database) -> list[str]:
    return sorted(row["retailer_id"] for row in db.rows(sa.select(tables.contract["retailers"].c.retailer_id)))


def test_a_city_brought_back_elsewhere_has_the_same_night(
    city: database.Database, other: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    first = nightly.run(city, made[1], rules, history=tmp_path / "h", clock=AT)
    done = job.run(city, rules, tmp_path / "b" / "one.backup", clock=AT)
    assert done.manifest.tables == backup.content_of(city)
    job.restore(other, rules, done.file, history=tmp_path / "h2", by="Li", clock=AT)
    assert {name: rows for name, rows in backup.content_of(other).items() if "audit" not in name} == {
        name: rows for name, rows in done.manifest.tables.items() if "audit" not in name
    }
    again = nightly.run(other, made[1], rules, history=tmp_path / "h2", clock=AT)
    assert (again.result_hash, again.run_id, again.stored) == (first.result_hash, first.run_id, False)
    weeks = database.weeks_with_orders(other)
    assert all(history.file_of(tmp_path / "h2", week, version).exists() for week, version in weeks.items())
    audit = other.rows(sa.select(tables.audit).order_by(tables.audit.c.audit_id.desc()))[0]
    assert (audit["action"], audit["by"], audit["subject"]) == ("backup.restore", "Li", "backup one.backup")
    other.engine.dispose()


def test_a_backup_made_while_others_write_is_of_one_moment(db: database.Database, rules: Settings, tmp_path: Path) -> None:
    store(db, "R0")
    end = threading.Event()

    def write() -> None:
        n = 1
        while not end.is_set():
            store(db, f"R{n}")
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [job.run(db, rules, tmp_path / f"{n}.backup", clock=AT) for n in range(3)]
    finally:
        end.set()
        writer.join()
    counts = [next(rows.rows for name, rows in one.manifest.tables.items() if name.endswith("retailers")) for one in made]
    assert counts == sorted(counts)
    for one in made:
        assert backup.check(one.file) == one.manifest


def test_a_database_that_holds_something_is_replaced_only_where_one_says_so_and_why(
    db: database.Database, rules: Settings, tmp_path: Path
) -> None:
    store(db, "R1")
    file = job.run(db, rules, tmp_path / "one.backup", clock=AT).file
    store(db, "R2")
    common = {"history": tmp_path / "h", "by": "Li", "clock": AT}
    with pytest.raises(StateError, match="is not empty; name an empty one, or give --replace, --by and --why"):
        job.restore(db, rules, file, **common)  # type: ignore[arg-type]
    with pytest.raises(TrueOrderError, match="why: say why the database is replaced"):
        job.restore(db, rules, file, replace=True, **common)  # type: ignore[arg-type]
    assert shops(db) == ["R1", "R2"]
    job.restore(db, rules, file, replace=True, why="R2 was a slip", **common)  # type: ignore[arg-type]
    assert shops(db) == ["R1"]
    store(db, "R3")
    assert shops(db) == ["R1", "R3"]


def test_no_backup_is_overwritten(db: database.Database, rules: Settings, tmp_path: Path) -> None:
    file = job.run(db, rules, tmp_path / "one.backup", clock=AT).file
    before = file.read_bytes()
    with pytest.raises(TrueOrderError, match="is there already, and no backup is ever overwritten"):
        job.run(db, rules, file, clock=AT)
    assert file.read_bytes() == before
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("harm", ["cut", "flipped", "row lost", "no zip"])
def test_a_damaged_backup_is_named_and_never_restored(db: database.Database, rules: Settings, tmp_path: Path, harm: str) -> None:
    for n in range(50):
        store(db, f"R{n}") if n % 10 == 0 else None
    file = job.run(db, rules, tmp_path / "one.backup", clock=AT).file
    spoil(file, harm)
    with pytest.raises(TrueOrderError, match=r"one\.backup: is damaged|one\.backup: is no backup, or a damaged one"):
        backup.check(file)
    with pytest.raises(TrueOrderError, match="damaged"):
        job.restore(db, rules, file, history=tmp_path / "h", replace=True, by="Li", why="x", clock=AT)
    assert len(shops(db)) == 5


def spoil(file: Path, harm: str) -> None:
    content = bytearray(file.read_bytes())
    if harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "flipped":
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)
    elif harm == "no zip":
        file.write_text("hello")
    else:
        with zipfile.ZipFile(file) as packed:
            parts = {name: packed.read(name) for name in packed.namelist()}
        said = parts["manifest.json"].decode()
        name = "retailers" if '"retailers"' in said else "public.retailers"
        at = said.index(f'"{name}"')
        parts["manifest.json"] = (said[:at] + said[at:].replace('"rows": 5', '"rows": 6', 1)).encode()
        with zipfile.ZipFile(file, "w") as packed:
            for member, value in parts.items():
                packed.writestr(member, value)


def test_a_backup_of_the_other_kind_says_what_to_name(db: database.Database, rules: Settings, tmp_path: Path, schema_file: Path) -> None:
    place = tmp_path / "lite"
    place.mkdir()
    shutil.copyfile(schema_file, place / "city.db")
    lite = database.connect(f"sqlite:///{place / 'city.db'}")
    file = job.run(lite, rules, tmp_path / "one.backup", clock=AT).file
    if db.url.get_backend_name() == "postgresql":
        with pytest.raises(StateError, match="is a backup of sqlite, and --database names one of postgresql; name one of sqlite"):
            job.restore(db, rules, file, history=tmp_path / "h", replace=True, by="Li", why="x", clock=AT)
    else:
        assert backup.read_manifest(file).kind == "sqlite"


def test_tools_that_are_too_old_are_named_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TrueOrderError, match=r"PostgreSQL 99 or newer are needed.*postgresql-client-99, or name their folder"):
        pg_tools.folder("", 99)
    with pytest.raises(TrueOrderError, match="and there is none"):
        pg_tools.folder(str(tmp_path), 1)


def test_an_sqlite_copy_in_use_is_replaced_under_its_readers_at_a_stroke(schema_file: Path, rules: Settings, tmp_path: Path) -> None:
    shutil.copyfile(schema_file, tmp_path / "city.db")
    db = database.connect(f"sqlite:///{tmp_path / 'city.db'}")
    store(db, "R1")
    file = job.run(db, rules, tmp_path / "one.backup", clock=AT).file
    store(db, "R2")
    with db.engine.connect().execution_options(reading=True) as reader:
        assert len(reader.execute(sa.select(tables.contract["retailers"])).all()) == 2
        job.restore(db, rules, file, history=tmp_path / "h", replace=True, by="Li", why="x", clock=AT)
        assert len(reader.execute(sa.select(tables.contract["retailers"])).all()) == 2
    assert shops(db) == ["R1"]
    with sqlite3.connect(tmp_path / "city.db") as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# rotation


def rules_of(daily: int, weekly: int, monthly: int) -> BackupSettings:
    return BackupSettings(folder="x", keep_daily=daily, keep_weekly=weekly, keep_monthly=monthly, tools="")


def named(at: datetime) -> Path:
    return Path(f"trueorder-city-{at:{job.STAMP}}.backup")


ZONE = ZoneInfo("Asia/Shanghai")
moments = st.sets(st.integers(0, 24 * 500).map(lambda hours: AT + timedelta(hours=hours)), min_size=1, max_size=60)
keeps = st.tuples(st.integers(1, 8), st.integers(0, 6), st.integers(0, 13))


@within(max_examples=200, deadline=None)
@given(moments, keeps)
def test_rotation_keeps_the_newest_and_nothing_twice(made: set[datetime], keep: tuple[int, int, int]) -> None:
    files = [named(at) for at in made]
    gone = set(job.superfluous(files, rules_of(*keep), ZONE))
    left = [file for file in files if file not in gone]
    assert named(max(made)) in left
    assert len(left) <= sum(keep)
    assert job.superfluous(left, rules_of(*keep), ZONE) == []
    days = {job._made_at(file).astimezone(ZONE).date() for file in files}
    assert {job._made_at(file).astimezone(ZONE).date() for file in left} >= set(sorted(days)[-keep[0] :])


def test_backups_of_a_hundred_days_leave_days_weeks_and_months() -> None:
    files = [named(AT + timedelta(days=n)) for n in range(100)]
    gone = set(job.superfluous(files, rules_of(7, 5, 12), ZONE))
    left = [job._made_at(file).astimezone(ZONE).date() for file in files if file not in gone]
    assert [str(day) for day in left] == [
        "2026-03-31", "2026-04-30", "2026-05-17", "2026-05-24", "2026-05-31", "2026-06-04", "2026-06-05", "2026-06-06", "2026-06-07",
        "2026-06-08", "2026-06-09", "2026-06-10",
    ]  # fmt: skip


def test_the_commands_tell_what_they_did(planned_city: database.Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").write_text(f'[backup]\nfolder = "{tmp_path / "kept"}"\nkeep_daily = 1\nkeep_weekly = 0\nkeep_monthly = 0\n')
    source = str(planned_city.url)
    assert say(source, tmp_path, "backup", "list") == 0
    assert "trueorder backup create makes one" in capsys.readouterr().out
    assert say(source, tmp_path, "backup", "create") == 0
    first = next((tmp_path / "kept").glob("*.backup"))
    assert f"{first} (" in capsys.readouterr().out
    assert say(source, tmp_path, "backup", "list") == 0
    assert "rows" in capsys.readouterr().out
    assert say(source, tmp_path, "backup", "check", str(first)) == 0
    assert "good; sqlite one.db, schema" in capsys.readouterr().out
    assert say(f"sqlite:///{tmp_path / 'new.db'}", tmp_path, "backup", "restore", str(first)) == 0
    assert "of" in capsys.readouterr().out
    assert say(source, tmp_path, "backup", "restore", str(first), "--replace") == 1
    assert "by: say who replaces the database" in capsys.readouterr().err


def say(url: str, folder: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--database", url, "--settings", str(folder / "s.toml"), *words])
    return int(ended.value.code or 0)
