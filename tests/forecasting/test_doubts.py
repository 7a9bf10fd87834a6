from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting import doubts, panel
from forecasting.scarcity import SLACK, TIGHT, Scarcity
from tests import factories
from tests.forecasting import small_city

KINDS = ("requests", "allocations", "scans", "counts", "peers")
BRANDS = [f"B{number}" for number in range(8)]
SURE = doubts.Tally(np.int64(100), np.int64(5), *(np.full(8, 60),) * 2, np.full(8, 30), np.array([200, 250, 20, 0, 10]))
"""A city in which all is well: most retailers are understood, few pairs rest on their peers, every brand has tills."""


def shortage(tight: int, weeks: int = 60) -> Scarcity:
    """The first `tight` of the brands were always short, the others never."""
    state = np.full((8, weeks), SLACK)
    state[:tight] = TIGHT
    return Scarcity(np.full(state.shape, 0.9), np.full(state.shape, 0.9), state)


def subjects(known: doubts.Tally, short: Scarcity, cut: int = 0) -> list[str]:
    return [subject for _, subject, _ in doubts.found(known, short, BRANDS, KINDS, cut)]


@pytest.mark.parametrize("tight", [0, 3])
def test_nothing_is_said_where_all_is_well(tight: int) -> None:
    assert subjects(SURE, shortage(tight)) == []


@pytest.mark.parametrize(
    ("subject", "known", "short", "cut"),
    [
        ("history", SURE, shortage(0, weeks=2), 0),
        ("figures", SURE, shortage(0), 3),
        ("requests", replace(SURE, lost=np.int64(30)), shortage(3), 0),
        ("brands", replace(SURE, own=np.r_[np.zeros(2, int), SURE.own[2:]]), shortage(3), 0),
        ("pairs", replace(SURE, rests=np.array([100, 100, 0, 0, 280])), shortage(3), 0),
        ("level", SURE, shortage(6), 0),
        ("level", replace(SURE, till=np.zeros(8, int)), shortage(3), 0),
    ],
)
def test_each_doubt_is_said_once_in_both_languages(subject: str, known: doubts.Tally, short: Scarcity, cut: int) -> None:
    rows = doubts.found(known, short, BRANDS, KINDS, cut)
    assert [row[:2] for row in rows] == [("demand", subject)]
    english, chinese = rows[0][2].split(" | ")
    assert english.isascii()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


def test_shops_that_asked_for_several_times_the_usual_are_counted() -> None:
    assert doubts.found(SURE, shortage(0), BRANDS, KINDS, surging=0) == []
    _, subject, words = doubts.found(SURE, shortage(0), BRANDS, KINDS, surging=2)[0]
    assert (subject, words.startswith("2 retailers ")) == ("surges", True)


def test_many_brands_are_counted_and_a_few_named() -> None:
    _, _, said = doubts.found(replace(SURE, own=np.zeros(8, int)), shortage(0), BRANDS, KINDS)[0]
    assert "B0, B1, B2, B3, B4 +3" in said
    assert "B7" not in said


def test_parts_of_a_city_say_together_what_the_whole_says() -> None:
    half = replace(SURE, lost=np.int64(40), own=np.r_[0, SURE.own[1:]])
    other = replace(SURE, lost=np.int64(20))
    assert subjects(half, shortage(0)) == ["requests", "brands"]
    assert subjects(half + other, shortage(0)) == ["requests"]  # the other part knows the brand
    assert (half + other).judged == 200


def seen(**lines: int) -> panel.Panel:
    """A small city, one line of which (the fifth-last of a shop) has other figures."""
    city = small_city.build(("ample", "tight"), shops=12, scans=(0,)).snapshot
    rows = city.lines.copy()
    for column, value in lines.items():
        rows.loc[rows.index[rows["retailer_id"] == "R03"][-5], column] = value
    weeks = panel.past_weeks(factories.MONDAY, 60)
    return panel.build(small_city.with_lines(city, rows), weeks)


def test_a_figure_beyond_belief_is_cut_to_a_multiple_of_what_is_usual_and_counted() -> None:
    clean, cut = doubts.believable(seen(requested=1_000_000, allocated=1_000_000))
    assert cut == 1
    assert clean.lines.other.max() < 1000
    usual, none = doubts.believable(seen())
    assert none == 0
    assert (clean.lines.other != usual.lines.other).sum() == 1


def test_a_large_shop_is_believed() -> None:
    plain = seen()
    large = replace(plain, lines=replace(plain.lines, value=1000 * plain.lines.value, other=1000 * plain.lines.other))
    assert doubts.believable(large)[1] == 0


def test_a_pair_not_read_by_its_shelf_and_a_shop_never_judged_do_not_count() -> None:
    known = seen()
    touched, main = known.brand == 1, np.where(known.brand == 1, 0, 4).astype(np.int8)
    found = doubts.tally(known, touched, main, np.arange(known.retailers) < 3, KINDS)
    assert (found.judged, found.lost) == (12, 3)
    assert found.own.tolist() == [0, found.pairs[1]]
    assert found.till.tolist() == [0, 1]
    assert found.rests.tolist() == [found.pairs[1], 0, 0, 0, found.pairs[0]]
    nobody = doubts.tally(known, np.zeros(known.pairs, bool), main, np.ones(known.retailers, bool), KINDS)
    assert (nobody.judged, nobody.lost) == (0, 0)
