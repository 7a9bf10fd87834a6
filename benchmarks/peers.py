"""What other people's methods forecast, in an environment of its own: `python peers.py SERIES OUT --origins DAY ... --methods tsb ...`

SERIES is a parquet of series, week, demand (missing: unknown); OUT gets series, origin, week, method, mean, p10, p50, p90 for 13 weeks
from each origin, made of the weeks before it. statsforecast needs pandas 2 and this project pandas 3, so the two meet in files:

    python -m venv peers && peers/bin/pip install --upgrade pip && peers/bin/pip install --group bench

Nothing of the project is imported here. Where a method takes no unknown weeks they are left out and the others move together, as is
usual for methods without a season; the interval of a method that has none is conformal.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

AHEAD, YEAR, RECENT = 13, 52, 13
LEVEL = 80
WINDOWS = 4
"""Past spans of 13 weeks from whose errors a method without intervals of its own gets conformal ones."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series")
    parser.add_argument("out")
    parser.add_argument("--origins", nargs="+", required=True)
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), required=True)
    given = parser.parse_args(arguments)
    wide = pd.read_parquet(given.series).pivot(index="week", columns="series", values="demand")
    parts = []
    for method in given.methods:
        began = time.perf_counter()
        parts += [
            made.assign(method=method, origin=pd.Timestamp(on)) for on in given.origins for made in at(wide, pd.Timestamp(on), method)
        ]
        took = time.perf_counter() - began
        print(f"{method}: {wide.shape[1] * len(given.origins) / took:,.0f} series/s ({took:.0f} s)", flush=True)
    pd.concat(parts, ignore_index=True).to_parquet(given.out)


def at(wide: pd.DataFrame, origin: pd.Timestamp, method: str) -> Iterator[pd.DataFrame]:
    """The forecasts of one origin as rows, for the series with any known week before it."""
    past = wide[wide.index < origin]
    past = past.loc[:, past.notna().any()]
    if past.shape[1]:
        yield METHODS[method](past)


def rows(columns: pd.Index, last: pd.Timestamp, mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> pd.DataFrame:
    """Arrays of (weeks ahead, series) as rows; quantiles at 0 or above, the median of a symmetric distribution its mean."""
    weeks = pd.date_range(last, periods=AHEAD + 1, freq="7D")[1:]
    frame = {"series": np.tile(columns.to_numpy(), AHEAD), "week": np.repeat(weeks, len(columns))}
    for name, values in (("mean", mean), ("p10", low), ("p50", mean), ("p90", high)):
        frame[name] = np.maximum(values, 0.0).ravel()
    return pd.DataFrame(frame)


def recent_mean(past: pd.DataFrame) -> pd.DataFrame:
    """The mean of the last 13 known weeks; its interval from how the weeks of the last year stray from the 13 weeks before them."""
    mean = np.repeat(_recent(past)[None], AHEAD, axis=0)
    before = past.rolling(RECENT, min_periods=4).mean().shift(1).to_numpy()
    return _normal(past, mean, (past.to_numpy() - before)[-YEAR:])


def _recent(past: pd.DataFrame) -> np.ndarray:
    return past.apply(lambda column: column.dropna().tail(RECENT).mean()).to_numpy()


def seasonal_naive(past: pd.DataFrame) -> pd.DataFrame:
    """The demand of 52 weeks before, or the recent mean where it is unknown; its interval from how the years differ so far."""
    values = past.to_numpy()
    recent = np.repeat(_recent(past)[None], AHEAD, axis=0)
    year = values[-YEAR:][:AHEAD] if len(values) >= YEAR else recent
    step = values[YEAR:] - values[:-YEAR] if len(values) > YEAR + RECENT else np.diff(values, axis=0)
    return _normal(past, np.where(np.isfinite(year), year, recent), step)


def _normal(past: pd.DataFrame, mean: np.ndarray, error: np.ndarray) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a series of one week has no spread
        off = 1.2816 * np.nan_to_num(np.sqrt(np.nanmean(error**2, axis=0)))
    return rows(past.columns, past.index[-1], mean, mean - off, mean + off)


def _statsforecast(past: pd.DataFrame, name: str) -> pd.DataFrame:
    from statsforecast import StatsForecast, models
    from statsforecast.utils import ConformalIntervals

    long = past.rename_axis(columns="unique_id", index="week").stack().dropna().rename("y").reset_index()
    long["ds"] = long.groupby("unique_id").cumcount()
    count = long.groupby("unique_id")["y"].transform("size")
    parts = []
    for windows, part in long.groupby(((count - 2) // AHEAD).clip(0, WINDOWS)):
        conformal = ConformalIntervals(n_windows=int(windows), h=AHEAD) if windows >= 2 else None
        model = {
            "auto_ets": lambda: models.AutoETS(season_length=1),  # its seasonal forms do not reach 52
            "tsb": lambda c=conformal: models.TSB(alpha_d=0.1, alpha_p=0.1, prediction_intervals=c),
            "croston_sba": lambda c=conformal: models.CrostonSBA(prediction_intervals=c),
        }[name]()
        spread = name == "auto_ets" or conformal is not None
        forecaster = StatsForecast([model], freq=1, n_jobs=1, fallback_model=models.HistoricAverage())
        made = forecaster.forecast(df=part[["unique_id", "ds", "y"]], h=AHEAD, level=[LEVEL] if spread else None)
        names = {str(column): str(column).split("-", 1)[-1] for column in made.columns}
        made = made.rename(columns=names).rename(columns={str(model): "mean", f"lo-{LEVEL}": "p10", f"hi-{LEVEL}": "p90"})
        parts.append(made)
    made = pd.concat(parts, ignore_index=True)
    mean = made["mean"].to_numpy()
    ahead = made.groupby("unique_id").cumcount() + 1
    week = past.index[-1] + pd.to_timedelta(7 * ahead, unit="D")
    out = pd.DataFrame({"series": made["unique_id"], "week": week, "mean": mean, "p10": made.get("p10", mean), "p50": mean})
    out["p90"] = made.get("p90", mean)
    numbers = ["mean", "p10", "p50", "p90"]
    return out.assign(**{n: np.maximum(out[n].fillna(out["mean"]), 0.0) for n in numbers})


def prophet(past: pd.DataFrame) -> pd.DataFrame:
    """Prophet as it comes, weekly data: trend, yearly season, its own 80% interval."""
    from prophet import Prophet

    for name in ("prophet", "cmdstanpy"):
        logging.getLogger(name).disabled = True
    coming = pd.date_range(past.index[-1], periods=AHEAD + 1, freq="7D")[1:]
    parts = []
    for series, values in past.items():
        frame = pd.DataFrame({"ds": past.index, "y": values.to_numpy()}).dropna()
        if len(frame) < 2 or frame["y"].max() <= 0:
            flat = float(frame["y"].mean())
            parts.append(pd.DataFrame({"series": series, "week": coming, "mean": flat, "p10": flat, "p50": flat, "p90": flat}))
            continue
        np.random.seed(0)  # noqa: NPY002 (Prophet draws its intervals from numpy's own state)
        model = Prophet(interval_width=LEVEL / 100, weekly_seasonality=False, daily_seasonality=False, uncertainty_samples=200)
        made = model.fit(frame, seed=0).predict(pd.DataFrame({"ds": coming}))
        found = made[["yhat", "yhat_lower", "yhat", "yhat_upper"]].clip(lower=0.0).to_numpy().T
        parts.append(pd.DataFrame(dict(zip(("mean", "p10", "p50", "p90"), found, strict=True))).assign(series=series, week=coming))
    return pd.concat(parts, ignore_index=True)


METHODS = {
    "recent_mean": recent_mean, "seasonal_naive": seasonal_naive, "prophet": prophet,
    "auto_ets": lambda past: _statsforecast(past, "auto_ets"), "tsb": lambda past: _statsforecast(past, "tsb"),
    "croston_sba": lambda past: _statsforecast(past, "croston_sba"),
}  # fmt: skip

if __name__ == "__main__":
    main()
