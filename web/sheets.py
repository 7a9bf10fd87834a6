"""From what was decided to what is shown: sheets, quotes and orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from allocation import explain, promise
from allocation.bounds import COLUMNS, REASONS
from allocation.limits import NONE
from allocation.promise import Quotes, Shop
from ordering.database.desk import Asked, Row
from ordering.model import OrderMode, Reason
from web.ground import Ground
from web.orders import CANCELLED, CONFIRMED, WAITING, Offer, Order, OrderLine, Quote, Sheet, Words
from web.refusals import refused

ENOUGH = 2**31 - 1
"""Asked on a sheet, to see what binds."""


def sheet(ground: Ground, shop: Shop, lines: Sequence[Row], given: Mapping[int, int]) -> Sheet:
    """The sheet of a retailer; `lines` of its owner, `given`: cartons that the week gave of each brand, by row."""
    book, opening, refusal = ground.book, ground.opening, ground.refusal()
    brand = np.flatnonzero(ground.on_offer)
    asked = ENOUGH // book.pack[brand] * book.pack[brand]
    gone = np.array([given.get(row, 0) for row in brand.tolist()], np.int64)
    found = promise.quotes(book, shop, ground.day, brand, asked, gone)
    own = [row for row in lines if row["retailer_id"] == ground.retailer_id]
    offers = [_offer(ground, int(row), record, own) for row, record in zip(brand, _records(found, at_once=refusal is None), strict=True)]
    shown = ground.kept.retailers.iloc[ground.row]
    words = Words(**refused(refusal, **ground.told()).words) if refusal else Words()
    lefts = {reason: found.bound.left[reason][:1].tolist() for reason in (Reason.DAY_LIMIT, Reason.QUOTA_TOTAL)}
    left = {reason: None if not value or value[0] == NONE else value[0] for reason, value in lefts.items()}
    return Sheet(
        retailer_id=ground.retailer_id,
        name=str(shown["name"]),
        star_level=int(book.limits.level[ground.row, 0]),
        week=ground.week,
        order_day=opening.day,
        from_at=opening.from_at,
        opens_at=opening.opens_at,
        closes_at=opening.closes_at,
        is_open=refusal is None,
        code=str(refusal or ""),
        words=words,
        day_left=left[Reason.DAY_LIMIT],
        total_left=left[Reason.QUOTA_TOTAL],
        offers=tuple(offers),
        version=ground.kept.version,
    )


def _records(found: Quotes, *, at_once: bool) -> list[dict[str, Any]]:
    """The quotes; where nothing is given at once, what the limits alone leave, and the one that binds."""
    records = found.records()
    if not at_once:
        for n, record in enumerate(records):
            whole = record["usable"] == record["requested"]
            reason = Reason.FULL if whole else REASONS[found.bound.bound[n]]
            record |= {"allocated": record["usable"], "reason": str(reason)}
    return records


def _offer(ground: Ground, row: int, record: Mapping[str, Any], own: Sequence[Row]) -> Offer:
    shown, brand_id = ground.kept.shown[row], ground.book.brand_ids[row]
    mine = [line for line in own if line["brand_id"] == brand_id]
    week = [line for line in mine if line["week"] == ground.week and line["allocated"] is not None]
    reason = Reason(record["reason"])
    return Offer(
        brand_id=brand_id,
        **shown,
        pack_multiple=record["pack_multiple"],
        min_lot=record["min_lot"],
        **{name: record[name] for name in ("cap", "cap_left", "demand_left", "quota_left", "band_left", "held")},
        waiting=sum(line["requested"] for line in mine if ground.waits(line)),
        asked=sum(line["requested"] for line in week),
        given=sum(line["allocated"] for line in week),
        most=None if reason is Reason.FULL else record["allocated"],
        reason=reason,
        words=Words(**explain.NO_BOUND) if reason is Reason.FULL else _before(record),
    )


def _before(record: Mapping[str, Any]) -> Words:
    return Words(**{language: explain.before(record, language) for language in explain.LANGUAGES})


def _words(record: Mapping[str, Any]) -> Words:
    return Words(**{language: explain.words(record, language) for language in explain.LANGUAGES})


def quote(order_id: str, brand_id: str, record: Mapping[str, Any], version: int) -> Quote:
    """A quote for one line."""
    left = {column: record[column] for column in COLUMNS.values()}
    reason = Reason(record["reason"])
    return Quote(order_id, brand_id, record["requested"], record["allocated"], reason, _before(record), version, record["cap"], left)


def confirmed(asked: Asked, rows: Iterable[Mapping[str, Any]]) -> Order:
    """A same-day order as it was given."""
    lines = [OrderLine(row["brand_id"], row["requested"], row["allocated"], Reason(row["reason"]), _words(row)) for row in rows]
    return Order(asked.order_id, asked.retailer_id, asked.day, OrderMode.SAME_DAY, CONFIRMED, tuple(lines))


def waits(asked: Asked, lines: Mapping[str, int]) -> Order:
    """A pre-order as it waits."""
    found = [OrderLine(brand_id, requested, None, None, None) for brand_id, requested in lines.items()]
    return Order(asked.order_id, asked.retailer_id, asked.day, OrderMode.PRE_ORDER, WAITING, tuple(found))


def orders(rows: Iterable[Row]) -> list[Order]:
    """Orders from their lines (desk.orders_of), the newest day first; lines that were cancelled stand in an order of their own."""
    keyed = sorted(rows, key=lambda row: (row["order_date"], row["order_id"], row["cancelled"]), reverse=True)
    found = []
    for (order_id, cancelled), part in groupby(keyed, key=lambda row: (row["order_id"], row["cancelled"])):
        lines = sorted(part, key=lambda row: str(row["brand_id"]))
        given = any(row["allocated"] is not None for row in lines)
        state = CANCELLED if cancelled else CONFIRMED if given else WAITING
        first = lines[0]
        mode = OrderMode(first["mode"])
        found.append(Order(order_id, first["retailer_id"], first["order_date"], mode, state, tuple(map(_line, lines))))
    return found


def _line(row: Row) -> OrderLine:
    reason = Reason(row["reason"]) if row["reason"] else None
    return OrderLine(row["brand_id"], row["requested"], row["allocated"], reason, _words(row) if reason else None)
