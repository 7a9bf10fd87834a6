"""The inbox on both databases: deliveries are loaded whole and once, or put aside with a report, whatever happens in between."""

from __future__ import annotations

import csv
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import inbox, inbox_files, inbox_report
from ordering import database, tables
from ordering.database import alerts, deliveries
from ordering.errors import SettingsError, StateError
from tests.jobs.deliveries import AT, CITY, LATE, contents, deliver, rules, run

BAD = {"order_lines": [line | {"requested": -3} if n == 3 else line for n, line in enumerate(CITY["order_lines"])]}


def test_a_delivery_is_loaded_and_its_counts_add_up(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    deliver(given, "week-10", CITY)
    (done,) = run(db, given)
    assert (done.state, done.settled, done.name, done.notes) == ("loaded", True, "week-10", ())
    assert {name: count.rows for name, count in done.counts.items()} == {name: len(rows) for name, rows in CITY.items()}
    assert {name: count.new for name, count in done.counts.items()} == {name: len(rows) for name, rows in CITY.items()}
    place = Path(given.inbox.folder) / "done" / "000001-week-10"
    assert "48 rows = 48 new + 0 changed + 0 as they were / 48行 = 新增48" in (place / "report.txt").read_text("utf-8")
    assert sorted(path.name for path in (place / "delivery").iterdir()) == sorted([*(f"{name}.csv" for name in CITY), "_COMPLETE"])
    assert not list((Path(given.inbox.folder) / "in").iterdir())
    assert run(db, given) == []


def test_a_faulty_delivery_is_put_aside_with_every_fault_and_nothing_is_loaded(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    deliver(given, "first", CITY)
    run(db, given)
    before = contents(db)
    folder = deliver(given, "week-11", LATE | BAD)
    (folder / "supply.csv").write_text("brand_id,week,available\nB9,2026-02-23,=cmd\n")
    (done,) = run(db, given)
    assert (done.state, done.fault_count, contents(db)) == ("quarantined", 3, before)
    place = Path(given.inbox.folder) / "refused" / "000002-week-11"
    report = (place / "report.txt").read_text("utf-8")
    assert 'order_lines.csv:5: requested "-3"' in report
    assert "已拒收，3处错误" in report
    with (place / "faults.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(inbox_report.COLUMNS)
    assert {(row["file"], row["line"], row["value"]) for row in rows} >= {("order_lines.csv", "5", "-3"), ("supply.csv", "2", "'=cmd")}
    assert [alert["subject"] for alert in alerts.standing(db)] == ["week-11"]


def test_a_delivery_put_right_clears_its_alert(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    deliver(given, "week-10", CITY | BAD)
    assert [one.state for one in run(db, given)] == ["quarantined"]
    deliver(given, "week-10", CITY)
    assert [one.state for one in run(db, given)] == ["loaded"]
    assert alerts.standing(db) == []
    told = [row["kind"] for row in db.rows(sa.select(tables.notices.c.kind).order_by(tables.notices.c.notice_id))]
    assert told == ["alert_raised", "alert_cleared"]


def test_the_same_delivery_again_changes_nothing_not_even_after_a_correction(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    deliver(given, "week-10", CITY)
    corrected = {"order_lines": [CITY["order_lines"][0] | {"requested": 9, "allocated": 8}]}
    deliver(given, "week-10a", corrected)
    assert [one.state for one in run(db, given)] == ["loaded", "loaded"]
    before = contents(db)
    deliver(given, "again", CITY)
    (done,) = run(db, given)
    assert (done.state, contents(db)) == ("repeated", before)
    again = inbox.retry(db, given, "again", at=AT, by="Li")
    assert (again.state, again.counts["order_lines"].changed) == ("loaded", 1)
    assert contents(db) != before
    assert [row["action"] for row in db.rows(sa.select(tables.audit.c.action))] == ["inbox.retry"]


def test_a_late_week_merges_whatever_the_order(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    deliver(given, "1", CITY)
    run(db, given)
    deliver(given, "2-late", LATE)
    (done,) = run(db, given)
    assert done.counts["order_lines"].new == 2
    whole = {name: rows + LATE.get(name, []) for name, rows in CITY.items()}
    other = database.connect(f"sqlite:///{tmp_path / 'whole.db'}")
    database.migrate(other)
    once = rules(tmp_path / "other")
    deliver(once, "all", whole)
    run(other, once)
    assert contents(other) == contents(db)


def test_a_delivery_that_is_still_being_written_is_waited_for(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path, settle_seconds=60)
    folder = deliver(given, "week-10", CITY, marker=False)
    whole = (folder / "order_lines.csv").read_bytes()
    (folder / "order_lines.csv").write_bytes(whole[: len(whole) // 2])
    assert [run(db, given, seconds=second) for second in (0, 30)] == [[], []]
    (folder / "order_lines.csv").write_bytes(whole)
    assert [run(db, given, seconds=second) for second in (61, 120)] == [[], []]
    assert list(deliveries.waiting(db)) == ["week-10"]
    assert [one.state for one in run(db, given, seconds=121)] == ["loaded"]
    assert deliveries.waiting(db) == {}


def test_file_times_that_lie_make_nothing_complete(tmp_path: Path) -> None:
    folder = deliver(rules(tmp_path), "old", LATE, marker=False)
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    ready, wait = inbox_files.complete([folder], {}, marker="_COMPLETE", settle=timedelta(seconds=60), at=AT)
    assert (ready, list(wait)) == ([], ["old"])
    later = AT + timedelta(seconds=60)
    assert inbox_files.complete([folder], wait, marker="_COMPLETE", settle=timedelta(seconds=60), at=later)[0] == [folder]
    early = AT - timedelta(days=1)  # a clock set back: it is waited for anew, not for a day
    _, wait = inbox_files.complete([folder], wait, marker="_COMPLETE", settle=timedelta(seconds=60), at=early)
    assert wait["old"][1] == early


DIES = {
    "before the load": ("loading", "load"),
    "after the load, before the report": ("inbox_report", "write"),
    "after the move, before it is noted": ("deliveries", "settle"),
}


@pytest.mark.parametrize("point", DIES)
@pytest.mark.parametrize("bad", [False, True])
def test_a_delivery_is_handled_once_whenever_the_process_dies(
    db: database.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, bad: bool
) -> None:
    given = rules(tmp_path)
    deliver(given, "week-10", CITY | BAD if bad else CITY)
    module, name = DIES[point]

    class KilledError(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(getattr(inbox, module), name, killed)
        with pytest.raises(KilledError):
            run(db, given)
    run(db, given)
    (done,) = deliveries.find(db)
    assert (done.state, done.settled) == ("quarantined" if bad else "loaded", True)
    assert len(db.rows(sa.select(tables.imports))) == (not bad)
    place = Path(given.inbox.folder) / ("refused" if bad else "done") / "000001-week-10"
    assert (place / "report.txt").exists()
    assert (place / "delivery" / "order_lines.csv").exists()
    assert not list((Path(given.inbox.folder) / "working").iterdir())


def test_two_processes_load_a_delivery_once(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    for number in range(4):
        deliver(given, f"week-{number}", CITY | {"supply": [CITY["supply"][0] | {"available": number}]})
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.extend(run(db, given))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(db, given)
    assert sorted((one.name, one.state) for one in deliveries.find(db)) == [(f"week-{n}", "loaded") for n in range(4)]


def test_what_is_no_folder_of_plain_files_is_refused_and_nothing_outside_is_read(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    incoming = inbox_files.opened(given.inbox.folder).incoming
    secret = tmp_path / "secret.csv"
    secret.write_text("retailer_id\nR1\n")
    (incoming / "link").symlink_to(tmp_path)
    (incoming / "single.csv").write_text("x\n")
    for name, make in {
        "with-link": lambda folder: (folder / "retailers.csv").symlink_to(secret),
        "with-folder": lambda folder: (folder / "deeper").mkdir(),
        "with-pipe": lambda folder: os.mkfifo(folder / "retailers.csv"),
    }.items():
        (incoming / name).mkdir()
        (incoming / name / given.inbox.marker).touch()
        make(incoming / name)
    run(db, given)
    done = run(db, given, seconds=60) + [one for one in deliveries.find(db) if one.name.startswith("with-")]
    assert {one.name: one.state for one in done} == dict.fromkeys(
        ["link", "single.csv", "with-link", "with-folder", "with-pipe"], "quarantined"
    )
    assert secret.exists()


@pytest.mark.parametrize("name", ["\x1b[2J", "x..\\..\\y", "a b;rm -rf $HOME", "é" * 100, "=cmd()", "-rf", "名" * 40])
def test_names_from_outside_never_leave_the_inbox(db: database.Database, tmp_path: Path, name: str) -> None:
    given = rules(tmp_path)
    deliver(given, name, CITY)
    (done,) = run(db, given)
    assert done.state == "loaded"
    assert inbox_files.plain(done.name) == done.name
    assert [path.name for path in (Path(given.inbox.folder) / "done").iterdir()] == [f"000001-{done.name}"]
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("city.db")) == ["inbox"]


@given(st.text(min_size=1, max_size=120))
@settings(max_examples=200, deadline=None)
def test_a_plain_name_is_short_stays_itself_and_names_no_other_folder(name: str) -> None:
    plain = inbox_files.plain(name)
    assert inbox_files.plain(plain) == plain
    assert len(plain.encode()) <= 255 - len("000001-")
    assert not set(plain) & set("/\\\0") and plain.isprintable() and not plain.startswith(".")  # noqa: PT018


@given(st.sets(st.text(min_size=1, max_size=8), min_size=2, max_size=20))
@settings(max_examples=200, deadline=None)
def test_two_names_stay_two(names: set[str]) -> None:
    assert len({inbox_files.plain(name) for name in names}) == len(names)


def test_checksums_in_the_marker_are_held_against_the_files(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    folder = deliver(given, "week-10", CITY)
    sums = inbox_files.sums(folder, given.inbox.marker)
    lines = [f"{value}  {name}" for name, value in sums.items() if name != "supply.csv"]
    (folder / "_COMPLETE").write_text("\n".join([*lines, f"{'0' * 64} *gone.csv", "nonsense"]))
    whole = (folder / "order_lines.csv").read_text().splitlines(keepends=True)
    (folder / "order_lines.csv").write_text("".join(whole[:-5]))  # cut at the end of a line: the file alone does not show it
    (done,) = run(db, given)
    told = "\n".join(map(str, done.faults))
    assert (done.state, done.fault_count) == ("quarantined", 4)
    for said in ("order_lines.csv: differs from its checksum", "names gone.csv, which is not there", "_COMPLETE:5: is no checksum"):
        assert said in told
    assert "supply.csv: is not named" in told
    deliver(given, "whole", CITY)
    (Path(given.inbox.folder) / "in" / "whole" / "_COMPLETE").write_text("".join(f"{value}  {name}\n" for name, value in sums.items()))
    assert [one.state for one in run(db, given)] == ["loaded"]


def test_a_retry_takes_up_what_was_refused(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    deliver(given, "week-10", CITY | BAD)
    run(db, given)
    refused = Path(given.inbox.folder) / "refused" / "000001-week-10" / "delivery" / "order_lines.csv"
    refused.write_text(refused.read_text().replace("-3", "3"))
    with pytest.raises(StateError, match='there is no delivery "nobody"; trueorder inbox list'):
        inbox.retry(db, given, "nobody", at=AT, by="Li")
    assert inbox.retry(db, given, "1", at=AT, by="Li").state == "quarantined"  # 4 were given of 3
    refused = Path(given.inbox.folder) / "refused" / "000002-week-10" / "delivery" / "order_lines.csv"
    refused.write_text(refused.read_text().replace(",3,4\n", ",5,4\n"))
    assert inbox.retry(db, given, "week-10", at=AT, by="Li").state == "loaded"
    with pytest.raises(StateError, match="was loaded; deliver it anew"):
        inbox.retry(db, given, "week-10", at=AT, by="Li")


def test_a_delivery_that_breaks_the_import_does_not_stop_those_behind_it(
    db: database.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rules(tmp_path)
    deliver(given, "1", CITY)
    deliver(given, "2", CITY | {"supply": LATE["supply"]})
    whole = inbox.loading.load

    def breaks(db: Any, folder: Path, *more: Any, **named: Any) -> Any:
        if folder.name == "1":
            raise ZeroDivisionError("secret of the code")
        return whole(db, folder, *more, **named)

    monkeypatch.setattr(inbox.loading, "load", breaks)
    assert [(one.name, one.state) for one in run(db, given)] == [("1", "quarantined"), ("2", "loaded")]
    assert "secret" not in str(deliveries.find(db, name="1")[0].faults)


def test_a_delivery_written_to_while_it_is_read_waits_again(db: database.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = rules(tmp_path)
    deliver(given, "week-10", CITY)
    store = database.store

    def late(*more: Any, **named: Any) -> Any:
        with (Path(given.inbox.folder) / "working" / "week-10" / "supply.csv").open("a") as file:
            file.write("B2,2026-02-23,5\n")
        return store(*more, **named)

    with monkeypatch.context() as patched:
        patched.setattr(database, "store", late)
        assert run(db, given) == []
    assert db.rows(sa.select(tables.imports)) == []
    assert [one.counts["supply"].new for one in run(db, given)] == [2]


def test_no_folder_set_is_told_with_the_remedy(db: database.Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'^inbox.folder: no folder is watched; set it, for example inbox.folder = "inbox"$'):
        run(db, rules(tmp_path).model_copy(update={"inbox": rules(tmp_path).inbox.model_copy(update={"folder": ""})}))


def test_parquet_is_delivered_too(db: database.Database, tmp_path: Path) -> None:
    given = rules(tmp_path)
    deliver(given, "week-10", CITY, format="parquet")
    assert [one.state for one in run(db, given)] == ["loaded"]


def test_the_watch_goes_on_after_an_error(db: database.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = rules(tmp_path, poll_seconds=1)
    deliver(given, "week-10", CITY)
    monkeypatch.setattr(inbox.time, "sleep", lambda _: None)
    told: list[Any] = []
    whole, calls = inbox.run, []

    def first_fails(*more: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise StateError("the database is away")
        return whole(*more, **named)

    monkeypatch.setattr(inbox, "run", first_fails)
    inbox.watch(db, given, by="tester", tell=told.append, rounds=3)
    assert ([one.state for one in told], len(calls)) == (["loaded"], 3)
