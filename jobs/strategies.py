"""Proposed release strategies: the caps of a week by brand and level with all their figures, a month's quotas, and publishing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import plan, release, take_up
from allocation.unplanned import Unplanned, said
from jobs import planning
from jobs.exports import Source
from jobs.planning import Ground
from ordering import frames
from ordering import release as in_force
from ordering.database import planning as stored
from ordering.errors import StateError, TrueOrderError
from ordering.frames import day
from ordering.model import ALL, month_of, week_of

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Scope(StrEnum):
    """By one of these a strategy may be narrowed."""

    DISTRICT = "district"
    AREA_TYPE = "area_type"
    BUSINESS_FORMAT = "business_format"


FIGURES = ("retailers", "released", "expected", "need", "take_up", "covered", "whole_need", "fulfilment")
LEVEL_COLUMNS = (*frames.RELEASE_STRATEGY.names, "line", "factor", *FIGURES)
"""Columns of a proposed strategy: its row, the line weight × λ, what is taken up of what the model expects, and release.figures."""
BRAND_COLUMNS = (
    "brand_id", "week", "scope", "plan", "level", "residual", *FIGURES, "more_at", "more_released", "more_expected", "less_at",
    "less_released", "less_expected",
)  # fmt: skip
"""Columns of a brand's sums: λ, expected less plan, and the next best steps up and down: at which level (0: none), how many cartons."""
QUOTA_COLUMNS = tuple(frames.MONTHLY_QUOTAS.names)


@dataclass(frozen=True)
class Proposal:
    """Caps of a week: LEVEL_COLUMNS by level, BRAND_COLUMNS by brand (and scope), and what stood in the way (unplanned.COLUMNS)."""

    week: date
    levels: pd.DataFrame
    brands: pd.DataFrame
    problems: pd.DataFrame

    def rows(self) -> pd.DataFrame:
        """As rows of release_strategy."""
        return frames.conform(frames.RELEASE_STRATEGY, self.levels[frames.RELEASE_STRATEGY.names])


@dataclass(frozen=True)
class Market:
    """Who is to be given a week's brands: needs by group, numbered (brand × scopes + scope) × levels + level."""

    brands: pd.Index
    scopes: tuple[str, ...]
    levels: Whole
    need: take_up.Need
    factor: Floats

    def of_brand(self, brand_id: str) -> list[take_up.Need]:
        """The needs of one brand by level, for each scope; of a brand that the night does not know, none."""
        if brand_id not in self.brands:
            return []
        width, first = len(self.levels), self.brands.get_loc(brand_id) * len(self.scopes)
        parts = [slice((first + scope) * width, (first + scope + 1) * width) for scope in range(len(self.scopes))]
        return [take_up.Need(*(values[part] for values in vars(self.need).values())) for part in parts]


def strategy(source: Source, week: date | None = None, brand: str | None = None, by: str | None = None) -> Proposal:
    """Proposed caps of a week (the first without a release strategy unless given), of every brand with a volume or of one.

    `by`: caps of their own for each district, area type or business format; the brand's plan is divided among them by need. Raises
    TrueOrderError where the day is no Monday or the scope is none, StateError where the week is past or beyond the forecasts.
    """
    if by is not None and by not in tuple(Scope):
        raise TrueOrderError(f'scope "{by}": there is no such; there are {", ".join(Scope)}')
    monday = _week(source, week)
    on = planning.ground(source, month_of(monday))
    if day(monday) < on.first:
        raise StateError(
            f"week {monday} is past on {source.run.business_date}, the date of the newest night; give a later --week",
            f"最近一次夜间作业的业务日期为{source.run.business_date}，{monday}当周已过，请选择之后的周",
        )
    return propose(on, planning.month_weeks(on), monday, brand=brand, by=by)


def _week(source: Source, week: date | None) -> date:
    """The week to be planned."""
    if week is not None and week.weekday():
        raise TrueOrderError(
            f"week {week}: a week is named by its Monday; is it {week_of(week)}?", f"{week}：周以其星期一命名，是否为{week_of(week)}？"
        )
    return week or stored.first_open_week(source.db, week_of(source.run.business_date))


def propose(on: Ground, weeks: planning.Weeks, week: date, *, brand: str | None = None, by: str | None = None) -> Proposal:
    """The caps of one week of a planned month."""
    planned = planning.one_brand(weeks.rows[weeks.rows["week"] == day(week)], brand)
    market = _market(on, day(week), brand, by)
    levels, sums, problems = [], [], []
    for row in planned.itertuples():
        needs = market.of_brand(row.brand_id)
        if not needs or (row.plan and sum(need.need.sum() for need in needs) <= 0):
            problems.append(said(Unplanned.NO_DEMAND, brand_id=row.brand_id, plan=row.plan, week=week))
            continue
        for found in _brand(on, market, str(row.brand_id), needs, int(row.plan)):
            levels.append(found.levels.assign(week=day(week), **({by: found.scope} if by else {})))
            sums.append(found.sums | {"week": day(week), "scope": found.scope})
            problems += [said(code, week=week, **values) for code, values in found.problems]
    told = weeks.problems if brand is None else weeks.problems[weeks.problems["brand_id"] == brand]
    every = pd.concat([told, planning.table(problems)], ignore_index=True)
    return Proposal(week, _frame(levels, LEVEL_COLUMNS), pd.DataFrame(sums, columns=list(BRAND_COLUMNS)), every)


def _frame(parts: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))
    missing = [name for name in columns if name not in whole]
    return whole.assign(**dict.fromkeys(missing, ALL))[list(columns)]


def _market(on: Ground, week: pd.Timestamp, brand: str | None, by: str | None) -> Market:
    """The needs of the week, and what the past says of take-up."""
    shops, rules = on.known.retailers, on.rules
    level = _star_levels(on)
    levels = np.arange(1, max(on.calendar.top_level, int(level.max())) + 1)
    scope, names = pd.factorize(shops[by].astype("str"), sort=True) if by else (np.zeros(len(shops), np.int64), np.array([ALL]))
    brands = len(on.known.brands)
    need = take_up.nobody(brands * len(names) * len(levels), rules.highest_cap)
    visits = shops["visit_every_weeks"].to_numpy(np.int64)
    for chunk, dispersion in on.pair_weeks(pd.DatetimeIndex([week]), brand, ahead=True):
        retailer, ware = (chunk[name].cat.codes.to_numpy(np.int64) for name in ("retailer_id", "brand_id"))
        group = (ware * len(names) + scope[retailer]) * len(levels) + level[retailer] - 1
        mean = chunk["demand"].to_numpy(np.float64)
        need += take_up.tabulate(mean, dispersion, visits[retailer], group, groups=len(need.need), most=rules.highest_cap)
    trading = in_force.active(on.known, week)
    place = (scope * len(levels) + level - 1)[trading]
    need = replace(  # also retailers of whose need for the brand nothing is known: they too have the cap
        need,
        retailers=np.tile(np.bincount(place, minlength=len(names) * len(levels)), brands),
        doubles=np.tile(np.bincount(place, visits[trading], len(names) * len(levels)).astype(np.int64), brands),
    )
    ids = pd.Index(on.known.brands["brand_id"].astype("str"))
    return Market(ids, tuple(map(str, names)), levels, need, on.factors(brand, levels))


def _star_levels(on: Ground) -> Whole:
    """The level of every retailer in the month: its newest rating, the level in `retailers` where it has none."""
    rated = on.calendar.star_levels
    held = pd.Series(rated["star_level"].to_numpy(np.int64), rated["retailer_id"].astype("str").to_numpy())
    own = on.known.retailers
    return held.reindex(own["retailer_id"].astype("str")).fillna(own.set_index("retailer_id")["star_level"]).to_numpy(np.int64)


@dataclass(frozen=True)
class Found:
    """One brand's caps in one scope: figures by level, sums, and problems."""

    scope: str
    levels: pd.DataFrame
    sums: dict[str, object]
    problems: list[tuple[Unplanned, dict[str, object]]]


def _brand(on: Ground, market: Market, brand_id: str, needs: list[take_up.Need], cartons: int) -> Iterator[Found]:
    """The caps of a brand, in every scope; the plan is divided among scopes by need."""
    total = np.array([need.need.sum() for need in needs])
    parts = plan.shared(cartons, total, np.zeros(len(needs), np.int64), np.where(total > 0, cartons, 0))
    for name, need, part in zip(market.scopes, needs, parts.tolist(), strict=True):
        yield _capped(on, market, brand_id, name, need, part)


def _capped(on: Ground, market: Market, brand_id: str, scope: str, need: take_up.Need, cartons: int) -> Found:
    """The caps of a brand in one scope, with their figures."""
    at = market.brands.get_loc(brand_id)
    ware, factor = on.known.brands.iloc[at], market.factor[at]
    weight = np.array([on.source.settings.allocation.weight(int(level)) for level in market.levels])
    expected = take_up.corrected(need, factor)
    most = max(release.highest(expected), int(ware["pack_multiple"]), int(ware["min_lot"]))
    ladder = release.ladder(min(most, on.rules.highest_cap), int(ware["pack_multiple"]), int(ware["min_lot"]))
    chosen = release.choose(expected, cartons, weight, need.retailers, ladder, tolerance=on.rules.tolerance)
    by_level = release.figures(chosen, need, expected).assign(brand_id=brand_id, star_level=market.levels, factor=factor)
    summed = release.rates(by_level[list(release.SUMS)].sum().to_frame().T).iloc[0].to_dict()
    residual = float(summed["expected"]) - cartons
    sums = summed | {"brand_id": brand_id, "plan": cartons, "level": chosen.level, "residual": residual}
    for name, by in (("more", 1), ("less", -1)):
        step = release.step(chosen.cap, need, expected, cartons, ladder, by)
        moved = (int(market.levels[step.row]), step.released, step.expected) if step else (0, 0, 0.0)
        sums |= dict(zip((f"{name}_at", f"{name}_released", f"{name}_expected"), moved, strict=True))
    told = _misses(chosen, expected, ladder, cartons, residual)
    return Found(scope, by_level, sums, [(code, {"brand_id": brand_id, "plan": cartons, "expected": round(x)}) for code, x in told])


def _misses(chosen: release.Caps, expected: Floats, ladder: Whole, cartons: int, residual: float) -> list[tuple[Unplanned, float]]:
    """Whether the plan is above all need, or too small for any cap."""
    if residual < -0.5 and float(expected[:, ladder[-1]].sum()) + 0.5 < cartons:
        return [(Unplanned.ABOVE_NEED, float(expected[:, ladder[-1]].sum()))]
    if cartons and not chosen.cap.any():
        steps = expected[:, ladder[1]]
        return [(Unplanned.TOO_SMALL, float(steps[np.flatnonzero(steps > 0)[-1]]))] if (steps > 0).any() else []
    return []


@dataclass(frozen=True)
class Quotas:
    """Proposed monthly quotas: QUOTA_COLUMNS, and what stood in the way (unplanned.COLUMNS)."""

    month: str
    rows: pd.DataFrame
    problems: pd.DataFrame


def quotas(source: Source, month: str | None = None) -> Quotas:
    """Monthly quotas per level and brand: the sum of the month's caps, those published and, for weeks without any yet, those proposed.

    Where caps are narrowed by scope the highest of the level counts. A level without a cap in some week gets no quota, which is no limit.
    """
    on = planning.ground(source, month)
    weeks, published = planning.month_weeks(on), on.calendar.release_strategy
    caps = []
    for week in on.weeks:
        rows = published[published["week"] == week]
        if rows.empty and week >= on.first:
            rows = propose(on, weeks, week.date()).levels
        caps.append(rows[["brand_id", "week", "star_level", "cap"]])
    every = pd.concat(caps, ignore_index=True).astype({"brand_id": "str", "cap": "int64", "star_level": "int64"})
    every = every[every["brand_id"].isin(weeks.rows["brand_id"])]
    capped = every.groupby(["brand_id", "star_level", "week"], sort=True)["cap"].max().groupby(level=["brand_id", "star_level"])
    quota = capped.sum()[capped.size() == len(on.weeks)].groupby(level="brand_id").cummax()  # published caps may fall
    rows = frames.conform(frames.MONTHLY_QUOTAS, quota.rename("quota").reset_index().assign(month=on.month))
    return Quotas(on.month, rows, pd.concat([weeks.problems, _uncapped(on, weeks, every, rows)], ignore_index=True))


def _uncapped(on: Ground, weeks: planning.Weeks, caps: pd.DataFrame, quota: pd.DataFrame) -> pd.DataFrame:
    """A problem for each brand with a volume and without a quota, with the first week in which it has no cap."""
    found = []
    for brand in sorted(set(weeks.rows["brand_id"]) - set(quota["brand_id"])):
        missing = on.weeks.difference(pd.DatetimeIndex(caps.loc[caps["brand_id"] == brand, "week"]))
        week = missing[0] if len(missing) else on.weeks[0]  # no level has a cap in every week
        found.append(said(Unplanned.NO_CAP, brand_id=brand, month=on.month, week=f"{week:%Y-%m-%d}"))
    return planning.table(found)


def publish(source: Source, week: date, *, by: str, why: str, over: bool, at: datetime) -> tuple[int, Proposal]:
    """Write the proposed caps of a week to its release strategy; gives the plan's id and the proposal. `over`: also where it has one.

    A brand for which nothing is planned gets caps of 0; one that cannot be planned keeps the caps it has.
    """
    proposal = strategy(source, week)
    return stored.publish(source.db, proposal.rows(), week, replace=over, by=by, why=why, at=at), proposal
