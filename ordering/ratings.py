"""The star rating's tables and its calendar: what is measured of a retailer before a month, and what level follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ordering.columns import Column, Kind, Table, count
from ordering.errors import TrueOrderError
from ordering.model import LevelReason, Measure, week_of
from ordering.settings import RatingSettings


def _number(name: str, low: float | None = 0, high: float | None = None, *, blank: bool = True) -> Column:
    return Column(name, Kind.NUMBER, blank=blank, low=low, high=high)


FACTS = Table(
    "facts",
    (
        Column("retailer_id", Kind.ID), Column("area_type", Kind.ID), Column("business_format", Kind.ID), Column("district", Kind.ID),
        Column("street", Kind.ID),
        count("previous", low=1),  # the level in force in the month before
        count("weeks"),  # of its life within the window
        _number("bought"),  # a week of life: cartons, or yuan
        _number("sold_share"),  # of what was received: sold, counted or scanned
        _number("purchases"),  # bought, as far as it was sold: min(bought, bought × sold_share ÷ full_sell_through)
        _number("sell_through", high=1),  # (opening + received − closing) ÷ (opening + received), or scanned ÷ received
        _number("structure"),  # yuan per case of 250 cartons
        _number("integrity", high=100),  # mean of the months' scores
        _number("cooperation", high=1),  # mean of: orders on its order day ÷ orders; weeks its till reported ÷ weeks, where it has one
    ),
    ("retailer_id",),
)  # fmt: skip
"""What the weeks before a month say of each retailer. Missing is unknown, never 0."""

RATINGS = Table(
    "star_ratings",
    (
        Column("retailer_id", Kind.ID), Column("month", Kind.MONTH),
        count("level", low=1),
        count("previous", low=1),  # in force in the month before
        count("rank_level", low=1),  # what the rank alone would give
        count("rank", low=1),  # 1 is the best
        _number("score", blank=False),  # 50 + Σ points
        Column("reason", Kind.CHOICE, choices=tuple(LevelReason)),
        Column("moved_by", Kind.CHOICE, choices=("", *Measure)),  # what changed most since the last rating, the move's way
        count("weeks"), _number("bought"), _number("sold_share"),
        *(
            column
            for measure in Measure
            for column in (
                _number(str(measure)),
                _number(f"{measure}_percentile", high=1),  # share of the peers below it, equals counting half
                _number(f"{measure}_points", low=None, blank=False),  # 100 × its share of the known weights × (percentile − ½); 0: unknown
            )
        ),
    ),
    ("retailer_id", "month"),
)  # fmt: skip
"""A month's rating, one row per retailer."""


@dataclass(frozen=True)
class Window:
    """The weeks that a month's rating measures: Mondays from `first` to before `end`, which is the day from which it can be rated."""

    month: str
    first: date
    end: date
    months: tuple[str, ...]

    @property
    def weeks(self) -> int:
        """How many weeks it has."""
        return (self.end - self.first).days // 7

    def mondays(self) -> list[date]:
        """Its weeks."""
        return [self.first + timedelta(weeks=n) for n in range(self.weeks)]


def first_monday(month: str) -> date:
    """The Monday that names the first week of a month."""
    return week_of(date.fromisoformat(f"{month}-07"))


def month_after(month: str, count: int) -> str:
    """The month `count` months after `month`, before it where negative."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + count, 12)
    return f"{year:04d}-{number + 1:02d}"


def window(month: str, rules: RatingSettings, known_from: date = date.min) -> Window:
    """The window of a month's rating: the weeks of the months before it but for the last `lag_weeks`, none before `known_from`.

    Raises TrueOrderError where fewer than `least_weeks` are left: then every shop would be new.
    """
    months = tuple(month_after(month, -n) for n in range(rules.window_months, 0, -1))
    end = first_monday(month) - timedelta(weeks=rules.lag_weeks)
    found = Window(month, max(first_monday(months[0]), known_from), end, months)
    if found.weeks < rules.least_weeks:
        raise TrueOrderError(
            f"month {month}: its rating measures {max(found.weeks, 0)} weeks, from {found.first} to before {end}, and [rating] least_weeks "
            f"asks for {rules.least_weeks}; rate a later month, or change window_months or least_weeks"
        )
    return found


def newest_month(on: date, rules: RatingSettings) -> str:
    """The latest month that can be rated on a day: its window has ended."""
    month = month_after(f"{on:%Y-%m}", 2)
    while first_monday(month) - timedelta(weeks=rules.lag_weeks) > on:
        month = month_after(month, -1)
    return month


def names(*suffixes: str) -> Sequence[str]:
    """The columns of every measure with a suffix, in order."""
    return [f"{measure}{suffix}" for measure in Measure for suffix in suffixes]
