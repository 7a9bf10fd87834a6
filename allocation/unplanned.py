"""Why a brand's month or week could not be planned as it should, in words: English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Unplanned(StrEnum):
    """What stands in the way of a brand's plan."""

    NO_VOLUME = "no_volume"
    VOLUME_GIVEN = "volume_given"
    NOT_ARRIVED = "not_arrived"
    NO_DEMAND = "no_demand"
    ABOVE_NEED = "above_need"
    TOO_SMALL = "too_small"
    NO_CAP = "no_cap"


TEXT: Mapping[Unplanned, tuple[str, str]] = MappingProxyType({
    Unplanned.NO_VOLUME: (
        "Brand {brand_id} has no volume for {month}; give it one in monthly_plan.csv. No cap is proposed, so it has none.",
        "品牌{brand_id}在{month}没有月度计划量，请在 monthly_plan.csv 中补充；未提出限量，即不限量。",
    ),
    Unplanned.VOLUME_GIVEN: (
        "Brand {brand_id}: {beyond} cartons were given beyond the volume of {month}, {volume}; nothing more is planned.",
        "品牌{brand_id}：已供货量超出{month}计划量{volume}条达{beyond}条，不再安排。",
    ),
    Unplanned.NOT_ARRIVED: (
        "Brand {brand_id}: of the volume of {month}, {volume}, {beyond} cartons do not arrive in time and are not planned.",
        "品牌{brand_id}：{month}计划量{volume}条中有{beyond}条未能及时到货，未安排。",
    ),
    Unplanned.NO_DEMAND: (
        "Brand {brand_id}: nobody is offered it or needs it in the week of {week}; for the {plan} cartons planned no cap is proposed.",
        "品牌{brand_id}：{week}当周无人可订或无需求，计划的{plan}条无法投放，未提出限量。",
    ),
    Unplanned.ABOVE_NEED: (
        "Brand {brand_id}: {plan} cartons are planned for the week of {week}; even the highest caps would let only {expected} be taken up.",
        "品牌{brand_id}：{week}当周计划{plan}条，即使放到最高限量预计也只订购{expected}条。",
    ),
    Unplanned.TOO_SMALL: (
        "Brand {brand_id}: {plan} cartons are planned for the week of {week}, less than half of what the smallest cap would take up, "
        "{expected}: nothing is released.",
        "品牌{brand_id}：{week}当周计划{plan}条，不到最小投放预计订购量{expected}条的一半，故不投放。",
    ),
    Unplanned.NO_CAP: (
        "Brand {brand_id} has no cap in the week of {week}, so no quota of {month} is proposed: it would bind where the strategy does not.",
        "品牌{brand_id}在{week}当周没有限量，故不提出{month}月限量，以免比投放策略更严。",
    ),
})  # fmt: skip
"""A sentence for each, English and Chinese."""


def said(code: Unplanned, **values: object) -> dict[str, str]:
    """A row of problems: brand_id, code, english, chinese.

    >>> said(Unplanned.NO_VOLUME, brand_id="B1", month="2026-03")["chinese"][:10]
    '品牌B1在2026-'
    """
    english, chinese = (text.format(**values) for text in TEXT[code])
    return {"brand_id": str(values["brand_id"]), "code": str(code), "english": english, "chinese": chinese}


COLUMNS = ("brand_id", "code", "english", "chinese")
"""Columns of problems of a plan."""
