"""What moves all brands of a city: its calendar, and what regressors.csv tells of its people, its economy and its events.

A regressor told by district (population, economy, an event) counts in the city by the district's share of what was delivered of late.
One mean over districts serves all brands: how strongly a brand answers is its own in the shared season (`season`), which also takes up
that its customers live in that district more than another's do; what a district does apart is in its own index (`reconcile`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting import calendar
from forecasting.season import Floats
from ordering import frames, model
from ordering.frames import Snapshot

RECENT = pd.Timedelta(weeks=52)
LEAST_KNOWN = 13
"""Weeks of a regressor from which is judged how it goes on."""
REGRESSOR_SCALE = 0.3
"""Standard deviation of a regressor's column, where a holiday's column goes from 0 to 1: so they are drawn to no effect alike."""
LEAST_BENT = 0.2
"""A regressor with less of its standard deviation left beside its straight line is no more than that line."""
ROUNDING = 1e-9


def of_city(known: Snapshot) -> pd.DataFrame:
    """frames.REGRESSORS for district "": the city's own rows, and for names without one the districts' mean, weighted by their deliveries.

    A week in which no district with deliveries has a value has no row.
    """
    rows = known.regressors
    own = rows[rows["district"] == model.ALL]
    told = rows[~rows["name"].isin(own["name"]) & (rows["district"] != model.ALL)]
    weight = told["district"].map(_delivered(known)).fillna(0.0).to_numpy()
    sums = pd.DataFrame({"name": told["name"], "week": told["week"], "weight": weight, "value": weight * told["value"].to_numpy()})
    found = sums.groupby(["name", "week"], as_index=False)[["weight", "value"]].sum()
    found = found[found["weight"] > 0]
    mean = found.assign(district=model.ALL, value=found["value"] / found["weight"])
    return frames.conform(frames.REGRESSORS, pd.concat([own, mean[["district", "week", "name", "value"]]], ignore_index=True))


def _delivered(known: Snapshot) -> pd.Series:
    """Cartons delivered in the last year by district."""
    late = known.lines[known.lines["week"] >= frames.day(known.business_date) - RECENT]
    district = known.retailers["district"].to_numpy()[late["retailer_id"].cat.codes]
    return pd.Series(late["allocated"].fillna(0).to_numpy(np.float64)).groupby(district).sum()


def design(weeks: pd.DatetimeIndex, festivals: pd.DataFrame, regressors: pd.DataFrame | None) -> tuple[Floats, list[tuple[str, str]]]:
    """Effects that a city's brands share, (weeks, effects): the calendar with every district's festivals, and the city's regressors.

    Of a regressor counts how it departs from its own straight line, scaled: a straight line cannot be told from the brands' own trends.
    Where it does not reach the coming weeks it goes back to its mean as fast as it has done so far (`_carried`). One that has a gap, does
    not reach the first week, or is little but a straight line is not used, and named.
    """
    columns = [calendar.regressors(weeks, festivals, None).to_numpy()]
    faults = []
    rows = frames.empty(frames.REGRESSORS) if regressors is None else regressors[regressors["district"] == ""]
    for name, part in rows.groupby("name", sort=True):
        values = _carried(part.set_index("week")["value"].reindex(weeks).to_numpy(float))
        time = np.arange(len(weeks), dtype=float)
        bent = values - np.polynomial.Polynomial.fit(time, values, 1)(time) if np.isfinite(values).all() else values
        if np.isfinite(bent).all() and bent.std() > max(LEAST_BENT * values.std(), ROUNDING * np.abs(values).max()):
            columns.append((REGRESSOR_SCALE * bent / bent.std())[:, None])
        else:
            faults.append((f"regressor {name}", "has a gap in the past weeks, or is little but a straight line; not used"))
    return np.concatenate(columns, axis=1), faults


def _carried(values: Floats) -> Floats:
    """`values` with missing last weeks as an autoregression of order one goes on: a population stays, an event does not last."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < LEAST_KNOWN or known[-1] == len(values) - 1:
        return values
    last, off = int(known[-1]), values[: known[-1] + 1] - np.mean(values[known])
    square = float(np.nansum(off[:-1] ** 2))
    memory = float(np.clip(np.nansum(off[1:] * off[:-1]) / square, 0.0, 1.0)) if square > 0 else 0.0
    ahead = np.arange(1, len(values) - last)
    return np.concatenate([values[: last + 1], np.mean(values[known]) + off[-1] * memory**ahead])
