"""Sums over pairs and weeks: the same however the retailers are cut into blocks, and all of the lines in them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from forecasting import demand, inflation
from jobs import measures, nightly
from ordering import database, snapshot
from ordering.settings import Settings

Made = tuple[Path, date]


def test_blocks_of_retailers_change_no_bit_and_lose_no_carton(
    sqlite_city: database.Database, made: Made, rules: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = snapshot.read_week(sqlite_city, made[1], weeks=60, horizon=13, history_folder=tmp_path / "h")
    estimate = demand.estimate(known, rules.demand)
    flags = inflation.flag(known, estimate, rules.inflation)
    flags = flags.assign(flagged=flags["score"] > 0.3)
    weeks = nightly.past_weeks(estimate.index)
    found = []
    for size in (25, 10**9):
        monkeypatch.setattr(measures, "BLOCK_PAIRS", size)
        found.append(measures.stored_cells(known, estimate.pairs, estimate.index, flags, weeks))
    for cells in found[1:]:
        for name, frame in cells.items():
            pd.testing.assert_frame_equal(frame, found[0][name], check_exact=True)
    lines = known.lines[known.lines["allocated"].notna()]
    for frame in found[0].values():
        assert frame["requested"].sum() == lines["requested"].sum()
        assert frame["allocated"].sum() == lines["allocated"].sum()
