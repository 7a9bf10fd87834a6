"""What is known of each pair's rate, one kind of evidence after the other, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import kernels, response
from forecasting.panel import Panel, spans
from forecasting.scarcity import BIN_SHARE, BINS, SLACK, STATES, TIGHT, Scarcity

Floats = npt.NDArray[np.float64]

KINDS = ["requests", "allocations", "scans", "counts", "peers"]
PEER_VARIANCE = 1.2  # log variance of a pair about the mean of its peers
GUESS_VARIANCE = 2.25  # the same, where the peers' mean is itself a guess
REQUEST_VARIANCE = 0.03  # log variance of a pair's requests about its retailer's factor, however many there are
REQUEST_NOISE = 2.0  # further log variance × cartons behind the requests: unmet need is repeated, so lines do not add up as news
KNOWN_SLACK, KNOWN_TIGHT = 15.0, 8.0  # index-weeks without and with shortage from which a pair teaches its retailer's factor
LEAST_WEEKS = 8.0  # index-weeks in shortage from which a guessed pair counts for its retailer's factor
ROUNDS = 3


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
    """Rates of all pairs of `panel`, given the scarcity and the index of its brands."""
    flows = _flows(panel, short, index)
    group, groups = _groups(retailers)
    flow, weeks = flows.given[:, SLACK], flows.weeks[:, SLACK]
    peers = _peers(panel, flow, weeks, group, groups)
    known = (weeks > KNOWN_SLACK) & (flows.weeks[:, TIGHT] > KNOWN_TIGHT)
    taught = _taught(panel, short, index, np.where(known, (flow + 0.5) / (weeks + 0.5 / np.maximum(peers, 1e-6)), 0.0))
    answer = response.learn(*taught, response.NO_GUESSES)
    rate, spread = peers, np.zeros(panel.pairs)
    for _ in range(ROUNDS):
        asked, doubt = _deflated(panel, short, index, flows, answer, known)
        peers = _peers(panel, *_with_requests(flow, weeks, asked, doubt), group, groups)
        answer = response.learn(*taught, _guesses(panel, short, index, flows, known, peers))
    asked, doubt = _deflated(panel, short, index, flows, answer, known)
    rate, spread = kernels.posterior(peers, PEER_VARIANCE, flow, weeks, asked, doubt)
    return Rates(rate, spread + 0.05, _main(flow, doubt), _honest(answer), answer.understood, _problems(answer, short))


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


def _deflated(
    panel: Panel, short: Scarcity, index: Floats, flows: Flows, answer: response.Response, known: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """The rate that each pair's requests in shortage tell, and its log variance (1e9: nothing told).

    Where allocations without shortage tell the rate, requests add little: their variance is at least 0.5.
    """
    due = kernels.tight_exposure(answer.factor, index, short.state, short.bin, *_where(panel))
    rate = np.where(due > 0, flows.asked[:, TIGHT] / np.maximum(due, 1e-9), 0.0)
    own = (answer.spread**2).mean(1)[panel.retailer]
    variance = own + REQUEST_VARIANCE + REQUEST_NOISE / np.maximum(rate * flows.weeks[:, TIGHT], 0.3)
    variance = np.where(known, np.maximum(variance, 0.5), variance)
    return rate, np.where((rate > 0) & answer.understood, variance, 1e9)


def _with_requests(cartons: Floats, weeks: Floats, asked: Floats, doubt: Floats) -> tuple[Floats, Floats]:
    """Allocations with the requests added as 1 / variance cartons."""
    worth = np.where((doubt < 1e6) & (weeks < KNOWN_SLACK), 1.0 / doubt, 0.0)
    return cartons + worth, weeks + worth / np.maximum(asked, 1e-6)


def _guesses(
    panel: Panel, short: Scarcity, index: Floats, flows: Flows, known: npt.NDArray[np.bool_], peers: Floats
) -> response.Guesses:
    """Pairs whose rate only their peers tell, as evidence of how their retailer asks."""
    weight = np.where(short.tight, index, 0.0)
    shortage = (weight * -np.log(BIN_SHARE)[short.bin]).sum(1) / np.maximum(weight.sum(1), 1e-9)
    asked, weeks = flows.asked[:, TIGHT], flows.weeks[:, TIGHT]
    use = ~known & (asked > 0) & (weeks > LEAST_WEEKS) & (peers > 0)
    due = (peers * weeks)[use]
    ratio = np.log((asked[use] + 0.5) / (due + 0.5))
    precision = 1.0 / (GUESS_VARIANCE + response.NOISE / np.maximum(due, 0.3))
    return response.Guesses(panel.retailer[use], ratio, precision, shortage[panel.brand[use]])


def _main(flow: Floats, doubt: Floats) -> npt.NDArray[np.int8]:
    """What a rate mainly rests on: the kind with most cartons' worth behind it."""
    worth = np.stack([1.0 / doubt, flow, np.zeros_like(flow), np.zeros_like(flow), np.full_like(flow, 1.0 / PEER_VARIANCE)])
    return worth.argmax(0).astype(np.int8)


def _honest(answer: response.Response) -> Floats:
    """Cartons an honest shop asks for per carton of demand, by bin: the lower quartile of the retailers."""
    return np.asarray(np.quantile(answer.factor, 0.25, axis=0)) if len(answer.factor) else np.ones(BINS)


def _problems(answer: response.Response, short: Scarcity) -> list[tuple[str, str, str]]:
    if answer.understood or not short.tight.any():
        return []
    return [("demand", "requests", "no brand changes between shortage and plenty, and no till tells; requests are not believed")]
