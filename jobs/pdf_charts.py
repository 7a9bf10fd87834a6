"""Charts on printed pages, drawn as lines and boxes: bars side by side with the interval of one of them, and lines over weeks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs import pdf_text
from jobs.pdf import INK, SIDE, SOFT, WASH, Document, Style

SMALL = Style(7, SOFT)
AXIS = 12.0
"""Left of a chart, for the figures of its axis."""
LEGEND = 5.0
TICKS = 4


@dataclass(frozen=True)
class Series:
    """What is drawn in one colour; a missing value is NaN. `low` and `high`: of bars, the interval; `dash`: of a line, in mm."""

    name: str
    values: Sequence[float]
    colour: str
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dash: float = 0.0
    thick: float = 0.5


@dataclass(frozen=True)
class Frame:
    """Where a chart is drawn, and how much its axis holds."""

    left: float
    top: float
    width: float
    height: float
    most: float

    def at(self, value: float) -> float:
        """How far down a value lies."""
        return self.top + self.height * (1 - max(value, 0.0) / self.most)


def step_of(most: float) -> float:
    """The distance of an axis's ticks: 1, 2 or 5 times a power of ten, about TICKS of them up to `most`."""
    if not most > 0:
        return 1.0
    rough = most / TICKS
    tens = 10.0 ** math.floor(math.log10(rough))
    return next(tens * times for times in (1, 2, 5, 10) if tens * times >= rough * 0.999)


def bars(to: Document, labels: Sequence[str], series: Sequence[Series], *, height: float = 52.0) -> None:
    """Groups of bars, a group for each label."""
    frame = _frame(to, series, height)
    group = frame.width / max(len(labels), 1)
    each = min(group * 0.72 / len(series), 7.0)
    for at, label in enumerate(labels):
        left = frame.left + at * group + (group - each * len(series)) / 2
        for n, one in enumerate(series):
            _bar(to, frame, left + n * each, each, one, at)
        _label(to, frame, label, frame.left + (at + 0.5) * group, group)
    _done(to, frame, series, boxes=True)


def _bar(to: Document, frame: Frame, left: float, each: float, one: Series, at: int) -> None:
    value = one.values[at]
    if math.isnan(value):
        return
    to.paper.set_fill_color(one.colour)
    to.paper.rect(left, frame.at(value), each * 0.92, frame.at(0.0) - frame.at(value), style="F")
    if one.low and not (math.isnan(one.low[at]) or math.isnan(one.high[at])):
        middle = left + each * 0.46
        to.paper.set_draw_color(INK)
        to.paper.set_line_width(0.25)
        to.paper.line(middle, frame.at(one.low[at]), middle, frame.at(one.high[at]))
        for end in (one.low[at], one.high[at]):
            to.paper.line(middle - 0.8, frame.at(end), middle + 0.8, frame.at(end))


def lines(to: Document, labels: Sequence[str], series: Sequence[Series], *, height: float = 48.0) -> None:
    """Lines over the labels, every so many of which are written."""
    frame = _frame(to, series, height)
    step = frame.width / max(len(labels) - 1, 1)
    for one in series:
        to.paper.set_draw_color(one.colour)
        to.paper.set_line_width(one.thick)
        to.paper.set_dash_pattern(one.dash, one.dash)
        for part in _unbroken(one.values):
            to.paper.polyline([(frame.left + at * step, frame.at(one.values[at])) for at in part])
    to.paper.set_dash_pattern()
    every = max(math.ceil(len(labels) / 9), 1)
    for at in range(0, len(labels), every):
        _label(to, frame, labels[at], frame.left + at * step, step * every)
    _done(to, frame, series, boxes=False)


def _unbroken(values: Sequence[float]) -> list[list[int]]:
    """The runs of places that have a value."""
    runs: list[list[int]] = [[]]
    for at, value in enumerate(values):
        if math.isnan(value):
            runs.append([])
        else:
            runs[-1].append(at)
    return [run for run in runs if len(run) > 1]


def _frame(to: Document, series: Sequence[Series], height: float) -> Frame:
    """Room for a chart with its grid and the figures of its axis."""
    to.needs(height + 12 + LEGEND)
    known = [value for one in series for value in (*one.values, *one.high) if not math.isnan(value)]
    step = step_of(max(known, default=0.0))
    ticks = max(math.ceil(max(known, default=0.0) / step - 1e-9), 1)
    frame = Frame(SIDE + AXIS, to.y + LEGEND + 2, to.wide - AXIS, height, ticks * step)
    to.paper.set_draw_color(WASH)
    to.paper.set_line_width(0.15)
    for tick in range(ticks + 1):
        at = frame.at(tick * step)
        to.paper.line(frame.left, at, frame.left + frame.width, at)
        to.put(0, at - 1.4, f"{tick * step:,.{0 if step >= 1 else 1}f}", SMALL, right=frame.left - 1.5)
    return frame


def _label(to: Document, frame: Frame, text: str, middle: float, room: float) -> None:
    for below, line in enumerate(pdf_text.lines(to.printable(text), SMALL.size, room * 0.96)[:2]):
        to.write(middle - pdf_text.width(line, SMALL.size) / 2, frame.at(0.0) + 1 + below * SMALL.leading, line, SMALL)


def _done(to: Document, frame: Frame, series: Sequence[Series], *, boxes: bool) -> None:
    """The legend above, and on to below the chart."""
    x = frame.left
    for one in series:
        if boxes:
            to.paper.set_fill_color(one.colour)
            to.paper.rect(x, to.y + 0.6, 3.5, 2.4, style="F")
        else:
            to.paper.set_draw_color(one.colour)
            to.paper.set_line_width(one.thick)
            to.paper.set_dash_pattern(one.dash, one.dash)
            to.paper.line(x, to.y + 1.8, x + 6, to.y + 1.8)
            to.paper.set_dash_pattern()
        to.put(x + (4.5 if boxes else 7), to.y, one.name, SMALL)
        x += 13 + pdf_text.width(to.printable(one.name), SMALL.size)
    to.y = frame.top + frame.height + 2 * SMALL.leading + 2
