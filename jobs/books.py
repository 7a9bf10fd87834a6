"""The book of an order week for the ordering desk: read once, kept in memory, and made anew when the city's version is another."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation.promise import Book
from jobs import measures
from jobs.exports import Source
from ordering import database, frames, snapshot
from ordering.database import counters
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.frames import Snapshot
from ordering.model import Policy
from ordering.settings import Settings

EARNED_WEEKS = 14
"""Weeks of history that sell-through needs."""


@dataclass(frozen=True)
class Kept:
    """A book with what it was made of: the city's `version`, the night whose level it reads (0: none), and retailers and brands.

    `unplanned`: the week has a supply, and no night has solved its levels yet.
    """

    book: Book
    version: int
    today: date
    week: date
    run_id: int
    unplanned: bool
    retailers: pd.DataFrame
    brands: pd.DataFrame

    @cached_property
    def weekdays(self) -> npt.NDArray[np.int64]:
        """The order weekday of each retailer, by row."""
        return self.retailers["order_weekday"].to_numpy(np.int64)

    @cached_property
    def launched(self) -> npt.NDArray[np.datetime64]:
        """The first day on which each brand is on offer, by row; one long past where there is none."""
        return self.brands["launched_on"].fillna(frames.day(date.min)).to_numpy("datetime64[D]")

    @cached_property
    def withdrawn(self) -> npt.NDArray[np.datetime64]:
        """The last day on which each brand is on offer, by row; one far ahead where there is none."""
        return self.brands["withdrawn_on"].fillna(frames.day(date.max)).to_numpy("datetime64[D]")

    @cached_property
    def shown(self) -> list[dict[str, Any]]:
        """What a sheet shows of each brand, by row."""
        names = ["name", "manufacturer", "price_class", "wholesale_price", "supply_attribute"]
        return [{str(name): value for name, value in row.items()} for row in self.brands[names].to_dict("records")]


def kept(db: database.Database, settings: Settings, today: date, week: date, history: Path) -> Kept:
    """The book of `week` as the desk of `today` may know it."""
    version = counters.city_now(db)  # before all else is read: what changes meanwhile is read again
    known, run = snapshot.read_desk(db, today, week), runlog.planned(db, today)
    monday, rules = frames.day(week), settings.allocation
    policies = {rules.policy, *rules.policies.values(), *known.week_levels["policy"]}
    if Policy.TURN_AND_EARN in policies or rules.supply_rows == "arrivals":
        known = _with_history(known, db, settings, today, history)
    demand = None
    if run is not None and (Policy.TRUE_DEMAND in policies or rules.demand_cap):
        demand = _demand(Source(db, run, settings, history))
        demand = demand[demand["retailer_id"].isin(known.retailers["retailer_id"]) & demand["brand_id"].isin(known.brands["brand_id"])]
    of_week = [bool((frame["week"] == monday).any()) for frame in (known.supply, known.week_levels)]
    book = Book.of(known, monday, rules, demand=demand)
    run_id = 0 if run is None else run.run_id
    return Kept(book, version, today, week, run_id, of_week == [True, False], known.retailers, known.brands)


def _with_history(known: Snapshot, db: database.Database, settings: Settings, today: date, history: Path) -> Snapshot:
    """The snapshot with the lines, counts and supply of the past that sell-through and carried supply look back at; as it is where there
    are none."""
    arrivals = settings.allocation.supply_rows == "arrivals"
    weeks = settings.demand.weeks if arrivals else EARNED_WEEKS
    with suppress(StateError):
        past, _ = snapshot.read_week(db, today, weeks=weeks, horizon=0, history_folder=history)
        kinds = dict(zip(("retailer_id", "brand_id"), known.categories(), strict=True))
        found = {name: getattr(past, name).astype(kinds).dropna(subset=list(kinds)) for name in ("lines", "scanned_sales")}
        return replace(known, **found)
    return known


def _demand(source: Source) -> pd.DataFrame:
    """What the night planned each pair's consumers to want, as publishing reads it."""
    known, rules = source.known(), source.settings.allocation
    return measures.planned_demand(known, source.pairs(known), source.result("brand_index"), cap_at=rules.demand_cap)
