"""How each retailer's requests answer to scarcity: the factor between what is asked and what is wanted, without naming any habit.

In brands that are short now and ample then, the ample weeks tell the rate and the short ones how much was asked for it. A retailer's factor
at an expected share f is exp(a + g · (−log f)): an honest shop repeats what it did not get (g about 0.4), one that divides by the expected
share has g = 1, one that copies its street a large a. The joint law of (a, g) is not assumed but learnt from all retailers together
(Kiefer & Wolfowitz 1956: the mixing distribution of highest likelihood, on a grid), and each retailer's factor is its posterior mean
under it. So a shop with much evidence keeps its own, a shop with none has its fellows', and an unknown habit is only another point.

Where nothing tells a rate, requests are not believed (`Response.understood`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.scarcity import BIN_SHARE

Floats = npt.NDArray[np.float64]

LEVELS = np.linspace(-1.5, 4.0, 34)
SLOPES = np.linspace(-0.4, 1.6, 17)
ROUNDS = 60
MISFIT = 0.02  # log variance of one bin about the retailer's own line
NOISE = 2.4  # further log variance × cartons due
LEAST_DUE = 10.0  # cartons due in tight weeks below which a retailer does not count as known
LEAST_SUPPORT = 5  # retailers with a known response below which requests are not believed
CHUNK = 2000


@dataclass(frozen=True)
class Response:
    """By retailer and bin: `factor`, cartons asked per carton of demand, and `spread`, its log sd. `support`: retailers that are known."""

    factor: Floats
    spread: Floats
    support: int

    @property
    def understood(self) -> bool:
        """Enough retailers are known to believe requests at all."""
        return self.support >= LEAST_SUPPORT


@dataclass(frozen=True)
class Guesses:
    """Pairs whose rate is only guessed from peers: log of asked ÷ guessed, its precision, −log of the expected share, by retailer code."""

    retailer: npt.NDArray[np.int32]
    ratio: Floats
    precision: Floats
    shortage: Floats


def learn(asked: Floats, due: Floats, guesses: Guesses) -> Response:
    """Factors from Σ asked and Σ due of pairs with a known rate, both (retailers, bins), and from the pairs with a guessed one.

    Deterministic; linear in retailers and guesses.
    """
    support = int((due.sum(1) >= LEAST_DUE).sum())
    lines = _lines()
    known = _log_likelihood(asked, due, lines)
    share = _mixing(_scaled(known))
    belongs = _scaled(known + _guess_likelihood(guesses, len(asked))) * share
    belongs /= belongs.sum(1, keepdims=True)
    mean = belongs @ lines
    spread = np.sqrt(np.maximum(belongs @ lines**2 - mean**2, 0.0) + MISFIT)
    return Response(np.exp(mean), spread, support)


def _lines() -> Floats:
    """Log factor of every grid point at every bin: (points, bins)."""
    level, slope = (x.ravel() for x in np.meshgrid(LEVELS, SLOPES, indexing="ij"))
    return level[:, None] + slope[:, None] * -np.log(BIN_SHARE)[None]


def _log_likelihood(asked: Floats, due: Floats, lines: Floats) -> Floats:
    """Log likelihood of each retailer's ratios at each grid point: (retailers, points)."""
    ratio = np.log((asked + 0.5) / (due + 0.5))
    precision = np.where(due > 0.3, 1.0 / (MISFIT + NOISE / np.maximum(due, 0.3)), 0.0)
    # Σ_k p (x − l)² = Σ p x² − 2 (p x)·l + p·l²: matrix products instead of a cube
    return np.asarray((precision * ratio) @ lines.T - 0.5 * precision @ (lines**2).T)


def _guess_likelihood(guesses: Guesses, retailers: int) -> Floats:
    """Log likelihood of the guessed pairs' ratios at each grid point; five sums per retailer hold all of them."""
    p, z, x = guesses.precision, guesses.ratio, guesses.shortage

    def total(values: Floats) -> Floats:
        return np.bincount(guesses.retailer, values, retailers).astype(np.float64)[:, None]

    level, slope = (g.ravel()[None] for g in np.meshgrid(LEVELS, SLOPES, indexing="ij"))
    square = level**2 * total(p) + 2.0 * level * slope * total(p * x) + slope**2 * total(p * x * x)
    return np.asarray(level * total(p * z) + slope * total(p * z * x) - 0.5 * square)


def _scaled(log: Floats) -> Floats:
    """Likelihoods from their logs, each retailer's best point 1."""
    return np.asarray(np.exp(log - log.max(1, keepdims=True)))


def _mixing(like: Floats) -> Floats:
    """Shares of the grid points of highest likelihood, by expectation-maximisation from equal shares."""
    share = np.full(like.shape[1], 1.0 / like.shape[1])
    for _ in range(ROUNDS):
        share = share * (like / (like @ share)[:, None]).mean(0)
    return share


NO_GUESSES = Guesses(np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0))
