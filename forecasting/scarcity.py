"""How short each brand was, week by week: the share of requests that was met, and which weeks were tight.

A tight week is found, not assumed: the share allocated ÷ requested, smoothed over time, stays below a bound. A share that falls for
all brands at once (a festival, a snowed-in week) is the city's and makes no brand tight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.totals import Totals

Floats = npt.NDArray[np.float64]

SLACK, TIGHT = 0, 1
STATES = 2
TIGHT_BELOW, TIGHT_LINES_BELOW = 0.85, 0.95  # share of cartons, and of the mean line, that is met
SMOOTHING = 0.35  # weight of the newest week in what a retailer expects


@dataclass(frozen=True)
class Scarcity:
    """By brand and week: `share` met, `expected` share (what earlier weeks let retailers expect), and the `state`."""

    share: Floats
    expected: Floats
    state: npt.NDArray[np.int64]

    @property
    def tight(self) -> npt.NDArray[np.bool_]:
        """Weeks of shortage."""
        return self.state == TIGHT


def measure(city: Totals) -> Scarcity:
    """The scarcity of every brand in every week, from the sums over all retailers."""
    share = np.where(city.asked > 0, city.given / np.maximum(city.asked, 1), np.nan)
    # one shop that asks for the moon makes a brand look short by cartons, not by lines
    by_line = np.where(city.lines > 0, city.filled / np.maximum(city.lines, 1), np.nan)
    expected = _expected(share)
    left_out = _city_wide(share)
    tight = (_middle(share, left_out) < TIGHT_BELOW) & (_middle(by_line, left_out) < TIGHT_LINES_BELOW)
    return Scarcity(share, expected, np.where(tight, TIGHT, SLACK).astype(np.int64))


def _expected(share: Floats) -> Floats:
    """Exponentially smoothed share of the weeks before each week; before the first, the mean of the first four."""
    out = np.ones_like(share)
    for b in range(len(share)):
        seen = share[b][~np.isnan(share[b])]
        level = float(seen[:4].mean()) if len(seen) else 1.0
        for t in range(share.shape[1]):
            out[b, t] = level
            if not np.isnan(share[b, t]):
                level += SMOOTHING * (share[b, t] - level)
    return out


def _city_wide(share: Floats) -> npt.NDArray[np.bool_]:
    """Weeks in which the upper half of the brands fell below the bound together."""
    known = ~np.isnan(share)
    upper = np.array([np.quantile(share[known[:, t], t], 0.75) if known[:, t].any() else 1.0 for t in range(share.shape[1])])
    usual = float(np.median(upper)) if len(upper) else 1.0
    return upper < min(TIGHT_BELOW, usual - 0.05)


def _middle(share: Floats, left_out: npt.NDArray[np.bool_]) -> Floats:
    """Median share of three weeks, left-out and silent weeks skipped (they take their nearest neighbour's); 1 where nothing is told."""
    out = np.ones(share.shape)
    for b in range(len(share)):
        told = np.flatnonzero(~np.isnan(share[b]) & ~left_out)
        if not len(told):
            continue
        values = np.r_[share[b, told[0]], share[b, told], share[b, told[-1]]]
        middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
        out[b] = middle[np.abs(np.arange(share.shape[1])[:, None] - told[None]).argmin(1)]
    return out
