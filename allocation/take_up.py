"""What retailers take up of what caps release: the model of a week's need within a cap, and how much of it they took in the past.

The need of a retailer in a week is a negative binomial of mean m and dispersion a (variance m + a m²; a = 0: Poisson), and within a cap c
it takes min(need, c). A retailer visited every second week orders two weeks' need at once, within a double cap: half of
E[min(need of two weeks, 2c)] a week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation.limits import NONE
from ordering import strategy
from ordering.frames import Snapshot

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNCUT = 0.95
"""A brand's week tells of take-up where this part of what was asked within the caps was given: else supply cut it, not need."""
MOST_FACTOR = 4.0
"""No correction is larger than this, nor smaller than one over it: beyond it the model is wrong, and a factor does not mend it."""


@dataclass(frozen=True)
class Need:
    """Needs of groups of retailers against caps 0..C. `retailers`, `doubles` (cartons released by a cap of 1), `need` by group;
    `within[g, c]` = Σ E[min(need, c)], `whole[g, c]` = Σ E[need where it is at most c]. Needs of other retailers add.
    """

    retailers: Whole
    doubles: Whole
    need: Floats
    within: Floats
    whole: Floats

    def __add__(self, other: Need) -> Need:
        return Need(*(getattr(self, name) + getattr(other, name) for name in vars(self)))


def nobody(groups: int, most: int) -> Need:
    """The need of no retailers, for caps 0..most."""
    none, table = np.zeros(groups, np.int64), np.zeros((groups, most + 1))
    return Need(none, none, np.zeros(groups), table, table)


def tabulate(mean: Floats, dispersion: Floats, visits: Whole, group: Whole, *, groups: int, most: int) -> Need:
    """The needs of retailers, one entry each: mean and dispersion of a week's need, `visits` 1 or 2 (every second week), its group."""
    once, twice = visits == 1, visits == 2
    within, whole = _tabulated(mean[once], dispersion[once], group[once], groups, most)
    if twice.any():
        more = _tabulated(2 * mean[twice], dispersion[twice] / 2, group[twice], groups, 2 * most)
        within, whole = (own + add[:, ::2] / 2 for own, add in zip((within, whole), more, strict=True))
    doubles = np.bincount(group, visits, groups).astype(np.int64)
    need = np.bincount(group, mean, groups).astype(np.float64)
    return Need(np.bincount(group, minlength=groups), doubles, need, within, whole)


def _tabulated(mean: Floats, dispersion: Floats, group: Whole, groups: int, most: int) -> tuple[Floats, Floats]:
    """Σ E[min(need, c)] and Σ E[need where it is at most c], by group and c = 0..most: sums of survival functions."""
    within, whole = np.zeros((groups, most + 1)), np.zeros((groups, most + 1))
    chance = _none(mean, dispersion)
    beyond = 1.0 - chance
    for c in range(1, most + 1):
        within[:, c] = within[:, c - 1] + np.bincount(group, beyond, groups)
        chance = _next(chance, c, mean, dispersion)
        beyond = np.maximum(beyond - chance, 0.0)
        whole[:, c] = whole[:, c - 1] + np.bincount(group, c * chance, groups)
    return within, whole


def _none(mean: Floats, dispersion: Floats) -> Floats:
    """The chance of a need of nothing: (1 + a m)^(−1 / a), exp(−m) where a is 0."""
    spread = np.where(dispersion > 0, dispersion, 1.0)
    return np.exp(-np.where(dispersion > 0, np.log1p(spread * mean) / spread, mean))


def _next(chance: Floats, need: int, mean: Floats, dispersion: Floats) -> Floats:
    """The chance of `need` from that of one less."""
    return chance * mean * (1.0 + dispersion * (need - 1)) / (need * (1.0 + dispersion * mean))


def expected(mean: Floats, dispersion: Floats, visits: Whole, cap: Whole) -> Floats:
    """E[min(need, cap)] of each retailer in an average week; `cap` for one week, NONE: no cap, so all of the mean."""
    twice = visits == 2
    mean, dispersion = np.where(twice, 2 * mean, mean), np.where(twice, dispersion / 2, dispersion)
    most = np.where(cap == NONE, NONE, cap * visits)
    out = np.where(most == NONE, mean, 0.0)
    at = np.flatnonzero((most != NONE) & (most > 0) & (mean > 0))
    chance, need = _none(mean[at], dispersion[at]), 0
    beyond = 1.0 - chance
    while len(at):
        out[at] += beyond
        need += 1
        kept = (most[at] > need) & (beyond > 1e-12)
        at, chance, beyond = at[kept], chance[kept], beyond[kept]
        chance = _next(chance, need, mean[at], dispersion[at])
        beyond = np.maximum(beyond - chance, 0.0)
    return out / visits


MEASURES = ("released", "model", "wanted", "taken")
KEY = ["week", "brand", "star_level"]


def cells(known: Snapshot, lived: pd.DataFrame, dispersion: Floats) -> pd.DataFrame:
    """Past pair-weeks summed by week, brand and star level (KEY; brand by code), additive: what was `released` (Σ cap, where there is
    one), what the `model` expects within the caps, what was `wanted` (asked within the cap) and `taken` (given). `lived`: pair-weeks with
    retailer_id, brand_id (categories), week, requested, allocated, demand; `dispersion` of each.
    """
    weeks = pd.DatetimeIndex(np.unique(lived["week"].to_numpy("datetime64[us]"))).as_unit("us")
    months = weeks.strftime("%Y-%m")
    distinct = pd.Index(months.unique())
    star = strategy.levels(known, distinct)[:, distinct.get_indexer(months)]
    retailer, brand = (lived[name].cat.codes.to_numpy(np.int64) for name in ("retailer_id", "brand_id"))
    week = weeks.get_indexer(pd.DatetimeIndex(lived["week"])).astype(np.int64)
    visits = known.retailers["visit_every_weeks"].to_numpy(np.int64)[retailer]
    cap = strategy.caps(known, weeks).of(retailer, brand, week).astype(np.int64)
    single = np.where(cap == NONE, NONE, cap // visits)
    found = pd.DataFrame({
        "week": weeks.to_numpy()[week], "brand": brand, "star_level": star[retailer, week].astype(np.int64),
        "released": np.where(cap == NONE, 0, cap), "model": expected(lived["demand"].to_numpy(np.float64), dispersion, visits, single),
        "wanted": np.minimum(lived["requested"].to_numpy(np.int64), cap), "taken": lived["allocated"].to_numpy(np.int64),
    })  # fmt: skip
    return found.groupby(KEY, sort=True)[list(MEASURES)].sum().reset_index()


def no_cells() -> pd.DataFrame:
    """Cells of no pair-week."""
    kinds = {"week": "datetime64[us]", "brand": "int64", "star_level": "int64", "model": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "int64")) for name in (*KEY, *MEASURES)})


def uncut(found: pd.DataFrame) -> pd.DataFrame:
    """Of cells, those of brand-weeks that supply did not cut: what was asked within the caps was given, nearly."""
    sums = found.groupby(["week", "brand"])[["wanted", "taken"]].transform("sum")
    return found[(sums["taken"] >= UNCUT * sums["wanted"]) & (sums["wanted"] > 0)]


def factors(found: pd.DataFrame, brands: int, levels: Whole, trust: float) -> Floats:
    """What is taken of what the model expects, by brand and level: taken ÷ model over the uncut weeks, drawn towards that of the brand,
    and the brand's towards 1, by `trust` cartons of the model. A brand without an uncut week is left to the model.
    """
    told = uncut(found)
    at = np.searchsorted(levels, told["star_level"].to_numpy(np.int64))
    known = (at < len(levels)) & (levels[np.minimum(at, len(levels) - 1)] == told["star_level"].to_numpy(np.int64))
    cell = told["brand"].to_numpy(np.int64)[known] * len(levels) + at[known]
    taken, model = (
        np.bincount(cell, told[name].to_numpy(np.float64)[known], brands * len(levels)).reshape(brands, len(levels))
        for name in ("taken", "model")
    )
    own = (taken.sum(axis=1) + trust) / (model.sum(axis=1) + trust)
    return np.clip((taken + trust * own[:, None]) / (model + trust), 1 / MOST_FACTOR, MOST_FACTOR)


def corrected(need: Need, factor: Floats) -> Floats:
    """What is expected to be taken up, by level and cap: the model's times the factor, and never above the cap of everybody."""
    caps = np.arange(need.within.shape[1])
    return np.minimum(need.within * factor[:, None], need.retailers[:, None] * caps[None, :])
