"""Answers to flags: what may be said to one, why, and which answers hold.

A flag asks a question. `explained`: the shop did need that much, for a reason that lasts a while. `mistaken`: the flag was wrong.
`confirmed`: the request was inflated. Answers are only ever added: a later answer to the same line goes before an earlier one, and an
answer that is taken back leaves the earlier one standing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

import pandas as pd

from ordering.errors import TrueOrderError


class Verdict(StrEnum):
    """What was said to a flag."""

    EXPLAINED = "explained"
    MISTAKEN = "mistaken"
    CONFIRMED = "confirmed"


VERDICTS: Mapping[Verdict, tuple[str, str]] = MappingProxyType({
    Verdict.EXPLAINED: ("The shop did need more than usual, for a reason that lasts a while.", "确有额外需求，原因在一段时间内有效。"),
    Verdict.MISTAKEN: ("The flag was wrong.", "标记有误。"),
    Verdict.CONFIRMED: ("The request was inflated.", "确属虚报。"),
})  # fmt: skip
"""Every verdict with its words in English and Chinese."""


@dataclass(frozen=True)
class Ground:
    """Why an answer says what it says: the verdicts it can support, and its words in English and Chinese."""

    verdicts: tuple[Verdict, ...]
    english: str
    chinese: str


_EXPLAINED, _MISTAKEN, _CONFIRMED = ((verdict,) for verdict in Verdict)
GROUNDS: Mapping[str, Ground] = MappingProxyType({
    "banquet": Ground(_EXPLAINED, "A wedding, funeral or other banquet nearby.", "附近有婚丧喜庆宴席。"),
    "new_site": Ground(_EXPLAINED, "A building site, factory or school has opened nearby.", "周边新开工地、工厂或学校。"),
    "tourist_season": Ground(_EXPLAINED, "The tourist season.", "旅游旺季。"),
    "local_event": Ground(_EXPLAINED, "A fair, an exhibition or another local event.", "庙会、展会等当地活动。"),
    "neighbour_closed": Ground(_EXPLAINED, "A shop nearby has closed, and its customers come here.", "邻近零售户歇业，客源转来。"),
    "shop_grew": Ground(_EXPLAINED, "The shop was enlarged, moved or opens longer.", "店铺扩大、迁址或延长营业。"),
    "stock_lost": Ground(_EXPLAINED, "Stock was damaged or stolen.", "存货损毁或被盗。"),
    "estimate_wrong": Ground(_MISTAKEN, "The estimate of what the shop needs was wrong.", "对该店需求的估计有误。"),
    "data_wrong": Ground(_MISTAKEN, "The data were wrong: a count, a sale or an order line.", "盘点、销售或订单数据有误。"),
    "typing_slip": Ground(_MISTAKEN, "A slip of the finger, not a wish.", "录入失误，并非本意。"),
    "feared_shortage": Ground(_CONFIRMED, "More was asked because less was expected.", "担心分不到，故多报。"),
    "for_others": Ground(_CONFIRMED, "Asked on behalf of other shops or buyers.", "替其他店或买家代要。"),
    "other": Ground(tuple(Verdict), "Another reason, told in the note.", "其他原因，见备注。"),
})  # fmt: skip
"""Every ground by its code."""

LONGEST = 366
"""Days that one explanation can hold; what lasts longer is the shop's usual demand by then, and the estimate has learnt it."""


@dataclass(frozen=True)
class Answer:
    """An answer about to be given. `until`: last day of an explanation, None: the end of the line's order week."""

    verdict: Verdict
    ground: str
    note: str
    every_brand: bool = False
    until: date | None = None


def check(answer: Answer, order_date: date) -> None:
    """Raise TrueOrderError where an answer to a line of `order_date` does not hold together."""
    ground = GROUNDS.get(answer.ground)
    if ground is None or answer.verdict not in ground.verdicts:
        fitting = ", ".join(code for code, g in GROUNDS.items() if answer.verdict in g.verdicts)
        raise TrueOrderError(
            f'reason "{answer.ground}": not one for "{answer.verdict}"; there are {fitting}',
            f"原因“{answer.ground}”不适用；可用的有{fitting}",
        )
    if not answer.note.strip():
        raise TrueOrderError(
            "note: say in a few words what was found; an answer without them helps nobody later", "请用几个字说明了解到的情况"
        )
    explained = answer.verdict is Verdict.EXPLAINED
    if not explained and (answer.until or answer.every_brand):
        raise TrueOrderError(
            f'"{answer.verdict}" is about one line; --until and --every-brand belong to "{Verdict.EXPLAINED}"',
            "此类答复只针对一行；截止日期与所有品规只用于“有正当原因”",
        )
    if answer.until and not 0 <= (answer.until - order_date).days <= LONGEST:
        raise TrueOrderError(
            f"until {answer.until}: give a day from {order_date}, the day of the line, to {LONGEST} days after it",
            f"截止日期{answer.until}：请填写订货日{order_date}起{LONGEST}天内的日期",
        )


def in_force(rows: pd.DataFrame) -> pd.DataFrame:
    """Of all rows of answers, with columns answer_id, order_id, brand_id and withdraws, those that hold: of each line the newest that
    was not taken back. A row that takes another back (`withdraws`) is no answer itself.
    """
    gone = set(rows["withdraws"].dropna().astype("int64"))
    stand = rows[rows["withdraws"].isna() & ~rows["answer_id"].isin(gone)]
    return stand.sort_values("answer_id").drop_duplicates(["order_id", "brand_id"], keep="last")
