"""What is found once a week: the estimate of demand and the brands' forecast, from what was known on the week's Monday.

Nights later in the week that are given the same take it over from the first. What a night takes over it would find itself, to the last
bit: the fit is a function of the Monday's knowledge, of what the methods said at earlier origins, of settings and of the program.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from forecasting import brands, demand, influences, timing, update
from forecasting.states import Estimate
from forecasting.workers import Watch
from jobs import fit_files
from jobs.runs import Steps, problems
from ordering import database, frames, record, snapshot, week_start
from ordering.database import forecasts
from ordering.frames import Snapshot
from ordering.model import week_of
from ordering.settings import Settings

ORIGIN_WEEKS = 104
"""How far back origins tell how good a method is: two years, two Spring Festivals."""
SAID = ["origin", "brand_id", "method", "week"]


@dataclass(frozen=True)
class Fit:
    """`estimate` of the Monday, `brand_demand` (frames.BRAND_DEMAND) of it, `past` (demand.history), and what was `predicted` of that."""

    estimate: Estimate
    brand_demand: pd.DataFrame
    past: pd.DataFrame
    predicted: brands.BrandForecasts


@dataclass(frozen=True)
class Given:
    """What a fit is made of. `known`: as on the Monday of the week, hashed as `known_hash`; `said`: what the methods said earlier."""

    known: Snapshot
    known_hash: str
    said: pd.DataFrame

    @property
    def monday(self) -> date:
        """The Monday of the week."""
        return self.known.business_date


@dataclass(frozen=True)
class Found:
    """A fit, what it was made of as one hash, and the run it was taken over from (None: made anew)."""

    fit: Fit
    fit_hash: str
    run_id: int | None


def given(reader: database.Reader, known: Snapshot, settings: Settings) -> Given:
    """What the fit of a night's week is made of, from what the night knows."""
    standing = week_start.of(known, horizon=settings.forecast.weeks)
    monday = standing.business_date
    said = forecasts.read_candidates(reader, monday, since=monday - timedelta(weeks=ORIGIN_WEEKS))
    return Given(standing, snapshot.of_snapshot(standing), said)


def taken(db: database.Database, asked: Given, *, made_by: str, business_date: date, folder: Path) -> Found | None:
    """The fit of an earlier night of the week that was given the same; None where there is none. `made_by`: program and settings, as text.

    A night run again computes again, so that its result can be compared; only an earlier business date's fit is taken over.
    """
    hashed = hash_of(asked, asked.said, made_by)
    stored = forecasts.find_fit(db, hashed, before=business_date)
    held = fit_files.read(folder, stored.week, hashed, stored.content_hash, Fit) if stored is not None else None
    return Found(held, hashed, stored.run_id) if stored is not None and held is not None else None


def fit(asked: Given, held: Found | None, settings: Settings, steps: Steps, *, made_by: str) -> Found:
    """The fit of the week: the one that was `taken`, or a new one."""
    if held is not None:
        _note(held.fit, steps, f"as in run {held.run_id}")
        return held
    made = make(asked, settings, steps)
    return Found(made, hash_of(asked, all_said(asked, made), made_by), None)


@dataclass(frozen=True)
class Ahead:
    """What was `predicted` of the `past`, demand as it was consumed."""

    predicted: brands.BrandForecasts
    past: pd.DataFrame

    @property
    def problems(self) -> pd.DataFrame:
        """Those of the prediction."""
        return self.predicted.problems


def make(asked: Given, settings: Settings, steps: Steps) -> Fit:
    """The fit, made anew."""
    estimate = steps.do("estimate", demand.estimate, asked.known, settings.demand, steps.watch("estimate"))
    brand_demand = steps.do("brand demand", demand.brand_weeks, asked.known, estimate)
    ahead = steps.do("forecast", _forecast, asked, settings, estimate, brand_demand, steps.watch("forecast"))
    return Fit(estimate, brand_demand, ahead.past, ahead.predicted)


def _forecast(asked: Given, settings: Settings, estimate: Estimate, brand_demand: pd.DataFrame, watch: Watch) -> Ahead:
    """The brands' forecasts, from demand as it was consumed."""
    known = asked.known
    past = timing.in_consumption(demand.history(brand_demand, estimate), brand_demand)
    predicted = brands.forecast(
        past,
        first_week=frames.day(asked.monday),
        weeks=settings.forecast.weeks,
        origins=settings.forecast.origins,
        festivals=known.festivals,
        regressors=influences.of_city(known),
        past=asked.said,
        workers=settings.nightly.workers or os.cpu_count() or 1,
        watch=watch,
    )
    return Ahead(predicted, past)


def _note(taken: Fit, steps: Steps, words: str) -> None:
    """The same steps, each saying whence it has its rows."""
    for name, rows, troubles in (
        ("estimate", taken.estimate.pairs, taken.estimate.problems),
        ("brand demand", taken.brand_demand, frames.empty(frames.PROBLEMS)),
        ("forecast", taken.predicted.forecast, taken.predicted.problems),
    ):
        with steps.step(name) as step:
            step.rows, step.problems, step.note = len(rows), troubles, words


def all_said(asked: Given, made: Fit) -> pd.DataFrame:
    """What the methods said at the earlier origins that the fit rests on, read or made by it: the same when it is read next time."""
    fresh = made.predicted.candidates
    fresh = fresh[fresh["origin"] < frames.day(asked.monday)]
    read = asked.said[~asked.said["origin"].isin(fresh["origin"].unique())]
    return pd.concat([read, fresh], ignore_index=True)


def hash_of(asked: Given, said: pd.DataFrame, made_by: str) -> str:
    """The hash of all that a fit is made of."""
    rows = said.sort_values(SAID, kind="stable", ignore_index=True)[[*SAID, "demand"]]
    parts = (asked.known_hash, snapshot.fingerprint([("said", rows)]), made_by)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def today(fit: Fit, known: Snapshot, steps: Steps | None = None) -> Estimate:
    """The estimate as a night of the week uses it, ids as categories of what the night knows.

    Pairs with a line or a count since Monday are read again with it; brands' demand and forecasts stay those of the week.
    """
    estimate = update.recoded(fit.estimate, known)
    return replace(estimate, pairs=(steps or Steps()).do("this week", _reread, known, estimate, fit.predicted.forecast))


def _reread(known: Snapshot, estimate: Estimate, expected: pd.DataFrame) -> pd.DataFrame:
    """The pairs, those with something new read again."""
    week = expected[expected["week"] == frames.day(week_of(known.business_date))].set_index("brand_id")["demand"]
    return update.reread(known, estimate, week.set_axis(week.index.astype("str")))


def kept(business_date: date, asked: Given, found: Found) -> forecasts.Kept:
    """What the methods said for a fit made anew, and which origins it used; nothing of either, where it was taken over."""
    monday, rows = frames.day(asked.monday), found.fit.predicted.candidates
    made = frames.conform(record.CANDIDATES, (rows if found.run_id is None else rows.iloc[:0]).assign(planned_week=monday))
    if found.run_id is not None:
        return forecasts.Kept(business_date, made, frames.empty(record.ORIGINS))
    every = pd.concat([made, asked.said], ignore_index=True)[["origin", "planned_week"]].drop_duplicates("origin")
    used = every.rename(columns={"planned_week": "made_in"}).assign(planned_week=monday)
    return forecasts.Kept(business_date, made, frames.conform(record.ORIGINS, used))


def rest_hash(known: Snapshot) -> str:
    """The hash of what a night knows beside what its week's fit is made of."""
    since = frames.day(week_of(known.business_date))
    rest = {name: value for name, value in vars(known).items() if isinstance(value, pd.DataFrame)}
    rest["lines"] = known.lines[known.lines["week"] >= since]
    return snapshot.fingerprint(rest.items())


def with_file(left: forecasts.Kept, found: Found, folder: Path) -> tuple[forecasts.Kept, pd.DataFrame]:
    """Write the file of a fit made anew, and name it in what is kept. Where the folder cannot be written, the week's other nights will
    make the fit again: a problem, and no fault.
    """
    if found.run_id is not None:
        return left, frames.empty(frames.PROBLEMS)
    try:
        content = fit_files.write(folder, left.week, found.fit_hash, found.fit)
    except OSError as error:
        words = f"{fit_files.file_of(folder, left.week, found.fit_hash)}: not written ({error.strerror}); later nights of the week fit anew"
        return left, problems("write", [words], "history")
    return replace(left, fit=(found.fit_hash, content)), frames.empty(frames.PROBLEMS)
