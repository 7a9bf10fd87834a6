"""The review as a grid: a night's lines with what stands out on them, those first that need a look, packed column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation.suggest import NOT_YET_KNOWN
from ordering import review
from ordering.settings import ReviewSettings

MARKS = ("flagged", "change", "bound", "stock")
"""What makes a line an exception, the gravest first: its request was flagged; suggestion and request lie further apart than a person may
change without a reason; a bound cut the suggestion; the counted stock that will be left is below what half of all weeks want."""

Bools = npt.NDArray[np.bool_]


def marks(lines: pd.DataFrame, rules: ReviewSettings) -> Mapping[str, Bools]:
    """Which of MARKS hold, line by line (columns review.SHOWN)."""
    asked = (lines["requested"] > 0).to_numpy(bool)
    cut = lines["reason"].astype("str").str.removesuffix(NOT_YET_KNOWN).str.rstrip("+").str.contains("+", regex=False)
    return {
        "flagged": lines["flagged"].to_numpy(bool),
        "change": asked & review.needs_reason(lines["suggested"], lines["requested"], rules),
        "bound": cut.to_numpy(bool),
        "stock": (lines["stock"].astype("float64") < lines["p50"]).to_numpy(bool),
    }


def in_order(lines: pd.DataFrame, rules: ReviewSettings) -> pd.DataFrame:
    """Lines (columns review.SHOWN) with their `marks`, in the order of the grid."""
    found = marks(lines, rules)
    weight = sum(found[name] * 2 ** (len(MARKS) - 1 - at) for at, name in enumerate(MARKS)) if len(lines) else []
    return lines.assign(marks=np.asarray(weight, np.int64)).sort_values("marks", ascending=False, kind="stable", ignore_index=True)


def packed(lines: pd.DataFrame, rules: ReviewSettings, closed: date) -> dict[str, Any]:
    """Lines (columns review.SHOWN) for a grid, exceptions first: names once, numbers by column, decisions of decided lines alone.

    `closed`: the last order day whose cut-off has passed; later ones can be decided. `marks` of a line: the sum of 8, 4, 2 and 1 for
    those of MARKS that hold.
    """
    rows = in_order(lines, rules)
    rows = rows.assign(day=rows["order_day"].dt.strftime("%Y-%m-%d"))
    told = np.flatnonzero((rows["version"] > 0).to_numpy())
    coded = {name: _coded(rows, columns) for name, columns in CODED.items()}
    return {
        "closed": closed.isoformat(),
        "total": len(rows),
        "columns": {name: codes for name, (codes, _) in coded.items()} | {name: _plain(rows[name]) for name in NUMBERS},
        "names": {name: values for name, (_, values) in coded.items()},
        "decided": {"at": told.tolist()} | {name: _plain(rows[name].iloc[told]) for name in DECIDED},
    }


CODED: Mapping[str, tuple[str, ...]] = {
    "shop": ("retailer_id", "name", "district"), "brand": ("brand_id", "brand_name"), "day": ("day",), "bound": ("bound",),
    "reason": ("reason",),
}  # fmt: skip
"""Columns whose few values are named once and numbered in the lines: what a name is made of."""
NUMBERS = ("star_level", "marks", "requested", "suggested", "p10", "p90", "stock", "most", "cap", "quota_left")
DECIDED = ("version", "decision", "override", "final", "basis", "pending", "code", "note", "decided_by", "approved_by", "batch_id")


def _coded(rows: pd.DataFrame, names: Sequence[str]) -> tuple[list[int], list[list[str]]]:
    """Each row's number of the first column's value, and the values of all columns in the order of the numbers."""
    codes, _ = pd.factorize(rows[names[0]].astype("str"))
    _, first = np.unique(codes, return_index=True)
    values: list[list[str]] = rows[list(names)].iloc[first].astype("str").to_numpy(dtype=object).tolist()
    return codes.tolist(), values


def _plain(values: pd.Series) -> list[Any]:
    """Values as JSON has them: numbers to a tenth, missing ones null."""
    short = values.round(1) if values.dtype.kind == "f" else values
    found: list[Any] = (short.astype(object).where(short.notna(), None) if short.hasnans else short).tolist()
    return found
