"""How well true demand is recovered and inflated requests are found where the truth is known: `python -m benchmarks.recovery CITY...`

CITY holds city/ and truth/ (a made-up city: `trueorder sample FOLDER/city --truth FOLDER/truth`). The figures of the city's scorer,
`score.py` beside it or named by --scorer, are printed next to those of the naive estimates on the same rows, with time and memory.
The forecast scored here is the simplest there is (last year's index), a floor for forecasting/brands.py.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting import demand, inflation, panel
from ordering import frames, settings
from ordering.frames import Kind, Snapshot

FIGURES = ("tight_brand_week", "brand_week", "pair")
HORIZON = 13


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cities", nargs="+", type=Path)
    parser.add_argument("--scorer", type=Path, default=None)
    parser.add_argument("--forecast", action="store_true", help="score a forecast by last year's index as well")
    given = parser.parse_args(arguments)
    print(HEADER)
    for city in given.cities:
        scorer = given.scorer or city / "score.py"
        if not scorer.exists():
            sys.exit(f"{scorer}: no scorer there; name one with --scorer")
        print(row(city, scorer, given.forecast), flush=True)


HEADER = (
    f"{'city':<16}{'tight b-w':>16}{'brand-week':>16}{'pair':>16}{'bias':>7}{'cover':>7}{'AP':>14}{'flagged':>9}{'precis.':>9}"
    f"{'honest':>8}{'sec':>6}\n{'':<16}" + f"{'naive  ours':>16}" * 3 + f"{'':>14}{'naive  ours':>14}"
)


def row(city: Path, scorer: Path, forecast: bool) -> str:
    """One line of the table: naive (allocations as demand) and ours."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = write_exports(read(city), Path(folder), forecast)
        said = subprocess.run([sys.executable, str(scorer), str(city), folder], capture_output=True, text=True, check=True).stdout
    got = {name: float(value) for name, value in (line.split() for line in said.splitlines())}
    pairs = [f"{got.get(f'recover.allocated.{f}', np.nan):9.3f}{got.get(f'recover.project.{f}', np.nan):7.3f}" for f in FIGURES]
    flags = [
        got.get(f"flags.{f}", np.nan) for f in ("request_over_allocated.ap", "project.ap", "project.flagged_share", "project.precision")
    ]
    line = (
        f"{city.name:<16}{''.join(pairs)}{got.get('recover.project.tight_bias', np.nan):7.2f}"
        f"{got['recover.project.cover80_brand_week']:7.2f}{flags[0]:7.3f}{flags[1]:7.3f}{flags[2]:9.4f}{flags[3]:9.3f}"
        f"{got.get('flags.project.false_on_honest', np.nan):8.4f}{seconds:6.1f}"
    )
    future = (
        [f"{f} {got[f'future.allocated52.{f}']:.3f} {got[f'future.project.{f}']:.3f}" for f in ("brand_week", "pair_week")]
        if forecast
        else []
    )
    return line + "".join(f"  {f}" for f in future)


def write_exports(snapshot: Snapshot, folder: Path, forecast: bool) -> float:
    """The exports that the scorer reads, and the seconds that estimate, expansion and flags took."""
    rules = settings.load()
    begun = time.perf_counter()
    found = demand.estimate(snapshot, rules.demand)
    weeks = pd.DatetimeIndex(np.sort(found.index["week"].unique()))
    expanded = pd.concat(demand.expand(snapshot, found.pairs, found.index, weeks), ignore_index=True)
    totals = demand.brand_weeks(snapshot, found)
    flags = inflation.flag(snapshot, found, rules.inflation)
    seconds = time.perf_counter() - begun
    expanded.to_parquet(folder / "demand.parquet")
    totals.to_parquet(folder / "brand-demand.parquet")
    flags.to_parquet(folder / "inflated.parquet")
    if forecast:
        ahead = pd.date_range(weeks[-1], periods=HORIZON + 1, freq="7D", unit="us")[1:]
        parts = demand.expand(snapshot, found.pairs, last_year(found.index, ahead), ahead)
        pd.concat(parts, ignore_index=True).to_parquet(folder / "forecast.parquet")
    return seconds


def last_year(index: pd.DataFrame, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """Next weeks' index by the simplest rule: a year ago, times the last eight weeks' ratio to the year before."""
    wide = index.pivot(index=["brand_id", "district"], columns="week", values="index")
    year, recent = pd.Timedelta(weeks=52), wide.columns[-8:]
    growth = (wide[recent].sum(axis=1) / wide[recent - year].sum(axis=1)).clip(0.5, 2.0)
    ahead = pd.DataFrame({week: wide[week - year] * growth for week in weeks})
    return ahead.rename_axis(columns="week").stack().rename("index").reset_index()


def read(folder: Path) -> Snapshot:
    """The snapshot of the night of the truth's cutoff, straight from the files of city/ (unchecked)."""
    business = date.fromisoformat((folder / "truth" / "cutoff.txt").read_text().strip())
    tables = {name: _table(folder / "city", table) for name, table in frames.CONTRACT.items()}
    kinds = {c: pd.CategoricalDtype(tables[t][c]) for t, c in (("retailers", "retailer_id"), ("brands", "brand_id"))}
    for name in frames.LONG & set(tables):
        tables[name] = tables[name].astype({c: kind for c, kind in kinds.items() if c in tables[name]})
    now, lines = frames.day(business), tables["order_lines"]
    lines = lines.assign(
        week=(lines["order_date"] - pd.to_timedelta(lines["order_date"].dt.day_of_week, unit="D")).astype("datetime64[us]")
    )
    waiting = lines[(lines["order_date"] >= now) & (lines["order_date"] < now + pd.Timedelta(days=7))]
    scans, counts = tables["scanned_sales"], tables["stock_counts"]
    known = {name: tables[name] for name in Snapshot.__dataclass_fields__ if name in tables}
    known |= {"scanned_sales": scans[scans["week"] + pd.Timedelta(days=7) <= now], "stock_counts": counts[counts["counted_on"] < now]}
    known |= {"retailers": _not_yet(tables["retailers"], "active_to", now), "brands": _not_yet(tables["brands"], "withdrawn_on", now)}
    return Snapshot(
        business_date=business,
        lines=lines[lines["order_date"] < now].reset_index(drop=True),
        waiting=waiting.assign(allocated=pd.Series(pd.NA, waiting.index, "Int32")).reset_index(drop=True),
        week_levels=frames.empty(frames.WEEK_LEVELS),
        **known,
    )


def _not_yet(frame: pd.DataFrame, column: str, now: pd.Timestamp) -> pd.DataFrame:
    """What lies beyond the planned week is not known in the night."""
    return frame.assign(**{column: frame[column].where(frame[column] < now + pd.Timedelta(days=7))})


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


def peak_memory() -> float:
    """Peak memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


__all__ = ["last_year", "main", "panel", "peak_memory", "read", "write_exports"]

if __name__ == "__main__":
    main()
