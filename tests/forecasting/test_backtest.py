import numpy as np
import pandas as pd
import pytest

from forecasting import backtest
from forecasting.candidates import BASELINES, MEMBERS
from ordering import frames
from ordering.errors import TrueOrderError
from tests import factories

NONE = frames.empty(frames.FESTIVALS)


def rolled(history: pd.DataFrame, **more: object) -> pd.DataFrame:
    return backtest.rolling(history, festivals=NONE, **{"origins": 2, "horizons": 8, "warm_up": 1, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def noise() -> pd.DataFrame:
    """Brands without season or trend: 3 brands x 130 weeks of noise about a level."""
    rng = np.random.default_rng(5)
    return factories.demand_history(3, 130, noise=0.0).assign(demand=lambda h: 300 * np.exp(rng.normal(0, 0.3, len(h))))


@pytest.fixture(scope="module")
def usual(noise: pd.DataFrame) -> pd.DataFrame:
    return rolled(noise)


def test_every_method_is_judged_on_the_same_brand_weeks(usual: pd.DataFrame) -> None:
    assert list(usual.columns) == list(backtest.COLUMNS)
    assert set(usual["method"]) == {backtest.OURS, *MEMBERS, *BASELINES}
    assert usual.groupby("method").size().nunique() == 1
    assert usual.groupby(["origin", "method"]).size().unique().tolist() == [3 * 8]
    weeks = (usual["week"] - usual["origin"]) // pd.Timedelta(weeks=1)
    assert (weeks + 1 == usual["horizon"]).all()


def test_seasonal_naive_wins_nothing_where_there_is_only_noise(usual: pd.DataFrame) -> None:
    average = backtest.table(usual).loc["wape", "average"]
    assert average["seasonal_naive"] > 1.15 * average[backtest.OURS]
    assert average[backtest.OURS] < 1.1 * average["recent_mean"]  # nothing to be learnt: the mean is as good as can be


def test_what_comes_after_an_origin_does_not_change_its_forecasts(noise: pd.DataFrame, usual: pd.DataFrame) -> None:
    first = usual["origin"].min()
    again = rolled(noise.assign(demand=noise["demand"].where(noise["week"] < first, 7.0)))

    def of_first(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["origin"] == first].drop(columns="actual").reset_index(drop=True)

    pd.testing.assert_frame_equal(of_first(again), of_first(usual))
    last = usual["origin"].max()
    later = again.loc[again["origin"] == last, "forecast"].to_numpy()
    assert not np.allclose(later, usual.loc[usual["origin"] == last, "forecast"])  # the control: what came before it does count


def test_each_origin_sees_the_past_as_it_was_known_then(noise: pd.DataFrame, usual: pd.DataFrame) -> None:
    weeks = backtest.origins_of(noise, origins=2, horizons=8, warm_up=1)
    assert set(weeks[1:]) == set(usual["origin"])
    seen = {week: noise[noise["week"] < week] for week in weeks}
    pd.testing.assert_frame_equal(rolled(noise, seen=seen), usual)
    other = rolled(noise, seen=seen | {weeks[-1]: seen[weeks[-1]].assign(demand=lambda past: past["demand"] * 2)})
    last = usual["origin"] == weeks[-1]
    pd.testing.assert_frame_equal(other[~last], usual[~last])
    assert (other.loc[last, "forecast"] > 1.5 * usual.loc[last, "forecast"]).mean() > 0.9
    pd.testing.assert_series_equal(other["actual"], usual["actual"])


def test_a_truth_of_its_own_is_what_forecasts_are_judged_by(noise: pd.DataFrame, usual: pd.DataFrame) -> None:
    judged = rolled(noise, truth=noise.assign(demand=300.0), origins=1, warm_up=0)
    assert judged["actual"].unique().tolist() == [300.0]
    alone = usual[(usual["origin"] == usual["origin"].max()) & (usual["method"] != backtest.OURS)]
    np.testing.assert_array_equal(judged.loc[judged["method"] != backtest.OURS, "forecast"], alone["forecast"])


def test_the_table_is_ratios_of_sums() -> None:
    rows = [
        ("A", 1, "m", 8.0, 10.0), ("B", 1, "m", 33.0, 30.0), ("A", 2, "m", 5.0, 10.0), ("B", 2, "m", 0.0, 0.0),
        ("A", 1, "n", 10.0, 10.0), ("B", 1, "n", 30.0, 30.0), ("A", 2, "n", np.nan, 10.0), ("B", 2, "n", 0.0, 0.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["brand_id", "horizon", "method", "forecast", "actual"])
    frame = frame.assign(origin=pd.Timestamp(2026, 1, 5), week=pd.Timestamp(2026, 1, 5) + pd.to_timedelta(7 * frame["horizon"] - 7, "D"))
    found = backtest.table(frame)
    assert found.loc[("wape", "m"), 1] == pytest.approx(5 / 40)
    assert found.loc[("bias", "m"), 1] == pytest.approx(1 / 40)
    assert found.loc[("wape", "n"), 1] == 0
    assert np.isnan(found.loc[("wape", "m"), 2])  # only brand B's week counts for both, and nothing was sold in it
    assert found.loc[("wape", "m"), "average"] == pytest.approx(5 / 40)


def test_origins_are_spread_over_the_last_year_and_leave_their_horizons() -> None:
    cuts = backtest.origin_weeks(131, 6, 13)
    assert cuts[-1] == 131 - 13
    assert len(cuts) == 6
    assert cuts[0] >= 131 - 13 - 52
    assert set(np.diff(cuts)) == {10}


def test_too_short_a_history_is_refused_with_the_weeks_needed() -> None:
    with pytest.raises(TrueOrderError, match="20 weeks of history are too few for 6 origins; 76 are needed"):
        rolled(factories.demand_history(2, 20), origins=6, horizons=13)


@pytest.mark.shared
def test_on_a_real_wholesalers_deliveries_ours_beats_the_naive_and_prophet_alone() -> None:
    folder = factories.SHARED / "iowa"
    if not folder.exists():
        pytest.skip("the real deliveries are not here")
    lines = pd.read_parquet(folder / "lines.parquet", columns=["date", "item", "bottles"])
    lines = lines[lines["item"].isin(sorted(lines["item"].unique())[::70])]
    day = pd.to_datetime(lines["date"]).astype("datetime64[us]")
    weekly = (
        lines.assign(week=day - pd.to_timedelta(day.dt.day_of_week, unit="D")).groupby(["item", "week"], as_index=False)["bottles"].sum()
    )
    history = weekly.rename(columns={"item": "brand_id", "bottles": "demand"}).astype({"brand_id": "str", "demand": "float64"})
    average = backtest.table(rolled(history)).loc["wape", "average"]
    assert average[backtest.OURS] < 0.95 * average["seasonal_naive"]
    assert average[backtest.OURS] < average["prophet"]
