"""Forecasts of every brand: the candidates of `candidates`, weighed per brand by their rolling-origin errors.

At each of a few past origins all candidates are made again from what was known then; their errors since give the weights and, with the
spread of a count, the intervals. One bad series never stops the others: it falls back to the simplest method, and says so in `problems`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import calendar, combine, influences
from forecasting.candidates import LEAST_WEEKS, MEMBERS, RECENT_WEEKS
from forecasting.origins import Made, candidate_rows, given_at, made_at
from forecasting.season import Floats
from forecasting.workers import QUIET, Watch
from ordering import frames
from ordering.errors import TrueOrderError

SHORT_WEEKS = 8
"""Known weeks below which a brand has its recent level under the city's season, and nothing else."""
LARGEST = 1e12
"""Cartons a week above which a figure is a fault of the data."""
LEAST_PAST = 13
"""Weeks of history that an origin needs."""
NAMED_SHARE = 0.1
"""Weight from which a method is named as one that made the forecast."""
FIRST_MONDAY = pd.Timestamp("1970-01-05")
STEP = "forecast"
WEIGHTS = ("brand_id", "method", "weight", "wape")


@dataclass(frozen=True)
class BrandForecasts:
    """`forecast`: frames.BRAND_FORECAST. `weights`: brand_id, method, weight, and the wape by which it was weighed (NaN: no past
    origin). `problems`: frames.PROBLEMS. `candidates`: what each method said at this origin, and at the past ones that had to be made
    anew: brand_id, method, origin, week, demand; kept, they are the `past` of later weeks.
    """

    forecast: pd.DataFrame
    weights: pd.DataFrame
    problems: pd.DataFrame
    candidates: pd.DataFrame


@dataclass(frozen=True)
class Panel:
    """Demand of `brands` (sorted ids) in consecutive `weeks`, shape (weeks, brands), NaN where unknown."""

    brands: pd.Index
    weeks: pd.DatetimeIndex
    demand: Floats


@dataclass(frozen=True)
class Combined:
    """The weighed forecast of one origin: `mean` and relative `spread` (weeks ahead, brands), `weight` and `wape` (brands, methods)."""

    mean: Floats
    spread: Floats
    weight: Floats
    wape: Floats


def forecast(
    history: pd.DataFrame,
    *,
    first_week: pd.Timestamp,
    weeks: int,
    origins: int,
    festivals: pd.DataFrame,
    regressors: pd.DataFrame | None = None,
    past: pd.DataFrame | None = None,
    workers: int = 1,
    seed: int = 0,
    watch: Watch = QUIET,
) -> BrandForecasts:
    """Forecasts of every brand of `history` for `weeks` weeks from `first_week` (a Monday).

    `history`: brand_id, week, demand (cartons, >= 0); a week without a row, or from `first_week` on, is unknown. `origins`: how many
    past origins the candidates are weighed by at least. `festivals`, `regressors`: frames.FESTIVALS and frames.REGRESSORS; of
    the latter the city's rows (district "") count, see `influences`. `past`: what the candidates said at earlier origins,
    or said already at this one (the columns of `BrandForecasts.candidates`): an origin in it is used as it stands, one that is missing
    is made from `history`. `workers`: processes (0: one per core); nothing depends on it. `watch` is told how many of the fits are done.
    """
    known, faults = panel(history, first_week)
    if not len(known.brands):
        return BrandForecasts(
            frames.empty(frames.BRAND_FORECAST),
            pd.DataFrame(columns=list(WEIGHTS)),
            problems(faults),
            candidate_rows({}, known.brands, known.weeks),
        )
    coming = pd.date_range(first_week, periods=weeks, freq="7D", unit="us")
    all_weeks = known.weeks.append(coming)
    effects, missing = influences.design(all_weeks, festivals, regressors)
    now = len(known.weeks)
    given = _given(known, past, all_weeks, weeks)
    wanted = [*_grid(known.weeks, weeks, origins), now]
    seen = {cut: known.demand[:cut] for cut in wanted if cut not in given}
    fresh = made_at(seen, all_weeks, effects, ahead=weeks, methods=MEMBERS, workers=workers, seed=seed, watch=watch) if seen else {}
    made = {**given, **fresh}
    combined = combined_at(known.demand, now, sorted(made), made, calendar.festive(all_weeks, festivals))
    faults = [*faults, *missing, *_short(known), *_failures(known, made[now])]
    return BrandForecasts(
        _forecast_table(known, coming, combined),
        _weights_table(known, combined),
        problems(faults),
        candidate_rows(fresh, known.brands, all_weeks),
    )


def _given(known: Panel, past: pd.DataFrame | None, weeks: pd.DatetimeIndex, ahead: int) -> Mapping[int, Made]:
    """The origins of `past`; the present one only where every brand that has ever sold is in it: a late correction may have brought one."""
    if past is None:
        return {}
    given, now = given_at(past, known.brands, weeks, ahead=ahead), len(known.weeks)
    sold = np.nansum(known.demand, axis=0) > 0
    return {cut: one for cut, one in given.items() if cut < now or (cut == now and np.isfinite(one.forecast[:, :, sold]).any((0, 1)).all())}


def _grid(weeks: pd.DatetimeIndex, apart: int, origins: int) -> list[int]:
    """The numbers of the newest `origins` weeks, `apart` weeks from one to the next, that have a past to forecast from.

    They are counted from a fixed Monday, not from the last week: next week's origins are this week's, but for a new one now and then.
    """
    now = len(weeks)
    number = (weeks[-1] - FIRST_MONDAY).days // 7 + 1
    newest = now - (number % apart or apart)
    return [cut for cut in (newest - apart * back for back in range(origins - 1, -1, -1)) if cut >= LEAST_PAST]


def panel(history: pd.DataFrame, first_week: pd.Timestamp) -> tuple[Panel, list[tuple[str, str]]]:
    """`history` before `first_week` as a panel, and what had to be left out of it as (brand, words).

    Negative, infinite and enormous figures are unknown. Raises TrueOrderError where a brand has two rows for one week.
    """
    if history.duplicated(["brand_id", "week"]).any():
        raise TrueOrderError("demand history: a brand has two rows for one week; add them up first")
    ids = pd.Index(sorted(history["brand_id"].astype("str").unique()), dtype="str")
    past = history[(history["week"] < first_week) & history["demand"].notna()]
    wrong = (past["demand"] < 0) | (past["demand"] > LARGEST)
    faults = [
        (str(brand), f"{count} weeks of demand negative or above {LARGEST:.0g} cartons; taken as unknown")
        for brand, count in past[wrong].groupby("brand_id", observed=True).size().sort_index().items()
    ]
    past = past[~wrong]
    first = past["week"].min() if len(past) else first_week - pd.Timedelta(weeks=1)
    weeks = pd.date_range(first, first_week - pd.Timedelta(weeks=1), freq="7D", unit="us")
    demand = np.full((len(weeks), len(ids)), np.nan)
    demand[weeks.get_indexer(pd.DatetimeIndex(past["week"])), ids.get_indexer(pd.Index(past["brand_id"].astype("str")))] = past["demand"]
    return Panel(ids, weeks, demand), faults


def combined_at(demand: Floats, now: int, cuts: Sequence[int], made: Mapping[int, Made], unrest: Floats) -> Combined:
    """The weighed forecast made at week number `now`, by the errors that the forecasts of earlier `cuts` had shown before `now`.

    `unrest`: share of festive days of every past and coming week (`calendar.festive`).
    """
    past = past_at(demand, now, cuts, made, unrest)
    known = demand[:now]
    count = np.isfinite(known).sum(axis=0)
    scale = np.maximum(np.where(count > 0, np.nansum(known, axis=0), 0.0) / np.maximum(count, 1), 1e-9)
    able = _able(made[now].forecast, np.where(_unvaried(known), 0, count))
    weight = combine.weights(past, scale, able)
    spread = combine.spread(past, combine.cross_fitted(past, scale, able), unrest[now : now + made[now].forecast.shape[1]])
    return Combined(combine.weighed(made[now].forecast, weight), spread, weight, combine.wapes(past.forecast, past.seen))


def past_at(demand: Floats, now: int, cuts: Sequence[int], made: Mapping[int, Made], unrest: Floats) -> combine.Past:
    """What was said at `cuts` about the weeks before `now`, beside what came."""
    methods, ahead, brands = made[now].forecast.shape
    spans = [(cut, min(ahead, now - cut)) for cut in cuts if cut < now]
    horizon = np.concatenate([np.empty(0, np.int64), *(np.arange(reach) for _, reach in spans)])
    week = horizon + np.repeat([cut for cut, _ in spans], [reach for _, reach in spans]).astype(np.int64)
    said = np.concatenate([np.empty((methods, 0, brands)), *(made[cut].forecast[:, :reach] for cut, reach in spans)], axis=1)
    return combine.Past(said, demand[week], horizon, now - week, unrest[week])


def _able(forecast: Floats, count: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which methods may be weighed, (brands, methods): those with a forecast; of a short series, and of one value, only the first."""
    able = np.isfinite(forecast).all(axis=1).T
    simplest = np.arange(able.shape[1]) == 0
    return np.asarray(able & ((count >= SHORT_WEEKS)[:, None] | simplest))


def _unvaried(known: Floats) -> npt.NDArray[np.bool_]:
    """Which brands have one and the same demand in every known week: no method can learn anything from it."""
    return np.asarray(np.nanmax(known, axis=0, initial=-np.inf) == np.nanmin(known, axis=0, initial=np.inf))


def _short(known: Panel) -> list[tuple[str, str]]:
    """The brands whose series is too short, too old or empty for the full set of methods, in words."""
    seen, unvaried = np.isfinite(known.demand), _unvaried(known.demand)
    out = []
    for column, brand in enumerate(known.brands):
        count, total = int(seen[:, column].sum()), float(np.nansum(known.demand[:, column]))
        if total == 0:
            out.append((brand, "no demand in any known week; the forecast is 0"))
        elif not seen[-RECENT_WEEKS:, column].any():
            out.append((brand, f"no week known of the last {RECENT_WEEKS}; the forecast rests on older ones"))
        elif count < SHORT_WEEKS:
            out.append((brand, f"only {count} weeks known; the forecast is their mean under the city's season"))
        elif unvaried[column]:
            out.append((brand, "the same demand in every known week; no model was fitted"))
        elif count < LEAST_WEEKS:
            out.append((brand, f"only {count} weeks known; no model of its own was fitted"))
    return out


def _failures(known: Panel, made: Made) -> list[tuple[str, str]]:
    return [(str(known.brands[column]), f"{method} was not used: {words}") for column, method, words in made.failed]


def problems(faults: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """frames.PROBLEMS of this step from (subject, message)."""
    rows = pd.DataFrame(faults, columns=["subject", "message"]).drop_duplicates()
    return frames.conform(frames.PROBLEMS, rows.assign(step=STEP))


def _forecast_table(known: Panel, coming: pd.DatetimeIndex, combined: Combined) -> pd.DataFrame:
    p10, p50, p90 = combine.quantiles(combined.mean, combined.spread, (0.1, 0.5, 0.9))
    methods = [_named(weight) for weight in combined.weight]
    ahead, brands = combined.mean.shape
    frame = {
        "brand_id": np.repeat(known.brands.to_numpy(), ahead), "week": np.tile(coming.to_numpy(), brands),
        "demand": combined.mean.T.ravel(), "p10": p10.T.ravel(), "p50": p50.T.ravel(), "p90": p90.T.ravel(),
        "method": np.repeat(methods, ahead),
    }  # fmt: skip
    return frames.conform(frames.BRAND_FORECAST, pd.DataFrame(frame))


def _named(weight: Floats) -> str:
    """The methods that made a forecast, the heaviest first."""
    heavy = [number for number in np.argsort(-weight, kind="stable") if weight[number] >= NAMED_SHARE]
    return "+".join(MEMBERS[number] for number in heavy) or MEMBERS[0]


def _weights_table(known: Panel, combined: Combined) -> pd.DataFrame:
    frame = pd.DataFrame({
        "brand_id": np.repeat(known.brands.to_numpy(), len(MEMBERS)), "method": np.tile(MEMBERS, len(known.brands)),
        "weight": combined.weight.ravel(), "wape": combined.wape.ravel(),
    })  # fmt: skip
    return frame.astype({"brand_id": "str", "method": "str"})
