"""What is common to all tables: the rows whose key is among those of others."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordering import frames

KEY = ("order_id", "brand_id")
Keys = list[tuple[str, str]]
KEYS = st.lists(st.tuples(st.sampled_from(["O1", "O2", "O3"]), st.sampled_from(["B1", "B2", "1"])), max_size=8)


def rows(keys: Keys, *, coded: bool) -> pd.DataFrame:
    frame = pd.DataFrame(keys, columns=list(KEY), dtype="str").assign(requested=1)
    return frame.astype({"brand_id": pd.CategoricalDtype(["B2", "1", "B1"])}) if coded else frame


@given(own=KEYS, others=KEYS, coded=st.tuples(st.booleans(), st.booleans()))
@settings(max_examples=200, deadline=None)
def test_a_row_is_among_others_just_where_its_whole_key_is_as_text_and_as_category(
    own: Keys, others: Keys, coded: tuple[bool, bool]
) -> None:
    found = frames.among(rows(own, coded=coded[0]), rows(others, coded=coded[1]), KEY)
    assert found.tolist() == [key in others for key in own]


def test_that_each_part_of_the_key_is_somewhere_is_not_enough() -> None:
    one, crossed = rows([("O1", "B2")], coded=True), rows([("O1", "B1"), ("O2", "B2")], coded=False)
    assert all(one[name].isin(crossed[name]).all() for name in KEY)
    assert not frames.among(one, crossed, KEY).any()


def test_a_key_that_is_no_column_is_an_error() -> None:
    with pytest.raises(KeyError, match="week"):
        frames.among(rows([], coded=False), rows([], coded=False), ["week"])
