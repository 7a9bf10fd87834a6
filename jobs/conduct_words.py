"""What the tables of habits say, as sentences in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from forecasting import inflation
from ordering.conduct import Habit, Reaction, Trend

Both = tuple[str, str]

HABITS: Mapping[Habit, Both] = MappingProxyType({
    Habit.SELDOM: ("Seldom asks for more than it can use", "很少虚报"),
    Habit.SOMETIMES: ("Sometimes asks for more than it can use", "有时虚报"),
    Habit.OFTEN: ("Often asks for more than it can use", "经常虚报"),
    Habit.CANNOT_TELL: ("Cannot tell: too little evidence", "证据不足，无法判断"),
})  # fmt: skip
TRENDS: Mapping[Trend, Both] = MappingProxyType({
    Trend.RISING: ("more often of late", "近期增多"),
    Trend.STEADY: ("no change of late", "近期平稳"),
    Trend.FALLING: ("less often of late", "近期减少"),
    Trend.CANNOT_TELL: ("whether that changes cannot be told", "变化趋势无法判断"),
})  # fmt: skip
REACTIONS: Mapping[Reaction, Both] = MappingProxyType({
    Reaction.ASKS_MORE: (
        "In shortage it asks, measured against its need, {factor:.1f} times what it asks otherwise.",
        "紧俏时相对需求的要货倍数为平时的 {factor:.1f} 倍。"),
    Reaction.NO_DIFFERENT: ("Shortage does not make it ask for more.", "紧俏时并未多要。"),
    Reaction.CANNOT_TELL: ("What shortage does to its requests cannot be told.", "紧俏对其要货的影响无法判断。"),
})  # fmt: skip


def habits(table: pd.DataFrame) -> pd.DataFrame:
    """A few sentences for each row of conduct.HABITS, in columns english and chinese."""
    said = [_said(row) for row in table.to_dict("records")]
    return pd.DataFrame(said, columns=["english", "chinese"], index=table.index, dtype="str")


def _said(row: Mapping[str, object]) -> Both:
    habit, trend, reaction = Habit(str(row["habit"])), Trend(str(row["trend"])), Reaction(str(row["shortage"]))
    counted: Both = (f"{row['flagged']} of {row['lines']} lines flagged.", f"{row['lines']} 行中标记 {row['flagged']} 行。")
    if habit is Habit.CANNOT_TELL:
        return f"{HABITS[habit][0]}. {counted[0]}", f"{HABITS[habit][1]}。{counted[1]}"
    ground = inflation.REASONS.get(str(row["reason"]), ("", "")) if habit is not Habit.SELDOM else ("", "")
    out = []
    for at, (comma, stop, joint) in enumerate(((", ", ".", " "), ("，", "。", ""))):
        sentences = [f"{HABITS[habit][at]}{comma}{TRENDS[trend][at]}{stop}", counted[at], ground[at]]
        sentences.append(REACTIONS[reaction][at].format(factor=row["shortage_factor"]))
        out.append(joint.join(sentence for sentence in sentences if sentence))
    return out[0], out[1]
