"""Brands to offer a retailer for those of which it needs more than it can have.

Who does not find a brand takes another of the same price class, as often as each is bought: what is missing of a brand is spread over its
substitutes as their sales at the retailer's peers. First come those that the peers sell more of, against the class, than the retailer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, greedy, hashing, limits, peers
from allocation.bounds import COLUMNS, Bounds
from allocation.fill import ONE, TURN
from allocation.limits import NONE, Whole
from allocation.peers import Floats
from allocation.shortage import Shortage
from ordering import frames
from ordering.advice import SUBSTITUTES
from ordering.frames import Snapshot
from ordering.model import Origin
from ordering.settings import SuggestSettings

Truths = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

LOOKED_AT = 3
"""Of the best brands by sales so many times the number wanted are looked at; those without room fall out."""


@dataclass(frozen=True)
class Shops:
    """By retailer: demand of every brand and whether it lacks some of it (retailers, brands), star level, order day, its week, and the
    week's column in the supply.
    """

    rate: Floats
    lacks: Truths
    level: Whole
    on: Days
    week: Days
    column: Whole


@dataclass(frozen=True)
class Wants:
    """Suggestions that leave a need: their rows, and `unmet` cartons. `group` is the number of each one's retailer and price class, which
    stand in `retailer` and `price_class`.
    """

    rows: Whole
    unmet: Whole
    group: Whole
    retailer: Whole
    price_class: Whole


@dataclass(frozen=True)
class Candidates:
    """Brands that may stand in, sorted by `group` (of Wants), the best first. `row` numbers them as they were found; `own`, `peer`: their
    shares of the class's demand.
    """

    row: Whole
    group: Whole
    brand: Whole
    own: Floats
    peer: Floats

    def only(self, which: npt.NDArray[np.generic]) -> Candidates:
        """Some of them: a mask, or row numbers."""
        return Candidates(self.row[which], self.group[which], self.brand[which], self.own[which], self.peer[which])

    def place(self) -> Whole:
        """The place of each within its group, from 0."""
        return np.arange(len(self.group)) - np.searchsorted(self.group, self.group)


def offer(snapshot: Snapshot, suggestions: pd.DataFrame, supply: Shortage, rules: SuggestSettings) -> pd.DataFrame:
    """SUBSTITUTES for the SUGGESTIONS that leave a need, in weeks whose supply and strategy are known.

    For each up to `rules.substitutes` brands of its price class on sale on the order day that are not short, that the retailer's peers
    sell, and of which hold, cap, quotas, limits and supply leave something after all suggestions. Ranked by the share of the class that
    peers sell less the retailer's own; `rules.province_first`: province-made ones before the others. Quantity: the unmet need spread over
    them as the peers' sales, rounded up to packs; together never more than the unmet need.
    """
    rows = limits.numbered(snapshot, suggestions.rename(columns={"order_day": "order_date"}))
    wants = _wants(suggestions, rows, supply)
    if not rules.substitutes or not len(wants.rows):
        return frames.empty(SUBSTITUTES)
    shops, supply = _shops(snapshot, suggestions, rows, wants, supply), _after(supply, suggestions, rows)
    found = _best(snapshot, shops, wants, supply, rules)
    given = rows.assign(allocated=suggestions["suggested"].to_numpy(np.int64))
    against = pd.concat([bounds.given(snapshot), given[given["allocated"] > 0]], ignore_index=True)
    bound = _bounded(snapshot, shops, wants, found, against)
    found = found.only(_fits(bound))
    found = found.only(found.place() < rules.substitutes)
    want, lines, quantity = _shared(snapshot, wants, found, bound, supply, shops)
    return _rows(snapshot, suggestions, wants, want, lines, quantity)


def _after(supply: Shortage, suggestions: pd.DataFrame, rows: pd.DataFrame) -> Shortage:
    """The supply of which nothing is to spare but what is, whether retailers ask what is expected of them or what is suggested."""
    cell = rows["brand"].to_numpy(np.int64) * len(supply.weeks) + supply.column(rows["week"])
    suggested = np.bincount(cell, suggestions["suggested"].to_numpy(np.float64), supply.free.size).astype(np.int64)
    rest = np.maximum(supply.free - suggested.reshape(supply.free.shape), 0)
    return replace(supply, spare=np.where(supply.free < 0, supply.spare, np.minimum(supply.spare, rest)))


def _wants(suggestions: pd.DataFrame, rows: pd.DataFrame, supply: Shortage) -> Wants:
    unmet = suggestions["need"].to_numpy(np.int64, na_value=0) - suggestions["suggested"].to_numpy(np.int64)
    at = np.flatnonzero((unmet > 0) & supply.known[supply.column(rows["week"])])
    groups, group = limits.distinct(rows["retailer"].to_numpy()[at] * limits.WIDTH + rows["price_class"].to_numpy()[at])
    return Wants(at, unmet[at], group, groups // limits.WIDTH, groups % limits.WIDTH)


def _shops(snapshot: Snapshot, suggestions: pd.DataFrame, rows: pd.DataFrame, wants: Wants, supply: Shortage) -> Shops:
    """What the suggestions tell of each retailer; of one without any, nothing that is used."""
    retailer, first = np.unique(rows["retailer"], return_index=True)
    row = np.zeros(len(snapshot.retailers), np.int64)
    row[retailer] = first
    level = np.ones(len(row), np.int64)
    level[retailer] = limits.star_levels(snapshot, rows.iloc[first])
    rate = peers.matrix(snapshot, suggestions, suggestions["demand"].to_numpy(np.float64, na_value=0.0))
    lacks = np.zeros(rate.shape, bool)
    lacks[rows["retailer"].to_numpy()[wants.rows], rows["brand"].to_numpy()[wants.rows]] = True
    on, week = (suggestions[name].to_numpy()[row] for name in ("order_day", "week"))
    return Shops(rate, lacks, level, on, week, supply.column(rows["week"])[row])


def _best(snapshot: Snapshot, shops: Shops, wants: Wants, supply: Shortage, rules: SuggestSettings) -> Candidates:
    """For each retailer and price class the brands that may stand in, by what its peers sell, whatever room there is for them."""
    sold = peers.sold(snapshot, shops.rate, shops.level, rules.peer_levels)
    classes = snapshot.brands["price_class"].to_numpy(np.int64)
    first = 2.0 * (rules.province_first & (snapshot.brands["origin"] == Origin.PROVINCE).to_numpy(bool))
    parts = []
    for number in np.unique(wants.price_class):
        groups, brands = np.flatnonzero(wants.price_class == number), np.flatnonzero(classes == number)
        retailer = wants.retailer[groups]
        peer, own = (peers.shares(part[np.ix_(retailer, brands)]) for part in (sold, shops.rate))
        score = np.where(_on_sale(snapshot, shops, retailer, brands, supply) & (peer > 0), peer - own + first[brands], -np.inf)
        best = np.argsort(-score, axis=1, kind="stable")[:, : LOOKED_AT * rules.substitutes]
        row, place = np.nonzero(np.take_along_axis(score, best, axis=1) > -np.inf)
        at = best[row, place]
        parts.append((groups[row], brands[at], own[row, at], peer[row, at]))
    group, brand, own, peer = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(group, kind="stable")
    return Candidates(np.arange(len(order)), group[order], brand[order], own[order], peer[order])


def _on_sale(snapshot: Snapshot, shops: Shops, retailer: Whole, brands: Whole, supply: Shortage) -> Truths:
    """Whether each brand is sold on each retailer's order day, and in its week not short, with supply to spare, and not lacking itself;
    (retailers, brands).
    """
    columns = np.arange(len(supply.weeks))
    ample = ~supply.short(brands[:, None], columns) & (supply.spare[brands] != 0)
    begun, ended = (snapshot.brands[name].to_numpy("datetime64[us]")[brands] for name in ("launched_on", "withdrawn_on"))
    on = shops.on[retailer][:, None]
    sold = (np.isnat(begun) | (begun <= on)) & (np.isnat(ended) | (ended >= on))
    return np.asarray(ample.T[shops.column[retailer]] & sold & ~shops.lacks[np.ix_(retailer, brands)])


def _bounded(snapshot: Snapshot, shops: Shops, wants: Wants, found: Candidates, against: pd.DataFrame) -> Bounds:
    """The bounds of the candidates on their retailers' order days, each asked for all that its group is short of."""
    retailer, asked = wants.retailer[found.group], np.bincount(wants.group, wants.unmet)[found.group].astype(np.int64)
    named = zip(("retailer_id", "brand_id"), (retailer, found.brand), snapshot.categories(), strict=True)
    ids = {name: pd.Categorical.from_codes(codes, dtype=kind) for name, codes, kind in named}
    days = {"week": shops.week[retailer], "order_date": shops.on[retailer]}
    return bounds.bounded(snapshot, pd.DataFrame({"order_id": "", **ids, **days, "requested": asked}), against)


def _fits(bound: Bounds) -> Truths:
    """Of which lines the bounds leave a pack, and a lot."""
    room = np.minimum.reduce([bound.usable, *bound.left.values()]) // bound.pack * bound.pack
    return np.asarray((room > 0) & (room >= bound.lot))


def _shared(
    snapshot: Snapshot, wants: Wants, found: Candidates, bound: Bounds, supply: Shortage, shops: Shops
) -> tuple[Whole, Candidates, Whole]:
    """The want of each line, its candidate, and what it takes of it: first choices of all before second ones."""
    count = np.bincount(found.group, minlength=len(wants.retailer))[wants.group]
    want = np.repeat(np.arange(len(wants.rows)), count)
    rank = np.arange(len(want)) - np.repeat(np.cumsum(count) - count, count)
    lines = found.only(np.searchsorted(found.group, wants.group)[want] + rank)
    retailer, unmet = wants.retailer[lines.group], wants.unmet[want]
    pack, lot, column = bound.pack[lines.row], bound.lot[lines.row], shops.column[retailer]
    spare = supply.spare[lines.brand, column]
    scopes = [want, lines.brand * len(supply.weeks) + column, *(limits.scope(bound.rows, reason)[lines.row] for reason in COLUMNS)]
    left = [unmet, np.where(spare < 0, NONE, np.minimum(spare, NONE)), *(bound.left[reason][lines.row] for reason in COLUMNS)]
    order = np.lexsort((want, _turn(snapshot, shops, retailer, lines.brand), rank))
    asked = _spread(unmet, lines.peer, want, pack)
    quantity, _ = greedy.cut(order, limits.apart(scopes), asked, np.array(left, np.int32), pack, lot)
    return want, lines, quantity


def _spread(unmet: Whole, share: Floats, want: Whole, pack: Whole) -> Whole:
    """What each substitute is asked for: the unmet need by its share among those of the same want, up to whole packs, within the need."""
    whole = np.bincount(want, share)[want] if len(want) else share
    part = np.ceil(np.round(unmet * share / whole / pack, 9)).astype(np.int64) * pack
    return np.minimum(part, unmet // pack * pack)


def _turn(snapshot: Snapshot, shops: Shops, retailer: Whole, brand: Whole) -> Whole:
    """A number for each pair by which retailers come to a brand in another order every week, the same on every machine."""
    ids, number = list(snapshot.retailers["retailer_id"]), len(snapshot.retailers)
    hashed = hashing.first_words(ids, [""], np.arange(number), np.zeros(number, np.int64), "substitutes").astype(np.int64)
    week = shops.week[retailer].astype("datetime64[D]").astype(np.int64) // 7
    return (hashed[retailer] + (brand + week) * TURN) % ONE


def _rows(snapshot: Snapshot, suggestions: pd.DataFrame, wants: Wants, want: Whole, lines: Candidates, quantity: Whole) -> pd.DataFrame:
    """SUBSTITUTES of the lines that have a quantity, ranked anew."""
    got = quantity > 0
    want, lines = want[got], lines.only(got)
    chosen = suggestions[["retailer_id", "brand_id", "week"]].iloc[wants.rows[want]].reset_index(drop=True)
    found = chosen.assign(
        substitute_id=pd.Categorical.from_codes(lines.brand, dtype=snapshot.categories()[1]),
        rank=np.arange(len(want)) - np.searchsorted(want, want) + 1,
        quantity=quantity[got],
        own_share=np.minimum(lines.own, 1.0),
        peer_share=np.minimum(lines.peer, 1.0),
    )
    return frames.conform(SUBSTITUTES, found)
