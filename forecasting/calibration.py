"""How far an indirect figure can be believed: its bias and spread by the true rate, learnt where the rate is known.

Let z = log of the figure (a shop's deflated requests, its allocations in shortage) and x = log of the rate. Over pairs with a known rate
the mean and variance of z − x are taken by octave of x. For another pair the figure then says x with m(x) = z, where m(x) = x + bias(x),
and its variance is var(x) / m'(x)²: where the figure hardly moves with the rate (allocations at the cap), it hardly counts.
Where few rates are known, nothing is learnt and the figure is given a variance that leaves it without weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

LEAST_PAIRS = 60
NODES = np.log(2.0) * np.arange(-5, 8)
LEAST_SLOPE = 0.1
NO_WORD = 1e9
"""The variance of a figure that says nothing."""


@dataclass(frozen=True)
class Calibration:
    """At each node (log rate): expected log figure (rising), and variance of the log figure. Without nodes: nothing was learnt."""

    nodes: Floats
    expected: Floats
    variance: Floats

    def read(self, figure: Floats) -> tuple[Floats, Floats]:
        """What a log figure says of the log rate, and with which variance."""
        if not len(self.nodes):
            return figure, np.full(len(figure), NO_WORD)
        slope = np.gradient(self.expected, self.nodes)
        said = np.interp(figure, self.expected, self.nodes)
        beyond = figure - np.clip(figure, self.expected[0], self.expected[-1])
        return said + beyond, np.interp(said, self.nodes, self.variance) / np.interp(said, self.nodes, slope) ** 2


def learn(figure: Floats, rate: Floats, noise: Floats) -> Calibration:
    """The calibration of log figures by the known log rates of the same pairs; `noise` is the known part of the figures' variance,
    which is taken out (and must be added again where the calibration is used)."""
    if len(rate) < LEAST_PAIRS:
        return Calibration(np.zeros(0), np.zeros(0), np.zeros(0))
    off = figure - rate
    kernel = np.exp(-0.5 * ((rate[None] - NODES[:, None]) / 0.5) ** 2)
    pull = 4.0  # pairs' worth of the whole, so that thin ends do not swing
    count = kernel.sum(1)
    bias = (kernel @ off + pull * np.median(off)) / (count + pull)
    whole = float(np.mean(np.clip((off - np.median(off)) ** 2 - noise, 0.0, 9.0)))
    miss = (rate[None] * 0 + off[None] - np.interp(rate, NODES, bias)[None]) ** 2 - noise[None]
    variance = np.maximum((kernel * np.clip(miss, -1.0, 9.0)).sum(1) + pull * whole, 0.0) / (count + pull)
    return Calibration(NODES, _rising(NODES + bias), np.maximum(variance, 0.02))


def _rising(values: Floats) -> Floats:
    """The least rising sequence that never falls below the running maximum, with a least slope."""
    out, step = values.copy(), LEAST_SLOPE * np.log(2.0)
    for i in range(1, len(out)):
        out[i] = max(out[i], out[i - 1] + step)
    return out
