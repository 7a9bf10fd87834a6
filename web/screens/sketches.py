"""Small charts that stand in a row of a table: the points of lines, to be drawn as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEP, TALL = 6, 32
"""Distance of two weeks, and height, in the units of the drawing."""
FAR = 3.0
Values = Sequence[float | None]


@dataclass(frozen=True)
class Sketch:
    """The points of what was requested, allocated and wanted, and the outline of the interval; `width` of the drawing."""

    width: int
    requested: str
    allocated: str
    demand: str
    band: str


def sketch(row: Mapping[str, Any]) -> Sketch:
    """The weeks of a brand (jobs.shop.Brands) on a scale of its own, from 0 up to what was given and wanted, and FAR beyond at most:
    requests above that run along the upper edge, so that the others can be seen below them."""
    had = _most(row, "allocated", "high") or 1.0
    top = min(max(_most(row, "requested"), had), FAR * had)
    drawn = {name: _points(row[name], top) for name in ("requested", "allocated", "demand", "low", "high")}
    band = [*drawn["high"], *reversed(drawn["low"])]
    width = STEP * (len(row["requested"]) - 1) + 2
    return Sketch(width, *(" ".join(points) for points in (drawn["requested"], drawn["allocated"], drawn["demand"], band)))


def _most(row: Mapping[str, Any], *names: str) -> float:
    return max([value for name in names for value in row[name] if value is not None], default=0.0)


def steps(values: Sequence[int], most: int) -> str:
    """The points of a line of steps, one for each month, of levels up to `most`."""
    points = [f"{place},{_y(value, most)}" for at, value in enumerate(values) for place in (2 * STEP * at + 1, 2 * STEP * (at + 1) + 1)]
    return " ".join(points)


def _points(values: Values, top: float) -> list[str]:
    return [f"{STEP * at + 1},{_y(value, top)}" for at, value in enumerate(values) if value is not None]


def _y(value: float, top: float) -> str:
    return f"{1 + (TALL - 2) * (1 - min(value / top, 1.0)):.1f}"
