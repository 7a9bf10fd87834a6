"""What was released to whom, and what became of it: the additive cells of cap take-up, cap-hit breadth and the ordering rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering import rate_cells, strategy
from ordering.frames import Snapshot

RELEASE = ("retailers", "released", "retailers_ordered", "retailers_took_cap", "allocated")
KEY = ["week", "brand_id", "star_level"]


def release_cells(known: Snapshot, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """Cells by week, brand and star level, of the retailers to whom a cap was published: week, brand_id, star_level and RELEASE.

    `retailers` counts those retailers and `released` the sum of their caps (domain.md, 投放量); of them `retailers_ordered` asked for
    something, `retailers_took_cap` got all of a cap above 0, and `allocated` is what they got. Counts over several weeks are of
    retailer-weeks. Lines not yet allocated are left out. No published cap, no cell.
    """
    caps = strategy.caps(known, weeks)
    months = weeks.strftime("%Y-%m")
    distinct = pd.Index(months.unique())
    star = strategy.levels(known, distinct)[:, distinct.get_indexer(months)]
    published = pd.concat([_published(known, caps, star, at) for at in range(len(weeks))], ignore_index=True)
    taken = _taken(known, caps, star)
    cells = published.merge(taken, on=KEY, how="left", validate="1:1")
    ids = known.brands["brand_id"].to_numpy()
    cells = cells.assign(week=weeks[cells["week"]], brand_id=ids[cells["brand_id"]])
    return cells.fillna(dict.fromkeys(RELEASE, 0)).astype(dict.fromkeys(RELEASE, "int64"))[[*KEY, *RELEASE]]


def active(known: Snapshot, week: pd.Timestamp) -> npt.NDArray[np.bool_]:
    """Which retailers trade on some day of a week."""
    shops = known.retailers
    closed = shops["active_to"] < week
    unopened = shops["active_from"] > week + pd.Timedelta(days=6)
    return ~(closed | unopened).to_numpy(bool)


def _published(known: Snapshot, caps: strategy.Caps, star: npt.NDArray[np.int32], at: int) -> pd.DataFrame:
    """Retailers and Σ cap by brand and level in one week, by code. Retailers of one profile and level share their caps."""
    shops = pd.DataFrame({"profile": caps.profile[:, at], "star_level": star[:, at], "double": caps.double})
    shops = shops[active(known, caps.weeks[at])]
    like = shops.groupby(["profile", "star_level"], sort=True)["double"].agg(["size", "sum"]).reset_index()
    cap = caps.cap[like["profile"].to_numpy(), :, at]
    row, brand = np.nonzero(cap != strategy.NO_CAP)
    cells = pd.DataFrame(
        {
            "week": at,
            "brand_id": brand,
            "star_level": like["star_level"].to_numpy()[row],
            "retailers": like["size"].to_numpy()[row],
            "released": cap[row, brand].astype(np.int64) * like["sum"].to_numpy()[row],
        }
    )
    return cells.groupby(KEY, sort=True).sum().reset_index()


def _taken(known: Snapshot, caps: strategy.Caps, star: npt.NDArray[np.int32]) -> pd.DataFrame:
    """Who asked, who took the whole cap and what was given, by week, brand and level, by code."""
    lines = known.lines[["retailer_id", "brand_id", "week", "requested", "allocated"]]
    lines = lines[lines["week"].isin(caps.weeks) & lines["allocated"].notna()]
    pairs = rate_cells.summed(lines, ("requested", "allocated"))
    retailer, brand = (pairs[c].cat.codes.to_numpy(np.int64) for c in ("retailer_id", "brand_id"))
    week = caps.weeks.get_indexer(pd.DatetimeIndex(pairs["week"])).astype(np.int64)
    cap = caps.of(retailer, brand, week)
    pairs = pd.DataFrame(
        {
            "week": week,
            "brand_id": brand,
            "star_level": star[retailer, week],
            "retailers_ordered": pairs["requested"] > 0,
            "retailers_took_cap": (cap > 0) & (pairs["allocated"] >= cap),
            "allocated": pairs["allocated"],
        }
    )
    return pairs[cap != strategy.NO_CAP].groupby(KEY, sort=True).sum().reset_index()
