"""Why less was given than asked: the gap of every line split into causes that sum exactly to it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.model import Origin, Reason

GRAIN = 2.0**-20
"""Real quantities are held in whole multiples of this many cartons, so that float sums of them are exact in any order (to 2^33)."""

GAPS = ("gap_inflated", "gap_supply", "gap_province", "gap_cap", "gap_quota", "gap_limit", "gap_other")
"""The parts of requested − allocated: asked beyond honest need; supply short; supply of a brand made in this province short; cap;
monthly quota; day limit; and the rest: pack, minimum lot, hold, demand bound, or no rule known."""

CAUSES: Mapping[str, str] = {
    Reason.LEVEL: "gap_supply",
    Reason.TURN_LOST: "gap_supply",
    Reason.TURN_WON: "gap_supply",  # the extra carton came, and still the level held the rest back
    Reason.STAR_CAP: "gap_cap",
    Reason.BAND_CAP: "gap_cap",
    Reason.QUOTA_BRAND: "gap_quota",
    Reason.QUOTA_TOTAL: "gap_quota",
    Reason.DAY_LIMIT: "gap_limit",
}
"""The part that each binding rule's gap belongs to; every other code is `gap_other`."""

Floats = npt.NDArray[np.float64]


def fixed(values: Floats) -> Floats:
    """`values` rounded to whole multiples of GRAIN."""
    return np.round(values / GRAIN) * GRAIN


def split_gap(lines: pd.DataFrame, brands: pd.DataFrame) -> pd.DataFrame:
    """The columns GAPS of every line, cartons, summing exactly to requested − allocated.

    `lines` hold brand_id, requested, allocated, `reason` (the binding rule's code, missing where none is known) and `expected`: the
    honest need behind the request, missing where the line is not held to be inflated. What was asked above the larger of `expected`
    and `allocated` is `gap_inflated`; the rest belongs to the binding rule. A line not yet allocated has no gap, and missing parts.
    """
    requested = lines["requested"].to_numpy("float64")
    allocated = lines["allocated"].to_numpy("float64", na_value=np.nan)
    honest = fixed(lines["expected"].to_numpy("float64", na_value=np.nan))
    honest = np.where(np.isnan(honest), requested, np.maximum(honest, allocated))
    inflated = np.maximum(requested - honest, 0.0)
    rest = requested - allocated - inflated
    cause = _causes(lines["reason"], _made_here(lines["brand_id"], brands))
    parts = {"gap_inflated": np.where(np.isnan(allocated), np.nan, inflated)}
    for number, name in enumerate(GAPS[1:], start=1):
        parts[name] = np.where(np.isnan(allocated), np.nan, np.where(cause == number, rest, 0.0))
    return pd.DataFrame(parts, index=lines.index)


def _causes(reason: pd.Series, made_here: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The number in GAPS of each line's part."""
    codes, named = pd.factorize(reason)
    numbers = [GAPS.index(CAUSES.get(str(name), "gap_other")) for name in named]
    cause = np.array([*numbers, GAPS.index("gap_other")], np.int64)[codes]  # code -1, a missing reason, takes the last
    return np.where(made_here & (cause == GAPS.index("gap_supply")), GAPS.index("gap_province"), cause)


def _made_here(brand_id: pd.Series, brands: pd.DataFrame) -> npt.NDArray[np.bool_]:
    province = brands.loc[brands["origin"] == Origin.PROVINCE, "brand_id"]
    return brand_id.isin(province).to_numpy(bool)
