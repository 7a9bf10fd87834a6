"""The limits on what a retailer may be given, and over what each of them counts.

Each limit counts all that was given in its scope: the star cap over the orders of one owner, brand and order week, as does the upper
estimate of demand for brands that are resold; the brand's quota over the month; the band cap over all brands of a price class in the
week; the total quota over all brands of the month; the day limit over all brands of one order day. A week belongs to the month of its
Monday. No row is no limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import owners
from ordering import strategy
from ordering.errors import TrueOrderError
from ordering.frames import Snapshot
from ordering.model import ALL, Reason

Whole = npt.NDArray[np.int64]

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


def scope(rows: pd.DataFrame, reason: Reason) -> Whole:
    """A number for what each row counts towards under the limit `reason`; equal for rows that share it."""
    key = rows["owner"].to_numpy(np.int64)
    for column in SCOPES[reason]:
        key = key * WIDTH + rows[column].to_numpy(np.int64)
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
    found, distinct = pd.factorize(np.concatenate([keys, asked]))
    total = np.bincount(found[: len(keys)], weights=quantities, minlength=len(distinct))
    return total[found[len(keys) :]].astype(np.int64)


def left(rows: pd.DataFrame, reason: Reason, limit: Whole, against: pd.DataFrame) -> Whole:
    """What the limit `reason` leaves each row after what `against` gave already; NONE where there is no limit, at least 0."""
    if (limit == NONE).all():
        return limit
    used = sums(scope(rows, reason), scope(against, reason), against["allocated"].to_numpy(np.int64))
    return np.where(limit == NONE, NONE, np.maximum(limit - used, 0))


def star_levels(snapshot: Snapshot, rows: pd.DataFrame) -> Whole:
    """The star level of each row's retailer in the row's month."""
    months, at = distinct(rows["month"])
    names = pd.Index([month_name(month) for month in months], dtype="str")
    return strategy.levels(snapshot, names)[rows["retailer"].to_numpy(), at].astype(np.int64)


def in_force(snapshot: Snapshot, rows: pd.DataFrame) -> dict[Reason, Whole]:
    """The limits in force for each row (`numbered`), cartons, NONE where there is none: of several licences of one owner the widest."""
    each, begin = owners.licences(snapshot.retailers, rows)
    found = _in_force(snapshot, each, star_levels(snapshot, each))
    return {reason: np.maximum.reduceat(limit, begin) if len(begin) else limit for reason, limit in found.items()}


def _in_force(snapshot: Snapshot, rows: pd.DataFrame, level: Whole) -> dict[Reason, Whole]:
    """The same for single licences, of star level `level`.

    Retailers visited every second week get double caps, for a brand and for a price band.
    """
    retailer, brand = rows["retailer"].to_numpy(), rows["brand"].to_numpy()
    weeks, week = distinct(rows["week"])
    months, month = distinct(rows["month"])
    mondays, names = monday(weeks), pd.Index([month_name(m) for m in months], dtype="str")
    ids, quota = pd.Index(snapshot.brands["brand_id"]), snapshot.monthly_quotas
    whole = quota["brand_id"] == ALL
    quota_at = (names.get_indexer(pd.Index(quota["month"])), quota["star_level"].to_numpy(np.int64))
    quota_brand = np.where(whole, len(ids), ids.get_indexer(pd.Index(quota["brand_id"])))
    band, day = snapshot.band_caps, snapshot.daily_limits
    band_at = (mondays.get_indexer(pd.DatetimeIndex(band["week"])), band["star_level"].to_numpy(), band["price_class"].to_numpy())
    band_cap = _looked_up(band_at, band["cap"], (week, level, rows["price_class"].to_numpy()))
    visits = snapshot.retailers["visit_every_weeks"].to_numpy(np.int64)[retailer]
    return {
        Reason.STAR_CAP: strategy.caps(snapshot, mondays).of(retailer, brand, week).astype(np.int64),
        Reason.QUOTA_BRAND: _looked_up((*quota_at, quota_brand), quota["quota"], (month, level, brand)),
        Reason.BAND_CAP: np.where(band_cap == NONE, NONE, band_cap * visits),
        Reason.QUOTA_TOTAL: _looked_up((*quota_at, quota_brand), quota["quota"], (month, level, np.full(len(rows), len(ids)))),
        Reason.DAY_LIMIT: _looked_up((day["star_level"].to_numpy(),), day["limit"], (level,)),
    }


def _looked_up(at: tuple[npt.NDArray[np.integer], ...], values: pd.Series, wanted: tuple[Whole, ...]) -> Whole:
    """The values at `wanted`, from rows at `at` (a negative place is left out); NONE where there is no row."""
    known = np.logical_and.reduce([place >= 0 for place in at])
    shape = [int(max(a.max(initial=0), w.max(initial=0))) + 1 for a, w in zip(at, wanted, strict=True)]
    table = np.full(shape, NONE, np.int64)
    table[tuple(place[known] for place in at)] = values.to_numpy(np.int64)[known]
    return table[wanted]


def held(snapshot: Snapshot, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows fall under a hold: of the retailer, for the brand or for all, on the order day, both ends included."""
    out, holds = np.zeros(len(rows), bool), snapshot.holds
    if holds.empty:
        return out
    brand = pd.Index(snapshot.brands["brand_id"]).get_indexer(pd.Index(holds["brand_id"].astype("str")))
    retailer = pd.Index(snapshot.retailers["retailer_id"]).get_indexer(pd.Index(holds["retailer_id"].astype("str")))
    first, last = (holds[end].to_numpy("datetime64[D]").astype(np.int64) for end in ("from", "to"))
    known = (retailer >= 0) & ((brand >= 0) | (holds["brand_id"] == ALL).to_numpy())
    rules = pd.DataFrame({"retailer": retailer, "of": brand, "first": first, "last": last})[known]
    met = rows[["retailer", "brand", "day"]].assign(at=np.arange(len(rows)))
    met = met[met["retailer"].isin(rules["retailer"])].merge(rules, on="retailer", validate="m:m")
    met = met[((met["of"] < 0) | (met["of"] == met["brand"])) & met["day"].between(met["first"], met["last"])]
    out[met["at"].to_numpy()] = True
    return out
