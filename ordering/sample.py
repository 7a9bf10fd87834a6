"""A made-up city: retailers, consumers and a company that behave, written as a city folder of the data contract.

The city is simulated by agents (sample_market.py): consumers visit shops, come back, search the street or take another brand;
retailers keep a shelf, believe what they see at the counter and order by habit; the company plans supply, caps and quotas and hands
out what it has by the old practice. For development, tests and demonstration only; it shares nothing with the estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ordering import sample_plan, sample_season, sample_tables, sample_town, storage
from ordering.errors import TrueOrderError
from ordering.frames import CONTRACT
from ordering.sample_files import Format, Pieces, format_of, write
from ordering.sample_habits import sincere
from ordering.sample_kinds import HABITS, KINDS, Kind
from ordering.sample_market import Market, Week
from ordering.sample_town import BURN_IN, Town, stream

__all__ = ["KINDS", "LAST_WEEK", "Kind", "SampleCity", "write_city"]

LAST_WEEK = date(2026, 9, 7)
"""The Monday of the waiting week, unless another is named: Mid-Autumn and National Day lie in the twelve weeks after it."""
FEWEST = {"retailers": 2, "brands": 2, "weeks": 8}
Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class SampleCity:
    """What was written: the row counts by file, and the Monday of the waiting week, for which the night is run."""

    folder: Path
    cutoff: date
    rows: Mapping[str, int]


def write_city(
    folder: Path,
    *,
    retailers: int = 600,
    brands: int = 40,
    weeks: int = 110,
    seed: int = 1,
    kind: str = "mixed",
    truth: Path | None = None,
    format: str = "csv",
    last_week: date = LAST_WEEK,
    progress: Progress = quiet,
) -> SampleCity:
    """Writes a made-up city of `weeks` weeks, the waiting one included, to `folder`; the same arguments write the same bytes.

    `truth`: a folder for what nobody could know (demand.parquet, lines.parquet, tight.parquet, habits.csv, cutoff.txt), which covers
    eleven weeks more. `progress` is told of every week. Raises TrueOrderError where an argument does not fit or a
    folder already holds a city.
    """
    _check(folder, truth, {"retailers": retailers, "brands": brands, "weeks": weeks}, seed, kind, format, last_week)
    form = format_of(format)
    town = sample_town.build(retailers=retailers, brands=brands, weeks=weeks, seed=seed, kind=KINDS[kind], last_week=last_week)
    season = sample_season.build(town)
    plan = sample_plan.build(town, season)
    held = sample_tables.draw_holds(town)
    with _places(folder, truth) as (place, beside), ExitStack() as stack:
        rows = {name: write(place, name, table, form) for name, table in _tables(town, season, plan, held).items()}
        city = _City(stack, place, form, town, plan)
        later = _Truth(stack, beside, town, plan) if beside else None
        last = len(town.weeks) if truth else town.cutoff + 1
        for week in Market(town, season, plan, held).weeks(last):
            if week.k >= BURN_IN:
                orders = city.numbers(week)
                if week.k <= town.cutoff:
                    city.add(week, orders)
                if later:
                    later.add(week, orders)
            progress("weeks", week.k + 1, last)
        rows |= {file.path.stem: file.rows for file in city.files.values()}
    return SampleCity(folder, last_week, {name: rows[name] for name in CONTRACT if rows.get(name)})


@contextmanager
def _places(folder: Path, truth: Path | None) -> Iterator[tuple[Path, Path | None]]:
    """Where city and truth are written until both are whole. Raises TrueOrderError where there is no room for them."""
    try:
        with storage.adding(*([folder, truth] if truth else [folder])) as places:
            yield places[0], places[1] if truth else None
    except OSError as error:
        raise storage.file_error(folder, error) from error


def _check(folder: Path, truth: Path | None, sizes: Mapping[str, int], seed: int, kind: str, format: str, last_week: date) -> None:
    """Raises TrueOrderError with the remedy where an argument does not fit."""
    for name, number in sizes.items():
        if number < FEWEST[name]:
            raise TrueOrderError(f"{name} = {number}: a made-up city needs at least {FEWEST[name]} {name}")
    if seed < 0:
        raise TrueOrderError(f"seed = {seed}: a seed is a whole number of 0 or more")
    if kind not in KINDS:
        raise TrueOrderError(f'kind "{kind}": there is no such kind of city; there are {", ".join(KINDS)}')
    format_of(format)
    if last_week.weekday():
        raise TrueOrderError(f"last week {last_week}: weeks are named by their Monday")
    known = {f"{name}{ending}" for name in CONTRACT for ending in (".csv", ".parquet")}
    for place, own in ((folder, known), (truth, {"demand.parquet", "lines.parquet", "tight.parquet"})):
        found = sorted(path.name for path in place.iterdir() if path.name in own) if place and place.is_dir() else []
        if found:
            raise TrueOrderError(f"{place}: already holds {found[0]}; name another folder, or empty this one")


def _tables(town: Town, season: sample_season.Season, plan: sample_plan.Plan, held: list[Any]) -> dict[str, Mapping[str, Any]]:
    """The files that are known before the first order, by name."""
    return {
        "retailers": sample_tables.retailers(town, plan),
        "brands": sample_tables.brands(town),
        "release_strategy": sample_tables.release_strategy(town, plan),
        "band_caps": sample_tables.band_caps(town, plan),
        "star_levels": sample_tables.star_levels(town, plan),
        "monthly_quotas": sample_tables.monthly_quotas(town, plan),
        "daily_limits": sample_tables.daily_limits(plan),
        "festivals": sample_tables.festivals(town, season),
        "regressors": sample_tables.regressors(town, season),
        "monthly_plan": sample_tables.monthly_plan(town, season, plan),
        "arrivals": sample_tables.arrivals(town, plan),
        "targets": sample_tables.targets(town),
        "integrity": sample_tables.integrity(town),
        "holds": sample_tables.holds(town, held),
    }


class _City:
    """The files that grow by the week: order lines, supply, scans and counts."""

    def __init__(self, stack: ExitStack, folder: Path, format: Format, town: Town, plan: sample_plan.Plan) -> None:
        import pyarrow as pa

        names = ("order_lines", "supply", "scanned_sales", "stock_counts")
        self.files = {name: stack.enter_context(Pieces(folder, name, format)) for name in names}
        self.town, self.plan = town, plan
        self.retailer_ids, self.brand_ids = pa.array(town.shops.ids), pa.array(town.brands.ids)
        self.modes = pa.array(["pre_order", "same_day"])
        self.visited = stream(town.seed, 10).beta(1.5, 20, len(town.shops.ids))
        self.orders = 0

    def numbers(self, week: Week) -> Any:
        """The order id of every line: one order per shop and week, numbered through the city."""
        import pyarrow as pa

        first = np.diff(week.retailer, prepend=-1) > 0
        before, self.orders = self.orders, self.orders + int(first.sum())
        ids = pa.array([f"{number:09d}" for number in range(before + 1, self.orders + 1)])
        return ids.take(pa.array(np.cumsum(first) - 1))

    def add(self, week: Week, orders: Any) -> None:
        """One week: in the waiting one nothing is allocated yet, and nothing scanned or counted."""
        import pyarrow as pa

        waiting = week.k == self.town.cutoff
        self.files["order_lines"].add({
            "order_id": orders,
            "retailer_id": self.retailer_ids.take(pa.array(week.retailer)),
            "order_date": self.town.weeks[week.k] + self.town.shops.weekday[week.retailer] - 1,
            "mode": self.modes.take(pa.array(week.same_day.astype(np.int8))),
            "brand_id": self.brand_ids.take(pa.array(week.brand)),
            "requested": week.requested,
            "allocated": pa.array(week.allocated, mask=np.full(len(orders), waiting)),
        })  # fmt: skip
        limited = np.flatnonzero(self.plan.limited & (week.available > 0))
        monday = self.town.weeks[week.k]
        self.files["supply"].add({
            "brand_id": self.brand_ids.take(pa.array(limited)), "week": np.full(len(limited), monday),
            "available": week.available[limited],
        })  # fmt: skip
        if self.town.kind.evidence and not waiting:
            self._evidence(week, monday)

    def _evidence(self, week: Week, monday: Any) -> None:
        """Till reports of the shops that send them, seldom a week missing, and the counts of the shops that were visited."""
        import pyarrow as pa

        rng = stream(self.town.seed, 101, week.k)
        chance = rng.random((2, len(self.visited)))
        reports = week.open & (week.k >= self.town.shops.scans_from) & (chance[0] > 0.02)
        retailer, brand = np.nonzero((week.sales.sold > 0) & reports[:, None])
        self.files["scanned_sales"].add({
            "retailer_id": self.retailer_ids.take(pa.array(retailer)), "brand_id": self.brand_ids.take(pa.array(brand)),
            "week": np.full(len(retailer), monday), "sold": week.sales.sold[retailer, brand],
        })  # fmt: skip
        counted = week.open & (chance[1] < self.visited)
        kept = (week.counts > 0) | ((self.town.base > 0.1) & (week.rate > 0))
        retailer, brand = np.nonzero(kept & counted[:, None])
        self.files["stock_counts"].add({
            "retailer_id": self.retailer_ids.take(pa.array(retailer)), "brand_id": self.brand_ids.take(pa.array(brand)),
            "counted_on": np.full(len(retailer), monday + 6), "stock": week.counts[retailer, brand],
        })  # fmt: skip


class _Truth:
    """What nobody could know, beside the city: true demand and its rate, honest needs, tight weeks, habits."""

    def __init__(self, stack: ExitStack, folder: Path, town: Town, plan: sample_plan.Plan) -> None:
        import pyarrow as pa

        self.demand = stack.enter_context(Pieces(folder, "demand", "parquet"))
        self.lines = stack.enter_context(Pieces(folder, "lines", "parquet"))
        self.retailer_ids, self.brand_ids = pa.array(town.shops.ids), pa.array(town.brands.ids)
        habit = np.where(sincere(), "honest", np.array(HABITS, object))[town.shops.habit]
        write(folder, "habits", {"retailer_id": town.shops.ids, "habit": habit}, "csv")
        (folder / "cutoff.txt").write_text(f"{town.weeks[town.cutoff]}\n", "utf-8")
        self._tight(folder, town, plan)

    def _tight(self, folder: Path, town: Town, plan: sample_plan.Plan) -> None:
        """Weeks by brands, true where the company had less than the city wanted."""
        import pandas as pd

        index = pd.DatetimeIndex(town.weeks[BURN_IN:].astype("datetime64[ns]"))
        frame = pd.DataFrame(plan.tight[BURN_IN:], index=index, columns=list(town.brands.ids))
        frame.to_parquet(folder / "tight.parquet")

    def add(self, week: Week, orders: Any) -> None:
        """One week of demand (pairs alive) and of lines, in the order of the city's own."""
        import pyarrow as pa

        retailer, brand = np.nonzero(week.rate > 0)
        t = week.k - BURN_IN
        self.demand.add({
            "t": np.full(len(retailer), t, np.int16),
            "retailer_id": self.retailer_ids.take(pa.array(retailer)),
            "brand_id": self.brand_ids.take(pa.array(brand)),
            "demand": week.came[retailer, brand].astype(np.float32),
            "rate": week.rate[retailer, brand],
        })  # fmt: skip
        self.lines.add({
            "order_id": orders,
            "retailer_id": self.retailer_ids.take(pa.array(week.retailer)),
            "brand_id": self.brand_ids.take(pa.array(week.brand)),
            "t": np.full(len(orders), t, np.int16),
            "requested": week.requested.astype(np.int64),
            "need": week.need.astype(np.int64),
            "inflated": week.inflated,
        })  # fmt: skip
