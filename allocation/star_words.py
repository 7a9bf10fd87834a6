"""A star rating in words, in English and Chinese: every measure, what it added, the score, the rank, the level and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from allocation.explain import LANGUAGES
from ordering.model import LevelReason, Measure

Both = tuple[str, str]

MEASURES: Mapping[Measure, Both] = {
    Measure.PURCHASES: ("Purchases", "购进"),
    Measure.SELL_THROUGH: ("Sell-through", "动销比"),
    Measure.STRUCTURE: ("Structure", "单箱结构"),
    Measure.INTEGRITY: ("Integrity", "诚信"),
    Measure.COOPERATION: ("Cooperation", "配合度"),
}
VALUES: Mapping[Measure, Both] = {
    Measure.PURCHASES: ("{value:,.2f} {unit} a week", "每周{value:,.2f}{unit}"),
    Measure.SELL_THROUGH: ("{value:.1%} of what it had was sold", "可售量中售出{value:.1%}"),
    Measure.STRUCTURE: ("{value:,.0f} yuan a case", "每箱{value:,.0f}元"),
    Measure.INTEGRITY: ("conduct score {value:.1f} of 100", "诚信评分{value:.1f}（满分100）"),
    Measure.COOPERATION: (
        "{value:.1%} of orders on the order day and of weeks reported by its till",
        "按订货日订货、按周上报扫码的比例{value:.1%}",
    ),
}
UNITS: Mapping[str, Both] = {"cartons": ("cartons", "条"), "yuan": ("yuan", "元")}
PLACED: Both = (
    ", above {percentile:.1%} of its peers (equals count half): {points:+.4f} points at weight {weight:g}.",
    "，高于{percentile:.1%}的同类（并列计一半）：{points:+.4f}分，权重{weight:g}。",
)
UNKNOWN: Both = (
    "not known. It counts neither for nor against the shop; the measures that are known take over its weight.",
    "未知。既不加分也不减分，其权重由已知各项分担。",
)
COUNTED: Both = (
    " (it bought {bought:,.2f}; what was not sold does not count)",
    "（购进{bought:,.2f}，未售出的部分不计）",
)
HEADLINE: Both = (
    "{month}: level {level}, in the month before {previous}. Score {score:.4f} = 50 + points, rank {rank:,} of {rated:,}; by rank alone "
    "level {rank_level}.",
    "{month}：{level}档，上月{previous}档。得分{score:.4f}（50加各项分），在{rated:,}户中排第{rank:,}；仅按名次为{rank_level}档。",
)
REASONS: Mapping[LevelReason, Both] = {
    LevelReason.RANK: ("The level is that of its rank.", "档位按名次评定。"),
    LevelReason.STEPS_UP: (
        "Its rank gives level {rank_level}, but within a month nobody rises by more than {steps}.",
        "按名次为{rank_level}档，但每月最多上升{steps}档。",
    ),
    LevelReason.STEPS_DOWN: (
        "Its rank gives level {rank_level}, but within a month nobody falls by more than {steps}.",
        "按名次为{rank_level}档，但每月最多下降{steps}档。",
    ),
    LevelReason.PLACES: (
        "Its rank gives level {rank_level}; shops that may move no further take or leave places, and each level has its share.",
        "按名次为{rank_level}档；因其他零售户升降受限，该档名额已满或有空缺，而各档比例固定。",
    ),
    LevelReason.NEW_SHOP: (
        "A new shop, open for {weeks} of the weeks measured: it starts from the entry level, the middle of its peers unless set otherwise.",
        "新店，评价期内仅营业{weeks}周：按设定的起始档位，未设定时取同类店铺的中位。",
    ),
    LevelReason.NO_MEASURE: (
        "No measure of it is known: it stands in the middle of its peers.",
        "各项指标均未知：取同类店铺的中位。",
    ),
}  # fmt: skip
MOVED: Both = ("What moved it most: {name}.", "影响最大的一项：{name}。")
JOINTS: Both = (" ", "")
COLONS: Both = (": ", "：")


def sheet(row: Mapping[str, Any], *, steps: int, rated: int, rules: Mapping[str, Any], language: str) -> list[str]:
    """A row of ratings.RATINGS as lines: the headline, a line per weighted measure, and why.

    `steps`: the most that anybody moved by in that rating; `rated`: how many were; `rules`: the [rating] settings then in force.
    Raises ValueError for a language other than en and zh.
    """
    at = _language(language)
    lines = [HEADLINE[at].format(**row, rated=rated)]
    weights = {m: float(rules["weights"].get(m, 0)) for m in MEASURES}
    lines += [_measure(row, m, weight, rules, at) for m, weight in weights.items() if weight > 0]
    return [*lines, why(row, steps=steps, language=language)]


def why(row: Mapping[str, Any], *, steps: int, language: str) -> str:
    """The reason of a rating and what moved it most, as one or two sentences."""
    at = _language(language)
    said = [REASONS[LevelReason(row["reason"])][at].format(**row, steps=steps)]
    if row["moved_by"]:
        said.append(MOVED[at].format(name=MEASURES[Measure(row["moved_by"])][at]))
    return JOINTS[at].join(said)


def _measure(row: Mapping[str, Any], measure: Measure, weight: float, rules: Mapping[str, Any], at: int) -> str:
    name, value, percentile = MEASURES[measure][at] + COLONS[at], row[str(measure)], row[f"{measure}_percentile"]
    if pd.isna(percentile):
        return name + UNKNOWN[at]
    told = VALUES[measure][at].format(value=value, unit=UNITS[rules["purchases_in"]][at])
    if measure is Measure.PURCHASES and value < row["bought"]:
        told += COUNTED[at].format(bought=row["bought"])
    return name + told + PLACED[at].format(percentile=percentile, points=row[f"{measure}_points"], weight=weight)


def _language(language: str) -> int:
    if language not in LANGUAGES:
        raise ValueError(f"no texts in {language!r}; there are {', '.join(LANGUAGES)}")
    return LANGUAGES.index(language)
