"""Scores of forecasts by method and horizon. Rows hold series, origin, week, horizon, method, mean, p10, p50, p90, inside, actual, scale.

`scale` is the series' own mean squared step from week to week before the origin (the error of the one-step naive forecast, squared), and
`inside` whether what came lies in the 80% interval. Every function gives methods by rows and horizons by columns, and their average last.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
CELL = ["method", "horizon"]


def wape(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum of absolute errors over sum of what came."""
    off = (rows["mean"] - rows["actual"]).abs()
    return _ratio(rows, off, rows["actual"])


def bias(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum of signed errors (forecast less what came) over sum of what came."""
    return _ratio(rows, rows["mean"] - rows["actual"], rows["actual"])


def rmsse(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean over series of the root of their mean squared error, in units of `scale` (Hyndman & Koehler 2006; M5). Needs a scale above 0."""
    rows = rows[rows["scale"] > 0]
    square = (rows["mean"] - rows["actual"]) ** 2 / rows["scale"]
    each = np.sqrt(square.groupby([rows["method"], rows["horizon"], rows["series"]], observed=True).mean())
    return _wide(each.groupby(CELL, observed=True).mean())


def pinball(rows: pd.DataFrame) -> pd.DataFrame:
    """Pinball loss of the quantiles .1, .5, .9, averaged over them, in units of the root of `scale`; the mean over rows."""
    rows = rows[rows["scale"] > 0]
    loss = sum((_pinball(rows, name, q) for name, q in QUANTILES.items()), start=pd.Series(0.0, index=rows.index)) / len(QUANTILES)
    return _wide((loss / np.sqrt(rows["scale"])).groupby([rows["method"], rows["horizon"]], observed=True).mean())


def _pinball(rows: pd.DataFrame, name: str, q: float) -> pd.Series:
    off = rows["actual"] - rows[name]
    return np.maximum(q * off, (q - 1) * off)


def coverage(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of rows inside the 80% interval."""
    return _wide(rows.groupby(CELL, observed=True)["inside"].mean())


def _ratio(rows: pd.DataFrame, above: pd.Series, below: pd.Series) -> pd.DataFrame:
    by = [rows["method"], rows["horizon"]]
    total = below.groupby(by, observed=True).sum()
    return _wide(above.groupby(by, observed=True).sum() / total.where(total > 0))


def _wide(cells: pd.Series) -> pd.DataFrame:
    out = cells.unstack("horizon")
    return out.assign(average=out.mean(axis=1))


MEASURES = {"WAPE": wape, "BIAS": bias, "RMSSE": rmsse, "PINBALL": pinball, "COVERAGE": coverage}


def tables(rows: pd.DataFrame, measures: tuple[str, ...]) -> str:
    """The tables of `measures` in words, the best method first, signed ones by size and coverage as it comes."""
    parts = []
    for name in measures:
        table = MEASURES[name](rows)
        ranked = table if name == "COVERAGE" else table.sort_values("average", key=abs)
        parts.append(f"{name}\n{ranked.to_string(float_format='{:.3f}'.format)}")
    return "\n\n".join(parts)


def beside_best(rows: pd.DataFrame, ours: str, measure: str) -> str:
    """Ours over the best of the others at every horizon, and on average."""
    table = MEASURES[measure](rows)
    ratio = table.loc[ours] / table.drop(index=ours).min()
    return f"{measure} of {ours} ÷ best of the others: " + "  ".join(f"{name}: {value:.3f}" for name, value in ratio.items())
