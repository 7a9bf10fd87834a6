"""How fast another method forecasts: `python peer_speed.py SERIES --method tsb --count 20000`, one thread, prints one line of JSON.

SERIES is a parquet of series, week, demand as `benchmarks.demand_speed` writes it; the first `count` series are taken. Every method is
asked for 13 weeks ahead and for nothing that costs it time beside: no intervals. Reading, reshaping and a first call on five series,
which compiles and loads, are not timed. Nothing of the project is imported here, for statsforecast needs an environment of its own
(`benchmarks/peers.py`).
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import time

import pandas as pd

AHEAD, WARM = 13, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series")
    parser.add_argument("--method", choices=sorted(METHODS), required=True)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args()
    long = pd.read_parquet(given.series).rename(columns={"series": "unique_id", "week": "ds", "demand": "y"})
    number = long["unique_id"].drop_duplicates()
    METHODS[given.method](long[long["unique_id"].isin(number[:WARM])])
    part = long[long["unique_id"].isin(number[: given.count])].reset_index(drop=True)
    began, cpu = time.perf_counter(), _cpu()
    made = METHODS[given.method](part)
    seconds, cpu = time.perf_counter() - began, _cpu() - cpu
    if len(made) != AHEAD * part["unique_id"].nunique():
        raise SystemExit(f"{given.method} forecast {len(made)} cells instead of {AHEAD} for each of {part['unique_id'].nunique()} series")
    print(json.dumps({"series": int(part["unique_id"].nunique()), "seconds": seconds, "cpu": cpu}))


def _cpu() -> float:
    """Seconds of computing by this process and those it started (Prophet's sampler is a program of its own)."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _statsforecast(long: pd.DataFrame, name: str) -> pd.DataFrame:
    from statsforecast import StatsForecast, models

    model = {"tsb": lambda: models.TSB(alpha_d=0.1, alpha_p=0.1), "auto_ets": lambda: models.AutoETS(season_length=1)}[name]()
    return StatsForecast([model], freq="W-MON", n_jobs=1).forecast(df=long, h=AHEAD)


def _prophet(long: pd.DataFrame) -> pd.DataFrame:
    from prophet import Prophet

    for name in ("prophet", "cmdstanpy"):
        logging.getLogger(name).disabled = True
    coming = pd.DataFrame({"ds": pd.date_range(long["ds"].max(), periods=AHEAD + 1, freq="7D")[1:]})
    parts = []
    for _, past in long.groupby("unique_id"):
        model = Prophet(weekly_seasonality=False, daily_seasonality=False, uncertainty_samples=0)
        parts.append(model.fit(past[["ds", "y"]], seed=0).predict(coming))
    return pd.concat(parts, ignore_index=True)


METHODS = {
    "tsb": lambda long: _statsforecast(long, "tsb"), "auto_ets": lambda long: _statsforecast(long, "auto_ets"), "prophet": _prophet,
}  # fmt: skip

if __name__ == "__main__":
    main()
