"""What is wrong with a list that comes back in, in words: of the whole file, and of one line, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from ordering.errors import TrueOrderError
from ordering.review_refusals import CHINESE

FILES: Mapping[str, tuple[str, str]] = {
    "empty": ("holds nothing; choose the list that you edited", "文件为空，请选择编辑过的清单"),
    "large": (
        "is larger than {most} megabytes; export fewer lines by the filter and send those",
        "超过 {most} MB，请先筛选、导出较少的行后再上传",
    ),
    "coding": (
        "is no text in UTF-8 or GB18030; save the list as xlsx, or as csv in UTF-8",
        "不是 UTF-8 或 GB18030 文本，请另存为 xlsx，或 UTF-8 编码的 csv",
    ),
    "cells": (
        "holds what no list holds ({what}); save the list anew as xlsx or csv",
        "含有清单中不应有的内容（{what}），请重新另存为 xlsx 或 csv",
    ),
    "columns": (
        "has no column {what}; start from an exported list and keep its columns",
        "缺少列 {what}，请用导出的清单编辑并保留各列",
    ),
    "doubled": ("has the column {what} twice; keep one", "列 {what} 重复，请只保留一列"),
    "old": (
        "is a workbook of the old kind, or has a password; save it as xlsx without a password",
        "是旧版或加密的工作簿，请另存为不加密的 xlsx",
    ),
    "macros": ("holds macros; save it as xlsx, which has none", "含有宏，请另存为不含宏的 xlsx"),
    "unpacked": (
        "unpacks to more than a list can be; export the list anew and edit that",
        "解压后远超清单应有的大小，请重新导出清单后编辑",
    ),
    "broken": (
        "cannot be read as a workbook; open it in the spreadsheet and save it anew as xlsx",
        "无法作为工作簿读取，请在电子表格中打开并重新另存为 xlsx",
    ),
    "unchanged": (
        "no quantity was changed; put the new ones into the column final",
        "没有改动任何数量，请在 final 列填写新数量",
    ),
}
"""What is wrong with a file, and what to do."""

LINES: Mapping[str, tuple[str, str]] = {
    "quantity": (
        "is no whole number of cartons from 0 to 1,000,000; write one like 3",
        "不是 0 至 1,000,000 的整数（条），请填写如 3",
    ),
    "day": ("is no date; write it like 2026-03-03", "不是日期，请写成 2026-03-03"),
    "version": ("is no whole number; keep what the list had there", "不是整数，请保留清单中的原值"),
    "rounded": (
        "was rounded by the spreadsheet; edit the xlsx, which keeps long numbers",
        "已被电子表格舍入，请改用 xlsx 编辑，长号码不会丢失",
    ),
    "twice": (
        "stands on line {other} with the same brand and day already; keep one of them",
        "与第 {other} 行重复（同品规、同订货日），请只保留一行",
    ),
    "absent": (
        "has no such line in run {run}; export the list anew and edit that",
        "在作业 {run} 中没有这一行，请重新导出清单后编辑",
    ),
    "emptied": (
        "is empty where {before} holds; write 0 for nothing, or take the decision back on the page",
        "被清空，原为 {before}；不订请填 0，取消决定请在页面上撤销",
    ),
    "override": (
        "was changed, but final was not; put the quantity into the column final",
        "有改动而 final 未改，请把数量填入 final 列",
    ),
    "meanwhile": (
        "is not what stands there now: {by} decided meanwhile ({decision}); export the list anew",
        "已过期：{by} 其间已作决定（{decision}），请重新导出清单",
    ),
    "undone": (
        "is not what stands there now: a decision was undone meanwhile; export the list anew",
        "已过期：其间有决定被撤销，请重新导出清单",
    ),
    "frozen": (
        "is closed: the cut-off has passed, and what was decided stands; keep final as it was",
        "已截止，原决定有效，请保留 final 原值",
    ),
    "code": ("is no reason; use one of {codes}", "不是原因代码，请用 {codes} 之一"),
    "untold": ("tells nothing by itself; say in the column note what it is", "需在 note 列说明具体原因"),
    "reason": (
        "is missing: a change from {suggested} to {quantity} cartons needs a reason; use one of {codes}",
        "缺失：由 {suggested} 条改为 {quantity} 条须填原因，请用 {codes} 之一",
    ),
    "above": (
        "is above {most}, the most that {bound} leaves; give no more",
        "超过 {bound} 所余的 {most} 条，请勿超过",
    ),
    "pack": (
        "cannot be delivered: the pack is {size}; give a multiple of it",
        "无法配送：包装为 {size} 条，请填其倍数",
    ),
    "lot": (
        "cannot be delivered: the lot is {size}; give 0 or that",
        "无法配送：起订量为 {size} 条，请填 0 或不少于该数",
    ),
}
"""What is wrong with a line, after the column and the value that stand there."""

ENGLISH: Mapping[str, str] = {
    "STAR_CAP": "the level's cap", "BAND_CAP": "the price class cap", "QUOTA_BRAND": "the brand quota", "QUOTA_TOTAL": "the month's quota",
    "DAY_LIMIT": "the day limit", "DEMAND_CAP": "the demand cap", "HOLD": "the hold", "LEVEL": "the short supply",
}  # fmt: skip
"""What bounds are called within these sentences; their Chinese words are those of every refusal."""


def of_line(code: str, values: Mapping[str, object]) -> list[str]:
    """What is wrong with a line, in English and Chinese."""
    english, chinese = LINES[code]
    return [
        said.format(**{name: words.get(str(value), value) for name, value in values.items()})
        for said, words in ((english, ENGLISH), (chinese, CHINESE))
    ]


OF_STATE = frozenset({"meanwhile", "undone", "frozen"})
"""What is wrong with a line because of what others did, or of the hour."""


class ListError(TrueOrderError):
    """A file cannot be used as an edited list; `code` says why, and its words what to do."""

    def __init__(self, file: str, code: str, **values: object) -> None:
        english, chinese = (said.format(**values) for said in FILES[code])
        self.code = code
        super().__init__(f"{file}: {english}", f"{file}：{chinese}")
