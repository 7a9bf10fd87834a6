"""The night: read what may be known, decide (pure), write a proposal. Nothing is confirmed here; that is `publish`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pandas as pd

from jobs.clock import now
from jobs.runs import Progress, Steps, problems, quiet
from ordering import database, frames, snapshot
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.frames import Snapshot
from ordering.model import week_of
from ordering.settings import Settings

JOB = "nightly"
STEPS = 10
KEY = ["brand_id", "week"]
RATE_WEEKS = 106
"""Weeks whose rates are stored: two years."""


@dataclass(frozen=True)
class Outcome:
    """What a night came to. `stored`: False where an equal run was there already and nothing new was stored."""

    run_id: int
    business_date: date
    result_hash: str
    stored: bool
    steps: tuple[runlog.Step, ...]
    problems: pd.DataFrame
    rows: Mapping[str, int]


@cache
def version() -> str:
    """The version of the program that a result depends on: the release, and a digest of the code and settings it is made of."""
    from importlib.metadata import version as installed

    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for package in ("ordering", "forecasting", "allocation", "jobs"):
        for file in sorted((root / package).rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return f"{installed('trueorder')}+{digest.hexdigest()[:12]}"


def run(
    db: database.Database,
    business_date: date,
    settings: Settings,
    *,
    history: Path,
    clock: datetime | None = None,
    progress: Progress = quiet,
) -> Outcome:
    """Plan the order days from `business_date` to six days after it, and store the proposal under a run id.

    Run again on the same input it computes again, compares with the stored run and stores nothing new; StateError where the two differ.
    `clock` (UTC) stamps the record and touches no result.
    """
    steps = Steps(progress, STEPS)
    with steps.step("read") as step:
        known, troubles = snapshot.read_week(
            db, business_date, weeks=settings.demand.weeks, horizon=settings.forecast.weeks, history_folder=history
        )
        input_hash = snapshot.of_snapshot(known)
        step.rows, step.problems = len(known.lines) + len(known.waiting), problems("read", troubles, "history")
    run_id = runlog.begin(db, job=JOB, business_date=business_date, version=version(), at=clock or now())
    try:
        results = decide(known, settings, steps)
        hashes = {
            "input_hash": input_hash,
            "settings_hash": settings_hash(settings),
            "result_hash": snapshot.fingerprint(sorted(results.items())),
        }
        outcome = _write(db, run_id, business_date, results, hashes, steps, settings, clock)
    except BaseException:
        runlog.fail(db, run_id, at=clock or now())
        raise
    return outcome


def _write(
    db: database.Database,
    run_id: int,
    business_date: date,
    results: Mapping[str, pd.DataFrame],
    hashes: Mapping[str, str],
    steps: Steps,
    settings: Settings,
    clock: datetime | None,
) -> Outcome:
    """Store the results, unless an equal run stored them before."""
    same = {"input_hash": hashes["input_hash"], "settings_hash": hashes["settings_hash"]}
    before = runlog.equal_run(db, business_date=business_date, version=version(), **same)
    if before is not None and before.result_hash != hashes["result_hash"]:
        runlog.forget(db, run_id)
        raise StateError(
            f"run {before.run_id} of {business_date} was given the same input and found {before.result_hash}, this one "
            f"{hashes['result_hash']}: the two must be equal. Nothing was stored; keep the database and report this"
        )
    stored = before is None or not before.detailed  # a run that lost its results to newer ones is stored anew
    if stored:
        found = steps.all_problems()
        with steps.step("write") as step:
            step.rows = sum(map(len, results.values()))
            runlog.save(
                db, run_id, results, hashes=hashes, steps=steps.done, problems=found, at=clock or now(), keep=settings.nightly.keep_runs
            )
    elif before is not None:
        runlog.forget(db, run_id)
        run_id = before.run_id
    counts = {name: len(frame) for name, frame in results.items()}
    return Outcome(run_id, business_date, hashes["result_hash"], stored, tuple(steps.done), steps.all_problems(), counts)


def decide(known: Snapshot, settings: Settings, steps: Steps) -> dict[str, pd.DataFrame]:
    """Everything a night finds, from what it may know: result frames by name. Pure, but for the time that `steps` keeps.

    Follow an order line: its request and allocation shape the estimate of its pair; the pairs' sums shape the brand's forecast; the
    forecast says what the shop needs on its next order day; that is suggested, and the waiting line is judged and allocated.
    """
    from allocation import policies, suggest
    from forecasting import brands, demand, inflation, reconcile
    from jobs import measures

    monday = frames.day(week_of(known.business_date))
    ahead = pd.date_range(monday, periods=settings.forecast.weeks, freq="7D", unit="us")
    with steps.step("estimate") as step:
        estimate = demand.estimate(known, settings.demand)
        step.rows, step.problems = len(estimate.pairs), estimate.problems
    with steps.step("flag") as step:
        inflated = inflation.flag(known, estimate, settings.inflation)
        step.rows = len(inflated)
    with steps.step("brand demand") as step:
        brand_demand = demand.brand_weeks(known, estimate)
        step.rows = len(brand_demand)
    with steps.step("forecast") as step:
        past = demand.history(brand_demand, estimate)
        predicted = brands.forecast(
            past,
            first_week=monday,
            weeks=settings.forecast.weeks,
            origins=settings.forecast.origins,
            festivals=known.festivals,
            regressors=known.regressors,
            workers=settings.nightly.workers or os.cpu_count() or 1,
        )
        step.rows, step.problems = len(predicted.forecast), predicted.problems
    with steps.step("reconcile") as step:
        live_rate = measures.live_rate(known, estimate.pairs, ahead)
        future = reconcile.future_index(estimate.index, predicted.forecast, live_rate=live_rate, festivals=known.festivals)
        forecast = measures.coherent(predicted.forecast, future, live_rate, brand_demand.merge(past.loc[past["tight"], KEY], on=KEY))
        step.rows, step.problems = len(future), _stranded(reconcile.stranded(predicted.forecast, live_rate))
    with steps.step("suggest") as step:
        planned = measures.planned_demand(known, estimate.pairs, future)
        suggestions = suggest.suggest(known, planned, settings.suggesting)
        step.rows = len(suggestions)
    with steps.step("allocate") as step:
        allocated = policies.allocate(known, suggest.expected_requests(known, planned), settings.allocation, demand=planned)
        step.rows, step.problems = len(allocated.lines), allocated.problems
    with steps.step("rates") as step:
        cells = measures.stored_cells(known, estimate.pairs, estimate.index, inflated, past_weeks(estimate.index)[-RATE_WEEKS:])
        step.rows = sum(map(len, cells.values()))
    return {
        "pair_estimates": estimate.pairs,
        "brand_index": pd.concat([estimate.index, future], ignore_index=True),
        "brand_demand": brand_demand,
        "brand_forecast": forecast,
        "inflated": inflated,
        "suggestions": suggestions,
        "allocation": allocated.lines,
        "week_levels": allocated.levels,
        **cells,
    }


def _stranded(rows: pd.DataFrame) -> pd.DataFrame:
    """A problem for each brand whose forecast no live pair can take, in the weeks in which that is so."""
    weeks = rows.groupby("brand_id")["week"].agg(first="min", count="size")
    found = [
        problems("reconcile", [f"nobody is offered it in {row['count']} weeks from {row['first']:%Y-%m-%d}; its forecast is 0"], str(brand))
        for brand, row in weeks.iterrows()
    ]
    return pd.concat([frames.empty(frames.PROBLEMS), *found], ignore_index=True)


def past_weeks(index: pd.DataFrame) -> pd.DatetimeIndex:
    """The weeks for which an index stands."""
    return pd.DatetimeIndex(sorted(index["week"].unique())).as_unit("us")


def settings_hash(settings: Settings) -> str:
    """A hash of the settings a result depends on; where the database lies and how many processes work is no part of it."""
    kept = settings.model_dump(mode="json", exclude={"database": True, "nightly": True, "importing": True})
    return hashlib.sha256(repr(sorted(kept.items())).encode()).hexdigest()
