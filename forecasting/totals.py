"""What all pairs of a city come to by brand and week: all that its parts need to know of each other.

A large city is weighed part by part, so that only one part's work is done at a time. Shortage and rhythm are the whole city's; they are
made of these sums, which add over parts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from forecasting import kernels
from forecasting.panel import Panel, Rows, spans

Floats = npt.NDArray[np.float64]

MOST_ASKED = 1.5  # multiple of a pair's usual (geometric mean) request above which one counts as that


@dataclass(frozen=True)
class Totals:
    """Sums over pairs, each of shape (brands, weeks).

    `asked`, `given`: cartons; `filled`: Σ share of a line that was met; `lines`: lines that asked for something; `held`: cartons asked, no
    request above `MOST_ASKED` times what its pair usually asks; `due`: Σ mean weekly allocation of the pairs that live; `sold`: cartons
    scanned; `watched`: as `due`, of the shops whose till reported that week.
    """

    asked: Floats
    given: Floats
    filled: Floats
    lines: Floats
    held: Floats
    due: Floats
    sold: Floats
    watched: Floats

    def __add__(self, other: Totals) -> Totals:
        return Totals(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Totals)})


def of(panel: Panel) -> Totals:
    """The sums of `panel`."""
    rows, weight = panel.lines, _mean_week(panel)
    asked = rows.value > 0
    filled = np.where(asked, np.minimum(rows.other / np.maximum(rows.value, 1), 1.0), 0.0)
    return Totals(
        asked=_sums(panel, rows, rows.value),
        given=_sums(panel, rows, rows.other),
        filled=_sums(panel, rows, filled),
        lines=_sums(panel, rows, asked.astype(np.float64)),
        held=_sums(panel, rows, _held(rows)),
        due=_alive(panel, weight, np.ones(panel.reports.shape, bool)),
        sold=_sums(panel, panel.scans, panel.scans.value),
        watched=_alive(panel, weight, panel.reports),
    )


def _sums(panel: Panel, rows: Rows, value: npt.NDArray[np.generic]) -> Floats:
    return np.asarray(kernels.brand_week_sums(rows.start, rows.week, value, panel.brand, panel.brands, len(panel.weeks)))


def _mean_week(panel: Panel) -> Floats:
    """Mean weekly allocation of each pair over its life: the weight by which it counts in its brand while it lives."""
    first, last = spans(panel)
    running = np.r_[0.0, np.cumsum(panel.lines.other, dtype=np.float64)]
    return np.diff(running[panel.lines.start]) / np.maximum(last - first + 1, 1)


def _alive(panel: Panel, weight: Floats, on: npt.NDArray[np.bool_]) -> Floats:
    first, last = spans(panel)
    caps = panel.caps
    return np.asarray(kernels.alive_sums(weight, panel.retailer, panel.brand, first, last, caps.profile, caps.cap, on))


def _held(lines: Rows) -> Floats:
    """What was asked, no request above MOST_ASKED times what its pair usually asks: one shop that asks for more and more moves no brand."""
    asked = lines.value > 0
    log = np.log(np.where(asked, lines.value, 1))
    total, count = (np.r_[0.0, np.cumsum(values, dtype=np.float64)] for values in (log, asked))
    mean = np.diff(total[lines.start]) / np.maximum(np.diff(count[lines.start]), 1.0)
    return np.asarray(np.minimum(lines.value, np.repeat(MOST_ASKED * np.exp(mean), np.diff(lines.start))))
