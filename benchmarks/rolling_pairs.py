"""Store-item level of `benchmarks.rolling`: the whole pipeline against series methods on a sample of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmarks.scores import QUANTILES
from forecasting import demand, orders
from ordering.frames import Snapshot

ALIVE_WEEKS = 26
YEAR = 52
SAMPLE_SEED, PIT_SEED = 20260302, 7


def sample(lines: pd.DataFrame, first_origin: pd.Timestamp, pairs: int) -> pd.DataFrame:
    """Pairs (retailer, brand: category codes) drawn with a fixed seed among those delivered in the 26 weeks before the first origin."""
    recent = lines[(lines["week"] < first_origin) & (lines["week"] >= first_origin - pd.Timedelta(weeks=ALIVE_WEEKS))]
    codes = pd.DataFrame({"retailer": recent["retailer_id"].cat.codes, "brand": recent["brand_id"].cat.codes})
    alive = codes.drop_duplicates().sort_values(["retailer", "brand"], ignore_index=True)
    chosen = np.random.default_rng(SAMPLE_SEED).choice(len(alive), size=min(pairs, len(alive)), replace=False)
    return alive.iloc[np.sort(chosen)].reset_index(drop=True)


def delivered(lines: pd.DataFrame, pairs: pd.DataFrame, weeks: pd.DatetimeIndex) -> np.ndarray:
    """Deliveries of each pair and week, 0 where none: (weeks, pairs)."""
    number = _number(pairs, lines["retailer_id"].cat.codes, lines["brand_id"].cat.codes)
    week = weeks.get_indexer(pd.DatetimeIndex(lines["week"]))
    mine = (number >= 0) & (week >= 0)
    out = np.zeros((len(weeks), len(pairs)))
    np.add.at(out, (week[mine], number[mine]), lines["allocated"].to_numpy(float)[mine])
    return out


def _number(pairs: pd.DataFrame, retailer: pd.Series, brand: pd.Series) -> np.ndarray:
    """The row of `pairs` of each (retailer, brand), -1 where it is none."""
    wide = int(max(pairs["brand"].max(), brand.max())) + 1
    index = pd.Index(pairs["retailer"].to_numpy(np.int64) * wide + pairs["brand"].to_numpy(np.int64))
    return index.get_indexer(pd.Index(retailer.to_numpy(np.int64) * wide + brand.to_numpy(np.int64)))


def means(known: Snapshot, estimated: pd.DataFrame, future: pd.DataFrame, pairs: pd.DataFrame, weeks: pd.DatetimeIndex) -> np.ndarray:
    """Our forecast of each sampled pair: its rate x its brand's index, 0 in weeks in which it does not live: (weeks, pairs)."""
    number = _number(pairs, estimated["retailer_id"].cat.codes, estimated["brand_id"].cat.codes)
    out = np.zeros((len(weeks), len(pairs)))
    for chunk in demand.expand(known, estimated[number >= 0].reset_index(drop=True), future, weeks):
        column = _number(pairs, chunk["retailer_id"].cat.codes, chunk["brand_id"].cat.codes)
        out[weeks.get_indexer(pd.DatetimeIndex(chunk["week"])), column] = chunk["demand"]
    return out


def stored_dispersion(estimated: pd.DataFrame, pairs: pd.DataFrame) -> np.ndarray:
    """The dispersion that is stored of each sampled pair (of what consumers want, not of what the shop orders)."""
    number = _number(pairs, estimated["retailer_id"].cat.codes, estimated["brand_id"].cat.codes)
    out = np.zeros(len(pairs))
    out[number[number >= 0]] = estimated["dispersion"].to_numpy(float)[number >= 0]
    return out


def past_dispersion(past: np.ndarray) -> np.ndarray:
    """How far past deliveries stray from their mean, by moments: variance = mean + dispersion x mean^2, over the last year."""
    year = past[-YEAR:]
    mean, variance = np.nanmean(year, axis=0), np.nanvar(year, axis=0, ddof=1)
    found = np.where(mean > 0, (variance - mean) / np.where(mean > 0, mean, 1.0) ** 2, np.nan)
    return np.clip(np.nan_to_num(found, nan=float(np.nanmedian(found))), 0.05, 200.0)


Said = dict[str, np.ndarray]
"""What one method says of one origin, arrays of (weeks ahead, pairs): mean, p10, p50, p90, and `inside`."""


def counted(mean: np.ndarray, dispersion: np.ndarray, actual: np.ndarray) -> Said:
    """Mean and a negative binomial about it; `inside` by the randomised probability integral transform."""
    from scipy import stats

    mu = np.maximum(mean, 0.0)
    a = np.broadcast_to(np.maximum(dispersion, 1e-6), mu.shape)
    share = 1 / (1 + a * np.maximum(mu, 1e-12))
    below, upto = (stats.nbinom.cdf(np.nan_to_num(actual) - less, 1 / a, share) for less in (1, 0))
    return {"mean": mu, "inside": _inside(below, upto), **{name: demand.interval(mu, a, q) for name, q in QUANTILES.items()}}


def lumped(mean: np.ndarray, found: orders.Lumps, actual: np.ndarray) -> Said:
    """Mean and a delivery in lumps about it; `inside` by the randomised probability integral transform."""
    came = np.nan_to_num(actual)
    inside = _inside(found.below(mean, came - 1), found.below(mean, came))
    return {"mean": mean, "inside": inside, **{name: found.quantile(mean, q) for name, q in QUANTILES.items()}}


def _inside(below: np.ndarray, upto: np.ndarray) -> np.ndarray:
    drawn = below + np.random.default_rng(PIT_SEED).random(below.shape) * (upto - below)
    return ((drawn >= 0.1) & (drawn <= 0.9)).astype(float)


def native(said: pd.DataFrame, pairs: int, actual: np.ndarray) -> Said:
    """What a peer itself says (series, week, mean, p10, p50, p90); a pair it says nothing of has 0."""
    names = ("mean", *QUANTILES)
    wide = {name: said.pivot(index="week", columns="series", values=name).reindex(columns=range(pairs)).fillna(0.0) for name in names}
    found = {name: table.to_numpy() for name, table in wide.items()}
    return {**found, "inside": ((actual >= found["p10"]) & (actual <= found["p90"])).astype(float)}


def rows(methods: Mapping[str, Said], actual: np.ndarray, scale: np.ndarray, origin: pd.Timestamp, horizons: Sequence[int]) -> pd.DataFrame:
    """Rows for `benchmarks.scores` of one origin at `horizons`; cells of which is not known what came are left out."""
    at, pairs = np.array(horizons) - 1, actual.shape[1]
    shared = {
        "series": np.tile(np.arange(pairs), len(at)), "horizon": np.repeat(horizons, pairs), "scale": np.tile(scale, len(at)),
        "actual": actual[at].ravel(),
    }  # fmt: skip
    parts = [pd.DataFrame({**shared, **{k: v[at].ravel() for k, v in said.items()}}).assign(method=name) for name, said in methods.items()]
    found = pd.concat(parts, ignore_index=True).astype({"method": "category"})
    return found[found["actual"].notna()].assign(origin=origin)
