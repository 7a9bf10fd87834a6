"""The limits on what a retailer may be given, and over what each of them counts.

Each limit counts all that was given in its scope: the star cap over the orders of one owner, brand and order week, as does the upper
estimate of demand for brands that are resold; the brand's quota over the month; the band cap over all brands of a price class in the
week; the total quota over all brands of the month; the day limit over all brands of one order day. A week belongs to the month of its
Monday. No row is no limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import owners
from allocation.owners import Owners
from ordering import strategy
from ordering.errors import TrueOrderError
from ordering.frames import Snapshot
from ordering.model import ALL, Reason

Whole = npt.NDArray[np.int64]
Rows: TypeAlias = Any
"""Numbered lines (`numbered`): a frame of a night's, or arrays by its columns for a few at the desk."""

NONE = int(strategy.NO_CAP)
"""Stands for "no limit" in arrays of limits."""

SCOPES: Mapping[Reason, tuple[str, ...]] = {
    Reason.STAR_CAP: ("brand", "week"),
    Reason.DEMAND_CAP: ("brand", "week"),
    Reason.QUOTA_BRAND: ("brand", "month"),
    Reason.BAND_CAP: ("price_class", "week"),
    Reason.QUOTA_TOTAL: ("month",),
    Reason.DAY_LIMIT: ("day",),
}
"""What each limit is counted over, for one owner."""

FEW = 10_000
"""Comparisons up to which sums are found by comparing all with all, which for the desk's few lines is faster than a hash table."""

WIDTH = 2**16
"""Room for a brand, a price class, a week, a month or a day in a scope's number."""


def codes(values: pd.Series, ids: pd.Series, kind: str) -> Whole:
    """Row numbers of ids in `ids` (sorted). Raises TrueOrderError where one is not there."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        at = np.append(pd.Index(ids).get_indexer(values.cat.categories), -1)  # code -1, a missing id, takes the last
        found = at[values.cat.codes.to_numpy()].astype(np.int64)
    else:
        found = pd.Index(ids).get_indexer(pd.Index(values)).astype(np.int64)
    if (found < 0).any():
        raise TrueOrderError(f"{kind} {values[found < 0].iloc[0]!r} is not among the city's {kind}s; import it first")
    return found


def numbered(snapshot: Snapshot, lines: pd.DataFrame) -> pd.DataFrame:
    """Lines as whole numbers: retailer, brand (row numbers), price_class, week and day (since 1970), month (year * 12 + month - 1), and
    owner, the row number of the retailer that stands for all licences of one.

    `lines`: retailer_id, brand_id, week, order_date.
    """
    brand = codes(lines["brand_id"], snapshot.brands["brand_id"], "brand")
    monday = lines["week"].to_numpy("datetime64[D]")
    retailer = codes(lines["retailer_id"], snapshot.retailers["retailer_id"], "retailer")
    return pd.DataFrame(
        {
            "retailer": retailer,
            "owner": owners.of(snapshot.retailers)[retailer],
            "brand": brand,
            "price_class": snapshot.brands["price_class"].to_numpy(np.int64)[brand],
            "week": week_numbers(monday),
            "month": monday.astype("datetime64[M]").astype(np.int64) + 1970 * 12,
            "day": lines["order_date"].to_numpy("datetime64[D]").astype(np.int64),
        }
    )


def pairs(snapshot: Snapshot, frame: pd.DataFrame) -> Whole:
    """A number for each row's pair of retailer and brand: retailer row number * WIDTH + brand row number."""
    retailer = codes(frame["retailer_id"], snapshot.retailers["retailer_id"], "retailer")
    return retailer * WIDTH + codes(frame["brand_id"], snapshot.brands["brand_id"], "brand")


def week_numbers(day: Any) -> Whole:
    """The numbers of the weeks of days; day 0, of 1970, was a Thursday."""
    return (np.asarray(day, "datetime64[D]").astype(np.int64) + 3) // 7


def monday(week: npt.ArrayLike) -> pd.DatetimeIndex:
    """The Mondays of weeks given by number."""
    return pd.DatetimeIndex((np.asarray(week, np.int64) * 7 - 3).astype("datetime64[D]")).as_unit("us")


def month_name(month: int) -> str:
    """`YYYY-MM` of a month given by number."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def scope(rows: Rows, reason: Reason) -> Whole:
    """A number for what each row counts towards under the limit `reason`; equal for rows that share it."""
    key = np.asarray(rows["owner"], np.int64)
    for column in SCOPES[reason]:
        key = key * WIDTH + np.asarray(rows[column], np.int64)
    return key


def apart(scopes: Sequence[Whole]) -> npt.NDArray[np.int32]:
    """Scopes (`scope`) as group numbers, shape (scopes, rows), no two scopes sharing any."""
    groups, known = np.empty((len(scopes), len(scopes[0]) if scopes else 0), np.int32), 0
    for number, key in enumerate(scopes):
        found, names = pd.factorize(key)
        groups[number] = found + known
        known += len(names)
    return groups


def distinct(values: npt.ArrayLike) -> tuple[Whole, Whole]:
    """The distinct numbers, ascending, and the place of each value among them; for few distinct ones faster than sorting all."""
    at, found = pd.factorize(np.asarray(values, np.int64), sort=True)
    return found, at


def sums(asked: Whole, keys: Whole, quantities: Whole) -> Whole:
    """For each number in `asked`, the sum of the quantities whose key it is."""
    if len(asked) * len(keys) <= FEW:
        return ((asked[:, np.newaxis] == keys) @ quantities).astype(np.int64)
    found, distinct = pd.factorize(np.concatenate([keys, asked]))
    total = np.bincount(found[: len(keys)], weights=quantities, minlength=len(distinct))
    return total[found[len(keys) :]].astype(np.int64)


def left(rows: Rows, reason: Reason, limit: Whole, against: Rows) -> Whole:
    """What the limit `reason` leaves each row after what `against` gave already; NONE where there is no limit, at least 0."""
    if (limit == NONE).all():
        return limit
    used = sums(scope(rows, reason), scope(against, reason), np.asarray(against["allocated"], np.int64))
    return np.where(limit == NONE, NONE, np.maximum(limit - used, 0))


def star_levels(snapshot: Snapshot, rows: Rows) -> Whole:
    """The star level of each row's retailer in the row's month."""
    months, at = distinct(rows["month"])
    return strategy.levels(snapshot, _names(months))[np.asarray(rows["retailer"]), at].astype(np.int64)


def _names(months: Whole) -> pd.Index:
    return pd.Index([month_name(month) for month in months], dtype="str")


@dataclass(frozen=True)
class InForce:
    """The limits of a city in some weeks and months (their numbers, ascending) as tables: a night looks up all its lines in them, the
    desk a few.

    `level[retailer, month]`; `quota[month, level, brand]`, the last brand standing for all; `band[week, level, price class]`;
    `day[level]`; NONE where there is no limit. `visits`: by retailer, 2 where it is visited every second week.
    """

    weeks: Whole
    months: Whole
    owners: Owners
    level: Whole
    caps: strategy.Caps
    quota: Whole
    band: Whole
    day: Whole
    visits: Whole

    def of(self, rows: Rows) -> dict[Reason, Whole]:
        """The limits for each row (`numbered`), cartons: of several licences of one owner the widest."""
        each, begin = self.owners.licences(rows)
        found = self._of(each)
        return {reason: np.maximum.reduceat(limit, begin) if len(begin) else limit for reason, limit in found.items()}

    def _of(self, rows: Rows) -> dict[Reason, Whole]:
        """The same for single licences.

        Retailers visited every second week get double caps, for a brand and for a price band.
        """
        retailer, brand, price_class = (np.asarray(rows[name], np.int64) for name in ("retailer", "brand", "price_class"))
        week, month = np.searchsorted(self.weeks, rows["week"]), np.searchsorted(self.months, rows["month"])
        level = self.level[retailer, month]
        band_cap = self.band[week, level, price_class]
        return {
            Reason.STAR_CAP: self.caps.of(retailer, brand, week).astype(np.int64),
            Reason.QUOTA_BRAND: self.quota[month, level, brand],
            Reason.BAND_CAP: np.where(band_cap == NONE, NONE, band_cap * self.visits[retailer]),
            Reason.QUOTA_TOTAL: self.quota[month, level, -1],
            Reason.DAY_LIMIT: self.day[level],
        }


def in_force(snapshot: Snapshot, rows: Rows) -> dict[Reason, Whole]:
    """The limits in force for each row (`numbered`), cartons, NONE where there is none: of several licences of one owner the widest."""
    return tabled(snapshot, distinct(rows["week"])[0], distinct(rows["month"])[0]).of(rows)


def tabled(snapshot: Snapshot, weeks: Whole, months: Whole) -> InForce:
    """The limits of weeks and months given by number, ascending."""
    ids, quota, mondays, names = pd.Index(snapshot.brands["brand_id"]), snapshot.monthly_quotas, monday(weeks), _names(months)
    level = strategy.levels(snapshot, names).astype(np.int64)
    of_brand = np.where(quota["brand_id"] == ALL, len(ids), ids.get_indexer(pd.Index(quota["brand_id"])))
    quota_at = names.get_indexer(pd.Index(quota["month"])), quota["star_level"].to_numpy(np.int64), of_brand
    band, day = snapshot.band_caps, snapshot.daily_limits
    band_at = mondays.get_indexer(pd.DatetimeIndex(band["week"])), band["star_level"].to_numpy(), band["price_class"].to_numpy()
    top, classes = int(level.max(initial=1)), int(snapshot.brands["price_class"].max()) if len(ids) else 1
    return InForce(
        weeks=weeks,
        months=months,
        owners=owners.prepared(snapshot.retailers),
        level=level,
        caps=strategy.caps(snapshot, mondays),
        quota=_table(quota_at, quota["quota"], (len(months), top + 1, len(ids) + 1)),
        band=_table(band_at, band["cap"], (len(weeks), top + 1, classes + 1)),
        day=_table((day["star_level"].to_numpy(),), day["limit"], (top + 1,)),
        visits=snapshot.retailers["visit_every_weeks"].to_numpy(np.int64),
    )


def _table(at: tuple[npt.NDArray[np.integer], ...], values: pd.Series, shape: tuple[int, ...]) -> Whole:
    """The values at their places; NONE where there is no row. What lies outside is of nobody, and left out."""
    known = np.logical_and.reduce([(place >= 0) & (place < size) for place, size in zip(at, shape, strict=True)])
    table = np.full(shape, NONE, np.int64)
    table[tuple(place[known] for place in at)] = values.to_numpy(np.int64)[known]
    return table
