"""The rates: fulfilment, demand fulfilment and line fill by any of the contract's dimensions and periods, with targets beside them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ordering import metrics
from ordering import rate_cells as _cells
from ordering.errors import TrueOrderError

RATES = ("fulfilment_rate", "demand_fulfilment_rate", "line_fill_rate")
SUMS = ("requested", "allocated", "demand")


def rates(
    cells: pd.DataFrame, by: Sequence[str], period: str = "month", of: _cells.Attributes | None = None, names: Sequence[str] = RATES,
    keep: Sequence[str] = SUMS,
) -> pd.DataFrame:  # fmt: skip
    """Rates `names` of additive cells by the dimensions `by` (of cells.DIMENSIONS, and "period"): the `fulfilment` export.

    `cells` are weekly (column week), or of the period `period` already; both stored tables will do. Dimensions that the cells do not
    hold are looked up in `of`: a brand's manufacturer and price class, a retailer's district and account manager. Result: the columns
    `by`, the sums `keep` in cartons (requested, allocated and demand among them), and the rates (NaN: undefined); sorted by `by`.
    """
    frame = pd.DataFrame({name: _dimension(cells, name, period, of) for name in by}, index=cells.index)
    frame = pd.concat([frame, cells[[c for c in _cells.MEASURES if c in cells.columns]]], axis=1)
    out = metrics.compute(frame, names, by, keep=keep)
    out = out.fillna({"requested": 0, "allocated": 0}).astype({"requested": "int64", "allocated": "int64"})
    return out.astype({name: "int64" if name in ("star", "price_class") else "str" for name in by})


def _dimension(cells: pd.DataFrame, name: str, period: str, of: _cells.Attributes | None) -> pd.Series:
    if name == "period":
        return _period(cells, period)
    if name not in _cells.DIMENSIONS:
        raise TrueOrderError(f"there is no dimension {name!r}; there are {', '.join(_cells.DIMENSIONS)} and period")
    column = _cells.DIMENSIONS[name]
    if column in cells.columns:
        return cells[column]
    for id_, table in (("brand_id", of.brands), ("retailer_id", of.retailers)) if of is not None else ():
        if id_ in cells.columns and column in table.columns:
            return cells[id_].astype("str").map(table.set_index(id_)[column])
    held = ", ".join(c for c in cells.columns if c not in _cells.MEASURES)
    raise TrueOrderError(f"these cells cannot be grouped by {name}: they hold {held}")


def _period(cells: pd.DataFrame, period: str) -> pd.Series:
    """The period of each cell, as a category: there are few, and many cells."""
    if "week" not in cells.columns:
        return cells["period"]
    codes, weeks = pd.factorize(cells["week"], sort=True)
    return pd.Series(pd.Categorical(_cells.periods(pd.Series(weeks), period))[codes], index=cells.index)


def with_targets(rates: pd.DataFrame, targets: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """`rates` with a column `<metric>_target` beside each metric, missing where targets.csv names none.

    A target is of one metric, period, dimension and value: rates by period alone take those without a dimension, rates by period and
    one dimension those of that dimension. Rates by more dimensions, or by no period, have no targets.
    """
    dimensions = [name for name in by if name != "period"]
    fits = "period" in by and len(dimensions) <= 1
    dimension = dimensions[0] if dimensions else ""
    wanted = targets[targets["dimension"] == dimension] if fits else targets.iloc[:0]
    keys = pd.DataFrame({"period": "", "value": ""}, index=rates.index)
    if fits:
        keys = keys.assign(period=rates["period"], value=rates[dimension].astype("str") if dimension else "")
    out = rates.copy()
    for name in [column for column in rates.columns if column in metrics.registry()]:
        own = wanted.loc[wanted["metric"] == name, ["period", "value", "target"]]
        out[f"{name}_target"] = keys.merge(own, on=["period", "value"], how="left", validate="m:1")["target"].to_numpy("float64")
    return out
