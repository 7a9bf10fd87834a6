from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting import influences
from ordering import frames
from tests import factories

NONE = frames.empty(frames.FESTIVALS)
WEEKS = pd.date_range(pd.Timestamp(factories.week(-80)), periods=93, freq="7D", unit="us")


def told(name: str, values: list[float], *, district: str = "", first: int = -80) -> list[dict[str, object]]:
    return [{"district": district, "week": factories.week(first + number), "name": name, "value": v} for number, v in enumerate(values)]


def columns(rows: list[dict[str, object]]) -> tuple[np.ndarray, list[str]]:
    """The columns that the regressors add to the calendar, and the subjects of what was found wrong with them."""
    effects, faults = influences.design(WEEKS, NONE, factories.table(frames.REGRESSORS, rows))
    plain = influences.design(WEEKS, NONE, None)[0].shape[1]
    return effects[:, plain:], [subject for subject, _ in faults]


EVENT = [float(number % 11 == 5) for number in range(93)]


def test_an_event_that_is_planned_ahead_stands_in_the_coming_weeks() -> None:
    found, faults = columns(told("fair", EVENT))
    assert faults == []
    assert found.shape == (93, 1)
    assert (found[np.array(EVENT) == 1] > 0.5).all()
    assert (found[np.array(EVENT) == 0] < 0).all()


def test_where_it_is_not_known_ahead_an_event_does_not_last_and_a_level_does() -> None:
    event, _ = columns(told("fair", [*EVENT[:71], *[0.0] * 8, 1.0]))  # the last known week has one
    assert event[79] > 0.5
    assert np.abs(event[81:]).max() < 0.3 * event[79]
    wave = list(100 + 5 * np.cumsum(np.random.default_rng(1).normal(0, 1, 80)))
    level, _ = columns(told("economy", wave))
    assert level[80] == pytest.approx(level[79], rel=0.25)


def test_a_straight_line_a_gap_and_a_late_start_are_named_and_not_used() -> None:
    line = told("people", [300.0 + 0.1 * number for number in range(93)])
    gap = [row for row in told("gap", EVENT) if row["week"] != factories.week(-40)]
    late = told("late", EVENT[:60], first=-60)
    found, faults = columns([*line, *gap, *late, *told("constant", [4.0] * 93)])
    assert found.shape[1] == 0
    assert faults == ["regressor constant", "regressor gap", "regressor late", "regressor people"]


def test_districts_count_by_what_is_delivered_in_them_and_the_citys_own_row_goes_first() -> None:
    shops = [factories.retailer("R1", district="D1"), factories.retailer("R2", district="D2"), factories.retailer("R3", district="D3")]
    lines = [factories.line("R1", allocated=30, requested=30), factories.line("R2", allocated=10, requested=10)]
    rows = [
        *told("fair", [1.0], district="D1", first=-1), *told("fair", [0.0], district="D2", first=-1),
        *told("fair", [9.0], district="D3", first=-1), *told("wage", [5.0], district="D1", first=-1), *told("wage", [7.0], first=-1),
        *told("fair", [8.0], district="D3", first=0),
    ]  # fmt: skip
    found = influences.of_city(factories.snapshot(retailers=shops, lines=lines, regressors=rows))
    frames.validated(frames.REGRESSORS, found)
    assert set(found["district"]) == {""}
    values = found.set_index(["name", "week"])["value"]
    last = pd.Timestamp(factories.MONDAY - timedelta(days=7))
    assert values[("fair", last)] == pytest.approx(0.75)  # nobody delivers in D3
    assert values[("wage", last)] == 7
    assert len(values) == 2  # the week of which only D3 tells has no value


def test_a_city_without_regressors_has_none() -> None:
    assert influences.of_city(factories.snapshot(lines=[factories.line()])).empty
