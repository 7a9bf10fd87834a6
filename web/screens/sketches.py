"""Small charts that stand in a row of a table: the points of lines, to be drawn as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEP, TALL = 6, 32
"""Distance of two weeks, and height, in the units of the drawing."""
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
    """The weeks of a brand (jobs.shop.Brands) on a scale of its own, from 0 up."""
    top = max([value for name in ("requested", "allocated", "high") for value in row[name] if value is not None] + [1.0])
    drawn = {name: _points(row[name], top) for name in ("requested", "allocated", "demand", "low", "high")}
    band = [*drawn["high"], *reversed(drawn["low"])]
    width = STEP * (len(row["requested"]) - 1) + 2
    return Sketch(width, *(" ".join(points) for points in (drawn["requested"], drawn["allocated"], drawn["demand"], band)))


def steps(values: Sequence[int], most: int) -> str:
    """The points of a line of steps, one for each month, of levels up to `most`."""
    points = [f"{place},{_y(value, most)}" for at, value in enumerate(values) for place in (2 * STEP * at + 1, 2 * STEP * (at + 1) + 1)]
    return " ".join(points)


def _points(values: Values, top: float) -> list[str]:
    return [f"{STEP * at + 1},{_y(value, top)}" for at, value in enumerate(values) if value is not None]


def _y(value: float, top: float) -> str:
    return f"{1 + (TALL - 2) * (1 - value / top):.1f}"
