"""Numbers typed to see the cap, on small cities of single lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import demand, inflation, probing
from ordering import conduct, frames, strategy
from ordering.settings import DemandSettings, InflationSettings
from tests import factories as f


def probed(
    requested: int, *, cap: int | None = 4, need: float = 6.0, mode: str = "pre_order", before: int | None = None, seen: int | None = None,
    history: bool = True,
) -> bool:  # fmt: skip
    """Whether one line is a probe: `before` the most that was typed first, `seen` the cap shown then, `history`: asked for before."""
    line = f.line(requested=requested, allocated=None, mode=mode, order_date=f.MONDAY)
    city = f.snapshot(lines=[f.line(requested=3, allocated=3)] if history else [], waiting=[line])
    if before is not None:
        row = {"order_id": line["order_id"], "brand_id": "B1", "retailer_id": "R1", "most": before, "cap_seen": seen}
        city = replace(city, revisions=f.table(conduct.REVISIONS, [row]))
    caps = np.array([strategy.NO_CAP if cap is None else cap], np.int32)
    return bool(probing.probes(city, city.waiting, caps, np.array([need]))[0])


@pytest.mark.parametrize("number", [999, 9999, 8888, 1000, 100_000])
def test_a_number_of_the_keyboard_far_above_cap_and_need_is_a_probe(number: int) -> None:
    assert probed(number)
    assert probed(number, cap=None)


@pytest.mark.parametrize(("number", "need"), [(998, 6.0), (1500, 6.0), (99, 6.0), (999, 400.0), (1000, 120.0)])
def test_other_large_numbers_and_numbers_near_the_need_are_none(number: int, need: float) -> None:
    assert not probed(number, need=need)


def test_without_cap_and_need_nothing_is_said_of_a_number() -> None:
    assert not probed(9999, cap=None, need=np.nan)


def test_a_number_lowered_on_the_order_day_to_what_was_possible_is_a_probe() -> None:
    assert probed(4, before=50)
    assert probed(3, before=12)


@pytest.mark.parametrize(
    ("requested", "before"),
    [(4, 11), (20, 50), (3, 3), (50, 12)],
    ids=["not far above the cap", "still above the cap", "not changed", "raised"],
)
def test_other_changes_of_a_request_are_none(requested: int, before: int) -> None:
    assert not probed(requested, before=before)


def test_the_cap_that_the_screen_showed_goes_before_the_one_in_force() -> None:
    assert not probed(4, before=20, seen=10)
    assert probed(10, before=40, seen=10)


def test_a_same_day_line_far_above_the_cap_is_a_probe_only_where_the_brand_is_new_to_the_shop() -> None:
    assert probed(13, mode="same_day", history=False)
    assert not probed(13, mode="same_day", history=True)
    assert not probed(13, mode="pre_order", history=False)
    assert not probed(11, mode="same_day", history=False)


@given(st.integers(0, 2_000_000))
@settings(deadline=None)
def test_keyboard_numbers_are_told_by_their_digits(number: int) -> None:
    digits = str(number)
    same = len(digits) >= 3 and len(set(digits)) == 1
    ten = len(digits) >= 4 and digits.strip("0") == "1"
    assert bool(probing.of_the_keyboard(np.array([float(number)]))[0]) == (same or ten)


def test_a_probe_is_named_scored_and_not_flagged() -> None:
    """The control: the same line with another large number is flagged."""
    history = [
        f.line(f"R{r}", requested=2, allocated=2, order_date=f.week(-w) + pd.Timedelta(days=1)) for r in range(6) for w in range(1, 30)
    ]
    found = {}
    for number in (999, 950):
        waiting: list[dict[str, Any]] = [f.line("R1", requested=number, allocated=None, order_date=f.MONDAY)]
        city = f.snapshot(retailers=[f.retailer(f"R{r}") for r in range(6)], lines=history, waiting=waiting)
        estimate = demand.estimate(city, DemandSettings(weeks=40))
        table = inflation.flag(city, estimate, InflationSettings(weeks=26, flag_at=0.9))
        found[number] = table[table["order_date"] == frames.day(f.MONDAY)].iloc[0]
    assert (found[999]["flagged"], found[999]["reason"]) == (False, "probe")
    assert found[950]["flagged"]
    assert found[999]["score"] >= 0.9
