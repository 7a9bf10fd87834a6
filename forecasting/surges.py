"""Shops that for a time ask for several times as much of everything short as they do otherwise.

Nobody's customers multiply so, and in everything short alone: such requests tell of what the shop hopes for. Divided by how far they stand
above its other weeks they tell of its needs as before, and neither its own estimate nor what the city teaches moves with them. What this
leaves in doubt of the shop's habit is not to its benefit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecasting import kernels, shelf
from forecasting.panel import Panel, grain
from forecasting.scarcity import Scarcity

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

LEAST_LINES = 20  # of a shop in its surge; at most half of its lines lie there
LEAST_RISE = 1.0  # log: e times the usual request
POSSIBLE = 0.01  # probability from which a habit is one that a shop with a surge may have


@dataclass(frozen=True)
class Surges:
    """By retailer: first and last week of its surge, both included (first > last: none), and how many times the usual it asks for in it."""

    first: Whole
    last: Whole
    times: Floats

    @property
    def found(self) -> Truths:
        """Retailers that have a surge."""
        return self.first <= self.last


def find(panel: Panel, short: Scarcity) -> Surges:
    """The surge of each retailer of `panel`: the span of weeks in which its mean log request for brands in shortage stands most clearly
    above that of its other weeks, if by `LEAST_RISE`.

    A request is seen against its pair's mean, and against that of all shops for the brand in that week: a festival is no surge.
    """
    lines, weeks = panel.lines, len(panel.weeks)
    pair = lines.pair
    use = (lines.value > 0) & short.tight[panel.brand[pair], lines.week]
    pair, week, log = pair[use], lines.week[use].astype(np.int64), np.log(lines.value[use])
    above = _centred(_centred(log, pair, panel.pairs), panel.brand[pair] * weeks + week, panel.brands * weeks)
    shop, shape = panel.retailer[pair].astype(np.int64), (panel.retailers, weeks)
    total, count = (np.bincount(shop * weeks + week, what, shape[0] * weeks).reshape(shape) for what in (above, np.ones(len(above))))
    first, last = kernels.highest_spans(total, count, LEAST_LINES)
    inside = (week >= first[shop]) & (week <= last[shop])
    rise = _within_pairs(above, inside, pair, panel)
    return Surges(first, np.where(rise > LEAST_RISE, last, first - 1), np.exp(rise))


def _within_pairs(values: Floats, inside: Truths, pair: Whole, panel: Panel) -> Floats:
    """By retailer, how far the mean of `values` inside lies above that outside, pair by pair, each by how well it tells."""

    def means(where: Truths) -> tuple[Floats, Floats]:
        count = np.bincount(pair, where, panel.pairs).astype(np.float64)
        return np.bincount(pair, values * where, panel.pairs) / np.maximum(count, 1), count

    (high, within), (low, without) = means(inside), means(~inside)
    weight = within * without / np.maximum(within + without, 1)
    top, whole = (np.bincount(panel.retailer, what, panel.retailers) for what in (weight * (high - low), weight))
    return np.asarray(top / np.maximum(whole, 1e-9))


def _centred(values: Floats, group: Whole, groups: int) -> Floats:
    """`values` less the mean of their group."""
    mean = np.bincount(group, values, groups) / np.maximum(np.bincount(group, minlength=groups), 1)
    return np.asarray(values - mean[group])


def divided(panel: Panel, surges: Surges) -> Panel:
    """The panel with the requests of a surge brought to the shop's usual measure, in the multiple in which it else orders."""
    if not surges.found.any():
        return panel
    lines, shop = panel.lines, panel.retailer[panel.lines.pair]
    within = (lines.week >= surges.first[shop]) & (lines.week <= surges.last[shop])
    multiple = grain(panel, ~within)[shop]
    meant = np.maximum(np.rint(lines.value / (surges.times[shop] * multiple)), 1.0) * multiple
    return replace(panel, lines=replace(lines, value=np.where(within, np.minimum(meant, lines.value), lines.value).astype(np.int32)))


def modest(seen: shelf.Views, doubted: Truths, grid: shelf.Tried, habits: shelf.Habits) -> shelf.Habits:
    """`habits`, in which a retailer with pairs in `doubted` has, of those it may have, the one under which these need least together.

    A surge tips the odds of habits, as a division is never quite right; so none can tip them to its good.
    """
    shop, possible = seen.panel.retailer, habits.chance > POSSIBLE
    each, need = np.eye(possible.shape[1]), np.full(possible.shape, np.inf)
    for number, alone in enumerate(each):
        under = doubted & possible[shop, number]
        if under.any():
            rate = np.exp(shelf.told(seen, under, grid, shelf.Habits(np.broadcast_to(alone, possible.shape))).log_rate)
            need[np.unique(shop[under]), number] = np.bincount(shop, rate * under, seen.panel.retailers)[np.unique(shop[under])]
    return shelf.Habits(np.where(np.isfinite(need).any(1, keepdims=True), each[need.argmin(1)], habits.chance))
