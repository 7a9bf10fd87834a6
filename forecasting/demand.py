"""True demand of the past: what consumers walked in to buy, from requests, allocations, caps, till reports and stock counts.

The mean demand of retailer r and brand b in week t is rate_rb × index_bt. The index is shared (rhythm.py). A pair that hardly knew shortage
sold what flowed to it; every other is read by the filter of its shelf (shelf.py), under the habit of its retailer; both are drawn to their
peers as far as they are unsure (evidence.py). Requests of a surge are brought to the shop's usual before (surges.py). A rate so found is
carried to all weeks of the pair's life. Stored are a rate per pair and an index per brand and week; `expand` gives the pair-weeks.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import doubts, evidence, rhythm, scarcity, surges, totals
from forecasting import panel as panels
from forecasting.shelf import HABITS
from forecasting.states import Estimate, Learnt, Shape, brand_weeks, expand, history, interval
from forecasting.workers import QUIET, Watch
from ordering import frames, model
from ordering.frames import Snapshot
from ordering.settings import DemandSettings

Floats = npt.NDArray[np.float64]
PART_RETAILERS = 5_000
SHARED_ERROR = {"slack": 0.07, "tight": 0.16}
"""Relative error of a brand's week that all its pairs share (index and level), without and with shortage."""


def estimate(snapshot: Snapshot, rules: DemandSettings, watch: Watch = QUIET) -> Estimate:
    """True demand of every pair with any line, scan or count in the last `rules.weeks` weeks before the week of the business date.

    Weeks before the first line of all are not estimated: that nothing is known of them does not mean that nothing was wanted. `watch` is
    told how many parts of the city are weighed.
    """
    weeks = panels.past_weeks(snapshot.business_date, rules.weeks)
    if (weeks >= snapshot.lines["week"].min()).any():
        weeks = weeks[weeks >= snapshot.lines["week"].min()]
    standing = panels.standing(snapshot, weeks)
    believed = [
        doubts.believable(panels.build(snapshot, weeks, standing, among)) for among in city_parts(snapshot.retailers, PART_RETAILERS)
    ]
    typed = [part for part, _ in believed]
    short = scarcity.measure(_together(typed))
    surging = [surges.find(part, short) for part in typed]
    parts = [surges.divided(part, those) for part, those in zip(typed, surging, strict=True)]
    city = _together(parts)
    short = scarcity.measure(city)
    index = rhythm.index(city, short)
    found: list[evidence.Rates] = []
    for part, those in zip(parts, surging, strict=True):
        watch.done(len(found), len(parts))
        found.append(evidence.weigh(part, short, index, snapshot.retailers.iloc[part.among], snapshot.brands, those.found))
    pairs = pd.concat([_pair_frame(snapshot, part, rates) for part, rates in zip(parts, found, strict=True)], ignore_index=True)
    order = np.lexsort([pairs[name].cat.codes for name in ("brand_id", "retailer_id")])
    learnt = _learnt(len(snapshot.retailers), parts, surging, found, order)
    tally = reduce(add, (rates.tally for rates in found))
    cut, shops = sum(cut for _, cut in believed), sum(int(those.found.sum()) for those in surging)
    problems = doubts.found(tally, short, snapshot.brands["brand_id"].to_list(), evidence.KINDS, cut, shops)
    return Estimate(
        pairs.iloc[order].reset_index(drop=True) if len(parts) > 1 else pairs,
        _index_frame(snapshot, weeks, index),
        Shape(_week_frame(snapshot, weeks, short), learnt.chance[:, 0].astype(np.float64)),
        frames.conform(frames.PROBLEMS, pd.DataFrame(problems, columns=frames.PROBLEMS.names)),
        learnt,
    )


def _together(parts: list[panels.Panel]) -> totals.Totals:
    """The sums of the whole city."""
    return reduce(add, (totals.of(part) for part in parts))


def _learnt(
    retailers: int, parts: list[panels.Panel], surging: list[surges.Surges], found: list[evidence.Rates], order: npt.NDArray[np.int64]
) -> Learnt:
    """What the parts taught, by retailer and by estimated pair (in `order`)."""
    number, chance, cover = np.zeros(retailers, np.int16), np.zeros((retailers, len(HABITS)), np.float32), np.zeros(retailers, np.float32)
    surge, times = np.zeros((retailers, 2), np.int16), np.ones(retailers, np.float32)
    for i, (part, those, rates) in enumerate(zip(parts, surging, found, strict=True)):
        number[part.among], chance[part.among], cover[part.among] = i, rates.taught.chance, rates.taught.cover
        surge[part.among], times[part.among] = np.column_stack([those.first, those.last]), those.times
    lived = [first <= last for first, last in map(panels.spans, parts)]

    def by_pair(name: str) -> npt.NDArray[Any]:
        values = np.concatenate([getattr(rates.taught, name)[use] for rates, use in zip(found, lived, strict=True)])[order]
        return values.astype(np.float32) if values.dtype == np.float64 else values

    def by_part(name: str) -> npt.NDArray[Any]:
        return np.array([getattr(rates.taught, name) for rates in found])

    own = (by_pair("touched"), by_pair("prior"), by_pair("level"), by_pair("doubt"), by_pair("centre"), by_pair("width"))
    return Learnt(number, chance, cover, surge, times, *own, by_part("variance"), by_part("tills"), by_part("shelf"))


def city_parts(retailers: pd.DataFrame, most: int) -> list[npt.NDArray[np.int64]]:
    """Row numbers of the retailers of each part that a city is weighed in, so that a part has about `most` of them.

    Streets stay whole, as neighbours are seen together, and are dealt out in turn: every part has its share of each district, of tills and
    of counts, and learns from it what holds for its shops.
    """
    street = panels.streets(retailers)
    count = max(min(round(len(retailers) / most), int(street.max(initial=0)) + 1), 1)
    return [np.flatnonzero(street % count == number) for number in range(count)]


def _pair_frame(snapshot: Snapshot, panel: panels.Panel, rates: evidence.Rates) -> pd.DataFrame:
    retailers, brands = snapshot.categories()
    first, last = panels.spans(panel)
    lived = first <= last
    weeks = panel.weeks.to_numpy()
    return frames.conform(frames.PAIR_ESTIMATES, pd.DataFrame({
        "retailer_id": pd.Categorical.from_codes(panel.among[panel.retailer[lived]], dtype=retailers),
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
