"""The cells of rates that are stored: by which dimensions, by week and by month, and which tables hold a span of weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from ordering import frames
from ordering.model import month_of
from ordering.rate_cells import Period, added, periods

GRAINS: Mapping[str, tuple[frames.Table, tuple[str, ...]]] = {
    "district_cells": (frames.DISTRICT_CELLS, ("period", "brand", "district")),
    "retailer_cells": (frames.RETAILER_CELLS, ("period", "retailer", "star")),
}
"""The weekly cells that are stored, and the dimensions by which `additive` makes them. Finer crossings are made of pair-weeks when asked
for: in a city of 40,000 shops and 30 levels they would be tens of millions of rows a night."""

READ: Mapping[str, frozenset[str]] = {
    "district_cells": frozenset({"period", "brand", "manufacturer", "price_class", "district"}),
    "retailer_cells": frozenset({"period", "retailer", "manager", "district", "star"}),
}
"""The dimensions to which each table of stored cells can be summed."""


def stored(name: str, cells: pd.DataFrame) -> pd.DataFrame:
    """Weekly cells of GRAINS[name] as its table."""
    return frames.conform(GRAINS[name][0], cells)


MONTHLY: Mapping[str, str] = {"retailer_cells": "retailer_months"}
"""The tables of cells that are stored summed by month as well: a year of a large city's is millions of rows by week."""


def by_month(cells: pd.DataFrame) -> pd.DataFrame:
    """RETAILER_CELLS summed to RETAILER_MONTHS. A retailer has one star level in a month."""
    weeks = pd.Series(cells["week"].unique()).sort_values(ignore_index=True)
    first = dict(zip(weeks, weeks.groupby(periods(weeks, Period.MONTH)).transform("min"), strict=True))
    return frames.conform(frames.RETAILER_MONTHS, added([cells.assign(week=cells["week"].map(first))]))


WEEK = timedelta(weeks=1)


def spans(name: str, first: date | None, last: date | None) -> list[tuple[str, date | None, date | None]]:
    """Which tables together hold the cells `name` of the weeks from `first` to `last` (Mondays), and from which week to which each is read:
    whole months by month, what is before and after them by week. None: from the first week there is, to the last.

    >>> spans("retailer_cells", date(2026, 1, 26), date(2026, 2, 23))
    [('retailer_months', datetime.date(2026, 2, 2), datetime.date(2026, 2, 23)), \
('retailer_cells', datetime.date(2026, 1, 26), datetime.date(2026, 1, 26))]
    """
    begin, end = first, last
    while begin and _in_a_month(begin - WEEK, begin):
        begin += WEEK
    while end and _in_a_month(end, end + WEEK):
        end -= WEEK
    if name not in MONTHLY or (begin and end and begin > end):
        return [(name, first, last)]
    before = [(name, first, begin - WEEK)] if first and begin and first < begin else []
    after = [(name, end + WEEK, last)] if last and end and end < last else []
    return [(MONTHLY[name], begin, end), *before, *after]


def _in_a_month(one: date, other: date) -> bool:
    return month_of(one) == month_of(other)


def stored_in(by: Sequence[str]) -> str | None:
    """The stored table whose cells can be summed to the dimensions `by`; None where only pair-weeks can (retailer or star by brand)."""
    return next((name for name, readable in READ.items() if set(by) <= readable), None)
