from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from forecasting import panel
from tests import factories
from tests.factories import MONDAY, line, snapshot, week

WEEKS = panel.past_weeks(MONDAY, 10)


def test_the_window_ends_with_the_week_before_the_business_date() -> None:
    assert WEEKS[-1] == pd.Timestamp(week(-1))
    assert list(panel.past_weeks(MONDAY + timedelta(days=3), 10)) == list(WEEKS)


def test_lines_of_a_pair_and_week_are_summed_and_those_outside_are_left_out() -> None:
    rows = [line(order_id="a"), line(order_id="b", requested=3, allocated=1), line(order_id="c", order_date=week(-11))]
    built = panel.build(snapshot(lines=rows), WEEKS)
    assert built.lines.week.tolist() == [9]
    assert (built.lines.value.tolist(), built.lines.other.tolist()) == ([8], [6])


def test_weeks_of_a_pair_ascend_whatever_the_order_of_lines() -> None:
    days = [week(-w) for w in (2, 7, 4, 9, 1)]
    built = panel.build(snapshot(lines=[line(requested=i, order_date=day) for i, day in enumerate(days)]), WEEKS)
    assert built.lines.week.tolist() == [1, 3, 6, 8, 9]
    assert built.lines.value.tolist() == [3, 1, 2, 0, 4]


def test_of_several_counts_in_a_week_the_last_stands() -> None:
    counts = [{"retailer_id": "R1", "brand_id": "B1", "counted_on": week(-1) + timedelta(days=d), "stock": s} for d, s in ((5, 7), (4, 9))]
    built = panel.build(snapshot(stock_counts=counts), WEEKS)
    assert built.counts.value.tolist() == [7]


def test_a_brand_withdrawn_on_a_monday_does_not_live_in_that_week_and_one_launched_midweek_does() -> None:
    brands = [
        factories.brand("B1", launched_on=week(-5) + timedelta(days=3), withdrawn_on=week(-2)),
        factories.brand("B2", withdrawn_on=week(-2) + timedelta(days=1)),
    ]
    life = panel.lives(snapshot(brands=brands), WEEKS)
    assert (life.brand_first.tolist(), life.brand_last.tolist()) == ([5, 0], [7, 8])


def test_a_shop_without_dates_lives_from_its_first_line_only_if_it_was_silent_for_long_before() -> None:
    rows = [line("R1", order_date=week(-w)) for w in range(1, 10)]
    rows += [line("R2", order_date=week(-1)), line("R3", order_date=week(-8))]
    shops = [factories.retailer(r) for r in ("R1", "R2", "R3")]
    life = panel.lives(snapshot(retailers=shops, lines=rows), WEEKS)
    assert life.retailer_first.tolist() == [0, 9, 0]
    assert np.all(life.retailer_last == len(WEEKS) - 1)
