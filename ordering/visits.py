"""Whom an account manager should see, and why: each reason with its evidence in words and its points, and nothing where there is none.

Pure: facts in, an order of retailers out. The points of a reason grow with its evidence up to its weight in the settings; the days since
the last visit add points to those who have a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from ordering.accounts import said
from ordering.counts import OLDEST
from ordering.errors import TrueOrderError
from ordering.model import VisitReason, month_of, week_of
from ordering.ratings import first_monday
from ordering.settings import VisitSettings

Both = tuple[str, str]
"""A text in English and Chinese."""
LATE_DAYS, MISSED, SOLD_OUT, UNANSWERED, STEPS, NAMED = 14, 4, 5, 10, 2, 3
"""From so many days, order days, brands, flags and levels on a reason has all its points; and so many brands a sentence names."""
LEAST = 0.25
"""Share of the points that a rate beyond its bound has at once."""


@dataclass(frozen=True)
class Facts:
    """What is known of a retailer; what is unknown is None, and no reason.

    `requested`, `allocated`, and `demand`, of which `met` was met: of the last weeks. `missed`: order days since it last ordered
    (`ordered_on`; None: not within the weeks looked at). `often`: it often asks for more than its need, in `flagged` of `lines`;
    `unanswered`: flags that nobody has answered. `counted` brands: `sold_out` of them by name, and together a `stock` that is set
    against a month's `sales`. `level` of the month that began with the week of `since`, and the one before.
    """

    retailer_id: str
    requested: int = 0
    allocated: int = 0
    demand: float = 0.0
    met: float = 0.0
    missed: int = 0
    ordered_on: date | None = None
    often: bool = False
    flagged: int = 0
    lines: int = 0
    unanswered: int = 0
    counted: int = 0
    sold_out: tuple[str, ...] = ()
    stock: float = 0.0
    sales: float = 0.0
    level: int | None = None
    level_before: int | None = None
    since: date | None = None
    follow_up_on: date | None = None
    visited_on: date | None = None


@dataclass(frozen=True)
class Why:
    """One reason to see a retailer: its points, and the evidence in words."""

    reason: VisitReason
    points: float
    english: str
    chinese: str


@dataclass(frozen=True)
class Due:
    """A retailer to see: all its points, those that the `days` since the last visit add (None: never visited), reasons strongest first."""

    retailer_id: str
    points: float
    days: int | None
    waiting: float
    why: tuple[Why, ...]


Found = tuple[float, Both] | None
"""How strong a reason is, above 0 and at most 1, with the evidence; None where it is none."""


def ranked(every: Iterable[Facts], rules: VisitSettings, today: date) -> list[Due]:
    """Whom to see, the most points first, equals by licence number; without those who give no reason or were visited today."""
    found = [one for facts in every if (one := due(facts, rules, today)) is not None]
    return sorted(found, key=lambda one: (-one.points, one.retailer_id))


def due(facts: Facts, rules: VisitSettings, today: date) -> Due | None:
    """The reasons to see one retailer; None where there is none, or it was visited today."""
    if facts.visited_on is not None and facts.visited_on >= today:
        return None
    why = reasons(facts, rules, today)
    if not why:
        return None
    days = None if facts.visited_on is None else (today - facts.visited_on).days
    waiting = round(rules.waiting * (1.0 if days is None else min(days / rules.waiting_days, 1.0)), 6)
    return Due(facts.retailer_id, round(waiting + sum(one.points for one in why), 6), days, waiting, why)


def reasons(facts: Facts, rules: VisitSettings, today: date) -> tuple[Why, ...]:
    """The reasons to see a retailer, the strongest first."""
    found = []
    for reason, look in LOOKS.items():
        weight, seen = rules.weights.get(reason, 0.0), look(facts, rules, today)
        if weight and seen is not None:
            found.append(Why(reason, round(weight * seen[0], 6), *seen[1]))
    return tuple(sorted(found, key=lambda one: -one.points))


def _of(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _follow_up(facts: Facts, rules: VisitSettings, today: date) -> Found:
    on = facts.follow_up_on
    if on is None or on > today:
        return None
    late = (today - on).days
    said = (f"To be followed up on {on}, {_of(late, 'day')} ago.", f"应于{on}跟进，已过{late}天。") if late else (
        "To be followed up today.", "今天应跟进。",
    )  # fmt: skip
    return 0.5 + 0.5 * min(late / LATE_DAYS, 1.0), said


def _low_fulfilment(facts: Facts, rules: VisitSettings, today: date) -> Found:
    """By the true demand that was met; by the requests, which exaggeration inflates, only where no demand is known."""
    known = facts.demand > 0
    below = facts.demand if known else facts.requested
    if below <= 0:
        return None
    rate = (facts.met if known else facts.allocated) / below
    if rate >= rules.fulfilment_below:
        return None
    english = f"Got {facts.allocated} of {facts.requested} cartons asked in {rules.weeks} weeks"
    chinese = f"近{rules.weeks}周要货{facts.requested}条，满足{facts.allocated}条"
    met: Both = (f"; {rate:.0%} of its true demand was met", f"；真实需求满足率{rate:.0%}") if known else ("", "")
    return LEAST + (1.0 - LEAST) * (1.0 - rate / rules.fulfilment_below), (f"{english}{met[0]}.", f"{chinese}{met[1]}。")


def _no_order(facts: Facts, rules: VisitSettings, today: date) -> Found:
    if facts.missed < 1:
        return None
    days: Both = (f"{_of(facts.missed, 'order day')} without an order", f"连续{facts.missed}个订货日未订货")
    last: Both = ("none for a long time", "长期未订货") if facts.ordered_on is None else (
        f"the last one is of {facts.ordered_on}", f"上次订货{facts.ordered_on}",
    )  # fmt: skip
    return min(facts.missed / MISSED, 1.0), (f"{days[0]}; {last[0]}.", f"{days[1]}，{last[1]}。")


def _stock_out(facts: Facts, rules: VisitSettings, today: date) -> Found:
    out = facts.sold_out
    if not out:
        return None
    more = len(out) - NAMED
    english = ", ".join(out[:NAMED]) + (f" and {more} more" if more > 0 else "")
    chinese = "、".join(out[:NAMED]) + (f"等{len(out)}个品规" if more > 0 else "")
    told = (f"{len(out)} of {facts.counted} counted brands sold out or nearly so: {english}.",
            f"盘点的{facts.counted}个品规中{len(out)}个断货或将断货：{chinese}。")  # fmt: skip
    return min(len(out) / SOLD_OUT, 1.0), told


def _overstock(facts: Facts, rules: VisitSettings, today: date) -> Found:
    ratio = stock_to_sales(facts.stock, facts.sales)
    if ratio is None or ratio < rules.overstock_months:
        return None
    told = (f"Its counted stock of {facts.stock:.0f} cartons lasts for {ratio:.1f} months of sales.",
            f"盘点存货{facts.stock:.0f}条，存销比{ratio:.1f}。")  # fmt: skip
    return LEAST + (1.0 - LEAST) * min(ratio / rules.overstock_months - 1.0, 1.0), told


def stock_to_sales(stock: float, sales: float) -> float | None:
    """The stock-to-sales ratio: stock ÷ a month's sales; None where nothing is sold, or the sales are not known."""
    return stock / sales if sales > 0 else None


def _inflated(facts: Facts, rules: VisitSettings, today: date) -> Found:
    share = facts.flagged / facts.lines if facts.often and facts.lines else 0.0
    strength = max(share, min(facts.unanswered / UNANSWERED, 1.0))
    if strength <= 0:
        return None
    often: Both = (f"Often asks for more than it can use, {facts.flagged} of {facts.lines} lines flagged",
                   f"经常虚报，{facts.lines}行中标记{facts.flagged}行")  # fmt: skip
    waits: Both = (f"{_of(facts.unanswered, 'flag')} of the last {_of(rules.weeks, 'week')} not answered yet",
                   f"近{rules.weeks}周有{facts.unanswered}个标记待答复")  # fmt: skip
    told = [pair for pair, is_so in ((often, share > 0), (waits, facts.unanswered > 0)) if is_so]
    return strength, ("; ".join(pair[0] for pair in told) + ".", "；".join(pair[1] for pair in told) + "。")


def _new_level(facts: Facts, rules: VisitSettings, today: date) -> Found:
    """Until it was talked over: at a visit since the month began."""
    if facts.level is None or facts.level_before is None or facts.since is None or facts.level == facts.level_before:
        return None
    if facts.visited_on is not None and facts.visited_on >= facts.since:
        return None
    step = facts.level - facts.level_before
    told = (f"{'Rose' if step > 0 else 'Fell'} from level {facts.level_before} to {facts.level} on {facts.since}.",
            f"{facts.since}起由{facts.level_before}档{'升' if step > 0 else '降'}为{facts.level}档。")  # fmt: skip
    return min(abs(step) / STEPS, 1.0), told


LOOKS: Mapping[VisitReason, Callable[[Facts, VisitSettings, date], Found]] = MappingProxyType({
    VisitReason.FOLLOW_UP: _follow_up, VisitReason.LOW_FULFILMENT: _low_fulfilment, VisitReason.NO_ORDER: _no_order,
    VisitReason.STOCK_OUT: _stock_out, VisitReason.OVERSTOCK: _overstock, VisitReason.INFLATED: _inflated,
    VisitReason.NEW_LEVEL: _new_level,
})  # fmt: skip
"""How each reason is found."""


def missed(last: date | None, *, weekday: int, every_weeks: int, today: date) -> int:
    """Order days (1 Monday to 7, every so many weeks) before `today` in whose week or later nothing was ordered since the day `last`."""
    if last is None:
        return 0
    newest = today - timedelta(days=(today.isoweekday() - weekday - 1) % 7 + 1)
    return max((week_of(newest) - week_of(last)).days // 7, 0) // every_weeks


def month_began(today: date) -> date:
    """The first Monday of the month to which the week of `today` belongs."""
    return first_monday(month_of(week_of(today)))


LONGEST = 2000
"""Characters of a note."""


def checked(note: str, *, on: date, follow_up_on: date | None, today: date) -> str:
    """The note of a visit as it is kept. Raises TrueOrderError where the visit does not hold together."""
    found = said("note", note, LONGEST)
    if on > today:
        raise TrueOrderError(f"visited on {on}: that day is still to come", f"拜访日期{on}：尚未到来")
    if on < today - OLDEST:
        raise TrueOrderError(f"visited on {on}: that is more than {OLDEST.days} days ago", f"拜访日期{on}：已过{OLDEST.days}天以上")
    if follow_up_on is not None and follow_up_on <= on:
        raise TrueOrderError(
            f"follow-up on {follow_up_on}: it must come after the visit of {on}", f"跟进日期{follow_up_on}：应晚于拜访日期{on}"
        )
    return found
