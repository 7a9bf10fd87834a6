"""What may be decided on a suggestion, what needs a reason or a second person, and what then holds."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as told
from hypothesis import strategies as st

from ordering import frames, review, settings
from ordering.errors import TrueOrderError
from ordering.model import Decision
from ordering.review import CODES, LINES, Filter
from tests import factories as f

RULES = settings.load().review
LIMITS = st.builds(
    settings.ReviewSettings,
    reason_share=st.floats(0, 2),
    reason_cartons=st.integers(0, 20),
    four_eyes_cartons=st.integers(0, 60),
    four_eyes_yuan=st.floats(0, 1e5),
)
CARTONS = st.integers(0, 200)


def lines(*rows: dict[str, Any]) -> pd.DataFrame:
    """LINES of rows that name only what matters; the others are open suggestions of 10 cartons."""
    plain = {
        "name": "店", "account_manager": "M1", "district": "D1", "star_level": 3, "brand_name": "牌", "price": 180.0, "pack_multiple": 1,
        "min_lot": 1, "flagged": False, "version": 0, "batch_id": None, "basis_qty": None, "decision": "open", "decided_qty": None,
        "pending": False, "code": "", "note": "", "decided_by": "", "approved_by": "",
    }  # fmt: skip
    made = [f.suggestion(f"R{number}", "B1", 10) | plain | row for number, row in enumerate(rows)]
    frame = pd.DataFrame(made)
    for name in ("week", "order_day"):
        frame[name] = pd.to_datetime(frame[name]).dt.as_unit("us")
    return frames.conform(LINES, frame)


def decide(rows: pd.DataFrame, quantity: int, rules: settings.ReviewSettings = RULES, **more: Any) -> pd.DataFrame:
    return review.decide(rows, Decision.ADJUSTED, rules, quantity=quantity, **more)


@given(CARTONS, CARTONS, CARTONS, LIMITS)
@told(max_examples=200, deadline=None)
def test_a_larger_change_in_the_same_direction_never_needs_less(
    suggested: int, one: int, other: int, rules: settings.ReviewSettings
) -> None:
    less, more = sorted((one, other), key=lambda quantity: abs(quantity - suggested))
    if (less - suggested) * (more - suggested) < 0:
        return
    baseline, price = pd.Series([suggested] * 2), pd.Series([180.0] * 2)
    decided = pd.Series([less, more])
    for needs in (review.needs_reason(baseline, decided, rules), review.needs_second(baseline, decided, price, rules)):
        assert needs[0] <= needs[1]


@given(CARTONS, LIMITS)
@told(max_examples=200, deadline=None)
def test_accepting_needs_no_reason_and_no_second_person(suggested: int, rules: settings.ReviewSettings) -> None:
    found = review.decide(lines({"suggested": suggested}), Decision.ACCEPTED, rules)
    assert (found["decided_qty"].iloc[0], found["pending"].iloc[0]) == (suggested, False)


@given(CARTONS, CARTONS, st.integers(1, 12), st.integers(1, 24), st.none() | CARTONS)
@told(max_examples=200, deadline=None)
def test_an_adjustment_that_is_let_through_keeps_every_bound(suggested: int, quantity: int, pack: int, lot: int, most: int | None) -> None:
    row = lines(
        {"suggested": suggested, "pack_multiple": pack, "min_lot": lot, "most": most, "bound": "STAR_CAP" if most is not None else ""}
    )
    fits = quantity == 0 or (quantity % pack == 0 and quantity >= lot and (most is None or quantity <= most))
    if fits:
        assert decide(row, quantity, code="local_event")["decided_qty"].tolist() == [quantity]
    else:
        with pytest.raises(TrueOrderError):
            decide(row, quantity, code="local_event")


@pytest.mark.parametrize(
    ("row", "quantity", "more", "message"),
    [
        (
            {"most": 8, "bound": "STAR_CAP"},
            9,
            {},
            "retailer R0, brand B1, order day 2026-03-03: 9 is above 8, the most that STAR_CAP leaves",
        ),
        ({"most": 0, "bound": "HOLD"}, 1, {"code": "local_event"}, "1 is above 0, the most that HOLD leaves"),
        ({"pack_multiple": 5}, 12, {}, "12 cannot be delivered: the pack is 5; give a multiple of it"),
        ({"min_lot": 20}, 10, {}, "10 cannot be delivered: the lot is 20; give 0 or that"),
        ({}, 13, {}, "a change by more than 20% and 2 cartons needs a reason; give one of stock_differs"),
        ({}, 13, {"code": "nonsense"}, 'reason "nonsense": there is no such; there are stock_differs'),
        ({}, 13, {"code": "other", "note": " "}, 'the reason "other" tells nothing by itself'),
    ],
)
def test_what_may_not_be_decided_is_refused_in_words(row: dict[str, Any], quantity: int, more: dict[str, str], message: str) -> None:
    with pytest.raises(TrueOrderError) as error:
        decide(lines(row), quantity, **more)
    assert message in str(error.value)


def test_an_error_names_a_few_lines_and_counts_the_others() -> None:
    with pytest.raises(TrueOrderError, match=r"retailer R0, .*; retailer R1, .*; retailer R2, .* and 2 more: a change by more"):
        review.decide(lines(*[{}] * 5), Decision.REJECTED, RULES)


def test_a_change_is_held_against_the_suggestion_in_cartons_and_in_yuan() -> None:
    dear = lines({"suggested": 10, "price": 1000.0}, {"suggested": 10, "price": 100.0})
    assert decide(dear, 31, code="local_event")["pending"].tolist() == [True, False]
    assert decide(dear, 30, code="local_event")["pending"].tolist() == [False, False], "20,000 yuan is not beyond 20,000"
    assert decide(dear, 61, code="local_event")["pending"].tolist() == [True, True]
    assert decide(dear, 60, code="local_event")["pending"].tolist() == [True, False]


def test_baseline_override_and_final_quantity_are_separate_values() -> None:
    rows = lines(
        {},
        {"decision": "accepted", "decided_qty": 10, "basis_qty": 10},
        {"decision": "adjusted", "decided_qty": 7, "basis_qty": 10},
        {"decision": "rejected", "decided_qty": 0, "basis_qty": 10},
        {"decision": "adjusted", "decided_qty": 90, "basis_qty": 10, "pending": True},
    )
    shown = review.shown(rows).set_index("retailer_id")
    assert shown["suggested"].tolist() == [10] * 5
    assert shown["override"].astype(object).where(shown["override"].notna(), None).tolist() == [None, None, 7, None, 90]
    assert shown["final"].astype(object).where(shown["final"].notna(), None).tolist() == [None, 10, 7, 0, None]
    assert shown["basis"].tolist() == ["", "same", "same", "same", "same"]


def test_a_decision_on_another_suggestion_stands_within_what_the_newest_night_leaves() -> None:
    rows = lines(
        {"suggested": 12, "decision": "accepted", "decided_qty": 10, "basis_qty": 10},
        {"suggested": 4, "decision": "accepted", "decided_qty": 10, "basis_qty": 10, "most": 4, "bound": "STAR_CAP"},
    )
    shown = review.shown(rows).set_index("retailer_id")
    assert shown["final"].tolist() == [10, 4]
    assert shown["basis"].tolist() == ["other", "other"]


def test_what_needs_a_look_comes_first() -> None:
    rows = lines({}, {"reason": "COVER+STAR_CAP"}, {"flagged": True}, {})
    assert review.shown(rows)["retailer_id"].tolist() == ["R2", "R1", "R0", "R3"]


def test_there_are_at_most_eight_reasons_each_in_both_languages() -> None:
    assert 0 < len(CODES) <= 8
    for english, chinese in CODES.values():
        assert english.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


def test_a_name_typed_otherwise_is_still_the_same_person() -> None:
    assert review.same_person("Wang Fang", " wang fang ")
    assert not review.same_person("Wang Fang", "Wang Fan")


def test_a_state_that_there_is_not_is_refused() -> None:
    with pytest.raises(TrueOrderError, match='state "done": there is no such; there are open, pending'):
        Filter(state="done").check()
