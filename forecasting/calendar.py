"""The days that move demand, mapped to weeks: Spring Festival, Mid-Autumn, National Day, other public holidays, local festivals.

A lunar festival wanders by weeks from year to year, so last year's week is the wrong pattern exactly at the peak. Each effect here is
tied to days counted from the festival, and a week has of an effect the share of its seven days that fall into it: over the weeks, every
day of an effect is counted once. Days off that a government announces from year to year are left out: a forecast must not change
because a list of them was updated.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd

SPRING, MID_AUTUMN, NATIONAL_DAY, PUBLIC_HOLIDAYS = "spring_festival", "mid_autumn", "national_day", "public_holidays"
SPRING_WEEKS = range(-4, 4)
"""Seven-day blocks about the first day of the lunar year, block 0 starting on it: stocking up, the feast, and the empty weeks after."""
MID_AUTUMN_WEEKS = range(-2, 1)
GOLDEN_WEEK_DAYS = 7
DAYS = 7
LEGAL_HOLIDAYS = {
    "Chinese New Year (Spring Festival)": SPRING,
    "Mid-Autumn Festival": MID_AUTUMN,
    "National Day": NATIONAL_DAY,
    **{label: label for label in ("New Year's Day", "Tomb-Sweeping Day", "Labor Day", "Dragon Boat Festival")},
}
"""The names under which the package `holidays` lists them, and ours."""


def regressors(weeks: pd.DatetimeIndex, festivals: pd.DataFrame, district: str | None = "") -> pd.DataFrame:
    """Share of each week's days that fall into each effect, one float column per effect; index = `weeks` (Mondays).

    `festivals` is a frames.FESTIVALS table. Its rows count where they are the whole city's (district "") or `district`'s own;
    `district=None` takes those of every district, each in a column of its own: for a series that adds districts up.
    A column of a district's festival is named `festival:<name>@<district>`. Columns that are zero in all `weeks` are kept, so that
    the columns do not depend on the weeks asked for.
    """
    years = _years(weeks)
    spans = [*_national(years), *_local(festivals, district)]
    names = list(dict.fromkeys([*_national_names(), *(name for name, _, _ in spans)]))
    out = np.zeros((len(weeks), len(names)))
    mondays = weeks.to_numpy("datetime64[D]").astype(np.int64)
    for name, first, days in spans:
        begin = np.datetime64(first, "D").astype(np.int64)
        overlap = np.minimum(mondays + DAYS, begin + days) - np.maximum(mondays, begin)
        out[:, names.index(name)] += np.clip(overlap, 0, DAYS) / DAYS
    return pd.DataFrame(out, index=weeks, columns=pd.Index(names, dtype="str"))


def festive(weeks: pd.DatetimeIndex, festivals: pd.DataFrame) -> np.ndarray:
    """Share of each week's days that stand under a festival of the calendar or of any district, single public holidays left out."""
    effects = regressors(weeks, festivals, None)
    return np.asarray(effects.drop(columns=PUBLIC_HOLIDAYS).sum(axis=1).clip(upper=1.0))


def _years(weeks: pd.DatetimeIndex) -> range:
    """The years whose festivals can touch `weeks`; blocks reach over the turn of a year."""
    return range(weeks.min().year - 1, weeks.max().year + 2) if len(weeks) else range(0)


def _national_names() -> list[str]:
    return [*(f"{SPRING}{week:+d}" for week in SPRING_WEEKS), *(f"{MID_AUTUMN}{week:+d}" for week in MID_AUTUMN_WEEKS),
            NATIONAL_DAY, PUBLIC_HOLIDAYS]  # fmt: skip


def _national(years: range) -> Iterator[tuple[str, date, int]]:
    """Name, first day and number of days of every national effect of `years`."""
    for year in years:
        named = _holidays(year)
        for label, blocks in ((SPRING, SPRING_WEEKS), (MID_AUTUMN, MID_AUTUMN_WEEKS)):
            for week in blocks if label in named else ():  # Mid-Autumn is a legal holiday since 2008
                yield f"{label}{week:+d}", named[label] + timedelta(weeks=week), DAYS
        yield NATIONAL_DAY, named[NATIONAL_DAY], GOLDEN_WEEK_DAYS
        for on in sorted(on for label, on in named.items() if label not in (SPRING, MID_AUTUMN, NATIONAL_DAY)):
            yield PUBLIC_HOLIDAYS, on, 1


@cache
def _holidays(year: int) -> dict[str, date]:
    """First day of each legal holiday of China in `year`, without the days off that are moved about by announcement.

    From the package `holidays` (astronomical new moons; gazetted dates), which knows the years 1950 to 2099.
    """
    import holidays

    first: dict[str, date] = {}
    listed = holidays.country_holidays("CN", years=year, observed=False, language="en_US")
    for on, joined in sorted(listed.items()):
        for label in joined.split("; "):
            if label in LEGAL_HOLIDAYS:
                first.setdefault(LEGAL_HOLIDAYS[label], on)
    return first


def _local(festivals: pd.DataFrame, district: str | None) -> Iterator[tuple[str, date, int]]:
    """The rows of festivals.csv that move `district` (None: any district)."""
    for row in festivals.sort_values(["name", "district", "starts_on"], kind="stable").itertuples():
        if row.district == "":
            yield f"festival:{row.name}", row.starts_on.date(), int(row.days)
        elif district is None or row.district == district:
            yield f"festival:{row.name}@{row.district}", row.starts_on.date(), int(row.days)
