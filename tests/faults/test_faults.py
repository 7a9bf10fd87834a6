"""The short form of `make faults`: every module's few trials on every database; and the runner of the long form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import harness, records, runner, small_disk, table

FAULTS = harness.found()
PAIRS = [(fault, database) for fault in FAULTS.values() for database in fault.databases]


@pytest.mark.parametrize("name", harness.ALL)
def test_every_fault_of_the_list_has_a_module(name: str) -> None:
    assert name in FAULTS


@pytest.mark.parametrize(("fault", "database"), PAIRS, ids=[f"{fault.name}-{database}" for fault, database in PAIRS])
def test_the_service_survives(fault: harness.Fault, database: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    urls = {"none": "", "sqlite": f"sqlite:///{tmp_path / 'city.db'}"}
    url = urls[database] if database in urls else request.getfixturevalue("postgres_url")
    count = harness.count_of(fault.full, fault.short)
    for number, outcome in enumerate(harness.outcomes(fault, harness.Place(url, folder, 2026), 0, count)):
        if outcome.skipped:
            pytest.skip(f"{fault.name} on {database}: {outcome.skipped}")
        if outcome.failed is not None:
            raise AssertionError(f"{fault.name}:{database}:{number} failed") from outcome.failed


def test_every_module_says_what_it_demands_of_which_databases() -> None:
    for fault in FAULTS.values():
        assert fault.name in harness.ALL
        assert fault.file.name.startswith(f"f{int(fault.name[1:]):02d}_")
        assert fault.databases in (("none",), ("sqlite",), ("postgresql",), ("sqlite", "postgresql"))
        assert 0 < fault.short <= fault.full


@pytest.mark.parametrize(("asked", "count"), [("", 20), ("0.1", 1_000), ("200", 200), ("1", 1), ("1.0", 10_000), ("50000", 10_000)])
def test_the_setting_says_a_share_or_a_number(asked: str, count: int) -> None:
    assert harness.count_of(10_000, 20, asked) == count


# the runner, on modules made up here

MODULE = """
import os, pathlib, signal, time, unittest
FAULT, DEMAND, DATABASES, FULL, SHORT, LIMIT = "F1", "nothing is wrong", {databases!r}, {full}, 2, {limit}

def trials(place, first, count):
    assert not any(place.folder.iterdir())
    (place.folder / "set-up").touch()
    for number in range(first, first + count):
        {body}
        yield {{"number": number, "seed": place.seed}}
"""


@pytest.fixture
def faults(tmp_path: Path) -> Path:
    (folder := tmp_path / "modules").mkdir()
    return folder


def write(faults: Path, body: str, *, full: int = 6, databases: tuple[str, ...] = ("none",), limit: float = 60) -> None:
    (faults / "f01_made_up.py").write_text(MODULE.format(body=body, full=full, databases=databases, limit=limit))


def start(faults: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`make faults` on the made-up modules."""
    command = [sys.executable, "-m", "tests.faults", "--modules", str(faults), "--state", str(faults / "state"), "--only", "F1", *words]
    return subprocess.run(command, cwd=harness.HERE.parents[1], capture_output=True, text=True, timeout=120, check=False)


def trials(faults: Path) -> dict[int, str]:
    """The trials recorded, and what failed of them."""
    return {record.trial: record.failed for record in records.read(faults / "state").of("F1", "none")}


def test_a_trial_that_fails_is_reported_and_the_others_go_on(faults: Path) -> None:
    write(faults, "assert number not in (2, 4), f'two and two are not {number}'")
    done = start(faults)
    assert done.returncode == 1
    assert "F1:none:4 (seed 2026): AssertionError: two and two are not 4" in done.stdout
    failed = {2: "AssertionError: two and two are not 2", 4: "AssertionError: two and two are not 4"}
    assert trials(faults) == {number: failed.get(number, "") for number in range(6)}
    write(faults, "pass")
    again = start(faults, "--repeat", "F1:none:4")
    assert (again.returncode, again.stdout) == (0, "F1:none:4: passed {'number': 4.0, 'seed': 2026.0}\n")
    assert start(faults).returncode == 1, "trial 2 still stands as failed"
    assert start(faults, "--repeat", "failed").returncode == 0
    assert start(faults).returncode == 0


def test_nothing_failed_is_status_0_and_every_trial_is_counted_once(faults: Path) -> None:
    write(faults, "pass", databases=("sqlite", "postgresql"))
    done = start(faults, "--workers", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    kept = records.read(faults / "state")
    assert [[record.figures["number"] for record in kept.of("F1", database)] for database in ("sqlite", "postgresql")] == [[*range(6)]] * 2
    assert done.stdout.count("6 of 6") == 2


def test_a_process_that_dies_and_one_that_hangs_have_failed_their_trial(faults: Path) -> None:
    write(faults, "number == 1 and os.kill(os.getpid(), signal.SIGKILL); number == 3 and time.sleep(600)", full=5, limit=3)
    assert start(faults, "--workers", "1").returncode == 1
    assert trials(faults) == {0: "", 1: "its process ended with status -9", 2: "", 3: "not done after 3 seconds", 4: ""}


def test_a_run_broken_off_goes_on_with_the_next_trial(faults: Path) -> None:
    write(faults, "number == 3 and os.kill(os.getppid(), signal.SIGTERM) or number == 3 and time.sleep(600)")
    assert start(faults, "--workers", "1", "--trials", "5").returncode == 143
    file = faults / "state" / "trials.jsonl"
    assert sorted(trials(faults)) == [0, 1, 2]
    file.write_bytes(file.read_bytes() + b'{"fault": "F1", "data')
    write(faults, "pathlib.Path(__file__).with_name(f'ran-{number}').touch()")
    assert start(faults).returncode == 0
    assert sorted(ran.name for ran in faults.glob("ran-*")) == ["ran-3", "ran-4", "ran-5"]
    assert sorted(trials(faults)) == [0, 1, 2, 3, 4, 5]
    assert start(faults, "--fresh", "--share", "0.5").returncode == 0
    assert sorted(trials(faults)) == [0, 1, 2]


@pytest.mark.skipif(not small_disk.can_mount(), reason="nothing may be mounted here")
def test_a_disk_that_a_killed_trial_left_is_taken_away(faults: Path) -> None:
    leave = "from tests.faults.small_disk import Disk; d = Disk(place.folder / 'disk'); assert d.how == 'tmpfs'; "
    write(
        faults, leave + "pathlib.Path(__file__).with_name('left').write_text(str(d.folder)); os.kill(os.getpid(), signal.SIGKILL)", full=1
    )
    assert start(faults).returncode == 1
    left = (faults / "left").read_text()
    assert left not in Path("/proc/mounts").read_text()
    assert not Path(left).exists()


def test_what_another_version_found_says_so(faults: Path) -> None:
    write(faults, "pass", full=2)
    assert start(faults).returncode == 0
    file = faults / "state" / "trials.jsonl"
    old = [json.loads(line) | {"program": "0.0.9 abc"} for line in file.read_text().splitlines()[:1]]
    file.write_text("".join(json.dumps(line) + "\n" for line in [*old, json.loads(file.read_text().splitlines()[1])]))
    status = start(faults, "--status")
    assert status.returncode == 0
    assert "0.0.9 abc, " in " ".join(status.stdout.split())


def test_what_cannot_be_done_here_tells_why(faults: Path) -> None:
    write(faults, "raise unittest.SkipTest('no such disk')")
    done = start(faults)
    assert done.returncode == 0
    assert "skipped: no such disk" in done.stdout


def test_a_fault_without_a_module_and_trials_that_end_early_are_failures(faults: Path) -> None:
    assert start(faults).returncode == 1
    write(faults, "if number == 1: return", full=2)
    assert start(faults).returncode == 1
    assert trials(faults)[1] == "AssertionError: f01_made_up.py ended after 1 of 2 trials"


def test_a_run_in_the_background_is_followed_by_its_status(faults: Path) -> None:
    write(faults, "time.sleep(0.1)", full=4)
    assert start(faults, "--background").returncode == 0
    for _ in range(600):
        status = start(faults, "--status")
        if status.returncode == 0:
            break
    assert "4 of 4" in status.stdout


def test_tasks_cover_the_numbers_left_once_each(faults: Path) -> None:
    write(faults, "pass")
    fault = harness.load(faults / "f01_made_up.py")
    numbers = [0, 1, 2, 5, 6, 7, 8, 9, 30]
    found = runner.tasks(fault, "none", numbers, 1, 3)
    assert [number for task in found for number in range(task.first, task.first + task.count)] == numbers
    assert max(task.count for task in found) == 3


def test_a_table_row_is_sound_only_when_all_was_tried_and_none_failed(faults: Path) -> None:
    write(faults, "pass")
    fault = harness.load(faults / "f01_made_up.py")
    kept = [records.Record("F1", "none", number, 1, {"worst": number}, 1.5, "1") for number in range(3)]
    row = table.row(fault, "none", 3, kept)
    assert (row.sound, row.largest, row.seconds) == (True, {"worst": 2}, 4.5)
    assert not table.row(fault, "none", 4, kept).sound
    assert not table.row(fault, "none", 3, [*kept[:2], records.Record("F1", "none", 2, 1, {}, 1, "1", failed="no")]).sound
