"""How many cartons a full shelf holds: what was counted before an order, and what was ordered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecasting.panel import Panel
from forecasting.scarcity import Scarcity

Floats = npt.NDArray[np.float64]

FULL_SHELF = np.array([0.6, 1.8, 0.6])
"""Cartons to which a shelf is filled: a + b · weekly mean + c · √mean, where counts do not tell."""
PRIOR_COUNTS = 20.0
LEAST_COUNTS = 200
FAR_OFF = 0.8  # of the root of the mean: a counted shelf further off weighs less
MOST_FULL, MOST_OWN = 3.0, 1.5  # multiples of a usual full shelf as which one counts at most, in the city's mean and in a retailer's
COVER_COUNTS = 10.0  # cartons of full shelves by which a retailer's are drawn to the city's
LEAST_TRUST = 1e-3
LEAST_COVER, MOST_COVER = 0.6, 1.8  # bounds of a retailer's multiple


def full_shelves(panel: Panel, short: Scarcity, index: Floats, rate: Floats, honest: Floats) -> tuple[Floats, Floats]:
    """(a, b, c) of a full shelf and each retailer's multiple of it: counted stock + the next request, in weeks without shortage, and in
    all weeks as far as the retailer is `honest` (a probability).

    Least squares, drawn to `FULL_SHELF`, with weights that fall with the square of how far off a shelf is; then brought to the retailers'
    mean, each as sure as its multiple is (a large shop hardly more than another), without the outermost. A shop that for months asks for
    far more than it lacks so moves no other, and its own multiple hardly, as no shelf counts as more than `MOST_OWN` usual ones.
    """
    counts, lines, weeks = panel.counts, panel.lines, len(panel.weeks)
    pair, week = counts.pair, counts.week.astype(np.int64) + 1
    key, want = lines.pair * (weeks + 1) + lines.week, counts.pair * (weeks + 1) + week
    at = np.minimum(np.searchsorted(key, want), max(len(key) - 1, 0))
    found = (week < weeks) & (key[at] == want) if len(key) else np.zeros(len(pair), bool)
    pair, week, at, stock = pair[found], week[found], at[found], counts.value[found]
    trust = np.where(lines.value[at] > 0, np.where(short.tight[panel.brand[pair], week], honest[panel.retailer[pair]], 1.0), 0.0)
    use = trust > LEAST_TRUST
    pair, week, trust, full = pair[use], week[use], trust[use], (stock + lines.value[at])[use].astype(np.float64)
    if len(full) < LEAST_COUNTS:
        return FULL_SHELF, np.ones(panel.retailers)
    mean = rate[pair] * index[panel.brand[pair], week]
    x, scale, shelf = np.column_stack([np.ones(len(mean)), mean, np.sqrt(mean)]), 1 / np.sqrt(mean + 0.5), FULL_SHELF
    for _ in range(6):
        weight = trust * scale**2 / np.maximum(np.abs(full - x @ shelf) * scale / FAR_OFF, 1.0) ** 2
        shelf = np.linalg.solve(x.T @ (x * weight[:, None]) + PRIOR_COUNTS * np.eye(3), x.T @ (full * weight) + PRIOR_COUNTS * FULL_SHELF)
    usual, r = x @ shelf, panel.retailer[pair]

    def by_retailer(values: Floats) -> Floats:
        return np.asarray(np.bincount(r, trust * values, panel.retailers), np.float64)

    meant, held = by_retailer(usual), by_retailer(np.minimum(full, MOST_OWN * usual))
    sure = meant / (meant + COVER_COUNTS)
    cover = (held / _middle(held / np.maximum(meant, 1e-9), sure) + COVER_COUNTS) / (meant + COVER_COUNTS)
    times = _middle(by_retailer(np.minimum(full, MOST_FULL * usual)) / np.maximum(meant, 1e-9), sure)
    return shelf * times, np.clip(cover, LEAST_COVER, MOST_COVER)


def _middle(values: Floats, weight: Floats) -> float:
    """Weighted mean of the values, without the lowest and the highest tenth of the weight."""
    order = np.argsort(values)
    below = np.r_[0.0, np.cumsum(weight[order])] / weight.sum()
    kept = np.diff(np.clip(below, 0.1, 0.9))
    return float(kept @ values[order] / kept.sum())
