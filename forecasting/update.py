"""What a night adds to the week's fit: the pairs with an order or a count since Monday, read again with it.

What whole cities teach - habits, how full shelves are, how far tills and requests mislead, what peers sell - is taken from the fit
as it stands; so a night costs as its new lines do, and nobody else's estimate moves. The next Monday's fit learns all of it anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import doubts, evidence, kernels, shelf, surges
from forecasting import panel as panels
from forecasting.panel import Panel
from forecasting.scarcity import SLACK, TIGHT, Scarcity
from forecasting.states import Estimate, codes
from ordering.frames import Snapshot

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

FIGURES = ["rate", "dispersion"]
WEEK = pd.Timedelta(weeks=1)
NO_SURGE = np.array([0, -1])
BLAMELESS = 1.0
"""Probability of being honest of a shop that was heard of since Monday."""
MOST_CHANGE = 2.0
"""The coming week's index is within this factor of the last one's."""


def recoded(estimate: Estimate, known: Snapshot) -> Estimate:
    """The fit of a Monday with ids as categories of `known`, in which shops and brands may have come since: of these nothing was learnt."""
    retailer, brand = known.categories()
    pairs, learnt = estimate.pairs, estimate.learnt
    shop = pairs["retailer_id"].cat.categories.get_indexer(retailer.categories)
    item = pairs["brand_id"].cat.categories.get_indexer(brand.categories)

    def at(values: npt.NDArray[Any], absent: float | Whole) -> npt.NDArray[Any]:
        out = np.full((len(shop), *values.shape[1:]), absent, values.dtype)
        out[shop >= 0] = values[shop[shop >= 0]]
        return out

    tills = np.zeros((len(learnt.tills), len(item)))
    tills[:, item >= 0] = learnt.tills[:, item[item >= 0]]
    return replace(
        estimate,
        pairs=pairs.astype({"retailer_id": retailer, "brand_id": brand}),
        shape=replace(estimate.shape, honest=at(estimate.shape.honest, BLAMELESS)),
        learnt=replace(
            learnt,
            part=at(learnt.part, -1),
            chance=at(learnt.chance, 0.0),
            cover=at(learnt.cover, 1.0),
            surge=at(learnt.surge, NO_SURGE),
            times=at(learnt.times, 1.0),
            tills=tills,
        ),
    )


def reread(known: Snapshot, estimate: Estimate, expected: pd.Series) -> pd.DataFrame:
    """`estimate.pairs` (`recoded`), those with something new (`_fresh`) with their rate and dispersion as the week adds to them.

    `expected`: forecast demand of this week by brand, cartons, from which follows how the week stands to others.
    """
    weeks = pd.DatetimeIndex(np.sort(estimate.index["week"].unique()))
    row = _fresh(known, estimate, weeks)
    if not len(row):
        return estimate.pairs
    span = pd.DatetimeIndex([*weeks, weeks[-1] + WEEK])
    index, short, standing = _index(known, estimate, weeks, expected), _scarcity(known, estimate, weeks), panels.standing(known, span)
    street = panels.streets(known.retailers)
    shop, found, part = codes(known, estimate.pairs)[0], estimate.pairs[FIGURES].to_numpy(np.float64), estimate.learnt.part
    for number in np.unique(part[shop[row]]):
        own = row[part[shop[row]] == number]
        neighbours = np.isin(street, street[shop[own]])  # their requests are what one may echo
        panel, _ = doubts.believable(panels.build(known, span, standing, np.flatnonzero(neighbours & (part == number))))
        panel = surges.divided(panel, _surges(estimate, panel))
        found[own] = _read(known, estimate, panel, short, index, int(number), own)
    return estimate.pairs.assign(**{c: found[:, i].astype(estimate.pairs[c].dtype) for i, c in enumerate(FIGURES)})


def _fresh(known: Snapshot, estimate: Estimate, weeks: pd.DatetimeIndex) -> Whole:
    """Rows of the estimate's pairs with a line since the weeks of the fit, or with a count, if they are read by their shelf."""
    if not len(estimate.learnt.touched) or not len(weeks):
        return np.zeros(0, np.int64)
    lines, counts, cells = known.lines, known.stock_counts, _cells(known, estimate.pairs)
    asked = np.isin(cells, _cells(known, lines[(lines["week"] > weeks[-1]) & (lines["requested"] > 0)]))
    counted = np.isin(cells, _cells(known, counts[counts["counted_on"] >= weeks[-1] + WEEK]))
    return np.flatnonzero(asked | (counted & estimate.learnt.touched))


def _surges(estimate: Estimate, panel: Panel) -> surges.Surges:
    """The surges of the panel's retailers; one that lasted until the fit goes on."""
    first, last = estimate.learnt.surge[panel.among].astype(np.int64).T
    times, until = estimate.learnt.times[panel.among].astype(np.float64), len(panel.weeks) - 1
    return surges.Surges(first, np.where((first <= last) & (last == until - 1), until, last), times)


def _read(known: Snapshot, estimate: Estimate, panel: Panel, short: Scarcity, index: Floats, part: int, row: Whole) -> Floats:
    """Rate and dispersion of the estimate's pairs `row`, all of one part, read in `panel`: (rows, 2)."""
    learnt, shops = estimate.learnt, panel.among
    at = np.searchsorted(shops[panel.retailer] * panel.brands + panel.brand, _cells(known, estimate.pairs.iloc[row]))

    def by_pair(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out = np.zeros(panel.pairs, np.float64 if values.dtype != bool else bool)
        out[at] = values[row]
        return out

    chance, touched = learnt.chance[shops].astype(np.float64), by_pair(learnt.touched)
    taught = evidence.Taught(
        touched, by_pair(learnt.prior), by_pair(learnt.level), by_pair(learnt.doubt), by_pair(learnt.centre), by_pair(learnt.width),
        float(learnt.variance[part]), learnt.tills[part], chance, learnt.cover[shops].astype(np.float64), learnt.shelf[part],
    )  # fmt: skip
    before = by_pair(estimate.pairs["rate"].to_numpy())
    rate, spread = read_again(panel, short, index, known.retailers.iloc[shops], known.brands, taught, before, at)
    return np.column_stack([rate, spread + evidence.COUNT_DISPERSION])


def read_again(
    panel: Panel, short: Scarcity, index: Floats, retailers: pd.DataFrame, brands: pd.DataFrame, taught: evidence.Taught, before: Floats,
    which: Whole,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Rate and log variance of the pairs with the numbers `which`, with what was taught; `before`: the rates of all pairs so far."""
    asked = np.zeros(panel.pairs, bool)
    asked[which] = True
    taught = replace(taught, touched=taught.touched & asked)
    seen = shelf.taught(shelf.views(panel, short, index, retailers, brands), taught.shelf, taught.cover)
    grid = shelf.Tried(evidence.peers_mean(taught.prior, taught.variance), taught.centre, taught.width)
    told, precision = evidence.read(seen, taught, grid)
    flow = evidence.met(seen, taught.touched, evidence.flows_of(panel, short, index)[2], before)
    own = (flow.cartons[which], flow.weeks[which], told[which], precision[which])
    found: tuple[Floats, Floats] = kernels.posterior(taught.prior[which], taught.variance, *own)
    return found


def _cells(known: Snapshot, rows: pd.DataFrame) -> Whole:
    """Retailer × brands + brand of each row, by code."""
    retailer, brand = codes(known, rows)
    return retailer.astype(np.int64) * len(known.brands) + brand


def _by_brand(known: Snapshot, frame: pd.DataFrame, column: str, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    wide = frame.assign(brand_id=frame["brand_id"].astype("str")).pivot(index="brand_id", columns="week", values=column)
    return wide.reindex(known.brands["brand_id"], columns=weeks)


def _index(known: Snapshot, estimate: Estimate, weeks: pd.DatetimeIndex, expected: pd.Series) -> Floats:
    """Index by brand and week, and of this week: what is expected ÷ the rates of the pairs that live."""
    past = _by_brand(known, estimate.index, "index", weeks).fillna(1.0)
    pairs = estimate.pairs[estimate.pairs["to_week"] == weeks[-1]]
    rates = pairs.groupby(pairs["brand_id"].astype("str"))["rate"].sum().reindex(past.index)
    last = past[weeks[-1]]
    coming = (expected.reindex(past.index) / rates.where(rates > 0)).fillna(last)
    return np.column_stack([past.to_numpy(), coming.clip(last / MOST_CHANGE, last * MOST_CHANGE)])


def _scarcity(known: Snapshot, estimate: Estimate, weeks: pd.DatetimeIndex) -> Scarcity:
    """The scarcity of the past weeks; this one is as the last."""
    tight = _by_brand(known, estimate.shape.weeks, "tight", weeks).fillna(value=False).to_numpy(bool)
    expected = _by_brand(known, estimate.shape.weeks, "expected_share", weeks).fillna(1.0).to_numpy(np.float64)
    state = np.where(tight, TIGHT, SLACK).astype(np.int64)
    expected, state = (np.column_stack([values, values[:, -1:]]) for values in (expected, state))
    return Scarcity(np.full(expected.shape, np.nan), expected, state)
