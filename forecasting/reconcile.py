"""Brand forecasts brought down to districts and pairs, so that the pairs add up to them exactly.

A pair's forecast is its rate times the index of its brand in its district. The index of the coming weeks keeps each district's own
pattern (its share of late, its own festivals) and is then raked: all districts of a brand and week are multiplied by one factor, so
that nothing turns negative and nothing is left over. Source of raking: Deming & Stephan 1940, doi 10.1214/aoms/1177731829.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting import calendar
from ordering import frames

RECENT_WEEKS = 13
EFFECT_VARIANCE = 0.3**2
"""Prior variance of how differently a district answers to a festival, on the log scale."""
CELL = ["brand_id", "district"]
BRAND_WEEK = ["brand_id", "week"]


def future_index(
    index: pd.DataFrame, forecast: pd.DataFrame, *, live_rate: pd.DataFrame, festivals: pd.DataFrame | None = None
) -> pd.DataFrame:
    """frames.BRAND_INDEX of the forecast weeks: sum over districts of rate x index = the brand's forecast (relative 1e-9).

    `index`: frames.BRAND_INDEX of the past. `forecast`: brand_id, week, demand. `live_rate`: brand_id, district, week, rate, the sum of
    the rates of the pairs alive in that week (cartons a week where the index is 1). `festivals`: frames.FESTIVALS.
    A district without a past takes its brand's mean pattern. Rows of `live_rate` without a forecast are left out; a brand-week whose
    live rate is 0 has nobody to give its forecast to: its index is 0, and `stranded` names it.
    """
    wanted = live_rate[[*CELL, "week", "rate"]].merge(forecast[[*BRAND_WEEK, "demand"]], on=BRAND_WEEK, how="inner", validate="m:1")
    wanted = wanted.sort_values([*CELL, "week"], kind="stable", ignore_index=True)
    festivals = frames.empty(frames.FESTIVALS) if festivals is None else festivals
    wanted["pattern"] = _pattern(index, wanted, festivals)
    whole = (wanted["rate"] * wanted["pattern"]).groupby([wanted["brand_id"], wanted["week"]]).transform("sum")
    factor = (wanted["demand"] / whole).where(whole > 0, 0.0)
    return frames.conform(frames.BRAND_INDEX, wanted.assign(index=wanted["pattern"] * factor))


def stranded(forecast: pd.DataFrame, live_rate: pd.DataFrame) -> pd.DataFrame:
    """The rows of `forecast` (brand_id, week, demand) above 0 for which no pair is alive: no sum of pairs can meet them."""
    rate = live_rate.groupby(BRAND_WEEK, as_index=False)["rate"].sum()
    met = forecast.merge(rate, on=BRAND_WEEK, how="left", validate="1:1")["rate"].fillna(0) > 0
    return forecast[~met.to_numpy() & (forecast["demand"] > 0).to_numpy()]


def _pattern(index: pd.DataFrame, wanted: pd.DataFrame, festivals: pd.DataFrame) -> pd.Series:
    """What each row of `wanted` would have for an index, up to the factor its brand and week share: level of late x festivals."""
    past = index[index["index"] > 0].sort_values([*CELL, "week"], kind="stable", ignore_index=True)
    past_effect, coming_effect = np.zeros(len(past)), np.zeros(len(wanted))
    off = _off_brand(past)
    for district in sorted(wanted["district"].unique()):
        mine, coming = (past["district"] == district).to_numpy(), (wanted["district"] == district).to_numpy()
        strength = _answer(off[mine], past.loc[mine, "week"], festivals, district)
        past_effect[mine] = _effect(past.loc[mine, "week"], festivals, district, strength)
        coming_effect[coming] = _effect(wanted.loc[coming, "week"], festivals, district, strength)
    late = past.assign(level=past["index"] / np.exp(past_effect)).groupby(CELL, as_index=False).tail(RECENT_WEEKS)
    level = late.groupby(CELL, as_index=False)["level"].mean()
    found = wanted[CELL].merge(level, on=CELL, how="left", validate="m:1")["level"]
    usual = found.groupby(wanted["brand_id"]).transform("mean")
    return found.fillna(usual).fillna(1.0) * np.exp(coming_effect)


def _off_brand(past: pd.DataFrame) -> pd.Series:
    """How far a district's index stands off its brand's that week (log), less what it usually does (median)."""
    log = np.log(past["index"])
    off = log - log.groupby([past["brand_id"], past["week"]]).transform("mean")
    return off - off.groupby([past["brand_id"], past["district"]]).transform("median")


def _answer(off: pd.Series, week: pd.Series, festivals: pd.DataFrame, district: str) -> pd.Series:
    """A district's own answer to each festival, from its mean over brands: ridge regression on the calendar of the past weeks."""
    mean = off.groupby(week.to_numpy()).mean()
    effects = calendar.regressors(pd.DatetimeIndex(mean.index), festivals, district)
    x, y = effects.to_numpy(), mean.to_numpy()
    if not len(y):
        return pd.Series(0.0, index=effects.columns)
    noise = max(float(np.mean(y**2)), 1e-6)
    strength = np.linalg.solve(x.T @ x / noise + np.eye(x.shape[1]) / EFFECT_VARIANCE, x.T @ y / noise)
    return pd.Series(strength, index=effects.columns)


def _effect(week: pd.Series, festivals: pd.DataFrame, district: str, strength: pd.Series) -> np.ndarray:
    """The festivals' effect (log) on a district in the weeks of `week`."""
    distinct = pd.DatetimeIndex(np.sort(week.unique()))
    effects = calendar.regressors(distinct, festivals, district)
    values = effects.to_numpy() @ strength.reindex(effects.columns).fillna(0.0).to_numpy()
    return np.asarray(pd.Series(values, index=distinct).reindex(week).to_numpy())
