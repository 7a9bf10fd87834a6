"""True demand of the past: what consumers walked in to buy, from requests, allocations, caps, till reports and stock counts.

The mean demand of retailer r and brand b in week t is rate_rb × index_bt. The index is shared (rhythm.py). A pair that hardly knew shortage
sold what flowed to it; every other is read by the filter of its shelf (shelf.py), under the habit of its retailer; both are drawn to their
peers as far as they are unsure (evidence.py). A rate so found is carried to all weeks of the pair's life. Stored are a rate per pair and an
index per brand and week; `expand` gives the pair-weeks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import evidence, rhythm, scarcity
from forecasting import panel as panels
from forecasting.states import Estimate, Shape, brand_weeks, expand, history, interval
from ordering import frames, model
from ordering.frames import Snapshot
from ordering.settings import DemandSettings

Floats = npt.NDArray[np.float64]
SHARED_ERROR = {"slack": 0.07, "tight": 0.16}
"""Relative error of a brand's week that all its pairs share (index and level), without and with shortage."""


def estimate(snapshot: Snapshot, rules: DemandSettings) -> Estimate:
    """True demand of every pair with any line, scan or count in the last `rules.weeks` weeks before the week of the business date.

    Weeks before the first line of all are not estimated: that nothing is known of them does not mean that nothing was wanted.
    """
    weeks = panels.past_weeks(snapshot.business_date, rules.weeks)
    if (weeks >= snapshot.lines["week"].min()).any():
        weeks = weeks[weeks >= snapshot.lines["week"].min()]
    panel = panels.build(snapshot, weeks)
    short = scarcity.measure(panel)
    index = rhythm.index(panel, short)
    rates = evidence.weigh(panel, short, index, snapshot.retailers, snapshot.brands)
    return Estimate(
        _pair_frame(snapshot, panel, rates),
        _index_frame(snapshot, weeks, index),
        Shape(_week_frame(snapshot, weeks, short), rates.habits.chance[:, 0]),
        frames.conform(frames.PROBLEMS, pd.DataFrame(rates.problems, columns=frames.PROBLEMS.names)),
    )


def _pair_frame(snapshot: Snapshot, panel: panels.Panel, rates: evidence.Rates) -> pd.DataFrame:
    retailers, brands = snapshot.categories()
    first, last = panels.spans(panel)
    lived = first <= last
    weeks = panel.weeks.to_numpy()
    return frames.conform(frames.PAIR_ESTIMATES, pd.DataFrame({
        "retailer_id": pd.Categorical.from_codes(panel.retailer[lived], dtype=retailers),
        "brand_id": pd.Categorical.from_codes(panel.brand[lived], dtype=brands),
        "rate": rates.rate[lived], "dispersion": rates.dispersion[lived],
        "evidence": pd.Categorical.from_codes(rates.evidence[lived], evidence.KINDS).astype("str"),
        "from_week": weeks[first[lived]], "to_week": weeks[last[lived]],
    }), check=False)  # fmt: skip


def _index_frame(snapshot: Snapshot, weeks: pd.DatetimeIndex, index: Floats) -> pd.DataFrame:
    brands = snapshot.brands["brand_id"].to_numpy()
    return frames.conform(frames.BRAND_INDEX, pd.DataFrame({
        "brand_id": np.repeat(brands, len(weeks)), "district": model.ALL, "week": np.tile(weeks.to_numpy(), len(brands)),
        "index": index.ravel(),
    }), check=False)  # fmt: skip


def _week_frame(snapshot: Snapshot, weeks: pd.DatetimeIndex, short: scarcity.Scarcity) -> pd.DataFrame:
    brands = snapshot.brands["brand_id"].to_numpy()
    error = np.where(short.tight, SHARED_ERROR["tight"], SHARED_ERROR["slack"])
    return pd.DataFrame({
        "brand_id": np.repeat(brands, len(weeks)), "week": np.tile(weeks.to_numpy(), len(brands)),
        "expected_share": short.expected.ravel(), "tight": short.tight.ravel(), "error": error.ravel(),
    })  # fmt: skip


__all__ = ["Estimate", "Shape", "brand_weeks", "estimate", "expand", "history", "interval"]
