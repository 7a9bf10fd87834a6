"""Brands that a retailer's totals couple: cut-offs, lowered until what everybody takes up to its totals fits every supply.

Every brand has its list of units, as in fill.py, and a cut-off: a place (L, hash, id) in that list. A retailer takes what lies before
the cut-offs, line after line in its order of preference, as far as its limits let it. Cut-offs start at the end of the lists. A brand of
which more is taken than it has lowers its own until it fits; what a retailer loses by that leaves room under its limits for brands it
likes less, so they are asked for more and may have to lower theirs, and so on until all fits.

Lowering one cut-off never lowers what is asked of another brand (as long as limits are nested and packs are single cartons), so the
descent ends in one point whatever the order: the highest cut-offs at which nobody is passed over by somebody behind it in a list. That
is the stable allocation of Baïou & Balinski 2002 (doi 10.1287/moor.27.3.485.310) that retailers like best, in whole units. Where no
total binds it is `fill.fill`, bit by bit.

Packs of several cartons, lots and limits that cross (a day of two weeks' bands) can make a retailer take less of one brand when it loses
of another. What such a brand is left with is handed out once more, at the end, to whoever has room.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from allocation import cutoffs, leftover
from allocation.fill import UNLIMITED

CHUNKS = 8
"""Parts of the work for each thread: not all take equally long. Only speed depends on it."""


@dataclass(frozen=True)
class Lines:
    """What retailers would take, line by line in their order of preference.

    Lines of retailer r are rows starts[r] to starts[r + 1], lines of one claim side by side; `claim` is the claim's row, `want` units.
    `groups` has a row for each kind of limit and a column for each line: the number of the group the line counts towards, of no other
    retailer and no other limit. `left`: cartons that each group has left.
    """

    starts: npt.ArrayLike
    claim: npt.ArrayLike
    want: npt.ArrayLike
    groups: npt.ArrayLike
    left: npt.ArrayLike


@dataclass(frozen=True)
class Coupled:
    """`units` of every claim and `levels`, the threshold of every brand, as from `fill.fill`; `rounds` in which cut-offs were lowered.

    By line: `got` units, `room`, which is what the limits leave of it after all that the retailer likes better, and the number of the
    limit that cut it last in `by`, -1 where none did.
    """

    units: npt.NDArray[np.int32]
    levels: npt.NDArray[np.int64]
    got: npt.NDArray[np.int32]
    room: npt.NDArray[np.int32]
    by: npt.NDArray[np.int8]
    rounds: int


def share(
    offsets: npt.ArrayLike,
    usable: npt.ArrayLike,
    weight_milli: npt.ArrayLike,
    ticket: npt.ArrayLike,
    tiebreak: npt.ArrayLike,
    supply: npt.ArrayLike,
    lines: Lines,
    *,
    pack: npt.ArrayLike | None = None,
    taken: npt.ArrayLike | None = None,
    lot: npt.ArrayLike | None = None,
    threads: int = 1,
) -> Coupled:
    """Units for every claim of every brand, under limits over several of a retailer's claims.

    Claims as for `fill.fill`, every one of at least one line. `pack`: cartons in a unit, by brand; limits count cartons, and what a
    limit has left that is less than a pack stays for the lines after. The result does not depend on `threads`. Raises ValueError where
    a weight is below 1.
    """
    state = _State(offsets, usable, weight_milli, ticket, tiebreak, supply, lines, pack, taken, lot)
    if threads == 1:
        rounds = _descend(state, lambda work, count: work(0, count))
    else:
        with ThreadPoolExecutor(threads) as pool:
            rounds = _descend(state, lambda work, count: _parted(pool, work, count, threads * CHUNKS))
    state.publish_lots()
    state.hand_out_rest()
    return Coupled(state.units, state.levels, state.got, state.most, state.by, rounds)


def _descend(state: _State, run: Callable[[Callable[[int, int], None], int], None]) -> int:
    """Cut-offs lowered until nobody asks for too much, each step by `run`; in how many rounds."""
    run(state.choose, state.shops)
    run(state.find_coupled, state.shops)
    rounds, state.fresh = 0, False
    while True:
        run(state.lower, state.brands)
        if not state.lowered.any():
            break
        rounds += 1
        run(state.choose, state.shops)
    state.stale[:], state.by_totals = True, False  # now that all is settled, what every line took
    run(state.choose, state.shops)
    return rounds


def _parted(pool: ThreadPoolExecutor, work: Callable[[int, int], None], count: int, parts: int) -> None:
    """`work` on `count` things in as many parts, side by side."""
    cuts = np.linspace(0, count, parts + 1).astype(int).tolist()
    list(pool.map(lambda part: work(*part), pairwise(cuts)))


class _State:
    """The arrays of one solution, and the steps that change them."""

    def __init__(
        self, offsets: Any, usable: Any, weight: Any, ticket: Any, tiebreak: Any, supply: Any, lines: Lines, pack: Any, taken: Any, lot: Any
    ) -> None:
        self.offsets, self.supply = np.asarray(offsets, np.int64), np.asarray(supply, np.int64)
        size, self.brands = int(self.offsets[-1]), len(self.offsets) - 1
        self.weight, self.ticket = np.asarray(weight, np.int32), np.asarray(ticket, np.uint32)
        if size and self.weight.min() < 1:
            raise ValueError("a weight must be at least a thousandth")
        self.tiebreak = np.asarray(tiebreak, np.uint32)
        self.held = np.zeros(size, np.int32) if taken is None else np.asarray(taken, np.int32)
        self.offer = np.array(usable, np.int32)
        self.lots = np.ones(self.brands, np.int32) if lot is None else np.asarray(lot, np.int32)
        self._take_lines(lines, pack)
        self.stale, self.coupled = np.ones(self.shops, bool), np.zeros(self.shops, bool)
        self.levels, self.lowered = np.full(self.brands, UNLIMITED, np.int64), np.zeros(self.brands, bool)
        self.room, self.units, self.retailer = (np.zeros(size, np.int32) for _ in range(3))
        single = len(self.claim) == size and bool((self.pack == 1).all() and (self.lot == 1).all())
        self.by_totals, self.fresh = single and bool(cutoffs.one_total(self.starts, self.groups)), True

    def _take_lines(self, lines: Lines, pack: Any) -> None:
        self.starts, self.claim = np.asarray(lines.starts, np.int64), np.asarray(lines.claim, np.int32)
        self.want, self.groups = np.asarray(lines.want, np.int32), np.atleast_2d(np.asarray(lines.groups, np.int32))
        self.left, self.shops = np.asarray(lines.left, np.int64), len(self.starts) - 1
        self.free = self.left.copy()
        self.pack, self.lot = self._by_line(pack), self._by_line(self.lots)
        self.most, self.got = np.zeros(len(self.claim), np.int32), np.zeros(len(self.claim), np.int32)
        self.by = np.full(len(self.claim), -1, np.int8)

    def _by_line(self, of_brand: Any) -> npt.NDArray[np.int32]:
        """A brand's number for each line, or a single 1 where it is 1 for all."""
        if of_brand is None or (np.asarray(of_brand) <= 1).all():
            return np.ones(1, np.int32)
        of_claim = np.repeat(np.maximum(np.asarray(of_brand, np.int32), 1), np.diff(self.offsets))
        return of_claim[self.claim]

    def choose(self, first: int, last: int) -> None:
        if self.by_totals:
            cutoffs.choose_by_totals(
                first, last, self.fresh, self.stale, self.starts, self.claim, self.want, self.groups[0], self.left, self.offer,
                self.room,
            )  # fmt: skip
            return
        cutoffs.choose(
            first, last, self.stale, self.starts, self.claim, self.want, self.groups, self.left,
            self.pack, self.lot, self.offer, self.free, self.most, self.by, self.got, self.room, self.units,
        )  # fmt: skip

    def find_coupled(self, first: int, last: int) -> None:
        cutoffs.find_coupled(first, last, self.starts, self.claim, self.want, self.room, self.retailer, self.coupled)

    def lower(self, first: int, last: int) -> None:
        cutoffs.lower(
            first, last, self.offsets, self.weight, self.ticket, self.tiebreak, self.held, self.supply, self.lots,
            self.retailer, self.coupled, self.room, self.offer, self.stale, self.levels, self.lowered,
        )  # fmt: skip

    def publish_lots(self) -> None:
        """A cut-off of a brand with lots lies at the first misfit, beyond the last unit handed out, whose threshold is published."""
        for g in np.flatnonzero((self.levels >= 0) & (self.lots > 1)):
            self.levels[g] = cutoffs.last_handed_out(g, self.offsets, self.weight, self.ticket, self.held, self.units)

    def hand_out_rest(self) -> None:
        """What brands with a cut-off have left over; of brands with lots nothing, for their hand-out ends at the first misfit."""
        left = self.supply - leftover.handed_out(self.offsets, self.units)
        rest = np.where((self.levels >= 0) & (self.lots <= 1), left, 0)
        if not (rest > 0).any():
            return
        first_line = np.full(len(self.units), -1, np.int64)
        first_line[self.claim[::-1]] = np.arange(len(self.claim))[::-1]
        for g in np.flatnonzero(rest > 0):
            leftover.hand_out(
                g, self.offsets, self.weight, self.ticket, self.tiebreak, self.held, rest[g], self.claim, first_line,
                self.want, self.groups, self.pack, self.offer, self.room, self.free, self.got, self.units, self.levels,
            )  # fmt: skip
