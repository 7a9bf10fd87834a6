"""Sums over pairs and weeks: the same however the retailers are cut into blocks, and all of the lines in them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from forecasting import demand, inflation
from jobs import deciding, measures
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
    weeks = deciding.past_weeks(estimate.index)
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


def brand_rows(**columns: list[float]) -> pd.DataFrame:
    weeks = pd.date_range("2026-03-02", periods=2, freq="7D", unit="us")
    return pd.DataFrame({"brand_id": "B1", "week": weeks, **columns})


def test_a_brand_forecast_is_the_sum_of_its_pairs_and_wider_where_the_past_was_short() -> None:
    given = brand_rows(demand=[100.0, 50.0], p10=[90.0, 45.0], p50=[100.0, 50.0], p90=[110.0, 55.0], method="level")
    live = brand_rows(rate=[40.0, 0.0]).assign(district="D1")
    future = brand_rows(index=[2.5, 0.0]).assign(district="D1")
    past = brand_rows(demand=[80.0, 80.0], p10=[60.0, 60.0], p90=[100.0, 100.0]).assign(week=lambda t: t["week"] - pd.Timedelta(weeks=2))
    sure = measures.coherent(given, future, live, past.iloc[:0])
    unsure = measures.coherent(given, future, live, past)
    for found in (sure, unsure):
        assert found["demand"].tolist() == [100.0, 0.0]
        assert found.loc[1, ["p10", "p50", "p90"]].tolist() == [0.0, 0.0, 0.0]
        assert (found["p10"] <= found["p50"]).all()
        assert (found["p50"] <= found["p90"]).all()
    width = [found.loc[0, "p90"] - found.loc[0, "p10"] for found in (sure, unsure)]
    assert width[0] < width[1]
