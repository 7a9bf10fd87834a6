"""How short each brand was, week by week: the share of requests that was met, and which weeks were tight.

A tight week is found, not assumed: the share allocated ÷ requested, smoothed over time, stays below a bound. A share that falls for
all brands at once (a festival, a snowed-in week) is the city's and makes no brand tight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting import kernels
from forecasting.panel import Panel

Floats = npt.NDArray[np.float64]

SLACK, TIGHT = 0, 1
STATES = 2
TIGHT_BELOW = 0.85
SMOOTHING = 0.35  # weight of the newest week in what a retailer expects
BIN_EDGES = np.array([0.13, 0.17, 0.21, 0.26, 0.33, 0.42, 0.55, 0.75, 0.9])
BINS = len(BIN_EDGES) + 1
BIN_SHARE = np.array([0.1, 0.15, 0.19, 0.235, 0.29, 0.37, 0.48, 0.65, 0.82, 0.95])


@dataclass(frozen=True)
class Scarcity:
    """By brand and week: `share` met, `expected` share (what earlier weeks let retailers expect), its `bin`, and the `state`."""

    share: Floats
    expected: Floats
    bin: npt.NDArray[np.int64]
    state: npt.NDArray[np.int64]

    @property
    def tight(self) -> npt.NDArray[np.bool_]:
        """Weeks of shortage."""
        return self.state == TIGHT


def measure(panel: Panel) -> Scarcity:
    """The scarcity of every brand in every week of `panel`, from the sums over all retailers."""
    rows, shape = panel.lines, (panel.brands, len(panel.weeks))
    asked = kernels.brand_week_sums(rows.start, rows.week, rows.value, panel.brand, *shape)
    given = kernels.brand_week_sums(rows.start, rows.week, rows.other, panel.brand, *shape)
    share = np.where(asked > 0, given / np.maximum(asked, 1), np.nan)
    expected = _expected(share)
    state = _states(share, _city_wide(share))
    return Scarcity(share, expected, np.digitize(expected, BIN_EDGES), state)


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


def _states(share: Floats, left_out: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Tight where the median share of three weeks, left-out and silent weeks skipped, is below the bound."""
    out = np.full(share.shape, SLACK, np.int64)
    for b in range(len(share)):
        told = np.flatnonzero(~np.isnan(share[b]) & ~left_out)
        if not len(told):
            continue
        values = np.r_[share[b, told[0]], share[b, told], share[b, told[-1]]]
        middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
        nearest = np.abs(np.arange(share.shape[1])[:, None] - told[None]).argmin(1)
        out[b] = np.where(middle[nearest] < TIGHT_BELOW, TIGHT, SLACK)
    return out
