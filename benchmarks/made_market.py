"""A made-up city of any size as panels, district by district: what `benchmarks.demand_speed` is timed on.

Nothing here is meant to test how near an estimate comes to the truth (`benchmarks.recovery` does); it is meant to be as much work as a
real city: how many cartons flow decides about that, and how many pairs know shortage.

- as a smaller city with a known truth has them: spread of the rates (shop, brand, pair), stars and their shares, streets of nine
  shops, areas and formats, spells of shortage of 8 to 24 weeks, caps that lie far above sales in plenty and at one or two cartons in
  shortage, the mix of those who inflate;
- as `ordering.sample_*` has them: the shelf a shop fills, what the habits make of a need, visits, festivals, lives of shops and brands;
- chosen: cartons a week, and the shares of brands that are short, of honest shops, of shops with a till, of shops counted in a
  month (`Size`).

A district is made of its own chance, whatever the others are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks import made_market_kernels as kernels
from forecasting.panel import Life, Panel, Rows
from ordering import frames, strategy
from ordering.sample_season import festive_weeks
from ordering.sample_town import STAR_SHARES, STARS, stream

Whole = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

SHOP_SD, BRAND_SD, PAIR_SD = 0.8, 0.6, 1.12
"""Log spread of the rates, 1.5 together."""
STREET_SHOPS = 9
FORMATS = {"grocery": 0.37, "convenience": 0.36, "tobacco_shop": 0.1, "supermarket": 0.09, "restaurant": 0.08}
RURAL = 0.4
FORTNIGHTLY = 0.12  # of the shops in the country
LIARS = {kernels.DIVIDER: 0.41, kernels.CAP_TYPIST: 0.22, kernels.ROUNDER: 0.22, kernels.HOARDER: 0.08, kernels.FOLLOWER: 0.07}
"""How those order who inflate."""
CHURN, TURNOVER = 0.06, 0.04  # share of the brands, of the shops, that come or go within the weeks
STAR_WEIGHT = np.array([0.0, 0.45, 0.7, 1.0, 1.45, 2.0])
WIDE = np.array([0, 12, 17, 21, 31, 47])
"""Caps in plenty by star, for a brand of .8 cartons a week and shop."""
LAST_WEEK = np.datetime64("2026-08-24")
GIFT = 0.4  # log points of demand at the height of a festival


@dataclass(frozen=True)
class Size:
    """How large the city is, and what of it is chosen: shares of the brands that are always short and that are short by spells, of the
    shops that are honest, whose till reports, and that are counted in a month; `cartons` a pair wants in an ordinary week, on average.
    """

    retailers: int = 40_000
    brands: int = 100
    weeks: int = 104
    districts: int = 12
    seed: int = 20260831
    cartons: float = 1.0
    always: float = 0.17
    alternating: float = 0.11
    honest: float = 0.7
    tills: float = 0.3
    counted: float = 0.1


@dataclass(frozen=True)
class Shard:
    """One district: its panel, its retailers, and the brands of the city."""

    panel: Panel
    retailers: pd.DataFrame
    brands: pd.DataFrame


@dataclass(frozen=True)
class Market:
    """What all districts share. By brand: `weight` (cartons of an ordinary pair), first and last week; by brand and week: index of demand,
    0 where not on sale, whether it is `tight`, and the share `met` of what caps allow; `cap[star, brand, week]`.
    """

    size: Size
    weeks: pd.DatetimeIndex
    weight: Reals
    first: Whole
    last: Whole
    index: Reals
    tight: Truths
    met: Reals
    cap: npt.NDArray[np.int32]

    @cached_property
    def brands(self) -> pd.DataFrame:
        """The brands as the estimator reads them."""
        names = [f"B{number:03d}" for number in range(self.size.brands)]
        wares = pd.DataFrame({"brand_id": names, "name": names, "manufacturer": "F1", "price_class": 3, "wholesale_price": 100.0})
        return frames.conform(frames.BRANDS, wares)

    @cached_property
    def shops(self) -> Whole:
        """How many shops each district has."""
        share = stream(self.size.seed, 1).uniform(0.7, 1.3, self.size.districts)
        edges = np.rint(np.cumsum(share) / share.sum() * self.size.retailers).astype(np.int64)
        return np.diff(edges, prepend=0)

    def shard(self, number: int) -> Shard:
        """District `number`, made anew: same market and number, same district."""
        rng = stream(self.size.seed, 2, number)
        retailers, street_start = _retailers(rng, int(self.shops[number]), number)
        panel = _panel(rng, self, retailers, street_start)
        return Shard(panel, retailers, self.brands)


def draw(size: Size) -> Market:
    """The market of a city of `size`."""
    rng = stream(size.seed, 0)
    weeks = pd.DatetimeIndex(pd.date_range(end=pd.Timestamp(LAST_WEEK), periods=size.weeks, freq="7D", unit="us"))
    first, last = _lives(rng, size.brands, CHURN, size.weeks)
    spread = (SHOP_SD**2 + PAIR_SD**2 + BRAND_SD**2) / 2
    weight = np.exp(rng.normal(np.log(size.cartons) - spread, BRAND_SD, size.brands))
    tight = _tight(rng, size)
    met = np.clip(rng.uniform(0.5, 0.9, size.brands)[:, None] + rng.normal(0, 0.04, tight.shape), 0.3, 1.0)
    usual = weight * np.exp((SHOP_SD**2 + PAIR_SD**2) / 2)
    narrow = np.rint(usual[:, None] * rng.uniform(1.0, 2.0, size.brands)[:, None] * STAR_WEIGHT)
    wide = np.maximum(np.ceil(usual[:, None] / 0.8 * WIDE), 8)
    cap = np.where(tight.T[:, :, None], np.maximum(narrow, 1), wide).transpose(2, 1, 0).astype(np.int32, order="C")
    return Market(size, weeks, weight, first, last, _index(rng, weeks, first, last), tight, met, cap)


def told(shard: Shard, tight: Truths, touched_weeks: float) -> dict[str, float]:
    """What a district is like, as sums: pairs, rows, pairs of brands short for more than `touched_weeks`, cartons asked and given."""
    panel, lines = shard.panel, shard.panel.lines
    short = tight[panel.brand[lines.pair], lines.week]
    return {
        "pairs": panel.pairs, "lines": len(lines), "scans": len(panel.scans), "counts": len(panel.counts),
        "touched": (tight.sum(axis=1) > touched_weeks)[panel.brand].sum(), "asked": lines.value.sum(), "given": lines.other.sum(),
        "asked_short": lines.value[short].sum(), "given_short": lines.other[short].sum(),
    }  # fmt: skip


def _lives(rng: np.random.Generator, count: int, share: float, weeks: int) -> tuple[Whole, Whole]:
    """First and last week of each: most all the time, half of `share` come and half go on the way."""
    fate, when = (rng.permutation(count) + 0.5) / count, rng.integers(weeks // 8, max(weeks - weeks // 8, weeks // 8 + 1), count)
    return np.where(fate < share / 2, when, 0), np.where(fate > 1 - share / 2, when, weeks - 1)


def _tight(rng: np.random.Generator, size: Size) -> Truths:
    """Weeks of shortage: always, by spells of 8 to 24 weeks, or never."""
    kind = np.searchsorted(np.cumsum([size.always, size.alternating]) * size.brands, rng.permutation(size.brands) + 0.5)
    ends = np.cumsum(rng.integers(8, 25, (size.weeks // 8 + 2, size.brands)), axis=0)
    spell = ((np.arange(size.weeks)[:, None, None] >= ends).sum(axis=1) + rng.integers(0, 2, size.brands)) % 2 == 0
    return np.asarray((kind == 0)[:, None] | ((kind == 1)[:, None] & spell.T))


def _index(rng: np.random.Generator, weeks: pd.DatetimeIndex, first: Whole, last: Whole) -> Reals:
    """Festivals, and each brand's own wandering: an autoregression of order one about 0."""
    near = festive_weeks(weeks.to_numpy().astype("datetime64[D]"))
    city = GIFT * (near["spring"] + 0.45 * near["autumn"] + 0.3 * near["national"]) - 0.4 * near["after"]
    shocks = rng.normal(0, 0.045, (len(weeks), len(first)))
    for t in range(1, len(weeks)):
        shocks[t] += 0.85 * shocks[t - 1]
    number = np.arange(len(weeks))[:, None]
    return np.asarray((np.exp(city[:, None] + shocks) * ((number >= first) & (number <= last))).T)


def _retailers(rng: np.random.Generator, count: int, district: int) -> tuple[pd.DataFrame, Whole]:
    """The shops of a district in order of street, and where each street begins."""
    streets = max(1, round(count / STREET_SHOPS))
    street = np.sort(rng.integers(0, streets, count))
    rural = (rng.random(streets) < RURAL)[street]
    shops = pd.DataFrame({
        "retailer_id": [f"{district:02d}{number:05d}" for number in range(count)], "name": "shop", "star_level": 3,
        "district": f"D{district:02d}", "street": [f"{district:02d}{number:05d}" for number in street],
        "area_type": np.where(rural, "rural", "urban"), "business_format": rng.choice(list(FORMATS), count, p=list(FORMATS.values())),
        "account_manager": "M1", "order_weekday": rng.integers(1, 6, streets)[street],
        "visit_every_weeks": np.where(rural & (rng.random(count) < FORTNIGHTLY), 2, 1),
    })  # fmt: skip
    return frames.conform(frames.RETAILERS, shops), np.r_[np.flatnonzero(np.diff(street, prepend=-1)), count]


def _panel(rng: np.random.Generator, market: Market, retailers: pd.DataFrame, street_start: Whole) -> Panel:
    size, n = market.size, len(retailers)
    shop = rng.normal(0, SHOP_SD, n)
    rate = np.exp(shop[:, None] + rng.normal(0, PAIR_SD, (n, size.brands))) * market.weight
    star = _stars(rng, shop, market.weeks)
    kinds = [kernels.HONEST, *LIARS]
    habit = rng.choice(kinds, n, p=[size.honest, *(share * (1 - size.honest) for share in LIARS.values())])
    every = retailers["visit_every_weeks"].to_numpy(np.int64)
    opens, closes = _lives(rng, n, TURNOVER, size.weeks)
    shelf = rng.uniform(0.3, 1.3, n), rng.uniform(0.07, 0.2, n)
    requested, allocated, sold, left = kernels.weeks(
        int(rng.integers(2**31)), street_start, rate, market.index, market.cap, star, market.met, market.tight, habit, *shelf,
        every, opens, closes,
    )  # fmt: skip
    open_weeks = (np.arange(size.weeks) >= opens[:, None]) & (np.arange(size.weeks) <= closes[:, None])
    scanned = (rng.random(n) < size.tills)[:, None] & open_weeks & (rng.random((n, size.weeks)) > 0.01)
    counted = _counted(rng, n, market.weeks, size.counted) & open_weeks
    found = kernels.happened(requested, sold, scanned, counted)
    cell = np.flatnonzero(found.any(axis=1))
    start = np.pad(np.cumsum(found[cell], axis=0), ((1, 0), (0, 0)))

    def rows(source: int, chosen: Truths, least: int, first: npt.NDArray[np.uint16], second: npt.NDArray[np.uint16]) -> Rows:
        begins = np.ascontiguousarray(start[:, source])
        return Rows(begins, *kernels.compressed(cell, begins, chosen, least, first, second))

    retailer, brand = np.divmod(cell, size.brands)
    lives = (limit.astype(np.int32) for limit in (opens, closes, market.first, market.last))
    return Panel(
        weeks=market.weeks, among=np.arange(n), retailer=retailer.astype(np.int32), brand=brand.astype(np.int32), retailers=n,
        brands=size.brands,
        lines=rows(0, np.ones((n, size.weeks), bool), 1, requested, allocated), scans=rows(1, scanned, 1, sold, sold),
        counts=rows(2, counted, 0, left, left), reports=scanned, life=Life(*lives),
        caps=strategy.Caps(market.weeks, star, market.cap, every.astype(np.int32)),
    )  # fmt: skip


def narrowed(panel: Panel, shops: Whole) -> tuple[Panel, Whole]:
    """The panel of some of its shops (ascending numbers), and the number in `panel` of each of its pairs."""
    number = np.full(panel.retailers, -1, np.int32)
    number[shops] = np.arange(len(shops), dtype=np.int32)
    pair = np.flatnonzero(number[panel.retailer] >= 0)

    def rows(of: Rows) -> Rows:
        counts = np.diff(of.start)[pair]
        start = np.pad(np.cumsum(counts), (1, 0))
        take = np.repeat(of.start[pair] - start[:-1], counts) + np.arange(start[-1])
        return Rows(start, of.week[take], of.value[take], of.other[take])

    life, caps = panel.life, panel.caps
    return replace(
        panel, among=panel.among[shops], retailer=number[panel.retailer[pair]], brand=panel.brand[pair], retailers=len(shops),
        lines=rows(panel.lines), scans=rows(panel.scans), counts=rows(panel.counts), reports=panel.reports[shops],
        life=replace(life, retailer_first=life.retailer_first[shops], retailer_last=life.retailer_last[shops]),
        caps=replace(caps, profile=caps.profile[shops], double=caps.double[shops]),
    ), pair  # fmt: skip


def _stars(rng: np.random.Generator, shop: Reals, weeks: pd.DatetimeIndex) -> npt.NDArray[np.int32]:
    """Star level by retailer and week: rated every quarter on size and a verdict that moves moderately."""
    quarter = (weeks.year * 4 + weeks.quarter).to_numpy()
    verdict, out = rng.normal(0, 0.3, len(shop)), np.empty((len(shop), len(weeks)), np.int32)
    edges = np.cumsum(STAR_SHARES)[: STARS - 1]
    for q in np.unique(quarter):
        verdict = 0.88 * verdict + rng.normal(0, 0.14, len(shop))
        rank = np.argsort(np.argsort(shop + verdict, kind="stable"), kind="stable")
        out[:, quarter == q] = 1 + np.searchsorted(edges, (rank + 0.5) / len(shop))[:, None]
    return out


def _counted(rng: np.random.Generator, shops: int, weeks: pd.DatetimeIndex, share: float) -> Truths:
    """Weeks at whose end a manager counts a shop: in each month `share` of the shops, once."""
    month = np.unique((weeks.year * 12 + weeks.month).to_numpy(), return_inverse=True)[1]
    out = np.zeros((shops, len(weeks)), bool)
    for m in range(int(month.max()) + 1):
        chosen, inside = np.flatnonzero(rng.random(shops) < share), np.flatnonzero(month == m)
        out[chosen, rng.choice(inside, len(chosen))] = True
    return out
