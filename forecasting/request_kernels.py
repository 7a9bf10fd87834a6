"""Compiled: how probable a request is, given what is missing on the shelf and how the shop turns that into a request."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HONEST, TIMES, COVER, CAP, STREET, ITSELF = 0, 1, 2, 3, 4, 5
"""How a retailer turns a need into a request while a brand is short: as it is; times a factor ÷ (the share it lately got)^power; to fill a
larger shelf; the cap, if that is more; the largest request of its street last week, if that is more; like its last request, whatever the
need."""

OWN_WEIGHT = 0.3  # weight of the newest order in the share that a shop expects
LEAST_SHARE = 0.2
STRAY = 0.06  # share of requests that nothing explains
FORGOT = 0.06  # chance that a missing carton is not asked for

GRAINS = (1, 5, 10)  # multiples in which requests are tabled
LEVEL_STEP, BASE_LEVEL, LEVELS = 0.12, 4, 24  # tabled factors: e^(-.48) .. e^2.28, 12% apart
MOST_TABLED = 48  # requests of fewer multiples are looked up
PARTS, WHOLES = 8, 64  # needs are looked up between eighths of a carton; in the table, whole cartons lie side by side
NEEDS = PARTS * WHOLES
DIRECT, NONE = -1, -2


@nb.njit(cache=True, error_model="numpy")
def _normal(z: float) -> float:
    return 0.3989422804 * math.exp(-0.5 * z * z)


@nb.njit(cache=True, error_model="numpy")
def _between(low: float, high: float) -> float:
    """Probability of a standard normal value between two bounds."""
    return 0.5 * (math.erf(high * 0.7071067812) - math.erf(low * 0.7071067812))


@nb.njit(cache=True, error_model="numpy")
def _rise(x: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, a straight line between."""
    return min(max((x - low) / (high - low), 0.0), 1.0)


@nb.njit(cache=True, error_model="numpy")
def _asking(q: int, need: float, kind: int, factor: float, rival: float, grain: float, noise: float) -> float:
    """Probability of a request of q cartons from a need (cartons, may be below 0); without steps in the need, of which nobody is sure."""
    if kind >= CAP and rival >= 1:
        if q == 0:
            return 0.4 - 0.25 * _rise(need, 0.25, 0.75)
        sd, more = math.sqrt(noise * noise * need * need + 0.25), _rise(need, rival, rival + 1.0)
        own = _normal((q - need) / sd) / sd if more > 0 else 0.0
        return 0.85 * ((1 - more) * (0.9 if q == rival else 0.025 / (1 + rival)) + more * own)
    nothing = 0.95 - 0.25 * _rise(need, 0.1, 0.35) - 0.4 * _rise(need, 0.35, 0.75) - (0.3 - FORGOT) * _rise(need, 0.75, 1.25)
    if q == 0:
        return nothing
    missed = _rise(need, 0.3, 0.7)  # how surely a carton is missing
    idle = 0.6 / max(factor, grain) if q <= max(factor, grain) * 1.01 else 0.05 / (1 + factor)
    if missed <= 0:
        return (1 - nothing) * idle
    wanted = need * factor
    if grain > 1:
        sd = math.sqrt(noise * noise * wanted * wanted + 0.3)
        meant = _between((q - grain + 0.4 - wanted) / sd, (q + 0.4 - wanted) / sd) + 1e-4
    else:
        sd = math.sqrt(noise * noise * wanted * wanted + 0.15 * factor * factor + 0.1)
        meant = _normal((q - wanted) / sd) / sd
    return (1 - nothing) * (1 - missed) * idle + (1 - FORGOT) * missed * meant  # part of a carton may be asked for as one


@nb.njit(cache=True, error_model="numpy")
def chance_by_last(q: int, last: int, zeros: float) -> float:
    """Probability of a request of q cartons where only the shop's own last request tells anything."""
    if q == 0:
        return zeros
    if last <= 0:
        return (1 - zeros) * 0.25 / (1 + 0.25 * q)
    z = math.log(q / last) / 0.35
    return (1 - zeros) * (0.85 * min(_normal(z) / (0.35 * q), 0.6) + 0.15 * 0.25 / (1 + q))


@nb.njit(cache=True, error_model="numpy")
def chance_of(q: int, need: float, how: int, times: float, rival: float, grain: float, noise: float, trust: float) -> float:
    """Probability of a request, strays included, raised to `trust`."""
    stray = 0.25 / (1 + q) if q > 0 else 0.5
    chance = (1 - STRAY) * _asking(q, need, how, times, rival, grain, noise) + STRAY * stray
    return chance if trust == 1.0 else chance**trust


@nb.njit(cache=True, error_model="numpy")
def request_table(grain: int, noise: float, trust: float) -> Array:
    """`chance_of` by level of the factor, request in multiples of `grain`, and need: float32 (LEVELS, MOST_TABLED, NEEDS)."""
    out = np.empty((LEVELS, MOST_TABLED, NEEDS), np.float32)
    for level in range(LEVELS):
        times = math.exp((level - BASE_LEVEL) * LEVEL_STEP)
        for q in range(MOST_TABLED):
            for i in range(NEEDS):
                need = (i % WHOLES) + (i // WHOLES) / PARTS
                out[level, q, i] = chance_of(q * grain, need, TIMES, times, 0.0, grain, noise, trust)
    return out


@nb.njit(cache=True, error_model="numpy")
def table_rows(
    want: Array, tight: Array, share: Array, rival: Array, kind: int, factor: float, power: float, grain: float, times: Array, row: Array
) -> None:
    """By week: what a need is multiplied by, and where the table of requests holds the week's (DIRECT: not there; NONE: no order)."""
    tabled, step = -1, int(grain)
    for i in range(len(GRAINS)):
        if grain == GRAINS[i]:
            tabled = i
    for t in range(len(want)):
        short = tight[t] and kind == TIMES
        times[t] = factor if short else 1.0
        if short and power > 0:
            times[t] *= share[t] ** -power
        level = min(max(round(math.log(times[t]) / LEVEL_STEP) + BASE_LEVEL, 0), LEVELS - 1) if short else BASE_LEVEL
        steep = LEVELS if short and power > 0 else 0
        row[t] = ((tabled * 2 * LEVELS + steep + level) * MOST_TABLED + want[t] // step) * NEEDS
        if (
            tabled < 0
            or want[t] % step != 0
            or want[t] // step >= MOST_TABLED
            or (tight[t] and (kind == ITSELF or (kind >= CAP and rival[t] >= 1)))
        ):
            row[t] = DIRECT
        if want[t] < 0:
            row[t] = NONE


@nb.njit(cache=True, error_model="numpy")
def shares_got(came: Array, want: Array, first: float, out: Array) -> None:
    """The share of its requests that a shop lately got, before each week, within `LEAST_SHARE` and 1."""
    got = first
    for i in range(len(came)):
        out[i] = min(max(got, LEAST_SHARE), 1.0)
        if want[i] > 0:
            got += OWN_WEIGHT * (came[i] / want[i] - got)


@nb.njit(cache=True, error_model="numpy")
def rivals(kind: int, limits: Array, double: int, street_most: Array, begin: int, want: Array, out: Array) -> None:
    """What a retailer may type instead of its need: the cap, or its street's largest request of the week before, if not its own."""
    for i in range(len(limits)):
        if kind == CAP and limits[i] < 1_000_000:
            out[i] = limits[i] * double
        if kind == STREET and begin + i > 0:
            most = street_most[begin + i - 1]
            out[i] = 0.0 if i > 0 and want[i - 1] >= most else most
