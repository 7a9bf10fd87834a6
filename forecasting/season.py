"""One season for the city, borrowed by every brand: a log-linear model of all brands at once.

For brand b in week t, with y its demand over its own median:

    log y_bt = c_b + x_t'(m + d_b) + l_bt + u_t + e_bt
    d_b ~ N(0, diag(tau)),  l_bt = l_b,t-1 + N(0, q_b s_b),  e_bt ~ N(0, s_b),  u_t ~ N(0, v)

x holds yearly Fourier terms and the calendar's effects; m is the city's season, d_b the brand's departure from it, shrunk by the spread
of such departures over brands; l is the brand's wandering level; u is what shook all brands in one week. A history of two years holds
a festival twice, one brand's view of it is noise, four hundred brands' view is not. The level is filtered (Harvey 1989, Forecasting,
Structural Time Series Models and the Kalman Filter; the coefficients by the augmented filter of de Jong 1991), tau by MacKay's update,
outliers by the weights of Student's t, the level's speed q by averaging over a grid with weights of its likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]

HARMONICS = 3
YEAR_DAYS = 365.2425
SPEEDS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Variance of the level's weekly step over that of a week's noise."""
ROUNDS = 8
FLOOR = 0.02
"""A week's demand enters the logarithm as at least this share of the brand's median."""
TAILS = 6.0
"""Degrees of freedom of the Student t that a week's noise is taken for."""
LEAST_VARIANCE = 1e-4
PRIOR_BRANDS = 8.0
"""A brand's noise variance is averaged with the pool's as if the pool had been seen for this many weeks."""
WIDE = 4.0
"""Variance of a brand's constant: its mean is known within a factor of e squared."""


@dataclass(frozen=True)
class Season:
    """`ahead`: forecasts, shape (weeks ahead, brands); `factor`: season of past and coming weeks, shape (all weeks, brands), near 1."""

    ahead: Floats
    factor: Floats


@dataclass(frozen=True)
class _State:
    """What the rounds hand on: city coefficients, their spread over brands, noise, common shocks, weights, prior of speeds."""

    m: Floats
    tau: Floats
    noise: Floats
    shock: Floats
    shock_variance: float
    weight: Floats
    log_prior: Floats


@dataclass(frozen=True)
class _Posterior:
    """One pass over all brands: departures, their variances, levels, residuals, weighted sums of squares, evidence of speeds."""

    departure: Floats
    variance: Floats
    level: Floats
    residual: Floats
    squares: Floats
    log_prior: Floats


def fourier(weeks: pd.DatetimeIndex, harmonics: int = HARMONICS) -> Floats:
    """Sines and cosines of the time of year at mid-week, shape (weeks, 2 harmonics)."""
    years = ((weeks - pd.Timestamp("2000-01-03")).days.to_numpy() + 3) / YEAR_DAYS
    return np.column_stack([wave(2 * np.pi * k * years) for k in range(1, harmonics + 1) for wave in (np.sin, np.cos)])


def fit(demand: Floats, weeks: pd.DatetimeIndex, effects: Floats, ramp: Floats | None = None) -> Season:
    """The season and the forecasts of brands that share it.

    `demand`: shape (past weeks, brands), NaN where unknown, each brand with some week above 0. `weeks`: past and coming weeks.
    `effects`: calendar effects of all of them, shape (all weeks, effects); one that is zero in all past weeks cannot be learnt and
    is left out. `ramp`: what is known beforehand of how each brand moves (`launches.ramps`), shape (all weeks, brands); it is part of
    the factor.
    """
    past = len(demand)
    given = np.ones((len(weeks), demand.shape[1])) if ramp is None else ramp
    demand = demand / given[:past]
    x, prior = _design(weeks, effects, past)
    known = np.isfinite(demand)
    scale = np.nanmedian(np.where(demand > 0, demand, np.nan), axis=0)
    z = np.where(known, np.log(np.maximum(np.where(known, demand, scale), FLOOR * scale) / scale), 0.0)
    state = _start(z, known, x.shape[1])
    for round_number in range(ROUNDS):
        found = _posterior(z - state.shock[:, None] - (x[:past] @ state.m)[:, None], x[:past], known, state)
        last, state = state, _updated(state, found, x[:past], known, prior, settle=round_number > 0)
    factor = np.exp((x[:, 1:] @ last.m[1:])[:, None] + x[:, 1:] @ found.departure[:, 1:].T)
    level = found.level[-1] + found.departure[:, 0] + last.m[0]
    factor *= given
    ahead = scale * factor[past:] * np.exp(level + _echo(state.shock, len(weeks) - past)[:, None])
    return Season(ahead, factor)


def _design(weeks: pd.DatetimeIndex, effects: Floats, past: int) -> tuple[Floats, Floats]:
    """Columns: constant, Fourier terms, learnable effects; and the prior variance of the city's coefficients."""
    learnt = effects[:, np.abs(effects[:past]).sum(axis=0) > 0]
    waves = fourier(weeks)
    order = np.repeat(np.arange(1, HARMONICS + 1), 2)
    prior = np.concatenate([[1e-8], (0.2 / order) ** 2, np.full(learnt.shape[1], 0.3**2)])
    return np.column_stack([np.ones(len(weeks)), waves, learnt]), prior


def _start(z: Floats, known: npt.NDArray[np.bool_], columns: int) -> _State:
    steps = np.where(known[1:] & known[:-1], np.abs(np.diff(z, axis=0)), np.nan)
    usual = np.array([np.nanmedian(column) if np.isfinite(column).any() else 0.3 for column in steps.T])
    tau = np.concatenate([[WIDE], np.full(2 * HARMONICS, 0.05**2), np.full(columns - 1 - 2 * HARMONICS, 0.1**2)])
    # the median of the absolute difference of two normal draws is 0.954 standard deviations
    noise = np.maximum((usual / 0.954) ** 2, LEAST_VARIANCE)
    return _State(np.zeros(columns), tau, noise, np.zeros(len(z)), 0.05**2, known.astype(float), np.zeros(len(SPEEDS)))


def _posterior(z: Floats, x: Floats, known: npt.NDArray[np.bool_], state: _State) -> _Posterior:
    """Departures and levels of every brand, averaged over the grid of speeds by their evidence."""
    each = [_at_speed(z, x, state, speed) for speed in SPEEDS]
    evidence = np.array([one["evidence"] for one in each]) + state.log_prior[:, None]
    share = np.exp(evidence - evidence.max(axis=0))
    share /= share.sum(axis=0)

    def mixed(name: str) -> Floats:
        return np.asarray(sum(s.reshape(one["shape"][name]) * one[name] for s, one in zip(share, each, strict=True)))

    departure, level = mixed("departure"), mixed("level")
    residual = np.where(known, z - x @ departure.T - level, 0.0)
    return _Posterior(departure, mixed("variance"), level, residual, mixed("squares"), np.log(share.mean(axis=1) + 0.02))


def _at_speed(z: Floats, x: Floats, state: _State, speed: float) -> dict[str, Any]:
    """Filter, solve for the departures, and smooth the level, for one speed of the level and all brands."""
    vz, vx, f, level_z, level_x, predicted = _filter(z, x, state.weight, speed)
    columns = vx.transpose(1, 0, 2)
    weighted = np.ascontiguousarray((vx / f[:, :, None]).transpose(1, 2, 0))
    precision = weighted @ columns / state.noise[:, None, None] + np.diag(1 / state.tau)
    right = (weighted @ vz.T[:, :, None])[:, :, 0] / state.noise[:, None]
    covariance = np.linalg.inv(precision)
    departure = np.einsum("bij,bj->bi", covariance, right)
    squares = (vz**2 / f).sum(axis=0) / state.noise - (right * departure).sum(axis=1)
    seen = np.isfinite(f)
    spread = np.log(np.where(seen, f, 1.0)).sum(axis=0) + seen.sum(axis=0) * np.log(state.noise)
    evidence = -0.5 * (spread + squares + np.linalg.slogdet(precision)[1] + np.log(state.tau).sum())
    level = _smoothed(level_z - np.einsum("tbi,bi->tb", level_x, departure), predicted, state.weight)
    brands = len(departure)
    return {
        "evidence": evidence, "departure": departure, "variance": np.einsum("bii->bi", covariance), "level": level, "squares": squares,
        "shape": {"departure": (brands, 1), "variance": (brands, 1), "level": (1, brands), "squares": (brands,)},
    }  # fmt: skip


def _filter(z: Floats, x: Floats, weight: Floats, speed: float) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Kalman filter of the level, run on z and on every column of x alike (variances in units of the brand's noise).

    Returns innovations of z (t, b) and x (t, b, k), their variance (infinite where nothing was seen), filtered levels of both, and
    the level's predicted variance.
    """
    weeks, brands, columns = *z.shape, x.shape[1]
    vz, f, level_z, predicted = np.zeros(z.shape), np.full(z.shape, np.inf), np.zeros(z.shape), np.zeros(z.shape)
    vx, level_x = np.zeros((weeks, brands, columns)), np.zeros((weeks, brands, columns))
    az, ax, p = np.zeros(brands), np.zeros((brands, columns)), np.zeros(brands)
    for t in range(weeks):
        p = p + speed
        seen = weight[t] > 0
        total = np.where(seen, p + 1 / np.where(seen, weight[t], 1.0), 1.0)
        gain = np.where(seen, p / total, 0.0)
        vz[t], vx[t] = np.where(seen, z[t] - az, 0.0), np.where(seen[:, None], x[t] - ax, 0.0)
        predicted[t], f[t] = p, np.where(seen, total, np.inf)
        az, ax, p = az + gain * vz[t], ax + gain[:, None] * vx[t], p * (1 - gain)
        level_z[t], level_x[t] = az, ax
    return vz, vx, f, level_z, level_x, predicted


def _smoothed(level: Floats, predicted: Floats, weight: Floats) -> Floats:
    """Rauch-Tung-Striebel smoother of a random walk."""
    out = level.copy()
    filtered = predicted / (1 + predicted * weight)
    for t in range(len(level) - 2, -1, -1):
        out[t] += filtered[t] / predicted[t + 1] * (out[t + 1] - level[t])
    return out


def _updated(state: _State, found: _Posterior, x: Floats, known: npt.NDArray[np.bool_], prior: Floats, *, settle: bool) -> _State:
    """The next round's city season, spread, noise, shocks and weights. The first round leaves the spread as it started."""
    seen = known.sum(axis=0)
    noise = np.maximum(state.noise * found.squares / np.maximum(seen, 1), LEAST_VARIANCE)
    noise = (seen * noise + PRIOR_BRANDS * np.exp(np.log(noise).mean())) / (seen + PRIOR_BRANDS)
    off = np.abs(found.residual) / np.sqrt(noise)
    weight = np.where(known, (TAILS + 1) / (TAILS + off**2), 0.0)
    m, departure = state.m.copy(), found.departure[:, 1:]
    sure = 1 / (state.tau[1:] + found.variance[:, 1:])
    m[1:] += (sure * departure).sum(axis=0) / sure.sum(axis=0)
    tau = _spread(state.tau, departure, found.variance[:, 1:]) if settle else state.tau
    each = weight / noise
    total = each.sum(axis=1)
    common = (each * np.where(known, found.residual + state.shock[:, None], 0.0)).sum(axis=1) / (total + 1 / state.shock_variance)
    whole = common + x[:, 1:] @ m[1:]
    normal = x[:, 1:].T @ x[:, 1:] / state.shock_variance + np.diag(1 / prior[1:])
    m[1:] = np.linalg.solve(normal, x[:, 1:].T @ whole / state.shock_variance)
    shock = whole - x[:, 1:] @ m[1:]
    return replace(
        state, m=m, tau=tau, noise=noise, shock=shock, shock_variance=max(float(np.mean(shock**2)), 1e-5), weight=weight,
        log_prior=found.log_prior,
    )  # fmt: skip


def _spread(tau: Floats, departure: Floats, variance: Floats) -> Floats:
    """MacKay's update of the departures' variance: squares over the number of well determined departures."""
    determined = np.maximum((1 - variance / tau[1:]).sum(axis=0), 1e-3 * len(departure))
    new = (departure**2).sum(axis=0) / determined
    return np.concatenate([tau[:1], np.clip(np.clip(new, tau[1:] / 4, tau[1:] * 4), 1e-6, 0.25)])


def _echo(shock: Floats, ahead: int) -> Floats:
    """How much of what shook the same week last year comes again: the past shocks' regression on those 52 weeks before, shrunk."""
    out = np.zeros(ahead)
    if len(shock) < 60:
        return out
    now, before = shock[52:], shock[:-52]
    repeats = np.clip((now * before).sum() / ((before**2).sum() + 10 * np.mean(shock**2) + 1e-12), 0.0, 1.0)
    last_year = shock[len(shock) - 52 :][:ahead]
    out[: len(last_year)] = repeats * last_year
    return out
