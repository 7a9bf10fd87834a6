"""How demand moves in the made-up city: festivals, the year, trends, launches, and chance from week to week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ordering.sample_town import Bools, Floats, Town, stream

Days = npt.NDArray[np.datetime64]

GIFT = (0.75, 0.5, 0.34, 0.18, 0.1)
"""How strongly a price class sells before Spring Festival (log points at the height): cigarettes are given as presents."""
LOCAL_FESTIVALS = ("庙会", "河灯节", "桃花节", "开山节", "丰收节", "龙舟会", "茶市", "山歌节")


@dataclass(frozen=True)
class LocalFestival:
    """A district's own custom: from which day, how many days, and how much it moves demand (log points)."""

    name: str
    starts_on: np.datetime64
    district: int
    days: int
    strength: float


@dataclass(frozen=True)
class Season:
    """`index` is the factor on ordinary demand by week, group and brand, (K, G, B); group = 2 × district + (1 in the country).

    `event` marks each district's week of a planned event, (K, districts); `population` is in thousands.
    """

    index: npt.NDArray[np.float32]
    live: Bools
    festivals: list[LocalFestival]
    event: Bools
    population: Floats
    festive: Floats  # 0..1, how near a festival is, by week


def build(town: Town) -> Season:
    """Draws the season of every group and brand."""
    rng = stream(town.seed, 5)
    weeks, brands = len(town.weeks), town.brands
    live = (np.arange(weeks)[:, None] >= brands.launched) & (np.arange(weeks)[:, None] < brands.withdrawn)
    log = _brand_part(rng, town) + _ramp(town)
    national = festive_weeks(town.weeks)
    lift = np.array(GIFT)[brands.price_class - 1] * rng.uniform(0.8, 1.2, len(brands.ids))
    festivals = _local_festivals(rng, town)
    event = rng.random((weeks, len(town.districts))) < 0.04
    population = np.round(np.exp(rng.normal(5.8, 0.4, len(town.districts)) + np.linspace(0, -0.01, weeks)[:, None]), 1).astype(np.float64)
    festive: Floats = np.maximum(national["spring"], national["autumn"]).astype(np.float64)
    place = _drift(rng, weeks, len(town.districts), 0.03, 0.9) + 0.12 * event + _local_lift(festivals, town)
    out = np.empty((weeks, 2 * len(town.districts), len(brands.ids)), np.float32)
    for group in range(out.shape[1]):
        district, country = divmod(group, 2)
        spring = national["spring"] * (1.25 if country else 0.95) - national["after"] * (0.35 if country else 0.5)
        gifts = (spring + 0.45 * national["autumn"] + 0.3 * national["national"])[:, None] * lift
        out[:, group] = np.exp(log + gifts + place[:, [district]]) * live
    return Season(out, live, festivals, event, population, festive)


def festive_weeks(weeks: Days) -> dict[str, Floats]:
    """Nearness to the national festivals by week, each 0..1: a day's weight averaged over the days of the week.

    `spring` rises over the four weeks before Spring Festival, `after` is the quiet that follows it, `autumn` the two weeks before
    Mid-Autumn, `national` the days around 1 October.
    """
    days: Days = (weeks.astype("datetime64[D]")[:, None] + np.arange(7)).astype("datetime64[D]")
    found = _dates(weeks)
    spring = _highest(days, found["Spring Festival"], 26, 1)
    after = _highest(days, [day + 9 for day in found["Spring Festival"]], 4, 14)
    autumn = _highest(days, found["Mid-Autumn"], 15, 1)
    national = _highest(days, found["National Day"], 6, 6)
    return {
        name: part.mean(axis=1, dtype=np.float64)
        for name, part in (("spring", spring), ("after", after), ("autumn", autumn), ("national", national))
    }


def _dates(weeks: Days) -> dict[str, list[np.datetime64]]:
    """First day of each festival in every year that the weeks touch, and in the years beside them."""
    import holidays

    first, last = (int(str(w)[:4]) for w in (weeks[0], weeks[-1]))
    out: dict[str, dict[int, np.datetime64]] = {"Spring Festival": {}, "Mid-Autumn": {}, "National Day": {}}
    calendar = holidays.country_holidays("CN", years=range(first - 1, last + 2), language="en_US")
    for day, name in sorted(calendar.items()):
        for wanted, by_year in out.items():
            if wanted in name:
                by_year.setdefault(day.year, np.datetime64(day, "D"))
    return {name: list(by_year.values()) for name, by_year in out.items()}


def _highest(days: Days, tops: list[Any], before: int, after: int) -> Floats:
    """The nearest of several tents: 1 on the day `top`, falling to 0 over `before` days ahead of it and `after` days behind it."""
    out = np.zeros(days.shape)
    for top in tops:
        off = (days - top).astype(int)
        out = np.maximum(out, np.where(off <= 0, 1 + off / before, 1 - off / after))
    return out


def _brand_part(rng: np.random.Generator, town: Town) -> Floats:
    """Log factor by week and brand: trend, the year, the brand's own wandering, and the city's weather of the week."""
    weeks, brands = len(town.weeks), len(town.brands.ids)
    year = (town.weeks - town.weeks[0]).astype(int) / 365.25
    trend = np.outer(year, rng.normal(-0.01, 0.09, brands))
    angle = 2 * np.pi * ((town.weeks.astype("datetime64[D]").astype(int) / 365.25) % 1)
    yearly = np.cos(angle - 0.4)[:, None] * rng.normal(0.04, 0.04, brands)
    return trend + yearly + _drift(rng, weeks, brands, 0.045, 0.85) + rng.normal(0, 0.025, (weeks, 1))


def _ramp(town: Town) -> Floats:
    """Log factor of a launch: consumers learn of a new brand at its own pace, from about a fifth to all."""
    since = np.arange(len(town.weeks))[:, None] - town.brands.launched
    known = 1 - 0.82 * np.exp(-np.clip(since, 0, None) / town.brands.ramp)
    fading = np.clip((town.brands.withdrawn - np.arange(len(town.weeks))[:, None]) / 10, 0.3, 1)
    return np.asarray(np.log(known) + np.log(fading))


def _drift(rng: np.random.Generator, weeks: int, series: int, spread: float, memory: float) -> Floats:
    """Series that wander about 0: autoregressive of order one, with standard deviation `spread`/√(1 − memory²)."""
    shocks = rng.normal(0, spread, (weeks, series))
    for k in range(1, weeks):
        shocks[k] += memory * shocks[k - 1]
    return shocks


def _local_festivals(rng: np.random.Generator, town: Town) -> list[LocalFestival]:
    """Every third district has a custom of its own, on about the same date each year."""
    years = range(int(str(town.weeks[0])[:4]), int(str(town.weeks[-1])[:4]) + 1)
    out = []
    for district in range(0, len(town.districts), 3):
        name = town.districts[district][:-1] + LOCAL_FESTIVALS[int(rng.integers(len(LOCAL_FESTIVALS)))]
        offset, days, strength = int(rng.integers(80, 320)), int(rng.integers(3, 9)), float(rng.uniform(0.25, 0.5))
        starts = (np.datetime64(f"{year}-01-01") + offset + int(rng.integers(-5, 6)) for year in years)
        out += [LocalFestival(name, start, district, days, strength) for start in starts]
    return out


def _local_lift(festivals: list[LocalFestival], town: Town) -> Floats:
    """Log factor of the districts' own festivals by week and district: the share of a festival's days, and of the week before it."""
    out = np.zeros((len(town.weeks), len(town.districts)))
    for festival in festivals:
        off = (town.weeks - festival.starts_on).astype(int)
        within = np.clip(np.minimum(off + 7, festival.days) - np.maximum(off, -4), 0, 7) / 7
        out[:, festival.district] += festival.strength * within
    return out
