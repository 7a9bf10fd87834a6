"""The candidates at several origins: what each method would have said, had it been asked with what was known then.

The work is cut into chunks of a fixed number of brands, so that no figure depends on the number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting import launches, season
from forecasting.candidates import ALONE, LEAST_WEEKS, MEMBERS, POOLED, Series
from forecasting.season import Floats
from forecasting.workers import QUIET, Watch, Workers
from ordering.errors import TrueOrderError

CHUNK = 20
SANE = 20.0
"""A forecast above so many times the largest demand ever seen is taken for a failure."""
CANDIDATES = ("brand_id", "method", "origin", "week", "demand")


@dataclass(frozen=True)
class Made:
    """The forecasts of one origin: `forecast` (methods, weeks ahead, brands), NaN where a method gave none, and what failed.

    `failed` holds (column of the brand, method, words).
    """

    forecast: Floats
    failed: tuple[tuple[int, str, str], ...]


def made_at(
    seen: Mapping[int, Floats],
    weeks: pd.DatetimeIndex,
    effects: Floats,
    *,
    ahead: int,
    methods: Sequence[str],
    workers: int,
    seed: int,
    watch: Watch = QUIET,
) -> Mapping[int, Made]:
    """The forecasts of `methods` for `ahead` weeks from each week number of `seen`, made of what was seen then of the weeks before it.

    `seen[week]`: (weeks before it, brands), NaN where unknown. `weeks`, `effects`: past weeks and at least `ahead` more.
    """
    cuts, brands = list(seen), next(iter(seen.values())).shape[1]
    spans = {cut: (demand, weeks[: cut + ahead], effects[: cut + ahead]) for cut, demand in seen.items()}
    with Workers(workers, watch) as over:
        seasons = dict(zip(cuts, over.map(_season, list(spans.values())), strict=True))
        alone = [method for method in methods if method in ALONE]
        jobs = [
            (cut, columns, (d[:, columns], w, e, seasons[cut].factor[:, columns], alone, seed))
            for cut, (d, w, e) in spans.items()
            for columns in _chunks(np.flatnonzero(_alive(d)))
        ]
        done = over.map(_alone, [arguments for _, _, arguments in jobs])
    found = {cut: np.full((len(methods), ahead, brands), np.nan) for cut in cuts}
    failed: dict[int, list[tuple[int, str, str]]] = {cut: [] for cut in cuts}
    for (cut, columns, _), (values, faults) in zip(jobs, done, strict=True):
        for place, method in enumerate(alone):
            found[cut][methods.index(method)][:, columns] = values[place]
        failed[cut] += [(int(columns[number]), method, words) for number, method, words in faults]
    if POOLED in methods:
        for cut in cuts:
            found[cut][methods.index(POOLED)] = seasons[cut].ahead
    return {cut: Made(found[cut], tuple(failed[cut])) for cut in cuts}


def given_at(past: pd.DataFrame, brands: pd.Index, weeks: pd.DatetimeIndex, *, ahead: int) -> Mapping[int, Made]:
    """The origins of `past` (columns CANDIDATES) that lie in `weeks` and have a forecast of every method and week, as `made_at` gives them.

    Rows of brands, methods or weeks that are not asked for are passed over. Raises TrueOrderError where two rows speak of the same.
    """
    key = ["origin", "method", "week", "brand_id"]
    if past.duplicated(key).any():
        raise TrueOrderError("past forecasts: a method has two rows for one brand, origin and week")
    rows = past[past["method"].isin(MEMBERS)]
    cut, week = weeks.get_indexer(pd.DatetimeIndex(rows["origin"])), weeks.get_indexer(pd.DatetimeIndex(rows["week"]))
    column = brands.get_indexer(pd.Index(rows["brand_id"].astype("str")))
    usable = (cut >= 0) & (week >= cut) & (week < cut + ahead) & (column >= 0)
    method, demand = pd.Index(MEMBERS).get_indexer(rows["method"]), rows["demand"].to_numpy(float)
    out = {}
    for origin in np.unique(cut[usable]):
        at = usable & (cut == origin)
        found = np.full((len(MEMBERS), ahead, len(brands)), np.nan)
        found[method[at], week[at] - origin, column[at]] = demand[at]
        if np.isfinite(found[:, -1]).any(axis=1).all():  # otherwise a method or weeks were added since, and it has to be made anew
            out[int(origin)] = Made(found, ())
    return out


def candidate_rows(made: Mapping[int, Made], brands: pd.Index, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """What was said at the origins of `made`, as rows: brand_id, method, origin, week, demand, in that order of columns and rows."""
    parts = [pd.DataFrame({"brand_id": [], "method": [], "origin": weeks[:0], "week": weeks[:0], "demand": []})]
    for cut, one in made.items():
        method, week, column = np.nonzero(np.isfinite(one.forecast))
        parts.append(pd.DataFrame({
            "brand_id": brands.to_numpy()[column], "method": np.array(MEMBERS)[method], "origin": weeks[cut], "week": weeks[cut + week],
            "demand": one.forecast[method, week, column],
        }))  # fmt: skip
    out = pd.concat(parts[1:] or parts, ignore_index=True).astype({"brand_id": "str", "method": "str", "demand": "float64"})
    return out.sort_values(list(CANDIDATES[:4]), kind="stable", ignore_index=True)


def _alive(demand: Floats) -> Any:
    """Which brands have sold in some known week."""
    return np.nansum(demand, axis=0) > 0 if len(demand) else np.zeros(demand.shape[1], bool)


def _chunks(columns: Any) -> Iterator[Any]:
    return (columns[start : start + CHUNK] for start in range(0, len(columns), CHUNK))


def _season(span: tuple[Floats, pd.DatetimeIndex, Floats]) -> season.Season:
    """The shared season of the brands that have sold; no season and no forecast for the others."""
    demand, weeks, effects = span
    alive, ahead = _alive(demand), len(weeks) - len(demand)
    out = season.Season(np.full((ahead, demand.shape[1]), np.nan), np.ones((len(weeks), demand.shape[1])))
    if alive.any():
        fitted = season.fit(demand[:, alive], weeks, effects, launches.ramps(demand[:, alive], ahead))
        out.ahead[:, alive], out.factor[:, alive] = fitted.ahead, fitted.factor
    return out


def _alone(arguments: tuple[Any, ...]) -> tuple[Floats, list[tuple[int, str, str]]]:
    """The methods that look at one brand at a time, for a chunk: (methods, weeks ahead, brands), and the failures."""
    demand, weeks, effects, factor, methods, seed = arguments
    out = np.full((len(methods), len(weeks) - len(demand), demand.shape[1]), np.nan)
    faults = []
    for column in range(demand.shape[1]):
        one = Series(demand[:, column], weeks, effects, factor[:, column], seed)
        for place, method in enumerate(methods):
            try:
                out[place, :, column] = _checked(ALONE[method](one), one)
            except Exception as error:  # whatever a library raises on a strange series, the other methods go on
                if one.known.sum() >= LEAST_WEEKS:
                    faults.append((column, method, f"{type(error).__name__}: {error}".split("\n")[0]))
    return out, faults


def _checked(values: Floats, series: Series) -> Floats:
    """`values` at 0 or above; ValueError where they are no figures or far from anything seen."""
    if not np.isfinite(values).all():
        raise ValueError("gave no finite figures")
    if values.max() > SANE * np.nanmax(series.demand):
        raise ValueError(f"left the range of the series ({values.max():.3g} after at most {np.nanmax(series.demand):.3g})")
    return np.maximum(values, 0.0)
