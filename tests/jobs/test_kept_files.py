"""What is kept in a file comes back as it was, to the last bit, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import kept_files
from jobs.runs import Open
from ordering import snapshot

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)
VALUES = {
    "float64": st.floats(allow_nan=True),
    "Int32": st.none() | st.integers(-(2**31), 2**31 - 1),
    "str": st.none() | WORDS,
    "bool": st.booleans(),
    "int16": st.integers(-5, 5),
}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Frames of every kind of column, also without rows."""
    rows = draw(st.integers(0, 5))
    columns = {name: pd.array(draw(st.lists(one, min_size=rows, max_size=rows)), dtype=name) for name, one in VALUES.items()}
    ids = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    codes = draw(st.lists(st.integers(-1, len(ids) - 1), min_size=rows, max_size=rows))
    kind = pd.CategoricalDtype(pd.Index(ids, dtype="str", name=draw(st.sampled_from([None, "retailer_id"]))), draw(st.booleans()))
    weeks = pd.to_datetime(pd.Series(["2026-03-02"] * rows)).astype("datetime64[us]")
    return pd.DataFrame({**columns, "id": pd.Categorical.from_codes(codes, dtype=kind), "week": weeks})


@settings(max_examples=200, deadline=None)
@given(table=tables(), more=tables())
def test_frames_come_back_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame, more: pd.DataFrame) -> None:
    file = tmp_path_factory.getbasetemp() / "kept.zip"
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    held = Open(3, "note", more, {"a": (table, array, date(2026, 3, 2), None, 1.5, "x"), "b": True})
    content = kept_files.write(file, held)
    found = kept_files.read(file, content)
    assert isinstance(found, Open)
    again, values, *rest = found.value["a"]
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    pd.testing.assert_frame_equal(found.problems, more, check_exact=True)
    assert snapshot.fingerprint([("t", again)]) == snapshot.fingerprint([("t", table)])
    assert again["id"].cat.categories.name == table["id"].cat.categories.name
    assert values.dtype == array.dtype
    assert values.tolist() == array.tolist()
    assert rest == [date(2026, 3, 2), None, 1.5, "x"]
    assert (found.rows, found.note, found.value["b"]) == (3, "note", True)
    assert kept_files.write(file, held) == content, "the same value is the same file"


def test_a_file_that_is_another_is_no_file(tmp_path: Path) -> None:
    content = kept_files.write(tmp_path / "a.zip", pd.DataFrame({"n": [1]}))
    other = kept_files.write(tmp_path / "b.zip", pd.DataFrame({"n": [2]}))
    assert content != other
    assert kept_files.read(tmp_path / "a.zip", other) is None
    assert kept_files.read(tmp_path / "gone.zip", content) is None
    assert list(tmp_path.glob("*.unfinished")) == []


@dataclass(frozen=True)
class Foreign:
    """Of no package of the program."""

    n: int


def test_a_type_of_no_package_of_ours_is_not_made(tmp_path: Path) -> None:
    content = kept_files.write(tmp_path / "a.zip", Foreign(1))
    assert kept_files.read(tmp_path / "a.zip", content) is None
