"""The weekly plan of a month's volume: laws, brute force over small months, and a rule that must break the law it is held against."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd

from allocation import plan

many = hypothesis.settings(max_examples=200, deadline=None)
STRENGTH = st.one_of(st.just(0.0), st.floats(0.5, 40.0))
TOTAL = st.integers(0, 300)


@st.composite
def months(draw: st.DrawFn, *, weeks: int = 5, big: int = 60) -> tuple[np.ndarray, ...]:
    """given, forecast, the most of each week, the most of the first weeks together."""
    count = draw(st.integers(1, weeks))
    demand = np.array(draw(st.lists(STRENGTH, min_size=count, max_size=count)))
    given = np.zeros(count, np.int64)
    given[0] = draw(st.integers(0, 5))
    most = st.one_of(st.just(plan.UNLIMITED), st.integers(0, big))
    high = np.array(draw(st.lists(most, min_size=count, max_size=count)), np.int64)
    arriving = draw(st.one_of(st.none(), st.lists(st.integers(0, big), min_size=count, max_size=count)))
    ceiling = np.full(count, plan.UNLIMITED) if arriving is None else np.cumsum(arriving)
    return given, demand, high, ceiling.astype(np.int64)


@many
@hypothesis.given(TOTAL, months())
def test_a_plan_adds_up_to_the_volume_as_far_as_limits_allow_and_keeps_every_limit(left: int, month: tuple[np.ndarray, ...]) -> None:
    given, demand, high, ceiling = month
    found = plan.weekly(left, given, demand, high, ceiling)
    assert int(found.cartons.sum()) + found.unplanned == left
    assert (found.cartons >= given).all()
    assert (found.cartons <= np.maximum(high, given)).all()
    assert (np.cumsum(found.cartons) <= np.maximum(ceiling, np.cumsum(given))).all()
    if found.unplanned > 0:
        assert found.cartons.sum() == plan.reach(np.maximum(high, given), np.maximum(ceiling, np.cumsum(given)))


def most_even(total: int, low: np.ndarray, high: np.ndarray, ceiling: np.ndarray, demand: np.ndarray) -> float:
    """The least Σ x² ÷ demand of all whole plans, by trying every one."""
    reach = [range(int(a), min(int(b), total) + 1) for a, b in zip(low, high, strict=True)]
    plans = (np.array(x) for x in itertools.product(*reach) if sum(x) == total)
    return min(float((x**2 / demand).sum()) for x in plans if (np.cumsum(x) <= ceiling).all())


@hypothesis.settings(max_examples=500, deadline=None)
@hypothesis.given(st.integers(0, 13), months(weeks=4, big=6))
def test_a_plan_is_as_even_as_any_by_brute_force(left: int, month: tuple[np.ndarray, ...]) -> None:
    given, demand, high, ceiling = month
    found = plan.weekly(left, given, demand, high, ceiling).cartons
    strength = np.maximum(demand, plan.LEAST * demand.max()) if demand.max() > 0 else np.ones(len(demand))
    best = most_even(int(found.sum()), given, np.maximum(high, given), np.maximum(ceiling, np.cumsum(given)), strength)
    assert (found**2 / strength).sum() <= best * (1 + 1e-9)


@many
@hypothesis.given(TOTAL, st.lists(st.floats(0.5, 40.0), min_size=1, max_size=6))
def test_where_nothing_binds_the_plan_is_in_proportion_to_the_forecast(left: int, forecast: list[float]) -> None:
    """One line t divides them all: every week has the whole number nearest to t × forecast."""
    demand = np.array(forecast)
    free = np.full(len(demand), plan.UNLIMITED)
    found = plan.weekly(left, np.zeros(len(demand), np.int64), demand, free, free)
    assert found.unplanned == 0
    assert ((found.cartons - 0.5) / demand).max() <= ((found.cartons + 0.5) / demand).min() + 1e-9


def largest_remainders(total: int, demand: np.ndarray) -> np.ndarray:
    """What most people would do; the control."""
    exact = total * demand / demand.sum()
    out = np.floor(exact).astype(np.int64)
    out[np.argsort(-(exact - out), kind="stable")[: total - out.sum()]] += 1
    return out


def webster(total: int, demand: np.ndarray) -> np.ndarray:
    return plan.shared(total, demand, np.zeros(len(demand), np.int64), np.full(len(demand), plan.UNLIMITED))


@many
@hypothesis.given(st.integers(0, 299), st.lists(STRENGTH, min_size=1, max_size=6))
def test_a_larger_volume_takes_a_carton_from_no_week(left: int, forecast: list[float]) -> None:
    demand = np.array(forecast)
    assert (webster(left + 1, demand) >= webster(left, demand)).all()


@many
@hypothesis.given(TOTAL, st.lists(st.floats(0.5, 40.0), min_size=2, max_size=6), st.data())
def test_a_part_of_the_weeks_shares_what_it_has_as_the_whole_did(left: int, forecast: list[float], data: st.DataObject) -> None:
    demand = np.array(forecast)
    whole = webster(left, demand)
    part = slice(0, data.draw(st.integers(1, len(demand))))
    assert webster(int(whole[part].sum()), demand[part]).tolist() == whole[part].tolist()


def test_largest_remainders_take_cartons_away_when_the_volume_grows() -> None:
    """The control of the law before last: the reason why they are not used."""
    rng = np.random.default_rng(1)
    taken = [
        (largest_remainders(total + 1, demand) < largest_remainders(total, demand)).any()
        for demand in rng.uniform(0.5, 40, (300, 5))
        for total in range(20, 60)
    ]
    assert 0.005 < np.mean(taken) < 0.2


def test_what_a_week_cannot_have_yet_is_caught_up_by_the_weeks_after_it() -> None:
    even, free = np.full(4, 10.0), np.full(4, plan.UNLIMITED)
    found = plan.weekly(400, np.zeros(4, np.int64), even, free, np.array([40, 400, 400, 400]))
    assert found.cartons.tolist() == [40, 120, 120, 120]


# a month of frames

FIRST = pd.Timestamp("2026-03-09")


def frame(rows: list[dict[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def month(**tables: list[dict[str, Any]]) -> plan.Month:
    """March 2026, planned from its second Monday; brand B1 has 100 cartons, and 10 a week are forecast."""
    dated = {"brand_id": "str", "week": "datetime64[us]"}
    forecast = [{"brand_id": "B1", "week": week, "demand": 10.0} for week in plan.weeks_of("2026-03")[1:]]
    return plan.Month(
        "2026-03",
        FIRST,
        frame(tables.get("volume", [{"brand_id": "B1", "volume": 100}]), {"brand_id": "str", "volume": "int64"}),
        frame(tables.get("forecast", forecast), dated | {"demand": "float64"}),
        frame(tables.get("given", []), dated | {"allocated": "int64"}),
        frame(tables.get("supply", []), dated | {"available": "int64"}),
        frame(tables.get("arrivals", []), {"brand_id": "str", "arrives_on": "datetime64[us]", "quantity": "int64"}),
    )


def planned(**tables: list[dict[str, Any]]) -> pd.DataFrame:
    return plan.plan_month(month(**tables))


def test_a_month_has_the_weeks_whose_monday_is_in_it() -> None:
    assert [week.date() for week in plan.weeks_of("2026-03")] == [date(2026, 3, d) for d in (2, 9, 16, 23, 30)]


def test_what_was_given_before_is_taken_off_the_volume_and_stands() -> None:
    given = [{"brand_id": "B1", "week": week, "allocated": cartons} for week, cartons in (("2026-03-02", 36), ("2026-03-09", 20))]
    rows = planned(given=given)
    assert rows["plan"].tolist() == [36, 20, 15, 15, 14]
    assert (rows["unplanned"] == 0).all()
    over = planned(given=[given[0] | {"allocated": 130}])
    assert over["plan"].tolist() == [130, 0, 0, 0, 0]
    assert (over["unplanned"] == -30).all()


def test_nothing_is_planned_before_it_arrives() -> None:
    arrivals = [{"brand_id": "B1", "arrives_on": day, "quantity": cartons} for day, cartons in (("2026-03-05", 8), ("2026-03-17", 60))]
    rows = planned(arrivals=arrivals)
    assert rows["plan"].tolist() == [0, 4, 4, 30, 30], "the 60 come on a Tuesday, and are there for the week after"
    assert rows["unplanned"].unique().tolist() == [32]
    assert rows["arrived"].tolist()[1:] == [8, 8, 68, 68]
    assert np.isnan(rows["arrived"][0])


def test_the_supply_of_the_first_week_holds_what_arrived_by_its_monday() -> None:
    arrivals = [{"brand_id": "B1", "arrives_on": day, "quantity": 50} for day in ("2026-03-09", "2026-03-20")]
    supply = [{"brand_id": "B1", "week": FIRST, "available": 30}]
    rows = planned(arrivals=arrivals, supply=supply, given=[{"brand_id": "B1", "week": "2026-03-02", "allocated": 10}])
    assert rows["arrived"].tolist()[1:] == [30, 30, 80, 80]
    assert rows["plan"].tolist() == [10, 15, 15, 25, 25]


def test_a_brand_that_nothing_limits_is_spread_evenly() -> None:
    rows = planned()
    assert rows["plan"].tolist() == [0, 25, 25, 25, 25]
    assert rows["arrived"].isna().all()
    assert rows["forecast"].tolist() == [0, 10, 10, 10, 10]
