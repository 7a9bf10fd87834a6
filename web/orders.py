"""What the ordering desk shows and answers: plain records, without HTTP. Times are UTC, quantities whole cartons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from ordering.model import OrderMode, Reason

Words = Mapping[str, str]
"""A text in "en" and "zh"."""

WAITING, CONFIRMED, CANCELLED = "waiting", "confirmed", "cancelled"
"""States of an order: it waits for its cut-off, its lines are given, or it was taken back."""


@dataclass(frozen=True)
class Offer:
    """A brand on a retailer's sheet.

    `cap` (None: none) and what is left of every limit before asking (None: no such limit). `waiting`: asked for the order day and not
    given yet; `asked` and `given` in this week. `most`: what can be ordered at once (of a sheet that is not open: what the limits leave a
    pre-order), None where nothing bounds it; `reason` binds it.
    """

    brand_id: str
    name: str
    manufacturer: str
    price_class: int
    wholesale_price: float
    supply_attribute: str
    pack_multiple: int
    min_lot: int
    cap: int | None
    cap_left: int | None
    demand_left: int | None
    quota_left: int | None
    band_left: int | None
    held: bool
    waiting: int
    asked: int
    given: int
    most: int | None
    reason: Reason
    words: Words


@dataclass(frozen=True)
class Sheet:
    """What a retailer sees before it asks: the order day that comes, when it opens and closes, what is left of the totals, every brand.

    Same-day orders are taken from `opens_at` until `closes_at`; where `is_open` is False, `code` and `words` say why not. Pre-orders for
    `order_day` are taken from `from_at` until `closes_at`. `version` changes when the company's figures do.
    """

    retailer_id: str
    name: str
    star_level: int
    week: date
    order_day: date
    from_at: datetime
    opens_at: datetime
    closes_at: datetime
    is_open: bool
    code: str
    words: Words
    day_left: int | None
    total_left: int | None
    offers: tuple[Offer, ...]
    version: int


@dataclass(frozen=True)
class Quote:
    """What of a same-day request can be ordered at this moment, and the Reason that binds; kept as `version` of the line of `order_id`.

    `left`: what each limit leaves, by the names of frames.ALLOCATION (cap_left …), None where there is none.
    """

    order_id: str
    brand_id: str
    requested: int
    orderable: int
    reason: Reason
    words: Words
    version: int
    cap: int | None
    left: Mapping[str, int | None]


@dataclass(frozen=True)
class OrderLine:
    """One line of an order; `allocated`, `reason` and `words` are None while it waits."""

    brand_id: str
    requested: int
    allocated: int | None
    reason: Reason | None
    words: Words | None


@dataclass(frozen=True)
class Order:
    """An order as it stands."""

    order_id: str
    retailer_id: str
    order_date: date
    mode: OrderMode
    state: str
    lines: tuple[OrderLine, ...]

    def text(self) -> str:
        """The order as text, to be kept; `order_from` reads it."""
        return json.dumps(asdict(self), default=str, ensure_ascii=False)


def order_from(text: str) -> Order:
    """The order that was kept as text."""
    found = json.loads(text)
    lines = [line | {"reason": Reason(line["reason"]) if line["reason"] else None} for line in found["lines"]]
    kinds = {"order_date": date.fromisoformat(found["order_date"]), "mode": OrderMode(found["mode"])}
    return Order(**found | kinds | {"lines": tuple(OrderLine(**line) for line in lines)})
