"""Small markets: brands with a supply, shops with claims, likings and totals; and rules that share them out, plainly said.

Quantities are units of a brand, which are packs; totals and band caps count cartons.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import hypothesis.strategies as st
import numpy as np

from allocation import coupled, fill
from tests.allocation import reference
from tests.allocation.reference import Claim, threshold

UNLIMITED, ENDLESS = fill.UNLIMITED, 10**6
Units = tuple[tuple[int, ...], ...]
"""Units of every shop (row) of every brand (column)."""


@dataclass(frozen=True)
class Brand:
    """`supply` in units, `pack` cartons in a unit, `lot`: the fewest units given, `band`: the price band it belongs to."""

    supply: int
    pack: int = 1
    lot: int = 1
    band: int = 0


@dataclass(frozen=True)
class Shop:
    """A claim on every brand (0 units: none), brands in order of `liking`, cartons left of its total and of the cap of each band."""

    claims: tuple[Claim, ...]
    liking: tuple[int, ...]
    total: int = ENDLESS
    bands: tuple[int, ...] = (ENDLESS, ENDLESS)

    @property
    def needs(self) -> tuple[int, ...]:
        return tuple(claim.usable for claim in self.claims)

    def asking(self, units: Sequence[int]) -> Shop:
        return replace(self, claims=tuple(claim.asking(want) for claim, want in zip(self.claims, units, strict=True)))


@dataclass(frozen=True)
class Market:
    brands: tuple[Brand, ...]
    shops: tuple[Shop, ...]

    def having(self, shops: Sequence[Shop]) -> Market:
        return replace(self, shops=tuple(shops))

    def but(self, number: int, shop: Shop) -> Market:
        """This market with another shop in place of one."""
        return self.having([*self.shops[:number], shop, *self.shops[number + 1 :]])

    def supplied(self, supplies: Sequence[int]) -> Market:
        return replace(self, brands=tuple(replace(brand, supply=to) for brand, to in zip(self.brands, supplies, strict=True)))


Rule = Callable[[Market], Units]


def choose(market: Market, shop: Shop, offers: Sequence[int]) -> tuple[int, ...]:
    """What a shop takes of what it is offered, the brand it likes best first."""
    return taking(market, shop, offers)[0]


def taking(market: Market, shop: Shop, offers: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a shop takes of `offers`, and what its limits would let it have of each brand if that one's offer had no end."""
    total, bands, took, room = shop.total, list(shop.bands), [0] * len(offers), [0] * len(offers)
    for b in shop.liking:
        brand = market.brands[b]
        room[b] = min(shop.claims[b].usable, total // brand.pack, bands[brand.band] // brand.pack)
        room[b] = room[b] if room[b] >= brand.lot else 0
        took[b] = min(offers[b], room[b])
        total -= took[b] * brand.pack
        bands[brand.band] -= took[b] * brand.pack
    return tuple(took), tuple(room)


def deferred_acceptance(market: Market, order: Sequence[int] | None = None) -> tuple[Units, list[int]]:
    """Single cartons, one rejection at a time: a brand asked for more than it has turns away the last unit in its list. Also thresholds.

    Shops are looked at in `order`, which must not matter.
    """
    allowed = [list(shop.needs) for shop in market.shops]
    refused = [False] * len(market.brands)
    while True:
        asked = [choose(market, shop, allowed[s]) for s, shop in enumerate(market.shops)]
        over = [b for b, brand in enumerate(market.brands) if 0 <= brand.supply < sum(row[b] for row in asked)]
        if not over:
            break
        b = over[0] if order is None else min(over, key=lambda brand: order[brand])
        _, _, s, k = max(place(market, s, b, row[b]) for s, row in enumerate(asked) if row[b])
        allowed[s][b], refused[b] = k - 1, True
    last = [max((place(market, s, b, row[b])[0] for s, row in enumerate(asked) if row[b]), default=0) for b in range(len(market.brands))]
    return tuple(asked), [level if over else UNLIMITED for level, over in zip(last, refused, strict=True)]


def place(market: Market, s: int, b: int, k: int) -> tuple[int, int, int, int]:
    """Where the k-th unit of a shop stands in the list of a brand; a smaller k only ever stands before it."""
    claim = market.shops[s].claims[b]
    return threshold(k + claim.taken, claim.ticket, claim.weight), claim.hashed, s, k


def in_rounds(market: Market, *, rest: bool = True) -> tuple[Units, list[int]]:
    """The descent of cut-offs as the package does it, all brands at once, also with packs and lots; units and thresholds.

    `rest`: what is left over in the end is handed out.
    """
    count = len(market.brands)
    cuts: list[Any] = [(ENDLESS**4,)] * count
    levels = [UNLIMITED] * count
    while True:
        offers = [[offered(market, s, b, cuts[b]) for b in range(count)] for s in range(len(market.shops))]
        took, rooms = zip(*(taking(market, shop, offers[s]) for s, shop in enumerate(market.shops)), strict=True)
        lowered = False
        for b, brand in enumerate(market.brands):
            if brand.supply < 0 or sum(row[b] for row in took) <= brand.supply:
                continue
            cuts[b], levels[b], lowered = *cut_off(market, b, [row[b] for row in took]), True
        if lowered:
            continue
        for b, brand in enumerate(market.brands):
            if levels[b] >= 0 and brand.lot > 1:
                levels[b] = max((place(market, s, b, row[b])[0] for s, row in enumerate(took) if row[b]), default=0)
        if not rest:
            return tuple(took), levels
        return with_the_rest(market, took, rooms, offers, levels)


def offered(market: Market, s: int, b: int, cut: Any) -> int:
    units = [k for k in range(1, market.shops[s].claims[b].usable + 1) if place(market, s, b, k) < cut]
    return len(units) if len(units) >= market.brands[b].lot else 0


def cut_off(market: Market, b: int, asked: Sequence[int]) -> tuple[Any, int]:
    """The place of the first bundle that the supply does not reach, and the threshold of the last before it."""
    brand, bundles = market.brands[b], []
    for s, want in enumerate(asked):
        if want >= brand.lot:
            bundles += [(place(market, s, b, k), brand.lot if k == brand.lot else 1) for k in range(brand.lot, want + 1)]
    left, last = brand.supply, 0
    for where, size in sorted(bundles):
        if size > left:
            return where, last
        left, last = left - size, where[0]
    raise AssertionError("all that was asked fits")


def with_the_rest(
    market: Market, took: Sequence[Sequence[int]], rooms: Sequence[Sequence[int]], offers: Sequence[Sequence[int]], levels: list[int]
) -> tuple[Units, list[int]]:
    """What brands with a cut-off have left over, one by one to whoever has room, brand after brand."""
    found, levels = [list(row) for row in took], list(levels)
    for b, brand in enumerate(market.brands):
        rest = brand.supply - sum(row[b] for row in found)
        if levels[b] < 0 or brand.lot > 1 or rest <= 0:
            continue
        if all(offers[s][b] >= rooms[s][b] for s in range(len(found))):
            levels[b] = UNLIMITED
            continue
        units = []
        for s, shop in enumerate(market.shops):
            more = min(spare(market, shop, found[s], b), shop.claims[b].usable - found[s][b])
            units += [place(market, s, b, found[s][b] + k) for k in range(1, more + 1)]
        for where in sorted(units)[:rest]:
            found[where[2]][b] += 1
            levels[b] = max(levels[b], where[0])
    return tuple(tuple(row) for row in found), levels


def spare(market: Market, shop: Shop, took: Sequence[int], b: int) -> int:
    """Units of a brand that would still fit under the shop's limits."""
    cartons = [units * brand.pack for units, brand in zip(took, market.brands, strict=True)]
    band = market.brands[b].band
    in_band = sum(size for size, brand in zip(cartons, market.brands, strict=True) if brand.band == band)
    return min(shop.total - sum(cartons), shop.bands[band] - in_band) // market.brands[b].pack


def solve(market: Market, *, threads: int = 1) -> coupled.Coupled:
    """The package's solution of a market."""
    shops, brands = len(market.shops), len(market.brands)
    claims = [shop.claims[b] for b in range(brands) for shop in market.shops]
    columns = [[getattr(claim, name) for claim in claims] for name in ("usable", "weight", "ticket", "hashed")]
    row = [b * shops + s for s, shop in enumerate(market.shops) for b in shop.liking]
    groups = [
        [s * 3 for s, shop in enumerate(market.shops) for _ in shop.liking],
        [s * 3 + 1 + market.brands[b].band for s, shop in enumerate(market.shops) for b in shop.liking],
    ]
    left = [cap for shop in market.shops for cap in (shop.total, *shop.bands)]
    lines = coupled.Lines(np.arange(shops + 1) * brands, row, [claims[i].usable for i in row], groups, left)
    supply, pack, lot = ([getattr(brand, name) for brand in market.brands] for name in ("supply", "pack", "lot"))
    offsets = np.arange(brands + 1) * shops
    taken = [claim.taken for claim in claims]
    return coupled.share(offsets, *columns, supply, lines, pack=pack, lot=lot, taken=taken, threads=threads)


def by_shop(market: Market, units: Any) -> Units:
    """Units of claims, brand after brand, as rows of shops."""
    wide = np.asarray(units).reshape(len(market.brands), len(market.shops))
    return tuple(tuple(row) for row in wide.T.tolist())


def cut_offs(market: Market) -> Units:
    return by_shop(market, solve(market).units)


def one_by_one(market: Market, share: Callable[[Sequence[Claim], Brand], list[int]]) -> Units:
    """Every brand by itself."""
    columns = [share([shop.claims[b] for shop in market.shops], brand) for b, brand in enumerate(market.brands)]
    return tuple(zip(*columns, strict=True))


def plain(market: Market) -> Units:
    return one_by_one(market, lambda claims, brand: reference.compiled(claims, brand.supply, brand.lot)[0])


def proportional(market: Market) -> Units:
    return one_by_one(market, lambda claims, brand: reference.proportional(claims, brand.supply))


def first_come(market: Market) -> Units:
    """A control: the first shop takes all it may, then the next."""
    left, found = [brand.supply if brand.supply >= 0 else ENDLESS for brand in market.brands], []
    for shop in market.shops:
        took = choose(market, shop, left)
        left = [have - units for have, units in zip(left, took, strict=True)]
        found.append(took)
    return tuple(found)


def lottery(market: Market) -> Units:
    """A control: first come, in an order that anything may change."""
    order = random.Random(repr(market)).sample(range(len(market.shops)), len(market.shops))
    found = first_come(market.having([market.shops[s] for s in order]))
    return tuple(found[order.index(s)] for s in range(len(order)))


def totals_first(market: Market) -> Units:
    """A control: totals are handed out by liking before brands share their supply."""
    shops = [shop.asking(choose(market, shop, shop.needs)) for shop in market.shops]
    return plain(market.having(shops))


class Chance(Protocol):
    """Where numbers come from: hypothesis, who looks for trouble and shrinks it, or a generator, which tells how usual trouble is."""

    def number(self, least: int, most: int) -> int: ...

    def order(self, count: int) -> list[int]: ...


class Drawn:
    """Numbers that hypothesis draws."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw

    def number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def order(self, count: int) -> list[int]:
        return list(self.draw(st.permutations(range(count))))


class Thrown:
    """Numbers that a generator throws, all equally likely."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def number(self, least: int, most: int) -> int:
        return self.rng.randint(least, most)

    def order(self, count: int) -> list[int]:
        return self.rng.sample(range(count), count)


WEIGHTS = (1, 500, 1000, 1000, 2000, 3000, 5000)


@dataclass(frozen=True)
class Kind:
    """Which markets are made: up to how many brands, units asked for and supplied; whether with limits, packs, lots, units taken before."""

    brands: int = 4
    most: int = 9
    supply: int = 25
    limits: bool = True
    packs: bool = False
    lots: bool = False
    taken: bool = False

    def market(self, chance: Chance) -> Market:
        """A shop has one weight, but a ticket and a hash for every brand; lots are asked for whole or not at all."""
        wares = tuple(
            Brand(
                max(chance.number(-3 if self.limits else 0, self.supply), UNLIMITED),
                chance.number(1, 3) if self.packs else 1,
                chance.number(1, 4) if self.lots else 1,
                chance.number(0, 1) if self.limits else 0,
            )
            for _ in range(chance.number(1, self.brands))
        )
        return Market(wares, tuple(self.shop(chance, wares, n) for n in range(chance.number(1, 5))))

    def shop(self, chance: Chance, wares: Sequence[Brand], number: int) -> Shop:
        weight = WEIGHTS[chance.number(0, len(WEIGHTS) - 1)]
        claims = []
        for brand in wares:
            word, want = chance.number(0, 2**64 - 1), chance.number(0, self.most)
            own = chance.number(0, 3) if self.taken else 0
            claims.append(Claim(want if want >= brand.lot else 0, weight, word % 2**32, (word >> 32) // 8 * 8 + number, own))
        return Shop(tuple(claims), tuple(chance.order(len(wares))), self.cap(chance), (self.cap(chance), self.cap(chance)))

    def cap(self, chance: Chance) -> int:
        drawn = chance.number(0, 30) if self.limits else ENDLESS
        return drawn if drawn <= 20 else ENDLESS
