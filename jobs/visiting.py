"""Whom an account manager should see today, and why; and what a stock count is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.exports import Source
from ordering import visits
from ordering.counts import Reckoned
from ordering.database import visit_facts
from ordering.database.lookups import Among
from ordering.model import VisitReason
from ordering.visits import Due, Facts


@dataclass(frozen=True)
class Call:
    """A retailer to see: its columns (lookups.RETAILER), the level of the month, and why."""

    shop: Mapping[str, Any]
    level: int
    due: Due
    facts: Facts


def calls(source: Source, among: Among | None, today: date) -> list[Call]:
    """Whom to see of the retailers that `among` chooses, the most points first."""
    rules = source.settings.visits
    found = {facts.retailer_id: (shop, facts) for shop, facts in visit_facts.read(source.db, source.run, among, rules=rules, today=today)}
    every = visits.ranked((facts for _, facts in found.values()), rules, today)
    return [Call(found[due.retailer_id][0], _level(*found[due.retailer_id]), due, found[due.retailer_id][1]) for due in every]


def _level(shop: Mapping[str, Any], facts: Facts) -> int:
    return facts.level if facts.level is not None else int(shop["star_level"])


def chosen(every: Sequence[Call], *, reason: VisitReason | None, weekday: int | None, search: str) -> list[Call]:
    """Those with a reason, with an order day, and whose name, number or street holds a text; in the same order."""
    text = search.strip().lower()

    def fits(call: Call) -> bool:
        of = call.shop
        has = reason is None or any(one.reason is reason for one in call.due.why)
        said = not text or any(text in str(of[name]).lower() for name in ("name", "retailer_id", "street", "district"))
        return has and said and (weekday is None or of["order_weekday"] == weekday)

    return [call for call in every if fits(call)]


def shelf(source: Source, retailer_id: str) -> dict[str, Reckoned]:
    """What a night reckons of each brand of a retailer that was counted, on its next order day."""
    rows = [row for row in source.rows("suggestions", retailer_id=retailer_id) if None not in (row["stock"], row["demand"])]
    return {row["brand_id"]: Reckoned(row["stock"], row["demand"], row["order_day"]) for row in reversed(rows)}
