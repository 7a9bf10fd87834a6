"""Frames made quickly are those that the package makes, of good rows and of bad ones."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from ordering import frames
from ordering.columns import Column, Kind, Table
from ordering.errors import TrueOrderError
from tests import factories as make
from tests import small_frames

TABLES = sorted({**frames.CONTRACT, "week_levels": frames.WEEK_LEVELS, "suggestions": frames.SUGGESTIONS}.items())
DAYS = st.integers(0, 20).map(lambda n: date(2026, 3, 2) + timedelta(days=n))
PLAIN: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.ID: st.sampled_from(["", "R1", "R10", "R2", "é", "店"]), Kind.TEXT: st.sampled_from(["a", "b", "", "牌"]),
    Kind.MONTH: st.sampled_from(["2026-03", "2026-04"]), Kind.COUNT: st.integers(-1, 9), Kind.SIGNED: st.integers(-(2**40), 2**40),
    Kind.NUMBER: st.floats(-1, 200) | st.integers(0, 5), Kind.DATE: DAYS, Kind.WEEK: DAYS, Kind.BOOL: st.booleans(),
}  # fmt: skip
ODD = st.sampled_from([None, float("nan"), 1.5, "x", True, 2**40, pd.Timestamp(2026, 3, 2)])


def cells(column: Column) -> st.SearchStrategy[Any]:
    """Mostly what fits, sometimes what does not, or nothing."""
    plain = st.sampled_from(column.choices) if column.choices else PLAIN[column.kind]
    return st.one_of(*[plain] * 40, ODD)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, list[dict[str, Any]]]:
    """Some rows of a table; columns that need not be there are left out at times."""
    of = draw(st.sampled_from([table for _, table in TABLES]))
    columns = [column for column in of.columns if column.required or draw(st.booleans())]
    return of, draw(st.lists(st.fixed_dictionaries({column.name: cells(column) for column in columns}), min_size=1, max_size=4))


@settings(max_examples=400, deadline=None)
@given(tables())
def test_what_is_made_quickly_is_what_the_package_makes(drawn: tuple[Table, list[dict[str, Any]]]) -> None:
    of, rows = drawn
    quick = small_frames.built(of, rows)
    if quick is not None:
        pd.testing.assert_frame_equal(quick, make.checked(of, rows), check_index_type="exact", check_column_type="exact")


@pytest.mark.parametrize("wrong", [{"star_level": 0}, {"area_type": "moon"}, {"name": None}, {"latitude": 91.0}, {"retailer_id": 3}])
def test_what_breaks_a_rule_is_not_made(wrong: dict[str, Any]) -> None:
    assert small_frames.built(frames.RETAILERS, [make.retailer()]) is not None
    assert small_frames.built(frames.RETAILERS, [make.retailer(), make.retailer("R2") | wrong]) is None


def test_a_key_said_twice_is_refused_in_the_words_of_the_package() -> None:
    with pytest.raises(TrueOrderError, match="retailers"):
        make.table(frames.RETAILERS, [make.retailer(), make.retailer()])
