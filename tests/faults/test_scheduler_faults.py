"""F3, F5 and F10 in their short form, on both databases; and that what they look for would be found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from ordering import schedule
from tests.faults import f05_paused_past_its_lease, f10_clocks


@dataclass(frozen=True)
class Here:
    url: str
    folder: Path
    seed: int = 1


def test_a_stale_write_without_a_guard_would_be_found(url: str, tmp_path: Path) -> None:
    (tmp_path / "unguarded").touch()
    with pytest.raises(AssertionError, match=r"^\{\d+: 'done', \d+: 'done'\}"):
        list(f05_paused_past_its_lease.trials(Here(url, tmp_path), 0, 1))


def test_a_ledger_that_forgets_would_be_found(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "is_open", lambda entry, now, rules: entry is None or entry.attempts < 2)
    with pytest.raises(AssertionError, match="executed twice"):
        list(f10_clocks.trials(Here(url, tmp_path), 0, 3))


def test_a_schedule_of_only_the_newest_date_would_be_found(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = schedule._days

    def newest(plan, now, ledger, rules) -> list[date]:  # type: ignore[no-untyped-def]
        return days(plan, now, ledger, rules)[:1]

    monkeypatch.setattr(schedule, "_days", newest)
    with pytest.raises(AssertionError, match="missed"):
        list(f10_clocks.trials(Here(url, tmp_path), 0, 9))
