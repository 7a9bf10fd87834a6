"""Integrals and moments of a likelihood that is known at a few evenly spaced points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_BEND = 0.5  # of a log likelihood over three points, from which it has a top
NARROW = 2.0  # from which the parabola tells more than the points
STEEPER, CLIFF = 3.0, 8.0  # beside a cliff no parabola holds: one side falls no more than so many times as much as the other, and so much


def integral(log: Floats) -> tuple[Floats, Floats, Floats]:
    """Log of the integral over evenly spaced points of exp(log), (rows, points), in units of their distance; its top; how narrow that is.

    Laplace's, of the parabola through the highest point and its neighbours, for they may lie further apart than the top is wide; the sum
    where that is at the end, or no top. The top is told as the place between the points, its narrowness as the parabola's second
    difference, both of the parabola or else of the highest point and a wide one.
    """
    row, top, points = np.arange(len(log)), log.max(1, initial=-np.inf), log.shape[1]
    highest = log.argmax(1) if log.size else np.zeros(0, np.int64)
    at = np.clip(highest, 1, points - 2)
    here = log[row, at]
    left, right = here - log[row, at - 1], here - log[row, at + 1]
    left, right = np.minimum(left, STEEPER * right + CLIFF), np.minimum(right, STEEPER * left + CLIFF)
    bend = left + right
    inside = (here == top) & (bend > LEAST_BEND) & np.isfinite(bend)
    bend = np.where(inside, bend, LEAST_BEND)
    off = np.where(inside, (left - right) / (2 * bend), 0.0)
    whole = here + off**2 * bend / 2 + 0.5 * np.log(2 * np.pi / bend)
    summed = top + np.log(np.exp(log - top[:, None]).sum(1))
    return np.where(inside, whole, summed), highest + off, bend


def moments(like: Floats, step: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, about the middle point, and variance of a log rate whose log likelihood is known at points `step` apart; how narrow its top is.

    Sums over the points, or, where they lie too far apart for it, the parabola through the top.
    """
    rates = step[:, None] * (np.arange(like.shape[1]) - (like.shape[1] - 1) / 2)
    chance = np.exp(like - like.max(1, initial=-np.inf, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    mean = (chance * rates).sum(1)
    spread = (chance * (rates - mean[:, None]) ** 2).sum(1)
    _, top, bend = integral(like)
    narrow = np.clip((bend - NARROW) / NARROW, 0.0, 1.0)
    return mean + narrow * (step * (top - (like.shape[1] - 1) / 2) - mean), spread + narrow * (step**2 / bend - spread), bend
