"""What requests, deliveries, scanned sales and counts say together of the rate of a pair that knew shortage.

All of them are views of one hidden stock. Every week the shop finds s cartons on the shelf, needs U − s to fill it (U grows with what it
sells), asks for what its habit makes of that need, receives what it is given, and sells to whoever walks in, Poisson with mean rate ×
index, as far as the stock goes. A filter over s gives the likelihood of a rate (shelf_kernels.py); no single figure is trusted, each
counts by how well it tells one stock path from another.

How a retailer turns a need into a request while a brand is short is a hypothesis, one of `HABITS`. The hypotheses compete by the likelihood
of all of a retailer's short brands; their shares in the city are learnt (Kiefer & Wolfowitz 1956), so a shop with little evidence has its
fellows'. One of them says that requests follow only the shop's own last request: where it wins, requests are not understood, and only
deliveries, sales and counts speak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import kernels, request_kernels, shelf_kernels, till_kernels
from forecasting.full_shelf import FULL_SHELF, full_shelves
from forecasting.panel import Panel, grain, spans, streets
from forecasting.quadrature import LEAST_BEND, integral, moments
from forecasting.request_kernels import CAP, COVER, HONEST, ITSELF, STREET, TIMES
from forecasting.scarcity import Scarcity

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]

HABITS: tuple[tuple[int, float, float], ...] = (
    (HONEST, 1.0, 0.0),
    *((TIMES, factor, 0.0) for factor in (0.7, 1.4, 2.0, 2.8, 4.0, 5.6)),
    *((TIMES, factor, 1.0) for factor in (0.8, 1.0, 1.25)),
    *((COVER, factor, 0.0) for factor in (1.7, 2.5, 4.0)),
    (CAP, 1.0, 0.0),
    (STREET, 1.0, 0.0),
    (ITSELF, 1.0, 0.0),
)
"""Kind, factor and power of each hypothesis (request_kernels)."""
UNEXPLAINED = len(HABITS) - 1
GRID = np.linspace(-1.0, 1.0, 8)
FIRST_WIDTH = 1.5  # log rates are first sought so far on both sides of a first idea
STEP = 2 * FIRST_WIDTH / (len(GRID) - 1)  # so far apart
REACH = 2.5  # standard deviations of the prior within which a habit is judged
WIDTH, LEAST_WIDTH, MOST_WIDTH = 3.0, 0.5, 2.0  # then by so many standard deviations of what was told
PRESUMPTION = 8.0  # log likelihood by which any other hypothesis must beat honesty
LAST_RESORT = 40.0  # log likelihood by which the last hypothesis must beat the others
JUDGED_PAIRS = (4, 8)  # by which a retailer's habit is judged, at the first and the second reading
HELD_BEFORE = 5.0  # retailers of each habit that are taken for known: a habit of one shop does not hang on its own likelihood alone
EXCEPTION = 40.0  # −log probability that a pair follows no habit of its shop
NEARLY_OUT = 1e-3  # a hypothesis less likely by the first points is not looked at more closely
LOOKS, CLOSER = 2, 1.0  # closer looks at most: a second where the top of the first is at an end; to so many steps about the top
FINE_GRID = np.linspace(-1.0, 1.0, 4)
FINE = 3.0  # such a look goes so many standard deviations to both sides
SHARP = 8.0  # of a log likelihood over three points, from which its top is looked at more closely
STILL_OPEN, HARDLY_OPEN = 1e-5, 1e-2  # probability by a first reading below which a hypothesis is not tried again; below which it sinks
SINKING = 3.0  # power of its probability with which it sinks, so that none drops out with a step
LEAST_RATE = 0.02
LEAST_CHANCE = 0.1  # of a hypothesis: so much is taken from the probability of each, and what has less is left out
PRIOR_VARIANCE = 4.0  # log, of the wide prior of a reading about `Tried.prior`
TEMPER = 0.25  # weeks of a shop resemble each other: evidence counts for less than as many independent weeks
NOISE = 0.25
TRUST = 0.2  # power of a request's probability: the weeks of a pair share what the shop believes of its sales
MOST_STATES = 400


@dataclass(frozen=True)
class Views:
    """What the filter needs of a panel beside the rates: arguments in the kernel's order, and what is learnt of shelves."""

    panel: Panel
    short: Scarcity
    index: Floats
    street: npt.NDArray[np.int64]
    most: npt.NDArray[np.int32]
    visited: Truths
    pack: Floats
    grain: Floats
    shelf: Floats
    cover: Floats


@dataclass(frozen=True)
class Habits:
    """By retailer: the probability of each hypothesis, shape (retailers, hypotheses)."""

    chance: Floats

    @property
    def honest(self) -> Floats:
        """Probability that a retailer asks for what is missing on the shelf."""
        return self.chance[:, 0]

    @property
    def unexplained(self) -> Truths:
        """Retailers whose requests no hypothesis about a need explains."""
        return np.asarray(self.chance.argmax(1) == UNEXPLAINED)


@dataclass(frozen=True)
class Tried:
    """By pair: log rates that are tried lie within `width` of `centre`; a wide normal prior lies about `prior`. `closely`: a top that is
    narrow among them is looked at again."""

    prior: Floats
    centre: Floats
    width: Floats
    closely: bool = True


@dataclass(frozen=True)
class Told:
    """What is read of log rates: mean and variance with the wide prior, by pair (0 and infinite where nothing was asked)."""

    log_rate: Floats
    variance: Floats


def views(panel: Panel, short: Scarcity, index: Floats, retailers: pd.DataFrame, brands: pd.DataFrame) -> Views:
    """The views of `panel`, with the usual full shelves."""
    lines, street = panel.lines, streets(retailers)
    size = (int(street.max(initial=0)) + 1, panel.brands, len(panel.weeks))
    most = kernels.largest(lines.start, lines.week, lines.value, street[panel.retailer], panel.brand, *size)
    visited = np.zeros(panel.reports.shape, bool)
    visited[panel.retailer[lines.pair], lines.week] = True
    pack = brands["pack_multiple"].to_numpy(np.float64)
    return Views(panel, short, index, street, most, visited, pack, grain(panel), FULL_SHELF, np.ones(panel.retailers))


def with_shelves(seen: Views, rate: Floats, honest: Floats) -> Views:
    """The views with the height of full shelves learnt from counts; in weeks of shortage too, as far as a retailer is `honest`."""
    return taught(seen, *full_shelves(seen.panel, seen.short, seen.index, rate, honest))


def taught(seen: Views, shelf: Floats, cover: Floats) -> Views:
    """The views with full shelves of a known height."""
    return replace(seen, shelf=shelf, cover=cover)


@cache
def _table(trust: float) -> npt.NDArray[np.float32]:
    """Looked-up probabilities of requests, of shops that are as sure of their share as of their shelf, and of those that are not."""
    tables = [request_kernels.request_table(grain, noise, trust) for grain in request_kernels.GRAINS for noise in (NOISE, NOISE + 0.1)]
    return np.stack(tables).ravel()


def likelihood(
    seen: Views, pair: Whole, habit: Whole, centre: Floats, width: Floats, reach: Floats, *, grid: Floats = GRID, scans: bool = True,
    trust: float = 1.0,
) -> Floats:  # fmt: skip
    """Log likelihood of rates exp(centre + width · grid) of pairs, each under the hypothesis with the number `habit`: (rows, grid).

    One row for each combination that is asked for: all arguments have as many. `grid`, of four or eight points, rises. Where the likelihood
    has its top among the inner four the outer ones are impossible (−10⁹) if it is high, or if all lie further than `reach` (log) from the
    centre: they are not tried.
    """
    p, (kind, factor, power) = seen.panel, np.array(HABITS).T
    pair, habit = np.ascontiguousarray(pair), np.ascontiguousarray(habit)  # as found in a mask they are strided
    inner = np.arange(len(grid))[(len(grid) - shelf_kernels.LANES) // 2 :][: shelf_kernels.LANES]
    order = np.r_[inner, np.delete(np.arange(len(grid)), inner)]
    return np.asarray(shelf_kernels.likelihoods(
        pair, centre, width, reach, grid[order], MOST_STATES, scans, p.lines.start, p.lines.week, p.lines.value,
        p.lines.other, p.scans.start, p.scans.week, p.scans.value, p.counts.start, p.counts.week, p.counts.value, p.reports, seen.visited,
        seen.index, seen.short.state, seen.short.expected, p.retailer, p.brand, *spans(p), p.caps.profile, p.caps.cap, p.caps.double,
        seen.street, seen.most, seen.pack, seen.shelf, seen.cover, kind[habit].astype(np.int64), factor[habit], power[habit], seen.grain,
        NOISE, trust, _table(trust),
    )[:, np.argsort(order)])  # fmt: skip


def on_lattice(centre: Floats) -> Floats:
    """The nearest of rates as far apart (log) as those of a first reading: then the same rates are tried though the centre moves a little.

    They lie further apart than a likelihood is wide; what is found would hang on where about its top they happen to lie.
    """
    return np.asarray(np.rint(centre / STEP) * STEP)


def nothing_known(retailers: int) -> Habits:
    """Every hypothesis is open."""
    return Habits(np.full((retailers, len(HABITS)), 1.0 / len(HABITS)))


def habits(seen: Views, use: Truths, sure: Floats, centre: Floats, variance: Floats, before: Habits, *, most: int) -> Habits:
    """The retailers' habits, judged by at most `most` pairs of `use` each, the surest first.

    `centre` and `variance` are a prior of the log rates; the likelihood of a hypothesis is that of the pairs' views over that prior: over
    rates on a lattice, and of hypotheses that are not out by these, over rates close about their top. Those that `before` all but excludes
    are not tried again.
    """
    panel = seen.panel
    order = np.lexsort((np.arange(panel.pairs), -sure, ~use, panel.retailer))
    rank = np.arange(panel.pairs) - np.searchsorted(panel.retailer[order], panel.retailer[order])
    every = np.zeros(panel.pairs, bool)
    every[order[rank < most]] = True
    every &= use
    tried = before.chance > STILL_OPEN
    every &= (tried.sum(1) > 1)[panel.retailer]
    pair, habit = np.nonzero(every[:, None] & tried[panel.retailer])

    def over_prior(rows: Whole, about: Floats, half: float) -> tuple[Floats, Floats, Floats]:
        width, spread = np.full(len(rows), half), variance[pair[rows]]
        like = likelihood(seen, pair[rows], habit[rows], about, width, REACH * np.sqrt(spread))
        return integral(like + _prior(about, width, GRID, centre[pair[rows]], spread))

    about = on_lattice(centre)[pair]
    whole, top, _ = over_prior(np.arange(len(pair)), about, FIRST_WIDTH)
    found = _competing(panel, pair, habit, whole, before)
    rows = np.flatnonzero(found.chance[panel.retailer[pair], habit] > NEARLY_OUT)
    about += STEP * top - FIRST_WIDTH
    for _ in range(LOOKS):
        fine, top, _ = over_prior(rows, about[rows], CLOSER * STEP)
        whole[rows] = fine + np.log(2 * CLOSER / (len(GRID) - 1))
        end = (top <= 0) | (top >= len(GRID) - 1)
        about[rows] += np.sign(top - 1) * CLOSER * STEP
        rows = rows[end]
    return _competing(panel, pair, habit, whole, before)


def _prior(about: Floats, width: Floats, grid: Floats, centre: Floats, variance: Floats | float) -> Floats:
    """Log density, but for a constant, of a normal prior at the rates about + width · grid: (rows, grid)."""
    return np.asarray(-0.5 * ((about - centre)[:, None] + width[:, None] * grid) ** 2 / np.reshape(variance, (-1, 1)))


def _competing(panel: Panel, pair: Whole, habit: Whole, whole: Floats, before: Habits) -> Habits:
    """The habits by the log likelihood `whole` of each pair under each, and by what share of the city's retailers have them; those that
    `before` all but excludes stay out."""
    tried = before.chance > STILL_OPEN
    most_likely = np.full(panel.pairs, -np.inf)
    np.maximum.at(most_likely, pair, whole)
    whole = np.logaddexp(whole, most_likely[pair] - EXCEPTION)  # a pair may be an exception, to which any habit is as good
    cell = panel.retailer[pair].astype(np.int64) * len(HABITS) + habit
    log: Floats = np.bincount(cell, whole, tried.size).reshape(tried.shape).astype(np.float64)
    with np.errstate(divide="ignore"):
        log += SINKING / TEMPER * np.minimum(np.log(before.chance / HARDLY_OPEN), 0.0)
    log[~tried] = -np.inf
    log[:, 1:] -= PRESUMPTION
    log[:, UNEXPLAINED] -= LAST_RESORT
    like = np.exp(TEMPER * (log - log.max(1, keepdims=True)))
    share = np.full(len(HABITS), 1.0 / len(HABITS))
    for _ in range(60):
        held = (share * like / (like @ share)[:, None]).sum(0)
        share = (held + HELD_BEFORE) / (held.sum() + HELD_BEFORE * len(HABITS))
    chance = like * share
    chance /= chance.sum(1, keepdims=True)
    return Habits(chance)


def told(seen: Views, use: Truths, grid: Tried, known: Habits, *, scans: bool = True) -> Told:
    """Mean and variance of the log rate by its likelihood alone, with a wide normal prior.

    Where a retailer's habit is not sure, the readings under each are mixed by their probability.
    """
    least = np.minimum(LEAST_CHANCE, 0.5 * known.chance.max(1, keepdims=True))
    share = np.maximum(known.chance - least, 0.0)  # no step where a habit comes in
    share /= share.sum(1, keepdims=True)
    each = np.flatnonzero(use)
    row, habit = np.nonzero(share[seen.panel.retailer[each]])
    pair = each[row]

    def reading(rows: Whole, about: Floats, width: Floats, points: Floats) -> Floats:
        found = likelihood(seen, pair[rows], habit[rows], about, width, width, grid=points, scans=scans, trust=TRUST)
        return found + _prior(about, width, points, grid.prior[pair[rows]], PRIOR_VARIANCE)

    first, width = grid.centre[pair], grid.width[pair]
    mean, spread, bend = moments(reading(np.arange(len(pair)), first, width, GRID), 2 * width / (len(GRID) - 1))
    rows = np.flatnonzero(bend > SHARP) if grid.closely else np.zeros(0, np.int64)
    width = FINE * np.sqrt(spread[rows])
    close, closer, inside = moments(reading(rows, (first + mean)[rows], width, FINE_GRID), 2 * width / (len(FINE_GRID) - 1))
    mean[rows] += np.where(inside > LEAST_BEND, close, 0.0)
    spread[rows] = np.where(inside > LEAST_BEND, closer, spread[rows])
    return _mixed(use, grid, pair, share[seen.panel.retailer[pair], habit], mean, spread)


def scanned(seen: Views, use: Truths, grid: Tried) -> Told:
    """What the tills of the pairs in `use` alone tell of their log rates: never less for more sales."""
    p, pair = seen.panel, np.flatnonzero(use)
    centre, width = grid.centre[pair], grid.width[pair]
    like = till_kernels.till_likelihoods(
        pair, centre, width, GRID, p.lines.start, p.lines.week, p.lines.other, p.scans.start, p.scans.week, p.scans.value,
        p.counts.start, p.counts.week, p.counts.value, p.reports, seen.index, p.retailer, p.brand, *spans(p),
    )  # fmt: skip
    like += _prior(centre, width, GRID, grid.prior[pair], PRIOR_VARIANCE)
    mean, spread, _ = moments(like, 2 * width / (len(GRID) - 1))
    return _mixed(use, grid, pair, np.ones(len(pair)), mean, spread)


def _mixed(use: Truths, grid: Tried, pair: Whole, weight: Floats, mean: Floats, spread: Floats) -> Told:
    """Mean and variance by pair of several readings, mixed by weight; `mean` is about the pair's centre."""
    mixed, square = (np.bincount(pair, weight * values, len(use)) for values in (mean, spread + mean**2))
    return Told(np.where(use, grid.centre + mixed, 0.0), np.where(use, np.maximum(square - mixed**2, 1e-3), np.inf))


def served(seen: Views, rate: Floats) -> Floats:
    """Share of the demand that a shelf filled every week meets where nothing is short: 1 − E[(V − U)⁺] ÷ mean, V Poisson, by rate.

    1 where no counts tell how full shelves are.
    """
    if np.array_equal(seen.shelf, FULL_SHELF):
        return np.ones(len(rate))
    from scipy.stats import poisson

    mean = np.exp(np.linspace(np.log(0.02), np.log(100.0), 60))
    full = seen.shelf[0] + seen.shelf[1] * mean + seen.shelf[2] * np.sqrt(mean)
    low = np.floor(full)

    def lost(level: Floats) -> Floats:  # E[(V − k)⁺] = mean · P(V ≥ k) − k · P(V ≥ k + 1)
        return np.asarray(mean * poisson.sf(level - 1, mean) - level * poisson.sf(level, mean))

    share = ((low + 1 - full) * lost(low) + (full - low) * lost(low + 1)) / mean
    return np.asarray(1.0 - np.interp(np.log(np.maximum(rate, 1e-6)), np.log(mean), share))
