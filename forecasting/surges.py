"""Shops that for a time ask for several times as much of everything short as they do otherwise.

Nobody's customers multiply so, and in everything short alone: such requests tell of what the shop hopes for. Divided by how far they stand
above its other weeks they tell of its needs as before, and neither its own estimate nor what the city teaches moves with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecasting import kernels
from forecasting.panel import Panel, grain
from forecasting.scarcity import Scarcity

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

LEAST_LINES = 20  # of a shop in its surge; at most half of its lines lie there
LEAST_RISE = 1.0  # log: e times the usual request


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

    def of(self, shops: Whole) -> Surges:
        """Those of the retailers with these numbers."""
        return Surges(self.first[shops], self.last[shops], self.times[shops])


def find(panel: Panel, short: Scarcity) -> Surges:
    """The surge of each retailer of `panel`: the span of weeks in which its mean log request for brands in shortage stands most clearly above
    that of its other weeks, if by `LEAST_RISE`.

    A request is seen against its pair's mean, and against that of all shops for the brand in that week: a festival is no surge.
    """
    lines, weeks = panel.lines, len(panel.weeks)
    pair = lines.pair
    use = (lines.value > 0) & short.tight[panel.brand[pair], lines.week]
    pair, week, log = pair[use], lines.week[use].astype(np.int64), np.log(lines.value[use])
    above = _centred(_centred(log, pair, panel.pairs), panel.brand[pair] * weeks + week, panel.brands * weeks)
    cell, shape = panel.retailer[pair] * weeks + week, (panel.retailers, weeks)
    total, count = (np.bincount(cell, what, panel.retailers * weeks).reshape(shape) for what in (above, np.ones(len(above))))
    first, last, rise = kernels.highest_spans(total, count, LEAST_LINES)
    return Surges(first, np.where(rise > LEAST_RISE, last, first - 1), np.exp(rise))


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
    return replace(panel, lines=replace(lines, value=np.where(within & (lines.value > 0), meant, lines.value).astype(np.int32)))
