"""The weekly plan of a brand's monthly volume (均衡供货): even against forecast demand, whole cartons, never ahead of what has arrived.

Cartons are divided by the divisor method of Webster (Sainte-Laguë), not by largest remainders: under largest remainders a larger volume
can take a carton from a week, and a part of the weeks shares its cartons otherwise than the whole did. The plan of a month is the one
that minimises Σ plan² ÷ forecast among those in whole cartons that the arrivals allow, so its weeks are as even as can be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNLIMITED = 2**40
"""Stands for "no limit" among cartons."""
LEAST = 1e-9
"""A week without any forecast demand weighs this part of the strongest: it takes what no other week can."""


def shared(total: int, demand: Floats, low: Whole, high: Whole) -> Whole:
    """`total` cartons divided in proportion to `demand`, each part within low..high; Σ low ≤ total ≤ Σ high. Exact, by Webster's method.

    The k-th carton of a part has the key (k − ½) ÷ demand, and cartons go out in the order of their keys, ties to the earlier part.

    >>> shared(10, np.array([1.0, 2.0, 1.0]), np.zeros(3, int), np.full(3, 99)).tolist()
    [3, 5, 2]
    """
    strength = np.maximum(demand, LEAST * demand.max()) if demand.max(initial=0.0) > 0 else np.ones(len(demand))
    below, above = 0.0, (total + 1.0) / float(strength.min())
    for _ in range(100):
        middle = (below + above) / 2
        below, above = (middle, above) if _at(middle, strength, low, high).sum() <= total else (below, middle)
    out = np.clip(_at(below, strength, low, high) - 1, low, high)  # one less each: the last cartons go by key alone, ties and all
    while out.sum() < total:
        key = np.where(out < high, (out + 0.5) / strength, np.inf)
        out[int(key.argmin())] += 1
    return out


def _at(line: float, strength: Floats, low: Whole, high: Whole) -> Whole:
    """The cartons whose keys lie at or below `line`, within the bounds."""
    return np.clip(np.floor(np.minimum(line * strength + 0.5, UNLIMITED)).astype(np.int64), low, high)


def smooth(total: int, demand: Floats, low: Whole, high: Whole, ceiling: Whole) -> Whole:
    """As `shared`, and the first k weeks together never above `ceiling[k - 1]`; `total` must be within reach (`reach`).

    Minimises Σ x² ÷ demand exactly. The ceiling that the division without ceilings exceeds most is met to the carton by the best plan
    (else a carton could be moved to an earlier week, for the better), so the weeks up to it and those after it are planned apart:
    the decomposition of Groenevelt (1991, European Journal of Operational Research 54).
    """
    found = shared(total, demand, low, high)
    over = np.cumsum(found)[:-1] - ceiling[:-1]
    if len(over) == 0 or over.max() <= 0:
        return found
    cut = int(over.argmax()) + 1
    there = int(ceiling[cut - 1])
    early = smooth(there, demand[:cut], low[:cut], high[:cut], ceiling[:cut])
    late = smooth(total - there, demand[cut:], low[cut:], high[cut:], ceiling[cut:] - there)
    return np.concatenate([early, late])


def reach(high: Whole, ceiling: Whole) -> int:
    """The most cartons that weeks can take together, each up to `high` and the first k up to `ceiling[k - 1]`."""
    most = 0
    for own, together in zip(high.tolist(), ceiling.tolist(), strict=True):
        most = min(most + own, together)
    return most


@dataclass(frozen=True)
class Planned:
    """Cartons by week. `unplanned`: of the volume left, what no week can take; below 0: given beyond the volume already."""

    cartons: Whole
    unplanned: int


def weekly(left: int, given: Whole, demand: Floats, high: Whole, ceiling: Whole) -> Planned:
    """The plan of the volume that is `left` for some weeks, in which `given` was given already (it counts towards the plan).

    `high`: the most of each week; `ceiling`: the most of the first k weeks together. What was given stands whatever the limits say.
    """
    ceiling = np.maximum(ceiling, np.cumsum(given))
    high = np.maximum(high, given)
    total = max(min(left, reach(high, ceiling)), int(given.sum()))
    return Planned(smooth(total, demand, given, high, ceiling), left - total)


def weeks_of(month: str) -> pd.DatetimeIndex:
    """The Mondays of a month, `YYYY-MM`: its order weeks."""
    first = pd.Timestamp(f"{month}-01")
    return pd.date_range(first, first + pd.offsets.MonthEnd(0), freq="W-MON").as_unit("us")


@dataclass(frozen=True)
class Month:
    """What a month is planned from; every frame has brand_id. `first`: the first week still to be planned.

    `volume`: volume. `forecast`: week, demand. `given`: week, allocated, of the month's weeks. `supply`: week, available. `arrivals`:
    arrives_on, quantity. A week without a forecast takes the nearest before it.
    """

    name: str
    first: pd.Timestamp
    volume: pd.DataFrame
    forecast: pd.DataFrame
    given: pd.DataFrame
    supply: pd.DataFrame
    arrivals: pd.DataFrame

    @property
    def weeks(self) -> pd.DatetimeIndex:
        """Its order weeks."""
        return weeks_of(self.name)

    def by_week(self, frame: pd.DataFrame, column: str, otherwise: float) -> Floats:
        """A column by brand of `volume` and week of the month."""
        keys = pd.MultiIndex.from_product([self.volume["brand_id"].astype("str"), self.weeks])
        held = pd.Series(frame[column].to_numpy(np.float64), pd.MultiIndex.from_arrays([frame["brand_id"].astype("str"), frame["week"]]))
        return held.reindex(keys).fillna(otherwise).to_numpy().reshape(len(self.volume), len(self.weeks))


def plan_month(month: Month) -> pd.DataFrame:
    """The plan of every brand with a volume: brand_id, week, volume (of the month), forecast, given, arrived, plan, unplanned.

    Weeks before `first` plan what was given. `arrived`: the most that can be given from `first` to the end of the week, missing where
    there is no limit. `unplanned` (of the month, on each row): see `Planned`.
    """
    given, forecast = month.by_week(month.given, "allocated", 0).astype(np.int64), _forecast(month)
    ahead = np.asarray(month.weeks >= month.first)
    ceiling, high = limits(month, ahead, given)
    plan, unplanned = given.copy(), np.zeros(len(month.volume), np.int64)
    for row, volume in enumerate(month.volume["volume"].to_numpy(np.int64).tolist()):
        left = volume - int(given[row, ~ahead].sum())
        found = weekly(left, given[row, ahead], forecast[row, ahead], high[row], ceiling[row])
        plan[row, ahead], unplanned[row] = found.cartons, found.unplanned
    arrived = np.full(plan.shape, np.nan)
    arrived[:, ahead] = np.where(ceiling < UNLIMITED, ceiling, np.nan)
    count = len(month.weeks)
    return pd.DataFrame({
        "brand_id": np.repeat(month.volume["brand_id"].astype("str").to_numpy(), count),
        "week": np.tile(month.weeks.to_numpy(), len(month.volume)),
        "volume": np.repeat(month.volume["volume"].to_numpy(np.int64), count),
        "forecast": forecast.ravel(), "given": given.ravel(), "arrived": arrived.ravel(), "plan": plan.ravel(),
        "unplanned": np.repeat(unplanned, count),
    })  # fmt: skip


def _forecast(month: Month) -> Floats:
    """Forecast demand by brand and week; a week that has none takes that of the nearest week before it."""
    found = pd.DataFrame(month.by_week(month.forecast, "demand", np.nan))
    return found.ffill(axis=1).fillna(0.0).to_numpy()


def limits(month: Month, ahead: npt.NDArray[np.bool_], given: Whole) -> tuple[Whole, Whole]:
    """By brand and week still to be planned: the most of the weeks from `first` up to it together, and the most of it alone.

    A supply row is the most of its week. A brand with arrivals for the month or later is given no more than is there: at first the supply
    of the first week (without a row: what arrived in the month less what was given), then every arrival from the first Monday on which it
    is there: what comes on a Tuesday is planned for the week after, for Tuesday's orders are answered on Tuesday.
    """
    weeks, first = month.weeks[ahead], month.first
    own = month.by_week(month.supply, "available", np.nan)[:, ahead]
    high = np.where(np.isnan(own), UNLIMITED, own).astype(np.int64)
    ceiling = np.full(high.shape, UNLIMITED)
    days = month.arrivals["arrives_on"].to_numpy("datetime64[us]")
    began = (month.weeks[0] - pd.Timedelta(weeks=1)).to_datetime64()  # what came after that Monday is there for the month's first week
    for row, brand in enumerate(month.volume["brand_id"].astype("str")):
        due = (month.arrivals["brand_id"].astype("str") == brand).to_numpy() & (days > began)
        if not due.any() or not len(weeks):
            continue
        dates, cartons = days[due], month.arrivals["quantity"].to_numpy(np.int64)[due]
        later = dates > first.to_datetime64()
        arrived = max(int(cartons[~later].sum() - given[row, ~ahead].sum()), 0)
        opening = arrived if np.isnan(own[row, 0]) else int(own[row, 0])
        there = (dates[later][None, :] <= weeks.to_numpy()[:, None]) @ cartons[later]
        ceiling[row] = opening + there
    return ceiling, high
