"""How large a trial of pairs of streets must be, from what a replay shows of the spread between them (docs/trial.md).

The outcome of a street is its rate in short brands in the second half of the replayed weeks, less that in the first half; the first
WINDOW - 1 weeks of each half are left out, as their windows reach into the weeks before. Streets are paired by their rate in the first
half, and a pair weighs what its streets' consumers wanted in that half, as rates are ratios of sums: the effect is Σ w d ÷ Σ w over the
differences d within pairs, its variance V = n ÷ (n - 1) Σ w² (d - effect)² ÷ (Σ w)², and s = √(n V) what one pair of the usual mix of
sizes adds to it. Pairs needed: (z(1 - α/2) + z(power))² s² ÷ effect², s taken at its upper 80% limit, as so few pairs tell it only roughly
(Browne 1995, Statistics in Medicine 14:1933).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks import replay_figures
from benchmarks.oracle import Table
from benchmarks.replay_figures import WINDOW
from ordering.errors import TrueOrderError

if TYPE_CHECKING:
    from benchmarks.policy_replay import Replay

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
ALPHA, POWER = 0.05, 0.8
EFFECTS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Effects for which the pairs needed are told: points of demand fulfilment, or relative change of the inflation index."""
TRIALS = 2000
OLD, NEWS = "as recorded", ("uniform", "true_demand")
FEWEST = 3
"""Pairs below which nothing can be said of their spread."""


@dataclass(frozen=True)
class Streets:
    """Rates by street and half, (streets, 2), and by street what was wanted in the first half, cartons."""

    rates: Floats
    wanted: Floats

    def pairs(self) -> Whole:
        """Pairs of streets, (pairs, 2), neighbours by their rate in the first half; of an odd number the last is left out."""
        return _paired(np.argsort(self.rates[:, 0], kind="stable"))

    def weights(self, pairs: Whole) -> Floats:
        """The weight of each pair, their sum being 1."""
        both = self.wanted[pairs].sum(1)
        return both / both.sum()


def tables(found: Replay) -> dict[str, Table]:
    """Spread and pairs needed by outcome, and how often trials of the city's own streets would find the change that the replay shows.

    The spread is of demand as it is estimated, a trial knows no other. The change is of true demand: an estimate made from what the old
    policy gave favours it.
    """
    met, asking = halves(found, OLD, found.estimated), inflation(found)
    asking = Streets(np.log(asking.rates), asking.wanted)
    old = halves(found, OLD, found.true.rate)
    at_random = _paired(np.random.default_rng(1).permutation(len(met.rates)))
    return {
        f"pairs of streets needed, power {POWER:.0%}": {
            "demand fulfilment, pairs by history": spread(met, met.pairs()),
            "demand fulfilment, pairs at random": spread(met, at_random),
            "logarithm of the inflation index, pairs by history": spread(asking, asking.pairs()),
        },
        f"{TRIALS} trials of this city's streets": {"nothing changes": simulated(old, old.rates)}
        | {f"{name} as replayed": simulated(old, halves(found, name, found.true.rate).rates) for name in NEWS},
    }


def halves(found: Replay, policy: str, demand: Floats) -> Streets:
    """Demand fulfilment of short brands by street and half of the replay."""
    return _streets(found, *replay_figures.met(found, replay_figures.given(found, found.lines[policy]), demand))


def inflation(found: Replay) -> Streets:
    """What was asked of short brands ÷ estimated demand."""
    return _streets(found, *(replay_figures.windowed(panel, found) for panel in (found.true.requested, found.estimated)))


def _streets(found: Replay, top: Floats, below: Floats) -> Streets:
    """Ratios of sums over the short brands and shops of a street; streets that want none of them are left out."""
    short, weeks = replay_figures.shortage(found), len(found.weeks)
    if weeks < 2 * WINDOW:
        raise TrueOrderError(f"{weeks} weeks are too few to tell how large a trial must be; replay at least {2 * WINDOW} (--weeks)")
    street = found.shops["street"].reindex(found.true.retailers).astype("category").cat.codes.to_numpy()
    sums = []
    for panel in (top, below):
        by_week = np.where(short, panel, 0.0).sum(1)
        spans = [by_week[:, begin + WINDOW - 1 : end].sum(1) for begin, end in ((0, weeks // 2), (weeks // 2, weeks))]
        sums.append(np.array([np.bincount(street, span) for span in spans]).T)
    there = (sums[0] > 0).all(1) & (sums[1] > 0).all(1)
    if there.sum() < 2 * FEWEST:
        raise TrueOrderError(f"{there.sum()} streets want short brands in both halves; {2 * FEWEST} are the fewest to plan a trial from")
    return Streets(sums[0][there] / sums[1][there], sums[1][there, 0])


def _paired(order: Whole) -> Whole:
    return order[: len(order) // 2 * 2].reshape(-1, 2)


def effects(differences: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """The weighted mean over the last axis, pairs, and its standard error."""
    count, mean = len(weight), differences @ weight
    off = (differences - mean[..., np.newaxis]) * weight
    return mean, np.sqrt(count / (count - 1) * np.square(off).sum(-1))


def spread(streets: Streets, pairs: Whole) -> dict[str, float]:
    """s, its upper limit, the effect that the pairs there are find, and the pairs that effects need."""
    change = np.diff(streets.rates, axis=1)[:, 0]
    _, error = effects(change[pairs[:, 0]] - change[pairs[:, 1]], streets.weights(pairs))
    count, one = len(pairs), float(error) * np.sqrt(len(pairs))
    upper = float(one * np.sqrt((count - 1) / stats.chi2.ppf(0.2, count - 1)))
    found = {"pairs here": float(count), "s": one, "s at most": upper, "effect found": needed_z() * upper / np.sqrt(count)}
    return found | {f"pairs for {effect:g}": float(pairs_needed(upper, effect)) for effect in EFFECTS}


def needed_z() -> float:
    """z(1 - α/2) + z(power)."""
    return float(stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER))


def pairs_needed(deviation: float, effect: float) -> int:
    """Pairs whose mean difference of `effect` is found with POWER at level ALPHA, two-sided. At least 1 + log2(1/ALPHA): with fewer, no
    way in which the coins may fall is as rare as ALPHA.

    >>> pairs_needed(0.05, 0.02), pairs_needed(0.05, 0.2)
    (50, 6)
    """
    return int(np.ceil(max((needed_z() * deviation / effect) ** 2, 1 - np.log2(ALPHA))))


def simulated(old: Streets, new: Floats, trials: int = TRIALS) -> dict[str, float]:
    """Trials in which one street of each pair, by the toss of a coin, has its second half as in `new`, rates like those of `old`: the mean
    effect found, and the share of trials whose t-test over pairs finds one.
    """
    pairs = old.pairs()
    coins = np.random.default_rng(2).random((trials, len(pairs))) < 0.5
    treated, control = np.where(coins, *pairs.T), np.where(coins, *pairs.T[::-1])
    gained = (new[treated, 1] - old.rates[treated, 0]) - (old.rates[control, 1] - old.rates[control, 0])
    mean, error = effects(gained, old.weights(pairs))
    found = np.abs(mean) > stats.t.ppf(1 - ALPHA / 2, len(pairs) - 1) * error
    return {"pairs": float(len(pairs)), "effect": float(mean.mean()), "trials that find one": float(found.mean())}
