"""Series that cannot be: left out or held down, told, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ordering import doubtful
from ordering.frames import Snapshot
from tests import factories as f

SHOPS, WARES = ("R1", "R2", "R3"), ("B1", "B2")


def city(asked: dict[tuple[str, str, int], int], waiting: int = 4) -> Snapshot:
    lines = [f.line(r, b, q, q, order_date=f.week(-n)) for (r, b, n), q in asked.items()]
    return f.snapshot(
        retailers=[f.retailer(r) for r in SHOPS],
        brands=[f.brand(b) for b in WARES],
        lines=lines,
        waiting=[f.line("R1", "B1", waiting, None, order_date=f.MONDAY + timedelta(days=1))],
        scanned_sales=[{"retailer_id": "R1", "brand_id": "B1", "week": f.week(-n), "sold": q} for n, q in ((1, 5), (2, 1_000_001))],
    )


def plain(weeks: int = 10) -> dict[tuple[str, str, int], int]:
    return {(r, b, n): 3 + n % 4 for r in SHOPS for b in WARES for n in range(1, weeks + 1)}


PLAIN = city(plain())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SHOPS), st.sampled_from(WARES), st.integers(1, 10), st.integers(0, 2_000_000_000)), max_size=12))
def test_nothing_that_is_left_can_run_over_and_what_could_be_stays(spoilt: list[tuple[str, str, int, int]]) -> None:
    asked = plain() | {(r, b, n): q for r, b, n, q in spoilt}
    quantities = pd.Series(list(asked.values()))
    lines = PLAIN.lines.assign(requested=quantities.astype(PLAIN.lines["requested"].dtype), allocated=quantities.astype("Int32"))
    known = doubtful.believed(replace(PLAIN, lines=lines))
    left = known.lines
    assert (left.groupby(["brand_id", "week"], observed=True)["requested"].sum() <= doubtful.MOST_OF_BRAND).all()
    assert sorted(left["requested"]) == sorted(q for q in asked.values() if q <= doubtful.MOST)
    assert any("beyond any belief" in message for _, message in known.doubts), "a scan is beyond belief in every one of these cities"
    assert known.scanned_sales["sold"].tolist() == [5]


def test_a_city_without_doubts_is_the_same_object_inside() -> None:
    known = city(plain())
    clean = doubtful.believed(known)
    assert clean.lines is known.lines
    assert clean.waiting is known.waiting


def test_a_waiting_request_is_held_to_what_could_be() -> None:
    known = doubtful.believed(city(plain(), waiting=2_000_000_000))
    assert known.waiting["requested"].tolist() == [doubtful.MOST]
    assert known.waiting["requested"].dtype == np.dtype(city(plain()).waiting["requested"].dtype)


def test_series_of_nothing_and_of_one_value_are_named_in_both_languages() -> None:
    asked = plain() | {("R2", b, n): 0 for b in WARES for n in range(1, 11)} | {("R3", b, n): 5 for b in WARES for n in range(1, 11)}
    said = pd.DataFrame(doubtful.believed(city(asked)).doubts, columns=["subject", "message"])
    of_shops = said.loc[said["subject"] == "retailers", "message"].tolist()
    assert [message.partition(":")[0] for message in of_shops] == ["R2", "R3"]
    assert all(" | 1个零售户" in message for message in of_shops)
