"""The columns of the rates, as their page has them: one list for the files and the print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobs.report_words import word
from ordering.fulfilment import RATES
from ordering.gaps import GAPS
from web import language
from web.screens.headquarters import Chosen
from web.screens.shell import mark


class Kind(StrEnum):
    """What a column holds: cartons, a part of the gap in cartons, a rate, its change on the period before, its target."""

    QUANTITY = "quantity"
    CAUSE = "cause"
    RATE = "rate"
    CHANGE = "change"
    TARGET = "target"


FORMATS: Mapping[Kind, str] = {
    Kind.QUANTITY: "#,##0", Kind.CAUSE: "#,##0", Kind.RATE: "0.0%", Kind.CHANGE: "+0.0%;-0.0%;0.0%", Kind.TARGET: "0.0%",
}  # fmt: skip
"""How a workbook shows each."""
DIMENSIONS: Mapping[str, str] = {
    "district": mark("District"), "star": mark("Level"), "price_class": mark("Price class"), "manufacturer": mark("Manufacturer"),
    "manager": mark("Account manager"), "brand": mark("Brand"), "retailer": mark("Retailer"),
}  # fmt: skip
"""What dimensions are called."""
NUMBERED: Mapping[str, str] = {"brand": mark("Brand code"), "retailer": mark("Licence number")}
"""Dimensions whose values have a name beside their number, and what that is called."""
QUANTITIES: Mapping[str, tuple[str, str]] = {
    "requested": (mark("Requested"), mark("Requested, cartons")), "allocated": (mark("Allocated"), mark("Allocated, cartons")),
    "demand": (mark("True demand"), mark("True demand, cartons")), "gap": (mark("Gap"), mark("Gap, cartons")),
}  # fmt: skip
"""What quantities are called where the unit stands beside the list, and where it does not."""


@dataclass(frozen=True)
class RateColumn:
    """A column by its name among the rates: what it holds, its heading on paper ("": it is not there), its heading in a file, and whether
    it is what one looks at first."""

    name: str
    kind: Kind
    head: str
    title: str
    is_main: bool = False


def listed(chosen: Chosen, reader: language.Language) -> Sequence[RateColumn]:
    """The columns after that of the dimension, in the order of the page."""
    text = language.texts(reader).gettext

    def quantity(name: str, *, is_main: bool = False) -> RateColumn:
        head, title = QUANTITIES[name]
        return RateColumn(name, Kind.QUANTITY, text(head), text(title), is_main)

    if chosen.show == "why":
        causes = [RateColumn(name, Kind.CAUSE, word(name, reader), word(name, reader)) for name in GAPS]
        return [quantity("requested"), quantity("allocated"), quantity("gap", is_main=True), *causes]
    rates = [column for name in RATES for column in _of_rate(name, reader)]
    return [*map(quantity, ("requested", "allocated", "demand")), *rates, quantity("gap")]


def _of_rate(name: str, reader: language.Language) -> list[RateColumn]:
    """A rate with its change and its target; on paper there is room for those that the page shows."""
    text, said = language.texts(reader).gettext, word(name, reader)
    change, target = text(mark("Change")), text(mark("target"))
    on_page = RATES[:2]
    return [
        RateColumn(name, Kind.RATE, said, said, name in on_page),
        RateColumn(f"{name}_change", Kind.CHANGE, change if name in on_page else "", f"{said}: {change}"),
        RateColumn(f"{name}_target", Kind.TARGET, target if name == RATES[0] else "", f"{said}: {target}"),
    ]
