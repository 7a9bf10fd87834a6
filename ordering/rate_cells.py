"""Additive cells: what the rates are ratios of, summed over any dimensions, from chunks of pair-weeks.

A pair-week is one retailer, brand and week. Lines become pair-weeks (`pair_weeks`), those are laid beside the demand of every week in
which the pair lives (`beside_demand`), and `additive` sums a chunk of them into cells; cells of chunks add up (`gather`). No frame of
all pair-weeks is ever needed. Every real quantity is a multiple of `gaps.GRAIN`, so sums are exact: how the pairs are cut into chunks,
and in which order, changes no bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering import frames, strategy
from ordering.errors import TrueOrderError
from ordering.gaps import GAPS, fixed

COUNTED = ("requested", "allocated", "lines", "lines_filled", "lines_unserved")
MEASURES = (*COUNTED, "demand", "met", "demand_window", *GAPS)
"""The additive columns of a cell. `met` and `demand_window` are the sums of min(A, D) and D over the window ending in each week."""


class Dimension(StrEnum):
    """By what rates are broken down."""

    RETAILER = "retailer"
    BRAND = "brand"
    MANAGER = "manager"
    DISTRICT = "district"
    STAR = "star"
    MANUFACTURER = "manufacturer"
    PRICE_CLASS = "price_class"
    PERIOD = "period"


class Period(StrEnum):
    """Over what times rates are summed."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


def check_period(period: str) -> None:
    """Raise TrueOrderError where there is no such period."""
    if period not in tuple(Period):
        raise TrueOrderError(
            f'there is no period "{period}"; there are {", ".join(Period)}', f"没有“{period}”这一期间类型；可用的有{'、'.join(Period)}"
        )


DIMENSIONS: Mapping[str, str] = {
    Dimension.RETAILER: "retailer_id",
    Dimension.BRAND: "brand_id",
    Dimension.MANAGER: "account_manager",
    Dimension.DISTRICT: "district",
    Dimension.STAR: "star_level",
    Dimension.MANUFACTURER: "manufacturer",
    Dimension.PRICE_CLASS: "price_class",
}
"""The contract's dimensions, and the columns that hold them here; beside them stands `period`."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attributes:
    """What retailers and brands are: `retailers` and `brands` sorted by id, and `levels[retailer, month]`, the star level in `months`."""

    retailers: pd.DataFrame
    brands: pd.DataFrame
    months: pd.Index
    levels: npt.NDArray[np.int32]


def attributes(snapshot: frames.Snapshot, weeks: pd.DatetimeIndex) -> Attributes:
    """The attributes of a snapshot for the months of `weeks`."""
    months = pd.Index(weeks.strftime("%Y-%m").unique())
    return Attributes(snapshot.retailers, snapshot.brands, months, strategy.levels(snapshot, months))


def window_for(by: Sequence[str]) -> int:
    """Weeks over which demand and allocation are held together: 13 where grouped by both retailer and brand, else 4 (domain.md)."""
    return 13 if {"retailer", "brand"} <= set(by) else 4


def week_numbers(weeks: pd.Series) -> Ints:
    """Mondays as consecutive whole numbers."""
    days = weeks.to_numpy("datetime64[D]").astype(np.int64)
    return (days - 4) // 7  # 1970-01-05 was a Monday


def pair_weeks(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines summed by retailer, brand and week, sorted so; lines not yet allocated (`allocated` missing) are left out.

    `lines` hold retailer_id and brand_id as categories, week, requested, allocated and the columns GAPS (see `gaps.split_gap`).
    Result: those columns, and `lines` (with requested > 0), `lines_filled` (those given whole), `lines_unserved` (those given nothing).
    """
    lines = lines[lines["allocated"].notna()]
    requested, allocated = (lines[c].to_numpy("float64") for c in ("requested", "allocated"))
    asked = requested > 0
    measures = {
        "requested": requested,
        "allocated": allocated,
        "lines": asked,
        "lines_filled": asked & (allocated >= requested),
        "lines_unserved": asked & (allocated == 0),
        **{name: fixed(lines[name].to_numpy("float64")) for name in GAPS},
    }
    keyed = lines[["retailer_id", "brand_id", "week"]]
    return summed(pd.concat([keyed, pd.DataFrame(measures, index=lines.index)], axis=1), list(measures))


def summed(lines: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Sums of `columns` by retailer, brand and week, sorted so; retailer_id and brand_id are categories."""
    first = _first(lines)
    group, keys = pd.factorize(_keys(lines, first), sort=True)
    sums = {name: np.bincount(group, weights=lines[name].to_numpy("float64"), minlength=len(keys)) for name in columns}
    return pd.concat([_unkeyed(keys, lines, first), pd.DataFrame(sums)], axis=1)


def beside_demand(ordered: pd.DataFrame, demand: pd.DataFrame) -> pd.DataFrame:
    """Pair-weeks of either frame, sorted by pair and week: `ordered` (see `pair_weeks`), 0 where nothing was, with the `demand` column.

    `demand` holds retailer_id and brand_id in the same categories, week and demand, one row for each week in which a pair lives. A
    pair-week outside it keeps a missing demand: unknown, not zero.
    """
    first = min(_first(ordered), _first(demand))
    have, live = _keys(ordered, first), _keys(demand, first)
    keys = _merged(have, live)
    out = _unkeyed(keys, demand, first)
    at = np.searchsorted(keys, have)
    for name in (*COUNTED, *GAPS):
        out[name] = _placed(ordered[name].to_numpy("float64"), at, np.zeros(len(keys)))
    wanted = demand["demand"].to_numpy("float64")
    out["demand"] = _placed(wanted, np.searchsorted(keys, live), np.full(len(keys), np.nan))
    return out


def _merged(some: Ints, most: Ints) -> Ints:
    """The sorted union of keys: `most`, usually sorted already and nearly all of it, with those of `some` that it lacks put in."""
    if (np.diff(most) <= 0).any():
        most = np.unique(most)
    at = np.searchsorted(most, some)
    lacking = np.ones(len(some), bool)
    inside = at < len(most)
    lacking[inside] = most[at[inside]] != some[inside]
    return np.insert(most, at[lacking], some[lacking]) if lacking.any() else most


def _placed(values: Floats, at: Ints, into: Floats) -> Floats:
    into[at] = values
    return into


def _first(frame: pd.DataFrame) -> int:
    return int(week_numbers(frame["week"]).min()) if len(frame) else np.iinfo(np.int32).max


STRIDE = 1 << 14
"""Weeks between two pairs' keys: more than any history, so that the last week of a pair is far from the first of the next."""


def _keys(frame: pd.DataFrame, first: int) -> Ints:
    """One whole number per pair and week, in the order of retailer, brand and week."""
    retailer, brand = (frame[c].cat.codes.to_numpy(np.int64) for c in ("retailer_id", "brand_id"))
    pair = retailer * len(frame["brand_id"].cat.categories) + brand
    return pair * STRIDE + week_numbers(frame["week"]) - first


def _unkeyed(keys: Ints, like: pd.DataFrame, first: int) -> pd.DataFrame:
    """Retailer, brand and week of `keys`, typed as in `like`."""
    pair, week = np.divmod(keys, STRIDE)
    retailer, brand = np.divmod(pair, max(len(like["brand_id"].cat.categories), 1))
    monday = ((week + first) * 7 + 4).astype("datetime64[D]").astype("datetime64[us]")
    ids = {
        name: pd.Categorical.from_codes(codes, dtype=like[name].dtype) for name, codes in (("retailer_id", retailer), ("brand_id", brand))
    }
    return pd.DataFrame({**ids, "week": monday})


def additive(
    chunk: pd.DataFrame,
    of: Attributes,
    by: Sequence[str],
    *,
    period: str = "week",
    window: int | None = None,
    weeks: tuple[date, date] | None = None,
) -> pd.DataFrame:
    """Sums of MEASURES over a chunk of pair-weeks, grouped by the dimensions `by`.

    `chunk`: retailer_id and brand_id (categories whose codes are the rows of `of`), week, COUNTED, GAPS and demand (missing: not known),
    one row per pair-week, sorted by pair and week, every week of a pair in the same chunk. `window` is in weeks (`window_for(by)`). Of the
    weeks, those from first to last of `weeks` are summed; earlier ones still count in the window. With "period" in `by` the result has
    `week` where `period` is week, else `period` as text; the other columns are those of DIMENSIONS. Sorted by them.
    """
    columns = {name: chunk[name].to_numpy("float64") for name in (*COUNTED, *GAPS)}
    columns |= _windowed(chunk, window or window_for(by))
    if weeks is not None:
        keep = chunk["week"].between(frames.day(weeks[0]), frames.day(weeks[1])).to_numpy()
        chunk, columns = chunk[keep], {name: values[keep] for name, values in columns.items()}
    coded = {_column(name, period): _coded(name, chunk, of, period) for name in by}
    group, cells = _grouped(coded, len(chunk))
    sums = {name: np.bincount(group, weights=columns[name], minlength=len(cells)) for name in MEASURES}
    return pd.concat([cells, pd.DataFrame(sums)], axis=1)


def _windowed(chunk: pd.DataFrame, window: int) -> dict[str, Floats]:
    """Demand, and min(A, D) and D of the `window` calendar weeks ending in each row's week; weeks of unknown demand count in nothing."""
    demand = chunk["demand"].to_numpy("float64")
    known = ~np.isnan(demand)
    demand = fixed(np.where(known, demand, 0.0))
    allocated = np.where(known, chunk["allocated"].to_numpy("float64"), 0.0)
    key = _keys(chunk, _first(chunk))
    if (np.diff(key) <= 0).any():
        raise TrueOrderError("pair-weeks must come sorted by retailer, brand and week, one row each")
    served, wanted = allocated.copy(), demand.copy()
    for back in range(1, min(window, len(key))):
        near = key[back:] - key[:-back] < window  # of the same pair, and within the window
        served[back:] += np.where(near, allocated[:-back], 0.0)
        wanted[back:] += np.where(near, demand[:-back], 0.0)
    met = np.where(known, np.minimum(served, wanted), 0.0)
    return {"demand": demand, "met": met, "demand_window": np.where(known, wanted, 0.0)}


def _column(name: str, period: str) -> str:
    if name == "period":
        return "week" if period == "week" else "period"
    if name not in DIMENSIONS:
        raise TrueOrderError(f"there is no dimension {name!r}; there are {', '.join(DIMENSIONS)} and period")
    return DIMENSIONS[name]


def _coded(name: str, chunk: pd.DataFrame, of: Attributes, period: str) -> tuple[Ints, pd.Index]:
    """The value of a dimension on every row as a code, and the values by code, sorted."""
    if name == "period":
        return _coded_time(chunk["week"], period)
    column = DIMENSIONS[name]
    if name == "star":
        week, weeks = pd.factorize(chunk["week"], sort=True)
        month = of.months.get_indexer(pd.DatetimeIndex(weeks).strftime("%Y-%m"))
        if (month < 0).any():
            raise TrueOrderError("star levels are not known for every month of these weeks")
        return of.levels[chunk["retailer_id"].cat.codes.to_numpy(), month[week]].astype(np.int64), pd.RangeIndex(
            of.levels.max(initial=0) + 1
        )
    table, id_ = (of.brands, "brand_id") if column in of.brands.columns else (of.retailers, "retailer_id")
    values, labels = pd.factorize(table[column], sort=True)
    return values.astype(np.int64)[chunk[id_].cat.codes.to_numpy()], pd.Index(labels)


def _coded_time(week: pd.Series, period: str) -> tuple[Ints, pd.Index]:
    codes, weeks = pd.factorize(week, sort=True)
    if period == "week":
        return codes.astype(np.int64), pd.DatetimeIndex(weeks)
    at, labels = pd.factorize(periods(pd.Series(weeks), period), sort=True)
    return at.astype(np.int64)[codes], pd.Index(labels)


def _grouped(coded: Mapping[str, tuple[Ints, pd.Index]], rows: int) -> tuple[Ints, pd.DataFrame]:
    """A group number per row, and the dimensions of each group; texts come as categories, the same in every chunk."""
    key = np.zeros(rows, np.int64)
    for codes, labels in coded.values():
        key = key * len(labels) + codes
    group, keys = pd.factorize(key, sort=True)
    columns = {}
    for name, (_, labels) in reversed(list(coded.items())):
        keys, codes = np.divmod(keys, max(len(labels), 1))
        text = name not in ("star_level", "price_class", "week", "period")
        columns[name] = pd.Categorical.from_codes(codes, categories=labels) if text else labels.take(codes)
    count = int(group.max(initial=-1)) + 1
    return group, pd.DataFrame({name: columns[name] for name in coded}, index=pd.RangeIndex(count))


def periods(week: pd.Series, period: str) -> pd.Series:
    """The period each Monday belongs to, as text: 2026-03-02, 2026-03, 2026-Q1 or 2026."""
    codes, weeks = pd.factorize(week, sort=True)
    monday = pd.DatetimeIndex(weeks)
    if period == "quarter":
        text = pd.Index([f"{day.year}-Q{(day.month + 2) // 3}" for day in monday])
    elif period in tuple(Period):
        text = monday.strftime({"week": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}[period])
    else:
        raise TrueOrderError(f"there is no period {period!r}; there are {', '.join(Period)}")
    return pd.Series(np.asarray(text, object)[codes], index=week.index, dtype="str")


def added(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Cells of the same dimensions, added up and sorted by them."""
    together = pd.concat(parts, ignore_index=True)
    keys = [name for name in together.columns if name not in MEASURES]
    if not keys:
        return together.sum().to_frame().T
    return together.groupby(keys, sort=True, observed=True)[list(MEASURES)].sum().reset_index()


def gather(parts: Iterable[pd.DataFrame], *, limit: int = 2_000_000) -> pd.DataFrame:
    """Cells of chunks, added up; at most `limit` rows more than the result are held on the way."""
    held: list[pd.DataFrame] = []
    kept = rows = 0
    for part in parts:
        held.append(part)
        rows += len(part)
        if rows > 2 * kept + limit:
            held = [added(held)]
            kept = rows = len(held[0])
    if not held:
        raise TrueOrderError("there are no cells to add up")
    return added(held)
