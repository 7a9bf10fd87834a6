"""What was published to whom: star levels by month, and caps by scope and precedence.

A cap row may be narrowed by district, area type, business format and street; the row with most scopes wins (a tie is refused at
import). No row is no cap. A cap of 0 is "not offered": what was wanted then is unknown, not nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.frames import Snapshot

SCOPES = ("district", "area_type", "business_format", "street")
NO_CAP = np.iinfo(np.int32).max
"""Stands for "no cap" in arrays of caps."""


def levels(snapshot: Snapshot, months: pd.Index) -> npt.NDArray[np.int32]:
    """Star level of every retailer in every month, shape (retailers, months).

    A row of `star_levels` where there is one, the level in `retailers` where there is none.
    """
    own = snapshot.retailers["star_level"].to_numpy(np.int32)
    out = np.repeat(own[:, None], len(months), axis=1)
    history = snapshot.star_levels
    at = months.get_indexer(pd.Index(history["month"]))
    seen = at >= 0
    out[history["retailer_id"].cat.codes.to_numpy()[seen], at[seen]] = history["star_level"].to_numpy()[seen]
    return out


@dataclass(frozen=True)
class Caps:
    """Caps of a span of weeks. `cap[profile, brand, week]`, and `profile[retailer, week]`; `NO_CAP` where there is none.

    Retailers with the same level and scopes share a profile, so a city of 40,000 needs some hundred rows, not 40,000.
    """

    weeks: pd.DatetimeIndex
    profile: npt.NDArray[np.int32]
    cap: npt.NDArray[np.int32]
    double: npt.NDArray[np.int32]

    def of(self, retailer: npt.NDArray[np.int64], brand: npt.NDArray[np.int64], week: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Caps of pairs in weeks, each given by code: int32, `NO_CAP` where there is none.

        Retailers visited every second week get a double cap.
        """
        found = self.cap[self.profile[retailer, week], brand, week]
        return np.where(found == NO_CAP, NO_CAP, found * self.double[retailer])


def caps(snapshot: Snapshot, weeks: pd.DatetimeIndex) -> Caps:
    """The caps in force for every retailer and brand in `weeks` (Mondays), by the precedence of scopes."""
    months = weeks.strftime("%Y-%m")
    distinct = pd.Index(months.unique())
    level = levels(snapshot, distinct)
    rows = snapshot.release_strategy
    rows = rows[rows["week"].isin(weeks)]
    used = [scope for scope in SCOPES if (rows[scope] != "").any()]
    scopes = snapshot.retailers[used].astype("str")
    group, groups = _numbered(scopes)
    top = int(max(level.max(initial=1), rows["star_level"].max() if len(rows) else 1))
    profile = (group[:, None] * (top + 1) + level[:, distinct.get_indexer(months)]).astype(np.int32)
    cap = np.full((len(groups) * (top + 1), len(snapshot.brands), len(weeks)), NO_CAP, np.int32)
    brand = pd.Index(snapshot.brands["brand_id"]).get_indexer(pd.Index(rows["brand_id"].astype("str")))
    week = weeks.get_indexer(pd.DatetimeIndex(rows["week"]))
    known = brand >= 0
    rows, brand, week = rows[known], brand[known], week[known]
    narrowness = (rows[list(SCOPES)] != "").sum(axis=1).to_numpy()
    for count in range(len(SCOPES) + 1):  # the widest first, so that the narrowest is written last
        for pattern, part in rows[narrowness == count].groupby(used, sort=True) if used else [((), rows[narrowness == count])]:
            at = rows.index.get_indexer(part.index)
            fits = np.ones(len(groups), bool)
            for scope, wanted in zip(used, pattern, strict=True):
                if wanted != "":
                    fits &= (groups[scope] == wanted).to_numpy()
            for number in np.flatnonzero(fits):
                cap[number * (top + 1) + part["star_level"].to_numpy(), brand[at], week[at]] = part["cap"].to_numpy()
    return Caps(weeks, profile, cap, snapshot.retailers["visit_every_weeks"].to_numpy(np.int32))


def _numbered(scopes: pd.DataFrame) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """A number for each retailer's combination of scope values, and the combinations by number."""
    if scopes.empty or not len(scopes.columns):
        return np.zeros(len(scopes), np.int64), pd.DataFrame(index=range(1))
    numbers = scopes.groupby(list(scopes.columns), sort=True).ngroup().to_numpy(np.int64)
    return numbers, scopes.assign(_number=numbers).drop_duplicates("_number").sort_values("_number").reset_index(drop=True)
