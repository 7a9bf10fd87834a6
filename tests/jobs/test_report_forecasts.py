"""The report tells how near the forecasts came, and which brands have left theirs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs import report
from jobs.report_figures import figures
from jobs.report_words import percent
from ordering import frames, record
from tests.jobs.test_report import WEEKS, Page, content, read, same


def judged(week: date, origin: date, forecast: float, actual: float, brand: str = "B1") -> dict[str, Any]:
    return {"week": week, "origin": origin, "brand_id": brand, "forecast": forecast, "actual": actual, "p10": 0.0, "p90": 1e6}


def test_forecasts_are_shown_by_horizon_for_the_weeks_of_the_month(tmp_path: Path) -> None:
    rows = [
        judged(WEEKS[0], WEEKS[0], 100, 80),
        judged(WEEKS[1], WEEKS[1], 100, 90),
        judged(WEEKS[2], WEEKS[2], 50, 60, "B2"),
        judged(WEEKS[2], WEEKS[1], 50, 25, "B2"),
        judged(WEEKS[3], WEEKS[3], 500, 1),
    ]
    drifting = pd.DataFrame({"brand_id": ["B2"], "weeks": [8], "above": [7], "below": [0]}).astype({"brand_id": "str"})
    seen = figures(content(judged=frame_of(rows), drift=drifting))
    table = seen.accuracy.set_index("horizon")
    assert list(table.index) == [1, 2]
    assert table["forecast_accuracy"].tolist() == pytest.approx([1 - 20 / 150, 0.0])
    assert table["forecast_bias"].tolist() == pytest.approx([0.0, 1.0])
    assert table["forecast_accuracy_change"].tolist() == pytest.approx([(1 - 20 / 150) - (1 - 20 / 80), np.nan], nan_ok=True)
    report.write(tmp_path, content(judged=frame_of(rows), drift=drifting), seen, "en")
    same(read(tmp_path, "Forecasts checked"), seen.accuracy)
    same(read(tmp_path, "Drift"), seen.drift)
    text = Page((tmp_path / "index.html").read_text("utf-8")).text
    assert percent(1 - 20 / 150) in text
    assert "没有品牌持续偏离预测。" not in text


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    return frames.conform(
        record.BRANDS, frame.assign(**{name: pd.to_datetime(frame[name]).dt.as_unit("us") for name in ("week", "origin")})
    )


def test_a_report_without_any_judged_forecast_says_so(tmp_path: Path) -> None:
    text = Page(report.write(tmp_path, content(), figures(content()), "zh").read_text("utf-8")).text
    assert "本月尚无可检验的预测。" in text
    assert "没有品牌持续偏离预测。" in text
