"""The metric registry: every rate is the ratio of two sums over additive columns, defined once, in config/metrics.toml.

A rate with nothing below the line is undefined (NaN), never 0, and rates are never averaged: `compute` sums the columns over the
group first and divides last.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from ordering.errors import TrueOrderError

LANGUAGES = ("zh", "en")
"""Every name in the registry is a pair in this order."""

Terms = tuple[tuple[int, str], ...]
"""Signed columns: `opening + received - closing` is ((1, "opening"), (1, "received"), (-1, "closing"))."""


@dataclass(frozen=True)
class Metric:
    """One entry: `numerator` and `denominator` are signed columns, empty where no ratio of sums can give it (see `function`).

    Pairs are (Chinese, English). `also` are further Chinese names in use. `format` is percent, ratio or change; `better` says which
    way is good: up, down or neither.
    """

    name: str
    names: tuple[str, str]
    numerator: Terms
    denominator: Terms
    function: tuple[str, str]
    grain: tuple[str, str]
    source: tuple[str, str]
    format: str
    better: str
    also: tuple[str, ...]

    @property
    def additive(self) -> bool:
        """True when the metric is a ratio of sums."""
        return bool(self.denominator)

    @property
    def columns(self) -> list[str]:
        """The additive columns the metric needs, each once."""
        return list(dict.fromkeys(column for _, column in (*self.numerator, *self.denominator)))

    def definition(self, language: str) -> str:
        """What is divided by what, in words: `Σ allocated ÷ Σ requested`."""
        at = LANGUAGES.index(language)
        if not self.additive:
            return self.function[at]
        return f"{_in_words(self.numerator, at)} ÷ {_in_words(self.denominator, at)}"


def _in_words(terms: Terms, at: int) -> str:
    said = column_names()
    text = " ".join(f"{'−' if sign < 0 else '+'} Σ {said[column][at]}" for sign, column in terms).removeprefix("+ ")
    return f"({text})" if len(terms) > 1 else text


def _terms(expression: str) -> Terms:
    """`a + b - c` as signed columns."""
    found = re.findall(r"([+-]?)\s*([a-z_]+)", expression)
    return tuple((-1 if sign == "-" else 1, column) for sign, column in found)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("config").joinpath("metrics.toml").read_text("utf-8"))


@cache
def column_names() -> Mapping[str, tuple[str, str]]:
    """Chinese and English name of every additive column that a metric uses."""
    return {name: (chinese, english) for name, (chinese, english) in _data()["columns"].items()}


@cache
def registry() -> Mapping[str, Metric]:
    """Every metric by its name in code, in the order of config/metrics.toml."""
    return {entry["name"]: _metric(entry) for entry in _data()["metric"]}


def _metric(entry: Mapping[str, Any]) -> Metric:
    metric = Metric(
        name=entry["name"],
        names=(entry["chinese"], entry["english"]),
        numerator=_terms(entry.get("numerator", "")),
        denominator=_terms(entry.get("denominator", "")),
        function=tuple(entry.get("function", ("", ""))),
        grain=tuple(entry["grain"]),
        source=tuple(entry["source"]),
        format=entry["format"],
        better=entry["better"],
        also=tuple(entry.get("also", ())),
    )
    unknown = set(metric.columns) - set(column_names())
    if unknown:
        raise TrueOrderError(f"metrics.toml: {metric.name}: no column {', '.join(sorted(unknown))} in [columns]")
    return metric


def value(frame: pd.DataFrame, name: str) -> pd.Series:
    """The metric of each row of `frame`, whose additive columns are summed already: numerator ÷ denominator, NaN where that is 0.

    Raises TrueOrderError where the metric is unknown, has a function of its own, or lacks a column.
    """
    metric = registry().get(name)
    if metric is None or not metric.additive:
        known = ", ".join(m.name for m in registry().values() if m.additive)
        raise TrueOrderError(f"metric {name}: not in the registry as a ratio of sums; there are {known}")
    missing = [column for column in metric.columns if column not in frame.columns]
    if missing:
        raise TrueOrderError(f"metric {name}: no column {', '.join(missing)}")
    above, below = _signed(frame, metric.numerator), _signed(frame, metric.denominator)
    return (above / below.where(below > 0)).rename(name)


def _signed(frame: pd.DataFrame, terms: Terms) -> pd.Series:
    total = pd.Series(0.0, index=frame.index)
    for sign, column in terms:
        total = total + sign * frame[column].astype("float64")
    return total


def compute(frame: pd.DataFrame, names: Sequence[str], by: Sequence[str] = (), keep: Sequence[str] = ()) -> pd.DataFrame:
    """Metrics `names` of `frame` grouped by the columns `by` (none: one row, the total).

    `frame` holds additive columns at any finer grain. Result: `by`, the sums of `keep`, one column per metric; sorted by `by`.
    A sum of nothing but missing values is missing, and so is the metric.
    """
    needed = dict.fromkeys([*keep, *(column for name in names if name in registry() for column in registry()[name].columns)])
    present = [column for column in needed if column in frame.columns]
    sums = totals(frame, by, present)
    metrics = {name: value(sums, name) for name in names}
    return pd.concat([sums[[*by, *keep]], pd.DataFrame(metrics, index=sums.index)], axis=1)


def totals(frame: pd.DataFrame, by: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Sums of `columns` by `by`, sorted by it; without `by` one row."""
    numbers = frame[list(columns)].astype("float64")
    if not by:
        return numbers.sum(min_count=1).to_frame().T
    grouped = numbers.groupby([frame[name] for name in by], sort=True, observed=True, dropna=False)
    return grouped.sum(min_count=1).reset_index()


def forecast_errors(forecast: pd.Series, actual: pd.Series) -> pd.DataFrame:
    """The additive columns of forecast accuracy, 1 − Σ|forecast − actual| ÷ Σ actual, and of its bias: forecast, actual, absolute_error.

    Pairs in which either is missing count in neither sum.
    """
    frame = pd.DataFrame({"forecast": forecast.astype("float64"), "actual": actual.astype("float64")})
    frame = frame.where(frame.notna().all(axis=1))
    return frame.assign(absolute_error=(frame["forecast"] - frame["actual"]).abs())


def concentration(volume: pd.Series, top: int) -> float:
    """CR-N: the share of the `top` largest in all of `volume` (one value per brand); NaN where nothing was sold."""
    total = float(volume.sum())
    return float(volume.nlargest(top).sum()) / total if total > 0 else float("nan")


def herfindahl(volume: pd.Series) -> float:
    """HHI: Σ share², from 1/n (all alike) to 1 (one brand alone); NaN where nothing was sold."""
    total = float(volume.sum())
    return float(np.square(volume.to_numpy("float64") / total).sum()) if total > 0 else float("nan")


def growth(volume: pd.Series, last_year: pd.Series) -> pd.Series:
    """(this period − same period last year) ÷ same period last year, aligned by index; NaN where last year is 0 or missing."""
    before = last_year.reindex(volume.index).astype("float64")
    return (volume.astype("float64") - before) / before.where(before > 0)
