"""Why the ordering desk refuses, in words: what a retailer can mend, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from ordering.errors import OrderError


class Refusal(StrEnum):
    """What is to be mended."""

    NO_RETAILER = "no_retailer"
    NO_BRAND = "no_brand"
    NO_ORDER = "no_order"
    NO_LINES = "no_lines"
    QUANTITY = "quantity"
    PACK = "pack"
    KEY = "key"
    KEY_USED = "key_used"
    OTHER_DAY = "other_day"
    NOT_OPEN_YET = "not_open_yet"
    CLOSED = "closed"
    TOO_EARLY = "too_early"
    NOT_YET_KNOWN = "not_yet_known"
    NOT_PLANNED = "not_planned"
    BUSY = "busy"


TEXT: Mapping[Refusal, tuple[str, str]] = MappingProxyType({
    Refusal.NO_RETAILER: (
        "There is no active retailer {retailer_id}; use the licence number under which you order.",
        "没有在营的零售户{retailer_id}；请使用订货的许可证号。",
    ),
    Refusal.NO_BRAND: (
        "Brand {brand_id} is not on offer on {day}; choose one of your order sheet.",
        "品规{brand_id}在{day}不供应；请从订货单中选择。",
    ),
    Refusal.NO_ORDER: (
        "There is no order {order_id}, or it was cancelled already; look at your orders.",
        "没有订单{order_id}，或已取消；请查看您的订单。",
    ),
    Refusal.NO_LINES: ("The order holds no line; ask at least one carton of a brand.", "订单中没有品规；请至少要货一条。"),
    Refusal.QUANTITY: (
        "Brand {brand_id}: {requested} is no quantity; ask whole cartons from 0 to {most}.",
        "品规{brand_id}：{requested}不是有效数量；请填写0至{most}的整条数。",
    ),
    Refusal.PACK: (
        "Brand {brand_id} is delivered in whole packs of {pack}: ask {below} or {above} instead of {requested}.",
        "品规{brand_id}每件{pack}条，须整件订货：请将{requested}改为{below}或{above}。",
    ),
    Refusal.KEY: ("The order has no key; send one of your own with it, up to {most} characters.",
        "订单缺少标识；请附上不超过{most}个字符的标识。"),
    Refusal.KEY_USED: (
        "The key {key} was used for other lines, in order {order_id}; look at that order, or ask again with a new key.",
        "标识{key}已用于内容不同的订单{order_id}；请查看该订单，或换新标识重新提交。",
    ),
    Refusal.OTHER_DAY: (
        "Your order day is {day}: until then leave a pre-order; it waits for the cut-off of that day.",
        "您的订货日为{day}：此前可提交预订单，等待当日截单分配。",
    ),
    Refusal.NOT_OPEN_YET: (
        "Orders of {day} are taken from {opens}; until then leave a pre-order.",
        "{day}的订单自{opens}起受理；此前可提交预订单。",
    ),
    Refusal.CLOSED: (
        "The cut-off of {day} was at {closes}; leave a pre-order for your next order day.",
        "{day}已于{closes}截单；请为下一个订货日提交预订单。",
    ),
    Refusal.TOO_EARLY: (
        "Pre-orders for {day} are taken from {from_day} on.",
        "{day}的预订单自{from_day}起受理。",
    ),
    Refusal.NOT_YET_KNOWN: (
        "The {missing} of the week of {week} is not known yet; leave a pre-order, it waits until it is.",
        "{week}当周的{missing_zh}尚未公布；请提交预订单，待公布后分配。",
    ),
    Refusal.NOT_PLANNED: (
        "The level of the week of {week} is not solved yet; leave a pre-order, it waits for the night.",
        "{week}当周的分配线尚未测算；请提交预订单，待夜间测算后分配。",
    ),
    Refusal.BUSY: ("The desk was disturbed again and again; nothing was ordered: send the same once more, with the same key.",
                   "订货台繁忙，尚未下单；请用同一标识再次提交。"),
})  # fmt: skip
"""A sentence for each, English and Chinese."""


def refused(code: Refusal, **values: object) -> OrderError:
    """The error to raise.

    >>> refused(Refusal.NO_ORDER, order_id="S1").code
    'no_order'
    """
    english, chinese = (text.format(**values) for text in TEXT[code])
    return OrderError(str(code), english, chinese)
