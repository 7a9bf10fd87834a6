"""Tests of flows against an honest shop, each with every doubt in the shop's favour: counts may be wrong, deliveries may lie on either
side of a count, a till misses sales and whole weeks, sales come in clumps. What is left is a p-value per pair of retailer and brand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting import flows
from forecasting.flows import Floats, Flows, Truths

WATCH = 3.5 * 365.25 / 12 / 7
"""Weeks of sales in stock from which a retailer is watched: three and a half months."""
LEAST_CARTONS, LEAST_SHARE = 5.0, 0.3
"""Less than this, in cartons and of what there was, is no matter for a question."""
AGREEMENT = 30.0
"""How alike the brands of a shop are scanned: the share of sales that the till sees is Beta-distributed with this weight."""
CLUMPS = 0.04
"""Variance of sales over a span = mean + CLUMPS × mean²: demand moves, by a fifth either way, without anybody doing anything."""


@dataclass(frozen=True)
class Tested:
    """By pair: cartons that the honest shop does not explain, the p-value (1 where it is no matter), and which pairs could be tested."""

    cartons: Floats
    p: Floats
    tested: Truths


def sold_elsewhere(flow: Flows, seen: Floats) -> Tested:
    """Cartons that left the shop and did not cross the till, p-values, and the pairs tested: those with a till and a closing count.

    Of F cartons that left, an honest till sees each with the same chance: sold ~ BetaBinomial(F, seen × reported). An opening stock that
    nobody counted is taken as none, so F is a least.
    """
    tested = flow.has_till & ~np.isnan(flow.closing)
    left = np.maximum(np.floor(least_out(flow)), 0.0)
    chance = np.clip(seen * flow.reported, 0.01, 0.99)
    sold = flow.scanned + flow.doubt
    cartons = left - sold / chance
    p = p_values(tested & matters(cartons, left), lambda at: beta_binomial(sold[at], left[at], chance[at]))
    return Tested(cartons, p, tested)


def bought_elsewhere(flow: Flows) -> Tested:
    """Cartons that the till sold and the company never delivered, p-values, and the pairs tested: those with a till and an opening count.

    P(Poisson(F) ≥ sold) with F the most that can have left: kinder than the truth, for F is no mean but a bound.
    """
    from scipy.stats import poisson

    tested = flow.has_till & ~np.isnan(flow.opening)
    most = _most_out(flow)
    sold = np.ceil(flow.scanned - flow.doubt)
    cartons = sold - most
    p = p_values(tested & matters(cartons, sold), lambda at: poisson.sf(sold[at] - 1, most[at]))
    return Tested(cartons, p, tested)


def piles_up(flow: Flows, seen: Floats) -> Tested:
    """Cartons counted beyond three and a half months of sales, p-values, and the pairs tested.

    Sales are those of the till, or without one what left between two counts. If that stock were no more than 3.5 months of sales, sales
    would have been at least stock ÷ WATCH a week: P(sales so few), negative binomial.
    """
    between = ~np.isnan(flow.opening)
    tested = ~np.isnan(flow.closing) & (flow.has_till | between) & (flow.most > 0)
    sold = np.where(flow.has_till, flow.scanned + flow.doubt, _most_out(flow))
    chance = np.where(flow.has_till, np.clip(seen * flow.reported, 0.01, 1.0), 1.0)
    stock = flow.closing - _miscount(flow.closing)
    weeks = np.maximum(flow.selling, 1.0)
    cartons = stock - WATCH * sold / (chance * weeks)
    p = p_values(tested & matters(cartons, stock), lambda at: _few(sold[at], (stock / WATCH * weeks * chance)[at]))
    return Tested(cartons, p, tested)


def unaccounted(flow: Flows, seen: Floats) -> Tested:
    """Cartons delivered that the till did not sell, beyond a stock of three and a half months; p-values; pairs with a till and no count.

    If the rest were all on the shelf, within 3.5 months of sales, sales would have been at least delivered ÷ (weeks + WATCH) a week.
    """
    tested = flow.has_till & np.isnan(flow.closing)
    had = np.maximum(least_out(flow), 0.0)
    sold, chance = flow.scanned + flow.doubt, np.clip(seen * flow.reported, 0.01, 1.0)
    weeks = np.maximum(flow.selling, 1.0)
    cartons = had - sold / chance * (1 + WATCH / weeks)
    p = p_values(tested & matters(cartons, had), lambda at: _few(sold[at], (had / (weeks + WATCH) * weeks * chance)[at]))
    return Tested(cartons, p, tested)


def _miscount(stock: Floats) -> Floats:
    """Cartons by which a count may be wrong; nothing where nobody counted."""
    return np.where(np.isnan(stock), 0.0, flows.MISCOUNT + flows.MISCOUNT_SHARE * np.nan_to_num(stock))


def least_out(flow: Flows) -> Floats:
    """The least that can have left the shop: opening + received − closing, doubts off; without a closing count, the least it had."""
    return np.asarray(
        np.nan_to_num(flow.opening) + flow.sure - np.nan_to_num(flow.closing) - _miscount(flow.opening) - _miscount(flow.closing)
    )


def _most_out(flow: Flows) -> Floats:
    """The most that can have left the shop, for pairs with an opening count (NaN: none)."""
    out = flow.opening + flow.most - np.nan_to_num(flow.closing) + _miscount(flow.opening) + _miscount(flow.closing)
    return np.asarray(np.maximum(out, 0.0))


def matters(cartons: Floats, of: Floats) -> Truths:
    """Where unexplained cartons are worth a question: LEAST_CARTONS, and LEAST_SHARE of what there was."""
    return np.asarray((cartons >= LEAST_CARTONS) & (cartons >= LEAST_SHARE * of))


def p_values(where: Truths, test: Callable[[npt.NDArray[np.int64]], Floats]) -> Floats:
    """p-values of the pairs in `where`, 1 of all others."""
    out = np.ones(len(where))
    at = np.flatnonzero(where)
    if len(at):
        out[at] = np.clip(test(at), 0.0, 1.0)
    return out


def beta_binomial(sold: Floats, left: Floats, chance: Floats) -> Floats:
    """P(at most `sold` of `left` cartons are seen), each with a chance that itself is Beta-distributed with weight AGREEMENT."""
    from scipy.stats import betabinom

    return np.asarray(betabinom.cdf(np.floor(sold), left, AGREEMENT * chance, AGREEMENT * (1 - chance)))


def _few(sold: Floats, mean: Floats) -> Floats:
    """P(no more than `sold`) of a negative binomial with variance mean + CLUMPS × mean²."""
    from scipy.stats import nbinom

    return np.asarray(nbinom.cdf(np.floor(sold), 1 / CLUMPS, 1 / (1 + CLUMPS * mean)))
