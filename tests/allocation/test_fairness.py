"""Envy, droughts and sums of a sharing, counted by hand in plain loops beside the measure."""

from __future__ import annotations

from datetime import timedelta

import hypothesis
import pandas as pd

from allocation import fairness, policies, suggest
from ordering import settings
from ordering.frames import Snapshot
from ordering.model import Policy
from tests import factories as make
from tests.allocation.cities import cities, expectations

RULES = settings.load().allocation
NOBODY = suggest.nobody_else()
quick = hypothesis.settings(
    phases=[hypothesis.Phase.generate], max_examples=10, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)


@quick
@hypothesis.given(cities(limits=False, lots=False), expectations())
def test_nobody_of_equal_weight_is_more_than_two_packs_behind_and_sums_are_those_of_the_lines(
    city: Snapshot, expected: pd.DataFrame
) -> None:
    """One pack by the rule; one more where a smaller level left less to those who came later in the week."""
    lines = policies.allocate(city, expected, RULES).lines
    found = fairness.measured(city, lines, None)
    for name in ("requested", "usable", "allocated"):
        assert found[name].sum() == lines[name].sum()
    assert found["lines"].sum() == len(lines)
    alone = lines.groupby(["week", "brand_id", "retailer_id"], observed=True).size().max() == 1 if len(lines) else False
    if alone and city.waiting["allocated"].isna().all() and not len(city.lines):
        assert found["envy"].max() <= 1


def shared(policy: Policy, asks: dict[str, int], supply: int) -> pd.DataFrame:
    city = make.snapshot(
        retailers=[make.retailer(name) for name in asks],
        waiting=[
            make.line(name, requested=want, allocated=None, order_date=make.MONDAY + timedelta(days=1)) for name, want in asks.items()
        ],
        supply=[{"brand_id": "B1", "week": make.week(), "available": supply}],
    )
    return fairness.measured(city, policies.allocate(city, NOBODY, RULES, only=policy).lines, None)


def test_who_asks_for_more_is_envied_under_proportional_sharing_only() -> None:
    asks = {"R1": 30, "R2": 10, "R3": 20}
    assert shared(Policy.PROPORTIONAL, asks, 30)["envy"].tolist() == [10]
    assert shared(Policy.UNIFORM, asks, 30)["envy"].tolist() == [0]


def test_a_drought_counts_the_weeks_in_a_row_in_which_a_shop_asked_and_got_nothing() -> None:
    got = {-5: 0, -4: 1, -3: 0, -1: 0}  # in week -2 it did not ask
    city = make.snapshot(
        retailers=[make.retailer(name) for name in ("R1", "R2")],
        lines=[make.line("R1", requested=3, allocated=count, order_date=make.week(at)) for at, count in got.items()],
        waiting=[make.line(name, requested=3, allocated=None, order_date=make.MONDAY + timedelta(days=1)) for name in ("R1", "R2")],
        supply=[{"brand_id": "B1", "week": make.week(), "available": 0}],
    )
    assert fairness.measured(city, policies.allocate(city, NOBODY, RULES).lines, None)["drought"].tolist() == [3]


def test_demand_counts_each_pair_once_and_until_the_next_visit() -> None:
    on = [make.MONDAY + timedelta(days=days) for days in (1, 2)]
    city = make.snapshot(
        retailers=[make.retailer("R1", visit_every_weeks=2)],
        waiting=[make.line("R1", requested=3, allocated=None, order_date=day) for day in on],
        supply=[{"brand_id": "B1", "week": make.week(), "available": 9}],
    )
    demand = pd.DataFrame({"retailer_id": ["R1"], "brand_id": ["B1"], "week": [pd.Timestamp(make.week())], "demand": [2.5]})
    found = fairness.measured(city, policies.allocate(city, NOBODY, RULES, demand=demand).lines, demand)
    assert found["demand"].tolist() == [5.0]


def test_no_lines_have_no_fairness() -> None:
    assert fairness.measured(make.snapshot(), policies.allocate(make.snapshot(), NOBODY, RULES).lines, None).empty
