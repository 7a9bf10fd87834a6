"""The uniform rule for one brand at a time: whole cartons, whole-number arithmetic, the same bits on every machine.

The k-th unit of retailer i has the fixed threshold L = ceil((k * 2**32 - U) / w), with its ticket U in [0, 2**32) and its weight w in
thousandths. All units are sorted by (L, hash, id) and handed out from the front until the supply is gone. Requests only cut off the
end of a retailer's own list, they never move a unit, so asking for more never helps: the uniform rule of Sprumont in whole units
(Ehlers & Klaus 2003, doi 10.1007/s10058-003-0101-3). The level published is 1000 * L / 2**32 of the last unit handed out.

A unit is a carton, or a pack of cartons where a brand is sold in packs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from allocation import hashing

Array = npt.NDArray[Any]
Int: TypeAlias = Any  # 64 bits in compiled code

ONE = 2**32
"""A whole unit in the fixed-point arithmetic of tickets and thresholds."""
TURN = 0x9E3779B9
"""How far a ticket moves with each turn: 2**32 over the golden ratio, so that turns are spread evenly over any span of weeks."""
UNLIMITED = -1
"""Stands for "no supply row" among supplies, and for "supply sufficed" among thresholds."""
FEW = 512
"""Once this few units lie between the bracket's ends they are sorted instead of searched. Only speed depends on it."""


def tickets(
    retailer_ids: Sequence[str], brand_ids: Sequence[str], retailer: npt.ArrayLike, brand: npt.ArrayLike, turns: npt.ArrayLike, salt: str
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """The tickets U of pairs, and their hashes, both uint32: U = (hash + turns * 0x9E3779B9) mod 2**32.

    `retailer` and `brand` are positions in the lists of ids, one pair each; `turns` is how many earlier weeks the brand was offered
    with a limited supply. hash = first 4 bytes, big-endian, of the 64-byte BLAKE2b digest of "retailer|brand|salt" in UTF-8.
    Nothing here knows a request.
    """
    pairs = np.asarray(retailer, np.int64), np.asarray(brand, np.int64)
    hashed = hashing.first_words(retailer_ids, brand_ids, *pairs, salt)
    moved = hashed + np.asarray(turns, np.uint64) * np.uint64(TURN)
    return (moved & np.uint64(ONE - 1)).astype(np.uint32), hashed


def threshold(k: npt.ArrayLike, ticket: npt.ArrayLike, weight_milli: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The threshold L = ceil((k * 2**32 - U) / w) of the k-th unit (k >= 1, below 2**31), int64.

    >>> int(threshold(1, 0, 1000))
    4294968
    """
    numerator = np.asarray(k, np.int64) * ONE - np.asarray(ticket, np.int64)
    return -(-numerator // np.asarray(weight_milli, np.int64))


def published(level_threshold: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The published level 1000 * L / 2**32, units per unit of weight; NaN where supply sufficed."""
    found = np.asarray(level_threshold, np.int64)
    return np.where(found < 0, np.nan, 1000.0 * found / ONE)


def unpublished(level: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The thresholds of published levels (not NaN), exact below 2**53 / 1000."""
    return np.rint(np.asarray(level, np.float64) * (ONE / 1000)).astype(np.int64)


def line(level_threshold: npt.ArrayLike, weight_milli: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The retailer's line w * level: its whole units, and whether a fraction is left, which the ticket decides. Exact."""
    found, weight = np.asarray(level_threshold, np.int64), np.asarray(weight_milli, np.int64)
    low = weight * (found % ONE)  # in two halves, so that nothing overflows
    return weight * (found // ONE) + low // ONE, low % ONE > 0


def entitled(
    level_threshold: npt.ArrayLike, ticket: npt.ArrayLike, weight_milli: npt.ArrayLike, most: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """How many of the first `most` units of each retailer lie at or below its level: min(most, floor(w * level + U)). Exact.

    All of `most` where the threshold is UNLIMITED.
    """
    found, upto = np.asarray(level_threshold, np.int64), np.asarray(most, np.int64)
    whole, _ = line(found, weight_milli)
    low = np.asarray(weight_milli, np.int64) * (found % ONE) % ONE
    units = whole + (low + np.asarray(ticket, np.int64)) // ONE
    return np.where(found < 0, upto, np.minimum(upto, units))


def fill(
    offsets: npt.ArrayLike,
    usable: npt.ArrayLike,
    weight_milli: npt.ArrayLike,
    ticket: npt.ArrayLike,
    tiebreak: npt.ArrayLike,
    supply: npt.ArrayLike,
    *,
    taken: npt.ArrayLike | None = None,
    lot: npt.ArrayLike | None = None,
    threads: int = 1,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Units for every claimant, and the threshold of the last unit handed out of every brand.

    Claimants of brand g are rows offsets[g] to offsets[g + 1], in the order of their ids. `usable` units at most, `weight_milli` >= 1,
    `ticket` and `tiebreak` (the hash) uint32. `supply` in units per brand, UNLIMITED where there is no limit. `taken`: units that a
    claimant has of this week already, which are its first ones. `lot` per brand: the least that may be given; the first bundle has the
    key of its last unit, and the first bundle that does not fit ends the hand-out (to skip it and go on would let more supply hurt
    somebody). The threshold is UNLIMITED where supply sufficed and 0 where nothing was handed out.
    The result does not depend on `threads`. Raises ValueError where a weight is below 1.
    """
    at = np.asarray(offsets, np.int64)
    use, weight = np.asarray(usable, np.int32), np.asarray(weight_milli, np.int32)
    if len(weight) and weight.min() < 1:
        raise ValueError("a weight must be at least a thousandth")
    held = np.zeros(len(use), np.int32) if taken is None else np.asarray(taken, np.int32)
    lots = np.ones(len(at) - 1, np.int32) if lot is None else np.asarray(lot, np.int32)
    given, levels = np.zeros(len(use), np.int32), np.full(len(at) - 1, UNLIMITED, np.int64)
    claims = use, weight, np.asarray(ticket, np.uint32), np.asarray(tiebreak, np.uint32), held

    def share(part: tuple[int, int]) -> None:
        fill_groups(*part, at, *claims, np.asarray(supply, np.int64), lots, given, levels)

    cuts = np.linspace(0, len(at) - 1, threads + 1).astype(int).tolist()
    parts = list(pairwise(cuts))
    if threads == 1:
        share(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, parts))
    return given, levels


@numba.njit(cache=True, nogil=True)
def threshold_of(k: Int, ticket: Int, weight: Int) -> Int:
    """`threshold` of one unit."""
    numerator = np.int64(k) * ONE - np.int64(ticket)
    return (numerator + np.int64(weight) - 1) // np.int64(weight)


@numba.njit(cache=True, nogil=True)
def units_upto(level: Int, use: Int, weight: Int, ticket: Int, held: Int, lot: Int, wide: bool) -> Int:
    """Units of one claimant at or below `level`, beyond those it holds; none below the lot."""
    if wide and level >= threshold_of(np.int64(held) + use, ticket, weight):
        return np.int64(use)  # the product below could overflow
    units = ((np.int64(weight) * level + np.int64(ticket)) >> 32) - held
    if units < lot:
        return np.int64(0)
    return min(units, np.int64(use))


@numba.njit(cache=True, nogil=True)
def _count(level: Int, use: Array, weight: Array, ticket: Array, held: Array, lot: Int, wide: bool) -> tuple[Int, Int]:
    """Units of all claimants at or below `level`, and the weight of those who would take more of a higher one."""
    total, slope = np.int64(0), np.int64(0)
    for i in range(len(use)):
        units = units_upto(level, use[i], weight[i], ticket[i], held[i], lot, wide)
        total += units
        slope += weight[i] if units < use[i] else 0
    return total, slope


@numba.njit(cache=True, nogil=True)
def bracket(
    target: Int, total: Int, use: Array, weight: Array, ticket: Array, held: Array, lot: Int, few: Int, top: Int
) -> tuple[Int, Int, Int, Int, bool]:
    """Levels lo < hi with count(lo) < target <= count(hi), at most `few` units or one step apart, both counts, and `wide`.

    Newton's steps on the staircase count(level), aimed a little beyond the target so that both ends close in; where they do not
    (many equal thresholds, lots), halving does. `wide`: quantities or weights so far apart that the product could overflow. `top`: a
    level that all units lie at or below, and not far above the target; UNLIMITED where none is known.
    """
    most, heaviest, lightest, slope = np.int64(0), np.int64(1), np.int64(2**62), np.int64(0)
    for i in range(len(use)):
        most = max(most, np.int64(held[i]) + use[i])
        heaviest = max(heaviest, np.int64(weight[i]))
        lightest = min(lightest, np.int64(weight[i]))
        slope += weight[i] if use[i] > 0 else 0
    wide = bool(most * heaviest // lightest >= 2**30)
    lo, below, hi, above = np.int64(0), np.int64(0), (most * ONE) // lightest + 1, total
    level, found, turn = np.int64(0), np.int64(0), 0
    if 0 <= top < hi:
        hi = level = np.int64(top)
        found = total
    while hi - lo > 1 and above - below > few:
        beyond = few // 3 if found < target else -few // 3
        step = level + np.int64((target - found + beyond) * ((1.0 * ONE) / (slope + 1)))
        level = min(max(step, lo + 1), hi - 1) if turn < 12 else lo + (hi - lo) // 2
        found, slope = _count(level, use, weight, ticket, held, lot, wide)
        if found >= target:
            hi, above = level, found
        else:
            lo, below = level, found
        turn += 1
    return lo, hi, below, above, wide


@numba.njit(cache=True, nogil=True)
def pick(lo: Int, hi: Int, wanted: Int, between: Int, use: Array, weight: Array, ticket: Array, held: Array, wide: bool) -> Int:
    """The threshold of the `wanted`-th of the `between` units whose thresholds lie in (lo, hi]."""
    found, n = np.empty(between, np.int64), 0
    for i in range(len(use)):
        if n == between:
            break
        first = units_upto(lo, use[i], weight[i], ticket[i], held[i], 1, wide)
        last = units_upto(hi, use[i], weight[i], ticket[i], held[i], 1, wide)
        for k in range(first + 1, last + 1):
            found[n] = threshold_of(held[i] + k, ticket[i], weight[i])
            n += 1
    return np.sort(found)[wanted - 1]


@numba.njit(cache=True, nogil=True)
def hand_out(
    last: Int, supply: Int, use: Array, weight: Array, ticket: Array, tiebreak: Array, held: Array, lot: Int, wide: bool, given: Array
) -> Int:
    """All units below `last` into `given`, then those at `last` by (hash, id) while they fit; the threshold reached."""
    handed, ties = np.int64(0), np.int64(0)
    for i in range(len(use)):
        given[i] = units_upto(last - 1, use[i], weight[i], ticket[i], held[i], lot, wide)
        handed += given[i]
        ties += 1 if units_upto(last, use[i], weight[i], ticket[i], held[i], lot, wide) > given[i] else 0
    at, by, n, i = np.empty(ties, np.int64), np.empty(ties, np.int64), 0, 0
    while n < ties:
        if units_upto(last, use[i], weight[i], ticket[i], held[i], lot, wide) > given[i]:
            at[n], by[n] = i, np.int64(tiebreak[i])
            n += 1
        i += 1
    served = 0
    for turn in np.argsort(by, kind="mergesort"):  # stable: equal hashes stay in the order of ids
        i = at[turn]
        more = units_upto(last, use[i], weight[i], ticket[i], held[i], lot, wide) - given[i]
        if more > supply - handed:
            break
        handed += more
        given[i] += more
        served += 1
    if served:
        return last
    reached = np.int64(0)  # with lots nothing may have fitted at `last`: then the highest threshold below it
    for i in range(len(use)):
        if given[i] > 0:
            reached = max(reached, threshold_of(np.int64(held[i]) + given[i], ticket[i], weight[i]))
    return reached


@numba.njit(cache=True, nogil=True)
def fill_groups(
    first: Int, last: Int, offsets: Array, use: Array, weight: Array, ticket: Array, tiebreak: Array, held: Array, supply: Array,
    lots: Array, given: Array, levels: Array,
) -> None:  # fmt: skip
    """Brands `first` to `last` into `given` and `levels`."""
    for g in range(first, last):
        rows = slice(offsets[g], offsets[g + 1])
        u, w, t, d, lot = use[rows], weight[rows], ticket[rows], held[rows], max(int(lots[g]), 1)
        if lot > 1:
            u = np.where(u < lot, np.int32(0), u)
        total = np.int64(0)
        for i in range(len(u)):
            total += u[i]
        if supply[g] < 0 or total <= supply[g]:
            given[rows] = u
            continue
        target = supply[g] if lot == 1 else supply[g] + 1  # with lots: the first unit that no longer fits
        if target == 0:
            levels[g] = 0
            continue
        lo, hi, below, above, wide = bracket(target, total, u, w, t, d, lot, FEW if lot == 1 else 0, UNLIMITED)
        at = hi if hi - lo == 1 else pick(lo, hi, target - below, above - below, u, w, t, d, wide)
        levels[g] = hand_out(at, supply[g], u, w, t, tiebreak[rows], d, lot, wide, given[rows])
