from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordering import frames, fulfilment, gaps, kept_cells, model
from ordering import rate_cells as cells
from ordering.errors import TrueOrderError
from tests import factories

RETAILERS, BRANDS, WEEKS = 3, 2, 16
START = date(2026, 1, 26)
MONTHS = pd.Index(["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"])


def city() -> cells.Attributes:
    shops = [factories.retailer(f"R{n}", district=f"D{n % 2}", account_manager=f"M{n % 2}") for n in range(RETAILERS)]
    wares = [factories.brand(f"B{n}", manufacturer=f"F{n}", price_class=n + 1, origin=("province", "other")[n]) for n in range(BRANDS)]
    levels = np.array([[1 + (r + m) % 3 for m in range(len(MONTHS))] for r in range(RETAILERS)], np.int32)
    return cells.Attributes(factories.table(frames.RETAILERS, shops), factories.table(frames.BRANDS, wares), MONTHS, levels)


CITY = city()
REASONS = [*model.Reason, None]
LINES = st.lists(
    st.tuples(
        st.integers(0, RETAILERS - 1),
        st.integers(0, BRANDS - 1),
        st.integers(0, WEEKS - 1),
        st.integers(0, 30),
        st.one_of(st.none(), st.integers(0, 30)),
        st.one_of(st.none(), st.floats(0, 40)),
        st.sampled_from(REASONS),
    ),
    max_size=40,
)
DEMAND = st.dictionaries(
    st.tuples(st.integers(0, RETAILERS - 1), st.integers(0, BRANDS - 1), st.integers(0, WEEKS - 1)), st.floats(0, 20), min_size=1
)


def coded(retailers: list[int], brands: list[int], weeks: list[int]) -> pd.DataFrame:
    monday = pd.to_datetime([START + timedelta(weeks=w) for w in weeks])
    return pd.DataFrame(
        {
            "retailer_id": pd.Categorical.from_codes(retailers, dtype=pd.CategoricalDtype(CITY.retailers["retailer_id"])),
            "brand_id": pd.Categorical.from_codes(brands, dtype=pd.CategoricalDtype(CITY.brands["brand_id"])),
            "week": pd.Series(monday).astype("datetime64[us]"),
        }
    )


def lines_of(rows) -> pd.DataFrame:
    r, b, w, requested, allocated, expected, reason = ([row[n] for row in rows] for n in range(7))
    allocated = [None if a is None else min(a, q) for a, q in zip(allocated, requested, strict=True)]
    return coded(r, b, w).assign(
        requested=pd.array(requested, "int32"),
        allocated=pd.array(allocated, "Int32"),
        expected=np.array([np.nan if e is None else e for e in expected], "float64"),
        reason=pd.Series(reason, dtype="object"),
    )


def demand_of(lived) -> pd.DataFrame:
    keys = sorted(lived)
    return coded(*([key[n] for key in keys] for n in range(3))).assign(demand=[lived[key] for key in keys])


def chunk_of(rows, lived) -> pd.DataFrame:
    lines = lines_of(rows)
    lines = pd.concat([lines, gaps.split_gap(lines, CITY.brands)], axis=1)
    return cells.beside_demand(cells.pair_weeks(lines), demand_of(lived))


@settings(deadline=None)
@given(LINES)
def test_the_parts_of_a_gap_sum_exactly_to_it(rows):
    lines = lines_of(rows)
    parts = gaps.split_gap(lines, CITY.brands)
    given_ = lines["allocated"].notna()
    gap = (lines["requested"] - lines["allocated"])[given_].to_numpy("float64")
    np.testing.assert_array_equal(parts[given_].sum(axis=1).to_numpy(), gap)
    assert (parts[given_] >= 0).all(axis=None)
    assert parts[~given_].isna().all(axis=None)


def test_each_part_of_a_gap_goes_where_its_rule_belongs():
    reasons = ["LEVEL", "LEVEL", "TURN_LOST", "TURN_WON", "STAR_CAP", "BAND_CAP", "QUOTA_BRAND", "QUOTA_TOTAL", "DAY_LIMIT", "PACK", None]
    brands = [0] + [1] * 10
    lines = lines_of([(0, b, 0, 10, 4, 7.5, reason) for b, reason in zip(brands, reasons, strict=True)])
    parts = gaps.split_gap(lines, CITY.brands)
    assert (parts["gap_inflated"] == 2.5).all()
    rest = parts.drop(columns="gap_inflated")
    assert (rest.max(axis=1) == 3.5).all()
    assert [name.removeprefix("gap_") for name in rest.idxmax(axis=1)] == [
        "province", "supply", "supply", "supply", "cap", "cap", "quota", "quota", "limit", "other", "other",
    ]  # fmt: skip


def test_a_request_is_inflated_only_above_what_was_given_and_never_where_nothing_is_expected_of_it():
    lines = lines_of([(0, 1, 0, 10, 8, 3.0, "LEVEL"), (0, 1, 0, 10, 8, None, "LEVEL"), (0, 1, 0, 10, 8, 40.0, "LEVEL")])
    assert gaps.split_gap(lines, CITY.brands)["gap_inflated"].tolist() == [2.0, 0.0, 0.0]


def test_lines_not_yet_allocated_are_in_no_rate():
    done = (0, 0, 0, 10, 4, None, "LEVEL")
    waiting = (0, 0, 0, 90, None, None, None)
    for rows in ([done], [done, waiting]):
        found = fulfilment.rates(cells.additive(chunk_of(rows, {(0, 0, 0): 5.0}), CITY, ["period"]), ["period"], "week")
        assert found["fulfilment_rate"].tolist() == [0.4]
        assert found["requested"].tolist() == [10.0]


def slow_demand_fulfilment(rows, lived, window: int, group) -> dict:
    """The definition, said slowly: Σ over weeks t of min(A, D) ÷ Σ D, A and D over the `window` weeks ending in t, of lived weeks."""
    lived = {key: round(value * 2**20) / 2**20 for key, value in lived.items()}
    given_ = {}
    for r, b, w, requested, allocated, *_ in rows:
        if allocated is not None:
            given_[r, b, w] = given_.get((r, b, w), 0) + min(requested, allocated)
    above, below = {}, {}
    for r, b, t in lived:
        weeks = [s for s in range(t - window + 1, t + 1) if (r, b, s) in lived]
        a, d = sum(given_.get((r, b, s), 0) for s in weeks), sum(lived[r, b, s] for s in weeks)
        key = group(r, b, t)
        above[key], below[key] = above.get(key, 0.0) + min(a, d), below.get(key, 0.0) + d
    return {key: above[key] / below[key] for key in below if below[key] > 0}


def month_text(week: int) -> str:
    return f"{START + timedelta(weeks=week):%Y-%m}"


@settings(deadline=None, max_examples=30)
@given(LINES, DEMAND)
def test_the_windowed_rate_agrees_with_its_definition_said_slowly(rows, lived):
    chunk = chunk_of(rows, lived)
    by = ["brand", "period"]
    found = fulfilment.rates(cells.additive(chunk, CITY, by, period="month"), by, "month")
    slow = slow_demand_fulfilment(rows, lived, 4, lambda r, b, t: (f"B{b}", month_text(t)))
    fast = found.set_index(by)["demand_fulfilment_rate"].dropna().to_dict()
    assert fast == pytest.approx(slow)
    pairs = ["retailer", "brand"]
    found = fulfilment.rates(cells.additive(chunk, CITY, pairs), pairs)
    slow = slow_demand_fulfilment(rows, lived, 13, lambda r, b, t: (f"R{r}", f"B{b}"))
    assert found.set_index(pairs)["demand_fulfilment_rate"].dropna().to_dict() == pytest.approx(slow)


def test_the_window_matters_so_the_slow_definition_can_tell():
    rows, lived = [(0, 0, 0, 40, 40, None, None)], {(0, 0, w): 5.0 for w in range(10)}
    one, four, thirteen = (slow_demand_fulfilment(rows, lived, n, lambda *_: 0)[0] for n in (1, 4, 13))
    assert one < four < thirteen


@settings(deadline=None, max_examples=30)
@given(LINES, DEMAND)
def test_the_demand_fulfilment_rate_lies_between_nothing_and_all(rows, lived):
    found = fulfilment.rates(cells.additive(chunk_of(rows, lived), CITY, ["brand", "district"]), ["brand", "district"])
    assert found["demand_fulfilment_rate"].dropna().between(0, 1).all()
    assert found["fulfilment_rate"].dropna().between(0, 1).all()


@settings(deadline=None, max_examples=30)
@given(LINES, DEMAND, st.lists(st.booleans(), min_size=RETAILERS * BRANDS, max_size=RETAILERS * BRANDS))
def test_however_the_pairs_are_cut_into_chunks_not_one_bit_changes(rows, lived, cut):
    whole, by = chunk_of(rows, lived), ["brand", "star", "period"]
    pair = whole["retailer_id"].cat.codes.to_numpy(int) * BRANDS + whole["brand_id"].cat.codes.to_numpy(int)
    first = np.array(cut)[pair]
    parts = [cells.additive(part, CITY, by) for part in (whole[~first], whole[first], whole[:0])]
    pd.testing.assert_frame_equal(cells.gather(parts), cells.gather([cells.additive(whole, CITY, by)]), check_exact=True)
    pd.testing.assert_frame_equal(cells.gather(parts[::-1], limit=0), cells.gather(parts), check_exact=True)


@settings(deadline=None, max_examples=30)
@given(LINES, DEMAND)
def test_cells_keep_every_carton_and_every_part_of_the_gap(rows, lived):
    table = cells.additive(chunk_of(rows, lived), CITY, ["period", "brand", "district"])
    lines = lines_of(rows).dropna(subset=["allocated"])
    assert table["requested"].sum() == lines["requested"].sum()
    assert table["allocated"].sum() == lines["allocated"].sum()
    assert table["lines"].sum() == (lines["requested"] > 0).sum()
    np.testing.assert_array_equal(table[list(gaps.GAPS)].sum(axis=1), table["requested"] - table["allocated"])


@settings(deadline=None, max_examples=8)
@given(LINES, DEMAND)
def test_stored_cells_give_the_same_rates_as_the_pair_weeks(rows, lived):
    chunk = chunk_of(rows, lived)
    held = {name: kept_cells.stored(name, cells.additive(chunk, CITY, by)) for name, (_, by) in kept_cells.GRAINS.items()}
    asked = {
        "district_cells": (["period"], ["manufacturer", "district"], ["price_class", "period"], ["brand", "period"]),
        "retailer_cells": (["retailer", "period"], ["retailer", "manager", "district"], ["star", "retailer"], ["manager"], ["star"]),
    }
    for name, groupings in asked.items():
        for by in groupings:
            direct = fulfilment.rates(cells.additive(chunk, CITY, by, period="quarter"), by, "quarter")
            assert kept_cells.stored_in(by) == name
            pd.testing.assert_frame_equal(fulfilment.rates(held[name], by, "quarter", CITY), direct, check_exact=True)


def test_cells_that_lack_a_dimension_say_which_they_hold():
    table = cells.additive(chunk_of([], {(0, 0, 0): 1.0}), CITY, ["brand"])
    with pytest.raises(TrueOrderError, match="cannot be grouped by district: they hold brand_id"):
        fulfilment.rates(table, ["district"], of=CITY)
    with pytest.raises(TrueOrderError, match="no dimension 'shop'; there are retailer, brand"):
        fulfilment.rates(table, ["shop"])
    assert kept_cells.stored_in(["retailer", "manufacturer"]) is None


def test_a_week_belongs_to_the_month_and_year_of_its_monday_and_the_star_is_that_months():
    weeks = pd.Series(pd.to_datetime(["2025-12-29", "2026-03-30", "2026-04-06"]))
    assert cells.periods(weeks, "month").tolist() == ["2025-12", "2026-03", "2026-04"]
    assert cells.periods(weeks, "quarter").tolist() == ["2025-Q4", "2026-Q1", "2026-Q2"]
    assert cells.periods(weeks, "year").tolist() == ["2025", "2026", "2026"]
    assert cells.periods(weeks, "week").tolist() == ["2025-12-29", "2026-03-30", "2026-04-06"]
    chunk = chunk_of([(0, 0, 0, 5, 5, None, None), (0, 0, 1, 7, 7, None, None)], {(0, 0, 0): 1.0})
    found = fulfilment.rates(cells.additive(chunk, CITY, ["star"]), ["star"])
    assert found["star"].tolist() == [1, 2]  # the week of 26 January, and that of 2 February
    assert found["requested"].tolist() == [5.0, 7.0]


def test_weeks_before_the_span_count_in_its_windows_and_not_in_its_sums():
    rows, lived = [(0, 0, 3, 12, 12, None, None)], {(0, 0, w): 4.0 for w in range(8)}
    span = (START + timedelta(weeks=4), START + timedelta(weeks=4))
    found = cells.additive(chunk_of(rows, lived), CITY, ["period"], weeks=span)
    assert found["demand"].tolist() == [4.0]
    assert found["met"].tolist() == [12.0]
    assert found["demand_window"].tolist() == [16.0]


def test_a_week_whose_demand_is_unknown_is_in_the_plain_rate_alone():
    found = cells.additive(chunk_of([(0, 0, 2, 9, 9, None, None)], {(0, 0, 1): 4.0, (0, 0, 3): 4.0}), CITY, [])
    assert found["allocated"].tolist() == [9.0]
    assert found["met"].tolist() == [0.0]
    assert found["demand_window"].tolist() == [4.0 + 8.0]


def test_pair_weeks_out_of_order_or_twice_are_refused():
    chunk = chunk_of([], {(0, 0, 0): 1.0, (0, 0, 1): 1.0})
    for wrong in (chunk.iloc[::-1], chunk.iloc[[0, 0]]):
        with pytest.raises(TrueOrderError, match="sorted by retailer, brand and week"):
            cells.additive(wrong, CITY, ["brand"])


def test_targets_stand_beside_the_rates_of_their_own_period_and_dimension():
    chunk = chunk_of([(r, 0, 0, 10, 5, None, None) for r in range(3)], {(0, 0, 0): 1.0})
    targets = factories.table(
        frames.TARGETS,
        [
            {"metric": "fulfilment_rate", "period": "2026-01", "dimension": "district", "value": "D1", "target": 0.86},
            {"metric": "fulfilment_rate", "period": "2026-02", "dimension": "district", "value": "D0", "target": 0.5},
            {"metric": "fulfilment_rate", "period": "2026-01", "dimension": "", "value": "", "target": 0.9},
        ],
    )

    def targeted(*by: str) -> list[float]:
        found = fulfilment.rates(cells.additive(chunk, CITY, by, period="month"), by, "month")
        return fulfilment.with_targets(found, targets, by)["fulfilment_rate_target"].tolist()

    np.testing.assert_array_equal(targeted("district", "period"), [np.nan, 0.86])
    np.testing.assert_array_equal(targeted("period"), [0.9])
    np.testing.assert_array_equal(targeted("district"), [np.nan, np.nan])
    np.testing.assert_array_equal(targeted("district", "star", "period"), [np.nan] * 3)
