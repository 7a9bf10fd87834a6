"""Every outcome can be said in a sentence, in both languages."""

from __future__ import annotations

import string
from typing import Any

import pytest

from allocation import explain
from ordering import frames
from ordering.model import Reason

ROW: dict[str, Any] = {
    "reason": "TURN_LOST", "requested": 10, "allocated": 3, "usable": 10, "cap": 12, "quota_left": 20, "weight": 2000, "level": 1.7,
}  # fmt: skip


def test_the_line_is_told_as_in_the_rule_book() -> None:
    said = "Your level's line was 3.4 cartons; you asked for 10 and got 3; the extra one goes to others this week."
    assert explain.words(ROW, "en") == said


def test_the_same_in_chinese() -> None:
    assert explain.words(ROW, "zh") == "您的档位本周分配线为3.4条；您要货10条，订购3条；零头本周轮到其他零售户。"


@pytest.mark.parametrize("language", explain.LANGUAGES)
@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words_that_name_what_was_asked_and_got(reason: Reason, language: str) -> None:
    said = explain.words(ROW | {"reason": str(reason)}, language)
    assert "10" in said
    assert "3" in said
    assert "{" not in said
    assert "–" not in said


@pytest.mark.parametrize("reason", list(Reason))
def test_both_languages_give_the_same_numbers(reason: Reason) -> None:
    english, chinese = (sorted({name for _, name, *_ in string.Formatter().parse(text) if name}) for text in explain.TEXT[reason])
    assert english == chinese
    assert set(english) <= {*frames.ALLOCATION.names, "line", "unit"}


@pytest.mark.parametrize(("weight", "level", "shown"), [(1000, 3.96, "3.9"), (1000, 3.0, "3.0"), (1000, 0.04, "0.04"), (3000, 1.1, "3.3")])
def test_the_line_is_never_rounded_up_and_shows_a_fraction_that_is_there(weight: int, level: float, shown: str) -> None:
    assert f"line was {shown} cartons" in explain.words(ROW | {"weight": weight, "level": level}, "en")


def test_packs_are_called_packs() -> None:
    assert "3.4 packs of 5" in explain.words(ROW | {"pack_multiple": 5}, "en")


def test_a_missing_number_is_a_dash() -> None:
    assert "for this brand is – in" in explain.words(ROW | {"reason": "STAR_CAP", "cap": None}, "en")


def test_another_language_is_refused() -> None:
    with pytest.raises(ValueError, match="there are en, zh"):
        explain.words(ROW, "fr")
