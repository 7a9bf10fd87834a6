"""A stock count as it is entered: whole cartons of known brands, on a day that has come; far-off counts are asked about. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ordering.errors import TrueOrderError
from ordering.settings import VisitSettings

MOST = 100_000
"""Cartons of one brand in one shop, above which a count is a slip of the finger."""
OLDEST = timedelta(days=31)
"""How long ago a shelf may have been counted that is entered today."""


@dataclass(frozen=True)
class Reckoned:
    """What is reckoned of a brand: cartons on the shelf on the day `on`, and the demand of a week."""

    stock: float
    weekly: float
    on: date


@dataclass(frozen=True)
class FarOff:
    """A count that lies far from what is reckoned, both in cartons."""

    brand_id: str
    counted: int
    reckoned: float


def check(said: Mapping[str, int], *, known: Collection[str], on: date, today: date) -> None:
    """Raise TrueOrderError where a count cannot be kept: brands that are none, quantities that are none, a day to come or long past."""
    if not said:
        raise TrueOrderError("the count names no brand; write the cartons of at least one", "没有填写任何品规；请至少填写一个品规的条数")
    if unknown := sorted(set(said) - set(known)):
        raise TrueOrderError(f'brand "{unknown[0]}": there is no such brand', f"品规“{unknown[0]}”：没有此品规")
    for brand_id, stock in sorted(said.items()):
        if not 0 <= stock <= MOST:
            raise TrueOrderError(
                f"brand {brand_id}: {stock} is no count; write whole cartons from 0 to {MOST}",
                f"品规{brand_id}：{stock}无效；请填写0至{MOST}的整条数",
            )
    if on > today:
        raise TrueOrderError(f"counted on {on}: that day is still to come", f"盘点日期{on}：尚未到来")
    if on < today - OLDEST:
        raise TrueOrderError(
            f"counted on {on}: more than {OLDEST.days} days ago; such a count comes in by stock_counts.csv",
            f"盘点日期{on}：已过{OLDEST.days}天以上；请通过 stock_counts.csv 导入",
        )


def reckoned(now: Reckoned, on: date) -> float:
    """The stock that is reckoned for another day: what is sold between the two is on the shelf of the earlier one."""
    return max(now.stock + now.weekly * (now.on - on).days / 7, 0.0)


def far_off(said: Mapping[str, int], known: Mapping[str, Reckoned], *, on: date, rules: VisitSettings) -> list[FarOff]:
    """The counts that lie further from what is reckoned than both `count_cartons` and `count_weeks` of demand, by brand."""
    found = []
    for brand_id, stock in sorted(said.items()):
        if (now := known.get(brand_id)) is not None:
            expected = reckoned(now, on)
            if abs(stock - expected) > max(rules.count_cartons, rules.count_weeks * now.weekly):
                found.append(FarOff(brand_id, stock, expected))
    return found
