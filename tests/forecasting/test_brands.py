from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting import brands, calendar, candidates, influences
from ordering import frames
from ordering.errors import TrueOrderError
from tests import factories

NONE = frames.empty(frames.FESTIVALS)
FIRST = frames.day(factories.MONDAY)


def made(history: pd.DataFrame, *, first: pd.Timestamp = FIRST, weeks: int = 13, origins: int = 1, **more: object) -> brands.BrandForecasts:
    return brands.forecast(history, first_week=first, weeks=weeks, origins=origins, festivals=NONE, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    return factories.demand_history(4, 90)


@pytest.fixture(scope="module")
def usual(history: pd.DataFrame) -> brands.BrandForecasts:
    return made(history, origins=1)


def test_every_brand_has_every_week_with_ordered_quantiles_at_zero_or_above(usual: brands.BrandForecasts) -> None:
    rows = frames.validated(frames.BRAND_FORECAST, usual.forecast)
    assert rows.groupby("brand_id").size().tolist() == [13] * 4
    assert rows["week"].min() == FIRST
    assert (rows["p10"] >= 0).all()
    assert ((rows["p10"] <= rows["p50"]) & (rows["p50"] <= rows["p90"])).all()
    assert usual.problems.empty


def test_weights_of_a_brand_add_up_to_one(usual: brands.BrandForecasts) -> None:
    weights = usual.weights
    assert (weights["weight"] >= 0).all()
    assert weights.groupby("brand_id")["weight"].sum().to_numpy() == pytest.approx(np.ones(4))
    assert weights["wape"].between(0, 1).all()
    assert set(weights["method"]) == set(candidates.MEMBERS)


def test_the_season_is_forecast_and_not_only_the_level(usual: brands.BrandForecasts) -> None:
    rows = usual.forecast
    number = rows["brand_id"].str[1:].astype(int)
    mean = 200 * (1 + number) * np.exp(0.2 * np.sin(2 * np.pi * rows["week"].dt.day_of_year / 365.25) + 0.1**2 / 2)
    assert (rows["demand"] - mean).abs().sum() / mean.sum() < 0.06
    flat = mean.groupby(rows["brand_id"]).transform("mean") * 0.9  # the level of the winter before
    assert (flat - mean).abs().sum() / mean.sum() > 0.08


def test_intervals_are_about_as_wide_as_the_noise(usual: brands.BrandForecasts) -> None:
    width = (usual.forecast["p90"] - usual.forecast["p10"]) / usual.forecast["demand"]
    # the noise alone is 10% of the mean: an 80% interval is at least a quarter of it wide
    assert 0.15 < width.mean() < 0.7


def test_neither_later_rows_nor_the_order_of_rows_change_anything(history: pd.DataFrame, usual: brands.BrandForecasts) -> None:
    later = history[history["week"] >= FIRST - pd.Timedelta(weeks=20)].assign(week=lambda h: h["week"] + pd.Timedelta(weeks=20), demand=9e5)
    again = made(pd.concat([history, later]).sample(frac=1, random_state=3), origins=1)
    pd.testing.assert_frame_equal(again.forecast, usual.forecast)
    pd.testing.assert_frame_equal(again.weights, usual.weights)


def test_forecasts_given_as_the_past_are_used_as_they_stand_and_not_made_again(
    history: pd.DataFrame, usual: brands.BrandForecasts, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = usual.candidates
    assert list(said.columns) == ["brand_id", "method", "origin", "week", "demand"]
    assert said["origin"].nunique() == 2
    assert said["origin"].max() == FIRST
    with monkeypatch.context() as patch:
        patch.setattr(brands, "made_at", None)  # nothing is made again: calling it would raise
        again = made(history, past=said.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(again.forecast, usual.forecast)
    pd.testing.assert_frame_equal(again.weights, usual.weights)
    assert again.candidates.empty
    earlier = said["origin"] < FIRST
    partly = made(history, past=said[earlier])
    pd.testing.assert_frame_equal(partly.forecast, usual.forecast)
    pd.testing.assert_frame_equal(partly.candidates, said[~earlier].reset_index(drop=True))
    wrong = said[earlier].assign(demand=lambda rows: rows["demand"].where(rows["method"] == "level", rows["demand"] * 3))
    weights = made(history, past=wrong).weights.set_index("method")["weight"]  # the control: what was said before does count
    assert weights["level"].min() > 0.8


def test_past_forecasts_of_methods_brands_and_weeks_that_are_gone_are_passed_over(
    history: pd.DataFrame, usual: brands.BrandForecasts
) -> None:
    said = usual.candidates
    gone = [
        said.assign(brand_id="X" + said["brand_id"]),
        said.assign(method="old " + said["method"]),
        said.assign(origin=said["origin"] + pd.Timedelta(weeks=40)),
    ]
    pd.testing.assert_frame_equal(made(history, past=pd.concat([said, *gone])).forecast, usual.forecast)
    short = said[(said["origin"] < FIRST) | (said["week"] < FIRST + pd.Timedelta(weeks=4))]
    assert set(made(history, past=short).candidates["origin"]) == {FIRST}  # a longer horizon is asked for now
    with pytest.raises(TrueOrderError, match="two rows for one brand"):
        made(history, past=pd.concat([said, said.iloc[:1]]))


def test_names_of_brands_change_nothing(history: pd.DataFrame, usual: brands.BrandForecasts) -> None:
    named = {f"B{number}": f"X{9 - number}" for number in range(4)}
    again = made(history.assign(brand_id=history["brand_id"].map(named)), origins=1).forecast.set_index(["brand_id", "week"])["demand"]
    expected = usual.forecast.assign(brand_id=usual.forecast["brand_id"].map(named)).set_index(["brand_id", "week"])["demand"]
    np.testing.assert_allclose(again, expected.reindex(again.index), rtol=1e-3)


def test_ten_times_the_demand_is_ten_times_the_forecast(history: pd.DataFrame, usual: brands.BrandForecasts) -> None:
    more = made(history.assign(demand=history["demand"] * 10), origins=1)
    np.testing.assert_allclose(more.forecast["demand"], usual.forecast["demand"] * 10, rtol=0.02)


def test_two_processes_give_the_same_bits_as_one(history: pd.DataFrame, usual: brands.BrandForecasts) -> None:
    two = made(history, origins=1, workers=2)
    assert two.forecast.equals(usual.forecast)
    assert two.weights.equals(usual.weights)


def test_spring_festival_is_forecast_where_it_falls_and_not_52_weeks_after_the_last() -> None:
    first = pd.Timestamp(2026, 1, 12)
    history = factories.demand_history(4, 110, noise=0.05, starts=(first - pd.Timedelta(weeks=110)).date())
    weeks = pd.DatetimeIndex(history["week"])
    feast = calendar.regressors(weeks, NONE)
    history["demand"] *= np.exp(0.6 * feast["spring_festival-1"].to_numpy() - 0.7 * feast["spring_festival+1"].to_numpy())
    wide = made(history, first=first, weeks=10).forecast.groupby("week")["demand"].sum()
    peak, trough = pd.Timestamp(2026, 2, 9), pd.Timestamp(2026, 3, 2)
    assert wide.idxmax() == peak
    assert wide.idxmin() in (pd.Timestamp(2026, 2, 23), trough)
    last_year = history[history["week"].between(first - pd.Timedelta(weeks=52), first - pd.Timedelta(weeks=43))]
    naive_peak = last_year.groupby("week")["demand"].sum().idxmax() + pd.Timedelta(weeks=52)
    assert naive_peak < peak  # the naive forecast is three weeks early


def strange(name: str, values: list[float]) -> pd.DataFrame:
    on = pd.date_range(FIRST - pd.Timedelta(weeks=len(values)), periods=len(values), freq="7D", unit="us")
    return pd.DataFrame({"brand_id": name, "week": on, "demand": values})


STRANGE = {
    "zero": [0.0] * 60,
    "huge": [1e15] * 60,
    "infinite": [np.inf] * 60,
    "negative": [-5.0] * 60,
    "unknown": [np.nan] * 60,
    "three": [4.0, 5.0, 6.0],
    "twenty": [7.0] * 20,
    "ended": [5.0] * 40 + [np.nan] * 20,
}


def test_strange_series_fall_back_are_named_and_leave_the_others_alone(history: pd.DataFrame, usual: brands.BrandForecasts) -> None:
    odd = pd.concat([history, *(strange(name, values) for name, values in STRANGE.items())])
    found = made(odd)
    rows = found.forecast.set_index("brand_id")
    assert set(rows.index) == set(odd["brand_id"])
    assert set(found.problems["subject"]) == set(STRANGE)
    for name in ("zero", "huge", "infinite", "negative", "unknown"):
        assert (rows.loc[name, ["demand", "p10", "p90"]] == 0).all(axis=None), name
    assert rows.loc["three", "method"].unique().tolist() == ["level"]
    assert rows.loc["three", "demand"].mean() == pytest.approx(5, rel=0.35)
    assert rows.loc["twenty", "demand"].mean() == pytest.approx(7, rel=0.35)
    calm, alone = rows.loc["B3", "demand"].mean(), usual.forecast.set_index("brand_id").loc["B3", "demand"].mean()
    assert calm == pytest.approx(alone, rel=0.05)


def test_a_constant_a_single_sale_and_a_spike_give_figures(history: pd.DataFrame) -> None:
    odd = {"constant": [12.0] * 60, "single": [0.0] * 40 + [3.0] + [0.0] * 19, "spike": [10.0] * 59 + [1e9]}
    rows = made(pd.concat([history, *(strange(name, values) for name, values in odd.items())]), weeks=4).forecast
    assert np.isfinite(rows[["demand", "p10", "p50", "p90"]]).all(axis=None)
    assert rows.loc[rows["brand_id"] == "constant", "demand"].to_numpy() == pytest.approx(12, rel=0.25)
    assert rows.loc[rows["brand_id"] == "single", "demand"].max() <= 3


def test_a_method_that_breaks_is_named_and_done_without(history: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(series: candidates.Series) -> np.ndarray:
        if series.demand[-1] == history.loc[history["brand_id"] == "B1", "demand"].iloc[-1]:
            raise RuntimeError("no convergence")
        return candidates.level(series)

    monkeypatch.setitem(candidates.ALONE, "prophet", broken)  # type: ignore[arg-type]
    found = made(history, weeks=4)
    assert found.problems["subject"].tolist() == ["B1"]
    assert "prophet was not used: RuntimeError: no convergence" in found.problems["message"].iloc[0]
    assert found.weights.set_index(["brand_id", "method"]).loc[("B1", "prophet"), "weight"] == 0
    assert found.forecast["demand"].gt(0).all()


def test_a_method_that_leaves_the_range_is_not_used(history: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(candidates.ALONE, "prophet", lambda series: np.full(series.ahead, 1e9))  # type: ignore[arg-type]
    found = made(history, weeks=4, origins=0)
    assert found.problems["message"].str.contains("left the range").all()
    assert found.forecast["demand"].max() < 2000


def test_a_history_too_short_for_origins_is_forecast_all_the_same() -> None:
    found = made(factories.demand_history(3, 12))
    assert found.forecast["demand"].gt(0).all()
    assert found.weights["wape"].isna().all()
    assert set(found.problems["subject"]) == {"B0", "B1", "B2"}


def test_no_history_gives_no_rows() -> None:
    found = made(factories.demand_history(1, 20).iloc[:0])
    assert found.forecast.empty
    assert found.problems.empty


def test_two_rows_for_a_week_are_refused(history: pd.DataFrame) -> None:
    with pytest.raises(TrueOrderError, match="two rows for one week"):
        made(pd.concat([history, history.iloc[:1]]))


def test_a_regressor_of_the_city_moves_the_forecast_and_one_with_holes_is_named() -> None:
    history = factories.demand_history(4, 80, noise=0.03)
    weeks = pd.date_range(history["week"].min(), periods=84, freq="7D", unit="us")
    event = pd.Series((np.arange(84) % 11 == 5).astype(float), index=weeks)
    event.iloc[81] = 1.0
    history["demand"] *= np.exp(0.8 * event.reindex(history["week"]).to_numpy())
    rows = [{"week": week.date(), "name": "fair", "value": value} for week, value in event.items()]
    rows += [{"week": weeks[3].date(), "name": "holes", "value": 1.0}]
    regressors = factories.table(frames.REGRESSORS, rows)
    effects, faults = influences.design(weeks, NONE, regressors)
    assert [subject for subject, _ in faults] == ["regressor holes"]
    assert effects.shape[1] == influences.design(weeks, NONE, None)[0].shape[1] + 1
    by_week = made(history, weeks=4, origins=0, regressors=regressors).forecast.groupby("week")["demand"].sum()
    assert by_week.iloc[1] > 1.5 * by_week.iloc[0]


def test_a_date_of_birth_in_the_middle_of_the_history_is_no_zero() -> None:
    history = factories.demand_history(3, 80)
    young = history[(history["brand_id"] == "B2") & (history["week"] >= FIRST - pd.Timedelta(weeks=30))]
    found = made(pd.concat([history[history["brand_id"] != "B2"], young]), weeks=4, origins=0).forecast.groupby("brand_id")["demand"].mean()
    assert found["B2"] == pytest.approx(3 * found["B0"], rel=0.15)


def test_weeks_are_mondays_of_the_forecast_span(usual: brands.BrandForecasts) -> None:
    expected = pd.date_range(date(2026, 3, 2), periods=13, freq="7D")
    assert sorted(usual.forecast["week"].unique()) == list(expected)
