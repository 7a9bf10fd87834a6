"""A few trials of the faults of runs, until the harness's own test covers every module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from tests.faults import f01_killed_nights, f02_repeated_dates, f12_killed_workers, f13_pathological_series


@dataclass(frozen=True)
class Place:
    """As tests.faults.harness.Place."""

    url: str
    folder: Path
    seed: int


@pytest.mark.parametrize(
    "fault", [f01_killed_nights, f02_repeated_dates, f12_killed_workers, f13_pathological_series], ids=lambda fault: fault.FAULT
)
def test_the_night_survives(fault: ModuleType, url: str, tmp_path: Path) -> None:
    if url.partition(":")[0] not in fault.DATABASES:
        pytest.skip(f"{fault.FAULT} is tried on {', '.join(fault.DATABASES)}")
    (tmp_path / "place").mkdir()
    done = list(fault.trials(Place(url, tmp_path / "place", 2026), 0, fault.SHORT))
    assert len(done) == fault.SHORT
