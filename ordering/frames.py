"""Every table that passes between packages: its columns, their kinds, its key, and one constructor.

A table here is a pandas frame; `conform` makes a frame into one (column order, types, key order) or says what is wrong.
The same descriptions drive the reading of files (`importing`), the database (`tables`) and the tests of both.
Quantities are whole cartons. Ids are text. A scope that narrows nothing is "" (`model.ALL`), never missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.advice import DEPENDENCE, SUBSTITUTES
from ordering.columns import Column as Column
from ordering.columns import Kind as Kind
from ordering.columns import Table as Table
from ordering.conduct import ANSWERS, HABITS, REVISIONS, SIGNALS
from ordering.errors import TrueOrderError
from ordering.model import AreaType, OrderMode, Origin, SupplyAttribute

if TYPE_CHECKING:
    import pandera.pandas as pa


def _id(name: str, **more: Any) -> Column:
    return Column(name, Kind.ID, **more)


def _text(name: str, **more: Any) -> Column:
    return Column(name, Kind.TEXT, **more)


def _choice(name: str, values: type[StrEnum], **more: Any) -> Column:
    return Column(name, Kind.CHOICE, choices=tuple(values), **more)


def _count(name: str, **more: Any) -> Column:
    return Column(name, Kind.COUNT, **{"low": 0, "high": 2_000_000_000, **more})


def _number(name: str, **more: Any) -> Column:
    return Column(name, Kind.NUMBER, **more)


def _date(name: str, **more: Any) -> Column:
    return Column(name, Kind.DATE, **more)


def _week(name: str = "week") -> Column:
    return Column(name, Kind.WEEK)


def _month(name: str = "month") -> Column:
    return Column(name, Kind.MONTH)


OPTIONAL: dict[str, Any] = {"required": False, "blank": True}
SCOPE: dict[str, Any] = {"required": False, "blank": True, "default": ""}

RETAILERS = Table(
    "retailers",
    (
        _id("retailer_id"),
        _text("name"),
        _count("star_level", low=1),
        _id("district"),
        _id("street"),
        _choice("area_type", AreaType),
        _id("business_format"),
        _id("account_manager"),
        _count("order_weekday", low=1, high=7),
        _number("latitude", low=-90, high=90, **OPTIONAL),
        _number("longitude", low=-180, high=180, **OPTIONAL),
        _id("licence_group", **SCOPE),
        _count("visit_every_weeks", required=False, blank=True, default=1, low=1, high=2),
        _date("active_from", **OPTIONAL),
        _date("active_to", **OPTIONAL),
    ),
    ("retailer_id",),
)
BRANDS = Table(
    "brands",
    (
        _id("brand_id"),
        _text("name"),
        _text("manufacturer"),
        _count("price_class", low=1, high=5),
        _number("wholesale_price", low=0),
        _count("pack_multiple", required=False, blank=True, default=1, low=1),
        _count("min_lot", required=False, blank=True, default=1, low=1),
        _date("launched_on", **OPTIONAL),
        _date("withdrawn_on", **OPTIONAL),
        _choice("supply_attribute", SupplyAttribute, required=False, blank=True, default="balanced"),
        _choice("origin", Origin, required=False, blank=True, default="other"),
        Column("resale_prone", Kind.BOOL, required=False, blank=True, default=False),
    ),
    ("brand_id",),
)
ORDER_LINES = Table(
    "order_lines",
    (
        _id("order_id"),
        _id("brand_id"),
        _id("retailer_id"),
        _date("order_date"),
        _choice("mode", OrderMode),
        _count("requested"),
        _count("allocated", blank=True),
    ),
    ("order_id", "brand_id"),
)
SUPPLY = Table("supply", (_id("brand_id"), _week(), _count("available")), ("brand_id", "week"))
RELEASE_STRATEGY = Table(
    "release_strategy",
    (
        _id("brand_id"),
        _week(),
        _count("star_level", low=1),
        _id("district", **SCOPE),
        _id("area_type", **SCOPE),
        _id("business_format", **SCOPE),
        _id("street", **SCOPE),
        _count("cap"),
    ),
    ("brand_id", "week", "star_level", "district", "area_type", "business_format", "street"),
)
BAND_CAPS = Table(
    "band_caps",
    (_week(), _count("star_level", low=1), _count("price_class", low=1, high=5), _count("cap")),
    ("week", "star_level", "price_class"),
)
STAR_LEVELS = Table("star_levels", (_id("retailer_id"), _month(), _count("star_level", low=1)), ("retailer_id", "month"))
MONTHLY_QUOTAS = Table(
    "monthly_quotas",
    (_month(), _count("star_level", low=1), _id("brand_id", blank=True, default=""), _count("quota")),
    ("month", "star_level", "brand_id"),
)
DAILY_LIMITS = Table("daily_limits", (_count("star_level", low=1), _count("limit")), ("star_level",))
STOCK_COUNTS = Table(
    "stock_counts", (_id("retailer_id"), _id("brand_id"), _date("counted_on"), _count("stock")), ("retailer_id", "brand_id", "counted_on")
)
SCANNED_SALES = Table("scanned_sales", (_id("retailer_id"), _id("brand_id"), _week(), _count("sold")), ("retailer_id", "brand_id", "week"))
FESTIVALS = Table(
    "festivals",
    (_text("name"), _date("starts_on"), _id("district", **SCOPE), _count("days", low=1, high=60)),
    ("name", "starts_on", "district"),
)
REGRESSORS = Table("regressors", (_id("district", **SCOPE), _week(), _text("name"), _number("value")), ("district", "week", "name"))
MONTHLY_PLAN = Table("monthly_plan", (_id("brand_id"), _month(), _count("volume")), ("brand_id", "month"))
ARRIVALS = Table("arrivals", (_id("brand_id"), _date("arrives_on"), _count("quantity")), ("brand_id", "arrives_on"))
TARGETS = Table(
    "targets",
    (_text("metric"), _text("period"), _text("dimension", **SCOPE), _text("value", **SCOPE), _number("target")),
    ("metric", "period", "dimension", "value"),
)
INTEGRITY = Table(
    "integrity", (_id("retailer_id"), _month(), _number("score", low=0, high=100), _text("note", **SCOPE)), ("retailer_id", "month")
)
HOLDS = Table(
    "holds",
    (_id("retailer_id"), _id("brand_id", blank=True, default=""), _date("from"), _date("to"), _text("reason", **SCOPE)),
    ("retailer_id", "brand_id", "from", "to"),
)

CONTRACT: Mapping[str, Table] = {
    table.name: table
    for table in (
        RETAILERS, BRANDS, ORDER_LINES, SUPPLY, RELEASE_STRATEGY, BAND_CAPS, STAR_LEVELS, MONTHLY_QUOTAS, DAILY_LIMITS, STOCK_COUNTS,
        SCANNED_SALES, FESTIVALS, REGRESSORS, MONTHLY_PLAN, ARRIVALS, TARGETS, INTEGRITY, HOLDS,
    )
}  # fmt: skip
"""The files of a city folder, by name, in the order in which they are checked."""

REQUIRED_FILES = ("retailers", "brands", "order_lines")

# What a night finds. Each is stored with its run.

PAIR_ESTIMATES = Table(
    "pair_estimates",
    (
        _id("retailer_id"),
        _id("brand_id"),
        _number("rate", low=0),  # mean primary demand, cartons a week, where the brand's index is 1
        _number("dispersion", low=0),  # a: variance of a week's demand = mean + a * mean**2
        _text("evidence"),  # what the rate mainly rests on: requests, allocations, scans, counts, peers
        _week("from_week"),  # the pair's life, both ends included
        _week("to_week"),
    ),
    ("retailer_id", "brand_id"),
)
BRAND_INDEX = Table(
    "brand_index",
    (_id("brand_id"), _id("district"), _week(), _number("index", low=0)),
    ("brand_id", "district", "week"),
)
BRAND_DEMAND = Table(
    "brand_demand",
    (
        _id("brand_id"), _week(), _count("requested"), _count("allocated"), _number("demand", low=0), _number("p10", low=0),
        _number("p90", low=0),
    ),
    ("brand_id", "week"),
)  # fmt: skip
BRAND_FORECAST = Table(
    "brand_forecast",
    (
        _id("brand_id"), _week(), _number("demand", low=0), _number("p10", low=0), _number("p50", low=0), _number("p90", low=0),
        _text("method"),
    ),
    ("brand_id", "week"),
)  # fmt: skip
INFLATED = Table(
    "inflated",
    (
        _id("order_id"), _id("retailer_id"), _id("brand_id"), _date("order_date"), _count("requested"), _number("expected", low=0),
        _number("score", low=0, high=1), Column("flagged", Kind.BOOL), _text("reason"),
    ),
    ("order_id", "brand_id"),
)  # fmt: skip
SUGGESTIONS = Table(
    "suggestions",
    (
        _id("retailer_id"), _id("brand_id"), _week(), _date("order_day"), _count("suggested"), _count("requested"), _number("p10", low=0),
        _number("p50", low=0), _number("p90", low=0), _number("stock", low=0, blank=True), _text("reason"),
        _count("most", blank=True),  # what each bound alone leaves, missing where there is none
        _text("bound"),  # the Reason of the one that leaves least
        # What it was made of, as it was; missing in runs stored before it was kept.
        _number("demand", low=0, **OPTIONAL),  # cartons a week
        _number("cover_weeks", low=0, **OPTIONAL),  # the target stock in weeks of that demand
        _date("since", **OPTIONAL),  # the day from which the shelf was reckoned: of the latest count, or eight weeks back
        _count("counted", **OPTIONAL),  # what was counted on it; missing where nobody counted: then it stood at its target
        _count("received", **OPTIONAL),  # from that day on
        _count("need", **OPTIONAL),  # target less shelf, before packs
        _count("pack_multiple", low=1, **OPTIONAL), _count("min_lot", low=1, **OPTIONAL),
        # What could be had; missing where there is no such limit.
        _count("given", **OPTIONAL),  # of the order week already
        _count("cap", **OPTIONAL), _count("level_line", **OPTIONAL),  # in force for the whole week: star level's cap, level of the supply
        _count("quota_left", **OPTIONAL),  # of the month's quota of the brand
        _count("shared_left", **OPTIONAL),  # of the limits over brands, after the retailer's larger brands
    ),
    ("retailer_id", "brand_id", "week"),
)  # fmt: skip
"""`given` to `shared_left` and the pack bound the need: `allocation.suggest` says how, and a test recomputes each row from itself.
What people made of it is kept apart, in `review.DECISIONS`.
"""
ALLOCATION = Table(
    "allocation",
    (
        _id("order_id"), _id("retailer_id"), _id("brand_id"), _week(), _date("order_date"), _count("requested"), _count("cap", blank=True),
        _count("cap_left", blank=True), _count("demand_left", blank=True), _count("quota_left", blank=True),
        _count("band_left", blank=True), _count("total_left", blank=True), _count("day_left", blank=True), Column("held", Kind.BOOL),
        _count("pack_multiple"), _count("min_lot"), _count("taken"), _count("usable"), _count("weight"), Column("ticket", Kind.SIGNED),
        _number("level", low=0, blank=True), _count("allocated"), _text("reason"), _text("policy"),
    ),
    ("order_id", "brand_id"),
)  # fmt: skip
WEEK_LEVELS = Table(
    "week_levels",
    (
        _id("brand_id"), _week(), _count("available"), _number("expected"), Column("threshold", Kind.SIGNED, blank=True),
        _number("level", low=0, blank=True), _count("turns", required=False, blank=True, default=0),
        _text("policy", required=False, blank=True, default="uniform"),
    ),
    ("brand_id", "week"),
)  # fmt: skip
WEEK_TOTALS = Table("week_totals", (_week(), _count("handed"), _count("possible")), ("week",))
"""Cartons handed out in a week, expected requests among them, and what any sharing could have: 1 − handed ÷ possible is the price of
fairness and choice."""
FAIRNESS = Table(
    "fairness",
    (
        _week(), _id("brand_id"), _count("star_level", low=1), _count("lines"), _count("requested"), _count("usable"), _count("allocated"),
        _number("demand", low=0), _count("envy"), _count("drought"),
    ),
    ("week", "brand_id", "star_level"),
)  # fmt: skip
"""What a sharing came to, see allocation.fairness."""

_RATE_MEASURES = (
    _count("requested"), _count("allocated"), _count("lines"), _count("lines_filled"), _count("lines_unserved"), _number("demand", low=0),
    _number("met", low=0), _number("demand_window", low=0), _number("gap_inflated", low=0), _number("gap_supply", low=0),
    _number("gap_province", low=0), _number("gap_cap", low=0), _number("gap_quota", low=0), _number("gap_limit", low=0),
    _number("gap_other", low=0),
)  # fmt: skip
DISTRICT_CELLS = Table("district_cells", (_week(), _id("brand_id"), _id("district"), *_RATE_MEASURES), ("week", "brand_id", "district"))
"""Additive weekly sums by brand and district; the window of `met` and `demand_window` is 4 weeks."""
RETAILER_CELLS = Table(
    "retailer_cells", (_week(), _id("retailer_id"), _count("star_level", low=1), *_RATE_MEASURES), ("week", "retailer_id")
)
"""The same per retailer, over all brands."""

RESULTS: Mapping[str, Table] = {
    table.name: table
    for table in (
        PAIR_ESTIMATES, BRAND_INDEX, BRAND_DEMAND, BRAND_FORECAST, INFLATED, SUGGESTIONS, ALLOCATION, WEEK_LEVELS, WEEK_TOTALS, FAIRNESS,
        DISTRICT_CELLS, RETAILER_CELLS, HABITS, SIGNALS, SUBSTITUTES, DEPENDENCE,
    )
}  # fmt: skip
"""What every run stores, by name."""

LONG = frozenset({"order_lines", "stock_counts", "scanned_sales", "star_levels", "inflated", "pair_estimates", "suggestions", "allocation"})
"""Tables with many rows: their retailer and brand ids are held as categories."""

PROBLEMS = Table("problems", (_text("step"), _text("subject"), _text("message")), ("step", "subject", "message"))
"""What a step could not do as it should, and did otherwise: one row each, shown with the run."""


@cache
def schema(table: Table) -> pa.DataFrameSchema:
    """The pandera schema of `table`: types, bounds, choices and key."""
    import pandera.pandas as pa

    def checks(column: Column) -> list[pa.Check]:
        found = []
        if column.low is not None:
            found.append(pa.Check.ge(column.low))
        if column.high is not None:
            found.append(pa.Check.le(column.high))
        if column.choices:
            found.append(pa.Check.isin(column.choices))
        return found

    columns = {c.name: pa.Column(nullable=c.nullable, checks=checks(c)) for c in table.columns}
    return pa.DataFrameSchema(columns, unique=list(table.key), strict=True, name=table.name)


def empty(table: Table) -> pd.DataFrame:
    """A frame of `table` without rows."""
    return pd.DataFrame({c.name: pd.Series(dtype=c.dtype) for c in table.columns})


def conform(table: Table, frame: pd.DataFrame, *, check: bool = True) -> pd.DataFrame:
    """`frame` as a table: its columns alone, in order, typed, blanks defaulted, sorted by key, index 0..n-1.

    Categories are kept where they stand. Raises TrueOrderError naming the table and the first fault where a column is missing,
    a value does not fit or a key repeats (`check=False` leaves out these last two, for frames that were checked at the door).
    """
    missing = [c.name for c in table.columns if c.required and c.name not in frame.columns]
    if missing:
        raise TrueOrderError(f"table {table.name}: no column {', '.join(missing)}")
    columns = {}
    for column in table.columns:
        values = frame[column.name] if column.name in frame.columns else pd.Series(column.default, index=frame.index, dtype=column.dtype)
        if column.blank and column.default is not None:
            values = values.fillna(column.default)
        keep = isinstance(values.dtype, pd.CategoricalDtype) and column.kind in (Kind.ID, Kind.CHOICE, Kind.TEXT)
        columns[column.name] = values if keep else values.astype(column.dtype)
    typed = pd.DataFrame(columns)
    ordered = typed.sort_values(list(table.key), kind="stable", ignore_index=True)
    return validated(table, ordered) if check else ordered


def validated(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame`, if it keeps the bounds, choices and key of `table`; else TrueOrderError with the first few faults."""
    import pandera.errors

    try:
        schema(table).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases.head(3)
        said = "; ".join(f"{c.column} {c.failure_case!r} fails {c.check}" for c in cases.itertuples())
        raise TrueOrderError(f"table {table.name}: {said}") from error
    return frame


def among(rows: pd.DataFrame, others: pd.DataFrame, key: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether the `key` of each row is that of one of `others`. An id is the same as text and as a category."""
    own, those = (pd.MultiIndex.from_frame(frame[list(key)].astype(_texts(frame, key))) for frame in (rows, others))
    return np.asarray(own.isin(those), bool)


def _texts(frame: pd.DataFrame, key: Sequence[str]) -> dict[str, str]:
    return {name: "str" for name in key if isinstance(frame[name].dtype, pd.CategoricalDtype)}


def day(value: date) -> pd.Timestamp:
    """A date as the frames hold it."""
    return pd.Timestamp(value).as_unit("us")


@dataclass(frozen=True)
class Snapshot:
    """What a night for `business_date` may know, and nothing else (domain.md, "What a night decides").

    `lines` are the history: lines dated before the business date. `waiting` are the lines dated from it to six days after it; their
    `allocated` is missing unless it was confirmed here. `supply`, `strategy` and levels reach up to the planned weeks;
    a level is the imported one, where there is none the one computed here. Dates of
    withdrawal and closure later than the planned days are not known yet, and missing. Both line frames have a `week` column beside
    those of ORDER_LINES; `retailer_id` and `brand_id` of every frame in `LONG` are categories whose codes are the row numbers of
    `retailers` and `brands`, which are sorted by id. `doubts`: (subject, message) of what was left out or held down, see `doubtful`.
    """

    business_date: date
    retailers: pd.DataFrame
    brands: pd.DataFrame
    lines: pd.DataFrame
    waiting: pd.DataFrame
    supply: pd.DataFrame
    release_strategy: pd.DataFrame
    band_caps: pd.DataFrame
    star_levels: pd.DataFrame
    monthly_quotas: pd.DataFrame
    daily_limits: pd.DataFrame
    stock_counts: pd.DataFrame
    scanned_sales: pd.DataFrame
    festivals: pd.DataFrame
    regressors: pd.DataFrame
    holds: pd.DataFrame
    week_levels: pd.DataFrame
    revisions: pd.DataFrame = field(default_factory=lambda: empty(REVISIONS))
    answers: pd.DataFrame = field(default_factory=lambda: empty(ANSWERS))
    doubts: tuple[tuple[str, str], ...] = ()

    def categories(self) -> tuple[pd.CategoricalDtype, pd.CategoricalDtype]:
        """The types of `retailer_id` and `brand_id`: code = row number in `retailers` and `brands`."""
        return pd.CategoricalDtype(self.retailers["retailer_id"]), pd.CategoricalDtype(self.brands["brand_id"])
