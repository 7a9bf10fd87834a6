"""The drift alarm: rare where the forecasts are right, loud where a brand has changed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import drift
from ordering import frames
from ordering import settings as house
from tests import factories as f


def watched(actual: list[float], brand: str = "B1") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts of 80 to 120 for consecutive weeks, and what came."""
    weeks = pd.date_range(f.week(-len(actual)), periods=len(actual), freq="7D", unit="us")
    made = pd.DataFrame({"brand_id": brand, "week": weeks, "origin": weeks, "p10": 80.0, "p90": 120.0})
    return made, pd.DataFrame({"brand_id": brand, "week": weeks, "demand": actual})


@given(st.integers(1, 20), st.floats(0.5, 0.95))
@settings(deadline=None, max_examples=40)
def test_the_false_alarm_rate_falls_with_every_week_more_that_is_asked_for(weeks: int, coverage: float) -> None:
    rates = [drift.false_alarm(weeks, outside, coverage) for outside in range(weeks + 2)]
    assert rates[0] == pytest.approx(1.0)
    assert rates[-1] == 0.0
    assert all(before > after for before, after in pairwise(rates))


def test_the_rate_of_false_alarms_is_the_one_that_is_stated() -> None:
    """Ten thousand brands whose forecasts are right: the share that alarms is the binomial one."""
    rng, brands, weeks = np.random.default_rng(1), 10_000, 8
    dates = pd.date_range(f.week(-weeks), periods=weeks, freq="7D", unit="us")
    came = rng.normal(size=(brands, weeks)).ravel()
    key = {"brand_id": np.repeat([f"B{n}" for n in range(brands)], weeks), "week": np.tile(dates, brands)}
    edge = 1.2815515655
    made = pd.DataFrame(key | {"origin": np.tile(dates, brands), "p10": -edge, "p90": edge})
    for outside in (3, 4, 5):
        found = drift.left(made, pd.DataFrame(key | {"demand": came}), weeks=weeks, outside=outside)
        assert len(found) / brands == pytest.approx(drift.false_alarm(weeks, outside), rel=0.25)


def test_a_brand_that_changed_raises_the_alarm_and_one_that_did_not_is_quiet() -> None:
    rules = house.load().forecast
    changed = watched([100, 100, 140, 150, 145, 60, 150, 155, 148, 152], "B1")
    steady = watched([100, 100, 140, 100, 90, 60, 110, 115, 100, 121], "B2")
    made, came = (pd.concat(parts) for parts in zip(changed, steady, strict=True))
    found = drift.left(made, came, weeks=rules.drift_weeks, outside=rules.drift_outside)
    assert found.to_dict("records") == [{"brand_id": "B1", "weeks": 8, "above": 7, "below": 1}]
    told = drift.problems(found)
    assert list(told.columns) == frames.PROBLEMS.names
    assert "in 8 of the last 8 weeks (7 above, 1 below; by chance 0.0%)" in told["message"][0]
    assert "近8周有8周超出预测的80%区间（偏高7周，偏低1周" in told["message"][0]


def test_on_the_edge_of_the_interval_is_inside_it() -> None:
    made, came = watched([80.0, 120.0] * 4)
    assert drift.left(made, came, weeks=8, outside=1).empty


def test_the_newest_forecast_of_a_week_counts_and_unknown_weeks_do_not() -> None:
    made, came = watched([200.0] * 4)
    older = made.assign(origin=made["week"] - pd.Timedelta(weeks=4), p10=190.0, p90=210.0)
    assert len(drift.left(pd.concat([made, older]), came, weeks=4, outside=4)) == 1
    assert drift.left(pd.concat([made, older]), came.assign(demand=[np.nan, 200, 200, 200]), weeks=4, outside=4).empty
    assert drift.left(pd.concat([made, older]), came.iloc[1:], weeks=4, outside=4).empty


def test_no_forecast_is_no_alarm() -> None:
    made, came = watched([])
    assert drift.problems(drift.left(made, came, weeks=8, outside=1)).empty
