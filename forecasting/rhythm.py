"""The shared index of past weeks: city season × brand level, from what flowed in weeks without shortage.

Orders refill shelves, so before a feast they run ahead of consumption and after it they lag. Where tills report, the city's rhythm is
taken from them; the brands' own slow movements come from allocations. A brand's tight weeks are bridged from the slack ones about them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecasting import kernels
from forecasting.panel import Panel, Rows, spans
from forecasting.scarcity import SLACK, Scarcity

Floats = npt.NDArray[np.float64]

HALF_WINDOW = 2  # weeks on each side in the smoothed rhythm
BRAND_SD_WEEKS = 5.0  # kernel of a brand's own slow movement
BRAND_PRIOR = 150.0  # cartons by which a brand's movement is drawn to its mean
REFERENCE_WEEKS = 52


def index(panel: Panel, scarcity: Scarcity) -> Floats:
    """Index of every brand in every week of the panel, shape (brands, weeks), mean 1 over the last 52 weeks of its life."""
    slack = (scarcity.state == SLACK) & ~np.isnan(scarcity.share)
    weight, everyone = _mean_week(panel), np.ones(panel.reports.shape, bool)
    given = _sums(panel, panel.lines, panel.lines.other)
    due = _alive(panel, weight, everyone)
    flow = rhythm(given, due, slack)
    city = _with_tills(panel, flow, weight, slack)
    movement = _movement(np.where(slack, given, 0), np.where(slack, due * flow, 0))
    return _normalised(city * movement, due > 0)


def _sums(panel: Panel, rows: Rows, value: npt.NDArray[np.int32]) -> Floats:
    return np.asarray(kernels.brand_week_sums(rows.start, rows.week, value, panel.brand, panel.brands, len(panel.weeks)))


def _mean_week(panel: Panel) -> Floats:
    """Mean weekly allocation of each pair over its life: the weight by which it counts in its brand while it lives."""
    first, last = spans(panel)
    running = np.r_[0.0, np.cumsum(panel.lines.other, dtype=np.float64)]
    return np.diff(running[panel.lines.start]) / np.maximum(last - first + 1, 1)


def _alive(panel: Panel, weight: Floats, on: npt.NDArray[np.bool_]) -> Floats:
    first, last = spans(panel)
    caps = panel.caps
    return np.asarray(kernels.alive_sums(weight, panel.retailer, panel.brand, first, last, caps.profile, caps.cap, on))


def rhythm(got: Floats, due: Floats, use: npt.NDArray[np.bool_]) -> Floats:
    """The city's weekly factor g with Σ got ≈ level_b · due · g over the cells in `use` (alternating ratios of sums); mean about 1.

    A week without any such cell takes the straight line between its neighbours.
    """
    y, e = np.where(use, got, 0.0), np.where(use, due, 0.0)
    factor, weeks = np.ones(got.shape[1]), np.arange(got.shape[1])
    for _ in range(10):
        below = (e * factor).sum(1)
        level = np.where(below > 0, y.sum(1) / np.maximum(below, 1e-12), 0.0)
        weekly = (e * level[:, None]).sum(0)
        known = (weekly > 0) & (y.sum(0) > 0)
        if not known.any():
            return factor
        factor = np.interp(weeks, weeks[known], y.sum(0)[known] / weekly[known])
        factor /= factor.mean()
    return factor


def smooth(x: Floats, half: int = HALF_WINDOW) -> Floats:
    """Centred moving mean over 2·half + 1 weeks, shorter at the ends."""
    kernel, own = np.ones(2 * half + 1), slice(half, half + len(x))  # "same" would lengthen a series shorter than the kernel
    return np.asarray(np.convolve(x, kernel)[own] / np.convolve(np.ones(len(x)), kernel)[own])


def _with_tills(panel: Panel, flow: Floats, weight: Floats, slack: npt.NDArray[np.bool_]) -> Floats:
    """The city's rhythm in consumption: the smooth part of the orders' rhythm, the quick part as far as the tills show it.

    The tills' deviation is trusted as far as it exceeds its own noise (positive-part shrinkage).
    """
    base = smooth(flow)
    sold = np.where(slack, _sums(panel, panel.scans, panel.scans.value), 0.0)
    if sold.sum() < 20.0 * len(flow):  # less than 20 cartons a week tell nothing of a week
        return flow
    quick = rhythm(sold, _alive(panel, weight, panel.reports), slack)
    deviation = quick / smooth(quick) - 1.0
    noise = 1.5 / np.maximum(sold.sum(0), 1.0)
    return base * (1.0 + deviation * np.clip(1.0 - noise / np.maximum(deviation**2, 1e-12), 0.0, 1.0))


def _movement(got: Floats, expected: Floats) -> Floats:
    """A brand's own slow movement about its mean: kernel-smoothed ratio, drawn to the mean where little was sold."""
    weeks = np.arange(got.shape[1])
    kernel = np.exp(-0.5 * ((weeks[:, None] - weeks[None]) / BRAND_SD_WEEKS) ** 2)
    below = expected.sum(1, keepdims=True)
    level = np.where(below > 0, got.sum(1, keepdims=True) / np.maximum(below, 1e-12), 1.0)
    prior = BRAND_PRIOR / np.maximum(level, 1e-12)
    return np.asarray((got @ kernel + BRAND_PRIOR) / (expected @ kernel + prior) / np.maximum(level, 1e-12))


def _normalised(raw: Floats, alive: npt.NDArray[np.bool_]) -> Floats:
    """Each brand's index divided by its mean over the last 52 weeks in which it lived; never 0."""
    out = np.maximum(raw, 1e-6)
    for b in range(len(out)):
        lived = np.flatnonzero(alive[b])[-REFERENCE_WEEKS:]
        out[b] /= out[b, lived].mean() if len(lived) else out[b].mean()
    return out
