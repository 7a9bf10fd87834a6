"""Every suggestion, substitute and dependence can be said in a sentence or two, in both languages, with the same numbers."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from allocation import bounds, suggest, suggest_words
from allocation.explain import LANGUAGES
from ordering.model import Reason

ROW: dict[str, Any] = {
    "retailer_id": "R1", "brand_id": "B1", "order_day": pd.Timestamp("2026-03-03"), "suggested": 11, "reason": "COVER", "demand": 7.0,
    "cover_weeks": 2.5, "since": pd.Timestamp("2026-02-24"), "counted": 10, "received": 4, "need": 23, "pack_multiple": 1, "min_lot": 12,
    "given": 0, "cap": 31, "level_line": 32, "quota_left": 33, "shared_left": 34,
}  # fmt: skip
CUTS = {
    Reason.STAR_CAP: "31", Reason.BAND_CAP: "34", Reason.QUOTA_BRAND: "33", Reason.QUOTA_TOTAL: "34", Reason.DAY_LIMIT: "34",
    Reason.MIN_LOT: "12", Reason.HOLD: "11", Reason.LEVEL: "32",
}  # fmt: skip
"""The number by which each bound is explained."""


def test_the_need_and_what_became_of_it_are_told_with_their_numbers() -> None:
    assert suggest.words(ROW | {"reason": "COVER+STAR_CAP", "given": 20}, "en") == (
        "Counted on 2026-02-24: 10; received since: 4; so about 7.0 will be left on 2026-03-03, and 2.5 weeks of 7.0 a week need 23 more. "
        "Suggested: 11, since the cap of the star level is 31 in this order week, of which 20 were given already."
    )


def test_the_same_in_chinese() -> None:
    assert suggest.words(ROW | {"reason": "COVER+STAR_CAP", "given": 20}, "zh") == (
        "2026-02-24盘点10条，此后到货4条，预计2026-03-03剩约7.0条；按每周7.0条备货2.5周，还需23条。该档位本周限量31条，其中已订20条，建议订11条。"
    )


def test_where_nobody_counted_the_shelf_started_at_its_target() -> None:
    """17.5 and 4 received, less a week of 7: 14.5."""
    assert "about 14.5 should be left" in suggest.words(ROW | {"reason": "NO_COUNT", "counted": pd.NA}, "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cut", CUTS)
def test_every_bound_is_explained_by_its_number(cut: Reason, language: str) -> None:
    said = suggest.words(ROW | {"reason": f"COVER+{cut}"}, language)
    assert CUTS[cut] in said.rstrip(".。").replace("。", ". ").split(". ")[-1]
    assert not re.search(r"[{}–]|None|nan", said)


def test_every_bound_that_can_cut_a_suggestion_has_words() -> None:
    never = {Reason.FULL, Reason.PACK, Reason.DEMAND_CAP, Reason.TURN_LOST, Reason.TURN_WON}
    assert (
        set(suggest_words.CUTS) == {"", suggest.NOT_OFFERED, *map(str, set(bounds.REASONS) - never)} == {"", "NOT_OFFERED", *map(str, CUTS)}
    )
    assert set(suggest_words.NEEDS) | {suggest.NOT_OFFERED, suggest.NOT_YET_KNOWN} == set(suggest.CODES)


@pytest.mark.parametrize(
    "reason", ["COVER", "NO_COUNT", "ENOUGH", "ENOUGH+NOT_OFFERED", "COVER+LEVEL+NOT_YET_KNOWN", *(f"COVER+{c}" for c in CUTS)]
)
def test_both_languages_give_the_same_numbers(reason: str) -> None:
    row = ROW | {"reason": reason, "pack_multiple": 5, "given": 20}
    english, chinese = (sorted(re.findall(r"\d+(?:\.\d+)?", suggest.words(row, language))) for language in LANGUAGES)
    assert english == chinese
    assert len(english) >= 6


def test_what_needs_no_order_takes_one_sentence_and_what_is_not_published_is_said() -> None:
    assert suggest.words(ROW | {"reason": "ENOUGH"}, "en").endswith("7.0 a week: nothing is needed.")
    assert "not published yet, so it may change." in suggest.words(ROW | {"reason": "COVER+NOT_YET_KNOWN"}, "en")
    assert "in packs of 5" in suggest.words(ROW | {"pack_multiple": 5}, "en")


def test_a_row_of_an_earlier_version_is_told_with_dashes() -> None:
    missing = dict.fromkeys(("demand", "cover_weeks", "counted", "received", "need", "pack_multiple", "min_lot", "given", "cap"))
    for language in LANGUAGES:
        for reason in ("COVER+STAR_CAP", "NO_COUNT"):
            said = suggest.words(ROW | {"reason": reason, "since": pd.NaT} | missing, language)
            assert said.count("–") >= 5


SUBSTITUTES = [
    {"substitute_id": "B5", "quantity": 3, "own_share": 0.04, "peer_share": 0.12},
    {"substitute_id": "B7", "quantity": 2, "own_share": 0.0, "peer_share": 0.085},
]


def test_substitutes_are_listed_in_one_sentence() -> None:
    said = suggest_words.substitutes(SUBSTITUTES, "en")
    assert said == (
        "Instead it can be offered 3 of B5 (12% of the price class at shops like this, 4% here); "
        "2 of B7 (8% of the price class at shops like this, 0% here)."
    )
    assert suggest_words.substitutes(SUBSTITUTES[:1], "zh") == "可改荐B5 3条（同类店占该价类12%，本店4%）。"
    assert suggest_words.substitutes([], "en") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_dependence_is_told_with_or_without_purchases(language: str) -> None:
    row = {"brand_id": "B1", "share": 0.46, "purchased": 0.09, "hhi": 0.24, "needed": 17, "suggested": 1}
    told, without = suggest_words.dependence(row, language), suggest_words.dependence(row | {"purchased": float("nan")}, language)
    assert all(part in told for part in ("B1", "46%", "9%", "0.24", "17"))
    assert "9%" not in without
    assert "nan" not in without


def test_another_language_is_refused() -> None:
    for tell in (lambda: suggest.words(ROW, "fr"), lambda: suggest_words.substitutes([], "fr")):
        with pytest.raises(ValueError, match="there are en, zh"):
            tell()
