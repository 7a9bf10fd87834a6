"""What is known of how retailers order, beside their lines: earlier requests of a line, answers to flags, habits, signals.

The first two a night reads, the others it finds. `frames` lists them with the tables of their kind.
"""

from __future__ import annotations

from enum import StrEnum

from ordering.answers import Verdict
from ordering.columns import Column, Kind, Table, count, ident


class Habit(StrEnum):
    """How often a retailer inflates its requests, as far as the evidence goes."""

    SELDOM = "seldom"
    SOMETIMES = "sometimes"
    OFTEN = "often"
    CANNOT_TELL = "cannot_tell"


class Trend(StrEnum):
    """Where the habit is going."""

    RISING = "rising"
    STEADY = "steady"
    FALLING = "falling"
    CANNOT_TELL = "cannot_tell"


class Reaction(StrEnum):
    """What shortage does to a retailer's requests, measured against its need."""

    ASKS_MORE = "asks_more"
    NO_DIFFERENT = "no_different"
    CANNOT_TELL = "cannot_tell"


class Signal(StrEnum):
    """What purchases, till and counts say when they are held against each other."""

    SOLD_ELSEWHERE = "sold_elsewhere"
    BOUGHT_ELSEWHERE = "bought_elsewhere"
    PILES_UP = "piles_up"
    UNACCOUNTED = "unaccounted"
    NEVER_SCANNED = "never_scanned"
    TILL_INCOMPLETE = "till_incomplete"


def _share(name: str, *, blank: bool = False) -> Column:
    return Column(name, Kind.NUMBER, blank=blank, low=0, high=1)


def _number(name: str) -> Column:
    return Column(name, Kind.NUMBER, blank=True)


REVISIONS = Table(
    "revisions",
    (ident("order_id"), ident("brand_id"), ident("retailer_id"), count("most"), count("cap_seen", blank=True)),
    ("order_id", "brand_id"),
)
"""Lines whose request was changed on or before their order day: the most that was asked before, and the cap shown then, where known."""

ANSWERS = Table(
    "answers",
    (
        ident("order_id"), ident("brand_id"), ident("retailer_id"), Column("verdict", Kind.CHOICE, choices=tuple(Verdict)),
        Column("every_brand", Kind.BOOL),
        Column("factor", Kind.NUMBER, low=1),  # what was asked ÷ the need then estimated: so far an explanation raises the need
        Column("from_on", Kind.DATE), Column("until_on", Kind.DATE),
    ),
    ("order_id", "brand_id"),
)  # fmt: skip
"""Answers to flags that hold, one to a line."""

HABITS = Table(
    "habits",
    (
        ident("retailer_id"),
        count("lines"),  # that could be judged; the others are counted in the last columns
        count("weeks"),  # with such a line
        count("flagged"),
        Column("probable", Kind.NUMBER, low=0),  # sum of the lines' probabilities
        _share("rate", blank=True), _share("rate_low", blank=True), _share("rate_high", blank=True),  # of lines inflated; 90% interval
        Column("habit", Kind.CHOICE, choices=tuple(Habit)),
        Column("trend", Kind.CHOICE, choices=tuple(Trend)),
        _number("change"), _number("change_low"), _number("change_high"),  # of the rate, the newest weeks less the earlier ones
        Column("shortage", Kind.CHOICE, choices=tuple(Reaction)),
        _number("shortage_factor"), _number("factor_low"), _number("factor_high"),  # asked ÷ need in shortage over the same without
        Column("reason", Kind.TEXT),  # the ground that its flags most often have
        count("unknown"), count("echoes"), count("probes"), count("explained"), count("mistaken"), count("confirmed"),
    ),
    ("retailer_id",),
)  # fmt: skip
"""How each retailer orders, over the weeks whose lines are judged."""

SIGNALS = Table(
    "signals",
    (
        ident("retailer_id"),
        ident("brand_id", blank=True, default=""),  # empty: all brands of the shop
        Column("signal", Kind.CHOICE, choices=tuple(Signal)),
        Column("from_on", Kind.DATE), Column("to_on", Kind.DATE),  # the first and last day looked at
        count("opening", blank=True), count("received"), count("closing", blank=True), count("scanned", blank=True),
        Column("reported", Kind.NUMBER, low=0, high=1),  # share of the weeks in which the till reported
        Column("cartons", Kind.NUMBER, low=0),  # that the records do not explain, every doubt in the shop's favour
        _share("p_value"),
        _share("adjusted"),  # the share of false signals among all that are as strong as this one
    ),
    ("retailer_id", "brand_id"),
)  # fmt: skip
"""Where purchases, till and counts do not fit together."""
