"""Publishing: the lines of an order day, after its cut-off, allocated once more on the night's stored level and confirmed, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from jobs import chain, gate
from jobs.chain import Chain
from jobs.exports import Source
from jobs.nightly import version
from jobs.runs import Steps
from ordering import database, frames
from ordering.database import counters
from ordering.database import runs as runlog
from ordering.database.chains import Asked
from ordering.database.leases import Guard, unguarded
from ordering.errors import StateError
from ordering.model import week_of
from ordering.settings import Settings

JOB = "publish"


@dataclass(frozen=True)
class Published:
    """What publishing came to, per order day."""

    run_id: int
    order_day: date
    lines: int
    cartons: int


@database.repeated
def publish(
    db: database.Database,
    settings: Settings,
    *,
    history: Path,
    clock: datetime,
    by: str,
    run_id: int | None = None,
    order_day: date | None = None,
    accept_limits: str = "",
    retry: int | None = None,
    guard: Guard = unguarded,
) -> list[Published]:
    """Confirm waiting lines of every order day whose cut-off has passed, or of one, each by the last night that planned the day.

    `clock` is the present, UTC; `run_id` names a night and limits the days to those that it planned. Lines are allocated anew, with edits
    made since the night, on the run's stored level and what is left of the supply; a line confirmed before stays as it is. A run whose
    days do not keep the limits of `gate` confirms nothing, unless `accept_limits` says why they are accepted; that is audited. Raises
    StateError where there is no such run, where no run planned `order_day`, or where that day's cut-off has not passed.
    """
    named = _named(db, run_id) if run_id is not None else None
    if order_day is not None and not has_closed(order_day, settings, clock):
        raise StateError(f"the cut-off of {order_day} is at {settings.publishing.cutoff:%H:%M} that day; its lines are still open")
    if named is None and runlog.newest(db) is None:
        raise StateError("no run is stored; run: trueorder nightly")
    waiting = [order_day] if order_day else [day for day in runlog.waiting_days(db) if has_closed(day, settings, clock)]
    days_of: dict[runlog.Record, list[date]] = {}
    for day in waiting:
        run = runlog.planned(db, day) if named is None else named if _plans(named, day) else None
        if run is not None:
            days_of.setdefault(run, []).append(day)
        elif order_day is not None:
            which = "no stored run" if named is None else f"not run {named.run_id}"
            raise StateError(f"{which} planned {order_day}; run: trueorder nightly --date {order_day}")
    if not days_of:
        return []
    sources = {_name(days): (Source(db, run, settings, history), days) for run, days in days_of.items()}
    business_date = _retried(db, retry) or max(max(days) for _, days in sources.values())
    steps, asked = Steps(), Asked(JOB, business_date, version(), JOB, tuple(sources))
    done = []
    with chain.running(db, asked, steps, history=None, by=by, at=clock, retry=retry, guard=guard) as under_way:
        for name, (source, days) in sources.items():
            with steps.step(name) as step:
                of_run = _confirm(under_way, name, source, days, clock, by, accept_limits.strip())
                step.rows = sum(one.lines for one in of_run)
            done += of_run
        under_way.finish()
    return done


def _name(days: list[date]) -> str:
    """What the step that confirms these order days is called."""
    return ", ".join(map(str, days))


def _retried(db: database.Database, retry: int | None) -> date | None:
    """The date of a run that is taken up again."""
    run = runlog.by_id(db, retry) if retry is not None else None
    return run.business_date if run is not None else None


def _plans(run: runlog.Record, day: date) -> bool:
    return run.business_date <= day <= run.business_date + timedelta(days=6)


def has_closed(order_day: date, settings: Settings, clock: datetime) -> bool:
    """True once the cut-off of an order day has passed, in the city's time zone; `clock` is UTC."""
    return order_day <= closed_until(settings, clock)


def closed_until(settings: Settings, clock: datetime) -> date:
    """The last order day whose cut-off has passed, in the city's time zone; `clock` is UTC."""
    local = clock.replace(tzinfo=UTC).astimezone(ZoneInfo(settings.city.time_zone))
    return local.date() if local.time() >= settings.publishing.cutoff else local.date() - timedelta(days=1)


def _named(db: database.Database, run_id: int) -> runlog.Record:
    run = runlog.by_id(db, run_id)
    if run is None:
        raise StateError(f"there is no run {run_id}; run: trueorder nightly")
    if run.job.startswith(runlog.SHADOW):
        raise StateError(f"run {run_id} is a {run.job}, to compare with; nothing is published of it")
    if run.status != runlog.DONE or not run.detailed:
        raise StateError(f"run {run_id} holds no proposal ({run.status}); run: trueorder nightly --date {run.business_date}")
    if run.withdrawn:
        raise StateError(f"run {run_id} was withdrawn; trueorder proposal restore {run_id} takes it up again")
    return run


Decided = list[tuple[date, pd.DataFrame, list[gate.Breach]]]


def _confirm(under_way: Chain, step: str, source: Source, days: list[date], clock: datetime, by: str, accepted: str) -> list[Published]:
    """Order days in turn, each allocated on the night's estimates and level; all are looked at before the first is confirmed, and all are
    confirmed in one transaction, which also records the step as done.

    To decide takes seconds. Where lines of the same months were written meanwhile, at the ordering desk or by anybody, all is read and
    decided again, and then nobody else writes until it is confirmed.
    """
    weeks, db, recorded = {week_of(day) for day in days}, source.db, under_way.recorded(step)
    seen = counters.seen(db, weeks)
    decided = _decided(source, days, accepted)
    with suppress(counters.ChangedError), db.writing() as tx:
        under_way.guard(tx)
        if counters.lock(tx, weeks) != seen:
            raise counters.ChangedError
        return _written(tx, source, decided, recorded, clock, by, accepted)
    with db.writing() as tx:
        under_way.guard(tx)
        counters.lock(tx, weeks)
        return _written(tx, source, _decided(source, days, accepted), recorded, clock, by, accepted)


def _decided(source: Source, days: list[date], accepted: str) -> Decided:
    """The days with their lines. Raises StateError where limits are not kept and that is not accepted."""
    decided = list(_allocated(source, days))
    broken = {day: found for day, _, found in decided if found}
    if broken and (not accepted or any(one.hard for found in broken.values() for one in found)):
        raise StateError(_refusal(source.run, broken))
    return decided


def _written(
    tx: database.Transaction,
    source: Source,
    decided: Decided,
    recorded: Callable[[database.Transaction, int], None],
    clock: datetime,
    by: str,
    accepted: str,
) -> list[Published]:
    """Confirm the days in one transaction."""
    done = []
    for day, lines, found in decided:
        said = f"{', '.join(one.limit for one in found)}; {accepted}" if found else ""
        count, cartons = runlog.confirm(tx, lines, run_id=source.run.run_id, by=by, at=clock, accepted=said)
        done.append(Published(source.run.run_id, day, count, cartons))
    recorded(tx, sum(one.lines for one in done))
    return done


def _allocated(source: Source, days: list[date]) -> Iterator[tuple[date, pd.DataFrame, list[gate.Breach]]]:
    """Each order day with its lines, what the days before it took being gone, and the limits that it does not keep."""
    from allocation import policies, suggest
    from jobs import measures

    known, rules = source.known(), source.settings
    pairs, future = source.pairs(known), source.result("brand_index")
    planned = measures.planned_demand(known, pairs, future, cap_at=rules.allocation.demand_cap)
    known = replace(known, week_levels=source.result("week_levels"))
    problems = len(runlog.read_problems(source.db, source.run.run_id))
    for day in days:
        waiting = known.waiting
        of_day = waiting["order_date"] == frames.day(day)
        today = replace(known, waiting=waiting[of_day | waiting["allocated"].notna()].reset_index(drop=True))
        closing = not _earlier(waiting, day).any()
        lines = policies.allocate(today, suggest.nobody_else(), rules.allocation, demand=planned, closing=closing).lines
        lines = lines[lines["order_date"] == frames.day(day)]
        yield day, lines, gate.breaches(known, lines, day, rules.publishing, allocation=rules.allocation, problems=problems)
        known = replace(known, waiting=_with_confirmed(waiting, lines))


def _earlier(waiting: pd.DataFrame, day: date) -> pd.Series:
    """Lines of earlier days of the same week that are not confirmed yet: what is left over may be theirs."""
    return waiting["allocated"].isna() & (waiting["week"] == frames.day(week_of(day))) & (waiting["order_date"] < frames.day(day))


def _refusal(run: runlog.Record, broken: Mapping[date, list[gate.Breach]]) -> str:
    """What is wrong, and the two ways on."""
    found = "\n".join(f"order day {day}: {one}" for day, every in broken.items() for one in every)
    hard = any(one.hard for every in broken.values() for one in every)
    accept = "" if hard else "; if all is as it should be: trueorder publish --accept-limits WHY --by NAME"
    back = f"to go back to the proposal before: trueorder proposal withdraw {run.run_id} --by NAME --why WHY"
    return f"{found}\nrun {run.run_id} of {run.business_date} was not published, nothing was confirmed; {back}{accept}"


def _with_confirmed(waiting: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The waiting lines, those of `lines` with their allocation."""
    key = ["order_id", "brand_id"]
    given = lines[[*key, "allocated"]].astype({"brand_id": waiting["brand_id"].dtype, "allocated": "Int32"})
    found = waiting[key].merge(given, on=key, how="left", validate="1:1")["allocated"]
    return waiting.assign(allocated=waiting["allocated"].fillna(found))
