"""A last look at an order day before its lines are confirmed: limits that catch what no rule forbids and nobody meant.

Each limit is a setting of [publishing]. The usual is that of the last order days of the same weekday whose outcome is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ordering import frames
from ordering.frames import Snapshot
from ordering.settings import AllocationSettings, PublishSettings

LEAST_DAYS = 4
"""Earlier order days without which nothing can be called usual."""


@dataclass(frozen=True)
class Breach:
    """A limit that an order day does not keep, in both languages. `hard`: no person may accept it."""

    limit: str
    english: str
    chinese: str
    hard: bool = False

    def __str__(self) -> str:
        return f"{self.limit}: {self.english} {self.chinese}"


def breaches(
    known: Snapshot, lines: pd.DataFrame, day: date, rules: PublishSettings, *, allocation: AllocationSettings, problems: int
) -> list[Breach]:
    """The limits that an order day would not keep if `lines` (frames.ALLOCATION, of that day) were confirmed beside what is already.

    `known` is what the night may know, with the lines confirmed so far; `problems` is how many the night had.
    """
    if lines.empty:
        return []
    confirmed = known.waiting[(known.waiting["order_date"] == frames.day(day)) & known.waiting["allocated"].notna()]
    of_day = pd.concat([part[["requested", "allocated"]].astype("int64") for part in (confirmed, lines)], ignore_index=True)
    usual = _usual(known, day, rules.compare_weeks)
    found = [*_over_supply(known, lines, allocation), *_unserved(of_day, rules), *_unlike(of_day, usual, rules)]
    if problems > rules.most_problems:
        words = (
            f"the night had {problems} problems, more than {rules.most_problems}.",
            f"夜间作业有{problems}个问题，超过{rules.most_problems}个。",
        )
        found.append(Breach("most_problems", *words))
    return found


def _usual(known: Snapshot, day: date, weeks: int) -> pd.DataFrame:
    """Sums of requested and allocated of the last order days of the same weekday, one row for each; none where too few are known."""
    ago = (frames.day(day) - known.lines["order_date"]).dt.days
    past = known.lines[(ago % 7 == 0) & (ago > 0) & (ago <= 7 * weeks) & known.lines["allocated"].notna()]
    sums = past.assign(allocated=past["allocated"].astype("int64")).groupby("order_date")[["requested", "allocated"]].sum()
    return sums if len(sums) >= LEAST_DAYS else sums.iloc[:0]


def _over_supply(known: Snapshot, lines: pd.DataFrame, allocation: AllocationSettings) -> Iterable[Breach]:
    """Brands of which more would be given than is left, as the rule counts what there is: this must never be."""
    from allocation import bounds, week_supply

    week = lines["week"].iloc[0]
    supply = week_supply.of(known, week, bounds.given(known), allocation)
    new = lines["allocated"].astype("int64").groupby(lines["brand_id"].astype("str")).sum()
    for brand_id, left in zip(known.brands["brand_id"].astype("str"), supply.left.tolist(), strict=True):
        if left < 0:
            continue  # UNLIMITED
        given = int(new.get(brand_id, 0))
        if given > left:
            words = (
                f"brand {brand_id}: {given} cartons would be given, {left} are left.",
                f"{brand_id}：将分配{given}条，仅余{left}条。",
            )
            yield Breach("supply", *words, hard=True)


def _unserved(of_day: pd.DataFrame, rules: PublishSettings) -> Iterable[Breach]:
    asked = of_day["requested"] > 0
    share = float((of_day.loc[asked, "allocated"] == 0).mean()) if asked.any() else 0.0
    if share > rules.unserved_share:
        words = f"{share:.0%} of the lines would get nothing, more than {rules.unserved_share:.0%}.", f"{share:.0%}的订单行分不到货。"
        yield Breach("unserved_share", *words)


def _unlike(of_day: pd.DataFrame, usual: pd.DataFrame, rules: PublishSettings) -> Iterable[Breach]:
    """Cartons and fulfilment far from the usual."""
    if usual.empty or not usual["allocated"].sum():
        return
    cartons, mean = int(of_day["allocated"].sum()), float(usual["allocated"].mean())
    if not mean / rules.cartons_factor <= cartons <= mean * rules.cartons_factor:
        words = (
            f"{cartons:,} cartons would be given; the mean of the last {len(usual)} such days is {mean:,.0f}, and {rules.cartons_factor:g} "
            "times more or less is the limit.",
            f"将分配{cartons:,}条；近{len(usual)}个同日订货平均{mean:,.0f}条，限{rules.cartons_factor:g}倍以内。",
        )
        yield Breach("cartons_factor", *words)
    rate, before = (float(rows["allocated"].sum() / max(rows["requested"].sum(), 1)) for rows in (of_day, usual))
    if np.abs(rate - before) > rules.fulfilment_change:
        words = f"the fulfilment rate would be {rate:.0%}, of late it was {before:.0%}.", f"订单满足率将为{rate:.0%}，近期为{before:.0%}。"
        yield Breach("fulfilment_change", *words)
