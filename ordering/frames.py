"""Every table that passes between packages: its columns, their kinds, its key, and one constructor. What a night finds is in `results`.

A table here is a pandas frame; `conform` makes a frame into one (column order, types, key order) or says what is wrong.
The same descriptions drive the reading of files (`importing`), the database (`tables`) and the tests of both.
Quantities are whole cartons. Ids are text. A scope that narrows nothing is "" (`model.ALL`), never missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.columns import OPTIONAL, SCOPE, choice, count, dated, ident, month, number, text, week
from ordering.columns import Column as Column
from ordering.columns import Kind as Kind
from ordering.columns import Table as Table
from ordering.conduct import ANSWERS, REVISIONS
from ordering.errors import TrueOrderError
from ordering.model import AreaType, OrderMode, Origin, SupplyAttribute
from ordering.results import ALLOCATION as ALLOCATION
from ordering.results import BRAND_DEMAND as BRAND_DEMAND
from ordering.results import BRAND_FORECAST as BRAND_FORECAST
from ordering.results import BRAND_INDEX as BRAND_INDEX
from ordering.results import DISTRICT_CELLS as DISTRICT_CELLS
from ordering.results import FAIRNESS as FAIRNESS
from ordering.results import INFLATED as INFLATED
from ordering.results import PAIR_ESTIMATES as PAIR_ESTIMATES
from ordering.results import PROBLEMS as PROBLEMS
from ordering.results import RESULTS as RESULTS
from ordering.results import RETAILER_CELLS as RETAILER_CELLS
from ordering.results import RETAILER_MONTHS as RETAILER_MONTHS
from ordering.results import SUGGESTIONS as SUGGESTIONS
from ordering.results import WEEK_LEVELS as WEEK_LEVELS
from ordering.results import WEEK_TOTALS as WEEK_TOTALS

if TYPE_CHECKING:
    import pandera.pandas as pa

RETAILERS = Table(
    "retailers",
    (
        ident("retailer_id"),
        text("name"),
        count("star_level", low=1),
        ident("district"),
        ident("street"),
        choice("area_type", AreaType),
        ident("business_format"),
        ident("account_manager"),
        count("order_weekday", low=1, high=7),
        number("latitude", low=-90, high=90, **OPTIONAL),
        number("longitude", low=-180, high=180, **OPTIONAL),
        ident("licence_group", **SCOPE),
        count("visit_every_weeks", required=False, blank=True, default=1, low=1, high=2),
        dated("active_from", **OPTIONAL),
        dated("active_to", **OPTIONAL),
    ),
    ("retailer_id",),
)
BRANDS = Table(
    "brands",
    (
        ident("brand_id"),
        text("name"),
        text("manufacturer"),
        count("price_class", low=1, high=5),
        number("wholesale_price", low=0),
        count("pack_multiple", required=False, blank=True, default=1, low=1),
        count("min_lot", required=False, blank=True, default=1, low=1),
        dated("launched_on", **OPTIONAL),
        dated("withdrawn_on", **OPTIONAL),
        choice("supply_attribute", SupplyAttribute, required=False, blank=True, default="balanced"),
        choice("origin", Origin, required=False, blank=True, default="other"),
        Column("resale_prone", Kind.BOOL, required=False, blank=True, default=False),
    ),
    ("brand_id",),
)
ORDER_LINES = Table(
    "order_lines",
    (
        ident("order_id"),
        ident("brand_id"),
        ident("retailer_id"),
        dated("order_date"),
        choice("mode", OrderMode),
        count("requested"),
        count("allocated", blank=True),
    ),
    ("order_id", "brand_id"),
)
SUPPLY = Table("supply", (ident("brand_id"), week(), count("available")), ("brand_id", "week"))
RELEASE_STRATEGY = Table(
    "release_strategy",
    (
        ident("brand_id"),
        week(),
        count("star_level", low=1),
        ident("district", **SCOPE),
        ident("area_type", **SCOPE),
        ident("business_format", **SCOPE),
        ident("street", **SCOPE),
        count("cap"),
    ),
    ("brand_id", "week", "star_level", "district", "area_type", "business_format", "street"),
)
BAND_CAPS = Table(
    "band_caps",
    (week(), count("star_level", low=1), count("price_class", low=1, high=5), count("cap")),
    ("week", "star_level", "price_class"),
)
STAR_LEVELS = Table("star_levels", (ident("retailer_id"), month(), count("star_level", low=1)), ("retailer_id", "month"))
MONTHLY_QUOTAS = Table(
    "monthly_quotas",
    (month(), count("star_level", low=1), ident("brand_id", blank=True, default=""), count("quota")),
    ("month", "star_level", "brand_id"),
)
DAILY_LIMITS = Table("daily_limits", (count("star_level", low=1), count("limit")), ("star_level",))
STOCK_COUNTS = Table(
    "stock_counts",
    (ident("retailer_id"), ident("brand_id"), dated("counted_on"), count("stock")),
    ("retailer_id", "brand_id", "counted_on"),
)
SCANNED_SALES = Table(
    "scanned_sales", (ident("retailer_id"), ident("brand_id"), week(), count("sold")), ("retailer_id", "brand_id", "week")
)
FESTIVALS = Table(
    "festivals",
    (text("name"), dated("starts_on"), ident("district", **SCOPE), count("days", low=1, high=60)),
    ("name", "starts_on", "district"),
)
REGRESSORS = Table("regressors", (ident("district", **SCOPE), week(), text("name"), number("value")), ("district", "week", "name"))
MONTHLY_PLAN = Table("monthly_plan", (ident("brand_id"), month(), count("volume")), ("brand_id", "month"))
ARRIVALS = Table("arrivals", (ident("brand_id"), dated("arrives_on"), count("quantity")), ("brand_id", "arrives_on"))
TARGETS = Table(
    "targets",
    (text("metric"), text("period"), text("dimension", **SCOPE), text("value", **SCOPE), number("target")),
    ("metric", "period", "dimension", "value"),
)
INTEGRITY = Table(
    "integrity", (ident("retailer_id"), month(), number("score", low=0, high=100), text("note", **SCOPE)), ("retailer_id", "month")
)
HOLDS = Table(
    "holds",
    (ident("retailer_id"), ident("brand_id", blank=True, default=""), dated("from"), dated("to"), text("reason", **SCOPE)),
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

LONG = frozenset({"order_lines", "stock_counts", "scanned_sales", "star_levels", "inflated", "pair_estimates", "suggestions", "allocation"})
"""Tables with many rows: their retailer and brand ids are held as categories."""


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
