"""Deciding again: what if, a shadow beside the live policy, and explicit re-runs of what was confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

import pandas as pd

from allocation import fairness, policies, suggest, what_if
from allocation.sharing import Prepared
from jobs import measures
from jobs.exports import Source
from jobs.giving_back import GivenBack, left_before, undisturbed
from ordering import frames
from ordering.database import counters, recalls
from ordering.database import runs as runlog
from ordering.errors import StateError, TrueOrderError
from ordering.frames import Snapshot
from ordering.model import Policy, week_of

STAR = ["week", "star_level"]
SUMS = ["lines", "requested", "usable", "allocated", "demand"]
FIGURES = ("week", "star_level", "lines", "requested", "usable", "demand", "allocated", "fill", "envy", "drought", "inflation")
"""Columns of what a sharing came to by star level: `fill` = allocated ÷ requested, `inflation` = requested ÷ demand."""


@dataclass(frozen=True)
class Again:
    """What a run's lines are decided from once more, with levels solved anew: what was known, planned demand, and who else is expected."""

    source: Source
    known: Snapshot
    planned: pd.DataFrame
    expected: pd.DataFrame

    @classmethod
    def of(cls, source: Source) -> Again:
        """That of a run."""
        known, rules = source.known(), source.settings.allocation
        planned = measures.planned_demand(known, source.pairs(known), source.result("brand_index"), cap_at=rules.demand_cap)
        known = replace(known, week_levels=frames.empty(frames.WEEK_LEVELS))
        return cls(source, known, planned, suggest.expected_requests(known, planned))

    def prepared(self) -> list[Prepared]:
        """The planned weeks, ready to be decided on any terms."""
        return policies.prepared(self.known, self.expected, self.source.settings.allocation, demand=self.planned)

    def capped(self, caps: Caps, weeks: Sequence[pd.Timestamp]) -> Again:
        """The same with other caps in these weeks, of every scope. Raises TrueOrderError where a brand has no cap for a level there."""
        strategy = self.known.release_strategy
        brand, level, cap = strategy["brand_id"].astype("str"), strategy["star_level"], strategy["cap"].copy()
        for (brand_id, star), cartons in caps.items():
            own = (brand == brand_id) & (level == star) & strategy["week"].isin(weeks)
            if not own.any():
                raise TrueOrderError(
                    f"brand {brand_id}: there is no cap for level {star} in the planned weeks that could be another",
                    f"品规{brand_id}：计划周内档位{star}没有限量，无法改动",
                )
            cap[own] = cartons
        return replace(self, known=replace(self.known, release_strategy=strategy.assign(cap=cap)))

    def figures(self, lines: pd.DataFrame) -> pd.DataFrame:
        """FIGURES of allocated lines, by week and star level, and by week over all levels (star_level 0)."""
        found = fairness.measured(self.known, lines, self.planned)
        parts = [found.assign(star_level=0), found]
        return pd.concat([_summed(part) for part in parts], ignore_index=True).sort_values(STAR, ignore_index=True)[list(FIGURES)]


def _summed(found: pd.DataFrame) -> pd.DataFrame:
    by = found.groupby(STAR, as_index=False)
    sums = by[SUMS].sum().merge(by[["envy", "drought"]].max(), on=STAR, validate="1:1")
    return sums.assign(
        fill=sums["allocated"] / sums["requested"].where(sums["requested"] > 0),
        inflation=sums["requested"] / sums["demand"].where(sums["demand"] > 0),
    )


Caps = Mapping[tuple[str, int], int]
"""Caps by brand and star level, cartons."""


@dataclass(frozen=True)
class Compared:
    """FIGURES of waiting lines as they stand and on other terms, columns of the latter with `_then`; the lines then; and the price of
    fairness of both (1 − handed out ÷ what any sharing could hand out; NaN where that is nothing)."""

    figures: pd.DataFrame
    lines: pd.DataFrame
    price: float
    price_then: float


def compare(source: Source, policy: Policy | None, supply: Mapping[str, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The figures and lines of `beside` without other caps."""
    found = beside(source, policy, supply)
    return found.figures, found.lines


def beside(source: Source, policy: Policy | None, supply: Mapping[str, int], caps: Caps = MappingProxyType({})) -> Compared:
    """The run's waiting lines as they stand and on other terms: another policy, other supplies of some brands, other caps of some levels.

    Levels are solved anew for both, so that they differ by the terms alone. Nothing is stored. Raises TrueOrderError on an unknown brand
    or a cap that no planned week has, StateError where no line waits.
    """
    ground = Again.of(source)
    weeks = ground.prepared()
    if not weeks:
        raise StateError(
            f"run {source.run.run_id} of {source.run.business_date}: no line waits any more; run: trueorder nightly",
            f"作业{source.run.run_id}（业务日期{source.run.business_date}）已没有待分配的订单行；请运行：trueorder nightly",
        )
    changed = ground.capped(caps, [week.week for week in weeks]).prepared() if caps else weeks
    try:
        then = [what_if.outcome(week, policy, dict(supply) or None) for week in changed]
    except KeyError as error:
        raise TrueOrderError(
            f"brand {error.args[0]!r} is not among the city's brands; trueorder export brand-demand lists them",
            f"没有品规“{error.args[0]}”；请从列表中选择",
        ) from error
    now = [what_if.outcome(week) for week in weeks]
    lines, stand = (pd.concat([one.lines for one in found], ignore_index=True) for found in (then, now))
    figures = ground.figures(stand).merge(ground.figures(lines), on=STAR, how="outer", suffixes=("", "_then"), validate="1:1")
    return Compared(figures, lines, _price(now), _price(then))


def _price(found: Sequence[what_if.Outcome]) -> float:
    possible = sum(one.possible for one in found)
    return 1.0 - sum(one.handed for one in found) / possible if possible else float("nan")


def shadow(source: Source, policy: Policy, *, at: datetime) -> int:
    """Allocate the run's lines by another policy and store that beside the live run, to compare; gives the id. It is never published."""
    ground = Again.of(source)
    found = policies.allocate(ground.known, ground.expected, source.settings.allocation, demand=ground.planned, only=policy)
    run = source.run
    run_id = runlog.begin(source.db, job=f"{runlog.SHADOW} {policy}", business_date=run.business_date, version=run.version, at=at)
    results = {
        "allocation": found.lines,
        "week_totals": found.totals,
        "fairness": fairness.measured(ground.known, found.lines, ground.planned),
    }
    hashes = {"input_hash": run.input_hash or "", "settings_hash": run.settings_hash or ""}
    steps = [runlog.Step("allocate", 0.0, len(found.lines), len(found.problems))]
    keep = source.settings.nightly.keep_runs
    runlog.save(source.db, run_id, results, hashes=hashes, steps=steps, problems=found.problems, at=at, keep=keep)
    return run_id


def gain(source: Source, week: date, *, delivered: date | None, by: str, why: str, at: datetime) -> GivenBack:
    """More to confirmed lines of a week, from what its supply has left; nobody loses a carton."""
    return undisturbed(lambda: _again(source, week, delivered, by=by, why=why, at=at, keep=True))


def redistribute(source: Source, week: date, *, delivered: date | None, by: str, why: str, at: datetime) -> GivenBack:
    """Confirmed lines of a week shared anew among themselves, as if none had been confirmed."""
    return undisturbed(lambda: _again(source, week, delivered, by=by, why=why, at=at, keep=False))


def _again(source: Source, week: date, delivered: date | None, *, by: str, why: str, at: datetime, keep: bool) -> GivenBack:
    """Decide confirmed lines of a week again, those of order days up to `delivered` staying as they are; `keep`: what they have stays too.

    Raises StateError where the week has no such lines, or nothing changes.
    """
    monday = week_of(week)
    before, ground = counters.seen(source.db, [monday]), Again.of(source)
    with source.db.reading() as reader:
        done = runlog.read_confirmations(reader, week=monday)
    after = frames.day(delivered) if delivered is not None else pd.Timestamp.min
    mine = done[done["order_date"] > after].reset_index(drop=True)
    if mine.empty:
        raise StateError(f"week {monday}: no confirmed line can be decided again; trueorder publish confirms")
    lines = policies.allocate(
        _open(ground.known, mine, keep=keep), _others(ground, monday), source.settings.allocation, demand=ground.planned
    )
    changed = _changed(mine, lines.lines, keep=keep)
    if changed.empty:
        raise StateError(f"week {monday}: every line gets what it has; nothing was written")
    carried = left_before(ground.known, [monday], source.settings)
    action = recalls.GAIN if keep else recalls.REDISTRIBUTE
    batch_id = recalls.change(source.db, changed, carried=carried, seen=before, action=action, by=by, why=why, at=at)
    return GivenBack(batch_id, len(changed), int((changed["new_allocated"] - changed["allocated"]).sum()))


def _others(ground: Again, monday: date) -> pd.DataFrame:
    """Expected requests of the week: what is left is not given away before those who have not asked yet."""
    return ground.expected[ground.expected["week"] == frames.day(monday)]


def _open(known: Snapshot, mine: pd.DataFrame, *, keep: bool) -> Snapshot:
    """The snapshot in which these lines wait: what they lack (`keep`), or all they asked for. Other waiting lines keep what they have."""
    waiting = known.waiting
    chosen = frames.among(waiting, mine, frames.ORDER_LINES.key)
    again = waiting[chosen]
    if keep:
        again = again.assign(requested=(again["requested"] - again["allocated"]).astype(again["requested"].dtype))
    again = again.assign(allocated=pd.array([None] * len(again), dtype=waiting["allocated"].dtype))
    return replace(known, waiting=pd.concat([waiting if keep else waiting[~chosen], again], ignore_index=True))


def _changed(mine: pd.DataFrame, lines: pd.DataFrame, *, keep: bool) -> pd.DataFrame:
    """Lines that get another quantity, with what they had and what they get."""
    key = ["order_id", "brand_id"]
    found = lines[[*key, "allocated", "level", "reason"]].astype({"brand_id": "str", "reason": "str"})
    new = found.rename(columns={name: f"new_{name}" for name in ("allocated", "level", "reason")})
    both = mine.astype({"brand_id": "str"}).merge(new, on=key, how="inner", validate="1:1")
    if keep:
        both["new_allocated"] += both["allocated"]
    both = both[both["new_allocated"] != both["allocated"]]
    return both[[*key, "week", "allocated", "level", "reason", "new_allocated", "new_level", "new_reason"]].reset_index(drop=True)
