"""A city folder read straight into what the night of its waiting week may know: unchecked, and without a database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from ordering import frames
from ordering.frames import Kind, Snapshot
from ordering.model import month_of, week_of

WEEKLY = ("supply", "release_strategy", "band_caps", "regressors")
MONTHLY = ("star_levels", "monthly_quotas")


def cutoff(folder: Path) -> date:
    """The business date of a city whose `folder` holds city/ and truth/."""
    return date.fromisoformat((folder / "truth" / "cutoff.txt").read_text("utf-8").strip())


def read(folder: Path, *, horizon: int = 13) -> Snapshot:
    """What the night of the cutoff of `folder` (city/ and truth/) may know, all its history included; `horizon`: weeks to forecast.

    The same as ordering.snapshot.read_week after an import of the folder, for a history no longer than demand.weeks.
    """
    return known_on(tables(folder), cutoff(folder), horizon=horizon)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """All tables of `folder`/city that a night reads, by name, order lines with their week."""
    found = {name: _table(folder / "city", table) for name, table in frames.CONTRACT.items() if name in _NEEDED}
    lines = found["order_lines"]
    monday = lines["order_date"] - pd.to_timedelta(lines["order_date"].dt.day_of_week, unit="D")
    return found | {"order_lines": lines.assign(week=monday.astype("datetime64[us]"))}


def known_on(read: Mapping[str, pd.DataFrame], business: date, *, horizon: int = 13) -> Snapshot:
    """What the night of `business` may know of tables as from `tables`; the lines of its seven days wait, whatever they were given."""
    now, last = frames.day(business), frames.day(business + timedelta(days=6))
    found = {**read, **{name: _begun(read[name], *columns, last) for name, columns in _LIVES.items()}}
    kinds = {c: pd.CategoricalDtype(found[t][c]) for t, c in (("retailers", "retailer_id"), ("brands", "brand_id"))}
    for name in frames.LONG & set(found):
        typed = found[name].astype({c: kind for c, kind in kinds.items() if c in found[name]})
        found[name] = typed.dropna(subset=[c for c in kinds if c in typed], ignore_index=True)
    lines = found.pop("order_lines")
    waiting = lines[(lines["order_date"] >= now) & (lines["order_date"] <= last)]
    return Snapshot(
        business_date=business,
        lines=lines[lines["order_date"] < now].reset_index(drop=True),
        waiting=waiting.assign(allocated=pd.Series(pd.NA, waiting.index, "Int32")).reset_index(drop=True),
        week_levels=frames.empty(frames.WEEK_LEVELS),
        **_known(found, business, horizon),
    )


_NEEDED = {*Snapshot.__dataclass_fields__, "order_lines"}
_LIVES = {"retailers": ("active_from", "active_to"), "brands": ("launched_on", "withdrawn_on")}


def _begun(frame: pd.DataFrame, begin: str, end: str, last: pd.Timestamp) -> pd.DataFrame:
    """What has begun by the last planned day; that it will end after that is not known yet."""
    there = frame[frame[begin].isna() | (frame[begin] <= last)].reset_index(drop=True)
    return there.assign(**{end: there[end].where(there[end] <= last)})


def _known(tables: dict[str, pd.DataFrame], business: date, horizon: int) -> dict[str, pd.DataFrame]:
    """The tables beside the lines, each up to what is known on the business date."""
    now, last = frames.day(business), business + timedelta(days=6)
    planned = frames.day(week_of(last))
    known = {name: tables[name] for name in Snapshot.__dataclass_fields__ if name in tables}
    keep = {name: known[name]["week"] <= planned for name in WEEKLY}
    keep |= {name: known[name]["month"] <= month_of(week_of(last)) for name in MONTHLY}
    keep["scanned_sales"] = known["scanned_sales"]["week"] < frames.day(week_of(business))
    keep["stock_counts"] = known["stock_counts"]["counted_on"] < now
    keep["festivals"] = known["festivals"]["starts_on"] <= frames.day(business + timedelta(weeks=horizon + 4))
    keep["holds"] = known["holds"]["from"] <= frames.day(last)
    return {name: frame[keep[name]].reset_index(drop=True) if name in keep else frame for name, frame in known.items()}


def _table(folder: Path, table: frames.Table) -> pd.DataFrame:
    for path in (folder / table.file, folder / f"{table.name}.parquet"):
        if path.exists():
            return frames.conform(table, _parsed(path, table), check=False)
    return frames.empty(table)


def _parsed(path: Path, table: frames.Table) -> pd.DataFrame:
    texts = {c.name: str for c in table.columns if c.kind in (Kind.ID, Kind.TEXT, Kind.CHOICE, Kind.MONTH)}
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=texts, encoding="utf-8-sig")
    for column in table.columns:
        if column.kind in (Kind.DATE, Kind.WEEK) and column.name in frame:
            frame[column.name] = pd.to_datetime(frame[column.name]).dt.as_unit("us")
    return frame
