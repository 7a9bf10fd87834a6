"""What a line would get at this moment, alone: the rule of a night for a few lines of one shop, in a millisecond.

A city and its week are prepared once, as a `Book`; a `Shop` is what its owner was given already. Limits, holds, weights, tickets and
terms are those of the night's own modules; `policies.allocate` given the same line alone finds the same (tests/allocation/test_promise.py).

A line asked at once gets what its level entitles it to, and nothing of what the level leaves over: see handing_out.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, fill, greedy, handing_out, holds, limits, needs, policies, rules, sharing, week_supply
from allocation.bounds import CODE, COLUMNS, REASONS, Bounds
from allocation.claimants import Claimants
from allocation.fill import UNLIMITED
from allocation.holds import Holds
from allocation.limits import NONE, InForce, Rows, Whole
from allocation.week_supply import WeekSupply
from ordering.frames import Snapshot
from ordering.model import Policy, Reason
from ordering.settings import AllocationSettings

GIVEN = ("owner", "brand", "price_class", "week", "month", "day", "allocated")


@dataclass(frozen=True)
class Book:
    """A city in one order week, prepared: by retailer and brand row, as in the snapshot it was made of.

    `weight` of each licence in thousandths; `demand` of owners (needs.by_owner), None without an estimate; `missing`: what is not known of
    the week yet ("supply", "release strategy"), or nothing.
    """

    retailers: Mapping[str, int]
    brands: Mapping[str, int]
    retailer_ids: tuple[str, ...]
    brand_ids: tuple[str, ...]
    week: int
    month: int
    limits: InForce
    holds: Holds
    most: Callable[[Rows], Whole] | None
    pack: Whole
    lot: Whole
    price_class: Whole
    weight: Whole
    supply: WeekSupply
    policy: npt.NDArray[np.str_]
    demand: pd.Series | None
    earned: npt.NDArray[np.float64]
    missing: str
    settings: AllocationSettings

    @classmethod
    def of(cls, snapshot: Snapshot, week: pd.Timestamp, settings: AllocationSettings, *, demand: pd.DataFrame | None = None) -> Book:
        """The book of a week. Of the snapshot's lines only what policies and carried supply look back at is used; `demand` as of
        `policies.allocate`."""
        number = int(limits.week_numbers([week])[0])
        month = week.year * 12 + week.month - 1
        supply = week_supply.of(snapshot, week, _nothing(), settings)
        policy = np.where(supply.kept, supply.policy, rules.chosen(snapshot, settings))
        every = np.arange(len(snapshot.retailers))
        known = None if demand is None or demand.empty else needs.of_pairs(snapshot, demand, week)
        turns = (policy == str(Policy.TURN_AND_EARN)).any()
        ids = tuple(snapshot.retailers["retailer_id"]), tuple(snapshot.brands["brand_id"])
        return cls(
            retailers={name: row for row, name in enumerate(ids[0])},
            brands={name: row for row, name in enumerate(ids[1])},
            retailer_ids=ids[0],
            brand_ids=ids[1],
            week=number,
            month=month,
            limits=limits.tabled(snapshot, np.array([number]), np.array([month])),
            holds=holds.prepared(snapshot),
            most=needs.demand_cap(snapshot, demand, week),
            pack=snapshot.brands["pack_multiple"].to_numpy(np.int64),
            lot=snapshot.brands["min_lot"].to_numpy(np.int64),
            price_class=snapshot.brands["price_class"].to_numpy(np.int64),
            weight=bounds.own_weights(snapshot, {"retailer": every, "month": np.full(len(every), month)}, settings),
            supply=supply,
            policy=policy,
            demand=None if known is None else needs.by_owner(snapshot, known),
            earned=rules.sold_through(snapshot, week) if turns else np.ones(len(every)),
            missing=policies.not_known(snapshot, week),
            settings=settings,
        )

    def licences(self, retailer: int) -> list[int]:
        """The licences (rows) of a retailer's owner, its own among them."""
        owner = self.limits.owners.owner[retailer]
        at = self.limits.owners.begin
        return self.limits.owners.licence[at[owner] : at[owner + 1]].tolist()

    def rows(self, retailer: int, brand: Whole, day: int) -> dict[str, Whole]:
        """Lines of a retailer as numbered rows (limits.numbered), `day` since 1970."""
        same = {"retailer": retailer, "owner": self.limits.owners.owner[retailer], "week": self.week, "month": self.month, "day": day}
        return {name: np.full(len(brand), value, np.int64) for name, value in same.items()} | {
            "brand": brand,
            "price_class": self.price_class[brand],
        }


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({name: np.zeros(0, np.int64) for name in GIVEN})


def day_number(day: date) -> int:
    """Days since 1970."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Shop:
    """A retailer (row), and what its owner's lines of the week's month were given already, as arrays of GIVEN."""

    retailer: int
    given: Mapping[str, Whole]

    @classmethod
    def of(cls, book: Book, retailer: int, lines: Iterable[tuple[str, date, date, int]]) -> Shop:
        """From lines of the owner: brand_id, week, order date, allocated. Brands that the book does not know count by their totals."""
        owner, found = int(book.limits.owners.owner[retailer]), []
        for brand_id, week, day, allocated in lines:
            brand = book.brands.get(brand_id, len(book.pack))
            price_class = int(book.price_class[brand]) if brand < len(book.pack) else 0
            month = week.year * 12 + week.month - 1
            found.append((owner, brand, price_class, (day_number(week) + 3) // 7, month, day_number(day), allocated))
        columns = np.array(found, np.int64).reshape(len(found), len(GIVEN))
        return cls(retailer, {name: columns[:, at] for at, name in enumerate(GIVEN)})


@dataclass(frozen=True)
class Ahead:
    """What lines of the same order that stand before others take: `before[i, j]`, line j stands before line i, and cartons of each."""

    before: npt.NDArray[np.bool_]
    allocated: Whole

    def used(self, rows: Rows, reason: Reason) -> Whole:
        """For each line, what those before it take of its limit."""
        key = limits.scope(rows, reason)
        return (self.before & (key[:, np.newaxis] == key)) @ self.allocated


@dataclass(frozen=True)
class Quotes:
    """Quotes for lines of one shop, by line: the bounds (`bound.left`, `bound.cap`, `bound.usable` …), what the claimant had of the week
    (`taken`, cartons), its terms, the threshold in force, what can be ordered, and the code of the Reason that binds."""

    bound: Bounds
    taken: Whole
    weight: Whole
    ticket: npt.NDArray[np.uint32]
    policy: npt.NDArray[np.str_]
    level: Whole
    allocated: Whole
    reason: npt.NDArray[np.int8]

    def records(self) -> list[dict[str, Any]]:
        """The quotes in the columns of frames.ALLOCATION, but for the names of order, retailer, brand, week and day."""
        bound, published = self.bound, fill.published(self.level)
        return [
            {
                "requested": int(bound.requested[n]),
                "cap": _known(bound.cap[n]),
                **{column: _known(bound.left[reason][n]) for reason, column in COLUMNS.items()},
                "held": bool(bound.hold[n]),
                "pack_multiple": int(bound.pack[n]),
                "min_lot": int(bound.lot[n]),
                "taken": int(self.taken[n]),
                "usable": int(bound.usable[n]),
                "weight": int(self.weight[n]),
                "ticket": int(self.ticket[n]),
                "level": float(published[n]) if self.level[n] >= 0 else None,
                "allocated": int(self.allocated[n]),
                "reason": str(REASONS[self.reason[n]]),
                "policy": str(self.policy[n]),
            }
            for n in range(len(self.allocated))
        ]


def _known(limit: np.int64) -> int | None:
    return None if limit == NONE else int(limit)


def quotes(book: Book, shop: Shop, day: int, brand: Whole, requested: Whole, given: Whole, ahead: Ahead | None = None) -> Quotes:
    """What lines of a shop would get if each came alone at this moment, or after those `ahead` of it: distinct `brand` rows, ascending,
    cartons `requested`, on `day` (since 1970). `given`: cartons of each brand that the week gave already, to anybody."""
    rows = book.rows(shop.retailer, brand, day)
    bound = _bounds(book, shop, rows, requested, ahead)
    who = _claimant(book, shop, rows, bound)
    available = book.supply.available[brand]
    left = np.where(available < 0, UNLIMITED, np.maximum(available - given, 0) // who.pack)
    kept, demand = book.supply.kept[brand], None
    if book.demand is not None:
        known = needs.of_claimants(book.demand, who.owner, brand)
        demand = np.where(np.isnan(known), 1.0, known)
    who = rules.terms(who, left, kept, demand, book.earned[who.owner])
    bound = bound.without(Reason.STAR_CAP, (who.policy == rules.RELAXED) & (bound.cap > 0))
    cut = _cut(bound)
    units, level = _units(book, who, cut, left)
    allocated = units * who.pack
    by_level = sharing.level_reasons(level, who.weight, who.taken, units, cut, allocated, np.ones(len(brand), bool))
    reason = np.where(allocated == cut.usable, cut.bound, by_level)
    reason = np.where(allocated == requested, CODE[Reason.FULL], reason)
    return Quotes(cut, who.taken * who.pack, who.weight, who.ticket, who.policy, level, allocated, reason)


def cart(book: Book, shop: Shop, day: int, lines: Sequence[tuple[int, int]], given: Mapping[int, int]) -> list[dict[str, Any]]:
    """The quotes (`Quotes.records`) of lines (brand row, requested; a brand once) that are ordered together, one after the other: what a
    line takes of a limit is gone for the next. `given` by brand row, as for `quotes`.

    All lines are quoted at once, again and again, with what the last round gave as taken by those before them. The first line is right
    after one round, the second after two; where no limit is short, two rounds do for all.
    """
    if not lines:
        return []
    place, known = np.argsort([brand for brand, _ in lines]), np.array(lines, np.int64).reshape(len(lines), 2)
    brand, requested = known[place].T
    gone = np.array([given.get(row, 0) for row in brand.tolist()], np.int64)
    ahead = Ahead(place < place[:, np.newaxis], np.zeros(len(lines), np.int64))
    for _ in lines:
        found = quotes(book, shop, day, brand, requested, gone, ahead)
        if (found.allocated == ahead.allocated).all():
            break
        ahead = replace(ahead, allocated=found.allocated)
    records = found.records()
    return [records[row] for row in np.argsort(place)]


def _bounds(book: Book, shop: Shop, rows: Mapping[str, Whole], requested: Whole, ahead: Ahead | None) -> Bounds:
    """The bounds of lines by themselves, and what each limit leaves them."""
    limit = book.limits.of(rows)
    limit[Reason.DEMAND_CAP] = np.full(len(requested), NONE) if book.most is None else book.most(rows)
    found = Bounds(
        rows=rows,
        order=np.arange(len(requested)),
        requested=requested,
        star_level=book.limits.level[rows["retailer"], 0],
        pack=book.pack[rows["brand"]],
        lot=book.lot[rows["brand"]],
        hold=book.holds.on(rows),
        cap=limit[Reason.STAR_CAP],
        left={reason: _left(rows, reason, limit[reason], shop, ahead) for reason in COLUMNS},
        own=requested,
        usable=requested,
        bound=np.full(len(requested), CODE[Reason.FULL]),
    )
    return bounds.by_itself(found)


def _left(rows: Mapping[str, Whole], reason: Reason, limit: Whole, shop: Shop, ahead: Ahead | None) -> Whole:
    """What the limit `reason` leaves each line."""
    left = limits.left(rows, reason, limit, shop.given)
    return left if ahead is None or (left == NONE).all() else np.where(left == NONE, NONE, np.maximum(left - ahead.used(rows, reason), 0))


def _claimant(book: Book, shop: Shop, rows: Mapping[str, Whole], bound: Bounds) -> Claimants:
    """The shop's owner as the claimant of each brand. Its policy is that of the brand, its terms are not said yet."""
    owner, brand, pack, n = rows["owner"], rows["brand"], bound.pack, len(bound.pack)
    taken = limits.sums(limits.scope(rows, Reason.STAR_CAP), limits.scope(shop.given, Reason.STAR_CAP), shop.given["allocated"])
    each, begin = book.limits.owners.licences(rows)
    names = [book.retailer_ids[row] for row in owner[:1]], [book.brand_ids[row] for row in brand]
    ticket, hashed = fill.tickets(*names, np.zeros(n), np.arange(n), book.supply.turns[brand], book.settings.salt)
    return Claimants(
        of_line=np.arange(n),
        brands=brand,
        offsets=np.arange(n + 1),
        policy=book.policy[brand],
        by_star=book.settings.demand_by_star,
        owner=owner,
        brand=brand,
        usable=bound.usable // pack,
        taken=-(-taken // pack),
        cap=np.where(bound.cap == NONE, NONE, bound.cap // pack),
        pack=pack,
        weight=np.maximum.reduceat(book.weight[each["retailer"]], begin) if n else np.zeros(0, np.int64),
        ticket=ticket,
        hashed=hashed,
        came=np.zeros(n, np.int64),
    )


def _cut(bound: Bounds) -> Bounds:
    """The bounds after all limits, no line taking from another."""
    there = bound.there(tuple(COLUMNS))
    if not there:
        return bound
    n = len(bound.requested)
    apart = np.arange(len(there) * n, dtype=np.int32).reshape(len(there), n)
    left = np.stack([bound.left[reason].astype(np.int32) for reason in there])
    return bound.cut_to(*greedy.cut(bound.order, apart, bound.usable, left, bound.pack, bound.lot), there)


def _units(book: Book, who: Claimants, bound: Bounds, left: Whole) -> tuple[Whole, Whole]:
    """Packs for each line within its bounds, its level and what supply has `left`, and the threshold in force, as handing_out.decided."""
    threshold, lots = book.supply.threshold[who.brand], -(-bound.lot // who.pack)
    entitled = fill.entitled(threshold, who.ticket, who.weight, who.taken + who.usable)
    offer = np.minimum(who.usable, np.maximum(entitled - who.taken, 0))
    take = np.minimum(bound.usable // who.pack, offer)
    take = np.where(take < lots, 0, take)
    short = (left >= 0) & (take > left)
    units = np.where(short, np.where((lots <= 1) | (left >= lots), left, 0), take)
    reached = np.where(units > 0, fill.threshold(np.maximum(who.taken + units, 1), who.ticket, who.weight), 0)
    solved = np.where(short, reached, UNLIMITED)
    level = handing_out.in_force(threshold, solved)
    return units, level
