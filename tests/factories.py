"""The one place that makes test data: small cities, their snapshots, and the folders they are read from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ordering import frames, model
from tests import small_frames

MONDAY = date(2026, 3, 2)
"""The business date of the small cities; a Monday."""


def retailer(retailer_id: str = "R1", **more: Any) -> dict[str, Any]:
    return {
        "retailer_id": retailer_id, "name": f"店{retailer_id}", "star_level": 3, "district": "D1", "street": "S1", "area_type": "urban",
        "business_format": "convenience", "account_manager": "M1", "order_weekday": 2,
    } | more  # fmt: skip


def brand(brand_id: str = "B1", **more: Any) -> dict[str, Any]:
    return {"brand_id": brand_id, "name": f"牌{brand_id}", "manufacturer": "F1", "price_class": 2, "wholesale_price": 180.0} | more


def line(retailer_id: str = "R1", brand_id: str = "B1", requested: int = 5, allocated: int | None = 5, **more: Any) -> dict[str, Any]:
    """One order line; its order is named by retailer and date, the date is the Tuesday before MONDAY unless given."""
    on = more.pop("order_date", MONDAY - timedelta(days=6))
    return {
        "order_id": f"O-{retailer_id}-{on}", "brand_id": brand_id, "retailer_id": retailer_id, "order_date": on, "mode": "pre_order",
        "requested": requested, "allocated": allocated,
    } | more  # fmt: skip


def table(of: frames.Table, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A checked frame of a contract table; columns that no row names take their defaults."""
    if not rows:
        return _empty(of).copy()
    quick = small_frames.built(of, rows)
    return checked(of, rows) if quick is None else quick


@cache
def _empty(of: frames.Table) -> pd.DataFrame:
    return frames.empty(of)


def checked(of: frames.Table, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """As `table`, by the constructor that the package has; it says what is wrong with the rows."""
    frame = pd.DataFrame(list(rows))
    for column in of.columns:
        if column.kind in (frames.Kind.DATE, frames.Kind.WEEK) and column.name in frame:
            frame[column.name] = pd.to_datetime(frame[column.name]).dt.as_unit("us")
    return frames.conform(of, frame)


def snapshot(
    *,
    retailers: Sequence[dict[str, Any]] = (),
    brands: Sequence[dict[str, Any]] = (),
    lines: Sequence[dict[str, Any]] = (),
    waiting: Sequence[dict[str, Any]] = (),
    business_date: date = MONDAY,
    **tables: Sequence[dict[str, Any]],
) -> frames.Snapshot:
    """A snapshot with ids as categories, from rows; `tables` are further contract tables by name."""
    shops, wares = table(frames.RETAILERS, retailers or [retailer()]), table(frames.BRANDS, brands or [brand()])
    kinds = {"retailer_id": pd.CategoricalDtype(shops["retailer_id"]), "brand_id": pd.CategoricalDtype(wares["brand_id"])}

    def coded(name: str, frame: pd.DataFrame) -> pd.DataFrame:
        for column in kinds if name in frames.LONG else ():
            if column in frame:
                frame[column] = pd.Categorical(frame[column], dtype=kinds[column])
        return frame

    def dated(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
        frame = coded("order_lines", table(frames.ORDER_LINES, rows))
        days = frame["order_date"].to_numpy("datetime64[D]")
        return frame.assign(week=(days - (days.astype(np.int64) + 3) % 7).astype("datetime64[us]"))  # day 0 was a Thursday

    named = {f: table(frames.CONTRACT[f], tables.pop(f, ())) for f in SNAPSHOT_TABLES}
    levels = table(frames.WEEK_LEVELS, tables.pop("week_levels", ()))
    assert not tables, f"no such tables: {sorted(tables)}"
    return frames.Snapshot(
        business_date=business_date,
        retailers=shops,
        brands=wares,
        lines=dated(lines),
        waiting=dated(waiting),
        week_levels=levels,
        **{name: coded(name, frame) for name, frame in named.items()},
    )


SNAPSHOT_TABLES = (
    "supply", "release_strategy", "band_caps", "star_levels", "monthly_quotas", "daily_limits", "stock_counts", "scanned_sales",
    "festivals", "regressors", "holds",
)  # fmt: skip


def week(offset: int = 0) -> date:
    """The Monday `offset` weeks after MONDAY's."""
    return model.week_of(MONDAY) + timedelta(weeks=offset)


def write_folder(folder: Path, tables: dict[str, pd.DataFrame | Sequence[dict[str, Any]]]) -> Path:
    """A city folder of csv files, each from a frame or from rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    return folder


def demand_history(
    brands: int = 5, weeks: int = 80, *, seed: int = 0, level: float = 200.0, noise: float = 0.1, starts: date | None = None
) -> pd.DataFrame:
    """Weekly demand of brands B0, B1, … with one yearly season and noise on the log scale: brand_id, week, demand. Ends before MONDAY."""
    first = pd.Timestamp(starts or week(-weeks))
    on = pd.date_range(first, periods=weeks, freq="7D", unit="us")
    rng = np.random.default_rng(seed)
    season = 0.2 * np.sin(2 * np.pi * on.day_of_year.to_numpy() / 365.25)
    parts = []
    for number in range(brands):
        log = np.log(level * (1 + number)) + season + rng.normal(0, noise, weeks)
        parts.append(pd.DataFrame({"brand_id": f"B{number}", "week": on, "demand": np.round(np.exp(log))}))
    return pd.concat(parts, ignore_index=True)


SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""The real data beside the project, used in place; tests that need it skip where it is absent."""


def suggestion(retailer_id: str = "R1", brand_id: str = "B1", suggested: int = 5, **more: Any) -> dict[str, Any]:
    """A suggestion for the Tuesday after MONDAY unless told otherwise."""
    on = more.pop("order_day", MONDAY + timedelta(days=1))
    return {
        "retailer_id": retailer_id, "brand_id": brand_id, "week": model.week_of(on), "order_day": on, "suggested": suggested,
        "requested": 0, "p10": 1.0, "p50": 2.0, "p90": 3.0, "stock": None, "reason": "COVER", "most": None, "bound": "",
    } | more  # fmt: skip
