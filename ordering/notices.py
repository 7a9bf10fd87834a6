"""Notices: what is told, to whom, and its words in both languages, from the numbers stored with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

RETAILERS, MANAGERS, OPERATORS = AUDIENCES = ("retailers", "managers", "operators")


class Notice(StrEnum):
    """What a notice tells."""

    STRATEGY_PUBLISHED = "strategy_published"
    STRATEGY_WITHDRAWN = "strategy_withdrawn"
    BRAND_ARRIVING = "brand_arriving"
    ALLOCATION_READY = "allocation_ready"
    NIGHT_READY = "night_ready"
    FLAGS_TO_LOOK_AT = "flags_to_look_at"
    ALERT_RAISED = "alert_raised"
    ALERT_CLEARED = "alert_cleared"


class Alert(StrEnum):
    """What somebody has to look at."""

    NIGHT_LATE = "night_late"
    NIGHT_FAILED = "night_failed"
    DRIFTED = "drifted"
    INBOX_QUARANTINED = "inbox_quarantined"
    BACKUP_FAILED = "backup_failed"
    JOB_FAILED = "job_failed"


WORDS: Mapping[Notice, tuple[str, str]] = {
    Notice.STRATEGY_PUBLISHED: (
        "What each star level can order in the week of {week} is published, for {brands} brands.",
        "{week}当周的投放策略已公布，涉及{brands}个品规。",
    ),
    Notice.STRATEGY_WITHDRAWN: (
        "What was published for the week of {week} was taken back; the caps are those of before.",
        "{week}当周公布的投放策略已撤回，限量恢复如前。",
    ),
    Notice.BRAND_ARRIVING: (
        "{name} arrives on {arrives_on}; your star level has a cap of it in the week of {week}.",
        "{name}将于{arrives_on}到货，您的档位在{week}当周有投放。",
    ),
    Notice.ALLOCATION_READY: (
        "What you get of your order of {order_day} is decided.",
        "您{order_day}订单的分配结果已确定。",
    ),
    Notice.NIGHT_READY: (
        "The suggestions and the proposal of {business_date} are ready (run {run_id}, {problems} problems).",
        "{business_date}的订货建议和分配方案已生成（运行{run_id}，问题{problems}项）。",
    ),
    Notice.FLAGS_TO_LOOK_AT: (
        "{flagged} lines of waiting orders are flagged; a flag is a question, please look at them.",
        "待分配订单中有{flagged}行被标记，标记只是疑问，请查看。",
    ),
    Notice.ALERT_RAISED: ("{english}", "{chinese}"),
    Notice.ALERT_CLEARED: ("It is well again: {english}", "已恢复：{chinese}"),
}
"""What a notice says, by its kind."""

ALERTS: Mapping[Alert, tuple[str, str]] = {
    Alert.NIGHT_LATE: (
        "The night of {date} has not ended by {by}.",
        "{date}的夜间任务在{by}前未完成。",
    ),
    Alert.NIGHT_FAILED: ("The night of {date} failed.", "{date}的夜间任务失败。"),
    Alert.DRIFTED: (
        "Forecasts of {brands} have left their interval for weeks.",
        "以下品规的预测连续数周超出区间：{brands}。",
    ),
    Alert.INBOX_QUARANTINED: (
        "The delivery {name} has {faults} faults and was not loaded; trueorder inbox show says which.",
        "收件{name}有{faults}处错误，未导入；详情见 trueorder inbox show。",
    ),
    Alert.BACKUP_FAILED: ("The backup of {date} failed.", "{date}的备份失败。"),
    Alert.JOB_FAILED: (
        "The scheduled job {job} of {date} was given up; trueorder scheduler --status says why.",
        "{date}的定时作业{job}多次失败，已停止重试；详情见 trueorder scheduler --status。",
    ),
}
"""What an alert says, by its kind."""


@dataclass(frozen=True)
class Stored:
    """A notice as stored. `readers`: whom it is for, by id; empty: the whole audience."""

    notice_id: int
    uid: str
    kind: str
    subject: str
    audience: str
    payload: Mapping[str, Any]
    posted_at: datetime
    readers: tuple[str, ...] = ()

    @property
    def words(self) -> dict[str, str]:
        """What it says, in English and Chinese."""
        return words(self.kind, self.payload)


def words(kind: str, payload: Mapping[str, Any]) -> dict[str, str]:
    """A notice of a kind in words: {"en", "zh"}."""
    english, chinese = WORDS[Notice(kind)]
    return {"en": english.format_map(payload), "zh": chinese.format_map(payload)}


def alert_words(kind: Alert, **told: Any) -> dict[str, str]:
    """An alert in words: {"en", "zh"}."""
    english, chinese = ALERTS[kind]
    return {"en": english.format_map(told), "zh": chinese.format_map(told)}
