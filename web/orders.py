"""What the ordering desk shows and answers: plain records, without HTTP. Times are UTC, quantities whole cartons.

The API answers with these very records, and their docstrings describe it: what they call null is None here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import Field, PlainSerializer

from ordering.model import OrderMode, Reason

At = Annotated[datetime, PlainSerializer(lambda at: at.replace(tzinfo=UTC), return_type=datetime)]
"""A time that is UTC without a zone here, and has it where it is told."""
WAITING, CONFIRMED, CANCELLED = "waiting", "confirmed", "cancelled"
"""States of an order: it waits for its cut-off, its lines are given, or it was taken back."""


@dataclass(frozen=True)
class Words:
    """A sentence in English and Chinese; empty where there is nothing to say."""

    en: str = ""
    zh: str = ""


@dataclass(frozen=True)
class Offer:
    """A brand on a retailer's sheet.

    `cap` (null: none) and what is left of every limit before asking (null: no such limit). `waiting`: asked for the order day and not
    given yet; `asked` and `given` in this week. `most`: what can be ordered at once (of a sheet that is not open: what the limits leave a
    pre-order), null where nothing bounds it; `reason` binds it.
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
    """What a retailer sees before it asks: the order day that comes, when it opens and closes (UTC), what is left of the totals, and every
    brand.

    Same-day orders are taken from `opens_at` until `closes_at`; where `is_open` is False, `code` and `words` say why not. Pre-orders for
    `order_day` are taken from `from_at` until `closes_at`. `version` changes when the company's figures do.
    """

    retailer_id: str
    name: str
    star_level: int
    week: date
    order_day: date
    from_at: At
    opens_at: At
    closes_at: At
    is_open: bool
    code: str
    words: Words
    day_left: Annotated[int | None, Field(description="Of the limit of one order day over all brands; null: no such limit.")]
    total_left: Annotated[int | None, Field(description="Of the month's quota over all brands; null: no such limit.")]
    version: int
    offers: tuple[Offer, ...]


@dataclass(frozen=True)
class Quote:
    """What of a same-day request can be ordered at this moment, and the Reason that binds; kept as `version` of the line of `order_id`.

    `left`: what each limit leaves, by its name (cap_left …); null where there is none.
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
    """One line of an order; `allocated`, `reason` and `words` are null while it waits."""

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
    lines = [
        line | {"reason": Reason(line["reason"]) if line["reason"] else None, "words": Words(**line["words"]) if line["words"] else None}
        for line in found["lines"]
    ]
    kinds = {"order_date": date.fromisoformat(found["order_date"]), "mode": OrderMode(found["mode"])}
    return Order(**found | kinds | {"lines": tuple(OrderLine(**line) for line in lines)})
