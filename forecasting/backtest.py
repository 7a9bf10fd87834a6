"""How good the forecasts would have been: rolling origins, each seeing only what was known then.

At every origin all candidates are fitted anew, and ours is weighed by the errors that forecasts of earlier origins had shown by then,
exactly as on a night (`brands.combined_at`). Origins before the first that is judged serve only to weigh it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting import calendar, influences
from forecasting.brands import LEAST_PAST, Combined, Panel, combined_at, panel
from forecasting.candidates import BASELINES, MEMBERS
from forecasting.origins import Made, made_at
from ordering.errors import TrueOrderError

OURS = "combined"
SPAN_WEEKS = 52
"""The judged origins are spread over this many weeks before the last one."""
COLUMNS = ("origin", "brand_id", "week", "horizon", "method", "forecast", "actual")


def rolling(
    history: pd.DataFrame,
    *,
    origins: int,
    horizons: int = 13,
    warm_up: int = 3,
    festivals: pd.DataFrame,
    regressors: pd.DataFrame | None = None,
    truth: pd.DataFrame | None = None,
    seen: Mapping[pd.Timestamp, pd.DataFrame] | None = None,
    workers: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """Forecasts of all methods from `origins` weeks spread over the last year: origin, brand_id, week, horizon, method, forecast, actual.

    `history`: brand_id, week, demand, as for `brands.forecast`. `warm_up`: earlier origins that serve only to weigh. `truth`, the same
    columns, is what forecasts are judged by; without it `history` itself. `seen` is, per week of `origins_of`, the history as it was
    known then, where that differs from `history` (demand recovered later from more data); without it `history` before that week. The
    method `combined` is ours, the others are the candidates alone. Weeks whose actual is not known, and brands that had no demand
    before the origin, are left out.
    Raises TrueOrderError where the history is too short for the first origin.
    """
    end = history["week"].max() + pd.Timedelta(weeks=1)
    known, _ = panel(history, end)
    judged = origin_weeks(len(known.weeks), origins, horizons)
    cuts = [*_warming(judged, warm_up), *judged]
    effects, _ = influences.design(known.weeks, festivals, regressors)
    unrest = calendar.festive(known.weeks, festivals)
    then = {cut: known.demand if seen is None else _aligned(seen[known.weeks[cut]], known) for cut in cuts}
    before = {cut: demand[:cut] for cut, demand in then.items()}
    made = made_at(before, known.weeks, effects, ahead=horizons, methods=(*MEMBERS, *BASELINES), workers=workers, seed=seed)
    actual = known.demand if truth is None else _aligned(truth, known)
    members = {cut: replace(one, forecast=one.forecast[: len(MEMBERS)]) for cut, one in made.items()}
    parts = []
    for cut in judged:
        ours = combined_at(then[cut], cut, [earlier for earlier in cuts if earlier < cut], members, unrest)
        parts.append(_rows(known, actual, cut, made[cut], ours))
    return pd.concat(parts, ignore_index=True)


def origins_of(history: pd.DataFrame, *, origins: int, horizons: int = 13, warm_up: int = 3) -> list[pd.Timestamp]:
    """The weeks from which `rolling` forecasts, those that only weigh included."""
    weeks = panel(history, history["week"].max() + pd.Timedelta(weeks=1))[0].weeks
    judged = origin_weeks(len(weeks), origins, horizons)
    return [weeks[cut] for cut in (*_warming(judged, warm_up), *judged)]


def origin_weeks(weeks: int, origins: int, horizons: int) -> list[int]:
    """Numbers of the first forecast weeks: the last leaves `horizons` weeks to judge, the others are spread over the year before."""
    last = weeks - horizons
    step = max(SPAN_WEEKS // max(origins - 1, 1), 1)
    cuts = [last - step * back for back in range(origins - 1, -1, -1)]
    if cuts[0] < LEAST_PAST:
        needed = weeks + LEAST_PAST - cuts[0]
        raise TrueOrderError(f"backtest: {weeks} weeks of history are too few for {origins} origins; {needed} are needed, or fewer origins")
    return cuts


def _warming(judged: Sequence[int], warm_up: int) -> list[int]:
    """The origins before the first judged one, as far apart as the judged ones are."""
    step = judged[1] - judged[0] if len(judged) > 1 else SPAN_WEEKS // 4
    return [cut for cut in (judged[0] - step * back for back in range(warm_up, 0, -1)) if cut >= LEAST_PAST]


def _aligned(truth: pd.DataFrame, known: Panel) -> np.ndarray:
    wide = truth.pivot(index="week", columns="brand_id", values="demand")
    return wide.reindex(index=known.weeks, columns=known.brands).to_numpy(float)


def _rows(known: Panel, actual: np.ndarray, cut: int, made: Made, ours: Combined) -> pd.DataFrame:
    """The rows of one origin; all methods on the same brand-weeks."""
    ahead = made.forecast.shape[1]
    seen = actual[cut : cut + ahead]
    judged = np.isfinite(seen) & (np.nansum(known.demand[:cut], axis=0) > 0)
    at, column = np.nonzero(judged)
    values = {OURS: ours.mean, **dict(zip((*MEMBERS, *BASELINES), made.forecast, strict=True))}
    frame = {
        "origin": known.weeks[cut], "brand_id": known.brands[column], "week": known.weeks[cut + at], "horizon": at + 1,
        "actual": seen[judged],
    }  # fmt: skip
    return pd.concat([pd.DataFrame({**frame, "method": name, "forecast": value[judged]}) for name, value in values.items()])[list(COLUMNS)]


def table(rolled: pd.DataFrame) -> pd.DataFrame:
    """WAPE and signed bias by method and horizon, and over all horizons: ratios of sums.

    Index: measure (wape, bias) and method; columns: the horizons in weeks, and `average`, the mean over the horizons. Only brand-weeks
    for which every method has a forecast count, so that all are judged on the same. Undefined (no demand) is NaN.
    WAPE = sum |forecast - actual| / sum actual; bias = sum (forecast - actual) / sum actual.
    """
    cell = [rolled["origin"], rolled["brand_id"], rolled["week"]]
    full = rolled["forecast"].notna().groupby(cell).transform("all")
    rows = rolled[full]
    off = rows["forecast"] - rows["actual"]
    sums = rows.assign(wape=off.abs(), bias=off).groupby(["method", "horizon"])[["wape", "bias", "actual"]].sum()
    sold = sums["actual"].where(sums["actual"] > 0)
    parts = {measure: (sums[measure] / sold).unstack("horizon") for measure in ("wape", "bias")}
    out = pd.concat(parts, names=["measure"])
    return out.assign(average=out.mean(axis=1))
