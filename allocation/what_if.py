"""What a week would give on other terms: another policy, another supply. Nothing is stored; a prepared week is decided again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import fill, sharing
from allocation.claimants import Claimants
from allocation.fill import UNLIMITED
from allocation.handing_out import HandedOut
from allocation.limits import Whole
from allocation.sharing import Prepared
from allocation.week_supply import NAMES
from ordering.model import Policy


@dataclass(frozen=True)
class Brand:
    """One brand by itself: its claimants on their terms, and what the limits leave each when the other brands stay as they are."""

    who: Claimants
    lot: int

    def given(self, cartons: int) -> tuple[Whole, float]:
        """Cartons of each claimant if there were so many, and the level; NaN where they suffice."""
        pack = self.who.pack[:1]
        units, solved = fill.fill(
            self.who.offsets, self.who.usable, self.who.weight, self.who.ticket, self.who.hashed, [cartons // int(pack[0])],
            taken=self.who.taken, lot=-(-np.array([self.lot]) // pack),
        )  # fmt: skip
        return units.astype(np.int64) * self.who.pack, float(fill.published(solved)[0])


def one_brand(prepared: Prepared, decided: tuple[Claimants, HandedOut], brand: int) -> Brand:
    """The brand with the code `brand`, from a week and what was decided of it. Raises KeyError where nobody claims it."""
    who, out = decided
    number = int(np.searchsorted(who.brands, brand))
    if number == len(who.brands) or who.brands[number] != brand:
        raise KeyError(brand)
    rows = slice(int(who.offsets[number]), int(who.offsets[number + 1]))
    room = np.bincount(who.of_line, out.bound.usable, len(who.owner)).astype(np.int64)[rows] // who.pack[rows]
    columns = ("owner", "brand", "taken", "cap", "pack", "weight", "ticket", "hashed", "came")
    own = replace(
        who, of_line=np.zeros(0, np.int64), brands=who.brands[number : number + 1], offsets=np.array([0, len(room)]),
        policy=who.policy[number : number + 1], usable=room, **{name: getattr(who, name)[rows] for name in columns},
    )  # fmt: skip
    return Brand(own, int(prepared.snapshot.brands["min_lot"].iloc[brand]))


@dataclass(frozen=True)
class Outcome:
    """What a week would come to: ALLOCATION rows of its waiting lines, what is handed out, and what any sharing could have handed out."""

    lines: pd.DataFrame
    handed: int
    possible: int


def outcome(prepared: Prepared, policy: Policy | None = None, supply: dict[str, int] | None = None) -> Outcome:
    """A week under one policy for all brands (None: its own), or with other supplies of some, cartons by brand id.

    Raises KeyError with the ids that the city does not have.
    """
    chosen = prepared.policy if policy is None else np.full(len(prepared.policy), str(policy), NAMES)
    there = prepared.supply if supply is None else replace(prepared.supply, left=left(prepared, supply))
    who, out = prepared.decided(chosen, there.left)
    return Outcome(sharing.lines(prepared, who, out), int(out.allocated.sum()), sharing.possible(prepared.bound, who, there))


def lines(prepared: Prepared, policy: Policy | None = None, supply: dict[str, int] | None = None) -> pd.DataFrame:
    """ALLOCATION rows of the waiting lines of such an outcome."""
    return outcome(prepared, policy, supply).lines


def left(prepared: Prepared, supply: dict[str, int]) -> npt.NDArray[np.int64]:
    """What is left of every brand, cartons by code, if the week had `supply` of some; what it has given already is gone."""
    at = pd.Index(prepared.snapshot.brands["brand_id"]).get_indexer(list(supply))
    if (at < 0).any():
        raise KeyError(*[name for name, place in zip(supply, at, strict=True) if place < 0])
    now, there = prepared.supply, np.array(list(supply.values()), np.int64)
    out = now.left.copy()
    used = np.where(now.available[at] < 0, 0, now.available[at] - now.left[at])
    out[at] = np.where(there < 0, UNLIMITED, np.maximum(there - used, 0))
    return out
