"""The shared index of past weeks: city season × brand level.

Orders refill shelves, so before a feast they run ahead of consumption and after it they lag. Where tills report, the city's rhythm is
taken from them; the brands' own slow movements come from allocations in weeks without shortage. In shortage deliveries follow the supply
and requests follow demand and shortage both: a brand's movement then is the geometric mean of how the two moved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecasting.scarcity import SLACK, Scarcity
from forecasting.totals import Totals

Floats = npt.NDArray[np.float64]

HALF_WINDOW = 2  # weeks on each side in the smoothed rhythm
HALF_YEAR = 13  # weeks on each side over which what was ordered was sold
BRAND_SD_WEEKS = 5.0  # kernel of a brand's own slow movement
SHORT_SD_WEEKS = 8.0  # the same in shortage, where requests swing with the share that was lately met
BRAND_PRIOR = 150.0  # cartons by which a brand's movement is drawn to its mean
ROUNDS = 3
REFERENCE_WEEKS = 52


def index(city: Totals, scarcity: Scarcity) -> Floats:
    """Index of every brand in every week, shape (brands, weeks), mean 1 over the last 52 weeks of its life."""
    asked_for = ~np.isnan(scarcity.share)
    slack, short = (scarcity.state == SLACK) & asked_for, (scarcity.state != SLACK) & asked_for
    given, due = city.given, city.due
    flow = rhythm(given, due, slack)
    shown = in_shortage(city.held, given, due, flow, short) if short.any() else np.zeros(due.shape)
    moved = movement(np.where(slack, given, 0.0), np.where(slack, due * flow, 0.0), shown, np.where(shown > 0, due * flow, 0.0))
    return _normalised(_with_tills(city, flow, slack) * moved, due > 0)


def rhythm(got: Floats, due: Floats, use: npt.NDArray[np.bool_]) -> Floats:
    """The city's weekly factor g with Σ got ≈ level_b · due · g over the cells in `use` (alternating ratios of sums); mean about 1.

    A week without any such cell takes the straight line between its neighbours.
    """
    y, e = np.where(use, got, 0.0), np.where(use, due, 0.0)
    factor, weeks = np.ones(got.shape[1]), np.arange(got.shape[1])
    for _ in range(10):
        below = (e * factor).sum(1)
        level = np.where(below > 0, y.sum(1) / np.maximum(below, 1e-12), 0.0)
        weekly = (e * level[:, None]).sum(0)
        known = (weekly > 0) & (y.sum(0) > 0)
        if not known.any():
            return factor
        factor = np.interp(weeks, weeks[known], y.sum(0)[known] / weekly[known])
        factor /= factor.mean()
    return factor


def smooth(x: Floats, half: int = HALF_WINDOW) -> Floats:
    """Centred moving mean over 2·half + 1 weeks, shorter at the ends."""
    return _about(x, half) / _about(np.ones(len(x)), half)


def _about(x: Floats, half: int) -> Floats:
    """Sum over 2·half + 1 weeks about each, fewer at the ends."""
    return np.convolve(x, np.ones(2 * half + 1))[half : half + len(x)]  # "same" would lengthen a series shorter than the kernel


def _with_tills(city: Totals, flow: Floats, slack: npt.NDArray[np.bool_]) -> Floats:
    """The city's rhythm in consumption, from orders and tills, each at the pace at which it tells most.

    Over a half-year orders are what was sold. Over some weeks they are not: shelves are filled for a feast, and what is left is sold long
    after. There the tills correct the orders, as far as the two differ by more than the tills' noise. The quick part, from week to
    week, is the tills' alone, as far as it exceeds its own noise (positive-part shrinkage).
    """
    sold = np.where(slack, city.sold, 0.0)
    if sold.sum() < 20.0 * len(flow):  # less than 20 cartons a week tell nothing of a week
        return flow
    till = rhythm(sold, city.watched, slack)
    noise = 1.5 / np.maximum(sold.sum(0), 1.0)
    quick = till / smooth(till) - 1.0
    sure = np.clip(1.0 - noise / np.maximum(quick**2, 1e-12), 0.0, 1.0)
    return smooth(flow) * corrected(flow, till, noise) * (1.0 + quick * sure)


def corrected(flow: Floats, till: Floats, noise: Floats) -> Floats:
    """What the tills make of the orders' pace over some weeks, about that of the half-year: a factor by week.

    The orders' error has the variance by which the two paces differ beyond the noise of the tills.
    """
    pace = (smooth(till) / smooth(till, HALF_YEAR)) / (smooth(flow) / smooth(flow, HALF_YEAR)) - 1.0
    noise = smooth(noise) / _about(np.ones(len(flow)), HALF_WINDOW)
    error = max(float(np.mean(pace**2 - noise)), 0.0)
    return np.asarray(1.0 + pace * error / (error + noise))


def in_shortage(asked: Floats, given: Floats, due: Floats, flow: Floats, short: npt.NDArray[np.bool_]) -> Floats:
    """How demand stood in a brand's weeks of shortage, up to a factor of the brand; 0 in other weeks.

    The root of asked × given, each over what was due and smoothed. Where the share met stays the same, both follow demand. Where supply
    is cut, less is given and the more is asked; where it follows demand, requests swing with the share that was met. What all short
    brands' requests have in common, a brand counting as much as another, is the city's.
    """
    use = short & (asked > 0) & (given > 0) & (due > 0)
    asked, given, due = (np.where(use, values, 0.0) for values in (asked, given, due))
    whole = np.maximum(asked.sum(1, keepdims=True), 1e-12), np.maximum(due.sum(1, keepdims=True), 1e-12)
    kernel = _kernel(asked.shape[1], SHORT_SD_WEEKS)
    asking = (asked @ kernel) / np.maximum((due * rhythm(asked / whole[0], due / whole[1], use)) @ kernel, 1e-12)
    giving = (given @ kernel) / np.maximum((due * flow) @ kernel, 1e-12)
    return np.where(use, np.sqrt(asking * giving), 0.0)


def _kernel(weeks: int, deviation: float) -> Floats:
    """Normal weights by the distance of weeks, (weeks, weeks)."""
    number = np.arange(weeks)
    return np.asarray(np.exp(-0.5 * ((number[:, None] - number[None]) / deviation) ** 2))


def movement(got: Floats, expected: Floats, shown: Floats, due: Floats) -> Floats:
    """A brand's own slow movement about its mean: kernel-smoothed ratio, drawn to the mean where little was sold.

    `got` of `expected` tell it without shortage; in shortage `shown` (times `due`) does, whose own level is brought to that of the
    movement about it: what it tells is how demand went on, not how large it was.
    """
    kernel = _kernel(got.shape[1], BRAND_SD_WEEKS)
    flowed, all_due = got, expected
    for _ in range(ROUNDS):
        below = all_due.sum(1, keepdims=True)
        level = np.where(below > 0, flowed.sum(1, keepdims=True) / np.maximum(below, 1e-12), 1.0)
        moved = (flowed @ kernel + BRAND_PRIOR) / (all_due @ kernel + BRAND_PRIOR / np.maximum(level, 1e-12))
        over, under = (shown * due).sum(1, keepdims=True), (moved * due).sum(1, keepdims=True)
        flowed = got + shown * due * np.divide(under, over, out=np.zeros_like(over), where=over > 0)
        all_due = expected + due
    return np.asarray(moved / np.maximum(level, 1e-12))


def _normalised(raw: Floats, alive: npt.NDArray[np.bool_]) -> Floats:
    """Each brand's index divided by its mean over the last 52 weeks in which it lived; never 0."""
    out = np.maximum(raw, 1e-6)
    for b in range(len(out)):
        lived = np.flatnonzero(alive[b])[-REFERENCE_WEEKS:]
        out[b] /= out[b, lived].mean() if len(lived) else out[b].mean()
    return out
