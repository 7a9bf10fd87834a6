"""The cartons of one week to its claimants: cut-offs under all limits that lines share, none above a stored level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from allocation import coupled, fill, greedy, rules
from allocation.bounds import COLUMNS, Bounds
from allocation.claimants import Claimants
from allocation.coupled import Coupled
from allocation.fill import UNLIMITED
from allocation.limits import Whole
from allocation.week_supply import WeekSupply
from ordering.model import Reason

Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class HandedOut:
    """`units` (packs) and the threshold in force (`level`) for every claimant, and the threshold `solved` for every brand of them.

    By line: `bound`, its bounds after the limits it shares, at these cut-offs; `allocated`, cartons; `starved`: its claimant's units were
    all gone before it, so that its limits say nothing.
    """

    units: Whole
    solved: Whole
    level: Whole
    bound: Bounds
    allocated: Whole
    starved: Truths


def decided(who: Claimants, bound: Bounds, order: Whole, supply: WeekSupply, *, lot: Whole, last_day: int | None) -> HandedOut:
    """What everybody gets. `order`: lines by owner, and of an owner in the order in which they take (totals.preferred). `lot`: the least
    that may be given, by brand code, cartons; `last_day`: weekday (1 to 7) of the week's last orders, None before its cut-off.

    What a stored level leaves goes to lines of the week's last order day: before its cut-off, a carton beyond the level may be one that
    somebody's line, not asked for yet, is to have.
    """
    there = bound.there(tuple(COLUMNS))
    lines = _in_order(bound, who, order, there)
    lots = -(-lot[who.brands] // who.pack[who.offsets[:-1]])
    entitled = fill.entitled(supply.threshold[who.brand], who.ticket, who.weight, who.taken + who.usable)
    wanted, packs = np.minimum(who.usable, np.maximum(entitled - who.taken, 0)), in_packs(who, supply.left)
    first = _cut_off(who, wanted, packs, lines, who.taken, lots)
    kept, solved = supply.threshold[who.brands], first.levels
    level = np.repeat(in_force(kept, solved), np.diff(who.offsets))
    if last_day is None:
        return _by_line(who, bound, order, there, first, solved, level)
    late = (bound.rows["day"] - bound.rows["week"] * 7 + 3 >= last_day - 1).to_numpy()[order]
    rest = _rest(who, first, packs, (kept >= 0) & (solved < 0))
    if (rest > 0).any() and late.any():
        first, level = _left_over(who, first, lines, late, rest, lots, level)
    return _by_line(who, bound, order, there, first, solved, level)


def in_force(kept: Whole, solved: Whole) -> Whole:
    """The lower of the level stored and the level that supply reaches; each may be UNLIMITED."""
    return np.where(solved < 0, kept, np.where(kept < 0, solved, np.minimum(kept, solved)))


def in_packs(who: Claimants, left: Whole) -> Whole:
    """What is `left` (cartons by brand code) of each brand of `who`, in packs; UNLIMITED stays."""
    own = left[who.brands]
    return np.where(own < 0, UNLIMITED, own // who.pack[who.offsets[:-1]])


def _cut_off(who: Claimants, usable: Whole, packs: Whole, lines: coupled.Lines, taken: Whole, lots: Whole) -> Coupled:
    pack = who.pack[who.offsets[:-1]]
    return coupled.share(
        who.offsets, usable, who.weight, who.ticket, who.hashed, packs, lines, pack=pack, taken=taken, lot=lots
    )  # fmt: skip


def _rest(who: Claimants, first: Coupled, packs: Whole, open_: Truths) -> Whole:
    """Packs of each brand that its stored level leaves over; 0 where it has none, or supply did not reach it."""
    given = np.add.reduceat(first.units.astype(np.int64), who.offsets[:-1]) if len(who.brands) else np.zeros(0, np.int64)
    return np.where(open_ & (packs >= 0), packs - given, 0)


def _left_over(
    who: Claimants, first: Coupled, lines: coupled.Lines, late: Truths, rest: Whole, lots: Whole, level: Whole
) -> tuple[Coupled, Whole]:
    """`first` and the level in force after `rest` packs of each brand were shared among lines that are `late`."""
    claim, group = np.asarray(lines.claim), np.repeat(np.arange(len(who.brands)), np.diff(who.offsets))
    goes = late & (rest > 0)[group[claim]]
    want = np.where(goes, np.asarray(lines.want) - first.got, 0)
    left = np.asarray(lines.left, np.int64).copy()
    for groups in np.atleast_2d(lines.groups):
        np.subtract.at(left, groups, first.got * who.pack[claim])
    more = np.bincount(claim, want, len(who.owner)).astype(np.int64)
    second = _cut_off(who, more, rest, replace(lines, want=want, left=left), who.taken + first.units, lots)
    reached = np.isin(np.arange(len(who.owner)), claim[goes])
    both = Coupled(
        units=first.units + second.units,
        levels=first.levels,
        got=first.got + second.got,
        room=np.where(goes, first.got + second.room, first.room),
        by=np.where(goes, second.by, first.by),
        rounds=first.rounds + second.rounds,
    )
    return both, np.where(reached, second.levels[group], level)


def _by_line(who: Claimants, bound: Bounds, order: Whole, there: list[Reason], found: Coupled, solved: Whole, level: Whole) -> HandedOut:
    """What was found, line by line in the order of the claims."""

    def back(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out = np.empty_like(values)
        out[order] = values
        return out

    room, got = back(found.room).astype(np.int64), back(found.got).astype(np.int64)
    cut, starved = bound.cut_to(room * bound.pack, back(found.by), there), back(_starved(who.of_line[order], found))
    return HandedOut(found.units.astype(np.int64), solved, level, cut, got * bound.pack, starved)


def _in_order(bound: Bounds, who: Claimants, order: Whole, there: list[Reason]) -> coupled.Lines:
    """The lines in `order`, under the limits `there`."""
    groups = bound.groups(there)
    left = np.zeros(groups.max(initial=-1) + 1, np.int64)
    for number, reason in enumerate(there):
        left[groups[number]] = bound.left[reason]
    owner = bound.rows["owner"].to_numpy()[order]
    starts = np.append(np.flatnonzero(np.diff(owner, prepend=-1)), len(order))
    return coupled.Lines(starts, who.of_line[order], (bound.usable // bound.pack)[order], groups[:, order], left)


def _starved(claim: Whole, found: Coupled) -> Truths:
    """Lines after one of the same claimant (lines of `claim` lie side by side) that did not get all its limits left it."""
    short = np.append(0, np.cumsum(found.got < found.room))
    first = np.maximum.accumulate(np.where(np.diff(claim, prepend=-1) != 0, np.arange(len(claim)), 0))
    return np.asarray(short[:-1] > short[first])


def compared(who: Claimants, bound: Bounds, order: Whole, supply: WeekSupply) -> HandedOut:
    """By a rule for comparison: limits first, then every brand by itself, then a claimant's lines in turn."""
    cut = bound.cut(tuple(COLUMNS), order)
    usable = np.bincount(who.of_line, cut.usable, len(who.owner)).astype(np.int64) // who.pack
    units, solved = rules.compared(replace(who, usable=usable), in_packs(who, supply.left))
    most = (units * who.pack)[who.of_line]
    of_claim, left = (whole[np.newaxis].astype(np.int32) for whole in (who.of_line, most))
    allocated, _ = greedy.cut(bound.order, of_claim, cut.usable, left, bound.pack, bound.lot)
    level = np.repeat(solved, np.diff(who.offsets))
    return HandedOut(units, solved, level, cut, allocated, np.zeros(len(allocated), bool))
