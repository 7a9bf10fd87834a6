"""Whom to visit: laws of the ranking, the words of its reasons, and what may be written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering import settings, visits
from ordering.errors import TrueOrderError
from ordering.model import VisitReason
from ordering.visits import Facts, due, ranked

RULES = settings.load().visits
TODAY = date(2026, 3, 4)
NOTHING = Facts("R1", requested=10, allocated=10, demand=8.0, met=8.0, counted=4, stock=10.0, sales=10.0, level=3, level_before=3,
                since=date(2026, 3, 2), lines=20)  # fmt: skip
WORSE: dict[VisitReason, list[Facts]] = {
    VisitReason.FOLLOW_UP: [replace(NOTHING, follow_up_on=TODAY - timedelta(days=n)) for n in (0, 1, 13, 30)],
    VisitReason.LOW_FULFILMENT: [replace(NOTHING, met=met, allocated=4) for met in (6.3, 4.0, 1.0, 0.0)],
    VisitReason.NO_ORDER: [replace(NOTHING, missed=n) for n in (1, 2, 4, 9)],
    VisitReason.STOCK_OUT: [replace(NOTHING, sold_out=tuple(f"牌{m}" for m in range(n))) for n in (1, 2, 5, 8)],
    VisitReason.OVERSTOCK: [replace(NOTHING, stock=stock) for stock in (35.0, 40.0, 70.0, 500.0)],
    VisitReason.INFLATED: [
        replace(NOTHING, often=True, flagged=flagged, unanswered=n) for flagged, n in ((2, 0), (2, 3), (9, 3), (20, 40))
    ],
    VisitReason.NEW_LEVEL: [replace(NOTHING, level=level) for level in (4, 5, 9)],
}  # fmt: skip
"""Of each reason, facts that say more of it from one to the next."""


def test_every_reason_is_looked_for_and_weighed() -> None:
    assert set(visits.LOOKS) == set(RULES.weights) == set(WORSE) == set(VisitReason)


def test_who_gives_no_reason_is_not_listed_however_long_nobody_was_there() -> None:
    assert due(NOTHING, RULES, TODAY) is None
    assert ranked([NOTHING, replace(NOTHING, visited_on=TODAY - timedelta(days=900))], RULES, TODAY) == []
    assert ranked([Facts("R9")], RULES, TODAY) == [], "what is unknown is no reason"


@pytest.mark.parametrize("reason", list(VisitReason))
def test_more_of_a_reason_never_ranks_lower_and_some_of_it_is_that_reason_alone(reason: VisitReason) -> None:
    found = [due(facts, RULES, TODAY) for facts in WORSE[reason]]
    assert [[why.reason for why in one.why] if one else [] for one in found] == [[reason]] * len(found)
    points = [one.points for one in found if one]
    assert points == sorted(points)
    assert points[0] < points[-1] <= RULES.weights[reason] + RULES.waiting


@given(
    mine=st.fixed_dictionaries({reason: st.integers(-1, 3) for reason in VisitReason}),
    reason=st.sampled_from(list(VisitReason)),
    days=st.one_of(st.none(), st.integers(1, 60)),
    other=st.integers(0, 3),
)
def test_more_of_a_reason_never_ranks_lower_whatever_else_there_is(mine: Any, reason: VisitReason, days: int | None, other: int) -> None:
    visited = None if days is None else TODAY - timedelta(days=days)
    rival = replace(WORSE[VisitReason.STOCK_OUT][other], retailer_id="R0", visited_on=visited)

    def place(steps: Any) -> int:
        shop = replace(_mixed(steps), visited_on=visited)
        order = [one.retailer_id for one in ranked([shop, rival], RULES, TODAY)]
        return order.index("R1") if "R1" in order else len(order)

    worse = mine | {reason: min(mine[reason] + 1, len(WORSE[reason]) - 1)}
    assert place(worse) <= place(mine)


def _mixed(steps: dict[VisitReason, int]) -> Facts:
    """One shop with so much of each reason; -1: nothing of it."""
    found = NOTHING
    for reason, step in steps.items():
        if step >= 0:
            told = WORSE[reason][min(step, len(WORSE[reason]) - 1)]
            found = replace(found, **{name: value for name, value in vars(told).items() if value != getattr(NOTHING, name)})
    return found


def test_equals_stand_by_licence_number_in_whatever_order_they_come() -> None:
    shops = [replace(NOTHING, retailer_id=name, missed=2) for name in ("R3", "R1", "R2")]
    shops.append(replace(NOTHING, retailer_id="R9", missed=4))
    for order in (shops, shops[::-1]):
        assert [one.retailer_id for one in ranked(order, RULES, TODAY)] == ["R9", "R1", "R2", "R3"]


def test_a_visit_today_takes_a_retailer_off_the_list_and_yesterdays_does_not() -> None:
    shop = replace(NOTHING, missed=2)
    assert due(replace(shop, visited_on=TODAY), RULES, TODAY) is None
    assert due(replace(shop, visited_on=TODAY - timedelta(days=1)), RULES, TODAY) is not None


def test_the_longer_nobody_was_there_the_more_points_and_never_counts_as_long() -> None:
    gone = [due(replace(NOTHING, missed=1, visited_on=TODAY - timedelta(days=n)), RULES, TODAY) for n in (1, 14, 28, 300)]
    points = [one.points for one in gone if one]
    assert points[0] < points[1] < points[2] == points[3]
    never = due(replace(NOTHING, missed=1), RULES, TODAY)
    assert never
    assert (never.points, never.days) == (points[3], None)


def test_a_reason_without_weight_is_none() -> None:
    rules = RULES.model_copy(update={"weights": {**RULES.weights, VisitReason.NO_ORDER: 0.0}})
    assert due(replace(NOTHING, missed=4), rules, TODAY) is None
    assert due(replace(NOTHING, missed=4), RULES, TODAY) is not None


def test_a_new_level_is_talked_over_once() -> None:
    shop = replace(NOTHING, level=4)
    before, since = date(2026, 3, 1), date(2026, 3, 2)
    assert due(replace(shop, visited_on=before), RULES, TODAY) is not None
    assert due(replace(shop, visited_on=since), RULES, TODAY) is None


def test_exaggeration_alone_is_no_low_fulfilment() -> None:
    assert due(replace(NOTHING, requested=1000, allocated=8), RULES, TODAY) is None
    assert due(replace(NOTHING, requested=1000, allocated=8, demand=0.0), RULES, TODAY) is not None, "where no demand is known"


def test_a_follow_up_to_come_is_no_reason_yet() -> None:
    assert due(replace(NOTHING, follow_up_on=TODAY + timedelta(days=1)), RULES, TODAY) is None


def test_every_reason_says_its_evidence_in_both_languages() -> None:
    for facts in (facts for every in WORSE.values() for facts in every):
        for why in visits.reasons(facts, RULES, TODAY):
            assert why.english.endswith(".")
            assert why.chinese.endswith("。")
            assert "{" not in why.english + why.chinese
    (why,) = visits.reasons(replace(NOTHING, met=2.0, allocated=3), RULES, TODAY)
    assert why.english == "Got 3 of 10 cartons asked in 4 weeks; 25% of its true demand was met."
    assert why.chinese == "近4周要货10条，满足3条；真实需求满足率25%。"


@pytest.mark.parametrize(
    ("last", "weekday", "every_weeks", "days"),
    [
        (date(2026, 2, 24), 2, 1, 1),  # today is Wednesday; the order day of this week was yesterday
        (date(2026, 3, 3), 2, 1, 0),
        (date(2026, 3, 10), 2, 1, 0),  # left for the next order day
        (date(2026, 2, 24), 3, 1, 0),  # this week's is today, and not over
        (date(2026, 2, 12), 2, 1, 3),
        (date(2026, 2, 12), 2, 2, 1),
        (None, 2, 1, 0),
    ],
)
def test_order_days_are_missed_from_the_week_of_the_last_order_on(last: date | None, weekday: int, every_weeks: int, days: int) -> None:
    assert visits.missed(last, weekday=weekday, every_weeks=every_weeks, today=TODAY) == days


@pytest.mark.parametrize(
    ("today", "began"), [(date(2026, 3, 4), date(2026, 3, 2)), (date(2026, 3, 1), date(2026, 2, 2)), (date(2026, 9, 1), date(2026, 8, 3))]
)
def test_a_month_begins_with_its_first_monday(today: date, began: date) -> None:
    assert visits.month_began(today) == began


@pytest.mark.parametrize(
    ("note", "on", "again", "says"),
    [
        ("seen", TODAY, None, None),
        ("two\nlines\r\nand 三", TODAY - timedelta(days=31), TODAY, None),
        (" ", TODAY, None, "note"),
        ("a\0b", TODAY, None, "note"),
        ("x" * 2001, TODAY, None, "note"),
        ("seen", TODAY + timedelta(days=1), None, "still to come"),
        ("seen", TODAY - timedelta(days=32), None, "days ago"),
        ("seen", TODAY, TODAY, "must come after"),
    ],
)
def test_what_may_be_written_down_of_a_visit(note: str, on: date, again: date | None, says: str | None) -> None:
    if says is None:
        assert visits.checked(note, on=on, follow_up_on=again, today=TODAY) == note.replace("\r\n", "\n")
        return
    with pytest.raises(TrueOrderError, match=says) as caught:
        visits.checked(note, on=on, follow_up_on=again, today=TODAY)
    assert caught.value.words["zh"] != caught.value.words["en"]
