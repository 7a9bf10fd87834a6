"""What estimates say that lines and claimants of a week need."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import limits, owners
from allocation.limits import NONE, WIDTH, Rows, Whole
from ordering.frames import Snapshot

Floats = npt.NDArray[np.float64]

MOST = "most"
"""Column of the demand frame: upper quantile of what a pair's consumers want between two visits, cartons."""


def of_pairs(snapshot: Snapshot, demand: pd.DataFrame, week: pd.Timestamp, column: str = "demand") -> pd.Series:
    """`column` of `demand` (retailer_id, brand_id, week) by number of the pair (limits.pairs): of the week itself if there is a row."""
    keys = limits.pairs(snapshot, demand)
    nearest = np.argsort((pd.to_datetime(demand["week"]) != week).to_numpy(), kind="stable")
    known = pd.Series(demand[column].to_numpy(np.float64)[nearest], index=keys[nearest])
    return known[~known.index.duplicated()]


def of_lines(known: pd.Series, rows: pd.DataFrame) -> Floats:
    """Those of numbered rows; NaN where there is none."""
    return known.reindex(rows["retailer"].to_numpy() * WIDTH + rows["brand"].to_numpy()).to_numpy(np.float64)


def of_owners(snapshot: Snapshot, known: pd.Series, owner: Whole, brand: Whole) -> Floats:
    """Those of owners, the sums over their licences; NaN where there is none."""
    return of_claimants(by_owner(snapshot, known), owner, brand)


def by_owner(snapshot: Snapshot, known: pd.Series) -> pd.Series:
    """The sums over the licences of each owner, by owner * WIDTH + brand."""
    pair = known.index.to_numpy(np.int64)
    return known.groupby(owners.of(snapshot.retailers)[pair // WIDTH] * WIDTH + pair % WIDTH).sum()


def of_claimants(sums: pd.Series, owner: Whole, brand: Whole) -> Floats:
    """Those of owners, from `by_owner`; NaN where there is none."""
    return sums.reindex(owner * WIDTH + brand).to_numpy(np.float64)


def demand_cap(snapshot: Snapshot, demand: pd.DataFrame | None, week: pd.Timestamp) -> Callable[[Rows], Whole] | None:
    """The cap that estimated demand sets to each of the rows that it is given (limits.numbered), cartons: for resale-prone brands, whole
    packs; NONE for others, and for pairs without an estimate. None where `demand` holds no `most`."""
    if demand is None or MOST not in demand.columns:
        return None
    sums = by_owner(snapshot, of_pairs(snapshot, demand, week, MOST))
    prone, pack = snapshot.brands["resale_prone"].to_numpy(bool), snapshot.brands["pack_multiple"].to_numpy(np.int64)

    def most(rows: Rows) -> Whole:
        brand = np.asarray(rows["brand"], np.int64)
        found = of_claimants(sums, np.asarray(rows["owner"], np.int64), brand)
        packs = np.ceil(np.nan_to_num(found) / pack[brand]).astype(np.int64)
        return np.where(prone[brand] & ~np.isnan(found), packs * pack[brand], NONE)

    return most
