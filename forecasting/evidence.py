"""What is known of each pair's rate, one kind of evidence after the other, and what they say together.

Pairs that hardly knew shortage sold what flowed to them. The others are read by the filter of their shelf (shelf.py), at the habit of
their retailer. Both are drawn to the pair's peers, as far as they are unsure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import kernels, shelf
from forecasting.panel import Panel, spans
from forecasting.scarcity import SLACK, STATES, TIGHT, Scarcity

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

KINDS = ["requests", "allocations", "scans", "counts", "peers"]
PEER_VARIANCE = 1.2  # log variance of a pair about the mean of its peers
COUNT_DISPERSION = 0.05  # a week's variance above the Poisson's, per mean²
TOUCHED_WEEKS = 6.0  # index-weeks in shortage from which a pair is read by its shelf
KNOWN_WEEKS = 15.0  # index-weeks without shortage from which its flow tells its rate
LEAST_PAIRS = 60
FIRST_LIFT = 1.25  # a first idea: demand in shortage ÷ what was given
UNSURE = 0.7  # log variance of that idea
FLOW_TRUST = 0.5  # a touched pair's flow without shortage is in its shelf too, which may be misread
MISFIT, MISFIT_PAIRS = 0.1, 20.0  # log variance that habits leave open, and the pairs' worth of this guess
BRAND_SD, CITY_SD = 0.1, 0.3  # log level of requests against tills: of one brand about the city's, of the city's
TILL_SD = 0.5  # log, of one pair's difference
TILL_TRUST = 0.5  # tills err as well: who searches the street is seen at several
TELLING_COUNTS = 3  # counts from which a pair whose requests are not understood rests on them
LOST_SHARE = 0.25  # share of retailers not understood from which the night says so
ROUNDS = 2


@dataclass(frozen=True)
class Rates:
    """Rate, dispersion and main evidence (number in KINDS) of every pair of the panel; what the flags need; problems met."""

    rate: Floats
    dispersion: Floats
    evidence: npt.NDArray[np.int8]
    habits: shelf.Habits
    problems: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Flows:
    """Per pair and state (slack, tight): cartons asked and allocated, and Σ index over the weeks lived; each (pairs, states)."""

    asked: Floats
    given: Floats
    weeks: Floats


@dataclass(frozen=True)
class Direct:
    """Evidence of a rate that needs no interpretation: cartons, and the index-weeks in which they were wanted."""

    cartons: Floats
    weeks: Floats


def weigh(panel: Panel, short: Scarcity, index: Floats, retailers: pd.DataFrame, brands: pd.DataFrame) -> Rates:
    """Rates of all pairs of `panel`, given the scarcity and the index of its brands.

    Shelves are read twice: the first reading tells what full shelves hold, who asks honestly, and what the peers of short brands sell.
    """
    flows, group = _flows(panel, short, index), _groups(retailers)
    touched = flows.weeks[:, TIGHT] > TOUCHED_WEEKS
    direct = Direct(flows.given[:, SLACK], flows.weeks[:, SLACK])
    peers = _peers(panel, direct, group)
    guess = np.log((FIRST_LIFT * flows.given.sum(1) + 0.3) / (flows.weeks.sum(1) + 0.3))
    rate, _ = _posterior(direct, peers, guess, np.where(touched, 1.0 / UNSURE, 0.0))
    variance = np.where(direct.weeks > KNOWN_WEEKS, 0.05 + 1.0 / np.maximum(direct.cartons, 0.5), UNSURE)
    seen, habits = shelf.views(panel, short, index, retailers, brands), shelf.nothing_known(panel.retailers)
    for step in range(ROUNDS):
        seen = shelf.with_shelves(seen, rate, habits.honest if step else np.zeros(panel.retailers, bool))
        centre = np.log(np.maximum(rate, shelf.LEAST_RATE))
        habits = shelf.habits(seen, touched, direct.weeks, centre, variance, habits, most=shelf.JUDGED_PAIRS[step])
        told, precision = _told(seen, touched, centre, habits, shelf.GRID if step else shelf.COARSE)
        met = np.where(touched, 1.0, shelf.served(seen, rate))
        read = Direct(np.where(touched, FLOW_TRUST, 1.0) * direct.cartons, np.where(touched, FLOW_TRUST, met) * direct.weeks)
        peers = _peers(panel, Direct(read.cartons + precision, read.weeks + precision / np.exp(told)), group)
        rate, spread = _posterior(read, peers, told, precision)
        variance = np.where(touched, np.maximum(spread, 0.05) + 0.05, variance)
    main = _main(panel, flows, touched, precision, habits)
    return Rates(rate, spread + COUNT_DISPERSION, main, habits, _problems(habits, touched, panel))


def _told(seen: shelf.Views, touched: Truths, centre: Floats, habits: shelf.Habits, grid: Floats) -> tuple[Floats, Floats]:
    """What the shelves tell of the log rates, and with which precision (0: nothing).

    How far requests mislead is measured where a till reports: the same shelf read with and without its till. Half of the difference, by
    brand, and apart for honest retailers and the others, is taken from the shelves without a till; its spread is their doubt.
    """
    panel = seen.panel
    full = shelf.told(seen, touched, centre, habits, grid)
    tills = touched & _with_till(panel)
    without = shelf.told(seen, tills, centre, habits, grid, scans=False)
    off = np.where(tills, without.log_rate - full.log_rate, 0.0)
    sure = np.where(tills, 1.0 / (TILL_SD**2 + np.where(tills, without.variance + full.variance, 1.0)), 0.0)
    honest, doubt = habits.honest[panel.retailer], np.zeros(panel.pairs)
    level = np.zeros(panel.pairs)
    for group in (honest, ~honest):
        brand = _by_brand(panel, np.where(group, sure, 0.0), off)
        level = np.where(group, TILL_TRUST * brand[panel.brand], level)
        left = np.clip((off - level) ** 2 - without.variance, 0.0, 4.0)[tills & group]
        doubt[group] = (left.sum() + MISFIT_PAIRS * MISFIT) / (len(left) + MISFIT_PAIRS)
    variance = np.where(tills, full.variance + 0.02, full.variance + doubt)
    return np.where(touched, full.log_rate - np.where(tills, 0.0, level), 0.0), np.where(touched, 1.0 / variance, 0.0)


def _by_brand(panel: Panel, sure: Floats, off: Floats) -> Floats:
    """Mean of `off` by brand, weighed by `sure`, drawn to the city's, and that to none."""
    city = (sure * off).sum() / (sure.sum() + 1.0 / CITY_SD**2)
    weight = np.bincount(panel.brand, sure, panel.brands)
    return np.asarray((np.bincount(panel.brand, sure * off, panel.brands) + city / BRAND_SD**2) / (weight + 1.0 / BRAND_SD**2))


def _posterior(direct: Direct, peers: Floats, told: Floats, precision: Floats) -> tuple[Floats, Floats]:
    return kernels.posterior(*_about_peers(direct, peers), direct.cartons, direct.weeks, told, precision)


def _about_peers(direct: Direct, peers: Floats) -> tuple[Floats, float]:
    """The prior of log rates: each pair's centre, and the variance, from pairs with much direct evidence, counting noise taken out."""
    use = (direct.weeks > KNOWN_WEEKS) & (direct.cartons >= 4) & (peers > 0)
    variance = PEER_VARIANCE
    if use.sum() >= LEAST_PAIRS:
        off = np.log(direct.cartons[use] / direct.weeks[use]) - np.log(peers[use])
        variance = float(np.clip(off.var() - (1.0 / direct.cartons[use]).mean(), 0.2, 3.0))
    return np.log(np.maximum(peers, 1e-4)) - 0.5 * variance, variance


def _flows(panel: Panel, short: Scarcity, index: Floats) -> Flows:
    lines, where = panel.lines, _where(panel)
    asked, weeks = kernels.split_sums(lines.start, lines.week, lines.value, index, short.state, STATES, *where)
    given, _ = kernels.split_sums(lines.start, lines.week, lines.other, index, short.state, STATES, *where)
    return Flows(asked, given, weeks)


def _where(panel: Panel) -> tuple[npt.NDArray[np.int32], ...]:
    return (panel.retailer, panel.brand, *spans(panel), panel.caps.profile, panel.caps.cap)


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


def _problems(habits: shelf.Habits, touched: Truths, panel: Panel) -> list[tuple[str, str, str]]:
    judged = np.bincount(panel.retailer[touched], minlength=panel.retailers) > 0
    lost = habits.unexplained & judged
    if lost.sum() <= LOST_SHARE * judged.sum():
        return []
    said = f"the requests of {lost.sum():,} of {judged.sum():,} retailers follow no need that is understood; where brands are short their "
    return [("demand", "requests", said + "demand rests on deliveries, sales, counts and peers")]
