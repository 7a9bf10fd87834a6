"""How the retailers of the made-up city order: what each habit makes of an honest need.

A habit is a function of what a retailer knows: its need, the cap on the screen, what share of its requests it got lately, what its
street asked last week. All arrays are (retailers of that habit, B). Habits meet scarcity in their own ways; all are about honest
where a brand is not short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordering.sample_kinds import HABITS
from ordering.sample_town import Ints, Town

Whole = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float32]

MOST = 9_999
"""The order form takes no larger number."""
SHORT = 0.85
"""A brand feels short to a shop that lately got less than this share of its requests."""


@dataclass(frozen=True)
class Knowledge:
    """What retailers know when they order, one row per retailer. `share`: part of the requests got lately, 0..1."""

    town: Town
    shop: Ints  # (rows,) the number of each retailer in the town
    need: Whole
    cap: Whole  # what the screen shows; sample_plan.NO_CAP where nothing is shown
    share: Reals
    stock: Whole
    believed: Reals  # cartons a week the shop believes it could sell
    street_most: Whole  # largest request in the street last week
    street_need: Whole  # sum of last week's needs in the street
    last_request: Whole
    most_received: Whole
    festive: float  # 0..1, how near a festival is
    dear: npt.NDArray[np.bool_]  # (B,) brands given as presents
    resale_prone: npt.NDArray[np.bool_]  # (B,)
    week: int
    draw: Reals  # (rows, B) uniform chance, new every week

    @property
    def short(self) -> npt.NDArray[np.bool_]:
        """Where the brand feels short."""
        return self.share < SHORT

    @property
    def shown(self) -> npt.NDArray[np.bool_]:
        """Where the screen shows a cap that a shop could fill (a cap far above any sale tempts nobody)."""
        return self.cap <= 6 * self.believed + 12


Habit = Callable[[Knowledge], Whole]


def honest(know: Knowledge) -> Whole:
    """Asks for what is missing on the shelf; one line in ten is a carton off, for nobody counts exactly."""
    slip = np.where(know.draw < 0.05, -1, np.where(know.draw > 0.95, 1, 0))
    return np.where(know.need > 2, know.need + slip, know.need).astype(np.int32)


def divider(know: Knowledge) -> Whole:
    """Divides the need by the share it expects to get, up to five times the need."""
    return np.where(know.short, np.ceil(know.need / np.clip(know.share, 0.2, 1)), know.need).astype(np.int32)


def doubler(know: Knowledge) -> Whole:
    """Doubles in shortage, triples in deep shortage."""
    return (know.need * np.where(know.share < 0.4, 3, np.where(know.short, 2, 1))).astype(np.int32)


def cap_typist(know: Knowledge) -> Whole:
    """Types the cap where a brand is short and the shelf has room."""
    room = know.stock < 4 * know.believed + 3
    return np.where(know.short & know.shown & room, np.maximum(know.cap, know.need), know.need).astype(np.int32)


def follower(know: Knowledge) -> Whole:
    """Asks for as much as the largest request of its street last week, where the brand is short."""
    return np.where(know.short & (know.need > 0), np.maximum(know.need, know.street_most), know.need).astype(np.int32)


def rounder(know: Knowledge) -> Whole:
    """Rounds up: small needs to five, others to tens, and one ten more where the brand is short."""
    tens = np.ceil(know.need / 10) * 10 + 10 * know.short
    return np.where(know.need > 4, tens, np.where((know.need > 1) & know.short, 5, know.need)).astype(np.int32)


def panicker(know: Knowledge) -> Whole:
    """Before a festival asks for three times the need and some more of everything given as a present; else honest."""
    afraid = (know.festive > 0.2) & know.dear & (know.need > 0)
    return np.where(afraid, 3 * know.need + 4, know.need).astype(np.int32)


def scripted(know: Knowledge) -> Whole:
    """A script fills every row of a short brand with one and a half times the cap, whatever is on the shelf, up to a limit."""
    ratio = np.ceil(1.5 * know.cap.astype(np.float64))
    filled = know.short & know.shown & (know.stock < 6 * know.believed + 6)
    return np.where(filled, np.minimum(ratio, MOST), know.need).astype(np.int32)


def hoarder(know: Knowledge) -> Whole:
    """Wants ten weeks of sales in the cellar of whatever is short."""
    cellar = np.ceil(10 * know.believed + 2 - know.stock)
    return np.where(know.short, np.maximum(cellar, know.need), know.need).astype(np.int32)


def reseller(know: Knowledge) -> Whole:
    """Buys on top of its need what sells on elsewhere: up to the cap where the brand is short, else twice its own sales again."""
    plenty = np.where(know.short & know.shown, know.cap, know.need + np.ceil(2 * know.believed + 1)).astype(np.int32)
    return np.where(know.resale_prone, np.maximum(plenty, know.need), divider(know)).astype(np.int32)


def ratchet(know: Knowledge) -> Whole:
    """Raises the last request by a quarter whenever it was cut, and never lowers it while the brand is short."""
    step = np.maximum(np.ceil(1.25 * know.last_request), know.need)
    ceiling = np.ceil(12 * know.believed + 6)
    return np.where(know.short, np.minimum(step, ceiling), know.need).astype(np.int32)


def ring(know: Knowledge) -> Whole:
    """Shops of a street agree: in its turn, every third week, each asks for the need of the whole street, and little otherwise."""
    turn = (know.week + np.arange(len(know.need))) % 3 == 0
    pooled = np.where(turn[:, None], np.maximum(know.street_need, know.need), know.need // 2)
    return np.where(know.short, pooled, know.need).astype(np.int32)


def anchored(know: Knowledge) -> Whole:
    """Types the most it ever got of a short brand, and two more, whether or not it needs any."""
    room = know.stock < 8 * know.believed + 8
    return np.where(know.short & room, np.maximum(know.most_received + 2, know.need), know.need).astype(np.int32)


def habits() -> Mapping[str, Habit]:
    """All habits by name, those of the kind "unseen" included."""
    from ordering import sample_unseen

    known = (honest, divider, doubler, cap_typist, follower, rounder, panicker, scripted, hoarder, reseller, ratchet, ring, anchored)
    return {**{habit.__name__: habit for habit in known}, **sample_unseen.HABITS}


def sincere() -> npt.NDArray[np.bool_]:
    """By number of the habit (sample_kinds.HABITS), whether who orders so never asks for more than it can use."""
    from ordering import sample_unseen

    return np.isin(HABITS, ["honest", *sample_unseen.SINCERE])
