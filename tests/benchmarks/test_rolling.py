from datetime import date

import numpy as np
import pandas as pd
import pytest

from benchmarks import mapped_city, peers, rolling, rolling_pairs
from forecasting import orders
from tests import factories

WEEKS = pd.date_range("2024-06-03", periods=100, freq="7D", unit="us")


def read() -> dict[str, pd.DataFrame]:
    """Tables of a small city as `mapped_city.tables` gives them: three shops, two brands, a line a week each; B2 is missing in week 50."""
    shops = [factories.retailer(f"R{number}") for number in range(3)]
    wares = [factories.brand("B1"), factories.brand("B2")]
    lines = [
        factories.line(shop["retailer_id"], ware["brand_id"], allocated=3, requested=3, order_date=week.date())
        for shop in shops for ware in wares for number, week in enumerate(WEEKS) if not (ware["brand_id"] == "B2" and number == 50)
    ]  # fmt: skip
    known = factories.snapshot(retailers=shops, brands=wares, lines=lines)
    return {"retailers": known.retailers, "brands": known.brands, "order_lines": known.lines}


def test_an_origin_knows_nothing_of_its_own_week_nor_later() -> None:
    tables = read()
    day = date(2025, 3, 3)
    known = mapped_city.known_on(tables, day)
    assert known.lines["order_date"].max() < pd.Timestamp(day)
    assert known.lines["order_date"].max() >= pd.Timestamp(day) - pd.Timedelta(days=7)
    assert known.waiting.empty
    assert known.business_date == day


def test_a_week_without_an_item_is_unknown_at_brand_level_and_nothing_else_is() -> None:
    lines = read()["order_lines"]
    found = rolling.brand_weeks(lines, WEEKS)
    assert found["B1"].notna().all()
    assert np.flatnonzero(found["B2"].isna()).tolist() == [50]
    pairs = rolling_pairs.sample(lines, WEEKS[80], 4)
    assert len(pairs) == 4
    pd.testing.assert_frame_equal(pairs, rolling_pairs.sample(lines, WEEKS[80], 4))
    delivered = rolling_pairs.delivered(lines, pairs, WEEKS)
    assert delivered.sum() == sum(300 if brand == 0 else 297 for brand in pairs["brand"])


@pytest.mark.parametrize("method", ["recent_mean", "seasonal_naive"])
def test_peers_see_what_lies_before_their_origin_and_leave_unknown_weeks_out(method: str) -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.poisson(20, (100, 3)).astype(float), index=WEEKS, columns=["a", "b", "c"])
    wide.loc[WEEKS[85], "a"] = np.nan
    wide["c"] = np.where(np.arange(100) < 95, np.nan, wide["c"])  # unborn at the origin
    found = pd.concat(peers.at(wide, WEEKS[90], method))
    assert sorted(found["series"].unique()) == ["a", "b"]
    assert found.groupby("series").size().tolist() == [13, 13]
    assert found["week"].min() == WEEKS[90]
    later = wide.copy()
    later.iloc[90:] = 1e6
    pd.testing.assert_frame_equal(pd.concat(peers.at(later, WEEKS[90], method)), found)
    if method == "recent_mean":
        assert found.loc[found["series"] == "a", "mean"].iloc[0] == pytest.approx(wide["a"][:90].dropna().tail(13).mean())
    else:
        assert found.loc[found["series"] == "b", "mean"].iloc[0] == wide["b"].iloc[38]
    assert (found["p10"] <= found["mean"]).all()
    assert (found["mean"] <= found["p90"]).all()


def test_every_method_is_judged_on_the_same_pair_weeks_and_unknown_ones_are_left_out() -> None:
    rng = np.random.default_rng(3)
    actual = rng.poisson(1.0, (13, 5)).astype(float)
    actual[0, 2] = np.nan
    mean = np.full((13, 5), 1.0)
    said = {
        "ours": rolling_pairs.lumped(mean, orders.lumps(rng.poisson(1.0, (60, 5)).astype(float), np.zeros(5, np.int64)), actual),
        "count": rolling_pairs.counted(mean, np.full(5, 0.05), actual),
    }
    found = rolling_pairs.rows(said, actual, np.ones(5), WEEKS[90], (1, 4))
    assert found.groupby("method", observed=True).size().tolist() == [9, 9]
    assert found["inside"].isin([0.0, 1.0]).all()


def test_the_transform_of_counts_from_their_own_model_lies_inside_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    mean, dispersion = np.full((13, 3000), 0.7), np.full(3000, 1.5)
    actual = rng.negative_binomial(1 / 1.5, 1 / (1 + 1.5 * 0.7), (13, 3000)).astype(float)
    assert rolling_pairs.counted(mean, dispersion, actual)["inside"].mean() == pytest.approx(0.8, abs=0.01)
    assert rolling_pairs.counted(mean / 4, dispersion / 10, actual)["inside"].mean() < 0.7  # the control
