"""What is known of each pair's rate, one kind of evidence after the other, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import calibration, kernels, response, stock
from forecasting.panel import Panel, spans
from forecasting.scarcity import BIN_SHARE, BINS, SLACK, STATES, TIGHT, Scarcity

Floats = npt.NDArray[np.float64]

KINDS = ["requests", "allocations", "scans", "counts", "peers"]
PEER_VARIANCE = 1.2  # log variance of a pair about the mean of its peers
GUESS_VARIANCE = 2.25  # the same, where the peers' mean is itself a guess
COUNT_DISPERSION = 0.05  # a week's variance above the Poisson's, per mean²
KNOWN_SLACK, KNOWN_TIGHT, KNOWN_TILL = 15.0, 8.0, 8.0  # index-weeks without shortage, in shortage, and in shortage as a till shows it,
# from which a pair teaches its retailer's factor
LEAST_WEEKS = 8.0  # index-weeks in shortage from which a guessed pair counts for its retailer's factor
GIVEN_DOUBT = 4.0  # the known pairs are of brands less short than the others, whose allocations tell less: variance × this
LEAST_SOLD = 50.0  # cartons of demand at shops with tills, from which they set the level of a brand
TILL_SD = 0.1
UNDERSTOOD_OFFSET = 0.18  # log offset of a city at which requests and allocations weigh the same in the level
CITY_OFFSET_SD, BRAND_OFFSET_SD = 0.5, 0.2  # log level of requests against tills, of all brands always short, and of one about them
ROUNDS = 6


@dataclass(frozen=True)
class Rates:
    """Rate, dispersion and main evidence (number in KINDS) of every pair of the panel; what the flags need; problems met."""

    rate: Floats
    dispersion: Floats
    evidence: npt.NDArray[np.int8]
    honest: Floats
    understood: bool
    problems: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Flows:
    """Per pair and state (slack, tight): cartons asked and allocated, and Σ index over the weeks lived; each (pairs, states)."""

    asked: Floats
    given: Floats
    weeks: Floats


def weigh(panel: Panel, short: Scarcity, index: Floats, retailers: pd.DataFrame) -> Rates:
    """Rates of all pairs of `panel`, given the scarcity and the index of its brands.

    Peers, the retailers' factors, the level of requests and the rates depend on one another: a fixed number of rounds in that order.
    """
    flows, group = _flows(panel, short, index), _groups(retailers)
    till = stock.tills(panel, short, index)
    direct = Direct(flows.given[:, SLACK] + till.cartons, flows.weeks[:, SLACK] + till.weeks)
    known = (flows.weeks[:, TIGHT] > KNOWN_TIGHT) & ((flows.weeks[:, SLACK] > KNOWN_SLACK) | (till.weeks > KNOWN_TILL))
    guessed = (flows.weeks[:, SLACK] <= KNOWN_SLACK) & (flows.weeks[:, TIGHT] > LEAST_WEEKS)
    peers = _peers(panel, direct.cartons, direct.weeks, *group)
    rate = (direct.cartons + 0.5) / (direct.weeks + 0.5 / np.maximum(peers, 1e-3))
    taught = _taught(panel, short, index, np.where(known, rate, 0.0))
    answer, offset = response.learn(*taught, response.NO_GUESSES), np.zeros(panel.brands)
    for step in range(ROUNDS):
        figures = _asked(panel, short, index, flows, answer, known, rate)
        figures = Figures(figures.told - np.where(guessed, offset[panel.brand], 0.0), figures.precision)
        if step or not figures.precision.any():  # what the brand's demand was met by is known only after a first round
            figures = _combined(figures, _given(panel, flows, peers, known, rate))
        prior = _about_peers(direct, peers if step else np.where(guessed & ~known, np.exp(figures.told), peers))
        found, spread = kernels.posterior(*prior, direct.cartons, direct.weeks, figures.told, figures.precision)
        alone, _ = kernels.posterior(*prior, flows.given[:, SLACK], flows.weeks[:, SLACK], figures.told, figures.precision)
        offset = _offset(panel, flows, till, alone, guessed, offset)
        worth = np.where(guessed & ~known, figures.precision, 0.0)
        peers = _peers(panel, direct.cartons + worth, direct.weeks + worth / found, *group)
        answer = response.learn(*taught, _guesses(panel, short, index, flows, known, peers))
    main = _main(flows.given[:, SLACK], till.cartons, figures.precision)
    return Rates(found, spread + COUNT_DISPERSION, main, _honest(answer), answer.understood, _problems(known, short))


@dataclass(frozen=True)
class Direct:
    """Evidence of a rate that needs no interpretation: cartons, and the index-weeks in which they were wanted."""

    cartons: Floats
    weeks: Floats


@dataclass(frozen=True)
class Figures:
    """What indirect figures say of each pair's log rate, and with which precision (0: nothing)."""

    told: Floats
    precision: Floats


def _combined(*figures: Figures) -> Figures:
    precision = np.sum([f.precision for f in figures], axis=0)
    told = np.sum([f.precision * f.told for f in figures], axis=0) / np.maximum(precision, 1e-12)
    return Figures(told, precision)


def _asked(
    panel: Panel, short: Scarcity, index: Floats, flows: Flows, answer: response.Response, known: npt.NDArray[np.bool_], rate: Floats
) -> Figures:
    """Requests in shortage ÷ the retailer's own factor, calibrated where the rate is known."""
    due = kernels.tight_exposure(answer.factor, index, short.state, short.bin, *_where(panel))
    figure = np.log((flows.asked[:, TIGHT] + 0.2) / (due + 0.2))
    own = (answer.spread**2).mean(1)[panel.retailer]
    return _calibrated(figure, own, flows.weeks[:, TIGHT] > LEAST_WEEKS, known, rate)


def _offset(panel: Panel, flows: Flows, till: stock.Tills, found: Floats, guessed: npt.NDArray[np.bool_], before: Floats) -> Floats:
    """By brand: how far (log) the requests of brands that never leave shortage stand above the level that tills show in the same brand.

    What is learnt where shortage comes and goes may not hold where it stays: consumers search, shops get used to it, cartons are resold.
    `found` are the rates without the tills' word and with the offset `before`; the pairs with tills are compared, sum with sum. A brand's
    offset is drawn to the city's, and the city's to none. The larger the city's, the less requests are understood at all, and the more
    the level is taken from allocations × (demand ÷ allocations at the tills) instead.
    """
    shown, weeks, given = guessed & (till.weeks > KNOWN_TILL), flows.weeks[:, TIGHT], flows.given[:, TIGHT]

    def total(values: Floats, use: npt.NDArray[np.bool_]) -> Floats:
        return np.bincount(panel.brand, np.where(use, values, 0.0), panel.brands).astype(np.float64)

    sold, told = total(till.cartons / np.maximum(till.weeks, 1e-9) * weeks, shown), total(found * weeks, shown)
    seen = (sold >= LEAST_SOLD) & (told > 0) & (total(given, shown) > 0)
    off = np.where(seen, before + _log_ratio(told, sold), 0.0)
    weight = np.where(seen, 1.0 / (TILL_SD**2 + 1.0 / np.maximum(total(np.ones(panel.pairs), shown), 1.0)), 0.0)
    city = (weight * off).sum() / (weight.sum() + 1.0 / CITY_OFFSET_SD**2)
    offset = (weight * off + city / BRAND_OFFSET_SD**2) / (weight + 1.0 / BRAND_OFFSET_SD**2)
    by_given = _log_ratio(total(found * weeks, guessed) * total(given, shown), sold * total(given, guessed)) + before - offset
    alternating = guessed.size and ((flows.weeks[:, SLACK] > KNOWN_SLACK) & (weeks > KNOWN_TIGHT)).sum() >= calibration.LEAST_PAIRS
    share = city**2 / (city**2 + UNDERSTOOD_OFFSET**2) if alternating else 1.0  # else requests were themselves learnt from the tills
    return np.asarray(offset + np.where(seen, share * by_given, 0.0))


def _log_ratio(above: Floats, below: Floats) -> Floats:
    return np.log(np.maximum(above, 1e-9) / np.maximum(below, 1e-9))


def _given(panel: Panel, flows: Flows, peers: Floats, known: npt.NDArray[np.bool_], rate: Floats) -> Figures:
    """Allocations in shortage, relative to what the brand's demand was met by: cut as they are, a shop that sells more gets more."""
    given, weeks = flows.given[:, TIGHT], flows.weeks[:, TIGHT]
    total, wanted = (np.bincount(panel.brand, x, panel.brands) for x in (given, np.where(known, rate, peers) * weeks))
    met = np.log((total + 1.0) / (wanted + 1.0))[panel.brand]
    figure = np.log((given + 0.5) / (weeks + 0.5)) - met
    said = _calibrated(figure, np.zeros(len(weeks)), weeks > LEAST_WEEKS, known, rate)
    return Figures(said.told, said.precision / GIVEN_DOUBT)


def _calibrated(figure: Floats, own: Floats, use: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_], rate: Floats) -> Figures:
    """A figure read by its calibration; pairs whose rate is known directly take it with a variance of at least 0.5."""
    taught = use & known
    curve = calibration.learn(figure[taught], np.log(rate[taught]), own[taught])
    told, variance = curve.read(figure)
    variance = np.where(known, np.maximum(variance + own, 0.5), variance + own)
    return Figures(told, np.where(use, 1.0 / variance, 0.0))


def _about_peers(direct: Direct, peers: Floats) -> tuple[Floats, float]:
    """The prior of log rates: each pair's centre, and the variance, from pairs with much direct evidence, counting noise taken out."""
    use = (direct.weeks > KNOWN_SLACK) & (direct.cartons >= 4) & (peers > 0)
    variance = PEER_VARIANCE
    if use.sum() >= calibration.LEAST_PAIRS:
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


def _peers(panel: Panel, cartons: Floats, weeks: Floats, group: npt.NDArray[np.int64], groups: int) -> Floats:
    return np.asarray(kernels.peer_means(cartons, weeks, panel.retailer, panel.brand, group, panel.retailers, panel.brands, groups))


def _taught(panel: Panel, short: Scarcity, index: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Cartons asked and due in shortage, by retailer and bin, over pairs with a known rate."""
    lines = panel.lines
    asked, due = kernels.response_sums(
        lines.start, lines.week, lines.value, rate, index, short.state, short.bin, BINS, panel.retailers, *_where(panel)
    )
    return asked, due


def _guesses(panel: Panel, short: Scarcity, index: Floats, flows: Flows, known: npt.NDArray[np.bool_], peers: Floats) -> response.Guesses:
    """Pairs whose rate only their peers tell, as evidence of how their retailer asks."""
    weight = np.where(short.tight, index, 0.0)
    shortage = (weight * -np.log(BIN_SHARE)[short.bin]).sum(1) / np.maximum(weight.sum(1), 1e-9)
    asked, weeks = flows.asked[:, TIGHT], flows.weeks[:, TIGHT]
    use = ~known & (asked > 0) & (weeks > LEAST_WEEKS) & (peers > 0)
    due = (peers * weeks)[use]
    ratio = np.log((asked[use] + 0.5) / (due + 0.5))
    precision = 1.0 / (GUESS_VARIANCE + response.NOISE / np.maximum(due, 0.3))
    return response.Guesses(panel.retailer[use], ratio, precision, shortage[panel.brand[use]])


def _main(flow: Floats, till: Floats, precision: Floats) -> npt.NDArray[np.int8]:
    """What a rate mainly rests on: the kind with most cartons' worth behind it."""
    worth = np.stack([precision, flow, till, np.zeros_like(flow), np.full_like(flow, 1.0 / PEER_VARIANCE)])
    return worth.argmax(0).astype(np.int8)


def _honest(answer: response.Response) -> Floats:
    """Cartons an honest shop asks for per carton of demand, by bin: the lower quartile of the retailers."""
    return np.asarray(np.quantile(answer.factor, 0.25, axis=0)) if len(answer.factor) else np.ones(BINS)


def _problems(known: npt.NDArray[np.bool_], short: Scarcity) -> list[tuple[str, str, str]]:
    if known.sum() >= calibration.LEAST_PAIRS or not short.tight.any():
        return []
    return [("demand", "requests", "no brand changes between shortage and plenty, and no till tells; requests are not believed")]
