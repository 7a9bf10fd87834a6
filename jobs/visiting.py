"""Whom an account manager should see today, and why; and keeping a stock count, which is held against what a night reckons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from jobs.exports import Source
from ordering import counts, visits
from ordering.counts import FarOff, Reckoned
from ordering.database import counts as stored
from ordering.database import lookups, visit_facts
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


def count(
    source: Source, retailer_id: str, said: Mapping[str, int], *, on: date, sure: bool, by: str, today: date, at: datetime
) -> list[FarOff]:  # fmt: skip
    """Keep a stock count for the next night to read. Unless one is `sure`, it gives the counts that lie far from what is reckoned; where
    there are any, nothing is kept. Raises TrueOrderError where it is no count."""
    counts.check(said, known=lookups.brand_names(source.db), on=on, today=today)
    far = [] if sure else counts.far_off(said, shelf(source, retailer_id), on=on, rules=source.settings.visits)
    if not far:
        stored.write(source.db, retailer_id, said, on=on, by=by, today=today, at=at)
    return far
