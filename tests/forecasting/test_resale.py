"""Signals in an untidy city: what is put in is found, what is honest is left alone, and every doubt counts for the shop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import flow_tests, flows, resale
from ordering import conduct, frames
from ordering.conduct import Signal
from ordering.settings import SignalSettings
from tests import factories as f
from tests.forecasting import till_city

RULES = SignalSettings(weeks=13, false_share=0.05)
PUT_IN = {(r, b): 4.0 for r in range(12) for b in (0, 1)}


def found_in(**town: Any) -> tuple[flows.Flows, pd.DataFrame]:
    city = till_city.build(till_city.Town(**town))
    return flows.measure(city, RULES.weeks), frames.validated(conduct.SIGNALS, resale.signals(city, RULES))


def of(signals: pd.DataFrame, *kinds: Signal) -> set[tuple[int, int]]:
    chosen = signals[signals["signal"].isin(kinds)]
    return {(int(r[1:]), int(b[1:])) for r, b in zip(chosen["retailer_id"], chosen["brand_id"], strict=True)}


def counted(flow: flows.Flows, end: str) -> set[tuple[int, int]]:
    at = np.flatnonzero(~np.isnan(getattr(flow, end)))
    return set(zip(flow.retailer[at].tolist(), flow.brand[at].tolist(), strict=True))


@pytest.mark.parametrize(
    "untidy",
    [{}, {"visits": 0.4, "miscount": 0.3}, {"seen": 0.75}, {"silent": 0.3}, {"level": 8.0}, {"tills": 0.3}],
    ids=["as usual", "counted often and badly", "tills miss a quarter", "tills often silent", "large shops", "few tills"],
)
def test_an_honest_city_however_untidy_gives_hardly_any_signal(untidy: dict[str, float]) -> None:
    flow, signals = found_in(seed=4, **untidy)
    assert len(flow) > 200
    assert len(signals) <= 0.005 * len(flow)


def test_what_leaves_by_the_back_door_is_found_where_the_shelf_was_counted() -> None:
    flow, signals = found_in(out=PUT_IN, visits=0.15)
    sold = of(signals, Signal.SOLD_ELSEWHERE)
    assert of(signals, *Signal) <= set(PUT_IN), "and nobody else is named"
    theirs = set(PUT_IN) & counted(flow, "closing")
    assert len(theirs) >= 12
    assert len(sold & theirs) >= 0.8 * len(theirs)
    assert sold <= theirs, "without a count it is not said that goods were sold on"


def test_what_comes_in_by_the_back_door_is_found_where_there_was_a_count_to_begin_with() -> None:
    flow, signals = found_in(into=PUT_IN, visits=0.15)
    theirs = set(PUT_IN) & counted(flow, "opening")
    assert len(theirs) >= 12
    assert of(signals, Signal.BOUGHT_ELSEWHERE) <= theirs
    assert len(of(signals, Signal.BOUGHT_ELSEWHERE)) >= 0.8 * len(theirs)
    assert of(signals, *Signal) <= set(PUT_IN)


@pytest.mark.parametrize(("tills", "share"), [(1.0, 0.8), (0.0, 0.25)], ids=["with tills", "without any till"])
def test_what_piles_up_is_found_and_not_taken_for_sold(tills: float, share: float) -> None:
    """Without a till, sales are known only as what left between two counts, with every delivery near them in doubt."""
    flow, signals = found_in(hoard=PUT_IN, visits=0.2, tills=tills)
    ends = counted(flow, "closing") if tills else counted(flow, "closing") & counted(flow, "opening")
    theirs = set(PUT_IN) & ends
    assert len(theirs) >= 8
    assert len(of(signals, Signal.PILES_UP) & theirs) >= share * len(theirs)
    assert of(signals, *Signal) <= set(PUT_IN)
    assert not of(signals, Signal.SOLD_ELSEWHERE, Signal.BOUGHT_ELSEWHERE)


def test_where_nobody_counted_the_count_is_asked_for_first() -> None:
    _, signals = found_in(out=dict.fromkeys(PUT_IN, 8.0), visits=0.0)
    assert set(signals["signal"]) == {Signal.UNACCOUNTED}
    assert of(signals, Signal.UNACCOUNTED) <= set(PUT_IN)
    assert len(signals) >= len(PUT_IN) / 2


def test_without_tills_and_counts_there_is_no_signal() -> None:
    flow, signals = found_in(out=PUT_IN, visits=0.0, tills=0.0)
    assert len(flow) == len(signals) == 0


def test_a_brand_that_no_till_of_the_shop_knows_is_named_so_and_not_as_sold_on() -> None:
    city = till_city.build(till_city.Town(visits=0.3, level=4.0))
    scans = city.scanned_sales
    unknown = (scans["retailer_id"] == "R005") & (scans["brand_id"] == "B03")
    signals = resale.signals(replace(city, scanned_sales=scans[~unknown].reset_index(drop=True)), RULES)
    assert signals[["retailer_id", "brand_id", "signal"]].to_numpy().tolist() == [["R005", "B03", Signal.NEVER_SCANNED]]


def test_a_till_that_misses_most_sales_of_all_brands_is_named_as_a_till() -> None:
    city = till_city.build(till_city.Town(visits=0.1, level=4.0))
    scans = city.scanned_sales
    his = scans["retailer_id"] == "R007"
    fewer = np.random.default_rng(1).binomial(scans["sold"].to_numpy(), np.where(his, 0.4, 1.0))
    signals = resale.signals(replace(city, scanned_sales=scans.assign(sold=fewer)), RULES)
    tills = signals[signals["signal"] == Signal.TILL_INCOMPLETE]
    assert tills[["retailer_id", "brand_id"]].to_numpy().tolist() == [["R007", ""]]
    assert set(signals["retailer_id"]) == {"R007"}


# the flows by hand


def by_hand(**tables: Any) -> flows.Flows:
    lines = [f.line(requested=q, allocated=q, order_date=f.week(w) + timedelta(days=1)) for w, q in ((-12, 5), (-9, 7), (-6, 4), (-1, 9))]
    sold = [{"retailer_id": "R1", "brand_id": "B1", "week": f.week(-w), "sold": 1} for w in range(1, 21)]
    return flows.measure(f.snapshot(lines=lines, scanned_sales=tables.pop("sold", sold), **tables), 13)


def count(day: Any, stock: int) -> dict[str, Any]:
    return {"retailer_id": "R1", "brand_id": "B1", "counted_on": day, "stock": stock}


def test_what_was_received_counted_and_scanned_between_two_counts() -> None:
    counts = [count(f.week(-11) + timedelta(days=6), 6), count(f.week(-3) + timedelta(days=6), 2)]
    flow = by_hand(stock_counts=counts)
    assert (flow.opening[0], flow.closing[0], flow.sure[0], flow.most[0]) == (6, 2, 11, 11)
    assert (flow.scanned[0], flow.weeks[0], flow.reported[0], flow.doubt[0]) == (8, 8, 1.0, 0.0)


def test_cartons_that_may_lie_on_either_side_of_a_count_are_a_doubt() -> None:
    flow = by_hand(stock_counts=[count(f.week(-9) + timedelta(days=2), 6), count(f.week(-1) + timedelta(days=3), 2)])
    assert (flow.sure[0], flow.most[0]) == (4, 4 + 7 + 9), "ordered the day before the one, and two days before the other"
    assert flow.doubt[0] > 0


def test_where_nobody_counted_a_year_is_looked_at_and_silent_weeks_are_unknown() -> None:
    flow = by_hand()
    assert np.isnan(flow.opening[0])
    assert np.isnan(flow.closing[0])
    assert (flow.weeks[0], flow.sure[0], flow.reported[0], flow.scanned[0]) == (52, 25, 20 / 52, 20)
    assert not flow.has_till[0]


def test_a_count_of_the_running_week_is_left_to_the_next_night() -> None:
    before = [count(f.week(-11) + timedelta(days=6), 6), count(f.week(-3) + timedelta(days=6), 2)]
    now = by_hand(stock_counts=[*before, count(f.MONDAY, 40)])
    np.testing.assert_equal(vars(now), vars(by_hand(stock_counts=before)))


# laws


def one(**more: float) -> flows.Flows:
    base = {
        "retailer": 0, "brand": 0, "from_day": 0, "to_day": 91, "opening": 5.0, "closing": 3.0, "sure": 60.0, "most": 62.0, "scanned": 40.0,
        "doubt": 0.0, "reported": 1.0, "weeks": 13.0, "selling": 13.0,
    }  # fmt: skip
    return flows.Flows(**{name: np.array([value]) for name, value in (base | more).items()})  # type: ignore[arg-type]


SEEN = np.array([0.95])
cartons = st.integers(0, 200).map(float)


@given(cartons, st.integers(1, 40), cartons, cartons, cartons)
@settings(deadline=None, max_examples=80)
def test_more_scanned_sales_never_speak_for_resale_and_never_against_buying_elsewhere(
    scanned: float, more: int, opening: float, closing: float, received: float
) -> None:
    shelf = {"opening": opening, "closing": closing, "sure": received, "most": received}
    less, much = one(scanned=scanned, **shelf), one(scanned=scanned + more, **shelf)
    assert flow_tests.sold_elsewhere(much, SEEN).p[0] >= flow_tests.sold_elsewhere(less, SEEN).p[0]
    assert flow_tests.piles_up(much, SEEN).p[0] >= flow_tests.piles_up(less, SEEN).p[0]
    assert flow_tests.bought_elsewhere(much).p[0] <= flow_tests.bought_elsewhere(less).p[0]


@given(cartons, st.integers(1, 40), cartons, cartons)
@settings(deadline=None, max_examples=80)
def test_stock_that_is_still_on_the_shelf_never_speaks_for_resale(closing: float, more: int, received: float, scanned: float) -> None:
    less, much = (one(closing=value, sure=received, most=received, scanned=scanned) for value in (closing, closing + more))
    assert flow_tests.sold_elsewhere(much, SEEN).p[0] >= flow_tests.sold_elsewhere(less, SEEN).p[0]


@given(cartons, cartons, cartons, st.floats(0.3, 1.0))
@settings(deadline=None, max_examples=80)
def test_a_doubt_never_makes_a_signal_stronger(received: float, closing: float, scanned: float, reported: float) -> None:
    """Deliveries that may lie outside, sales that may, weeks without a report: each can only weaken."""
    sure = one(sure=received, most=received, closing=closing, scanned=scanned)
    doubtful = one(sure=0.8 * received, most=1.2 * received, closing=closing, scanned=scanned, doubt=1.0)
    silent = one(sure=received, most=received, closing=closing, scanned=scanned, reported=reported)
    for test in (lambda flow: flow_tests.sold_elsewhere(flow, SEEN), flow_tests.bought_elsewhere):
        assert test(doubtful).p[0] >= test(sure).p[0]
    if silent.has_till[0]:
        assert flow_tests.sold_elsewhere(silent, SEEN).p[0] >= flow_tests.sold_elsewhere(sure, SEEN).p[0]


def test_what_is_no_matter_in_cartons_is_no_signal_however_sure() -> None:
    small, large = one(opening=0, closing=0, sure=6.0, scanned=0.0), one(opening=0, closing=0, sure=16.0, scanned=0.0)
    assert flow_tests.sold_elsewhere(small, SEEN).p[0] == 1.0
    assert flow_tests.sold_elsewhere(large, SEEN).p[0] < 1e-3


def test_false_signals_are_bounded_over_all_that_could_be_tested() -> None:
    p = np.array([0.001, 0.02, 0.5, 0.004, 1.0, 0.001])
    tested = np.array([True, True, True, True, True, False])
    by_hand = np.array([0.005, 0.1 / 3, 0.625, 0.01, 1.0, 1.0])
    np.testing.assert_allclose(resale.adjusted(p, tested), by_hand)
    assert (resale.adjusted(p, np.zeros(6, bool)) == 1).all()


def test_a_smaller_share_of_false_signals_gives_fewer_of_the_same() -> None:
    city = till_city.build(till_city.Town(out={at: 1.0 + at[0] for at in PUT_IN}, visits=0.15))
    many, few = (resale.signals(city, SignalSettings(weeks=13, false_share=share)) for share in (0.2, 0.002))
    assert 0 < len(few) < len(many)
    assert of(few, *Signal) < of(many, *Signal)
    assert (many["adjusted"] >= many["p_value"]).all()


def test_the_order_of_rows_and_the_names_of_shops_change_nothing() -> None:
    city = till_city.build(till_city.Town(out=PUT_IN, visits=0.15, shops=30))
    order = np.random.default_rng(3).permutation(len(city.lines))
    scans = city.scanned_sales.sample(frac=1.0, random_state=1).reset_index(drop=True)
    mixed = replace(city, lines=city.lines.iloc[order].reset_index(drop=True), scanned_sales=scans)
    pd.testing.assert_frame_equal(resale.signals(city, RULES), resale.signals(mixed, RULES))


def test_every_signal_is_worded_in_both_languages_with_its_cartons() -> None:
    assert list(resale.REASONS) == list(Signal)
    table = pd.DataFrame({"signal": [str(signal) for signal in Signal], "cartons": 41.7})
    said = resale.words(table)
    assert said["english"].str.contains("42").all()
    assert said["chinese"].str.contains("42").all()
    assert not said.apply(lambda column: column.str.contains("{", regex=False)).any(axis=None)
