"""Why the review refuses, in words: what a person at the grid or the command line can mend, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pandas as pd

from ordering.errors import StateError, TrueOrderError


class Refusal(StrEnum):
    """What is to be mended."""

    STATE = "state"
    CODE = "code"
    OTHER = "other"
    REASON = "reason"
    NEGATIVE = "negative"
    ABOVE = "above"
    PACK = "pack"
    LOT = "lot"
    NO_LINE = "no_line"
    FROZEN = "frozen"
    FROZEN_SPARED = "frozen_spared"
    OLD_RUN = "old_run"
    CHANGED = "changed"
    UNDONE_MEANWHILE = "undone_meanwhile"
    DECIDED_SINCE = "decided_since"
    NONE_LEFT = "none_left"
    SAME_PERSON = "same_person"
    NOT_WAITING = "not_waiting"


TEXT: Mapping[Refusal, tuple[str, str]] = MappingProxyType({
    Refusal.STATE: ('state "{state}": there is no such; there are {states}', "状态“{state}”不存在；可用的有{states}"),
    Refusal.CODE: ('reason "{code}": there is no such; there are {codes}', "原因代码“{code}”不存在；可用的有{codes}"),
    Refusal.OTHER: ('the reason "other" tells nothing by itself; say in the note what it is', "原因选“其他”时须在备注中说明"),
    Refusal.REASON: (
        "a change by more than {share:.0%} and {cartons} cartons needs a reason; give one of {codes}",
        "调整幅度超过{share:.0%}且超过{cartons}条须说明原因；请选择一个原因",
    ),
    Refusal.NEGATIVE: ("a quantity is whole cartons, 0 or more", "数量须为0或以上的整条数"),
    Refusal.ABOVE: (
        "{asked} is above {most}, the most that {bound} leaves; give no more",
        "{asked}条超过{bound_zh}所余的{most}条；请勿超过",
    ),
    Refusal.PACK: (
        "{asked} cannot be delivered: the pack is {size}; give a multiple of it",
        "{asked}条无法配送：每件{size}条；请填写整件倍数",
    ),
    Refusal.LOT: (
        "{asked} cannot be delivered: the lot is {size}; give 0 or that",
        "{asked}条无法配送：起订量{size}条；请填写0或不少于起订量",
    ),
    Refusal.NO_LINE: (
        "run {run} of {day} has no such line; trueorder review list shows those it has",
        "{day}夜间运行{run}中没有符合条件的行；请调整筛选条件",
    ),
    Refusal.FROZEN: (
        "the cut-off of the order day has passed, and what was decided stands", "订货日已截单，已作的处理不再变动",
    ),
    Refusal.FROZEN_SPARED: (
        "the cut-off of the order day has passed, and what was decided stands (--spare-frozen undoes the others)",
        "订货日已截单，已作的处理不再变动（--spare-frozen可撤销其余各行）",
    ),
    Refusal.OLD_RUN: (
        "run {run} is not the newest proposal any more, run {newest} is; list again and decide on what it suggests",
        "夜间运行{run}已不是最新方案，最新为{newest}；请刷新后按新建议处理",
    ),
    Refusal.CHANGED: (
        "{by} decided meanwhile ({decision}); nothing was written: list again, and decide on what stands there now",
        "{by}已先行处理（{decision_zh}），本次未保存；请刷新后按现状处理",
    ),
    Refusal.UNDONE_MEANWHILE: (
        "a decision was undone meanwhile; nothing was written: list again, and decide on what stands there now",
        "其间有处理被撤销，本次未保存；请刷新后按现状处理",
    ),
    Refusal.DECIDED_SINCE: ("{later} came after batch {batch}; undo that first", "第{batch}批之后又有{later_zh}；请先撤销后者"),
    Refusal.NONE_LEFT: ("batch {batch}: none of its lines can still be changed", "第{batch}批：其中各行均已不能更改"),
    Refusal.SAME_PERSON: (
        "batch {batch}: {by} decided it; another person must approve", "第{batch}批由{by}处理；须由另一人复核",
    ),
    Refusal.NOT_WAITING: ("batch {batch}: none of its lines waits for a second person", "第{batch}批：没有待复核的行"),
})  # fmt: skip
"""A sentence for each, English and Chinese; where lines are at fault, they are named before it."""

STATES = frozenset({
    Refusal.NO_LINE, Refusal.FROZEN, Refusal.FROZEN_SPARED, Refusal.OLD_RUN, Refusal.CHANGED, Refusal.UNDONE_MEANWHILE,
    Refusal.DECIDED_SINCE, Refusal.NONE_LEFT, Refusal.SAME_PERSON, Refusal.NOT_WAITING,
})  # fmt: skip
"""Those that are no fault of what was given: as things stand it cannot be done."""

CHINESE: Mapping[str, str] = MappingProxyType({
    "STAR_CAP": "档位限量", "BAND_CAP": "价类限量", "QUOTA_BRAND": "品规月限量", "QUOTA_TOTAL": "月总量限量", "DAY_LIMIT": "日限量",
    "DEMAND_CAP": "需求上限", "PACK": "整件", "MIN_LOT": "起订量", "HOLD": "暂停供货", "LEVEL": "货源紧俏", "NOT_OFFERED": "未投放",
    "open": "未处理", "accepted": "已接受", "adjusted": "已调整", "rejected": "未采纳",
})  # fmt: skip
"""Chinese words of the codes that a refusal may name."""


def refused(what: Refusal, lines: pd.DataFrame | None = None, **values: Any) -> TrueOrderError:
    """The error to raise; `lines`: those at fault.

    >>> refused(Refusal.NOT_WAITING, batch=3).words["zh"]
    '第3批：没有待复核的行'
    """
    chinese = {f"{name}_zh": CHINESE.get(str(value), str(value)) for name, value in values.items()} | values
    said = [text.format(**chinese) for text in TEXT[what]]
    if lines is not None:
        said = [f"{named(lines)}: {said[0]}", f"{named(lines, 'zh')}：{said[1]}"]
    return (StateError if what in STATES else TrueOrderError)(*said)


NAMED = 3
"""Lines that an error names; it counts the others."""
LINE: Mapping[str, str] = {
    "en": "retailer {0.retailer_id}, brand {0.brand_id}, order day {0.order_day:%Y-%m-%d}",
    "zh": "零售户{0.retailer_id}、品规{0.brand_id}、订货日{0.order_day:%Y-%m-%d}",
}


def named(lines: pd.DataFrame, language: str = "en") -> str:
    """The first few of some lines in words, and how many more there are."""
    words = [LINE[language].format(row) for row in lines.head(NAMED).itertuples()]
    more = len(lines) - NAMED
    if language == "zh":
        return "；".join(words) + (f"等，另有{more:,}行" if more > 0 else "")
    return "; ".join(words) + (f" and {more:,} more" if more > 0 else "")
