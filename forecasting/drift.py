"""The drift alarm: a brand whose demand keeps leaving the interval that was forecast for it.

An 80% interval is left in one week of five by right. Leaving it in k of the last n weeks is a matter of chance with the binomial
probability of `false_alarm`; beyond that the brand has changed, and its forecast with it should be looked at.
"""

from __future__ import annotations

from math import comb

import pandas as pd

from ordering import frames

COVERAGE = 0.8
"""Share of weeks that the interval from p10 to p90 is made to hold."""
STEP = "record"


def false_alarm(weeks: int, outside: int, coverage: float = COVERAGE) -> float:
    """Probability that a brand whose forecasts are right leaves its interval in `outside` or more of `weeks` weeks.

    P = sum over k >= outside of C(n, k) (1 - c)^k c^(n - k): weeks forecast one week ahead miss by chance and independently.

    >>> round(false_alarm(8, 5), 4), round(false_alarm(8, 6), 4)
    (0.0104, 0.0012)
    """
    missing = 1 - coverage
    return sum(comb(weeks, k) * missing**k * coverage ** (weeks - k) for k in range(outside, weeks + 1))


def left(forecasts: pd.DataFrame, actual: pd.DataFrame, *, weeks: int, outside: int) -> pd.DataFrame:
    """The brands that left their interval in `outside` or more of the last `weeks` judged weeks: brand_id, weeks (judged), above, below.

    `forecasts`: brand_id, week, origin, p10, p90; of several for a week the newest counts. `actual`: brand_id, week, demand; a week
    without a row, or missing, is not judged. `weeks` counts from each brand's newest judged week back.
    """
    newest = forecasts.sort_values(["brand_id", "week", "origin"], kind="stable").drop_duplicates(["brand_id", "week"], keep="last")
    both = newest.merge(actual[["brand_id", "week", "demand"]].dropna(), on=["brand_id", "week"], how="inner", validate="1:1")
    last = both.sort_values(["brand_id", "week"], kind="stable").groupby("brand_id").tail(weeks)
    marked = last.assign(above=last["demand"] > last["p90"], below=last["demand"] < last["p10"], weeks=1)
    sums = marked.groupby("brand_id", sort=True)[["weeks", "above", "below"]].sum().reset_index()
    return sums[sums["above"] + sums["below"] >= outside].reset_index(drop=True)


def problems(found: pd.DataFrame) -> pd.DataFrame:
    """frames.PROBLEMS of the brands of `left`, in English and Chinese."""
    rows = [(STEP, str(row.brand_id), _said(int(row.weeks), int(row.above), int(row.below))) for row in found.itertuples()]
    return pd.DataFrame(rows, columns=frames.PROBLEMS.names).astype("str")


def _said(weeks: int, above: int, below: int) -> str:
    """One alarm in both languages."""
    chance, out = f"{false_alarm(weeks, above + below):.1%}", above + below
    english = f"left the 80% interval of its forecast in {out} of the last {weeks} weeks ({above} above, {below} below; by chance {chance})"
    chinese = f"近{weeks}周有{out}周超出预测的80%区间（偏高{above}周，偏低{below}周；偶然概率{chance}）"
    return f"{english}: look at what changed | {chinese}，请查明变化原因"
