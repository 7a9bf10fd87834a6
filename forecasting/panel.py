"""The panel: what is known of every pair of retailer and brand, week by week, compressed by pair.

A pair with nothing in the window takes no room, and within a pair only weeks in which something happened do. Rows are summed by pair
and week, so the order of lines does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import kernels
from ordering import model, strategy
from ordering.frames import Snapshot

Codes = npt.NDArray[np.int32]

SILENT_WEEKS = 8  # without a line of any kind: not open yet, or closed
NEVER = 2**31
ROUND_SHARE, ROUND_LINES = 0.9, 10.0  # of a shop's requests that are multiples of ten or five, and how many at least


@dataclass(frozen=True)
class Rows:
    """Weekly sums of one source, compressed by pair: pair p has the rows start[p] .. start[p + 1], weeks ascending."""

    start: npt.NDArray[np.int64]
    week: npt.NDArray[np.int16]
    value: npt.NDArray[np.int32]
    other: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.week)

    @property
    def pair(self) -> npt.NDArray[np.int64]:
        """The pair of each row."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


@dataclass(frozen=True)
class Life:
    """First and last week (both included, as numbers in a span of weeks) in which a retailer is active, a brand is sold."""

    retailer_first: Codes
    retailer_last: Codes
    brand_first: Codes
    brand_last: Codes

    def of(self, retailer: Codes, brand: Codes) -> tuple[Codes, Codes]:
        """First and last week of pairs given by code (first > last: none)."""
        return (
            np.maximum(self.retailer_first[retailer], self.brand_first[brand]),
            np.minimum(self.retailer_last[retailer], self.brand_last[brand]),
        )


@dataclass(frozen=True)
class Panel:
    """All evidence of a span of weeks. Pairs are sorted by retailer, then brand.

    `among`: row numbers of the panel's retailers among all; `retailer` is a number among these, `brand` a row number.
    lines.value = requested, lines.other = allocated; scans.value = sold; counts.value = stock at the end of the week.
    `reports[retailer, week]`: the shop's till reported at least one brand that week (a silent week is unknown, not zero).
    """

    weeks: pd.DatetimeIndex
    among: npt.NDArray[np.int64]
    retailer: Codes
    brand: Codes
    retailers: int
    brands: int
    lines: Rows
    scans: Rows
    counts: Rows
    reports: npt.NDArray[np.bool_]
    life: Life
    caps: strategy.Caps

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.retailer)


@dataclass(frozen=True)
class Cells:
    """Rows of a long table that lie in the window: cell (retailer × brands + brand), week, and position in the table."""

    cell: Codes
    week: npt.NDArray[np.int16]
    at: npt.NDArray[np.int64]


def past_weeks(business_date: date, count: int) -> pd.DatetimeIndex:
    """The `count` weeks before the week of `business_date` (Mondays)."""
    last = pd.Timestamp(model.week_of(business_date) - timedelta(weeks=1))
    return pd.date_range(end=last, periods=count, freq="7D", unit="us")


def week_number(weeks: pd.DatetimeIndex, days: pd.Series) -> npt.NDArray[np.int64]:
    """The number in `weeks` of the week of each day; negative or beyond the end where it lies outside."""
    day = days.to_numpy("datetime64[D]").astype(np.int64)
    return np.asarray((day - weeks[0].to_datetime64().astype("datetime64[D]").astype(np.int64)) // 7)


def streets(retailers: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The number of each retailer's street: those with the same one are neighbours. Numbers ascend by district."""
    return retailers.groupby(["district", "street"], sort=True).ngroup().to_numpy(np.int64)


@dataclass(frozen=True)
class Standing:
    """What holds for a city's panels of the same weeks, whichever of its retailers they are of."""

    life: Life
    caps: strategy.Caps


def standing(snapshot: Snapshot, weeks: pd.DatetimeIndex) -> Standing:
    """Lives and caps of all retailers and brands in `weeks`."""
    return Standing(lives(snapshot, weeks), strategy.caps(snapshot, weeks))


def build(snapshot: Snapshot, weeks: pd.DatetimeIndex, known: Standing | None = None, among: npt.NDArray[np.int64] | None = None) -> Panel:
    """The panel of `weeks`, of the retailers with the row numbers `among` (None: all).

    Pairs are those with any line, scan or count in these weeks. Linear in the rows of the snapshot.
    """
    known = known or standing(snapshot, weeks)
    rows = np.arange(len(snapshot.retailers)) if among is None else among
    number = np.full(len(snapshot.retailers), -1, np.int32)
    number[rows] = np.arange(len(rows), dtype=np.int32)
    brands, cells = len(snapshot.brands), len(rows) * len(snapshot.brands)

    def of(frame: pd.DataFrame, week: npt.NDArray[np.int64]) -> Cells:
        return _cells(frame, week, number, brands, len(weeks))

    lines = of(snapshot.lines, week_number(weeks, snapshot.lines["week"]))
    scans = of(snapshot.scanned_sales, week_number(weeks, snapshot.scanned_sales["week"]))
    counts = _last(of(snapshot.stock_counts, _count_week(weeks, snapshot.stock_counts["counted_on"])))
    seen = np.zeros(cells, bool)
    for source in (lines, scans, counts):
        seen[source.cell] = True
    found = np.flatnonzero(seen)
    pair_of = np.full(cells, -1, np.int32)
    pair_of[found] = np.arange(len(found), dtype=np.int32)

    def compressed(where: Cells, frame: pd.DataFrame, *columns: str) -> Rows:
        values = [frame[c].iloc[where.at].fillna(0).to_numpy(np.int32) for c in columns] * (2 // len(columns))
        return Rows(*kernels.by_pair(where.cell, where.week, values[0], values[1], pair_of, len(found)))

    reports = np.zeros((len(rows), len(weeks)), bool)
    reports[scans.cell // max(brands, 1), scans.week] = True
    life, caps = known.life, known.caps
    return Panel(
        weeks=weeks,
        among=rows,
        retailer=(found // max(brands, 1)).astype(np.int32),
        brand=(found % max(brands, 1)).astype(np.int32),
        retailers=len(rows),
        brands=brands,
        lines=compressed(lines, snapshot.lines, "requested", "allocated"),
        scans=compressed(scans, snapshot.scanned_sales, "sold"),
        counts=compressed(counts, snapshot.stock_counts, "stock"),
        reports=reports,
        life=replace(life, retailer_first=life.retailer_first[rows], retailer_last=life.retailer_last[rows]),
        caps=replace(caps, profile=caps.profile[rows], double=caps.double[rows]),
    )


def _cells(frame: pd.DataFrame, week: npt.NDArray[np.int64], number: Codes, brands: int, weeks: int) -> Cells:
    retailer = number[frame["retailer_id"].cat.codes.to_numpy()]
    inside = np.flatnonzero((week >= 0) & (week < weeks) & (retailer >= 0))
    cell = retailer[inside] * np.int32(brands)
    cell += frame["brand_id"].cat.codes.to_numpy()[inside].astype(np.int32)
    return Cells(cell, week[inside].astype(np.int16), inside)


def _count_week(weeks: pd.DatetimeIndex, counted_on: pd.Series) -> npt.NDArray[np.int64]:
    """The week whose end a count stands for: its own from Thursday on, the one before until Wednesday."""
    return week_number(weeks, counted_on - pd.Timedelta(days=3))


def _last(counts: Cells) -> Cells:
    """Counts are levels, not flows: of several in one week the last stands (the frame is sorted by day within a pair)."""
    key = counts.cell.astype(np.int64) * 2**15 + counts.week
    order = np.argsort(key, kind="stable")
    last = np.sort(order[np.r_[key[order][1:] != key[order][:-1], True]]) if len(key) else order
    return Cells(counts.cell[last], counts.week[last], counts.at[last])


def lives(snapshot: Snapshot, weeks: pd.DatetimeIndex) -> Life:
    """The weeks in which each retailer and brand lives. The week that holds the first day counts, and so does the week of the day
    before the last: a brand withdrawn on a Monday is not offered in the week of that Monday.

    Where no date is given, the lines tell: who had been silent for `SILENT_WEEKS` before its first line began with it, and who has been
    since its last has ceased.
    """
    lines, last = snapshot.lines, len(weeks) - 1
    week = week_number(weeks, lines["week"])
    now = int(week_number(weeks, pd.Series([pd.Timestamp(snapshot.business_date)]))[0])
    ends: list[Codes] = []
    for id_column, opened, closed, frame in (
        ("retailer_id", "active_from", "active_to", snapshot.retailers), ("brand_id", "launched_on", "withdrawn_on", snapshot.brands),
    ):  # fmt: skip
        begun, ceased = kernels.first_last(lines[id_column].cat.codes.to_numpy(np.int64), week, len(frame))
        oldest = int(week.min()) if len(week) else 0
        silent = begun > ceased  # never heard of: nothing is known, so nothing is ruled out
        begun = np.where((begun >= oldest + SILENT_WEEKS) & ~silent, begun, min(oldest, 0))
        ceased = np.where((ceased < now - SILENT_WEEKS) & ~silent, ceased, NEVER)
        ends.append(np.clip(_dated(frame[opened], weeks, begun, 0), 0, last + 1).astype(np.int32))
        ends.append(np.clip(_dated(frame[closed], weeks, ceased, 1), -1, last).astype(np.int32))
    return Life(*ends)


def _dated(days: pd.Series, weeks: pd.DatetimeIndex, absent: npt.NDArray[np.int64], back: int) -> npt.NDArray[np.int64]:
    """The week number of each day, `back` days before; `absent` where there is none."""
    found, known = absent.copy(), days.notna().to_numpy()
    found[known] = week_number(weeks, days[known] - pd.Timedelta(days=back))
    return found


def spans(panel: Panel) -> tuple[Codes, Codes]:
    """First and last week of each pair's life, both included (first > last: none)."""
    return panel.life.of(panel.retailer, panel.brand)


def grain(panel: Panel, among: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
    """The multiple in which each retailer orders: 10 or 5 where nearly all its requests are, else 1. `among`: in which lines (else all)."""
    asked, shop = panel.lines.value, panel.retailer[panel.lines.pair]
    ordered = asked > 0 if among is None else (asked > 0) & among
    least = np.maximum(ROUND_SHARE * np.bincount(shop, ordered, panel.retailers), ROUND_LINES)

    def nearly_all(multiple: int) -> npt.NDArray[np.bool_]:
        return np.asarray(np.bincount(shop, ordered & (asked % multiple == 0), panel.retailers) > least)

    return np.where(nearly_all(10), 10.0, np.where(nearly_all(5), 5.0, 1.0))
