"""Whom a night's notices are for: the retailers to whom an arriving brand is offered under a cap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ordering import frames, strategy
from ordering.database import telling
from ordering.frames import Snapshot
from ordering.settings import Settings


def of_night(known: Snapshot, run_id: int, *, problems: int, settings: Settings, at: datetime) -> Callable[[Any], None]:
    """What posts the notices of a night, given the transaction that stores it."""
    return partial(
        telling.of_night,
        run_id=run_id,
        business_date=known.business_date,
        problems=problems,
        offered=partial(offered, known),
        days=settings.notices.arrival_days,
        at=at,
    )


def offered(known: Snapshot, brand_id: str, week: date) -> list[str]:
    """Retailers that are active in a week and have a cap above 0 of a brand in it; of a brand without caps, nobody."""
    shops, monday = known.retailers, frames.day(week)
    one = known.brands[known.brands["brand_id"] == brand_id]
    rows = known.release_strategy
    of_brand = rows[(rows["brand_id"].astype("str") == brand_id) & (rows["week"] == monday)]
    if one.empty or of_brand.empty:
        return []
    caps = strategy.caps(replace(known, release_strategy=of_brand), pd.DatetimeIndex([monday]))
    every = np.arange(len(shops))
    cap = caps.of(every, np.full(len(shops), one.index[0]), np.zeros_like(every))
    active = (shops["active_from"].isna() | (shops["active_from"] <= monday + pd.Timedelta(days=6))) & (
        shops["active_to"].isna() | (shops["active_to"] >= monday)
    )
    return shops.loc[active.to_numpy() & (cap > 0) & (cap < strategy.NO_CAP), "retailer_id"].astype("str").tolist()
