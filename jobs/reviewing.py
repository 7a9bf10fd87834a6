"""The review of suggestions for people: lists, decisions, their undoing and approval, and what is put before a retailer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from jobs import output
from jobs.exports import Source
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


EDITED = ("retailer_id", "brand_id", "order_day", "version", "final")
"""Columns that a list edited elsewhere must have; `code` and `note` beside them where a change needs a reason."""


def adjust_from(source: Source, file: Path, *, by: str, clock: datetime, why: str = "") -> Done:
    """Take over a list that was edited in a spreadsheet: each line whose `final` was changed is adjusted to it.

    The list's `version` must be the one stored: a line that somebody decided on since is refused, and nothing is written.
    """
    told = _read(file)
    lines = _lines(source, Filter(empty=True))
    both = lines.merge(told, on=list(review.KEY), how="inner", validate="1:1", suffixes=("", "_told"))
    if len(both) < len(told):
        raise TrueOrderError(
            f"{file}: {len(told) - len(both)} of its lines are none of run {source.run.run_id}; write the list anew and edit that"
        )
    before = review.shown(both)[[*review.KEY, "final"]].rename(columns={"final": "before"})
    both = both.drop(columns="version").rename(columns={"version_told": "version"})
    both = both.merge(before, on=list(review.KEY), how="left", validate="1:1")
    both = both[both["final"].notna() & (both["final"] != both["before"].fillna(-1)).to_numpy()].reset_index(drop=True)
    if both.empty:
        raise StateError(f"{file}: no quantity was changed; put the new ones into the column final")
    rules = source.settings.review
    decided = review.decide(both, Decision.ADJUSTED, rules, quantity=both["final"], code=both["code_told"], note=both["note_told"])
    return _store(source, decided, Decision.ADJUSTED, by=by, clock=clock, why=why, closed=closed_until(source.settings, clock))


def _read(file: Path) -> pd.DataFrame:
    """An edited list: EDITED, code and note; TrueOrderError where it cannot be read."""
    try:
        found = pd.read_csv(file, dtype="str", keep_default_na=False, encoding="utf-8-sig").replace(output.QUOTED, "", regex=True)
    except (OSError, ValueError) as error:
        raise TrueOrderError(f"{file}: cannot be read ({error}); save the list as csv, UTF-8") from error
    missing = [name for name in EDITED if name not in found]
    if missing:
        raise TrueOrderError(f"{file}: no column {', '.join(missing)}; start from trueorder review list --to FILE")
    return _typed(found, file)


def _typed(found: pd.DataFrame, file: Path) -> pd.DataFrame:
    whole = {name: pd.to_numeric(found[name].where(found[name] != ""), errors="coerce") for name in ("version", "final")}
    bad = (whole["final"].isna() & (found["final"] != "")) | whole["version"].isna() | (whole["final"] % 1 > 0)
    if bad.any():
        row = found[bad].iloc[0]
        raise TrueOrderError(f'{file}: retailer {row["retailer_id"]}, brand {row["brand_id"]}: final "{row["final"]}" is no whole number')
    days = pd.to_datetime(found["order_day"], format="ISO8601", errors="coerce").dt.as_unit("us")
    if days.isna().any():
        raise TrueOrderError(f'{file}: order_day "{found.loc[days.isna(), "order_day"].iloc[0]}" is no date; write it like 2026-03-03')
    text = {f"{name}_told": found.get(name, "") for name in ("code", "note")}
    kept = found[["retailer_id", "brand_id"]].assign(order_day=days, version_told=whole["version"].astype("int64"), **text)
    return kept.assign(final=whole["final"].astype("Int64"))


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
