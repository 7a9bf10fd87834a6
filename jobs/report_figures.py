"""The figures of the headquarters report: frames, each a ratio of sums over stored cells, before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from ordering import frames, fulfilment, metrics, rate_cells, record
from ordering.gaps import GAPS
from ordering.release import KEY, RELEASE

CASE = 250
"""Cartons in a case (箱)."""

HEADLINE = (
    "fulfilment_rate", "demand_fulfilment_rate", "line_fill_rate", "cap_take_up_rate", "supply_utilisation", "stock_out_rate",
)  # fmt: skip
DIMENSIONS = ("district", "star", "price_class", "manufacturer", "manager", "brand", "retailer")
OF_RETAILERS = ("star", "manager", "retailer")
BY_SIZE = ("manufacturer", "manager", "brand", "retailer")
"""Dimensions listed by volume; the others have an order of their own."""
TREND_WEEKS = 53
HEAT_BRANDS = 20


def _no_release() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="int64") for name in (*KEY, *RELEASE)}).astype({"week": "datetime64[us]", "brand_id": "str"})


def _no_drift() -> pd.DataFrame:
    return pd.DataFrame({"brand_id": pd.Series(dtype="str")} | {name: pd.Series(dtype="int64") for name in ("weeks", "above", "below")})


@dataclass(frozen=True)
class ReportContent:
    """What a report is made of.

    `month` is YYYY-MM. `cells` and `retailer_cells` are frames.DISTRICT_CELLS and frames.RETAILER_CELLS of closed weeks: of the month,
    of the month before where there is one, and for the trend of a year up to the month; later weeks are left out. `retailers`,
    `brands`, `supply` and `targets` are the contract's tables, `release` the cells of `release.release_cells` for both months (none:
    cap take-up is undefined). `judged` is record.BRANDS of weeks that have come, `drift` the brands of `drift.left`. `made_at` is local
    time. The lists of lowest rates hold `lowest` rows, each of at least so many cartons of true demand.
    """

    city: str
    month: str
    run: str
    made_at: datetime
    cells: pd.DataFrame
    retailer_cells: pd.DataFrame
    retailers: pd.DataFrame
    brands: pd.DataFrame
    supply: pd.DataFrame
    targets: pd.DataFrame
    release: pd.DataFrame = field(default_factory=_no_release)
    judged: pd.DataFrame = field(default_factory=lambda: frames.empty(record.BRANDS))
    drift: pd.DataFrame = field(default_factory=_no_drift)
    lowest: int = 20
    least_retailer: int = 30
    least_brand: int = CASE

    @property
    def month_before(self) -> str:
        """The month before, YYYY-MM."""
        return str(pd.Period(self.month, "M") - 1)


@dataclass(frozen=True)
class Figures:
    """Every table of the report. Quantities are cartons, rates are shares of 1, undefined is NaN.

    `headline`: metric, numerator, denominator, now, before, change, target. `by`: per dimension its value, name, requested, allocated,
    demand, the rates, their change on the month before and their targets. `trend` by week. `why`: the gap and its parts GAPS, per brand
    and per district, largest gap first. `heat`: per rate a matrix of districts (rows) by brands. `short`: brands asked for beyond supply.
    `low`: the retailers and brands of the lowest demand fulfilment. `accuracy`: of the month's forecasts by horizon in weeks, with its
    change on the month before. `drift`: brands that keep leaving the interval of their forecast.
    """

    weeks: tuple[pd.Timestamp, ...]
    headline: pd.DataFrame
    by: Mapping[str, pd.DataFrame]
    trend: pd.DataFrame
    why: Mapping[str, pd.DataFrame]
    heat: Mapping[str, pd.DataFrame]
    short: pd.DataFrame
    low: Mapping[str, pd.DataFrame]
    accuracy: pd.DataFrame
    drift: pd.DataFrame


def figures(content: ReportContent) -> Figures:
    """All figures of a report. Rows and columns do not depend on the order of the content's rows."""
    now = in_month(content.cells, content.month)
    by = {name: dimension(content, name) for name in DIMENSIONS}
    return Figures(
        weeks=tuple(sorted(now["week"].unique())),
        headline=headline(content),
        by=by,
        trend=trend(content),
        why={"brand": why(content, now, "brand"), "district": why(content, now, "district")},
        heat={name: heat(content, now, name) for name in ("demand_fulfilment_rate", "fulfilment_rate")},
        short=short(content, now),
        low={
            "retailer": lowest(by["retailer"], content.least_retailer, content.lowest),
            "brand": lowest(by["brand"], content.least_brand, content.lowest),
        },
        accuracy=accuracy(content),
        drift=_named(content, content.drift.rename(columns={"brand_id": "brand"}), "brand"),
    )


def in_month(weekly: pd.DataFrame, month: str) -> pd.DataFrame:
    """The rows of the weeks that belong to `month`."""
    return _in_months(weekly, month, month)


def _in_months(weekly: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    weeks = pd.Series(weekly["week"].unique())
    months = rate_cells.periods(weeks, "month")
    return weekly[weekly["week"].isin(weeks[(months >= first) & (months <= last)])]


def _described(content: ReportContent) -> rate_cells.Attributes:
    return rate_cells.Attributes(content.retailers, content.brands, pd.Index([]), np.empty((0, 0), np.int32))


def headline(content: ReportContent) -> pd.DataFrame:
    """One row per metric of HEADLINE: numerator, denominator, now, before, change (of the rate) and target."""
    supplied = with_supply(content.cells, content.supply)
    source = dict.fromkeys(HEADLINE, content.cells) | {"cap_take_up_rate": content.release, "supply_utilisation": supplied}
    rows = []
    for name in HEADLINE:
        above, below = metrics.registry()[name].columns
        now, before = (
            metrics.compute(in_month(source[name], month), [name], keep=[above, below]).iloc[0]
            for month in (content.month, content.month_before)
        )
        rows.append((name, now[above], now[below], now[name], before[name], now[name] - before[name], _target(content, name)))
    return pd.DataFrame(rows, columns=["metric", "numerator", "denominator", "now", "before", "change", "target"])


def _target(content: ReportContent, metric: str) -> float:
    rows = content.targets
    own = rows[(rows["metric"] == metric) & (rows["period"] == content.month) & (rows["dimension"] == "") & (rows["value"] == "")]
    return float(own["target"].iloc[0]) if len(own) else float("nan")


def with_supply(cells: pd.DataFrame, supply: pd.DataFrame) -> pd.DataFrame:
    """What was limited, by week and brand: requested, allocated, demand, met, demand_window and available, in the weeks of `cells`."""
    columns = ["requested", "allocated", "demand", "met", "demand_window"]
    weekly = metrics.totals(cells, ["week", "brand_id"], columns).astype({"brand_id": "str"})
    limited = supply[supply["week"].isin(cells["week"].unique())].astype({"brand_id": "str"})
    return limited.merge(weekly, on=["week", "brand_id"], how="left", validate="1:1").fillna(dict.fromkeys(columns, 0.0))


def dimension(content: ReportContent, name: str) -> pd.DataFrame:
    """The month's rates by one dimension, with the change on the month before, targets and names."""
    by, cells = [name, "period"], content.retailer_cells if name in OF_RETAILERS else content.cells
    both = fulfilment.rates(_in_months(cells, content.month_before, content.month), by, "month", _described(content))
    now = fulfilment.with_targets(both[both["period"] == content.month], content.targets, by)
    before = both.loc[both["period"] == content.month_before, [name, *fulfilment.RATES]]
    out = now.merge(before, on=name, how="left", validate="1:1", suffixes=("", "_before"))
    for rate in fulfilment.RATES:
        out[f"{rate}_change"] = out[rate] - out.pop(f"{rate}_before")
    out = _named(content, out.drop(columns="period"), name)
    order = ["requested", name] if name in BY_SIZE else [name]
    return out.sort_values(order, ascending=[column != "requested" for column in order], ignore_index=True)


NAMED: Mapping[str, tuple[str, Sequence[str]]] = {
    "brand": ("brand_id", ("name", "manufacturer", "price_class")),
    "retailer": ("retailer_id", ("name", "district", "account_manager")),
}
"""Dimensions whose values are ids: what is shown beside the id."""


def _named(content: ReportContent, rows: pd.DataFrame, name: str) -> pd.DataFrame:
    if name not in NAMED:
        return rows
    id_, shown = NAMED[name]
    table = (content.brands if name == "brand" else content.retailers)[[id_, *shown]]
    out = rows.merge(table, left_on=name, right_on=id_, how="left", validate="m:1").drop(columns=id_)
    out["name"] = out["name"].fillna(out[name])
    return out[[name, *shown, *(c for c in rows.columns if c != name)]]


def trend(content: ReportContent) -> pd.DataFrame:
    """Both rates by week, up to the end of the month: week, requested, allocated, demand, the rates and the month's target."""
    found = fulfilment.rates(_in_months(content.cells, "", content.month), ["period"], "week").tail(TREND_WEEKS)
    overall = content.targets[(content.targets["metric"] == "fulfilment_rate") & (content.targets["dimension"] == "")]
    week = pd.to_datetime(found["period"]).astype("datetime64[us]")
    target = rate_cells.periods(week, "month").map(overall.set_index("period")["target"]).astype("float64")
    return (
        found.drop(columns="period")
        .assign(week=week, fulfilment_rate_target=target)
        .reset_index(drop=True)[["week", "requested", "allocated", "demand", *fulfilment.RATES, "fulfilment_rate_target"]]
    )


def why(content: ReportContent, cells: pd.DataFrame, name: str) -> pd.DataFrame:
    """The gap and its parts by brand or district, largest gap first; rows without a gap are left out."""
    column = rate_cells.DIMENSIONS[name]
    sums = metrics.totals(cells, [column], GAPS).rename(columns={column: name}).astype({name: "str"})
    sums.insert(1, "gap", sums[list(GAPS)].sum(axis=1))
    sums = sums[sums["gap"] > 0].sort_values(["gap", name], ascending=[False, True], ignore_index=True)
    if name == "brand":
        names = sums[name].map(content.brands.set_index("brand_id")["name"].astype("str"))
        sums.insert(1, "name", names.fillna(sums[name]))
    return sums


def heat(content: ReportContent, cells: pd.DataFrame, rate: str) -> pd.DataFrame:
    """`rate` by district (rows) and brand (columns, the HEAT_BRANDS of the largest true demand), NaN where undefined."""
    return matrix(cells, rate, _described(content))


def matrix(cells: pd.DataFrame, rate: str, of: rate_cells.Attributes | None = None) -> pd.DataFrame:
    """The same of cells that hold both, or whose attributes `of` are given."""
    volume = metrics.totals(cells, ["brand_id"], ["demand", "requested"]).astype({"brand_id": "str"})
    chosen = volume.sort_values(["demand", "requested", "brand_id"], ascending=[False, False, True])["brand_id"].head(HEAT_BRANDS)
    found = fulfilment.rates(cells, ["district", "brand"], of=of)
    return found.pivot(index="district", columns="brand", values=rate).reindex(columns=list(chosen)).sort_index()


def short(content: ReportContent, cells: pd.DataFrame) -> pd.DataFrame:
    """Brands whose requests exceed the available supply, over their limited weeks, by unmet true demand, largest first."""
    columns = ["requested", "demand", "available", "allocated", "met", "demand_window"]
    sums = metrics.totals(with_supply(cells, content.supply), ["brand_id"], columns)
    sums = sums[sums["requested"] > sums["available"]].reset_index(drop=True)
    rates = {name: metrics.value(sums, name) for name in ("fulfilment_rate", "demand_fulfilment_rate", "supply_utilisation")}
    out = sums.assign(**rates, short_by=sums["demand"] - sums["available"]).drop(columns=["met", "demand_window"])
    out = _named(content, out.rename(columns={"brand_id": "brand"}), "brand")
    return out.sort_values(["short_by", "brand"], ascending=[False, True], ignore_index=True)


def lowest(rows: pd.DataFrame, least: int, count: int) -> pd.DataFrame:
    """The `count` rows of the lowest demand fulfilment among those of at least `least` cartons of true demand."""
    enough = rows[(rows["demand"] >= least) & rows["demand_fulfilment_rate"].notna()]
    key = rows.columns[0]
    return enough.sort_values(["demand_fulfilment_rate", "requested", key], ascending=[True, False, True], ignore_index=True).head(count)


def accuracy(content: ReportContent) -> pd.DataFrame:
    """How near the forecasts of the month's weeks came, by horizon (1: forecast in its own week), with the change on the month before."""
    rows = content.judged.assign(horizon=(content.judged["week"] - content.judged["origin"]).dt.days // 7 + 1)
    rows["absolute_error"] = metrics.forecast_errors(rows["forecast"], rows["actual"])["absolute_error"]
    rates = ["forecast_accuracy", "forecast_bias"]
    now, before = (
        metrics.compute(in_month(rows, month), rates, ["horizon"], keep=["forecast", "actual"])
        for month in (content.month, content.month_before)
    )
    out = now.merge(before[["horizon", rates[0]]], on="horizon", how="left", validate="1:1", suffixes=("", "_before"))
    return out.assign(forecast_accuracy_change=out[rates[0]] - out.pop(f"{rates[0]}_before")).astype({"horizon": "int64"})
