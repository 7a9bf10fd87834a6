"""Requests typed to find out what the cap is: an artefact of the order screen, named apart from inflated requests.

On the order day the screen shows what can be had only after a number was typed. Three traces tell such an entry:
  a number far above the cap that was lowered, on the order day, to what was possible (earlier requests are kept with their versions);
  a same-day line far above the cap of a brand that the shop never asked for before: it has no need yet that could be overstated;
  a number that nobody takes for a need: 999, 8888, 10000, far above cap and need.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.states import codes
from ordering import strategy
from ordering.frames import Snapshot

Floats: TypeAlias = npt.NDArray[np.float64]
Truths: TypeAlias = npt.NDArray[np.bool_]

FAR = 3.0
"""Times the cap from which a number that was lowered, or a first request, was typed to see the cap."""
BEYOND = 10.0
"""Times the cap, or the need where nothing caps, from which a number of the keyboard is no wish."""


def probes(snapshot: Snapshot, lines: pd.DataFrame, cap: npt.NDArray[np.int32], need: Floats) -> Truths:
    """Which of `lines` were typed to find out the cap. By line, in cartons: `cap` (strategy.NO_CAP:
    none) and `need` (NaN: unknown)."""
    asked = lines["requested"].to_numpy(np.float64)
    bound = np.where(cap == strategy.NO_CAP, np.nan, cap)
    return np.asarray(
        _lowered(snapshot.revisions, lines, asked, bound)
        | _first_and_far(snapshot, lines, asked, bound)
        | (of_the_keyboard(asked) & (asked >= BEYOND * np.fmax(bound, need)))
    )


def of_the_keyboard(asked: Floats) -> Truths:
    """Numbers of three digits and more that are one digit repeated, and powers of ten from 1000.

    >>> of_the_keyboard(np.array([9999.0, 888.0, 99.0, 1000.0, 100.0, 120.0, 0.0]))
    array([ True,  True, False,  True, False, False, False])
    """
    whole = asked.astype(np.int64)
    digits = np.floor(np.log10(np.maximum(whole, 1))).astype(np.int64) + 1
    ones = (10**digits - 1) // 9  # 1, 11, 111, …
    return np.asarray(((digits >= 3) & (whole % ones == 0)) | ((digits >= 4) & (whole == 10 ** (digits - 1))))


def _lowered(revisions: pd.DataFrame, lines: pd.DataFrame, asked: Floats, bound: Floats) -> Truths:
    """Lines typed far above the cap and lowered to it or below; the cap that the screen showed goes before the one in force."""
    out = np.zeros(len(lines), bool)
    at = np.flatnonzero(lines["retailer_id"].isin(revisions["retailer_id"]))
    key = lines.iloc[at][["order_id", "brand_id"]].astype("str").assign(at=at)
    before = key.merge(revisions, on=["order_id", "brand_id"], how="inner", validate="1:1")
    at, most = before["at"].to_numpy(np.int64), before["most"].to_numpy(np.float64)
    seen = before["cap_seen"].to_numpy(np.float64, na_value=np.nan)
    limit = np.where(np.isnan(seen), bound[at], seen)
    out[at] = (most >= FAR * np.maximum(limit, 1)) & (asked[at] <= limit) & (asked[at] < most)
    return out


def _first_and_far(snapshot: Snapshot, lines: pd.DataFrame, asked: Floats, bound: Floats) -> Truths:
    """Same-day lines far above a cap, of pairs that no earlier line asked for."""
    found = (lines["mode"] == "same_day").to_numpy() & (asked >= FAR * np.maximum(bound, 1))
    if not found.any():
        return np.asarray(found)
    shops = np.zeros(len(snapshot.retailers), bool)
    shops[codes(snapshot, lines)[0][found]] = True
    past = snapshot.lines[["retailer_id", "brand_id", "order_date"]]
    past = past[shops[past["retailer_id"].cat.codes.to_numpy()]]
    first = np.full(len(shops) * len(snapshot.brands), np.iinfo(np.int64).max)
    np.minimum.at(first, _cells(snapshot, past), past["order_date"].to_numpy("datetime64[D]").astype(np.int64))
    return np.asarray(found & (first[_cells(snapshot, lines)] >= lines["order_date"].to_numpy("datetime64[D]").astype(np.int64)))


def _cells(snapshot: Snapshot, lines: pd.DataFrame) -> npt.NDArray[np.int64]:
    retailer, brand = codes(snapshot, lines)
    return np.asarray(retailer.astype(np.int64) * len(snapshot.brands) + brand)
