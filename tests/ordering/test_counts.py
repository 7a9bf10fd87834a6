"""Stock counts as they are entered: what is no count, and what is asked about."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering import counts, settings
from ordering.counts import Reckoned
from ordering.errors import TrueOrderError

RULES = settings.load().visits
TODAY = date(2026, 3, 4)
KNOWN = ("B1", "B2")


@pytest.mark.parametrize(
    ("said", "on", "says"),
    [
        ({"B1": 0, "B2": 7}, TODAY, None),
        ({"B1": 3}, TODAY - timedelta(days=31), None),
        ({}, TODAY, "names no brand"),
        ({"B1": 3, "B9": 1}, TODAY, '"B9"'),
        ({"B1": -1}, TODAY, "-1 is no count"),
        ({"B1": 100_001}, TODAY, "is no count"),
        ({"B1": 3}, TODAY + timedelta(days=1), "still to come"),
        ({"B1": 3}, TODAY - timedelta(days=32), "days ago"),
    ],
)
def test_a_count_is_of_known_brands_in_whole_cartons_on_a_day_that_has_come(said: dict[str, int], on: date, says: str | None) -> None:
    if says is None:
        return counts.check(said, known=KNOWN, on=on, today=TODAY)
    with pytest.raises(TrueOrderError, match=says) as caught:
        counts.check(said, known=KNOWN, on=on, today=TODAY)
    assert caught.value.words["zh"] != caught.value.words["en"]
    return None


def test_what_is_sold_between_two_days_stands_on_the_shelf_of_the_earlier() -> None:
    now = Reckoned(10.0, 7.0, TODAY)
    assert [counts.reckoned(now, TODAY + timedelta(days=n)) for n in (-2, 0, 3, 30)] == [12.0, 10.0, 7.0, 0.0]


def test_only_a_count_far_from_what_is_reckoned_is_asked_about() -> None:
    known = {"B1": Reckoned(10.0, 1.0, TODAY), "B2": Reckoned(100.0, 20.0, TODAY)}
    ask = lambda **said: [one.brand_id for one in counts.far_off(said, known, on=TODAY, rules=RULES)]  # noqa: E731
    assert ask(B1=20, B2=180) == []
    assert ask(B1=21, B2=181) == ["B1", "B2"]
    assert ask(B1=0, B2=19) == ["B2"]
    assert ask(B9=5000) == [], "of a brand nobody has counted nothing is known"


@given(st.integers(0, 10_000), st.integers(0, 500), st.floats(0, 500), st.floats(0, 50))
def test_a_count_further_off_is_asked_about_as_well(said: int, more: int, stock: float, weekly: float) -> None:
    known = {"B1": Reckoned(stock, weekly, TODAY)}
    if said >= stock and counts.far_off({"B1": said}, known, on=TODAY, rules=RULES):
        assert counts.far_off({"B1": said + more}, known, on=TODAY, rules=RULES)
