"""How well people know demand: retailers by their requests, managers by what they change in a suggestion.

Both are held against true demand over windows of four weeks. An order refills a shelf: week against week it says nothing of what was
known, over four weeks what was ordered should have been what was sold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.model import Decision

WINDOW = 4
"""Weeks over which orders and demand are held together (as in the demand fulfilment rate)."""
PLENTY = 0.85
"""Share of what was asked that was given, from which a brand's window counts as one of plenty."""
KNOWLEDGE = ("requested", "demand", "request_error")
WORTH = ("decisions", "overrides", "suggested", "decided", "demand", "error_suggested", "error_decided", "gain")


def windows(weeks: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """The window of each week, counted back from the last: 0 for the last four weeks, 1 for the four before. A window that `weeks` do not
    fill has the number -1.
    """
    back = np.arange(len(weeks))[::-1] // WINDOW
    return np.where(back < len(weeks) // WINDOW, back, -1)


def in_plenty(brand_demand: pd.DataFrame, brands: pd.Index, weeks: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """Whether each brand was given in plenty in each window, shape (brands, windows): all weeks given at least PLENTY of what was asked.

    `brand_demand`: frames.BRAND_DEMAND. A week without a request, or without a row, is none of shortage.
    """
    window = windows(weeks)
    rows = brand_demand[brand_demand["week"].isin(weeks)]
    short = rows[rows["allocated"] < PLENTY * rows["requested"]]
    out = np.ones((len(brands), len(weeks) // WINDOW + 1), bool)
    out[brands.get_indexer(short["brand_id"].astype("str")), window[weeks.get_indexer(pd.DatetimeIndex(short["week"]))]] = False
    return out


def knowledge(pair_weeks: pd.DataFrame, weeks: pd.DatetimeIndex, plenty: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """How near each retailer's requests came to its true demand: sums by retailer_id, over all windows and over those of plenty.

    `pair_weeks`: retailer_id, brand_id (categories), week, requested, demand; all weeks of a pair are in it. Columns: retailer_id,
    requested, demand, request_error = sum over brands and windows of |requested - demand|, and the same three with `plenty_` before.
    Where a brand is short an honest shop asks for its unmet need again and again, so only plenty tells knowledge from want.
    """
    window = windows(weeks)[weeks.get_indexer(pd.DatetimeIndex(pair_weeks["week"]))]
    rows = pair_weeks.assign(window=window)[window >= 0]
    sums = rows.groupby(["retailer_id", "brand_id", "window"], observed=True, sort=True)[["requested", "demand"]].sum().reset_index()
    sums["request_error"] = (sums["requested"] - sums["demand"]).abs()
    enough = plenty[sums["brand_id"].cat.codes, sums["window"]]
    for name in KNOWLEDGE:
        sums[f"plenty_{name}"] = sums[name].where(enough, 0.0)
    named = [*KNOWLEDGE, *(f"plenty_{name}" for name in KNOWLEDGE)]
    return sums.groupby("retailer_id", observed=True, sort=True)[named].sum().reset_index().astype(dict.fromkeys(named, "float64"))


def worth(suggestions: pd.DataFrame, demand: pd.DataFrame) -> pd.DataFrame:
    """What deciding otherwise than suggested brought: by retailer_id, brand_id and window, columns WORTH, and the window's last week.

    `suggestions`: retailer_id, brand_id, week, suggested, decision, decided_qty, one row for a pair and week; what is still open is left
    out. `demand`: retailer_id, brand_id, week, demand, recovered afterwards; a decision without it is not judged. A window is four weeks
    by the calendar. Accepted is decided as suggested, rejected is none. error = |sum of cartons - sum of demand| over the decided weeks
    of the window, gain = error_suggested - error_decided: cartons by which the person came nearer to true demand (below 0: further off).
    """
    told = suggestions[suggestions["decision"] != Decision.OPEN]
    key = ["retailer_id", "brand_id", "week"]
    rows = told.merge(demand[[*key, "demand"]].dropna(), on=key, how="inner", validate="1:1")
    rows = rows.assign(
        decided=_decided(rows),
        decisions=1,
        overrides=(rows["decision"] != Decision.ACCEPTED).astype("int64"),
        window=_calendar(rows["week"]),
    )
    sums = rows.groupby(["retailer_id", "brand_id", "window"], observed=True, sort=True)[list(WORTH[:5])].sum()
    sums["week"] = rows.groupby(["retailer_id", "brand_id", "window"], observed=True, sort=True)["week"].max()
    for name in ("suggested", "decided"):
        sums[f"error_{name}"] = (sums[name] - sums["demand"]).abs()
    sums["gain"] = sums["error_suggested"] - sums["error_decided"]
    return sums.reset_index()[["retailer_id", "brand_id", "week", *WORTH]]


def _decided(rows: pd.DataFrame) -> pd.Series:
    """Cartons decided: as suggested where accepted, none where rejected, the person's where adjusted."""
    own = rows["decided_qty"].astype("Float64").fillna(0.0).astype("float64")
    suggested = rows["suggested"].astype("float64")
    return own.where(rows["decision"] == Decision.ADJUSTED, suggested.where(rows["decision"] == Decision.ACCEPTED, 0.0))


def _calendar(week: pd.Series) -> pd.Series:
    """The number of the four weeks that a Monday belongs to, counted from 1970-01-05."""
    days = (week - pd.Timestamp("1970-01-05")).dt.days
    return days // (7 * WINDOW)
