"""How well people know demand: requests and overrides against true demand, over windows of four weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import accuracy
from tests import factories as f

WEEKS = pd.date_range(f.week(-9), periods=9, freq="7D", unit="us")
BRANDS = pd.Index(["B1", "B2"])
PLENTY = np.ones((2, 3), bool)


def pair_weeks(requested: list[int], demand: list[float], retailer: str = "R1", brand: str = "B1") -> pd.DataFrame:
    kinds = pd.CategoricalDtype(["R1", "R2"]), pd.CategoricalDtype(BRANDS)
    rows = pd.DataFrame({"retailer_id": retailer, "brand_id": brand, "week": WEEKS, "requested": requested, "demand": demand})
    return rows.astype({"retailer_id": kinds[0], "brand_id": kinds[1]})


def test_windows_are_whole_and_counted_from_the_last_week() -> None:
    assert accuracy.windows(WEEKS).tolist() == [-1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert accuracy.windows(WEEKS[:3]).tolist() == [-1, -1, -1]


def test_ordering_a_months_sales_in_one_week_is_knowing_them() -> None:
    """Orders refill shelves: week against week this shop would be wrong by twice what it sells."""
    lumpy = pair_weeks([99, 40, 0, 0, 0, 0, 0, 0, 40], [10.0] * 9)
    found = accuracy.knowledge(lumpy, WEEKS, PLENTY).iloc[0]
    assert (found["requested"], found["demand"], found["request_error"]) == (80, 80, 0)


@given(st.lists(st.integers(0, 50), min_size=9, max_size=9), st.lists(st.floats(0, 50), min_size=9, max_size=9), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_the_error_is_at_least_the_bias_and_grows_with_what_is_asked_beyond_need(
    requested: list[int], demand: list[float], times: int
) -> None:
    asked = [r + times * (1 + int(d)) for r, d in zip(requested, demand, strict=True)]
    more = [a + 8 for a in asked]
    first, last = (accuracy.knowledge(pair_weeks(values, demand), WEEKS, PLENTY).iloc[0] for values in (asked, more))
    assert first["request_error"] + 1e-9 >= abs(first["requested"] - first["demand"])
    assert last["request_error"] == pytest.approx(first["request_error"] + 64)


def test_windows_of_shortage_are_left_out_of_plenty_and_stay_in_the_whole() -> None:
    told = pd.DataFrame({"brand_id": ["B1"] * 9, "week": WEEKS, "requested": 10, "allocated": [10, 10, 8, 10, 10, 10, 10, 9, 10]})
    plenty = accuracy.in_plenty(told, BRANDS, WEEKS)
    assert plenty.tolist() == [[True, False, True], [True, True, True]]
    found = accuracy.knowledge(pair_weeks([10] * 9, [5.0] * 9), WEEKS, plenty).iloc[0]
    assert (found["request_error"], found["plenty_request_error"], found["plenty_demand"]) == (40, 20, 20)


def test_retailers_are_kept_apart_and_brands_do_not_make_up_for_each_other() -> None:
    rows = pd.concat([
        pair_weeks([8] * 9, [5.0] * 9), pair_weeks([2] * 9, [5.0] * 9, brand="B2"), pair_weeks([5] * 9, [5.0] * 9, retailer="R2"),
    ])  # fmt: skip
    found = accuracy.knowledge(rows, WEEKS, PLENTY).set_index("retailer_id")
    assert found["request_error"].tolist() == [48, 0]
    assert (found["requested"] - found["demand"]).tolist() == [0, 0]


# what overriding brought


def decided(suggested: list[int], decision: list[str], qty: list[int | None], retailer: str = "R1") -> pd.DataFrame:
    weeks = pd.date_range("2026-01-19", periods=len(suggested), freq="7D", unit="us")
    qtys = pd.array(qty, dtype="Int32")
    return pd.DataFrame(
        {"retailer_id": retailer, "brand_id": "B1", "week": weeks, "suggested": suggested, "decision": decision, "decided_qty": qtys}
    )


def wanted(rows: pd.DataFrame, demand: list[float]) -> pd.DataFrame:
    return rows[["retailer_id", "brand_id", "week"]].assign(demand=demand)


def test_an_override_that_was_nearer_gained_and_one_that_was_further_cost() -> None:
    rows = decided([10, 10], ["adjusted", "adjusted"], [6, 6])
    assert accuracy.worth(rows, wanted(rows, [6.0, 6.0]))["gain"].tolist() == [8.0]
    assert accuracy.worth(rows, wanted(rows, [10.0, 10.0]))["gain"].tolist() == [-8.0]


def test_accepting_gains_nothing_and_open_suggestions_are_no_decisions() -> None:
    rows = decided([10, 4, 7], ["accepted", "accepted", "open"], [None, None, None])
    found = accuracy.worth(rows, wanted(rows, [3.0, 3.0, 3.0])).iloc[0]
    assert (found["decisions"], found["overrides"], found["gain"]) == (2, 0, 0.0)


def test_rejecting_is_deciding_on_none() -> None:
    rows = decided([10], ["rejected"], [None])
    found = accuracy.worth(rows, wanted(rows, [1.0])).iloc[0]
    assert (found["decided"], found["error_suggested"], found["error_decided"], found["gain"]) == (0, 9, 1, 8)


def test_decisions_that_make_up_for_each_other_within_a_window_are_right() -> None:
    rows = decided([5, 5, 5, 5], ["adjusted"] * 4, [20, 0, 0, 0])
    assert accuracy.worth(rows, wanted(rows, [5.0] * 4))["gain"].tolist() == [0.0]
    assert accuracy.worth(rows.iloc[:3], wanted(rows, [5.0] * 4))["gain"].tolist() == [-5.0]


def test_a_week_without_recovered_demand_is_not_judged() -> None:
    rows = decided([5, 5], ["adjusted"] * 2, [7, 7])
    assert accuracy.worth(rows, wanted(rows, [5.0, np.nan]))["decisions"].tolist() == [1]
    assert accuracy.worth(rows, wanted(rows, [np.nan, np.nan])).empty
