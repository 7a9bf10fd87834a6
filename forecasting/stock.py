"""Evidence that needs no trust in requests: what tills sold while there was stock, and what counts say was left.

Where a till reports, the shelf is followed week by week: last count + received − sold. A week that ends with stock on the shelf shows
demand whole; one that ends empty shows only that it was at least what was sold. A rate is fitted to both (Poisson, censored from below).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting import till_kernels
from forecasting.panel import Panel, spans
from forecasting.scarcity import Scarcity

Floats = npt.NDArray[np.float64]

MOST_TRUST = 25.0  # cartons' worth at most: consumers who search the street buy here too, and rates found so share that error


@dataclass(frozen=True)
class Tills:
    """Per pair: demand in cartons and the index-weeks that show it, in shortage. Both 0 where no till tells."""

    cartons: Floats
    weeks: Floats


def tills(panel: Panel, short: Scarcity, index: Floats) -> Tills:
    """What till reports tell of each pair's rate in weeks of shortage."""
    if not len(panel.scans):
        return Tills(np.zeros(panel.pairs), np.zeros(panel.pairs))
    first, last = spans(panel)
    rate, weeks = till_kernels.till_rates(
        panel.lines.start, panel.lines.week, panel.lines.other, panel.scans.start, panel.scans.week, panel.scans.value,
        panel.counts.start, panel.counts.week, panel.counts.value, panel.reports, index, short.state,
        panel.retailer, panel.brand, first, last, panel.caps.profile, panel.caps.cap,
    )  # fmt: skip
    weeks = np.minimum(weeks, MOST_TRUST / np.maximum(rate, 1e-6))
    return Tills(rate * weeks, weeks)
