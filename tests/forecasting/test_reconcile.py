from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import reconcile
from ordering import frames
from tests import factories

PAST = pd.date_range(factories.week(-104), periods=104, freq="7D", unit="us")
COMING = pd.date_range(factories.week(), periods=13, freq="7D", unit="us")
DISTRICTS = ("D1", "D2", "D3")


def past_index(levels: dict[str, float], *, brands: tuple[str, ...] = ("B1", "B2"), fair: float = 0.0) -> pd.DataFrame:
    """An index of each district at its own level; D1 rises by `fair` (log) in the two past weeks of its festival."""
    rows = [
        {"brand_id": brand, "district": district, "week": week, "index": level * np.exp(fair * (district == "D1" and number in (20, 70)))}
        for brand in brands
        for district, level in levels.items()
        for number, week in enumerate(PAST)
    ]
    return factories.table(frames.BRAND_INDEX, rows)


def live(rates: dict[str, float], brands: tuple[str, ...] = ("B1", "B2")) -> pd.DataFrame:
    rows = [(brand, district, week, rate) for brand in brands for district, rate in rates.items() for week in COMING]
    return pd.DataFrame(rows, columns=["brand_id", "district", "week", "rate"])


def forecast(values: dict[str, float]) -> pd.DataFrame:
    rows = [(brand, week, value + number) for brand, value in values.items() for number, week in enumerate(COMING)]
    return pd.DataFrame(rows, columns=["brand_id", "week", "demand"])


def sums(index: pd.DataFrame, rates: pd.DataFrame) -> pd.Series:
    both = index.merge(rates, on=["brand_id", "district", "week"], how="inner", validate="1:1")
    return (both["rate"] * both["index"]).groupby([both["brand_id"], both["week"]]).sum()


@settings(max_examples=8, deadline=None)
@given(
    levels=st.lists(st.floats(0.01, 50), min_size=3, max_size=3),
    rates=st.lists(st.floats(0, 1000), min_size=3, max_size=3).filter(lambda rates: sum(rates) > 1e-3),
    total=st.just(0.0) | st.floats(1e-6, 1e7),
)
def test_pairs_add_up_to_the_brand_exactly(levels: list[float], rates: list[float], total: float) -> None:
    rated = live(dict(zip(DISTRICTS, rates, strict=True)))
    wanted = forecast({"B1": total, "B2": total / 3})
    index = reconcile.future_index(past_index(dict(zip(DISTRICTS, levels, strict=True))), wanted, live_rate=rated)
    assert (index["index"] >= 0).all()
    found = sums(index, rated)
    np.testing.assert_allclose(found, wanted.set_index(["brand_id", "week"])["demand"].reindex(found.index), rtol=1e-9)


def test_a_district_keeps_its_share_of_late() -> None:
    rated = live({"D1": 4.0, "D2": 4.0, "D3": 4.0})
    index = reconcile.future_index(past_index({"D1": 1.0, "D2": 2.0, "D3": 3.0}), forecast({"B1": 100.0}), live_rate=rated)
    wide = index.pivot(index="week", columns="district", values="index")
    assert np.allclose(wide["D2"] / wide["D1"], 2.0)
    assert np.allclose(wide["D3"] / wide["D1"], 3.0)


def test_a_districts_own_festival_comes_again_in_that_district_only() -> None:
    festivals = factories.table(
        frames.FESTIVALS,
        [{"name": "庙会", "starts_on": on, "district": "D1", "days": 7} for on in (PAST[20].date(), PAST[70].date(), COMING[4].date())],
    )
    past = past_index({"D1": 1.0, "D2": 1.0, "D3": 1.0}, fair=0.6)
    rated = live({"D1": 1.0, "D2": 1.0, "D3": 1.0})
    share = reconcile.future_index(past, forecast({"B1": 90.0}), live_rate=rated, festivals=festivals)
    wide = share.pivot(index="week", columns="district", values="index")
    ratio = (wide["D1"] / wide["D2"]).to_numpy()
    assert ratio[4] > 1.4
    assert np.allclose(np.delete(ratio, 4), 1.0, atol=0.02)
    # without the festival in the list nothing rises
    plain = reconcile.future_index(past, forecast({"B1": 90.0}), live_rate=rated).pivot(index="week", columns="district", values="index")
    assert (plain["D1"] / plain["D2"]).max() < 1.2


def test_a_district_without_a_past_takes_its_brands_pattern() -> None:
    rated = live({"D1": 1.0, "D2": 1.0, "D9": 1.0})
    index = reconcile.future_index(past_index({"D1": 1.0, "D2": 1.0}), forecast({"B1": 30.0, "B7": 60.0}), live_rate=rated)
    one = index[index["week"] == COMING[0]].set_index(["brand_id", "district"])["index"]
    assert one["B1", "D9"] == pytest.approx(10.0)


def test_brands_without_any_past_share_by_rate() -> None:
    rated = live({"D1": 1.0, "D2": 3.0}, brands=("B7",))
    index = reconcile.future_index(past_index({"D1": 1.0}), forecast({"B7": 60.0}), live_rate=rated)
    assert index.loc[index["week"] == COMING[0], "index"].tolist() == pytest.approx([15.0, 15.0])


def test_a_forecast_that_nobody_can_take_is_named_and_gives_no_figure() -> None:
    rated = live({"D1": 0.0}, brands=("B1",))
    wanted = forecast({"B1": 10.0, "B2": 10.0})
    index = reconcile.future_index(past_index({"D1": 1.0}), wanted, live_rate=rated)
    assert index["index"].tolist() == [0.0] * 13
    assert reconcile.stranded(wanted, rated)["brand_id"].unique().tolist() == ["B1", "B2"]
    assert reconcile.stranded(wanted, live({"D1": 1.0})).empty


def test_the_order_of_rows_changes_nothing() -> None:
    past, wanted = past_index({"D1": 1.0, "D2": 2.0}), forecast({"B1": 100.0, "B2": 40.0})
    rated = live({"D1": 4.0, "D2": 5.0})
    mixed = [frame.sample(frac=1, random_state=1) for frame in (past, wanted, rated)]
    pd.testing.assert_frame_equal(
        reconcile.future_index(past, wanted, live_rate=rated), reconcile.future_index(mixed[0], mixed[1], live_rate=mixed[2])
    )


def test_a_zero_index_of_the_past_is_no_obstacle() -> None:
    past = past_index({"D1": 1.0, "D2": 1.0})
    past.loc[past["district"] == "D2", "index"] = 0.0
    rated = live({"D1": 1.0, "D2": 1.0})
    found = sums(reconcile.future_index(past, forecast({"B1": 10.0}), live_rate=rated), rated)
    assert found.loc["B1", COMING[0]] == pytest.approx(10.0)


def test_the_weeks_of_the_forecast_may_hold_a_spring_festival() -> None:
    weeks = pd.date_range(date(2026, 2, 2), periods=6, freq="7D", unit="us")
    rated = pd.DataFrame([("B1", d, week, 1.0) for d in ("D1", "D2") for week in weeks], columns=["brand_id", "district", "week", "rate"])
    wanted = pd.DataFrame({"brand_id": "B1", "week": weeks, "demand": 50.0})
    found = sums(reconcile.future_index(past_index({"D1": 1.0, "D2": 2.0}), wanted, live_rate=rated), rated)
    np.testing.assert_allclose(found, 50.0, rtol=1e-9)
