"""The monthly star rating: read what is known when its window ends, rate (pure), store once; and who has which level, and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from allocation import star_measures, stars
from jobs.nightly import version
from ordering import database, ratings, snapshot, tables
from ordering.database import ratings as stored
from ordering.errors import StateError, TrueOrderError
from ordering.model import Measure, week_of
from ordering.ratings import Window
from ordering.settings import RatingSettings, Settings


@dataclass(frozen=True)
class Outcome:
    """A rating in force. `stored`: False where the same levels were in force already; `imported`: retailers whose imported level goes
    before; `notes`: what a reader should know, in words.
    """

    record: stored.Record
    rows: pd.DataFrame
    stored: bool
    imported: int
    notes: tuple[str, ...]


def rate(
    db: database.Database, settings: Settings, *, history: Path, month: str | None, on: date, by: str, at: datetime, again: bool = False,
    why: str = "",
) -> Outcome:  # fmt: skip
    """Rate a month, the newest that can be on the day `on` unless named, and store it; the same levels are not stored twice.

    Raises StateError where the month cannot be rated yet, an order week it measures is missing, or another rating of it is in force and
    `again` does not say that this one shall take its place; TrueOrderError where it does, and `why` says nothing.
    """
    rules = settings.rating
    span = _window(db, settings, month or ratings.newest_month(on, rules), on)
    if again and not why.strip():
        raise TrueOrderError("why: say why the month is rated again")
    known, troubles = snapshot.read_week(db, span.end, weeks=span.weeks, horizon=1, history_folder=history)
    with db.reading() as reader:
        c = tables.contract["integrity"].c
        integrity = database.read_table(reader, "integrity", c.month >= span.months[0], c.month < span.month)
        before = database.read_ratings(reader, month=span.months[-1])
        imported = database.read_imported(reader, month=span.month)
    facts = star_measures.measured(known, integrity, span, rules)
    found = stars.rate(facts, before, span.month, rules)
    text = json.dumps(rules.model_dump(mode="json"), sort_keys=True)
    made = stored.Made(
        month=span.month, first_week=span.first, end_week=span.end, rated=len(found.rows), steps=found.steps, places_off=found.off,
        rules=text, version=version(), input_hash=snapshot.fingerprint([("facts", facts), ("before", before)]),
        settings_hash=hashlib.sha256(text.encode()).hexdigest(), result_hash=snapshot.fingerprint([("ratings", found.rows)]),
    )  # fmt: skip
    record, fresh = _kept(db, found.rows, made, again=again, by=by, why=why.strip(), at=at)
    notes = (*troubles, *_notes(found, known.lines, rules))
    return Outcome(record, found.rows, fresh, int(found.rows["retailer_id"].isin(imported["retailer_id"].astype("str")).sum()), notes)


def _window(db: database.Database, settings: Settings, month: str, on: date) -> Window:
    """The window of a month, if it has ended and its order weeks are stored."""
    weeks = database.weeks_with_orders(db)
    if not weeks:
        raise StateError("no order is stored yet; run: trueorder import FOLDER")
    span = ratings.window(month, settings.rating, min(weeks))
    if span.end > on:
        newest = ratings.newest_month(on, settings.rating)
        raise StateError(f"month {month} can be rated from {span.end} on, when its window ends; the newest that can be now is {newest}")
    closed = {week_of(day) for day in settings.importing.closed_weeks}
    missing = [week for week in span.mondays() if week not in weeks and week not in closed]
    if missing:
        raise StateError(
            f"month {month}: its rating measures the week {missing[0]}, of which no order is stored; import it, or name another --month"
        )
    return span


def _kept(
    db: database.Database, rows: pd.DataFrame, made: stored.Made, *, again: bool, by: str, why: str, at: datetime
) -> tuple[stored.Record, bool]:
    """The rating in force, and whether it was stored just now."""
    every = stored.editions(db, made.month)
    held = next((found for found in every if found.withdrawn_at is None), None)
    if held is not None and held.result_hash == made.result_hash:
        return held, False
    if held is not None and not again:
        raise StateError(_refusal(db, held, made, rows))
    edition = every[0].edition + 1 if every else 1
    rating_id = stored.save(db, rows, made, edition=edition, by=by, why=why, at=at)
    return next(found for found in stored.editions(db, made.month) if found.rating_id == rating_id), True


def _refusal(db: database.Database, held: stored.Record, made: stored.Made, rows: pd.DataFrame) -> str:
    """Why another rating is not put in the place of one in force, in words."""
    given = ("input_hash", "settings_hash", "version")
    if all(getattr(held, name) == getattr(made, name) for name in given):
        return (
            f"rating {held.rating_id} of month {made.month} was given the same input and found {held.result_hash}, this one "
            f"{made.result_hash}: the two must be equal. Nothing was stored; keep the database and report this"
        )
    with db.reading() as reader:
        old = database.read_ratings(reader, month=made.month)
    both = old[["retailer_id", "level"]].merge(rows[["retailer_id", "level"]], on="retailer_id", how="outer", validate="1:1")
    other = int((both["level_x"] != both["level_y"]).sum())
    return (
        f"month {made.month} has a rating in force, {held.rating_id}, of other data or settings; this one would give {other:,} retailers "
        "another level. Published levels are not changed in passing; if they shall be: trueorder stars rate --again --why TEXT"
    )


def _notes(found: stars.Rating, lines: pd.DataFrame, rules: RatingSettings) -> list[str]:
    """What to know of a rating: unknown measures, lines without an allocation, steps and shares that had to give way."""
    old = found.rows["weeks"] >= rules.least_weeks
    out = []
    for measure in Measure:
        missing = int((found.rows[str(measure)].isna() & old).sum())
        if missing and rules.weights.get(measure, 0) > 0:
            out.append(f"{measure} is not known of {missing:,} of {int(old.sum()):,} retailers; of them the other measures count for it")
    waiting = int(lines["allocated"].isna().sum())
    if waiting:
        out.append(f"{waiting:,} order lines of the weeks measured have no allocation yet, and count as nothing bought")
    if found.steps > rules.most_steps:
        out.append(
            f"with moves of at most {rules.most_steps} the shares cannot be kept within {rules.tolerance:g} points: "
            f"up to {found.steps} were allowed"
        )
    if found.off:
        out.append(
            f"so that nobody moves by more than {found.steps}, a level may hold up to {found.off:,} retailers more or fewer than its share"
        )
    return out


def shares(rows: pd.DataFrame, rules: Mapping[str, list[float]]) -> pd.DataFrame:
    """Each level of a rating, from the highest down: level, configured and reached share in percent, retailers, up, down."""
    of_level = rows.groupby("level")
    move = rows["level"] - rows["previous"]
    every = pd.Index(range(len(rules["shares"]), 0, -1), name="level")
    counted = pd.DataFrame(
        {
            "configured": pd.Series(rules["shares"], index=every[::-1]),
            "retailers": of_level.size(),
            "up": (move > 0).groupby(rows["level"]).sum(),
            "down": (move < 0).groupby(rows["level"]).sum(),
        }
    ).reindex(every)
    counted[["retailers", "up", "down"]] = counted[["retailers", "up", "down"]].fillna(0).astype("int64")
    counted.insert(1, "reached", 100 * counted["retailers"] / max(len(rows), 1))
    return counted.reset_index()


def rules_of(record: stored.Record) -> dict[str, Any]:
    """The [rating] settings that were in force when a rating was made."""
    return dict(json.loads(record.rules))


def counts(rows: pd.DataFrame) -> list[str]:
    """How many rose, fell and stayed, by what most often, and for which reasons, in words. `rows`: level, previous, moved_by, reason."""
    step = (rows["level"] - rows["previous"]).astype("Int64")
    out = [f"{name} {int(chosen.sum()):,}{_often(rows.loc[chosen, 'moved_by'])}" for name, chosen in _ways(step).items()]
    reasons = _listed(rows["reason"])
    return [*out, *([f"reasons: {reasons}"] if reasons else [])]


def _ways(step: pd.Series) -> dict[str, pd.Series]:
    return {"rose": (step > 0).fillna(False), "fell": (step < 0).fillna(False), "stayed": (step == 0).fillna(False)}


def _often(moved_by: pd.Series) -> str:
    told = _listed(moved_by)
    return f", most often by {told}" if told else ""


def _listed(values: pd.Series) -> str:
    """The values and how often each occurs, the most frequent first; none where all are empty."""
    found = values[values != ""].value_counts()
    ordered = sorted(found.items(), key=lambda item: (-item[1], str(item[0])))
    return ", ".join(f"{name} {count:,}" for name, count in ordered)
