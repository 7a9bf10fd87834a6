"""How the company of the made-up city has been handing out its cartons: the old practice that its past lines show.

Requests are cut to cap, quota, band cap, month's total and day's limit, in the order of the brands on the form; what supply is left is
shared in proportion to the cut requests, or by one equal level for all, as the brand has it. Whole cartons and whole packs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ordering.sample_town import Bools, Ints

Whole = npt.NDArray[np.int32]


def within_total(asked: Whole, left: npt.NDArray[np.int64]) -> Whole:
    """`asked` (R, B) served from the first brand on until each retailer's `left` (R,) is used up."""
    before = np.cumsum(asked, axis=1, dtype=np.int64) - asked
    return np.asarray(np.clip(left[:, None] - before, 0, asked), np.int32)


def whole_packs(cartons: Whole, pack: Ints) -> Whole:
    """The largest multiple of the pack of each brand that is no more than `cartons`."""
    return np.asarray(cartons - cartons % pack.astype(np.int32), np.int32)


def share_out(usable: Whole, available: Ints, pack: Ints, uniform: Bools, rng: np.random.Generator) -> Whole:
    """Cartons per retailer and brand, (R, B): at most `usable` each and at most `available` (B,) together, in whole packs."""
    out = whole_packs(usable, pack)
    packs, supply = out // pack.astype(np.int32), available // pack
    scarce = packs.sum(axis=0, dtype=np.int64) > supply
    order = rng.permutation(len(usable))
    chance = rng.random(len(usable))
    for chosen, rule in ((scarce & ~uniform, _proportional), (scarce & uniform, _level)):
        if chosen.any():
            out[:, chosen] = rule(packs[:, chosen], supply[chosen], order, chance) * pack[chosen].astype(np.int32)
    return out


def _proportional(packs: Whole, supply: Ints, order: npt.NDArray[np.int64], chance: npt.NDArray[np.float64]) -> Whole:
    """Each its share, rounded so that the sum holds: the running sum over a random order of shops is floored."""
    share = packs * (supply / packs.sum(axis=0, dtype=np.int64))
    running = np.floor(np.cumsum(share[order], axis=0) + 1e-9)
    running = np.minimum(running, supply)
    out = np.empty_like(packs)
    out[order] = np.diff(running, axis=0, prepend=0.0).astype(np.int32)
    return np.minimum(out, packs)


def _level(packs: Whole, supply: Ints, order: npt.NDArray[np.int64], chance: npt.NDArray[np.float64]) -> Whole:
    """All up to one level, the highest that the supply allows; a shop's chance of the week decides about the last carton."""
    low, high = np.zeros(packs.shape[1]), packs.max(axis=0).astype(float) + 1
    for _ in range(32):
        middle = (low + high) / 2
        fits = np.minimum(packs, np.floor(middle + chance[:, None])).sum(axis=0) <= supply
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return np.minimum(packs, np.floor(low + chance[:, None])).astype(np.int32)
