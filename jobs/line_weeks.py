"""The last weeks of many pairs at once, packed small: what was asked, given and wanted, and what was given a week and a year before."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jobs.exports import Source
from ordering import frames
from ordering.database import pair_weeks
from ordering.database.lookups import Among
from ordering.model import week_of
from ordering.review import Filter

WEEKS = 13
"""Weeks before that of the business date."""
YEAR = 52
"""Weeks from a week to the same one a year later."""
NONE, LOWEST, STEPS = 32, 40, 51
"""How a week is written: a blank where nothing is known, else a character from the lowest for 0 to that STEPS later for the top."""
ABOVE = 3
"""The top is the peak, but no more than so many times what was given or wanted: else requests of short brands would flatten these."""
SERIES = ("requested", "allocated", "demand")
"""What is drawn of a pair, one after the other."""

Floats = npt.NDArray[np.float64]


def packed(source: Source, of: Filter, among: Among | None = None) -> dict[str, Any]:
    """The pairs of a night by number of shop and brand. `shape`: SERIES of WEEKS characters for each pair, scaled to its top.

    `peak`: the highest of its weeks, cartons; `last`, `year`: what was given in the week before the planned one, and a year before the
    planned one; null where nothing is known.
    """
    monday = week_of(source.run.business_date)
    first, last_year = monday - timedelta(weeks=WEEKS), monday - timedelta(weeks=YEAR)
    weeks = [first + timedelta(weeks=n) for n in range(WEEKS + 1)] + [last_year, last_year + timedelta(weeks=1)]
    with source.db.reading() as reader:
        pairs = pair_weeks.read_pairs(reader, source.run.run_id, of, among)
        lines = pair_weeks.read_many(reader, of, among, weeks)
        index = pair_weeks.read_index(reader, source.run.run_id, of.brand, weeks[:WEEKS])
    asked, given = _weekly(pairs, lines, weeks)
    wanted = _wanted(pairs, index, weeks[:WEEKS])
    ahead = ((pairs["week"] - frames.day(monday)) // pd.Timedelta(weeks=1)).to_numpy(np.int64).clip(0, 1)
    row = np.arange(len(pairs))
    known = np.stack([asked[:, :WEEKS], given[:, :WEEKS], wanted], axis=1)
    peak = np.fmax.reduce(known, axis=(1, 2), initial=0.0)
    shop, brand = (pd.factorize(pairs[name].astype("str")) for name in ("retailer_id", "brand_id"))
    return {
        "weeks": [week.isoformat() for week in weeks[:WEEKS]],
        "names": {"shop": shop[1].tolist(), "brand": brand[1].tolist()},
        "shop": shop[0].tolist(),
        "brand": brand[0].tolist(),
        "shape": _shape(known),
        "peak": peak.round(1).tolist(),
        "last": _plain(given[row, WEEKS - 1 + ahead]),
        "year": _plain(given[row, WEEKS + 1 + ahead]),
    }


def _weekly(pairs: pd.DataFrame, lines: pd.DataFrame, weeks: list[date]) -> tuple[Floats, Floats]:
    """What was asked and given by pair and week; missing where no line is, or where all of them wait."""
    shops, brands = (pd.Index(pairs[name].unique()) for name in ("retailer_id", "brand_id"))
    place = np.full((len(shops) + 1, len(brands) + 1), -1)
    place[shops.get_indexer(pairs["retailer_id"]), brands.get_indexer(pairs["brand_id"])] = np.arange(len(pairs))
    row = place[shops.get_indexer(lines["retailer_id"]), brands.get_indexer(lines["brand_id"])]
    column = pd.DatetimeIndex(weeks).get_indexer(lines["week"])
    found = []
    for name in ("requested", "allocated"):
        values = lines[name].to_numpy("float64", na_value=np.nan)
        told = (row >= 0) & ~np.isnan(values)
        sums, lived = np.zeros((len(pairs), len(weeks))), np.zeros((len(pairs), len(weeks)), bool)
        np.add.at(sums, (row[told], column[told]), values[told])
        lived[row[told], column[told]] = True
        found.append(np.where(lived, sums, np.nan))
    return found[0], found[1]


def _wanted(pairs: pd.DataFrame, index: pd.DataFrame, weeks: list[date]) -> Floats:
    """True demand by pair and week: its rate × the brand's index in its district, else the one for every district (""), while it lives."""
    wide = index.pivot_table(index=["brand_id", "district"], columns="week", values="index")
    wide = wide.reindex(columns=pd.DatetimeIndex(weeks))
    own, every = (pd.MultiIndex.from_arrays([pairs["brand_id"], of]) for of in (pairs["district"], [""] * len(pairs)))
    here = wide.index.get_indexer(own)
    at = np.where(here >= 0, here, wide.index.get_indexer(every))
    values = np.vstack([wide.to_numpy("float64"), np.full((1, len(weeks)), np.nan)])[at]
    monday = np.array(weeks, dtype="datetime64[us]")[None, :]
    lives = (monday >= pairs["from_week"].to_numpy()[:, None]) & (monday <= pairs["to_week"].to_numpy()[:, None])
    found: Floats = np.where(lives, pairs["rate"].to_numpy("float64")[:, None] * values, np.nan)
    return found


def _shape(known: npt.NDArray[np.float64]) -> str:
    asked, others = (np.fmax.reduce(part, axis=(1, 2), initial=0.0) for part in (known[:, :1], known[:, 1:]))
    top = np.where(others > 0, np.maximum(others, np.minimum(asked, ABOVE * others)), asked)
    scaled = np.nan_to_num(known / np.maximum(top, 1e-9)[:, None, None] * STEPS).round().clip(0, STEPS)
    return np.where(np.isnan(known), NONE, LOWEST + scaled).astype(np.uint8).tobytes().decode("ascii")


def _plain(values: Floats) -> list[int | None]:
    return [None if np.isnan(value) else int(value) for value in values]
