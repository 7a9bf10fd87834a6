"""A suggestion computed again from its stored row alone, in plain Python, by what the docs say of each column."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd


def shelf(row: dict[str, Any]) -> float:
    """Cartons on the order day."""
    start = row["demand"] * row["cover_weeks"] if pd.isna(row["counted"]) else float(row["counted"])
    weeks = (row["order_day"] - row["since"]).days / 7
    return max(start + int(row["received"]) - row["demand"] * weeks, 0.0)


def needed(row: dict[str, Any]) -> int:
    """Whole cartons from the shelf to the target."""
    return max(math.ceil(round(row["demand"] * row["cover_weeks"] - shelf(row), 9)), 0)


def room(row: dict[str, Any]) -> int | None:
    """What can be had of the brand, None without any limit."""
    pack, given = int(row["pack_multiple"]), int(row["given"])
    found = [0] if "HOLD" in row["reason"].split("+") else []
    if not pd.isna(row["cap"]):
        found.append(int(row["cap"]) - given)
    if not pd.isna(row["level_line"]):
        found.append(int(row["level_line"]) - math.ceil(given / pack) * pack)
    found += [int(row[name]) for name in ("quota_left", "shared_left") if not pd.isna(row[name])]
    return max(min(found), 0) if found else None


def recomputed(row: dict[str, Any]) -> tuple[int, int]:
    """need and suggested."""
    need, pack, most = needed(row), int(row["pack_multiple"]), room(row)
    wanted = math.ceil(need / pack) * pack
    got = wanted if most is None or wanted <= most else most // pack * pack
    return need, got if got >= row["min_lot"] else 0


def wrong(rows: pd.DataFrame) -> Iterator[str]:
    """Rows that do not follow from themselves."""
    for row in rows.to_dict("records"):
        stored = int(row["need"]), int(row["suggested"])
        if recomputed(row) != stored:
            yield f"{row['retailer_id']}, {row['brand_id']}: need and suggested {stored}, recomputed {recomputed(row)}"
        counted = not pd.isna(row["counted"])
        if counted != (not pd.isna(row["stock"])) or (counted and row["stock"] != shelf(row)):
            yield f"{row['retailer_id']}, {row['brand_id']}: stock {row['stock']}, recomputed {shelf(row)}"
