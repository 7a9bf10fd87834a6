"""A shop that for a time asks for several times the usual of everything short is found, and read as if it had not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecasting import kernels, panel, rhythm, scarcity, shelf, surges, totals
from forecasting.panel import Panel
from forecasting.scarcity import Scarcity
from forecasting.surges import Surges
from ordering.frames import Snapshot
from tests.forecasting import small_city

WEEKS = 60
SHARES = ("ample", "turns", "tight", "tight")


@pytest.fixture(scope="module")
def honest() -> Snapshot:
    return small_city.build(SHARES, shops=60).snapshot


def read(known: Snapshot) -> tuple[Panel, Scarcity]:
    made = panel.build(known, panel.past_weeks(known.business_date, WEEKS))
    return made, scarcity.measure(totals.of(made))


def found(known: Snapshot) -> tuple[list[int], Surges]:
    every = surges.find(*read(known))
    return np.flatnonzero(every.found).tolist(), every


def test_where_nobody_leaps_nothing_is_found_and_the_panel_is_the_same(honest: Snapshot) -> None:
    made, short = read(honest)
    every = surges.find(made, short)
    assert not every.found.any()
    assert surges.divided(made, every) is made


@pytest.mark.parametrize(("weeks", "before"), [(26, 0), (8, 0), (12, 20), (10, 40)])
def test_a_shop_that_asks_fivefold_is_found_with_its_weeks_and_how_much(honest: Snapshot, weeks: int, before: int) -> None:
    shops, every = found(small_city.fivefold(honest, "R21", weeks, before))
    assert shops == [21]
    begin = WEEKS - before - weeks
    assert abs(every.first[21] - begin) <= 1
    assert abs(every.last[21] - (begin + weeks - 1)) <= 1
    assert 4 < every.times[21] < 6.5


def test_what_all_shops_do_in_the_same_weeks_is_no_surge(honest: Snapshot) -> None:
    lines = honest.lines
    festival = lines["week"].isin(np.sort(lines["week"].unique())[30:36])
    shops, _ = found(small_city.with_lines(honest, lines.assign(requested=lines["requested"].where(~festival, 5 * lines["requested"]))))
    assert shops == []


def test_divided_requests_are_near_what_was_asked_before_and_nothing_else_changes(honest: Snapshot) -> None:
    plain, _ = read(honest)
    greedy, short = read(small_city.fivefold(honest, "R21"))
    calm = surges.divided(greedy, surges.find(greedy, short))
    leapt = (plain.lines.value != greedy.lines.value) & (plain.retailer[plain.lines.pair] == 21)
    ours, true, asked = (np.asarray(one.lines.value[leapt], float).sum() for one in (calm, plain, greedy))
    assert abs(ours / true - 1) < 0.15
    assert asked / true == 5  # the control
    np.testing.assert_array_equal(calm.lines.value[~leapt], plain.lines.value[~leapt])
    np.testing.assert_array_equal(calm.lines.other, greedy.lines.other)


def test_a_shop_that_orders_in_tens_still_does(honest: Snapshot) -> None:
    tens = honest.lines["requested"].where(honest.lines["retailer_id"] != "R21", 10 * honest.lines["requested"])
    greedy, short = read(small_city.fivefold(small_city.with_lines(honest, honest.lines.assign(requested=tens)), "R21"))
    calm = surges.divided(greedy, surges.find(greedy, short))
    assert (calm.lines.value[calm.retailer[calm.lines.pair] == 21] % 10 == 0).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 59), st.integers(0, 59), st.floats(1.0, 50.0))
def test_division_never_raises_a_request_and_never_silences_one(honest: Snapshot, first: int, length: int, times: float) -> None:
    made, _ = read(honest)
    shops = np.arange(made.retailers)
    every = Surges(np.full(len(shops), first), np.full(len(shops), first + length), np.where(shops % 2, times, 1.0))
    calm = surges.divided(made, every)
    assert (calm.lines.value <= made.lines.value).all()
    assert ((calm.lines.value > 0) == (made.lines.value > 0)).all()


def highest(total: np.ndarray, count: np.ndarray, least: int) -> float:
    """The clearness of the best span, by trying all."""
    best, weeks = 0.0, len(total)
    for i in range(weeks):
        for j in range(i, weeks):
            n, rest = count[i : j + 1].sum(), count.sum() - count[i : j + 1].sum()
            if least <= n <= rest:
                above = total[i : j + 1].sum() / n - (total.sum() - total[i : j + 1].sum()) / rest
                best = max(best, above**2 * n * rest if above > 0 else 0.0)
    return best


@settings(deadline=None, max_examples=60)
@given(arrays.arrays(np.int64, (3, 12), elements=st.integers(0, 6)), st.data())
def test_the_span_is_the_clearest_of_all(count: np.ndarray, data: st.DataObject) -> None:
    total = count * data.draw(arrays.arrays(np.int64, (3, 12), elements=st.integers(-5, 5)))
    first, last = kernels.highest_spans(total.astype(float), count.astype(float), 4)
    for row in range(3):
        inside = np.zeros(12, bool)
        inside[first[row] : last[row] + 1] = True
        n, rest = count[row, inside].sum(), count[row, ~inside].sum()
        above = total[row, inside].sum() / n - total[row, ~inside].sum() / rest if n else 0.0
        assert above**2 * n * rest == pytest.approx(highest(total[row], count[row], 4), abs=1e-9)


def test_what_a_surge_leaves_in_doubt_is_not_to_the_shops_benefit(honest: Snapshot) -> None:
    made, short = read(honest)
    seen = shelf.views(made, short, rhythm.index(totals.of(made), short), honest.retailers, honest.brands)
    every = np.ones(made.pairs, bool)
    grid = shelf.Tried(np.zeros(made.pairs), np.zeros(made.pairs), np.full(made.pairs, 1.5))
    doubtful = shelf.nothing_known(made.retailers)
    doubted = (made.retailer < 20) & every
    calm = surges.modest(seen, doubted, grid, doubtful)
    np.testing.assert_array_equal(calm.chance[20:], doubtful.chance[20:])
    assert (np.sort(calm.chance[:20]) == np.eye(calm.chance.shape[1])[-1]).all()

    def needs(chance: np.ndarray) -> np.ndarray:
        return np.bincount(made.retailer, np.exp(shelf.told(seen, every, grid, shelf.Habits(chance)).log_rate))

    each = [needs(np.broadcast_to(alone, calm.chance.shape)) for alone in np.eye(calm.chance.shape[1])]
    np.testing.assert_allclose(needs(calm.chance)[:20], np.min(each, axis=0)[:20])


def test_a_habit_that_a_shop_surely_has_not_is_not_taken_for_it(honest: Snapshot) -> None:
    made, short = read(honest)
    seen = shelf.views(made, short, rhythm.index(totals.of(made), short), honest.retailers, honest.brands)
    grid = shelf.Tried(np.zeros(made.pairs), np.zeros(made.pairs), np.full(made.pairs, 1.5))
    sure = shelf.Habits(np.tile(np.r_[1.0 - surges.POSSIBLE / 2, np.zeros(14), surges.POSSIBLE / 2], (made.retailers, 1)))
    assert (surges.modest(seen, np.ones(made.pairs, bool), grid, sure).honest == 1.0).all()
