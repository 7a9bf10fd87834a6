"""The night: read what may be known, decide (pure), write a proposal. Nothing is confirmed here; that is `publish`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pandas as pd

from jobs import record, weekly
from jobs.clock import now
from jobs.runs import Progress, Steps, problems, quiet
from jobs.weekly import Fit, Found
from ordering import database, frames, snapshot
from ordering.database import runs as runlog
from ordering.database.forecasts import Kept
from ordering.errors import StateError
from ordering.frames import Snapshot
from ordering.model import week_of
from ordering.settings import Settings

JOB = "nightly"
STEPS = 14
KEY = ["brand_id", "week"]
RATE_WEEKS = 106
"""Weeks whose rates are stored: two years."""


@dataclass(frozen=True)
class Outcome:
    """What a night came to. `stored`: False where an equal run was there already and nothing new was stored; `withdrawn`: that equal run
    was put aside, so that there is nothing to publish of it.
    """

    run_id: int
    business_date: date
    result_hash: str
    stored: bool
    steps: tuple[runlog.Step, ...]
    problems: pd.DataFrame
    rows: Mapping[str, int]
    withdrawn: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person must know to go on, in words."""
        put_aside = f"the equal run {self.run_id} was withdrawn and stays so, and nothing is published of it; "
        return (f"{put_aside}trueorder proposal restore {self.run_id} takes it up again",) if self.withdrawn else ()


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
        with db.reading() as reader:
            asked = weekly.given(reader, known, settings)
            due = record.due(reader, asked.monday, settings)
        step.rows, step.problems = len(known.lines) + len(known.waiting), problems("read", troubles, "history")
    run_id = runlog.begin(db, job=JOB, business_date=business_date, version=version(), at=clock or now())
    try:
        made_by = f"{version()} {settings_hash(settings)}"
        found = weekly.fit(db, asked, settings, steps, made_by=made_by, business_date=business_date, folder=history)
        results = decide(known, found.fit, settings, steps)
        with steps.step("record") as step:
            kept, step.problems = record.of_night(known, asked, found, results, due, settings)
            step.rows = sum(map(len, kept.forecasts.values()))
        hashes = {
            "input_hash": weekly.input_hash(known, found),
            "settings_hash": settings_hash(settings),
            "result_hash": snapshot.fingerprint(sorted(results.items())),
        }
        outcome = _write(db, run_id, kept, found, results, hashes, steps, settings, history, clock)
    except BaseException:
        runlog.fail(db, run_id, at=clock or now())
        raise
    return outcome


def _write(
    db: database.Database,
    run_id: int,
    kept: Kept,
    found: Found,
    results: Mapping[str, pd.DataFrame],
    hashes: Mapping[str, str],
    steps: Steps,
    settings: Settings,
    history: Path,
    clock: datetime | None,
) -> Outcome:
    """Store the results, and what is kept beside them, unless an equal run stored them before."""
    business_date = kept.business_date
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
        with steps.step("write") as step:
            step.rows = sum(map(len, results.values()))
            kept, step.problems = weekly.with_file(kept, found, history)
            more = {"at": clock or now(), "keep": settings.nightly.keep_runs, "kept": kept}
            told = pd.concat([steps.all_problems(), step.problems], ignore_index=True)
            runlog.save(db, run_id, results, hashes=hashes, steps=steps.done, problems=told, **more)
    elif before is not None:
        runlog.forget(db, run_id)
        run_id = before.run_id
    counts = {name: len(frame) for name, frame in results.items()}
    withdrawn = not stored and before is not None and before.withdrawn
    return Outcome(run_id, business_date, hashes["result_hash"], stored, tuple(steps.done), steps.all_problems(), counts, withdrawn)


def decide(known: Snapshot, fit: Fit, settings: Settings, steps: Steps) -> dict[str, pd.DataFrame]:
    """Everything a night finds, from what it may know and its week's fit: result frames by name. Pure, but for the time that `steps` keeps.

    Follow an order line: its request and allocation shape the estimate of its pair; the pairs' sums shape the brand's forecast; the
    forecast says what the shops need, and so who is expected to claim beside the lines that wait; these are allocated at a level, and
    within it each shop is suggested what it needs. Nothing that is suggested comes back into the level or the estimate.
    """
    from allocation import dependence, fairness, policies, shortage, substitutes, suggest
    from forecasting import habits, inflation, newcomers, reconcile, resale
    from jobs import measures

    monday = frames.day(week_of(known.business_date))
    ahead = pd.date_range(monday, periods=settings.forecast.weeks, freq="7D", unit="us")
    estimate, brand_demand, past, predicted = weekly.today(fit, known)
    with steps.step("flag") as step:
        inflated = inflation.flag(known, estimate, settings.inflation)
        step.rows = len(inflated)
    with steps.step("habits") as step:
        shown = habits.measure(known, inflated, estimate.shape.weeks, settings.habits)
        step.rows = len(shown)
    with steps.step("signals") as step:
        signals = resale.signals(known, settings.signals)
        step.rows = len(signals)
    with steps.step("reconcile") as step:
        pairs = newcomers.pairs(known, estimate, brand_demand)
        live_rate = measures.live_rate(known, pairs, ahead)
        expected = newcomers.forecast(predicted.forecast, live_rate)
        future = reconcile.future_index(estimate.index, expected, live_rate=live_rate, festivals=known.festivals)
        forecast = measures.coherent(expected, future, live_rate, brand_demand.merge(past.loc[past["tight"], KEY], on=KEY))
        step.rows, step.problems = len(future), _stranded(reconcile.stranded(expected, live_rate))
    with steps.step("allocate") as step:
        planned = measures.planned_demand(known, pairs, future, cap_at=settings.allocation.demand_cap)
        claims = suggest.expected_requests(known, planned)
        allocated = policies.allocate(known, claims, settings.allocation, demand=planned)
        step.rows, step.problems = len(allocated.lines), allocated.problems
    with steps.step("suggest") as step:
        supply = shortage.of(known, suggest.order_weeks(known), allocated, claims, settings.allocation)
        suggestions = suggest.suggest(known, planned, settings.suggesting, supply)
        step.rows, step.problems = len(suggestions), _unheard(suggest.unheard(known, settings.suggesting))
    with steps.step("substitutes") as step:
        offered = substitutes.offer(known, suggestions, supply, settings.suggesting)
        dependent = dependence.warnings(known, suggestions, supply, settings.suggesting)
        step.rows = len(offered) + len(dependent)
    with steps.step("rates") as step:
        cells = measures.stored_cells(known, estimate.pairs, estimate.index, inflated, past_weeks(estimate.index)[-RATE_WEEKS:])
        step.rows = sum(map(len, cells.values()))
    return {
        "pair_estimates": pairs,
        "brand_index": pd.concat([estimate.index, future], ignore_index=True),
        "brand_demand": brand_demand,
        "brand_forecast": forecast,
        "inflated": inflated,
        "habits": shown,
        "signals": signals,
        "suggestions": suggestions,
        "substitutes": offered,
        "dependence": dependent,
        "allocation": allocated.lines,
        "week_levels": allocated.levels,
        "week_totals": allocated.totals,
        "fairness": fairness.measured(known, allocated.lines, planned),
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


def _unheard(formats: list[str]) -> pd.DataFrame:
    """A problem for each business format in the settings that no retailer has."""
    said = "suggesting.format_factors names this business format, and no retailer has it; correct or remove it"
    found = [problems("suggest", [said], name) for name in formats]
    return pd.concat([frames.empty(frames.PROBLEMS), *found], ignore_index=True)


def past_weeks(index: pd.DataFrame) -> pd.DatetimeIndex:
    """The weeks for which an index stands."""
    return pd.DatetimeIndex(sorted(index["week"].unique())).as_unit("us")


def settings_hash(settings: Settings) -> str:
    """A hash of the settings a result depends on: where the database lies, how many processes work, how weeks are planned and what people
    may do is no part of it, nor is how levels come about, for a night reads them.
    """
    beside = ("database", "nightly", "importing", "publishing", "ordering", "planning", "rating", "review", "accounts", "privacy", "web")
    kept = settings.model_dump(mode="json", exclude=dict.fromkeys(beside, True))
    return hashlib.sha256(repr(sorted(kept.items())).encode()).hexdigest()
