"""Rolling origins on a real wholesaler's deliveries: ours beside other methods, brands and store-item pairs. Prints tables of errors.

    python -m benchmarks.rolling FOLDER [--origins 12 --pairs 2000 --level brands --peers-python peers/bin/python --cache FOLDER]

At each origin a night is held on what was known then: demand estimated, brands forecast (what earlier nights said is their record),
brought down to pairs. The other methods see the same deliveries of the same weeks. A week in which nobody at all was delivered an item that
sells was a week without the item: unknown to every method, and judged for none; `--absent zero` judges it as a demand of 0 instead.

A pair's deliveries come in lumps. Ours gives them as `forecasting.orders` does; "of consumers" is the stored interval, which is of what
consumers want and not judged. The peers are judged by their own intervals and, "count", by a negative binomial as wide as past deliveries.
The others' forecasts are made by `benchmarks/peers.py` in an environment of its own, and kept in the cache folder.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import mapped_city, rolling_pairs, scores
from forecasting import brands, demand, influences, orders, reconcile, timing
from jobs import measures
from ordering import frames
from ordering.frames import Snapshot
from ordering.settings import Settings, load

HORIZONS = (1, 2, 4, 8, 13)
AHEAD = max(HORIZONS)
APART = 4
OURS = "ours"
OWN = ("recent_mean", "seasonal_naive", "prophet", "auto_ets", "tsb", "croston_sba")
IN_PROJECT = ("recent_mean", "seasonal_naive", "prophet")
SCRIPT = Path(__file__).with_name("peers.py")


@dataclass(frozen=True)
class Night:
    """One origin: the brands' forecast, and of the sampled pairs mean (weeks ahead, pairs) and stored dispersion."""

    brands: pd.DataFrame
    mean: np.ndarray
    dispersion: np.ndarray
    said: pd.DataFrame
    seconds: float


Nights = dict[pd.Timestamp, Night]


def main(arguments: Sequence[str] | None = None) -> None:
    given = _arguments(arguments)
    read = mapped_city.tables(given.folder, given.mapping)
    lines = read["order_lines"]
    weeks = pd.date_range(lines["week"].min(), lines["week"].max(), freq="7D", unit="us")
    origins = [weeks[len(weeks) - AHEAD - APART * back] for back in range(given.origins - 1, -1, -1)]
    pairs = rolling_pairs.sample(lines, origins[0], given.pairs)
    of_brand = brand_weeks(lines, weeks)
    of_pair = rolling_pairs.delivered(lines, pairs, weeks)
    known_pair = np.where(np.isfinite(of_brand.to_numpy())[:, pairs["brand"]], of_pair, np.nan)
    settings, said, nights = load(), None, {}
    for origin in origins:
        nights[origin] = night(mapped_city.known_on(read, origin.date()), settings, pairs, said, given.workers)
        said = pd.concat([part for part in (said, nights[origin].said) if part is not None], ignore_index=True)
        print(f"{origin:%Y-%m-%d}: {nights[origin].seconds:.0f} s for the brands' forecasts", flush=True)
    if given.level != "pairs":
        _brand_level(given, of_brand, nights)
    if given.level != "brands":
        _pair_level(given, of_pair, known_pair, pairs, weeks, nights)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mapping", type=Path, default=Path(__file__).parents[1] / "config" / "mappings" / "iowa.toml")
    parser.add_argument("--origins", type=int, default=12, help=f"{APART} weeks apart, the last {AHEAD} weeks before the end")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--level", choices=("both", "brands", "pairs"), default="both")
    parser.add_argument("--absent", choices=("unknown", "zero", "both"), default="both")
    parser.add_argument("--methods", nargs="*", choices=OWN, default=list(OWN))
    parser.add_argument("--peers-python", type=Path, default=Path(sys.executable), help="has statsforecast: see benchmarks/peers.py")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "trueorder-rolling")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args(arguments)


def brand_weeks(lines: pd.DataFrame, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """Deliveries by week and brand; missing where nobody had any."""
    sums = lines.groupby(["week", "brand_id"], observed=True)["allocated"].sum().unstack("brand_id")
    wide = sums.reindex(index=weeks, columns=list(lines["brand_id"].cat.categories)).astype("float64")
    return wide.where(wide > 0).rename_axis(index="week", columns="series")


def night(known: Snapshot, settings: Settings, pairs: pd.DataFrame, said: pd.DataFrame | None, workers: int) -> Night:
    """What the night of the snapshot's date finds; `said`: what the candidates said on earlier nights."""
    estimate = demand.estimate(known, settings.demand)
    recovered = demand.brand_weeks(known, estimate)
    past = timing.in_consumption(demand.history(recovered, estimate), recovered)
    monday = frames.day(known.business_date)
    ahead = pd.date_range(monday, periods=AHEAD, freq="7D", unit="us")
    began = time.perf_counter()
    found = brands.forecast(
        past,
        first_week=monday,
        weeks=AHEAD,
        origins=settings.forecast.origins,
        festivals=known.festivals,
        regressors=influences.of_city(known),
        past=said,
        workers=workers,
    )
    seconds = time.perf_counter() - began
    live = measures.live_rate(known, estimate.pairs, ahead)
    future = reconcile.future_index(estimate.index, found.forecast, live_rate=live, festivals=known.festivals)
    tight = recovered.merge(past.loc[past["tight"], ["brand_id", "week"]], on=["brand_id", "week"], validate="1:1")
    total = measures.coherent(found.forecast, future, live, tight)
    mean = rolling_pairs.means(known, estimate.pairs, future, pairs, ahead)
    return Night(total, mean, rolling_pairs.stored_dispersion(estimate.pairs, pairs), found.candidates, seconds)


def peers(given: argparse.Namespace, series: pd.DataFrame, origins: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """The others' forecasts of `series` (series, week, demand) from each origin, one method at a time, from the cache where it has them."""
    given.cache.mkdir(parents=True, exist_ok=True)
    days = [f"{origin:%Y-%m-%d}" for origin in origins]
    content = hashlib.sha256(pd.util.hash_pandas_object(series).to_numpy().tobytes() + " ".join(days).encode() + SCRIPT.read_bytes())
    key, parts = content.hexdigest()[:16], []
    source = given.cache / f"series-{key}.parquet"
    series.to_parquet(source)
    for method in given.methods:
        kept = given.cache / f"{method}-{key}.parquet"
        if not kept.exists():
            python = sys.executable if method in IN_PROJECT else given.peers_python
            subprocess.run([python, SCRIPT, source, kept, "--origins", *days, "--methods", method], check=True)
        parts.append(pd.read_parquet(kept))
    return pd.concat(parts, ignore_index=True)


def _brand_level(given: argparse.Namespace, of_brand: pd.DataFrame, nights: Nights) -> None:
    long = of_brand.stack().rename("demand").reset_index()
    others = peers(given, long, list(nights))
    ours = [n.brands.rename(columns={"brand_id": "series", "demand": "mean"}).assign(origin=on, method=OURS) for on, n in nights.items()]
    both = pd.concat([*ours, others.assign(series=others["series"].astype("str"))], ignore_index=True)
    both["horizon"] = (both["week"] - both["origin"]) // pd.Timedelta(weeks=1) + 1
    both = both[both["horizon"].isin(HORIZONS)]
    scale = (
        pd.concat({on: _scale(of_brand[of_brand.index < on]) for on in nights}, names=["origin", "series"]).rename("scale").reset_index()
    )
    both = both.merge(scale, on=["origin", "series"], how="left", validate="m:1")
    for absent in ("unknown", "zero"):
        if given.absent in (absent, "both"):
            actual = of_brand if absent == "unknown" else of_brand.fillna(0.0)
            came = actual.stack().dropna().rename("actual").reset_index()
            judged = both.merge(came, on=["series", "week"], how="inner", validate="m:1")
            judged = judged.assign(inside=judged["actual"].between(judged["p10"], judged["p90"]).astype(float))
            _print(
                f"BRANDS, weeks without a brand judged as {absent}",
                _common(judged),
                ("WAPE", "BIAS", "RMSSE", "PINBALL", "COVERAGE"),
                ("WAPE",),
            )


def _scale(past: pd.DataFrame) -> pd.Series:
    """Mean squared step from week to week of each series; of the pairs from their first delivery on."""
    return (past.diff() ** 2).mean()


def _common(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of those cells for which every method has a forecast."""
    count = rows.groupby(["series", "origin", "horizon"], observed=True)["method"].transform("nunique")
    return rows[count == rows["method"].nunique()]


def _pair_level(
    given: argparse.Namespace, of_pair: np.ndarray, known_pair: np.ndarray, pairs: pd.DataFrame, weeks: pd.DatetimeIndex, nights: Nights
) -> None:
    begun = np.where(np.maximum.accumulate(of_pair > 0, axis=0), known_pair, np.nan)
    wide = pd.DataFrame(begun, index=weeks).rename_axis(index="week", columns="series")
    others = peers(given, wide.stack().rename("demand").reset_index(), list(nights))
    for absent, actual in (("unknown", known_pair), ("zero", of_pair)):
        if given.absent not in (absent, "both"):
            continue
        parts = []
        for origin, found in nights.items():
            cut = weeks.get_loc(origin)
            came, past = actual[cut : cut + AHEAD], known_pair[:cut][-rolling_pairs.YEAR :]
            lumps = orders.lumps(past, pairs["brand"].to_numpy(np.int64))
            methods = {
                OURS: rolling_pairs.lumped(found.mean, lumps, came),
                f"{OURS}, of consumers": rolling_pairs.counted(found.mean, found.dispersion, came),
            }
            for name, said in others[others["origin"] == origin].groupby("method"):
                methods[str(name)] = rolling_pairs.native(said, len(pairs), came)
                methods[f"{name}, count"] = rolling_pairs.counted(methods[str(name)]["mean"], rolling_pairs.past_dispersion(past), came)
            parts.append(rolling_pairs.rows(methods, came, _scale(wide.iloc[:cut]).to_numpy(), origin, HORIZONS))
        rows = pd.concat(parts, ignore_index=True).astype({"method": "str"})
        _print(
            f"PAIRS, weeks without a brand judged as {absent}", rows, ("RMSSE", "PINBALL", "COVERAGE", "WAPE", "BIAS"), ("RMSSE", "PINBALL")
        )


def _print(title: str, rows: pd.DataFrame, measures: tuple[str, ...], deciding: tuple[str, ...]) -> None:
    print(
        f"\n{title}: {rows['series'].nunique()} series, {rows['origin'].nunique()} origins, {len(rows) // rows['method'].nunique():,} cells"
    )
    print(scores.tables(rows, measures))
    for measure in deciding:
        print(scores.beside_best(rows[rows["method"] != f"{OURS}, of consumers"], OURS, measure))


if __name__ == "__main__":
    main()
