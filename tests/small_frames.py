"""Frames of a few rows, made without the second that pandas and pandera take for a hundred of them: laws draw thousands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from ordering.columns import Column, Kind, Table

PLAIN: Mapping[Kind, tuple[type, ...]] = {
    Kind.ID: (str,), Kind.TEXT: (str,), Kind.CHOICE: (str,), Kind.MONTH: (str,), Kind.COUNT: (int,), Kind.SIGNED: (int,),
    Kind.NUMBER: (int, float), Kind.DATE: (date,), Kind.WEEK: (date,), Kind.BOOL: (bool,),
}  # fmt: skip
"""What a cell must be to be taken as it is."""
MAKE: Mapping[Kind, Callable[[list[Any], str], Any]] = {
    Kind.DATE: lambda values, _: np.array(values, "datetime64[D]").astype("datetime64[us]"),
    Kind.WEEK: lambda values, _: np.array(values, "datetime64[D]").astype("datetime64[us]"),
    Kind.NUMBER: lambda values, _: np.array([np.nan if value is None else value for value in values], np.float64),
}


def built(of: Table, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame | None:
    """The frame that `frames.conform` makes of the rows, by its rules; None where a cell is not plain or a rule is broken: ask it then."""
    columns: dict[str, list[Any]] = {}
    for column in of.columns:
        values = _values(column, rows)
        if values is None:
            return None
        columns[column.name] = values
    keys = list(zip(*(columns[name] for name in of.key), strict=True))
    if len(set(keys)) < len(keys) or any(part is None for key in keys for part in key):
        return None
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return pd.DataFrame({column.name: _made(column, [columns[column.name][at] for at in order]) for column in of.columns})


def _values(column: Column, rows: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """The cells of a column, blanks filled; None where one breaks a rule of it or is not plain."""
    if not any(column.name in row for row in rows):
        if column.required:
            return None
        return [column.default] * len(rows)
    values = [row.get(column.name) for row in rows]
    values = [None if value is None or value != value else value for value in values]
    if column.blank and column.default is not None:
        values = [column.default if value is None else value for value in values]
    return values if all(_fits(column, value) for value in values) else None


def _fits(column: Column, value: Any) -> bool:
    if value is None:
        return column.nullable
    if not isinstance(value, PLAIN[column.kind]) or isinstance(value, datetime) or isinstance(value, bool) != (column.kind is Kind.BOOL):
        return False
    low, high = column.low, column.high
    if (low is not None and value < low) or (high is not None and value > high):
        return False
    return abs(value) < 2**31 if column.kind is Kind.COUNT else not column.choices or value in column.choices


def _made(column: Column, values: list[Any]) -> Any:
    make = MAKE.get(column.kind)
    return make(values, column.dtype) if make else pd.array(values, dtype=column.dtype)
