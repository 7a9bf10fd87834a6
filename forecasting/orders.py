"""What comes to a shop's door in a week: nothing in most weeks, and a lump in some.

What consumers want of a shop is a count with a mean and a dispersion (`states`). What the shop orders refills its shelf: it comes now and
then, by the case or the carton, and strays far wider. Given the mean, a week's delivery is 0 with probability 1 - p and else one of the
lumps that the shop has taken of the brand so far, where p x mean lump = mean: a hurdle with empirical lumps. A pair with few orders
borrows the lumps of its brand. (Intermittent demand as frequency x size: Croston 1972; its distribution by resampling the sizes:
Willemain, Smart & Schwarz 2004, doi 10.1016/S0169-2070(03)00013-X.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.season import Floats

Whole = npt.NDArray[np.int64]

BORROWED_ORDERS = 1.0
"""The lumps of the brand count as so many orders of the pair."""
BORROWED_AT = (0.1, 0.3, 0.5, 0.7, 0.9)
"""The quantiles of the brand's lumps that stand for them."""
OFTEN = 0.95
"""Probability of an order above which the lumps grow instead."""


@dataclass(frozen=True)
class Lumps:
    """The lumps of every pair, sorted by pair and size: `pair`, `size`, and the share of the pair's lumps up to it (`upto`).

    `mean`: mean lump by pair.
    """

    pair: Whole
    size: Floats
    upto: Floats
    mean: Floats

    def quantile(self, mean: Floats, q: float) -> Floats:
        """The whole number that a week's delivery stays at or below with probability `q`; `mean`: (weeks, pairs), as is the result."""
        often, grown = self._split(mean)
        level = 1 - (1 - q) / np.maximum(often, 1e-12)
        at = np.searchsorted(self.pair + self.upto, np.arange(mean.shape[1]) + np.clip(level, 1e-9, 1.0) - 1e-9)
        return np.where(level > 0, np.round(self.size[np.minimum(at, len(self.size) - 1)] * grown), 0.0)

    def below(self, mean: Floats, amount: Floats) -> Floats:
        """Probability that a week's delivery is at most `amount` (whole numbers, -1 included), both (weeks, pairs)."""
        often, grown = self._split(mean)
        wide = float(self.size.max()) + 2.0 if len(self.size) else 2.0
        pair = np.broadcast_to(np.arange(mean.shape[1]), mean.shape)
        reached = np.clip(np.floor((amount + 0.5) / grown), 0.0, wide - 1.0)
        at = np.searchsorted(self.pair * wide + self.size, pair * wide + reached, side="right") - 1
        share = np.where((at >= 0) & (self.pair[at] == pair), self.upto[at], 0.0)
        return np.where(amount < 0, 0.0, 1 - often + often * share)

    def _split(self, mean: Floats) -> tuple[Floats, Floats]:
        """How often an order comes, and by what its lumps have grown, so that frequency x lump = mean."""
        often = np.clip(mean / self.mean, 0.0, OFTEN)
        return often, np.maximum(mean / np.maximum(often * self.mean, 1e-12), 1.0)


def lumps(past: Floats, brand: Whole) -> Lumps:
    """The lumps of pairs from `past` deliveries, (weeks, pairs), NaN where unknown; `brand`: number of each pair's brand."""
    week, pair = np.nonzero(np.nan_to_num(past) > 0)
    size = past[week, pair]
    pairs = past.shape[1]
    pool = _pool(size, brand[pair], int(brand.max()) + 1 if len(brand) else 0)
    owner = np.concatenate([pair, np.repeat(np.arange(pairs), len(BORROWED_AT))])
    sizes = np.concatenate([size, pool[brand].ravel()])
    weight = np.concatenate([np.ones(len(size)), np.full(pairs * len(BORROWED_AT), BORROWED_ORDERS / len(BORROWED_AT))])
    order = np.lexsort((sizes, owner))
    owner, sizes, weight = owner[order], sizes[order], weight[order]
    total = np.bincount(owner, weight, pairs)
    running = np.cumsum(weight)
    before = np.r_[0.0, np.cumsum(total)[:-1]]
    upto = np.minimum((running - before[owner]) / total[owner], 1.0)
    return Lumps(owner, sizes, upto, np.bincount(owner, weight * sizes, pairs) / total)


def _pool(size: Floats, brand: Whole, brands: int) -> Floats:
    """Quantiles of each brand's lumps, (brands, quantiles); a brand without any takes those of all, and 1 where there is none at all."""
    usual = np.quantile(size, BORROWED_AT) if len(size) else np.ones(len(BORROWED_AT))
    out = np.tile(usual, (brands, 1))
    for number in np.unique(brand):
        out[number] = np.quantile(size[brand == number], BORROWED_AT)
    return np.maximum(np.round(out), 1.0)
