"""Sums of cells are remembered for a run and a city, and not without bound."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from jobs import kept_sums
from ordering.database import cells, counters

LARGE = kept_sums.MOST // 2
"""Rows of one frame: two of them are remembered, and no third."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The tables whose cells were added up, one after the other."""
    found: list[str] = []

    def summed(reader: Any, run_id: int, table: str, by: Any, **more: Any) -> pd.DataFrame:
        found.append(table)
        return pd.DataFrame({"requested": range(LARGE)})

    monkeypatch.setattr(cells, "summed", summed)
    monkeypatch.setattr(counters, "city_of", lambda reader: reader)
    kept_sums._summed.cache.clear()
    yield found
    kept_sums._summed.cache.clear()


def read(city: int = 1, run_id: int = 1, table: str = "brand_cells", by: tuple[str, ...] = ("brand",), **more: Any) -> pd.DataFrame:
    source = SimpleNamespace(db=SimpleNamespace(url="sqlite://"), run=SimpleNamespace(run_id=run_id, result_hash="a"))
    return kept_sums.read(city, source, table, by, **more)  # type: ignore[arg-type]


def test_the_same_sums_are_added_up_once(asked: list[str]) -> None:
    assert read() is read()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "other",
    [{"city": 2}, {"run_id": 2}, {"table": "x"}, {"by": ()}, {"weekly": True}, {"within": {"brand": "B1"}},
     {"territory": {"manager": frozenset({"M1"})}}],
)  # fmt: skip
def test_others_are_not_taken_for_them(asked: list[str], other: dict[str, Any]) -> None:
    assert read() is not read(**other)
    assert len(asked) == 2


def test_what_is_by_retailer_is_not_remembered(asked: list[str]) -> None:
    assert read(by=("retailer",)) is not read(by=("retailer",))


def test_no_more_rows_are_remembered_than_may_be_and_the_longest_unused_go(asked: list[str]) -> None:
    assert kept_sums.MOST // LARGE == 2
    first, second = read(table="a"), read(table="b")
    assert read(table="a") is first
    read(table="c")
    assert read(table="a") is first
    assert read(table="b") is not second
