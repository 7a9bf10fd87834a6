"""A line's outcome in words, in English and Chinese: one sentence, from the numbers stored with the line."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from allocation.counterfactual import OneMore
from ordering.model import Reason

LANGUAGES = ("en", "zh")

TEXT: Mapping[Reason, tuple[str, str]] = {
    Reason.FULL: ("You asked for {requested} and got {allocated}.", "您要货{requested}条，全部满足，订购{allocated}条。"),
    Reason.STAR_CAP: (
        "The cap of your star level for this brand is {cap} in this order week; you asked for {requested} and got {allocated}.",
        "您的档位本周该品规限量{cap}条；您要货{requested}条，订购{allocated}条。",
    ),
    Reason.BAND_CAP: (
        "The cap of your star level over all brands of this price class leaves {usable} for this brand; you asked for {requested} and got "
        "{allocated}.",
        "您的档位本周该价类总限量只余{usable}条可用于该品规；您要货{requested}条，订购{allocated}条。",
    ),
    Reason.QUOTA_BRAND: (
        "Of this month's quota for this brand {quota_left} were left; you asked for {requested} and got {allocated}.",
        "您本月该品规月限量还余{quota_left}条；您要货{requested}条，订购{allocated}条。",
    ),
    Reason.QUOTA_TOTAL: (
        "This month's quota over all brands leaves {usable} for this brand; you asked for {requested} and got {allocated}.",
        "您本月总量限量只余{usable}条可用于该品规；您要货{requested}条，订购{allocated}条。",
    ),
    Reason.DAY_LIMIT: (
        "The limit of one order day over all brands leaves {usable} for this brand; you asked for {requested} and got {allocated}.",
        "您的单日限量只余{usable}条可用于该品规；您要货{requested}条，订购{allocated}条。",
    ),
    Reason.PACK: (
        "This brand is delivered in whole packs only; you asked for {requested} and got {allocated}, the next smaller number of packs.",
        "该品规须按整件倍数订货；您要货{requested}条，向下取整订购{allocated}条。",
    ),
    Reason.MIN_LOT: (
        "What can be given is below the smallest lot of this brand; you asked for {requested} and got {allocated}.",
        "可供数量低于该品规起订量；您要货{requested}条，订购{allocated}条。",
    ),
    Reason.DEMAND_CAP: (
        "This brand is given up to the upper estimate of your consumers' demand, {usable}; you asked for {requested} and got {allocated}.",
        "该品规按消费需求估计上限{usable}条供货；您要货{requested}条，订购{allocated}条。",
    ),
    Reason.HOLD: (
        "Your orders of this brand are on hold; you asked for {requested} and got {allocated}. Your account manager can say why.",
        "该品规对您暂停供货；您要货{requested}条，订购{allocated}条。原因请咨询客户经理。",
    ),
    Reason.LEVEL: (
        "Your level's line was {line} {unit}; you asked for {requested} and got {allocated}: more was not there.",
        "您的档位本周分配线为{line}{unit}；您要货{requested}条，订购{allocated}条，货源已分完。",
    ),
    Reason.TURN_LOST: (
        "Your level's line was {line} {unit}; you asked for {requested} and got {allocated}; the extra one goes to others this week.",
        "您的档位本周分配线为{line}{unit}；您要货{requested}条，订购{allocated}条；零头本周轮到其他零售户。",
    ),
    Reason.TURN_WON: (
        "Your level's line was {line} {unit}; you asked for {requested} and got {allocated}; the extra one is yours this week.",
        "您的档位本周分配线为{line}{unit}；您要货{requested}条，订购{allocated}条；零头本周轮到您。",
    ),
}
"""A sentence for each reason, English and Chinese."""

UNITS = {"en": ("cartons", "packs of {pack}"), "zh": ("条", "件（每件{pack}条）")}


def words(row: Mapping[Hashable, Any] | pd.Series, language: str) -> str:
    """The sentence for one ALLOCATION row; with `pack_multiple` in the row, the level's line is told in packs.

    >>> words({"reason": "TURN_LOST", "requested": 10, "allocated": 3, "weight": 2000, "level": 1.7}, "en")
    "Your level's line was 3.4 cartons; you asked for 10 and got 3; the extra one goes to others this week."

    Raises ValueError for a language other than en and zh.
    """
    return _told(TEXT, row, language)


def _told(text: Mapping[Reason, tuple[str, str]], row: Mapping[Hashable, Any] | pd.Series, language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"no texts in {language!r}; there are {', '.join(LANGUAGES)}")
    pack, level = int(row.get("pack_multiple", 1)), row.get("level")
    known = level is not None and not pd.isna(level)
    return text[Reason(row["reason"])][LANGUAGES.index(language)].format(
        requested=row["requested"],
        allocated=row["allocated"],
        cap=_shown(row.get("cap")),
        quota_left=_shown(row.get("quota_left")),
        usable=_shown(row.get("usable")),
        taken=_shown(row.get("taken")),
        pack=pack,
        lot=_shown(row.get("min_lot")),
        line=_line(row["weight"] * level / 1000) if known else "–",
        unit=UNITS[language][pack > 1].format(pack=pack),
    )


BEFORE: Mapping[Reason, tuple[str, str]] = {
    Reason.FULL: ("All {requested} can be ordered.", "要货{requested}条，可全部订购。"),
    Reason.STAR_CAP: (
        "{allocated} can be ordered: the cap of your star level for this brand is {cap} in this order week, and {taken} are given.",
        "可订{allocated}条：您的档位本周该品规限量{cap}条，已订{taken}条。",
    ),
    Reason.BAND_CAP: (
        "{allocated} can be ordered: the cap of your star level over all brands of this price class leaves {usable}.",
        "可订{allocated}条：您的档位本周该价类总限量只余{usable}条。",
    ),
    Reason.QUOTA_BRAND: (
        "{allocated} can be ordered: this month's quota for this brand leaves {quota_left}.",
        "可订{allocated}条：您本月该品规月限量还余{quota_left}条。",
    ),
    Reason.QUOTA_TOTAL: (
        "{allocated} can be ordered: this month's quota over all brands leaves {usable}.",
        "可订{allocated}条：您本月总量限量只余{usable}条。",
    ),
    Reason.DAY_LIMIT: (
        "{allocated} can be ordered: the limit of one order day over all brands leaves {usable}.",
        "可订{allocated}条：您的单日限量只余{usable}条。",
    ),
    Reason.PACK: (
        "{allocated} can be ordered: this brand is delivered in whole packs of {pack} only.",
        "可订{allocated}条：该品规须按每件{pack}条的整件倍数订货。",
    ),
    Reason.MIN_LOT: (
        "{allocated} can be ordered: the smallest lot of this brand is {lot}.",
        "可订{allocated}条：该品规{lot}条起订。",
    ),
    Reason.DEMAND_CAP: (
        "{allocated} can be ordered: this brand is given up to the upper estimate of your consumers' demand, of which {usable} are left.",
        "可订{allocated}条：该品规按消费需求估计上限供货，还余{usable}条。",
    ),
    Reason.HOLD: (
        "{allocated} can be ordered: your orders of this brand are on hold. Your account manager can say why.",
        "可订{allocated}条：该品规对您暂停供货，原因请咨询客户经理。",
    ),
    Reason.LEVEL: (
        "{allocated} can be ordered: your level's line is {line} {unit} this week, and {taken} cartons are given.",
        "可订{allocated}条：您的档位本周分配线为{line}{unit}，已订{taken}条。",
    ),
    Reason.TURN_LOST: (
        "{allocated} can be ordered: your level's line is {line} {unit} this week, {taken} cartons are given; the extra one goes to "
        "others.",
        "可订{allocated}条：您的档位本周分配线为{line}{unit}，已订{taken}条；零头本周轮到其他零售户。",
    ),
    Reason.TURN_WON: (
        "{allocated} can be ordered: your level's line is {line} {unit} this week, {taken} cartons are given; the extra one is yours.",
        "可订{allocated}条：您的档位本周分配线为{line}{unit}，已订{taken}条；零头本周轮到您。",
    ),
}
"""A sentence for each reason before anything is ordered, English and Chinese."""
NO_BOUND = {"en": "Nothing bounds this brand for you now.", "zh": "该品规目前对您没有限量。"}


def before(row: Mapping[str, Any], language: str) -> str:
    """The sentence for one quote, in the columns of frames.ALLOCATION: what can be ordered, and what binds it.

    >>> before({"reason": "PACK", "requested": 12, "allocated": 10, "pack_multiple": 5, "min_lot": 5, "weight": 1000}, "en")
    '10 can be ordered: this brand is delivered in whole packs of 5 only.'
    """
    return _told(BEFORE, row, language)


INSTEAD: Mapping[str, tuple[str, str]] = {
    "level": (
        "{more} more would have needed a line of {line} {unit}, which is {about}{supply} more cartons of this brand for the city.",
        "若要多得{more}，分配线须达{line}{unit}，全市须{about}再增{supply}条货源。",
    ),
    "lifted": ("Without that limit it would have been {got}.", "若无此项限制，可得{got}条。"),
    "nothing": ("No limit and no level stood between this line and more.", "没有限量或分配线影响本行。"),
}
"""What would have given more, English and Chinese."""
ABOUT = {"en": ("", "about "), "zh": ("", "约")}
ONE_MORE = {"en": ("One carton", "One pack of {pack}"), "zh": ("一条", "一件（{pack}条）")}


def instead(row: Mapping[Hashable, Any] | pd.Series, one: OneMore, language: str) -> str:
    """What would have given the line of an ALLOCATION row more, in words."""
    at, pack, said = LANGUAGES.index(language), int(row["pack_multiple"]), []
    if one.lifted is not None and one.lifted[1] > row["allocated"]:
        said.append(INSTEAD["lifted"][at].format(got=one.lifted[1]))
    if one.level is not None:
        said.append(
            INSTEAD["level"][at].format(
                more=ONE_MORE[language][pack > 1].format(pack=pack),
                line=_line(row["weight"] * one.level / 1000),
                unit=UNITS[language][pack > 1].format(pack=pack),
                about=ABOUT[language][one.about],
                supply=one.supply,
            )
        )
    if not said and row["allocated"] >= row["requested"]:
        said.append(INSTEAD["nothing"][at])
    return (" " if language == "en" else "").join(said)


def _shown(value: Any) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None or pd.isna(value) else str(int(value))


def _line(line: float) -> str:
    """The line cut (not rounded: 3.96 must not read as 4) to one decimal, or as many as show that there is a fraction."""
    digits = 1
    while digits < 4 and line > int(line) and math.floor(line * 10**digits) == int(line) * 10**digits:
        digits += 1
    return f"{math.floor(round(line * 10**digits, 6)) / 10**digits:.{digits}f}"
