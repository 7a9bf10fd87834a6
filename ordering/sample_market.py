"""The market of the made-up city, week by week: shops order, the company hands out, consumers buy.

Each week's chance is drawn from the seed and the week alone, so what is written does not depend on how far the simulation runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordering import sample_plan
from ordering.sample_consumers import Sales, Streets, visits, week_at_the_counter
from ordering.sample_habits import MOST, Habit, Knowledge, habits, sincere
from ordering.sample_kinds import HABITS
from ordering.sample_plan import BAND_CLASS, NO_CAP, Plan
from ordering.sample_practice import share_out, whole_packs, within_total
from ordering.sample_season import Season
from ordering.sample_town import Bools, Ints, Town, stream

Whole = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float32]

SAFETY = 0.7
ATTENDANCE = 0.965
"""Share of its order days on which a shop orders."""
RESELLER = HABITS.index("reseller")
FORGETTING = 0.3


@dataclass(frozen=True)
class Hold:
    """A shop that is given nothing of a brand (-1: of all) from one day to another, both included."""

    retailer: int
    brand: int
    first: np.datetime64
    last: np.datetime64
    reason: str


@dataclass(frozen=True)
class Week:
    """What happened in week `k`. Lines are given by shop and brand number, in that order; panels are (R, B)."""

    k: int
    open: Bools
    rate: Reals
    came: Whole
    available: Ints
    retailer: Ints
    brand: Ints
    requested: Whole
    need: Whole
    allocated: Whole
    inflated: Bools
    same_day: Bools
    sales: Sales
    counts: Whole  # what a manager would count on the last day: the stock, seldom a carton off


class Market:
    """The state of the city between weeks: shelves, beliefs, experience, and what was used of the month's quotas."""

    def __init__(self, town: Town, season: Season, plan: Plan, holds: list[Hold]) -> None:
        self.town, self.season, self.plan, self.holds = town, season, plan, holds
        self.streets = Streets.of_town(town)
        shape = town.base.shape
        self.group = 2 * town.shops.district + town.shops.rural
        self.stock = np.zeros(shape, np.int32)
        self.believed = np.zeros(shape, np.float32)
        self.share = np.ones(shape, np.float32)
        self.last_request = np.zeros(shape, np.int32)
        self.last_asked = np.zeros(shape, np.int32)
        self.last_need = np.zeros(shape, np.int32)
        self.most_received = np.zeros(shape, np.int32)
        self.used = np.zeros(shape, np.int32)
        self.carry = np.zeros(shape[1], np.int64)
        self.usual = season.index[0].copy()
        self.habits: dict[str, Habit] = dict(habits())
        self.sincere = sincere()[town.shops.habit]

    def weeks(self, last: int) -> Iterator[Week]:
        """The first `last` weeks in turn, the burn-in included."""
        for k in range(last):
            yield self._week(k, stream(self.town.seed, 100, k))

    def _week(self, k: int, rng: np.random.Generator) -> Week:
        town, shops = self.town, self.town.shops
        is_open = (shops.opens <= k) & (k < shops.closes)
        rate = self._rate(k, is_open)
        self._begin(k, rate, rng)
        cap = sample_plan.caps_of(self.plan, town, k)
        need = self._need(k)
        asked = self._requests(k, cap, need, is_open, rng)
        available = np.where(self.plan.limited, self.plan.planned[k] + np.minimum(self.carry, self.plan.planned[k]), NO_CAP)
        given = self._hand_out(k, asked, cap, available, rng)
        came = visits(rate, rng)
        sales = week_at_the_counter(town, self.streets, rate, came, self.stock, given, rng)
        self._learn(k, need, asked, given, sales)
        self.carry = np.where(self.plan.limited, available - given.sum(axis=0, dtype=np.int64), 0)
        retailer, brand = np.nonzero(asked)
        wanted, missing = asked[retailer, brand], need[retailer, brand]
        lied = ~self.sincere[retailer] & (wanted > 1.5 * missing + 2)
        same_day = rng.random(len(retailer)) < shops.same_day[retailer]
        slip = rng.random(town.base.shape, dtype=np.float32)
        counts = np.maximum(self.stock + (slip < 0.01) - (slip > 0.99), 0).astype(np.int32)
        parts = (retailer, brand, wanted, missing, given[retailer, brand], lied, same_day)
        return Week(k, is_open, rate, came, available, *parts, sales, counts)

    def _rate(self, k: int, is_open: Bools) -> Reals:
        """Mean primary demand of every pair in week k; a shop newly opened is found by its customers little by little."""
        opens = self.town.shops.opens
        known = np.where(opens > 0, 1 - 0.6 * np.exp(-np.clip(k - opens, 0, None) / 6), 1.0) * is_open
        return np.asarray(self.town.base * self.season.index[k][self.group] * known[:, None].astype(np.float32), np.float32)

    def _begin(self, k: int, rate: Reals, rng: np.random.Generator) -> None:
        """New months have new quotas; of new shops and brands there is a first idea, and at the very start a first stock."""
        shops, brands, plan = self.town.shops, self.town.brands, self.plan
        if k and plan.month[k] != plan.month[k - 1]:
            self.used[:] = 0
        fresh = ((shops.opens == k) & (k > 0))[:, None] | (brands.launched == k) | np.full((1, 1), k == 0)
        if fresh.any():
            guess = rate * rng.lognormal(0, 0.35, rate.shape).astype(np.float32)
            self.believed = np.where(fresh, guess, self.believed)
        if k == 0:
            self.stock = rng.poisson(1.3 * rate).astype(np.int32)

    def _need(self, k: int) -> Whole:
        """What is missing on the shelf: demand until the delivery after next and a safety on top, less the stock.

        Shops know the festivals and take part of the coming change into account.
        """
        shops, index = self.town.shops, self.season.index
        soon = (index[k] + index[min(k + 1, len(index) - 1)]) / 2
        lift = np.divide(soon, self.usual, out=np.ones_like(soon), where=(self.usual > 0) & (soon > 0))
        self.usual = np.where(self.usual > 0, 0.75 * self.usual + 0.25 * index[k], index[k]).astype(np.float32)
        mean = self.believed * np.clip(lift, 0.7, 1.7)[self.group] ** 0.7
        every = shops.every.astype(np.float32)[:, None]
        target = mean * (every + shops.cover.astype(np.float32)[:, None]) + SAFETY * np.sqrt(mean * every)
        pack = self.town.brands.pack
        return np.asarray(np.maximum(np.floor((target - self.stock) / pack + 0.5), 0) * pack, np.int32)

    def _requests(self, k: int, cap: Whole, need: Whole, is_open: Bools, rng: np.random.Generator) -> Whole:
        """What the shops type, (R, B), 0 where nothing: only shops whose order day it is, only brands on offer."""
        shops = self.town.shops
        at_desk = is_open & ((shops.every == 1) | ((k + shops.phase) % 2 == 0)) & (rng.random(len(is_open)) < ATTENDANCE)
        draw = rng.random(need.shape, dtype=np.float32)
        most, total = self.streets.most(self.last_asked), self.streets.total(self.last_need)
        asked = np.zeros_like(need)
        for number, name in enumerate(HABITS):
            rows = np.flatnonzero(at_desk & (shops.habit == number))
            if len(rows):
                asked[rows] = self.habits[name](self._knowledge(k, rows, cap, need, draw, most, total))
        asked = np.clip(asked, 0, MOST) * (self.season.live[k] & (cap > 0))
        if not asked.any():
            self._someone_orders(k, cap, asked)
        return np.asarray(asked, np.int32)

    def _knowledge(
        self, k: int, rows: npt.NDArray[np.int64], cap: Whole, need: Whole, draw: Reals, most: npt.NDArray[np.generic],
        total: npt.NDArray[np.generic],
    ) -> Knowledge:  # fmt: skip
        return Knowledge(
            town=self.town, shop=rows, need=need[rows], cap=cap[rows],
            share=self.share[rows], stock=self.stock[rows], believed=self.believed[rows],
            street_most=np.asarray(most[rows], np.int32), street_need=np.asarray(total[rows], np.int32),
            last_request=self.last_request[rows], most_received=self.most_received[rows], festive=float(self.season.festive[k]),
            dear=self.town.brands.price_class <= 2, resale_prone=self.town.brands.resale_prone, week=k, draw=draw[rows],
        )  # fmt: skip

    def _someone_orders(self, k: int, cap: Whole, asked: Whole) -> None:
        """No week is without an order: the first shop, always open, asks for one pack of what sells best there."""
        best = np.where(self.season.live[k] & (cap[0] > 0), self.town.base[0], -1)
        asked[0, int(best.argmax())] = int(self.town.brands.pack[int(best.argmax())])

    def _hand_out(self, k: int, asked: Whole, cap: Whole, available: Ints, rng: np.random.Generator) -> Whole:
        """Allocated cartons, (R, B), by the old practice within every bound."""
        town, plan = self.town, self.plan
        month = plan.month[k]
        level = plan.level[month]
        usable = np.minimum(np.minimum(asked, cap), np.maximum(plan.quota[month][:, level].T - self.used, 0)).astype(np.int32)
        day = town.weeks[k] + town.shops.weekday - 1
        for hold in self.holds:
            if hold.first <= day[hold.retailer] <= hold.last:
                usable[hold.retailer, slice(None) if hold.brand < 0 else hold.brand] = 0
        usable = whole_packs(usable, town.brands.pack)
        banded = town.brands.price_class == BAND_CLASS
        usable[:, banded] = within_total(usable[:, banded], plan.band[k][level])
        left = np.minimum(plan.limit[level], plan.total[month][level] - self.used.sum(axis=1, dtype=np.int64))
        return share_out(within_total(usable, np.maximum(left, 0)), available, town.brands.pack, town.brands.uniform, rng)

    def _learn(self, k: int, need: Whole, asked: Whole, given: Whole, sales: Sales) -> None:
        """What the week leaves behind: stock, experience of cuts, belief about demand, quotas used, cartons sold on elsewhere."""
        shops = self.town.shops
        typed = asked > 0
        got = np.divide(given, asked, out=np.ones(asked.shape, np.float32), where=typed)
        self.share += np.where(typed, np.float32(FORGETTING), np.float32(0)) * (got - self.share)
        self.believed += shops.learning.astype(np.float32)[:, None] * (sales.seen - self.believed)
        self.last_request = np.where(typed, asked, self.last_request)
        self.last_asked, self.last_need = asked, need
        self.most_received = np.maximum(self.most_received, given)
        self.used += given
        self.stock = sales.stock
        rows = np.flatnonzero(shops.habit == RESELLER)
        if len(rows):
            spare = np.maximum(self.stock[rows] - np.ceil(self.believed[rows]), 0) * self.town.brands.resale_prone
            self.stock[rows] -= np.floor(0.8 * spare).astype(np.int32)
