"""The made-up city as it stands: its weeks, its retailers and its brands. Nothing here moves; sample_plan.py and
sample_market.py do the moving.

Arrays are by retailer (R), brand (B) and week (K). Week 0 lies `BURN_IN` weeks before the first week that is written, and the
last `AFTER` weeks follow the waiting one. Retailers stand in order of street, and their ids in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from ordering import sample_names as names
from ordering.sample_kinds import HABITS, Kind

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.object_]

BURN_IN = 12
AFTER = 11
NEVER = 10_000
"""A week that does not come."""
STARS = 5
STAR_SHARES = (0.14, 0.22, 0.3, 0.22, 0.12)
FORMAT_SHARES = (0.34, 0.24, 0.17, 0.12, 0.03, 0.06, 0.04)
CLASS_PRICES = ((480, 720), (235, 330), (118, 195), (62, 98), (28, 52))
"""Wholesale price of a carton by price class, from and to, in yuan."""
REGIMES = ("ample", "balanced", "alternating", "tight", "new")


def stream(seed: int, purpose: int, *more: int) -> np.random.Generator:
    """A generator of its own for each purpose, so that one part's draws never shift another's."""
    return np.random.Generator(np.random.SFC64([seed, purpose, *more]))


@dataclass(frozen=True)
class Retailers:
    """The shops, one element each. `opens` and `closes` are the first and the last week (by number) in which a shop is open."""

    ids: Words
    name: Words
    district: Ints
    street: Ints
    rural: Bools
    format: Ints
    account_manager: Ints
    weekday: Ints
    every: Ints
    phase: Ints
    group: Words
    opens: Ints
    closes: Ints
    size: Floats  # cartons wanted in an ordinary week, all brands
    cover: Floats  # weeks of sales kept beyond the next delivery
    learning: Floats  # weight of the newest week in what a shop believes of its demand
    same_day: Floats
    scans_from: Ints  # week from which the till reports
    habit: Ints
    latitude: Floats
    longitude: Floats


@dataclass(frozen=True)
class Brands:
    """The brands, one element each. `launched` and `withdrawn`: first week on sale, first week no longer."""

    ids: Words
    name: Words
    maker: Ints
    price_class: Ints
    price: Floats
    pack: Ints
    launched: Ints
    withdrawn: Ints
    ramp: Floats
    regime: Ints
    resale_prone: Bools
    uniform: Bools  # handed out by equal level rather than in proportion to requests
    weight: Floats


@dataclass(frozen=True)
class Town:
    """The city: names of its parts, its shops and brands, its weeks, and the ordinary weekly demand of every pair, (R, B)."""

    seed: int
    kind: Kind
    weeks: npt.NDArray[np.datetime64]
    districts: list[str]
    urban_districts: int
    streets: list[str]
    street_district: Ints
    shops: Retailers
    brands: Brands
    base: npt.NDArray[np.float32]

    @property
    def cutoff(self) -> int:
        """Number of the week whose lines wait."""
        return len(self.weeks) - 1 - AFTER

    @property
    def months(self) -> npt.NDArray[np.datetime64]:
        """The month each week belongs to: that of its Monday."""
        return self.weeks.astype("datetime64[M]")


def build(*, retailers: int, brands: int, weeks: int, seed: int, kind: Kind, last_week: date) -> Town:
    """Draws the city. Same arguments, same city."""
    last = np.datetime64(last_week, "D")
    span = last + 7 * (np.arange(BURN_IN + weeks + AFTER) - (BURN_IN + weeks - 1))
    count = int(np.clip(round(retailers / 90), 1, 14))
    urban = max(1, min(len(names.URBAN_DISTRICTS), count // 2))
    streets, street_district, street_rural = _streets(stream(seed, 1), retailers, count, urban)
    town_names = names.districts(count, urban)
    shops = _retailers(stream(seed, 2), retailers, kind, street_district, street_rural, town_names, len(span))
    goods = _brands(stream(seed, 3), brands, kind, len(span))
    base = _base(stream(seed, 4), shops, goods, count)
    return Town(seed, kind, span, town_names, urban, streets, street_district, shops, goods, base)


def _streets(rng: np.random.Generator, retailers: int, districts: int, urban: int) -> tuple[list[str], Ints, Bools]:
    """Streets of about ten shops: names, district and whether in the country. Town districts have suburbs, counties a seat."""
    number = max(districts, round(retailers / 10))
    district = np.sort(np.r_[np.arange(districts), rng.integers(0, districts, number - districts)])
    rural = rng.random(number) < np.where(district < urban, 0.12, 0.68)
    return names.streets(rng, list(rural)), district, rural


def _retailers(
    rng: np.random.Generator, n: int, kind: Kind, street_district: Ints, street_rural: Bools, districts: list[str], weeks: int
) -> Retailers:
    streets = len(street_district)
    street = np.sort(rng.choice(streets, n, p=_shares(rng.gamma(4.0, 1.0, streets))))
    district, rural = street_district[street], street_rural[street]
    trade = rng.choice(len(names.FORMATS), n, p=FORMAT_SHARES)
    serial = np.arange(n) - np.searchsorted(district, district) + 1
    size = np.exp(rng.normal(3.0, 0.65, n) - 0.2 * rural) * np.array([0.8, 1.0, 1.5, 1.3, 1.1, 0.7, 0.6])[trade]
    opens, closes = _lives(rng, n, kind.turnover, weeks)
    every = np.where(rural & (rng.random(n) < 0.12), 2, 1)
    every[0], opens[0], closes[0] = 1, 0, NEVER  # so that no week is without orders
    clerks = np.maximum(1, np.bincount(district, minlength=len(districts)) // 45 + 1)
    first = np.r_[0, np.cumsum(clerks)[:-1]]
    clerk = first[district] + (street - np.searchsorted(street_district, district)) % clerks[district]
    scans = np.where(rng.random(n) < np.where(rural, 0.1, 0.25), rng.choice([0, 0, weeks // 4], n), NEVER)
    return Retailers(
        ids=np.array([f"{d + 1:02d}{s:05d}" for d, s in zip(district, serial, strict=True)], object),
        name=np.array(names.shops(rng, [districts[d] for d in district], [names.FORMATS[f] for f in trade]), object),
        district=district,
        street=street,
        rural=rural,
        format=trade,
        account_manager=clerk,
        weekday=clerk_days(rng, street, streets),
        every=every,
        phase=rng.integers(0, 2, n),
        group=_groups(rng, n),
        opens=opens,
        closes=closes,
        size=size,
        cover=rng.uniform(0.3, 1.3, n) + 0.3 * rural,
        learning=rng.uniform(0.07, 0.2, n),
        same_day=rng.beta(1.2, 2.4, n),
        scans_from=scans,
        habit=rng.choice(len(HABITS), n, p=_shares(np.array([kind.habits.get(name, 0.0) for name in HABITS]))),
        latitude=np.round(31.2 + 0.22 * (district % 4) + rng.normal(0, 0.04, n), 5),
        longitude=np.round(104.5 + 0.27 * (district // 4) + rng.normal(0, 0.05, n), 5),
    )


def clerk_days(rng: np.random.Generator, street: Ints, streets: int) -> Ints:
    """Order weekdays, 1 to 5: a street orders on one day, for its van comes once a week; a few shops were moved."""
    day = rng.integers(1, 6, streets)[street]
    return np.where(rng.random(len(street)) < 0.06, rng.integers(1, 6, len(street)), day)


def _lives(rng: np.random.Generator, n: int, turnover: float, weeks: int) -> tuple[Ints, Ints]:
    """First and last week open: most shops all the time, a share of `turnover` opened or closed on the way."""
    draw, when = (rng.permutation(n) + 0.5) / n, rng.integers(BURN_IN + 4, max(BURN_IN + 5, weeks - AFTER - 4), n)
    return np.where(draw < turnover / 2, when, 0), np.where(draw > 1 - turnover / 2, when, NEVER)


def _groups(rng: np.random.Generator, n: int) -> Words:
    """Owners of more than one licence: about one shop in fifty belongs to one; two or three shops each."""
    out = np.full(n, "", object)
    members = rng.permutation(n)[: n // 50 // 2 * 2]
    for number, pair in enumerate(members.reshape(-1, 2)):
        out[pair] = f"G{number + 1:04d}"
    return out


def _brands(rng: np.random.Generator, n: int, kind: Kind, weeks: int) -> Brands:
    maker = np.sort(rng.choice(len(names.MAKERS), n, p=(0.26, 0.2, 0.14, 0.12, 0.1, 0.08, 0.06, 0.04)))
    price_class = rng.choice(5, n, p=(0.2, 0.25, 0.28, 0.17, 0.1)) + 1
    low, high = np.array(CLASS_PRICES, float)[price_class - 1].T
    regime = _regimes(rng, n, kind)
    launched, withdrawn = _brand_lives(rng, n, kind.churn, regime, weeks)
    code = np.arange(n) - np.searchsorted(maker, maker) + 1
    weight = np.exp(rng.normal(0, 0.8, n)) * np.array([1.2, 1.0, 0.9, 0.75, 0.8])[regime]
    prone = rng.random(n) < kind.resale_prone * np.array([0.3, 0.6, 1.5, 2.0, 1.0])[regime]
    return Brands(
        ids=np.array([f"{m + 1:02d}{c:04d}" for m, c in zip(maker, code, strict=True)], object),
        name=np.array(names.brands(rng, list(maker)), object),
        maker=maker,
        price_class=price_class,
        price=np.round(low + (high - low) * rng.random(n), 1),
        pack=np.where((price_class >= 4) & (regime <= 1) & (rng.random(n) < 0.4), 5, 1),
        launched=launched,
        withdrawn=withdrawn,
        ramp=rng.uniform(4, 16, n),
        regime=regime,
        resale_prone=prone,
        uniform=rng.random(n) < 0.45,
        weight=weight,
    )


def _regimes(rng: np.random.Generator, n: int, kind: Kind) -> Ints:
    """Supply regime of each brand (an index into REGIMES), the shares kept as nearly as whole brands allow."""
    want = kind.regimes
    edges = np.round(np.cumsum([want.tight, want.alternating, want.balanced, want.new]) * n).astype(int)
    place = np.searchsorted(edges, np.arange(n), side="right")
    return rng.permutation(np.array([3, 2, 1, 4, 0])[place])


def _brand_lives(rng: np.random.Generator, n: int, churn: float, regime: Ints, weeks: int) -> tuple[Ints, Ints]:
    first, last = BURN_IN + 4, max(BURN_IN + 5, weeks - AFTER - 6)
    draw, when = (rng.permutation(n) + 0.5) / n, rng.integers(first, last, n)
    recent = rng.integers(max(first, last - 30), last, n)
    launched = np.where(regime == 4, recent, np.where(draw < churn / 2, when, -NEVER))
    withdrawn = np.where((draw > 1 - churn / 2) & (regime != 4), when, NEVER)
    launched[0] = -NEVER if regime[0] != 4 else launched[0]
    return launched, withdrawn


def _base(rng: np.random.Generator, shops: Retailers, brands: Brands, districts: int) -> npt.NDArray[np.float32]:
    """Cartons wanted per pair in an ordinary week: size × taste of the place for the class × brand × the pair's own chance.

    A shop keeps a core of brands; of the others it sells little.
    """
    n, m = len(shops.ids), len(brands.ids)
    wealth = rng.normal(0, 0.25, districts)[shops.district] + rng.normal(0, 0.3, n) - 0.45 * shops.rural + 0.12 * np.log(shops.size / 20)
    taste = np.exp(-np.outer(wealth, brands.price_class - 3.0) * 0.8)
    local = np.exp(rng.normal(0, 0.35, (districts, m)))[shops.district]
    own = np.exp(rng.normal(0, 0.75, (n, m))) * np.where(rng.random((n, m)) < 0.72, 1.0, 0.08)
    share = taste * local * own * brands.weight
    return np.asarray(shops.size[:, None] * share / share.sum(axis=1, keepdims=True), np.float32)


def _shares(weights: npt.NDArray[Any]) -> Floats:
    return np.asarray(weights / weights.sum(), float)
