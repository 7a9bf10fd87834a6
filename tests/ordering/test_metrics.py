import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordering import metrics
from ordering.errors import TrueOrderError

CELLS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 50), st.integers(0, 50)).map(lambda t: (t[0], max(t[1], t[2]), min(t[1], t[2]))),
    min_size=1,
    max_size=30,
).map(lambda rows: pd.DataFrame(rows, columns=["district", "requested", "allocated"]))

DOMAIN_TABLE = {
    "fulfilment_rate": "Σ allocated ÷ Σ requested",
    "demand_fulfilment_rate": "Σ demand met within the window ÷ Σ demand of the window",
    "line_fill_rate": "Σ lines filled whole ÷ Σ lines with a request",
    "cap_take_up_rate": "Σ allocated ÷ Σ released",
    "cap_hit_breadth": "Σ retailers that took their whole cap ÷ Σ retailers that ordered",
    "ordering_rate": "Σ retailers that ordered ÷ Σ retailers of the level",
    "repurchase_rate": "Σ retailers that ordered in both weeks ÷ Σ retailers that ordered last week",
    "supply_utilisation": "Σ allocated ÷ Σ available supply",
    "sell_through_ratio": "(Σ opening stock + Σ received − Σ closing stock) ÷ (Σ opening stock + Σ received)",
    "stock_to_sales_ratio": "Σ month-end stock ÷ Σ that month's sales",
    "stock_out_rate": "Σ lines given nothing ÷ Σ lines with a request",
    "retailer_stock_out_rate": "Σ sampled retailers with an out-of-stock day ÷ Σ sampled retailers",
    "distribution_rate": "Σ retailers carrying the brand ÷ Σ active retailers",
    "forecast_accuracy": "(Σ actual − Σ absolute error of the forecast) ÷ Σ actual",
    "forecast_bias": "(Σ forecast − Σ actual) ÷ Σ actual",
    "brand_concentration": "share of volume of the top N brands",
    "herfindahl_index": "sum of the squared shares of the brands",
    "growth_rate": "(Σ volume − Σ volume of the same period last year) ÷ Σ volume of the same period last year",
}
OURS = {
    "satisfaction_index": "Σ points of satisfaction ÷ Σ the most points",
    "request_accuracy": "(Σ true demand − Σ absolute error of the requests) ÷ Σ true demand",
    "request_bias": "(Σ requested − Σ true demand) ÷ Σ true demand",
}


def test_every_metric_of_the_domain_is_in_the_registry_with_its_definition():
    assert {m.name: m.definition("en") for m in metrics.registry().values()} == DOMAIN_TABLE | OURS


def test_every_metric_is_named_in_both_languages_with_grain_source_and_format():
    for metric in metrics.registry().values():
        assert all((*metric.names, *metric.grain, *metric.source, metric.definition("zh")))
        assert metric.format in ("percent", "ratio", "change")
        assert metric.better in ("up", "down", "neither")


@settings(deadline=None)
@given(CELLS)
def test_the_rate_of_a_total_is_the_ratio_of_the_sums_of_its_parts(cells):
    parts = metrics.compute(cells, ["fulfilment_rate"], ["district"], keep=["requested", "allocated"])
    total = metrics.compute(cells, ["fulfilment_rate"])["fulfilment_rate"].iloc[0]
    again = metrics.compute(parts, ["fulfilment_rate"])["fulfilment_rate"].iloc[0]
    assert np.isclose(total, again, equal_nan=True)
    if cells["requested"].sum():
        assert np.isclose(total, cells["allocated"].sum() / cells["requested"].sum())


def test_a_mean_of_rates_would_be_told_apart_from_the_rate():
    cells = pd.DataFrame({"district": ["a", "b"], "requested": [100, 1], "allocated": [97, 0]})
    parts = metrics.compute(cells, ["fulfilment_rate"], ["district"])
    assert parts["fulfilment_rate"].mean() == pytest.approx(0.485)
    assert metrics.compute(cells, ["fulfilment_rate"])["fulfilment_rate"].iloc[0] == pytest.approx(97 / 101)


@settings(deadline=None)
@given(CELLS, st.randoms())
def test_the_order_of_the_cells_changes_nothing(cells, random):
    order = list(range(len(cells)))
    random.shuffle(order)
    one = metrics.compute(cells, ["fulfilment_rate"], ["district"])
    other = metrics.compute(cells.iloc[order], ["fulfilment_rate"], ["district"])
    pd.testing.assert_frame_equal(one, other)


def test_a_rate_with_nothing_below_the_line_is_undefined_and_not_zero():
    cells = pd.DataFrame({"district": ["a", "b"], "requested": [0, 4], "allocated": [0, 0]})
    rate = metrics.compute(cells, ["fulfilment_rate"], ["district"])["fulfilment_rate"]
    assert np.isnan(rate[0])
    assert rate[1] == 0.0


def test_what_was_never_measured_is_undefined():
    cells = pd.DataFrame({"opening_stock": [np.nan], "received": [3.0], "closing_stock": [1.0]})
    assert metrics.compute(cells, ["sell_through_ratio"])["sell_through_ratio"].isna().all()


def test_sell_through_adds_what_was_received_before_it_divides():
    cells = pd.DataFrame({"opening_stock": [10, 4], "received": [5, 1], "closing_stock": [3, 2]})
    assert metrics.compute(cells, ["sell_through_ratio"])["sell_through_ratio"].iloc[0] == pytest.approx((20 - 5) / 20)


def test_forecast_accuracy_adds_the_errors_up_before_it_divides_and_shows_the_bias_beside_it():
    errors = metrics.forecast_errors(pd.Series([10.0, 0.0, 7.0, 1.0]), pd.Series([8.0, 4.0, 7.0, np.nan]))
    found = metrics.compute(errors, ["forecast_accuracy", "forecast_bias"]).iloc[0]
    assert found["forecast_accuracy"] == pytest.approx(1 - 6 / 19)
    assert found["forecast_bias"] == pytest.approx((17 - 19) / 19)


def test_concentration_is_the_share_of_the_largest_brands():
    volume = pd.Series([50.0, 30.0, 15.0, 5.0])
    assert metrics.concentration(volume, 2) == pytest.approx(0.8)
    assert metrics.herfindahl(volume) == pytest.approx(0.25 + 0.09 + 0.0225 + 0.0025)
    assert np.isnan(metrics.concentration(volume * 0, 2))
    assert np.isnan(metrics.herfindahl(volume * 0))


def test_growth_over_nothing_is_undefined():
    now, before = pd.Series({"a": 12.0, "b": 5.0, "c": 5.0}), pd.Series({"a": 10.0, "b": 0.0})
    grown = metrics.growth(now, before)
    assert grown["a"] == pytest.approx(0.2)
    assert grown[["b", "c"]].isna().all()
    both = pd.DataFrame({"volume": now, "volume_last_year": before.reindex(now.index)})
    pd.testing.assert_series_equal(metrics.value(both, "growth_rate"), grown, check_names=False)


@pytest.mark.parametrize(("name", "said"), [("fulfilment", "not in the registry"), ("herfindahl_index", "ratio of sums")])
def test_a_metric_that_no_sums_give_is_refused_by_name(name, said):
    with pytest.raises(TrueOrderError, match=said):
        metrics.compute(pd.DataFrame({"volume": [1.0]}), [name])


def test_a_missing_column_is_named():
    with pytest.raises(TrueOrderError, match="fulfilment_rate: no column requested"):
        metrics.compute(pd.DataFrame({"allocated": [1.0]}), ["fulfilment_rate"])
