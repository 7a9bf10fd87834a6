"""What the company of the made-up city decides ahead of orders: supply, star levels, caps, quotas and limits.

Everything here follows from the season and from chance, never from what retailers type, so it can be drawn before the first order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordering.sample_season import Season
from ordering.sample_town import REGIMES, STAR_SHARES, STARS, Bools, Floats, Ints, Town, stream

NO_CAP = 1 << 30
"""Stands for "no cap", "no quota" and "not limited"."""
BAND_CLASS = 1
BAND_DIVISOR = 1.3
"""The band cap of a price class is the sum of its brands' caps divided by this."""
WEEKS_A_MONTH = 4.35


@dataclass(frozen=True)
class Scope:
    """A narrower strategy of one brand: its caps are `factor` times the general ones where district and area match (-1: all)."""

    brand: int
    district: int
    area: int  # 0 urban, 1 rural
    factor: float

    def fits(self, town: Town) -> Bools:
        """Which retailers it holds for."""
        shops = town.shops
        return ((shops.district == self.district) | (self.district < 0)) & ((shops.rural == self.area) | (self.area < 0))


@dataclass(frozen=True)
class Plan:
    """The company's plan. `month` numbers each week's month; levels count from 0 here and from 1 in the files."""

    normal: Floats  # (K, B) cartons the city wants in that week
    planned: Ints  # (K, B) cartons that arrive for that week
    limited: Bools  # (B,) brands whose supply is written
    tight: Bools  # (K, B)
    month: Ints  # (K,)
    level: Ints  # (months, R)
    cap: Ints  # (K, B, STARS), NO_CAP where there is none
    scopes: list[Scope]
    band: Ints  # (K, STARS), NO_CAP in weeks without
    quota: Ints  # (months, B, STARS)
    total: Ints  # (months, STARS)
    limit: Ints  # (STARS,)


def build(town: Town, season: Season) -> Plan:
    """Draws the plan of every week."""
    rng = stream(town.seed, 6)
    month = np.searchsorted(np.unique(town.months), town.months)
    normal = _normal(town, season)
    factor = _factor(rng, town)
    tight = (factor < 0.9) & season.live
    steady = _smoothed(normal)
    planned = np.floor(factor * (0.35 * steady + 0.65 * normal) * rng.lognormal(0, 0.06, normal.shape) * season.live + 0.5).astype(np.int64)
    level = _levels(rng, town, month)
    cap = _caps(rng, town, season, planned, steady, tight, level[month])
    month_cap = _monthly(np.where(cap == NO_CAP, 0, cap), month)
    limited = (town.brands.regime != 0) | (rng.random(len(town.brands.ids)) < 0.5)
    festive = _monthly(season.festive, month)
    return Plan(
        normal=normal,
        planned=planned,
        limited=limited,
        tight=tight,
        month=month,
        level=level,
        cap=cap,
        scopes=_scopes(rng, town, cap),
        band=_band(rng, town, season, cap),
        quota=_quotas(rng, town, month_cap),
        total=_by_star(town, 1.15 * WEEKS_A_MONTH * (1 + 0.6 * festive)[:, None]),
        limit=_by_star(town, np.full((1, 1), 1.8))[0],
    )


def caps_of(plan: Plan, town: Town, k: int) -> npt.NDArray[np.int32]:
    """The cap of every retailer and brand in week k, (R, B): the narrowest scope wins; doubled for shops visited every second week."""
    level = plan.level[plan.month[k]]
    out = plan.cap[k][:, level].T.astype(np.int32)
    for scope in plan.scopes:  # the wider first
        rows = scope.fits(town)
        own = scoped_caps(plan, scope)[k]
        out[rows, scope.brand] = own[level[rows]]
    return np.where(out == NO_CAP, NO_CAP, out * town.shops.every.astype(np.int32)[:, None])


def scoped_caps(plan: Plan, scope: Scope) -> Ints:
    """The caps of a scope, (K, STARS): whole, and monotone because the general ones are."""
    general = plan.cap[:, scope.brand]
    return np.where(general == NO_CAP, NO_CAP, np.floor(general * scope.factor).astype(np.int64))


def _normal(town: Town, season: Season) -> Floats:
    """Cartons the whole city wants, by week and brand."""
    group = 2 * town.shops.district + town.shops.rural
    sums = np.zeros((season.index.shape[1], town.base.shape[1]))
    np.add.at(sums, group, town.base)
    return np.asarray((season.index * sums).sum(axis=1), float)


def _factor(rng: np.random.Generator, town: Town) -> Floats:
    """Supply as a share of what the city wants, (K, B), by the brand's regime."""
    weeks, brands = len(town.weeks), len(town.brands.ids)
    rows = np.arange(weeks)[:, None]
    ample = rng.uniform(2.0, 3.0, brands) * town.kind.generous**0.5
    wobble = np.cumsum(rng.normal(0, 0.012, (weeks, brands)), axis=0)
    tight = np.clip(rng.uniform(0.55, 0.85, brands) + wobble, 0.45, 0.86)
    spell = _spells(rng, weeks, brands)
    fresh = rows - town.brands.launched < 15
    by_regime = (ample, rng.uniform(1.3, 1.5, brands), np.where(spell, tight, 2.0), tight, np.where(fresh, tight + 0.03, 1.7))
    regime = town.brands.regime
    out = np.empty((weeks, brands))
    for number, values in enumerate(by_regime):
        out[:, regime == number] = np.broadcast_to(values, (weeks, brands))[:, regime == number]
    return out


def _spells(rng: np.random.Generator, weeks: int, brands: int) -> Bools:
    """Tight and ample spells of 8 to 24 weeks in turn, (K, B)."""
    lengths = rng.integers(8, 25, (weeks // 8 + 2, brands))
    ends = np.cumsum(lengths, axis=0)
    turn = (np.arange(weeks)[:, None, None] >= ends).sum(axis=1)
    return (turn + rng.integers(0, 2, brands)) % 2 == 0


def _smoothed(values: Floats, span: int = 13) -> Floats:
    """Centred moving average over `span` weeks, over those that exist at the ends."""
    total = np.cumsum(np.pad(values, ((1, 0), (0, 0))), axis=0)
    rows = np.arange(len(values))
    low, high = np.maximum(rows - span // 2, 0), np.minimum(rows + span // 2 + 1, len(values))
    return np.asarray((total[high] - total[low]) / (high - low)[:, None])


def _levels(rng: np.random.Generator, town: Town, month: Ints) -> Ints:
    """Star level (from 0) by month and retailer: rated every quarter on size, with a verdict that moves moderately."""
    months, n = int(month[-1]) + 1, len(town.shops.ids)
    quarters = np.unique(town.months).astype(int) // 3
    verdict = rng.normal(0, 0.3, n)
    out = np.empty((months, n), np.int64)
    for at in range(months):
        if at and quarters[at] != quarters[at - 1]:
            verdict = 0.88 * verdict + rng.normal(0, 0.3 * np.sqrt(1 - 0.88**2), n)
        rank = np.argsort(np.argsort(np.log(town.shops.size) + verdict, kind="stable"), kind="stable")
        out[at] = np.searchsorted(np.cumsum(STAR_SHARES)[:-1], (rank + 0.5) / n)
    return out


def _caps(rng: np.random.Generator, town: Town, season: Season, planned: Ints, steady: Floats, tight: Bools, level: Ints) -> Ints:
    """General caps (K, B, STARS): in tight weeks shares of the plan, else far above what most shops sell; whole and monotone."""
    brands = len(town.brands.ids)
    weight = np.sort(np.array([0.45, 0.7, 1.0, 1.45, 2.0]) * rng.lognormal(0, 0.08, (brands, STARS)), axis=1)
    shops = np.stack([(level == star).sum(axis=1) for star in range(STARS)], axis=1)
    unit = weight / (shops @ weight.T)[:, :, None]
    slack = rng.uniform(1.5, 5.0, brands) * town.kind.generous
    short = np.floor((planned * slack)[:, :, None] * unit + 0.5)
    short[:, :, -1] = np.maximum(short[:, :, -1], 1)
    wide = np.maximum(np.ceil(15 * town.kind.generous * steady[:, :, None] * unit), 8 * town.brands.pack[:, None])
    out = np.where(tight[:, :, None], short, wide).astype(np.int64)
    free = (town.brands.regime == 0) & (rng.random(brands) < 0.3)
    out[:, free] = NO_CAP
    out[~season.live] = NO_CAP
    return out


def _scopes(rng: np.random.Generator, town: Town, cap: Ints) -> list[Scope]:
    """Three brands with a strategy of their own for a district, for the country, and for town shops (once more by district)."""
    top = np.where(cap[:, :, -1] == NO_CAP, 0, cap[:, :, -1])
    capped = rng.permutation(np.flatnonzero(top.max(axis=0) >= 5))[:3]
    last = len(town.districts) - 1
    rules = ([(0, -1, 0.6)], [(-1, 1, 0.7)], [(-1, 0, 1.25), (last, 0, 1.5)])
    drawn = [Scope(int(brand), *rule) for brand, group in zip(capped, rules, strict=False) for rule in group]
    return [scope for scope in drawn if scope.fits(town).any()]


def _band(rng: np.random.Generator, town: Town, season: Season, cap: Ints) -> Ints:
    """Caps over all brands of class BAND_CLASS in festive and some other weeks, and in the waiting one."""
    own = np.where((cap == NO_CAP) | (town.brands.price_class != BAND_CLASS)[:, None], 0, cap).sum(axis=1)
    chosen = (season.festive > 0.3) | (rng.random(len(own)) < 0.1) | (np.arange(len(own)) == town.cutoff)
    usable = chosen & (own[:, 0] > 0) & ~(cap[:, town.brands.price_class == BAND_CLASS] == NO_CAP).all(axis=(1, 2))
    return np.where(usable[:, None], np.floor(own / BAND_DIVISOR).astype(np.int64), NO_CAP)


def _quotas(rng: np.random.Generator, town: Town, month_cap: Floats) -> Ints:
    """Monthly quotas (months, B, STARS) of half the tight brands: part of what the caps of the month would add up to."""
    with_quota = (town.brands.regime == REGIMES.index("tight")) & (rng.random(len(town.brands.ids)) < 0.5)
    share = rng.uniform(0.7, 1.1, len(town.brands.ids)) * town.kind.generous
    quota = np.maximum(np.rint(month_cap * WEEKS_A_MONTH * share[:, None]), 1).astype(np.int64)
    quota[:, ~with_quota] = NO_CAP
    return np.where((month_cap.sum(axis=2) > 0)[:, :, None], quota, NO_CAP)


def _by_star(town: Town, times: Floats) -> Ints:
    """Cartons over all brands by star level: `times` what a big shop of the level sells in a week, rising with the level."""
    big = np.quantile(town.shops.size, (0.5, 0.68, 0.84, 0.94, 0.99))
    return np.ceil(big * times * town.kind.generous).astype(np.int64)


def _monthly(values: npt.NDArray[np.generic], month: Ints) -> Floats:
    """Mean of weekly `values` (weeks along the first axis) by month."""
    sums = np.zeros((int(month[-1]) + 1, *values.shape[1:]))
    np.add.at(sums, month, values)
    return np.asarray(sums / np.bincount(month).reshape(-1, *(1,) * (values.ndim - 1)))
