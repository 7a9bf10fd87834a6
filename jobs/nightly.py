"""The night: read what may be known, decide (pure), write a proposal. Nothing is confirmed here; that is `publish`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pandas as pd

from jobs import chain, record, telling, weekly
from jobs.chain import Chain
from jobs.clock import now
from jobs.runs import Progress, Steps, problems, quiet
from jobs.weekly import Fit, Found, Given
from ordering import database, snapshot
from ordering.database import runs as runlog
from ordering.database.chains import Asked
from ordering.database.forecasts import Kept
from ordering.database.leases import Guard, unguarded
from ordering.database.runs import NIGHT
from ordering.errors import StateError
from ordering.frames import Snapshot
from ordering.settings import Settings

STEPS = (
    "read", "estimate", "brand demand", "forecast", "this week", "flag", "habits", "signals", "reconcile", "allocate", "suggest", "rates",
    "record", "write",
)  # fmt: skip
"""The chain of a night. Each step is given what those before it gave."""


@dataclass(frozen=True)
class Outcome:
    """What a night came to. `stored`: False where an equal run was there already and nothing new was stored; `withdrawn`: that equal run
    was put aside, so that there is nothing to publish of it; `told`: what became of earlier runs of the date, in words.
    """

    run_id: int
    business_date: date
    result_hash: str
    stored: bool
    steps: tuple[runlog.Step, ...]
    problems: pd.DataFrame
    rows: Mapping[str, int]
    withdrawn: bool = False
    told: tuple[str, ...] = ()

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
    by: str = "",
    retry: int | None = None,
    guard: Guard = unguarded,
) -> Outcome:
    """Plan the order days from `business_date` to six days after it, and store the proposal under a run id.

    A run of the same date and input that was cut off or failed is taken up after its last step that was done; `retry` names one, also a
    cancelled one. Run again on the same input after it was done, it computes again, compares with the stored run and stores nothing new;
    StateError where the two differ, or where another process is at it. `clock` (UTC) stamps the record and touches no result.
    """
    steps = Steps(progress, len(STEPS))
    with steps.step("read") as step:
        night, troubles = read(db, business_date, settings, history)
        step.rows, step.problems = len(night.known.lines) + len(night.known.waiting), _doubts(night.known, troubles)
    asked = Asked(NIGHT, business_date, version(), night.given_hash, STEPS)
    keep = settings.nightly.keep_runs
    with chain.running(db, asked, steps, history=history, by=by, keep=keep, at=clock, retry=retry, guard=guard) as under_way:
        found = weekly.fit(night.asked, night.taken, settings, steps, made_by=night.made_by)
        results = decide(night.known, found.fit, settings, steps)
        left = steps.do("record", record.of_night, night.known, night.asked, found, results, night.due, settings)
        return _write(under_way, night, found, results, left.kept, steps, settings, history)


@dataclass(frozen=True)
class Night:
    """What a night was given: what it `known`s, what the fit of its week is made of (`asked`) or the one that is `taken` over, what it can
    judge (`due`), and the hash of what it knows beside the fit. `made_by`: program and settings, as text.
    """

    known: Snapshot
    asked: Given
    taken: Found | None
    due: record.Due
    rest_hash: str
    made_by: str

    @property
    def given_hash(self) -> str:
        """The hash of all of it: a run is taken up on the same only."""
        due = snapshot.fingerprint([*sorted(self.due.made.items()), ("recent", self.due.recent)])
        fit = weekly.hash_of(self.asked, self.asked.said, self.made_by)
        whose = self.taken.run_id if self.taken is not None else None
        return hashlib.sha256(f"{self.known.business_date}\n{fit}\n{whose}\n{self.rest_hash}\n{due}".encode()).hexdigest()

    def input_hash(self, found: Found) -> str:
        """The hash of all that the results are made of."""
        return hashlib.sha256(f"{self.known.business_date}\n{found.fit_hash}\n{self.rest_hash}".encode()).hexdigest()


def read(db: database.Database, business_date: date, settings: Settings, history: Path) -> tuple[Night, list[str]]:
    """What the night of a date is given; and in words what was wrong with the Parquet history."""
    known, troubles = snapshot.read_week(
        db, business_date, weeks=settings.demand.weeks, horizon=settings.forecast.weeks, history_folder=history
    )
    asked, due = _asked(db, known, settings)
    made_by = f"{version()} {settings_hash(settings)}"
    taken = weekly.taken(db, asked, made_by=made_by, business_date=business_date, folder=history)
    return Night(known, asked, taken, due, weekly.rest_hash(known), made_by), troubles


@database.repeated
def _asked(db: database.Database, known: Snapshot, settings: Settings) -> tuple[Given, record.Due]:
    """What the fit of the week is made of, and what is to be recorded of forecasts."""
    with db.reading() as reader:
        asked = weekly.given(reader, known, settings)
        return asked, record.due(reader, asked.monday, settings)


def _doubts(known: Snapshot, troubles: list[str]) -> pd.DataFrame:
    """The problems of what was read: figures that cannot be, and what was wrong with the Parquet history."""
    found = [problems("read", [message], subject) for subject, message in known.doubts]
    return pd.concat([problems("read", troubles, "history"), *found], ignore_index=True)


def decide(known: Snapshot, fit: Fit, settings: Settings, steps: Steps) -> dict[str, pd.DataFrame]:
    """Everything a night finds, from what it may know and its week's fit: result frames by name. Pure, but for what `steps` keeps.

    Follow an order line: its request and allocation shape the estimate of its pair; the pairs' sums shape the brand's forecast; the
    forecast says what the shops need, and so who is expected to claim beside the lines that wait; these are allocated at a level, and
    within it each shop is suggested what it needs. Nothing that is suggested comes back into the level or the estimate.
    """
    from forecasting import habits, inflation, resale
    from jobs import deciding

    estimate = weekly.today(fit, known, steps)
    inflated = steps.do("flag", inflation.flag, known, estimate, settings.inflation)
    shown = steps.do("habits", habits.measure, known, inflated, estimate.shape.weeks, settings.habits)
    signals = steps.do("signals", resale.signals, known, settings.signals)
    coming = steps.do("reconcile", deciding.reconciled, known, estimate, fit, settings)
    shared = steps.do("allocate", deciding.allocated, known, coming, settings)
    advice = steps.do("suggest", deciding.advised, known, shared, settings)
    cells = steps.do("rates", deciding.rated, known, estimate, inflated)
    return {
        "pair_estimates": coming.pairs,
        "brand_index": pd.concat([estimate.index, coming.index], ignore_index=True),
        "brand_demand": fit.brand_demand,
        "brand_forecast": coming.forecast,
        "inflated": inflated,
        "habits": shown,
        "signals": signals,
        "suggestions": advice.suggestions,
        "substitutes": advice.substitutes,
        "dependence": advice.dependence,
        "allocation": shared.given.lines,
        "week_levels": shared.given.levels,
        "week_totals": shared.given.totals,
        "fairness": shared.fairness,
        **cells,
    }


def _write(
    under_way: Chain,
    night: Night,
    found: Found,
    results: Mapping[str, pd.DataFrame],
    kept: Kept,
    steps: Steps,
    settings: Settings,
    history: Path,
) -> Outcome:
    """Store the results, and what is kept beside them, unless an equal run stored them before."""
    business_date, db, run_id = kept.business_date, under_way.db, under_way.run_id
    hashes = {
        "input_hash": night.input_hash(found),
        "settings_hash": settings_hash(settings),
        "result_hash": snapshot.fingerprint(sorted(results.items())),
    }
    same = {"input_hash": hashes["input_hash"], "settings_hash": hashes["settings_hash"]}
    before = runlog.equal_run(db, business_date=business_date, version=version(), **same)
    if before is not None and before.result_hash != hashes["result_hash"]:
        under_way.forget()
        raise StateError(
            f"run {before.run_id} of {business_date} was given the same input and found {before.result_hash}, this one "
            f"{hashes['result_hash']}: the two must be equal. Nothing was stored; keep the database and report this"
        )
    stored = before is None or not before.detailed  # a run that lost its results to newer ones is stored anew
    if stored:
        with steps.step("write") as step:
            kept, troubles = weekly.with_file(kept, found, history)
            step.rows, step.problems = sum(map(len, results.values())), troubles
            told = pd.concat([steps.all_problems(), troubles], ignore_index=True)
            tell = telling.of_night(night.known, run_id, problems=len(told), settings=settings, at=under_way.at or now())
            under_way.save("write", results, hashes=hashes, problems=told, keep=settings.nightly.keep_runs, kept=kept, tell=tell)
    elif before is not None:
        under_way.forget()
        run_id = before.run_id
    counts = {name: len(frame) for name, frame in results.items()}
    withdrawn = not stored and before is not None and before.withdrawn
    told = under_way.taken.words
    return Outcome(run_id, business_date, hashes["result_hash"], stored, tuple(steps.done), steps.all_problems(), counts, withdrawn, told)


DECIDING = {"city", "demand", "forecast", "inflation", "habits", "signals", "allocation", "suggesting"}
"""The settings that a night's results depend on. Where the database lies, what people may do, how the service runs and how levels come
about is no part of it: a night reads levels.
"""


def settings_hash(settings: Settings) -> str:
    """A hash of the settings that a result depends on."""
    kept = settings.model_dump(mode="json", include=DECIDING)
    return hashlib.sha256(repr(sorted(kept.items())).encode()).hexdigest()
