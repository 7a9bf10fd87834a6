"""The review of suggestions for people: lists, decisions, their undoing and approval, and what is put before a retailer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from jobs import edited_lists, output, taking_over
from jobs.exports import Source
from jobs.list_words import OF_STATE, ListError
from jobs.publish import closed_until
from ordering import review
from ordering.database import review_lines, reviews
from ordering.database.lookups import Among
from ordering.database.reviews import Done
from ordering.errors import StateError, TrueOrderError
from ordering.model import Decision
from ordering.review import CODES, SHOWN, Filter
from ordering.review_refusals import Refusal, refused

ACTS: Mapping[Decision, str] = MappingProxyType({Decision.ACCEPTED: "accept", Decision.ADJUSTED: "adjust", Decision.REJECTED: "reject"})


def listed(source: Source, of: Filter, among: Among | None = None) -> pd.DataFrame:
    """A night's lines with what holds of their decisions (columns review.SHOWN), those first that need a look.

    `among`, here and below: only of the retailers that somebody sees; None: of all.
    """
    return review.shown(_lines(source, of, among))


def write(found: pd.DataFrame, file: Path) -> int:
    """Write a list for review into a file; gives the number of rows."""
    return output.write([found], list(SHOWN), file)


def preview(source: Source, of: Filter, clock: datetime, among: Among | None = None) -> tuple[int, int, int]:
    """What a decision by filter would touch: lines, their cartons, and lines beside them that are frozen."""
    return review_lines.count(source.db, source.run, of, closed=closed_until(source.settings, clock), among=among)


def decide(
    source: Source, of: Filter, decision: Decision, *, by: str, clock: datetime, code: str = "", why: str = "",
    quantity: int | None = None, version: int | None = None, among: Among | None = None,
) -> Done:  # fmt: skip
    """Decide on all lines that `of` chooses, frozen ones left as they are; `quantity` of ADJUSTED only. `clock` is UTC.

    `version`: that of the lines when the person looked; without it, as they stand now. Raises TrueOrderError in words where nothing
    fits, where a line must not be decided so, or where it was decided on meanwhile.
    """
    lines = _lines(source, of, among)
    lines = lines if version is None else lines.assign(version=version)
    closed = closed_until(source.settings, clock)
    frozen = (lines["order_day"] <= pd.Timestamp(closed)).to_numpy()
    if not len(lines):
        raise refused(Refusal.NO_LINE, run=source.run.run_id, day=source.run.business_date)
    if frozen.all():
        raise refused(Refusal.FROZEN, lines)
    decided = review.decide(lines[~frozen], decision, source.settings.review, quantity=quantity, code=code, note=why)
    done = _store(source, decided, decision, by=by, clock=clock, why=why, closed=closed)
    return Done(done.batch_id, done.lines, done.pending, int(frozen.sum()))


def adjust_from(source: Source, file: Path, *, by: str, clock: datetime, why: str = "", among: Among | None = None) -> Done:
    """Take over a list that was edited in a spreadsheet, csv or xlsx: each line whose `final` was changed is adjusted to it.

    All or nothing: raises TrueOrderError naming file, line, value and remedy where a line is refused (taking_over), a StateError where
    others or the hour are the reason of all; then nothing is written.
    """
    try:
        told = edited_lists.read(str(file), file.read_bytes())
    except OSError as error:
        raise TrueOrderError(f"{file}: cannot be read ({error.strerror}); name the list that was edited") from error
    found = taking_over.compare(source, told, clock=clock, among=among)
    if found.refused:
        raise _refusal(file, found)
    if found.changed.empty:
        raise ListError(str(file), "unchanged")
    return taking_over.take_over(source, found, by=by, clock=clock, why=why)


NAMED = 20
"""Refused lines that an error names; it counts the others."""


def _refusal(file: Path, found: taking_over.Compared) -> TrueOrderError:
    named = [f'{file}:{one.line}: {one.column} "{one.value}" {one.english}' for one in found.refused[:NAMED]]
    more = [f"… and {found.refusals - NAMED:,} more lines"] if found.refusals > NAMED else []
    of_state = all(one.code in OF_STATE for one in found.refused)
    return (StateError if of_state else TrueOrderError)("\n".join([*named, *more, "nothing was written"]))


def undo(source: Source, batch_id: int, *, by: str, why: str, clock: datetime, spare_frozen: bool = False) -> Done:
    """Take an act back."""
    closed = closed_until(source.settings, clock)
    return reviews.undo(source.db, batch_id, closed=closed, by=by, why=why, at=clock, spare_frozen=spare_frozen)


def approve(source: Source, batch_id: int, *, by: str, why: str, clock: datetime) -> Done:
    """Let the pending lines of an act hold, as its second person."""
    return reviews.approve(source.db, batch_id, closed=closed_until(source.settings, clock), by=by, why=why, at=clock)


def recommended(source: Source, retailer_id: str, order_day: date) -> pd.DataFrame:
    """What prefills a retailer's order form: brand_id and quantity, decided and above nothing. Never an order."""
    lines = listed(source, Filter(retailer=retailer_id, day=order_day, state="decided"))
    kept = lines.loc[(lines["final"] > 0).to_numpy(bool), ["brand_id", "final"]]
    return kept.rename(columns={"final": "quantity"}).astype({"quantity": "int64"}).sort_values("brand_id", ignore_index=True)


def with_decisions(source: Source, rows: pd.DataFrame) -> pd.DataFrame:
    """Suggestions of a run with `decision` and `decided_qty` of what holds for their order days."""
    if rows.empty:
        return rows.assign(decision="", decided_qty=pd.array([], "Int32"))
    with source.db.reading() as reader:
        told = review_lines.read_decisions(reader, rows["order_day"].min().date(), rows["order_day"].max().date())
    told = told[[*review.KEY, "decision", "decided_qty"]]
    both = rows.merge(told, on=list(review.KEY), how="left", validate="1:1")
    return both.assign(decision=both["decision"].fillna(str(Decision.OPEN)))


def words() -> list[str]:
    """Every reason code with its words in both languages, a line each."""
    return [f"{code}: {english} {chinese}" for code, (english, chinese) in CODES.items()]


def _lines(source: Source, of: Filter, among: Among | None = None) -> pd.DataFrame:
    with source.db.reading() as reader:
        return review_lines.read(reader, source.run, of, among)


def _store(source: Source, decided: pd.DataFrame, decision: Decision, *, by: str, clock: datetime, why: str, closed: date) -> Done:
    return reviews.store(source.db, decided, action=ACTS[decision], run_id=source.run.run_id, closed=closed, by=by, at=clock, why=why)
