"""How a retailer orders: how often its requests are inflated, where that is going, and what shortage does to it.

One flagged line says little; twenty-six weeks of lines say more. The share of a retailer's lines that were flagged is shrunk to that of
the city (beta-binomial, empirical Bayes), so that three lines cannot make a liar of anybody. Lines of one order are flagged together,
so a line counts as less than one piece of evidence; what was answered to a flag counts whole.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import judged
from forecasting.judged import Floats, Lines, Standing, Truths, Whole
from ordering import conduct, frames
from ordering.conduct import Habit, Reaction, Trend
from ordering.frames import Snapshot
from ordering.settings import HabitSettings

Words: TypeAlias = npt.NDArray[np.object_]

OFTEN, SELDOM = 0.2, 0.1
"""A retailer inflates often where the whole interval of its rate lies above the first, seldom where it lies below the second."""
MARGIN = 0.1
"""A change of the rate that lies within this both ways, with its whole interval, is none."""
TAIL = 0.05
"""Beyond each end of an interval: 90% lies within."""
NORMAL = 1.6449
"""Standard deviations to that end, of a normal distribution."""
STRENGTH = (0.2, 1_000.0)
"""Bounds of the weight, in lines, of what is known of the city: no prior is quite sure, none is nothing."""
STAYING = 4.0
"""Weight, in lines, of a retailer's rate of all weeks when the rate of some weeks is found."""
OUTLIER = 10.0
"""Times the need that a single line counts for at most, where requests are summed against need."""
HONEST_FACTOR = 2.0
"""A shop that is given too little repeats its unmet need every week, honestly; it asks for more in shortage only where the whole
interval of its factor lies above this."""
NO_GROUND = ("far_above_need", "cap_echo", "festival", "unknown_pair", "probe", "explained", "mistaken", "confirmed")
"""Codes that tell nothing of a flag's ground beyond the flag itself."""


def measure(snapshot: Snapshot, inflated: pd.DataFrame, tight: pd.DataFrame, rules: HabitSettings) -> pd.DataFrame:
    """conduct.HABITS of every retailer with a line in `inflated` (frames.INFLATED). `tight`: brand_id, week, tight.

    Left out of the evidence are lines of which too little is known, cap echoes, probes and explained ones: they say nothing of the habit.
    """
    lines = judged.of_frame(snapshot, inflated, tight)
    by_standing = lines.count.sum(axis=(1, 2))
    used = by_standing[:, judged.USED].sum(axis=1)
    weeks = (lines.count[..., judged.USED].sum(axis=(2, 3)) > 0).sum(axis=1)
    enough = (used >= rules.least_lines) & (weeks >= rules.least_weeks)
    rate, low, high = _rate(*(by_standing @ value for value in judged.evidence(lines)))
    change, trend = _trend(lines, rules.recent_weeks, enough)
    factor, shortage = _reaction(lines, rules.least_lines / 2)
    return frames.conform(conduct.HABITS, pd.DataFrame({
        "retailer_id": snapshot.retailers["retailer_id"], "lines": used, "weeks": weeks, "flagged": _flagged(by_standing),
        "probable": _probable(lines, by_standing),
        **{name: np.where(used > 0, value, np.nan) for name, value in (("rate", rate), ("rate_low", low), ("rate_high", high))},
        "habit": _habit(low, high, enough), "trend": trend, **change, "shortage": shortage, **factor, "reason": _ground(lines),
        **{column: by_standing[:, standing] for column, standing in BESIDE.items()},
    })[by_standing.sum(axis=1) > 0], check=False)  # fmt: skip


BESIDE = {
    "unknown": Standing.UNKNOWN, "echoes": Standing.ECHO, "probes": Standing.PROBE, "explained": Standing.EXPLAINED,
    "mistaken": Standing.MISTAKEN, "confirmed": Standing.CONFIRMED,
}  # fmt: skip
"""Columns that count lines by their standing."""


def _flagged(by_standing: Whole) -> Whole:
    """Lines that are flagged, those confirmed among them."""
    return np.asarray(by_standing[:, judged.HITS].sum(axis=1))


def _probable(lines: Lines, by_standing: Whole) -> Floats:
    """Σ probability of the lines that are evidence; what was answered is sure."""
    open_ = (lines.standing == Standing.HONEST) | (lines.standing == Standing.FLAGGED)
    return np.asarray(lines.sums(open_, lines.score) + by_standing[:, Standing.CONFIRMED])


def _prior(hits: Floats, worth: Floats) -> tuple[float, float]:
    """α and β of the city's rates, by moments (Kleinman 1973): mean μ, and of their spread what chance alone does not make."""
    total = worth.sum()
    if total <= 0:
        return STRENGTH[0] / 2, STRENGTH[0] / 2
    mean = float(np.clip(hits.sum() / total, 1e-4, 1 - 1e-4))
    rate = np.divide(hits, worth, out=np.full(len(hits), mean), where=worth > 0)
    chance = mean * (1 - mean)
    spread = float((worth * (rate - mean) ** 2).sum()) - chance * float((1 - worth / total)[worth > 0].sum())
    between = spread / max(float(total - (worth**2).sum() / total), 1e-9)
    strength = float(np.clip(chance / between - 1, *STRENGTH)) if between > 0 else STRENGTH[1]
    return mean * strength, (1 - mean) * strength


def _rate(hits: Floats, worth: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean of the posterior Beta(α + hits, β + worth − hits), and its 90% interval."""
    from scipy.special import betaincinv

    alpha, beta = _prior(hits, worth)
    a, b = alpha + hits, beta + worth - hits
    return a / (a + b), betaincinv(a, b, TAIL), betaincinv(a, b, 1 - TAIL)


def _habit(low: Floats, high: Floats, enough: Truths) -> Words:
    found = np.full(len(low), str(Habit.SOMETIMES), object)
    found[high < SELDOM] = str(Habit.SELDOM)
    found[low > OFTEN] = str(Habit.OFTEN)
    found[~enough | ((low <= SELDOM) & (high >= 2 * OFTEN))] = str(Habit.CANNOT_TELL)
    return found


def _trend(lines: Lines, recent_weeks: int, enough: Truths) -> tuple[dict[str, Floats], Words]:
    """Rate of the newest weeks less that of the earlier ones, at equal shortage, with its 90% interval.

    More brands short is no change of habit. So lines in shortage are held against lines in shortage, the others against the others, and
    the two differences are weighed by the retailer's lines. The evidence is that of periods as long as the newest weeks, so that only
    what is more than retailers' rates commonly wander is a trend.
    """
    hits, worth = judged.evidence(lines, recent_weeks)
    change, variance, weight = np.zeros(lines.retailers), np.zeros(lines.retailers), np.zeros(lines.retailers)
    for part in (lines.count[:, :, 0], lines.count[:, :, 1]):
        periods = [weeks.sum(axis=1) for weeks in (part[:, :recent_weeks], part[:, recent_weeks:])]
        difference, error, told = _difference([(period @ hits, period @ worth) for period in periods])
        share = np.where(told, part[..., judged.USED].sum(axis=(1, 2)), 0)
        change, variance, weight = change + share * difference, variance + share**2 * error, weight + share
    told = enough & (weight > 0)
    weight = np.where(told, weight, np.nan)
    change, reach = change / weight, NORMAL * np.sqrt(variance) / weight
    low, high = change - reach, change + reach
    found = np.full(lines.retailers, str(Trend.CANNOT_TELL), object)
    found[told & (low > -MARGIN) & (high < MARGIN)] = str(Trend.STEADY)
    found[told & (low > 0) & (change >= MARGIN / 2)] = str(Trend.RISING)
    found[told & (high < 0) & (change <= -MARGIN / 2)] = str(Trend.FALLING)
    return {"change": change, "change_low": low, "change_high": high}, found


def _difference(periods: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats, Truths]:
    """Rate of the first period less that of the second, given hits and worth of each; its variance; where both are known.

    Each is shrunk to the retailer's rate of both.
    """
    both = [sum(values) for values in zip(*periods, strict=True)]
    alpha, beta = _prior(*both)
    rate = (alpha + both[0]) / (alpha + beta + both[1])
    mean, variance, seen = [], np.zeros(len(rate)), np.ones(len(rate), bool)
    for hits, worth in periods:
        a, b = rate * STAYING + hits, (1 - rate) * STAYING + worth - hits
        mean.append(a / (a + b))
        variance += a * b / ((a + b) ** 2 * (a + b + 1))
        seen &= worth > 0
    return mean[0] - mean[1], variance, seen


def _reaction(lines: Lines, least: float) -> tuple[dict[str, Floats], Words]:
    """Asked ÷ need in shortage, over the same without, with its 90% interval: ratios of sums, log-normal error of the residuals."""
    log, variance, told = np.zeros(lines.retailers), np.zeros(lines.retailers), np.ones(lines.retailers, bool)
    asked, used = np.minimum(lines.asked, OUTLIER * lines.need), np.isin(lines.standing, judged.USED)
    for sign, part in ((1.0, used & lines.short), (-1.0, used & ~lines.short)):
        total, need = lines.sums(part, asked), lines.sums(part, lines.need)
        ratio = np.divide(total, need, out=np.ones(lines.retailers), where=need > 0)
        squares = lines.sums(part, (asked - ratio[lines.retailer] * lines.need) ** 2)
        log += sign * np.log(np.maximum(ratio, 1e-9))
        variance += np.divide(squares, total**2, out=np.zeros(lines.retailers), where=total > 0)
        told &= (lines.count[:, :, int(sign > 0), judged.USED].sum(axis=(1, 2)) >= least) & (total > 0)
    reach = NORMAL * np.sqrt(variance)
    factor, low, high = (np.where(told, np.exp(x), np.nan) for x in (log, log - reach, log + reach))
    found = np.full(lines.retailers, str(Reaction.CANNOT_TELL), object)
    found[told & (high < HONEST_FACTOR)] = str(Reaction.NO_DIFFERENT)
    found[told & (low > HONEST_FACTOR)] = str(Reaction.ASKS_MORE)
    return {"shortage_factor": factor, "factor_low": low, "factor_high": high}, found


def _ground(lines: Lines) -> Words:
    """The ground that most of a retailer's flags share, beyond being far above need; that itself where none is in half of them."""
    at = np.flatnonzero(np.isin(lines.standing, judged.HITS))
    retailer, reason = lines.retailer[at], lines.reason[at]
    count = np.bincount(retailer, minlength=lines.retailers)
    out = np.where(count > 0, "far_above_need", "").astype(object)
    best = count / 2
    for code in sorted(set().union(*lines.reasons) - set(NO_GROUND) - {""}):
        holds = np.array([code in codes for codes in lines.reasons])[reason]
        found = np.bincount(retailer[holds], minlength=lines.retailers)
        better = (found >= best) & (found > 0)
        out[better], best = code, np.where(better, found + 0.5, best)
    return out
