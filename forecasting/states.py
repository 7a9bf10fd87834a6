"""Estimates as they are stored, a rate per pair and an index per brand and week, and their expansion to pair-weeks and brand-weeks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import expansion_kernels
from forecasting import panel as panels
from ordering import frames, model
from ordering.frames import Snapshot

Floats: TypeAlias = npt.NDArray[np.float64]
Small: TypeAlias = npt.NDArray[np.float32]
Whole: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """What the flags need beside the rates. `weeks`: brand_id, week, expected_share, tight, error (relative, shared by the brand's pairs);
    `honest`: by retailer code, the probability that it asks for what is missing on its shelf and no more."""

    weeks: pd.DataFrame
    honest: Floats


@dataclass(frozen=True)
class Learnt:
    """What the parts of a city taught (evidence.Taught), for a night to read pairs again (update.py).

    By retailer code: number of its `part` (-1: not known to the fit), `chance` of each habit, `cover`, first and last week of its `surge`
    (retailers, 2) and how many `times` the usual it asks for in it (surges.Surges). By row of `Estimate.pairs`:
    `touched`, `prior`, `level`, `doubt`, `centre`, `width`. By part: `variance`, `tills` (parts, brands), `shelf` (parts, 3).
    """

    part: npt.NDArray[np.int16]
    chance: Small
    cover: Small
    surge: npt.NDArray[np.int16]
    times: Small
    touched: npt.NDArray[np.bool_]
    prior: Small
    level: Small
    doubt: Small
    centre: Small
    width: Small
    variance: Floats
    tills: Floats
    shelf: Floats


@dataclass(frozen=True)
class Estimate:
    """`pairs` (frames.PAIR_ESTIMATES), `index` of the past weeks (frames.BRAND_INDEX, district "" = all), `problems` (frames.PROBLEMS)."""

    pairs: pd.DataFrame
    index: pd.DataFrame
    shape: Shape
    problems: pd.DataFrame
    learnt: Learnt


def expand(
    snapshot: Snapshot, pairs: pd.DataFrame, index: pd.DataFrame, weeks: pd.DatetimeIndex, *, chunk_pairs: int = 200_000
) -> Iterator[pd.DataFrame]:
    """The pair-weeks of `weeks` (Mondays, ascending, without gaps), in chunks of pairs: retailer_id, brand_id (categories), week,
    requested, allocated (0 where nothing was asked), demand = rate × index.

    `pairs` is a frames.PAIR_ESTIMATES, `index` a frames.BRAND_INDEX; a row for district "" holds for every district without one of its
    own. Only weeks in which the pair lives: both active, the brand launched and not withdrawn, offered (cap not 0), and an index known.
    """
    kinds, days = snapshot.categories(), weeks.to_numpy()
    for pair, week, requested, allocated, demand in _living(snapshot, pairs, index, weeks, chunk_pairs):
        retailer, brand = codes(snapshot, pairs)
        yield pd.DataFrame({
            "retailer_id": pd.Categorical.from_codes(retailer[pair], dtype=kinds[0]),
            "brand_id": pd.Categorical.from_codes(brand[pair], dtype=kinds[1]),
            "week": days[week], "requested": requested, "allocated": allocated, "demand": demand,
        })  # fmt: skip


Chunk: TypeAlias = tuple[Whole, npt.NDArray[np.int16], npt.NDArray[np.int32], npt.NDArray[np.int32], Floats]


def _living(snapshot: Snapshot, pairs: pd.DataFrame, index: pd.DataFrame, weeks: pd.DatetimeIndex, chunk: int) -> Iterator[Chunk]:
    """The same as arrays: row of `pairs`, number of the week, requested, allocated, demand."""
    known = panels.build(snapshot, weeks)
    retailer, brand = codes(snapshot, pairs)
    rate, row = pairs["rate"].to_numpy(np.float64), _pair_rows(known, retailer, brand)
    lookup, area = index_array(snapshot, index, weeks)
    first, last = known.life.of(retailer, brand)
    for low in range(0, len(rate), chunk):
        part = slice(low, low + chunk)
        where = (retailer[part], brand[part], first[part], last[part], known.caps.profile, known.caps.cap, lookup, area)
        rows = int(expansion_kernels.living(*where).sum())
        pair, week, *values = expansion_kernels.expanded(rows, rate[part], *where, *_chunk_lines(known, row[part]))
        yield pair.astype(np.int64) + low, week, values[0], values[1], values[2]


def codes(snapshot: Snapshot, pairs: pd.DataFrame) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Row numbers of the pairs' retailers and brands in the snapshot."""
    retailers, brands = snapshot.categories()
    return tuple(
        pd.Categorical(pairs[name], dtype=kind).codes.astype(np.int32) for name, kind in (("retailer_id", retailers), ("brand_id", brands))
    )


def _pair_rows(panel: panels.Panel, retailer: npt.NDArray[np.int32], brand: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The pair of the panel for each given pair, -1 where the panel has nothing of it."""
    have = panel.retailer.astype(np.int64) * panel.brands + panel.brand
    want = retailer.astype(np.int64) * panel.brands + brand
    at = np.searchsorted(have, want)
    at[at == len(have)] = 0
    return np.where(have[at] == want, at, -1) if len(have) else np.full(len(want), -1)


def _chunk_lines(panel: panels.Panel, row: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    """The lines of the chunk's pairs, compressed anew: start, week, requested, allocated."""
    lines = panel.lines
    counts = np.where(row >= 0, lines.start[row + 1] - lines.start[row], 0)
    start = np.r_[0, np.cumsum(counts)]
    take = np.repeat(lines.start[row] - start[:-1], counts) + np.arange(start[-1])
    return start, lines.week[take], lines.value[take], lines.other[take]


def index_array(snapshot: Snapshot, index: pd.DataFrame, weeks: pd.DatetimeIndex) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Index by brand, district and week (NaN: unknown), and the district's number of each retailer."""
    districts = pd.Index(sorted(snapshot.retailers["district"].unique()))
    out = np.full((len(snapshot.brands), len(districts), len(weeks)), np.nan)
    rows = index[index["week"].isin(weeks)]
    brand = pd.Index(snapshot.brands["brand_id"]).get_indexer(rows["brand_id"].astype("str"))
    week, value, whole = (
        weeks.get_indexer(pd.DatetimeIndex(rows["week"])),
        rows["index"].to_numpy(),
        (rows["district"] == model.ALL).to_numpy(),
    )
    out[brand[whole], :, week[whole]] = value[whole, None]
    own = ~whole & (district := districts.get_indexer(rows["district"])) >= 0
    out[brand[own], district[own], week[own]] = value[own]
    return out, districts.get_indexer(snapshot.retailers["district"])


FEW = 200
"""Up to so many quantiles are found without compiling, which takes seconds in a process that has not done so yet; they are the same."""


def interval(mean: Floats, dispersion: Floats, q: float) -> Floats:
    """Whole-number quantile `q` of a negative binomial with variance mean + dispersion × mean²; same shape as `mean`, 0 where mean is 0.

    >>> interval(np.array([0.2, 4.0]), np.array([0.0, 0.0]), 0.9)
    array([1., 7.])
    """
    mean, dispersion = np.broadcast_arrays(np.asarray(mean, np.float64), np.asarray(dispersion, np.float64))
    compiled = expansion_kernels.negative_binomial_quantiles
    quantiles = compiled if mean.size > FEW else compiled.py_func
    found = quantiles(mean.ravel(), dispersion.ravel(), q, NormalDist().inv_cdf(q))
    return np.asarray(found).reshape(mean.shape)


def brand_weeks(snapshot: Snapshot, estimate: Estimate) -> pd.DataFrame:
    """frames.BRAND_DEMAND of the estimated weeks: sums of `expand`, with an interval for the realised total.

    Variance = Σ over pairs (mean + dispersion · mean²) + (shared error · total)²: count noise, the pairs' own error, the brand's.
    """
    weeks = pd.DatetimeIndex(np.sort(estimate.index["week"].unique()))
    pairs, brands = estimate.pairs, len(snapshot.brands)
    dispersion, brand = pairs["dispersion"].to_numpy(np.float64), codes(snapshot, pairs)[1]
    sums = np.zeros((4, brands, len(weeks)))
    lived = np.zeros((brands, len(weeks)), bool)
    for pair, week, requested, allocated, demand in _living(snapshot, pairs, estimate.index, weeks, 200_000):
        cell = brand[pair].astype(np.int64) * len(weeks) + week
        for i, value in enumerate((requested, allocated, demand, dispersion[pair] * demand**2)):
            sums[i] += np.bincount(cell, value, brands * len(weeks)).reshape(brands, -1)
        lived.ravel()[cell] = True
    return _brand_frame(snapshot, weeks, sums, lived, estimate.shape.weeks)


def _brand_frame(
    snapshot: Snapshot, weeks: pd.DatetimeIndex, sums: Floats, lived: npt.NDArray[np.bool_], shared: pd.DataFrame
) -> pd.DataFrame:
    requested, allocated, total, spread = sums
    error = shared.pivot(index="brand_id", columns="week", values="error").reindex(snapshot.brands["brand_id"], columns=weeks).to_numpy()
    dispersion = spread / np.maximum(total, 1e-9) ** 2 + error**2
    brand, week = np.nonzero(lived)
    return frames.conform(frames.BRAND_DEMAND, pd.DataFrame({
        "brand_id": snapshot.brands["brand_id"].to_numpy()[brand], "week": weeks.to_numpy()[week],
        "requested": requested[lived].astype(np.int64), "allocated": allocated[lived].astype(np.int64), "demand": total[lived],
        "p10": interval(total[lived], dispersion[lived], 0.1), "p90": interval(total[lived], dispersion[lived], 0.9),
    }))  # fmt: skip


SURE = 10.0
"""Cartons of demand from which a week in which no shop asked for a brand at all is no chance (Poisson: 5 in 100,000)."""


LEVEL_WEEKS = 52
LEVEL_BOUNDS = (0.9, 1.2)


def history(brand_demand: pd.DataFrame, estimate: Estimate) -> pd.DataFrame:
    """What brand forecasts are made of: brand_id, week, demand, tight.

    In a week without shortage demand is what was delivered, at the level of what was recovered (shelves lose a sale now and then even
    then): over some weeks that is what was wanted, and a brand's own peaks, which the shared index smooths, stay in it; the forecasting
    methods take the noise out. In a tight week it is what was recovered. A week in which nobody asked for a brand that sells was a week
    without the brand: it has no row, it is unknown.
    """
    tight = estimate.shape.weeks[["brand_id", "week", "tight"]]
    out = brand_demand.merge(tight, on=["brand_id", "week"], how="left", validate="1:1")
    out = out[(out["requested"] > 0) | (out["demand"] < SURE)].reset_index(drop=True)
    delivered = out["allocated"] * out["brand_id"].map(_level(out)).fillna(1.0)
    return out.assign(demand=out["demand"].where(out["tight"], delivered))[["brand_id", "week", "demand", "tight"]]


def _level(weeks: pd.DataFrame) -> pd.Series:
    """By brand: recovered ÷ delivered cartons of its last 52 weeks without shortage, within bounds."""
    slack = weeks[~weeks["tight"].astype(bool)].sort_values("week").groupby("brand_id").tail(LEVEL_WEEKS)
    sums = slack.groupby("brand_id")[["demand", "allocated"]].sum()
    return (sums["demand"] / sums["allocated"].where(sums["allocated"] > 0)).clip(*LEVEL_BOUNDS)
