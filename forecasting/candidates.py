"""The candidate forecasts of one brand, one function per method.

Each takes the brand's past demand (one value a week, NaN where unknown) and gives the coming weeks'; where a method cannot work it
raises ValueError, or whatever its library raises, and the caller does without it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.season import Floats

YEAR = 52
HALF_YEAR = 26
RECENT_WEEKS = 13
LEAST_WEEKS = 26
"""Known weeks below which nothing is fitted to a brand alone."""
HALF_LIFE_WEEKS = 39.0
"""Age at which a week counts half in the regression."""
WILD = 4.0
"""Multiple of a brand's usual week above which a week counts as that in the regression."""
TREND_RIDGE = 0.02
LEAST_SHARE = 0.02
"""A week's demand enters the logarithm as at least this share of the brand's usual week."""


@dataclass(frozen=True)
class Series:
    """One brand at one origin. `weeks`, `effects` and `factor` cover past and coming weeks; `factor` is its season, near 1."""

    demand: Floats
    weeks: pd.DatetimeIndex
    effects: Floats
    factor: Floats
    seed: int

    @property
    def past(self) -> int:
        """How many weeks are past."""
        return len(self.demand)

    @property
    def ahead(self) -> int:
        """How many weeks are to come."""
        return len(self.weeks) - len(self.demand)

    @property
    def known(self) -> Any:
        """Which past weeks are known."""
        return np.isfinite(self.demand)


def recent_mean(series: Series) -> Floats:
    """The mean of the last 13 known weeks, for every coming week."""
    return np.full(series.ahead, series.demand[series.known][-RECENT_WEEKS:].mean())


def seasonal_naive(series: Series) -> Floats:
    """The demand of 52 weeks before; the recent mean where that is unknown or before the history."""
    at = np.arange(series.ahead) % YEAR + series.past - YEAR
    last_year = np.where(at >= 0, series.demand[np.maximum(at, 0)], np.nan)
    return np.where(np.isfinite(last_year), last_year, recent_mean(series))


def level(series: Series) -> Floats:
    """The recent mean freed of the season of its weeks (a ratio of sums), under the season of the coming ones."""
    recent = np.flatnonzero(series.known)[-RECENT_WEEKS:]
    return series.factor[series.past :] * (series.demand[recent].sum() / series.factor[recent].sum())


def half_year_median(series: Series) -> Floats:
    """The median of the last 26 known weeks freed of their season, under the season of the coming ones: single large orders leave it."""
    recent = np.flatnonzero(series.known)[-HALF_YEAR:]
    return series.factor[series.past :] * np.median(series.demand[recent] / series.factor[recent])


def last_year(series: Series) -> Floats:
    """The demand of 52 weeks before, times how the two weeks' seasons differ: festivals stand where they fall this year.

    Where the year before is unknown, the level.
    """
    at = np.arange(series.past, len(series.weeks)) - YEAR
    inside = np.maximum(at, 0)
    usable = (at >= 0) & (at < series.past)
    before = np.where(usable, series.demand[np.minimum(inside, series.past - 1)], np.nan)
    moved = before * series.factor[series.past :] / series.factor[inside]
    return np.where(np.isfinite(moved), moved, level(series))


def prophet(series: Series) -> Floats:
    """Prophet's piecewise trend of the logarithm of the series freed of its season; from the origin on it stays where it is.

    A trend carried on for a quarter of a year loses more than it wins, and a yearly season that one brand's two years show is mostly
    noise: the shared one is used. No sampling (`uncertainty_samples=0`): intervals come from past errors. Point estimates by L-BFGS from
    fixed starting values, so the same series gives the same figures.
    Source: Taylor & Letham 2018, Forecasting at scale, doi 10.1080/00031305.2017.1380080.
    """
    enough(series)
    with _quiet():
        from prophet import Prophet

        past = pd.DataFrame({"ds": series.weeks[: series.past], "y": _log_freed(series)})
        model = Prophet(
            growth="linear", n_changepoints=8, changepoint_range=0.95, changepoint_prior_scale=0.05, yearly_seasonality=False,
            weekly_seasonality=False, daily_seasonality=False, uncertainty_samples=0,
        )  # fmt: skip
        model.fit(past.dropna(subset=["y"]), seed=series.seed, algorithm="LBFGS")
        trend = model.predict(past[["ds"]].tail(1))["trend"].to_numpy(float)
        return series.factor[series.past :] * np.exp(trend)


def ets(series: Series) -> Floats:
    """Simple exponential smoothing of the series freed of its season, the season put back. Unknown weeks take the line between
    their neighbours.

    Source: Hyndman & Athanasopoulos, Forecasting: principles and practice, 3rd ed., chapter 8.1.
    """
    enough(series)
    with _quiet():
        from statsmodels.tsa.holtwinters import SimpleExpSmoothing

        freed = pd.Series(series.demand / series.factor[: series.past]).interpolate(limit_direction="both").to_numpy()
        scale = freed.mean()
        fitted = SimpleExpSmoothing(freed / scale, initialization_method="estimated").fit()
        return scale * series.factor[series.past :] * np.asarray(fitted.forecast(series.ahead), float)


def structural(series: Series) -> Floats:
    """Unobserved components of the logarithm of the series freed of its season: a wandering level, and a deviation that fades.

    log y_t - log season_t = l_t + c_t + e_t, l a random walk, c_t = phi c_t-1 + noise. Unknown weeks are skipped by the filter.
    Source: Harvey 1989, Forecasting, Structural Time Series Models and the Kalman Filter, chapter 2.
    """
    enough(series)
    with _quiet():
        from statsmodels.tsa.statespace.structural import UnobservedComponents

        freed = _log_freed(series)
        model = UnobservedComponents(freed[np.flatnonzero(series.known)[0] :], level="llevel", autoregressive=1)
        fitted = model.fit(disp=0, maxiter=50, method="lbfgs")
        return series.factor[series.past :] * np.exp(np.asarray(fitted.forecast(series.ahead), float))


def count(series: Series) -> Floats:
    """Negative binomial regression with log link: the brand's season as offset, a level, and a trend that ends at the origin.

    The season holds the calendar. Weights halve every 39 weeks; a week above four times the usual counts as that; the trend is drawn to
    none (ridge). Dispersion 1: a week's error is in proportion to its mean. Source: Cameron & Trivedi 2013, Regression analysis of
    count data, chapter 3.
    """
    enough(series)
    with _quiet():
        import statsmodels.api as sm

        known = np.flatnonzero(series.known)
        usual = np.median(series.demand[known][series.demand[known] > 0])
        years = np.minimum(np.arange(len(series.weeks)) - series.past, 0) / YEAR
        x = np.column_stack([np.ones(len(series.weeks)), years])
        offset = np.log(series.factor[known])
        model = sm.GLM(
            np.minimum(series.demand[known] / usual, WILD * series.factor[known]), x[known], family=sm.families.NegativeBinomial(alpha=1.0),
            offset=offset, freq_weights=0.5 ** ((series.past - known) / HALF_LIFE_WEEKS),
        )  # fmt: skip
        fitted = model.fit_regularized(alpha=np.array([0.0, TREND_RIDGE]), L1_wt=0.0)
        return usual * series.factor[series.past :] * np.exp(x[series.past :] @ fitted.params)


def _log_freed(series: Series) -> Floats:
    """Logarithm of the past weeks over their season, NaN where unknown; no week counts as less than a fiftieth of the usual one."""
    usual = np.median(series.demand[series.known][series.demand[series.known] > 0])
    return np.asarray(np.log(np.maximum(series.demand, LEAST_SHARE * usual) / series.factor[: series.past]))


ALONE: Mapping[str, Callable[[Series], Floats]] = {
    "recent_mean": recent_mean, "seasonal_naive": seasonal_naive, "level": level, "half_year_median": half_year_median,
    "last_year": last_year, "prophet": prophet, "ets": ets, "structural": structural, "count": count,
}  # fmt: skip
"""The methods that look at one brand at a time."""

POOLED = "pooled"
"""The model of all brands at once (`season.fit`)."""

BASELINES = ("recent_mean", "seasonal_naive")
"""What anyone would do first: not weighed, there to be beaten."""

MEMBERS = ("level", "half_year_median", "last_year", "prophet", "ets", "structural", "count", POOLED)
"""The methods that are weighed, the simplest first: it is what a short series falls back to."""


def enough(series: Series) -> None:
    """Raise ValueError where the series is too short to fit anything to it."""
    if series.known.sum() < LEAST_WEEKS:
        raise ValueError(f"fewer than {LEAST_WEEKS} weeks are known")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the libraries' chatter; what they raise still comes through."""
    loggers = [logging.getLogger(name) for name in ("prophet", "prophet.models", "prophet.plot", "cmdstanpy")]
    before = [(one.level, one.disabled) for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
        one.disabled = True
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, (level, disabled) in zip(loggers, before, strict=True):
            one.setLevel(level)
            one.disabled = disabled
