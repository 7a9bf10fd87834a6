"""What went through a shop, brand by brand, between two counts: received, counted, scanned, each with the doubt that belongs to it.

A count is dated to the day, a till report to the week, an order to the day it was placed: its cartons come some days later. So what was
received between two days is known only as a least and a most, and sales of a week that a count cuts in two are doubtful to that part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import panel as panels
from ordering.frames import Snapshot

Floats: TypeAlias = npt.NDArray[np.float64]
Truths: TypeAlias = npt.NDArray[np.bool_]
Whole: TypeAlias = npt.NDArray[np.int64]

DELIVERY = 4
"""Days after the order day by which its cartons have come at the latest; none come before it."""
LEAST_WEEKS = 4
"""Weeks that must lie between two counts for them to span anything."""
UNCOUNTED = 4
"""Times as long as between two counts is looked at where nobody counted: what may be on the shelf weighs the less, the longer it is."""
PIECE = 4_000_000
"""Order lines that are looked at together."""
MISCOUNT, MISCOUNT_SHARE = 1.0, 0.05
"""Cartons, and share of the stock, by which a count may be wrong."""


@dataclass(frozen=True)
class Flows:
    """One element per pair that a till or a count tells of, by retailer and brand number.

    From the end of day `from_day` to the end of `to_day` (days since 1970). `opening`, `closing`: the counts at the two ends, NaN where
    nobody counted; `sure` and `most`: cartons received, at least and at most; `scanned`: sold by the till, NaN where there is none;
    `doubt`: cartons of it that may lie outside; `reported`: share of the weeks in which the till reported; `weeks`: how many; `selling`:
    how many of them since the shop is known to have had any.
    """

    retailer: Whole
    brand: Whole
    from_day: Whole
    to_day: Whole
    opening: Floats
    closing: Floats
    sure: Floats
    most: Floats
    scanned: Floats
    doubt: Floats
    reported: Floats
    weeks: Floats
    selling: Floats

    def __len__(self) -> int:
        return len(self.retailer)

    @property
    def has_till(self) -> Truths:
        """Where a till reported in at least half of the weeks, and in `LEAST_WEEKS`."""
        return np.asarray((self.reported >= 0.5) & (self.reported * self.weeks >= LEAST_WEEKS))


def measure(snapshot: Snapshot, weeks: int) -> Flows:
    """The flows of the last `weeks` weeks before the business date's, of every pair that was counted, or whose shop's till reports.

    A pair's span ends with its last count in those weeks, and begins with the oldest count of the `weeks` weeks before, else that long
    before. Where nobody counted it ends with the last week, and is `UNCOUNTED` times as long.
    """
    span = panels.past_weeks(snapshot.business_date, UNCOUNTED * weeks)
    monday = int(span[0].to_datetime64().astype("datetime64[D]").astype(np.int64))
    sundays = monday - 1 + 7 * np.arange(len(span) + 1)  # sundays[w]: the last day before week w of the span
    brands = max(len(snapshot.brands), 1)
    size = len(snapshot.retailers) * brands
    counted = _counts(snapshot, sundays[0], sundays[-1])
    to_day, closing = _last_count(counted, size, sundays[-1 - weeks], sundays[-1])
    from_day, opening = _first_count(counted, to_day, 7 * weeks * np.where(np.isnan(closing), UNCOUNTED, 1))
    first, last = _week_after(from_day, monday), _week_after(to_day, monday)
    number = np.maximum(last - first, 1)
    scanned, reported = _scanned(snapshot, span, first, last)
    reported = reported / number
    known = np.flatnonzero(~np.isnan(closing) | ~np.isnan(opening) | (reported > 0))
    sure, most, since = _received(snapshot, from_day, to_day, known)
    keep = known[(most + scanned + np.nan_to_num(closing))[known] > 0]
    cut = np.abs(sundays[first] - from_day) + np.abs(sundays[last] - to_day)
    selling = np.where(np.nan_to_num(opening) > 0, number, np.clip((to_day - since) / 7, 0, number))
    return Flows(
        retailer=keep // brands, brand=keep % brands, from_day=from_day[keep], to_day=to_day[keep],
        opening=opening[keep], closing=closing[keep], sure=sure[keep], most=most[keep],
        scanned=np.where(reported > 0, scanned, np.nan)[keep], doubt=(cut / 7 * scanned / number)[keep], reported=reported[keep],
        weeks=number[keep].astype(np.float64), selling=selling[keep],
    )  # fmt: skip


def _cells(snapshot: Snapshot, frame: pd.DataFrame) -> Whole:
    """Retailer number × brands + brand number of each row."""
    return np.asarray(frame["retailer_id"].cat.codes.to_numpy(np.int64) * len(snapshot.brands) + frame["brand_id"].cat.codes.to_numpy())


def _days(values: pd.Series) -> Whole:
    return values.to_numpy("datetime64[D]").astype(np.int64)


def _counts(snapshot: Snapshot, after: int, until: int) -> tuple[Whole, Whole, Floats]:
    """Cell, day and stock of the counts after a day and up to another, the days of a cell ascending."""
    frame = snapshot.stock_counts  # sorted by retailer, brand and day
    day = _days(frame["counted_on"])
    inside = (day > after) & (day <= until)
    return _cells(snapshot, frame)[inside], day[inside], frame["stock"].to_numpy(np.float64)[inside]


def _last_count(counted: tuple[Whole, Whole, Floats], size: int, after: int, end: int) -> tuple[Whole, Floats]:
    """Day and stock of each cell's last count after a day; the end, and NaN, where there is none."""
    cell, day, stock = counted
    late = day > after
    to_day, closing = np.full(size, end), np.full(size, np.nan)
    to_day[cell[late]], closing[cell[late]] = day[late], stock[late]  # of several the last stands
    return to_day, closing


def _first_count(counted: tuple[Whole, Whole, Floats], to_day: Whole, length: Whole) -> tuple[Whole, Floats]:
    """Day and stock of each cell's oldest count in the `length` days before its end; the beginning, and NaN, where there is none."""
    cell, day, stock = (values[::-1] for values in counted)
    early = (day >= to_day[cell] - length[cell]) & (day <= to_day[cell] - 7 * LEAST_WEEKS)
    from_day, opening = to_day - length, np.full(len(to_day), np.nan)
    from_day[cell[early]], opening[cell[early]] = day[early], stock[early]
    return from_day, opening


def _week_after(day: Whole, monday: int) -> Whole:
    """The number of the week that begins after a day's week end: a day until Wednesday stands for the end of the week before."""
    return np.asarray((day - 3 - monday) // 7 + 1)


def _scanned(snapshot: Snapshot, span: pd.DatetimeIndex, first: Whole, last: Whole) -> tuple[Floats, Floats]:
    """Cartons sold in the weeks from `first` up to before `last` of each cell, and in how many of them the shop's till reported."""
    frame = snapshot.scanned_sales
    week, cell = panels.week_number(span, frame["week"]), _cells(snapshot, frame)
    inside = (week >= first[cell]) & (week < last[cell])
    sold = _sums(cell, frame["sold"].to_numpy(np.float64), inside, len(first))
    brands, known = max(len(snapshot.brands), 1), (week >= 0) & (week < len(span))
    until = np.zeros((len(snapshot.retailers), len(span) + 1))
    until[cell[known] // brands, week[known] + 1] = 1.0
    until = np.cumsum(until, axis=1)
    shop = np.arange(len(first)) // brands
    return sold, until[shop, last] - until[shop, first]


def _received(snapshot: Snapshot, from_day: Whole, to_day: Whole, known: Whole) -> tuple[Floats, Floats, Whole]:
    """Cartons that have certainly, and that have possibly, come to the cells `known` after their `from_day` and by their `to_day`, and
    the day after which the first of them came (`to_day` where none did). Zero in all other cells."""
    sure, most, since = np.zeros(len(to_day)), np.zeros(len(to_day)), to_day.copy()
    wanted = np.zeros(len(to_day), bool)
    wanted[known] = True
    begin = int(from_day.min(initial=np.iinfo(np.int64).max)) - DELIVERY
    every = snapshot.lines[["retailer_id", "brand_id", "order_date", "allocated"]]
    for start in range(0, len(every), PIECE):
        lines = every.iloc[start : start + PIECE]
        lines = lines[_days(lines["order_date"]) > begin]
        cell = _cells(snapshot, lines)
        lines, cell = lines[wanted[cell]], cell[wanted[cell]]
        day, cartons = _days(lines["order_date"]), lines["allocated"].to_numpy(np.float64, na_value=0.0)
        inside = (day > from_day[cell]) & (day + DELIVERY <= to_day[cell])
        near = (day + DELIVERY > from_day[cell]) & (day <= to_day[cell])
        sure += _sums(cell, cartons, inside, len(sure))
        most += _sums(cell, cartons, near, len(most))
        near &= cartons > 0
        np.minimum.at(since, cell[near], day[near])
    return sure, most, since


def _sums(cell: Whole, values: Floats, which: Truths, size: int) -> Floats:
    """Sums by cell of the values chosen."""
    return np.bincount(cell[which], values[which], size).astype(np.float64)
