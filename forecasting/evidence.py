"""What is known of each pair's rate, one kind of evidence after the other, and what they say together.

Pairs that hardly knew shortage sold what flowed to them. The others are read by the filter of their shelf (shelf.py), at the habit of
their retailer. Both are drawn to the pair's peers, as far as they are unsure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import doubts, kernels, shelf, surges
from forecasting.panel import Panel, spans
from forecasting.scarcity import SLACK, STATES, TIGHT, Scarcity

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

KINDS = ["requests", "allocations", "scans", "counts", "peers"]
PEER_VARIANCE = 1.2  # log variance of a pair about the mean of its peers
COUNT_DISPERSION = 0.05  # a week's variance above the Poisson's, per mean²
TOUCHED_WEEKS = 6.0  # index-weeks in shortage from which a pair is read by its shelf
SHORT_LIFE = 0.5  # share of its weeks in shortage from which it is read too, if these are fewer
OUTSOLD, OUTSOLD_CARTONS = 2.0, 5.0  # a till that sold so many times what was delivered, and so much more: it buys elsewhere
KNOWN_WEEKS = 15.0  # index-weeks without shortage from which its flow tells its rate
LEAST_PAIRS = 60
FIRST_LIFT = 1.25  # a first idea: demand in shortage ÷ what was given
UNSURE = 0.7  # log variance of that idea
FLOW_TRUST = 0.5  # a touched pair's flow without shortage is in its shelf too, which may be misread
MISFIT, MISFIT_PAIRS = 0.1, 20.0  # log variance that habits leave open, and the pairs' worth of this guess
BRAND_SD, CITY_SD = 0.1, 0.3  # log level of a reading alone against that with the till: of one brand about the city's, of the city's
TILL_SD = 0.5  # log, of one pair's difference
MOST_OFF = 1.0  # log: a larger one counts as that
TILL_DOUBT = 0.02  # log variance of a till beyond its counting noise
TILL_TRUST = 0.5  # tills err as well: who searches the street is seen at several
TWICE_READ = 5_000  # pairs with a till whose shelf is read with it, too, at most
TELLING_COUNTS = 3  # counts from which a pair whose requests are not understood rests on them
ROUNDS = 2


@dataclass(frozen=True)
class Rates:
    """Rate, dispersion and main evidence (number in KINDS) of every pair of the panel; what the flags need; what it all rests on; and
    what a pair needs to be read again."""

    rate: Floats
    dispersion: Floats
    evidence: npt.NDArray[np.int8]
    habits: shelf.Habits
    tally: doubts.Tally
    taught: Taught


@dataclass(frozen=True)
class Taught:
    """What a whole part of a city taught, as far as the reading of one pair rests on it.

    By pair: `touched` (read by its shelf), `prior` (centre of its log rate by its peers), `level` and `doubt` (what is taken from its
    shelf, and log variance added), `centre` and `width` of the rates tried. `variance` of the prior; `tills`, by brand: what is taken from
    them. By retailer: `chance` of each habit, `cover`. `shelf`: what a full one holds.
    """

    touched: Truths
    prior: Floats
    level: Floats
    doubt: Floats
    centre: Floats
    width: Floats
    variance: float
    tills: Floats
    chance: Floats
    cover: Floats
    shelf: Floats


@dataclass(frozen=True)
class Flows:
    """Per pair and state (slack, tight): cartons allocated, Σ index over the weeks lived, each (pairs, states); cartons tills `sold`."""

    given: Floats
    weeks: Floats
    sold: Floats


@dataclass(frozen=True)
class Direct:
    """Evidence of a rate that needs no interpretation: cartons, and the index-weeks in which they were wanted."""

    cartons: Floats
    weeks: Floats


def weigh(panel: Panel, short: Scarcity, index: Floats, retailers: pd.DataFrame, brands: pd.DataFrame, surging: Truths) -> Rates:
    """Rates of all pairs of `panel`, given the scarcity and the index of its brands, and which of its retailers had a surge.

    Shelves are read twice: the first reading tells what full shelves hold, who asks honestly, and what the peers of short brands sell.
    """
    group = _groups(retailers)
    flows, outsold, direct = flows_of(panel, short, index)
    touched = outsold | (flows.weeks[:, TIGHT] > np.minimum(TOUCHED_WEEKS, SHORT_LIFE * flows.weeks.sum(1)))
    peers = _peers(panel, direct, group)
    guess = np.log((np.maximum(FIRST_LIFT * flows.given.sum(1), flows.sold) + 0.3) / (flows.weeks.sum(1) + 0.3))
    first = np.where(touched, 1.0 / UNSURE, 0.0)
    prior, prior_variance = _about_peers(direct, peers)
    rate, _ = kernels.posterior(prior, prior_variance, direct.cartons, direct.weeks, guess, first)
    variance = np.where(direct.weeks > KNOWN_WEEKS, 0.05 + 1.0 / np.maximum(direct.cartons, 0.5), UNSURE)
    seen, habits = shelf.views(panel, short, index, retailers, brands), shelf.nothing_known(panel.retailers)
    # whole weeks: which pairs judge a habit hangs on no decimal of the index
    plenty = _flows(panel, short, np.ones(index.shape)).weeks[:, SLACK]
    lived = flows.weeks.sum(1)
    told, width = guess, np.full(panel.pairs, shelf.FIRST_WIDTH)
    for step in range(ROUNDS):
        seen = shelf.with_shelves(seen, rate, habits.honest if step else np.zeros(panel.retailers))
        centre = np.log(np.maximum(rate, shelf.LEAST_RATE))
        habits = shelf.habits(seen, touched, plenty, centre, variance, habits, most=shelf.JUDGED_PAIRS[step])
        tried = np.maximum(told, np.log(shelf.LEAST_RATE)) if step else shelf.on_lattice(centre)
        grid = shelf.Tried(peers_mean(prior, prior_variance) if step else centre, tried, width, closely=step > 0)
        if step:
            habits = surges.modest(seen, touched & surging[panel.retailer], grid, habits)
        level, doubt, tills = _misleading(seen, touched, grid, habits)
        known = Taught(touched, prior, level, doubt, tried, width, prior_variance, tills, habits.chance, seen.cover, seen.shelf)
        told, precision = read(seen, known, grid)
        width = np.clip(shelf.WIDTH / np.sqrt(np.maximum(precision, 1e-9)), shelf.LEAST_WIDTH, shelf.MOST_WIDTH)
        flow = met(seen, touched, direct, rate)
        watched = np.minimum(precision / np.exp(told), lived)  # no longer than it lived: a rate of all but nothing is no sure one
        peers = _peers(panel, Direct(flow.cartons + watched * np.exp(told), flow.weeks + watched), group)
        prior, prior_variance = _about_peers(flow, peers)
        known = replace(known, prior=prior, variance=prior_variance)
        rate, spread = kernels.posterior(known.prior, known.variance, flow.cartons, flow.weeks, told, precision)
        variance = np.where(touched, np.maximum(spread, 0.05) + 0.05, variance)
    main = _main(panel, flows, touched, precision, habits)
    tally = doubts.tally(panel, touched, main, habits.unexplained, KINDS)
    return Rates(rate, spread + COUNT_DISPERSION, main, habits, tally, known)


def flows_of(panel: Panel, short: Scarcity, index: Floats) -> tuple[Flows, Truths, Direct]:
    """Flows of every pair, which of them sold far more than was delivered, and what the flows without shortage tell directly."""
    flows = _flows(panel, short, index)
    outsold = np.asarray(flows.sold > OUTSOLD * flows.given.sum(1) + OUTSOLD_CARTONS)
    return flows, outsold, Direct(*(np.where(outsold, 0.0, flow[:, SLACK]) for flow in (flows.given, flows.weeks)))


def met(seen: shelf.Views, touched: Truths, direct: Direct, rate: Floats) -> Direct:
    """Direct evidence as it counts: half where the pair's shelf is read, which saw it too; else with the sales that a full shelf loses."""
    share = np.where(touched, FLOW_TRUST, shelf.served(seen, rate))
    return Direct(np.where(touched, FLOW_TRUST, 1.0) * direct.cartons, share * direct.weeks)


def peers_mean(prior: Floats, variance: float) -> Floats:
    """Log of the mean rate of each pair's peers, from the centre and the variance of their log rates."""
    return prior + 0.5 * variance


def _misleading(seen: shelf.Views, touched: Truths, grid: shelf.Tried, habits: shelf.Habits) -> tuple[Floats, Floats, Floats]:
    """How far shelves and tills mislead, from pairs with a till whose shelf is read without it, with it, and the till alone: the `level`,
    `doubt` and `tills` of Taught.

    Half of the shelves' difference, by brand, and apart for honest retailers and others (by the probability of each), is to be taken from
    every shelf; its spread is their doubt. The tills' mean difference, by brand, is to be taken from the tills.
    """
    panel, twice = seen.panel, _every(touched & _with_till(seen.panel), TWICE_READ)
    both = shelf.told(seen, twice, grid, habits)
    blind, till = shelf.told(seen, twice, grid, habits, scans=False), shelf.scanned(seen, twice, grid)
    off, above = (np.where(twice, np.clip(one.log_rate - both.log_rate, -MOST_OFF, MOST_OFF), 0.0) for one in (blind, till))
    sure, clear = (np.where(twice, 1.0 / (TILL_SD**2 + np.where(twice, one.variance + both.variance, 1.0)), 0.0) for one in (blind, till))
    honest, doubt, level = habits.honest[panel.retailer], np.zeros(panel.pairs), np.zeros(panel.pairs)
    for share in (honest, 1.0 - honest):
        brand = TILL_TRUST * _by_brand(panel, share * sure, off)[panel.brand]
        left = np.where(twice, share * np.clip((off - brand) ** 2 - blind.variance, 0.0, 4.0), 0.0)
        level += share * brand
        doubt += share * (left.sum() + MISFIT_PAIRS * MISFIT) / (share[twice].sum() + MISFIT_PAIRS)
    return level, doubt, _by_brand(panel, clear, above)


def read(seen: shelf.Views, known: Taught, grid: shelf.Tried) -> tuple[Floats, Floats]:
    """What shelves and tills tell of the log rates, and with which precision (0: nothing), over the wide prior of `grid`.

    Shelves are read without their tills, and tills alone. So what a pair's own till adds never falls when it sells more, which a reading of
    both together would not promise: cartons sold and not asked for again tell of a lower shelf.
    """
    tills, habits = known.touched & _with_till(seen.panel), shelf.Habits(known.chance)
    blind, till = shelf.told(seen, known.touched, grid, habits, scans=False), shelf.scanned(seen, tills, grid)
    first = np.where(known.touched, 1.0 / (blind.variance + known.doubt), 0.0)
    second = np.where(tills, 1.0 / (till.variance + TILL_DOUBT), 0.0)
    sold = np.where(tills, till.log_rate - known.tills[seen.panel.brand], 0.0)
    told = (first * (blind.log_rate - known.level) + second * sold) / np.where(known.touched, first + second, 1.0)
    return told, first + second


def _every(use: Truths, most: int) -> Truths:
    """Every second, third, … of those in `use`, so that at most `most` remain."""
    found = np.flatnonzero(use)
    out = np.zeros(len(use), bool)
    out[found[:: max(-(-len(found) // most), 1)]] = True
    return out


def _by_brand(panel: Panel, sure: Floats, off: Floats) -> Floats:
    """Mean of `off` by brand, weighed by `sure`, drawn to the city's, and that to none."""
    city = (sure * off).sum() / (sure.sum() + 1.0 / CITY_SD**2)
    weight = np.bincount(panel.brand, sure, panel.brands)
    return np.asarray((np.bincount(panel.brand, sure * off, panel.brands) + city / BRAND_SD**2) / (weight + 1.0 / BRAND_SD**2))


def _about_peers(direct: Direct, peers: Floats) -> tuple[Floats, float]:
    """The prior of log rates: each pair's centre, and the variance, from pairs with much direct evidence, counting noise taken out."""
    use = (direct.weeks > KNOWN_WEEKS) & (direct.cartons >= 4) & (peers > 0)
    variance = PEER_VARIANCE
    if use.sum() >= LEAST_PAIRS:
        off = np.log(direct.cartons[use] / direct.weeks[use]) - np.log(peers[use])
        variance = float(np.clip(off.var() - (1.0 / direct.cartons[use]).mean(), 0.2, 3.0))
    return np.log(np.maximum(peers, 1e-4)) - 0.5 * variance, variance


def _flows(panel: Panel, short: Scarcity, index: Floats) -> Flows:
    lines, caps = panel.lines, panel.caps
    where = (panel.retailer, panel.brand, *spans(panel), caps.profile, caps.cap)
    given, weeks = kernels.split_sums(lines.start, lines.week, lines.other, index, short.state, STATES, *where)
    return Flows(given, weeks, np.bincount(panel.scans.pair, panel.scans.value, panel.pairs).astype(np.float64))


def _groups(retailers: pd.DataFrame) -> tuple[npt.NDArray[np.int64], int]:
    """The number of each shop's group (area and format), and how many groups there are."""
    group = retailers.groupby(["area_type", "business_format"], sort=True).ngroup().to_numpy(np.int64)
    return group, int(group.max(initial=-1)) + 1


def _peers(panel: Panel, direct: Direct, group: tuple[npt.NDArray[np.int64], int]) -> Floats:
    size = (panel.retailers, panel.brands, group[1])
    return np.asarray(kernels.peer_means(direct.cartons, direct.weeks, panel.retailer, panel.brand, group[0], *size))


def _main(panel: Panel, flows: Flows, touched: Truths, precision: Floats, habits: shelf.Habits) -> npt.NDArray[np.int8]:
    """What a rate mainly rests on."""
    till = _with_till(panel)
    counted = np.diff(panel.counts.start) >= TELLING_COUNTS
    lost = habits.unexplained[panel.retailer]
    rests = np.where(lost, np.where(counted, KINDS.index("counts"), KINDS.index("allocations")), KINDS.index("requests"))
    rests = np.where(till, KINDS.index("scans"), rests)
    enough = np.where(touched, precision, flows.given[:, SLACK]) > 1.0 / PEER_VARIANCE
    return np.where(enough, np.where(touched, rests, KINDS.index("allocations")), KINDS.index("peers")).astype(np.int8)


def _with_till(panel: Panel) -> Truths:
    """Pairs whose shop has a till that reports."""
    return np.asarray(panel.reports.any(axis=1))[panel.retailer]
