"""`trueorder scheduler --status`: who leads, what is next and what was last, in the city's time and in UTC."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

from jobs import leasing, schedule_words
from jobs.scheduler import LEADER
from ordering import database
from ordering.database import ledger
from ordering.schedule import State
from ordering.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 9, 6, 18, 0)
"""02:00 on the 7th in Shanghai."""


def told(db: database.Database, rules: Settings) -> list[str]:
    return list(schedule_words.lines(db, rules, NOW))


def test_what_is_next_is_told_in_both_times_and_words(db: database.Database, rules: Settings) -> None:
    lines = told(db, rules.model_copy(update={"schedule": rules.schedule.model_copy(update={"backup": ""})}))
    assert lines[0] == "scheduler 调度: none has ever run; start it: trueorder serve, or trueorder scheduler"
    assert lines[1] == "nightly 夜间作业: every day at 01:30"
    assert lines[2] == "  next 下次 2026-09-08: 2026-09-08 01:30:00 Asia/Shanghai (2026-09-07 17:30:00 UTC), in 23 h 30 min"
    assert "report 总部报告: first mon of each month at 06:00" in lines
    assert "  next 下次 2026-09-07: 2026-09-07 06:00:00 Asia/Shanghai (2026-09-06 22:00:00 UTC), in 4 h 0 min" in lines
    assert "backup 备份: never; schedule.backup is empty" in lines


def test_what_was_last_is_told_with_what_a_person_should_see_to(db: database.Database, rules: Settings) -> None:
    held = leasing.take(db, LEADER, 60)
    assert held is not None
    for day, state, words in ((5, State.FAILED, "failed 5 times, given up: no supply"), (6, State.DONE, "run 1"), (7, State.DONE, "run 2")):
        ledger.begin(db, held.lease, ("nightly", date(2026, 9, day)), at=NOW)
        ledger.finish(db, held.lease, ("nightly", date(2026, 9, day)), state, at=NOW, words=words)
    held.doing = "publish of 2026-09-07"
    lines = told(db, rules)
    assert lines[0].startswith("scheduler 调度: ")
    assert "heard of 0 s ago; " in lines[0]
    both = "2026-09-07 02:00:00 Asia/Shanghai (2026-09-06 18:00:00 UTC)"
    assert [line for line in lines if "last 上次" in line] == [
        f"  last 上次 2026-09-07: done 完成, {both}; run 2",
        f"  last 上次 2026-09-05: failed, a person's turn 失败，需人工处理, {both}; failed 5 times, given up: no supply",
    ]
    held.end()
    assert told(db, rules)[0].startswith("scheduler 调度: none runs; the last, ")


def test_the_command_prints_it(db: database.Database) -> None:
    url = db.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "jobs.cli", "--database", url, "scheduler", "--status"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout.splitlines()[0][:13]) == (0, "scheduler 调度:"), ran.stderr


def test_a_night_that_somebody_runs_is_refused_by_hand_in_words(db: database.Database) -> None:
    url = db.url.render_as_string(hide_password=False)
    with leasing.alone(db, leasing.NIGHT.format("2026-03-02"), 60, "the night"):
        ran = subprocess.run(
            [sys.executable, "-m", "jobs.cli", "--database", url, "nightly", "--date", "2026-03-02"],
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stderr.startswith("the night of 2026-03-02: ")
    assert f"process {leasing.os.getpid()}, since " in ran.stderr
    assert ran.stderr.rstrip().endswith("is at it; nothing was done here. Wait until it is done, or end that process")
