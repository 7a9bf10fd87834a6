"""Cold start: new shops and brands are given what those like them want, and nobody else is touched."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import newcomers
from forecasting.states import Estimate, Learnt, Shape
from ordering import frames
from tests import factories as f

SHOPS = [f.retailer(f"R{n:02}", business_format="convenience" if n < 12 else "hotel", star_level=3 if n < 12 else 5) for n in range(24)]
WARES = [f.brand("B1"), f.brand("B2"), f.brand("B3", price_class=4)]


NOTHING = Learnt(*(np.zeros(0) for _ in fields(Learnt)))


def known(*, shops: list[dict[str, Any]] | None = None, wares: list[dict[str, Any]] | None = None, **more: Any) -> frames.Snapshot:
    return f.snapshot(retailers=[*SHOPS, *(shops or [])], brands=[*WARES, *(wares or [])], **more)


def estimate(snapshot: frames.Snapshot, rates: dict[str, dict[str, float]]) -> Estimate:
    """An estimate of pairs: rates by retailer and brand."""
    rows = [(r, b, rate) for r, of in rates.items() for b, rate in of.items()]
    frame = pd.DataFrame(rows, columns=["retailer_id", "brand_id", "rate"]).astype(
        dict(zip(("retailer_id", "brand_id"), snapshot.categories(), strict=True))
    )
    frame = frame.assign(dispersion=0.1, evidence="allocations", from_week=pd.Timestamp(f.week(-9)), to_week=pd.Timestamp(f.week(-1)))
    pairs = frames.conform(frames.PAIR_ESTIMATES, frame)
    weeks = pd.DataFrame(columns=["brand_id", "week", "expected_share", "tight", "error"])
    return Estimate(pairs, frames.empty(frames.BRAND_INDEX), Shape(weeks, np.ones(1)), frames.empty(frames.PROBLEMS), NOTHING)


def settled(value: float = 2.0) -> dict[str, dict[str, float]]:
    """Every shop sells B1; half of the convenience shops B2; hotels sell ten times as much."""
    out = {}
    for n, shop in enumerate(SHOPS):
        size = value if n < 12 else 10 * value
        out[shop["retailer_id"]] = {"B1": size} | ({"B2": size} if n % 2 else {})
    return out


def weeks_of(demand: dict[str, list[float]]) -> pd.DataFrame:
    """frames.BRAND_DEMAND of the weeks before MONDAY's; None is a week without a row."""
    rows = [
        {"brand_id": brand, "week": f.week(back - len(values)), "requested": 0, "allocated": 0, "demand": value, "p10": 0.0, "p90": value}
        for brand, values in demand.items()
        for back, value in enumerate(values)
        if value >= 0
    ]
    return f.table(frames.BRAND_DEMAND, rows)


DEMAND = weeks_of({"B1": [60.0] * 20, "B2": [30.0] * 20, "B3": [10.0] * 20})


def rates(pairs: pd.DataFrame) -> pd.Series:
    return pairs.astype({"retailer_id": "str", "brand_id": "str"}).set_index(["retailer_id", "brand_id"])["rate"]


def test_a_new_shop_wants_what_its_peers_want_on_the_mean() -> None:
    snap = known(
        shops=[f.retailer("N1", active_from=f.week(-1)), f.retailer("N2", business_format="hotel", star_level=5, active_from=f.week())]
    )
    found = rates(newcomers.pairs(snap, estimate(snap, settled()), DEMAND))
    assert found["N1"].to_dict() == {"B1": 2.0, "B2": 1.0}, "half of its peers sell B2, so half of what they sell"
    assert found["N2"].to_dict() == {"B1": 20.0, "B2": 10.0}


def test_a_new_shop_without_near_peers_takes_wider_ones() -> None:
    snap = known(
        shops=[f.retailer("N1", business_format="kiosk", active_from=f.week()), f.retailer("N2", star_level=1, active_from=f.week())]
    )
    found = rates(newcomers.pairs(snap, estimate(snap, settled()), DEMAND))
    assert found["N1"]["B1"] == pytest.approx((12 * 2 + 12 * 20) / 24)
    assert found["N2"]["B1"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("shop", "waiting", "new"),
    [
        ({"active_from": f.week(-8)}, False, True),
        ({"active_from": f.week(-9)}, False, False),
        ({}, False, False),
        ({}, True, True),
        ({"active_from": f.week(-2), "active_to": f.week(-1)}, False, False),
    ],
    ids=["begun of late", "begun long ago", "never heard of", "first heard now", "closed again"],
)
def test_who_is_new(shop: dict[str, Any], waiting: bool, new: bool) -> None:
    lines = [f.line("N1", "B1", allocated=None, order_date=f.week() + timedelta(days=1))] if waiting else []
    snap = known(shops=[f.retailer("N1", **shop)], waiting=lines)
    assert ("N1" in rates(newcomers.pairs(snap, estimate(snap, settled()), DEMAND)).index) == new


@given(st.floats(0.1, 50), st.integers(0, 23))
@settings(deadline=None, max_examples=20)
def test_a_new_brand_takes_the_same_share_of_every_shops_class(value: float, without: int) -> None:
    """Only of shops that sell anything; and what is settled stays as it is, to the last bit."""
    snap = known(wares=[f.brand("N1", launched_on=f.week())])
    given_ = settled(value)
    del given_[SHOPS[without]["retailer_id"]]
    before = estimate(snap, given_)
    found = newcomers.pairs(snap, before, DEMAND)
    fresh, whole = rates(found).xs("N1", level="brand_id"), rates(before.pairs).groupby("retailer_id").sum()
    assert set(fresh.index) == set(given_)
    np.testing.assert_allclose(fresh / whole.reindex(fresh.index), 0.5 * np.median([60 / 90, 30 / 90]), rtol=1e-5)
    pd.testing.assert_series_equal(rates(found).reindex(rates(before.pairs).index), rates(before.pairs), check_exact=True)
    assert set(found.loc[found["brand_id"] == "N1", "evidence"]) == {"peers"}


def test_earlier_launches_tell_how_a_new_brand_begins() -> None:
    """B4 was launched 20 weeks ago and took a tenth of its class in its first eight weeks; what it became since does not count."""
    snap = known(wares=[f.brand("B4", launched_on=f.week(-20)), f.brand("N1", launched_on=f.week())])
    whole = {"B1": [60.0] * 30, "B2": [30.0] * 30, "B4": [-1.0] * 10 + [10.0] * 8 + [200.0] * 12}
    before = estimate(snap, {r: of | {"B4": 1.0} for r, of in settled().items()})
    found = rates(newcomers.pairs(snap, before, weeks_of(whole)))
    size = rates(before.pairs)["R00"].sum()
    assert found["R00"]["N1"] == pytest.approx(0.1 * size, rel=1e-5)


def test_a_class_without_any_brand_is_measured_by_the_whole_shop() -> None:
    snap = known(wares=[f.brand("N1", price_class=1, launched_on=f.week())])
    found = rates(newcomers.pairs(snap, estimate(snap, settled()), DEMAND)).xs("N1", level="brand_id")
    assert (found > 0).all()
    assert found["R12"] == pytest.approx(10 * found["R00"], rel=1e-5)


def test_where_nobody_is_new_nothing_is_made() -> None:
    snap = known(wares=[f.brand("B9", launched_on=f.week(-30)), f.brand("B8", launched_on=f.week(-1), withdrawn_on=f.week())])
    before = estimate(snap, settled())
    assert newcomers.pairs(snap, before, DEMAND) is before.pairs


def test_a_city_of_which_nothing_is_known_has_no_peers() -> None:
    snap = known(shops=[f.retailer("N1", active_from=f.week())])
    assert newcomers.pairs(snap, estimate(snap, {}), frames.empty(frames.BRAND_DEMAND)).empty


def test_the_forecast_of_a_new_brand_is_the_sum_of_its_pairs_and_leaves_the_others_alone() -> None:
    weeks = pd.date_range(f.MONDAY, periods=3, freq="7D", unit="us")
    old = pd.DataFrame({"brand_id": "B1", "week": weeks, "demand": 90.0, "p10": 80.0, "p50": 90.0, "p90": 99.0, "method": "level"})
    live = pd.DataFrame({"brand_id": ["B1", "N1", "N1", "N1"], "district": ["D1", "D1", "D2", "D1"], "week": [*weeks[[0, 0, 0, 2]]]})
    found = newcomers.forecast(old, live.assign(rate=[5.0, 2.0, 3.0, 4.0]))
    assert found[found["brand_id"] == "N1"][["week", "demand"]].to_numpy().tolist() == [[weeks[0], 5.0], [weeks[2], 4.0]]
    pd.testing.assert_frame_equal(found[found["brand_id"] == "B1"].reset_index(drop=True), old, check_dtype=False)
    assert newcomers.forecast(old, live.assign(rate=1.0).iloc[:1]) is old
