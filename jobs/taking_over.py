"""Taking over a list that was edited in a spreadsheet: what it would change, which of its lines are refused and why, and the act itself.

A line is changed where its `final` is another than what holds, or its `code` or `note` beside a decision that holds. What is written is
one act: the lines that were found to change, each by the version that the list has, and no other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jobs import list_words
from jobs.exports import Source
from jobs.publish import closed_until
from ordering import review
from ordering.database import lookups, review_lines, reviews
from ordering.database.lookups import Among
from ordering.database.reviews import Done
from ordering.model import Decision
from ordering.review import CODES, KEY, UNBOUND, Filter
from ordering.settings import ReviewSettings

MOST = 1_000_000
NAMED = 500
"""Refused lines of one kind that are told one by one; the others are counted."""
ROUNDED = r"^\d(?:\.\d+)?[eE]\+?\d+$"
"""A long number as spreadsheets write it into a csv: its last digits are lost."""
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, order=True)
class Refused:
    """A line that is not taken over: where, of which retailer, brand and day, what stands in which column, and why in two languages."""

    line: int
    retailer_id: str
    brand_id: str
    order_day: str
    column: str
    value: str
    code: str
    english: str
    chinese: str


@dataclass(frozen=True)
class Compared:
    """What an edited list comes to: `changed` lines (review.LINES with `line`, `before` and `quantity`; `pending` of the decision to be),
    those refused (NAMED of a kind at most, `refusals` in all), how many are as they stand, and what is to be stored (`decided`).
    `seen` tells one outcome from another."""

    changed: pd.DataFrame
    refused: tuple[Refused, ...]
    refusals: int
    unchanged: int
    decided: pd.DataFrame
    seen: str


class _Sieve:
    """The lines of a list that nothing was found wrong with so far; the others are told."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self.refused: list[Refused] = []
        self.count = 0

    def refuse(self, wrong: pd.Series | Bools, code: str, column: str, **values: Any) -> None:
        """Take the lines out that are wrong; `values`: of the words, one for all or a series of each."""
        bad = np.asarray(wrong, dtype=bool)
        if not bad.any():
            return
        self.count += int(bad.sum())
        told = {name: value[bad].head(NAMED).tolist() if isinstance(value, pd.Series) else value for name, value in values.items()}
        for at, row in enumerate(self.rows[bad].head(NAMED).to_dict("records")):
            own = {name: value[at] if isinstance(value, list) else value for name, value in told.items()}
            english, chinese = list_words.of_line(code, own)
            retailer_id, brand_id, day, value = (str(row[f"told_{name}"])[:100] for name in (*KEY, column))
            self.refused.append(Refused(row["line"], retailer_id, brand_id, day, column, value, code, english, chinese))
        self.rows = self.rows[~bad]


def compare(source: Source, told: pd.DataFrame, *, clock: datetime, among: Among | None = None) -> Compared:
    """What a list (edited_lists.read) would change of the newest night's lines of the retailers that `among` chooses (None: of all).

    Lines of other retailers are refused as if they did not exist. Nothing is stored.
    """
    with source.db.reading() as reader:
        lines = review_lines.read(reader, source.run, Filter(empty=True), among)
    sieve = _Sieve(_typed(source, told))
    _check_cells(sieve)
    rows = sieve.rows.merge(lines[list(KEY)], on=list(KEY), how="left", validate="1:1", indicator=True)
    sieve.rows = rows
    sieve.refuse(rows["_merge"] != "both", "absent", "retailer_id", run=source.run.run_id)
    sieve.rows = _standing(sieve.rows.drop(columns="_merge"), lines)
    count = len(sieve.rows)
    refused_before = sieve.count
    _keep_changed(sieve)
    unchanged = count - len(sieve.rows) - (sieve.count - refused_before)
    _check_changes(sieve, source.settings.review, closed_until(source.settings, clock))
    changed, decided = _decided(sieve.rows.reset_index(drop=True), source.settings.review)
    return Compared(changed, tuple(sorted(sieve.refused)), sieve.count, unchanged, decided, _seen(source, decided))


def take_over(source: Source, found: Compared, *, by: str, clock: datetime, why: str = "") -> Done:
    """Write what was found to change, as one act that reviews.undo takes back. Raises StateError where a line changed meanwhile."""
    closed = closed_until(source.settings, clock)
    return reviews.store(source.db, found.decided, action="adjust", run_id=source.run.run_id, closed=closed, by=by, at=clock, why=why)


def _typed(source: Source, told: pd.DataFrame) -> pd.DataFrame:
    """The list with what its texts mean; missing where they mean nothing."""
    rows = told.rename(columns={name: f"told_{name}" for name in told.columns if name != "line"})
    rows = rows.assign(**{f"told_{name}": rows.get(f"told_{name}", "") for name in ("code", "note")})
    days = rows["told_order_day"].str.replace("/", "-").str.replace(r"[ T]0?0:00(:00)?$", "", regex=True)
    whole = {name: _whole(rows[f"told_{name}"]) for name in ("version", "final")}
    return rows.assign(
        retailer_id=_mended(rows["told_retailer_id"], [row["retailer_id"] for row in _shops(source)]),
        brand_id=_mended(rows["told_brand_id"], list(lookups.brand_names(source.db))),
        order_day=pd.to_datetime(days, format="%Y-%m-%d", errors="coerce").dt.as_unit("us"),
        seen_version=whole["version"],
        quantity=whole["final"],
    )


def _shops(source: Source) -> list[dict[str, Any]]:
    return lookups.retailers(source.db, None, search=None, offset=0, limit=lookups.EVERY)[0]


def _whole(texts: pd.Series) -> pd.Series:
    """Whole numbers, however a spreadsheet writes them; missing where a text is none."""
    plain = texts.where(texts.str.fullmatch(r"\d{1,10}(\.0+)?"))
    return pd.to_numeric(plain).astype("Int64")


def _mended(told: pd.Series, known: list[str]) -> pd.Series:
    """Ids with the zeros that a spreadsheet took from their beginning, where one id alone can be meant among all there are."""
    bare = pd.Series(known, index=[one.lstrip("0") for one in known], dtype="str")
    bare = bare[~bare.index.duplicated(keep=False) & (bare.index != bare.to_numpy())]
    return told.mask(~told.isin(known) & told.isin(bare.index), told.map(bare)).astype("str")


def _check_cells(sieve: _Sieve) -> None:
    """Refuse lines whose cells mean nothing, and those that stand twice."""
    for name in ("retailer_id", "brand_id"):
        rounded = sieve.rows[name].str.match(ROUNDED)
        sieve.refuse(rounded, "rounded", name)
    sieve.refuse(sieve.rows["order_day"].isna(), "day", "order_day")
    sieve.refuse(sieve.rows["seen_version"].isna(), "version", "version")
    blank = sieve.rows["told_final"] == ""
    sieve.refuse((sieve.rows["quantity"].isna() & ~blank) | (sieve.rows["quantity"].fillna(0) > MOST), "quantity", "final")
    first = sieve.rows.groupby(list(KEY), sort=False)["line"].transform("first")
    sieve.refuse(sieve.rows["line"] != first, "twice", "retailer_id", other=first)


def _standing(rows: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The list's lines with what stands now: review.LINES, `before` (what holds) and `stands` (the override)."""
    holds = review.shown(lines)[[*KEY, "final", "override"]].rename(columns={"final": "before", "override": "stands"})
    both = lines.merge(holds, on=list(KEY), how="left", validate="1:1")
    return rows.merge(both, on=list(KEY), how="inner", validate="1:1")


def _keep_changed(sieve: _Sieve) -> None:
    """Leave the lines that were edited; refuse those whose edit would be lost."""
    rows = sieve.rows
    same_version = rows["seen_version"] == rows["version"]
    same = (rows["quantity"].fillna(-1) == rows["before"].fillna(-1)).to_numpy(bool)
    cleared = rows["quantity"].isna() & rows["before"].notna()
    sieve.refuse(cleared & same_version, "emptied", "final", before=rows["before"])
    rows, same = sieve.rows, same[(~(cleared & same_version)).to_numpy(bool)]
    if "told_override" in rows:
        was = rows["stands"].astype("string").fillna("")
        lost = same & (rows["told_override"] != "") & (rows["told_override"] != was) & (rows["seen_version"] == rows["version"])
        sieve.refuse(lost, "override", "override")
        rows, same = sieve.rows, same[~lost.to_numpy(bool)]
    said = [_words(rows[f"told_{name}"]) != _words(rows[name]) for name in ("code", "note")]
    retold = rows["before"].notna().to_numpy(bool) & (said[0] | said[1]).to_numpy(bool)
    sieve.rows = rows[rows["quantity"].notna().to_numpy(bool) & (~same | retold)]


def _words(texts: pd.Series) -> pd.Series:
    """Texts by their words: a spreadsheet writes line ends and blanks in its own way."""
    return texts.astype("str").str.split().str.join(" ")


def _check_changes(sieve: _Sieve, rules: ReviewSettings, closed: date) -> None:
    """Refuse changes that may not be: of lines that are not as the list had them, that are closed, or against what binds them."""
    _check_state(sieve, closed)
    sieve.rows = sieve.rows.assign(told_code=sieve.rows["told_code"].replace(_codes()))
    known = ", ".join(CODES)
    sieve.refuse(~sieve.rows["told_code"].isin(["", *CODES]), "code", "code", codes=known)
    sieve.refuse((sieve.rows["told_code"] == "other") & (sieve.rows["told_note"] == ""), "untold", "code")
    own = sieve.rows["quantity"] != sieve.rows["suggested"]
    most = sieve.rows["most"].astype("Int64").fillna(UNBOUND)
    sieve.refuse(own & (sieve.rows["quantity"] > most), "above", "final", most=most, bound=sieve.rows["bound"])
    rows = sieve.rows
    sieve.refuse(_own(rows) & (rows["quantity"] % rows["pack_multiple"] != 0), "pack", "final", size=rows["pack_multiple"])
    rows = sieve.rows
    sieve.refuse(_own(rows) & (rows["quantity"] < rows["min_lot"]), "lot", "final", size=rows["min_lot"])
    rows = sieve.rows
    untold = review.needs_reason(rows["suggested"], rows["quantity"].astype("int64"), rules) & (rows["told_code"] == "").to_numpy(bool)
    sieve.refuse(untold, "reason", "code", suggested=rows["suggested"], quantity=rows["quantity"], codes=known)


def _own(rows: pd.DataFrame) -> pd.Series:
    """True where a person's own quantity is to be delivered."""
    return (rows["quantity"] != rows["suggested"]) & (rows["quantity"] > 0)


def _check_state(sieve: _Sieve, closed: date) -> None:
    rows = sieve.rows
    later, by = rows["seen_version"] != rows["version"], rows["approved_by"].where(rows["approved_by"] != "", rows["decided_by"])
    open_ = rows["decision"] == str(Decision.OPEN)
    sieve.refuse(later & ~open_, "meanwhile", "version", by=by, decision=rows["decision"])
    sieve.refuse(sieve.rows["seen_version"] != sieve.rows["version"], "undone", "version")
    sieve.refuse(sieve.rows["order_day"] <= pd.Timestamp(closed), "frozen", "order_day")


def _codes() -> dict[str, str]:
    """The codes by their words in either language, for who writes these."""
    return {words: code for code, both in CODES.items() for words in both}


def _decided(rows: pd.DataFrame, rules: ReviewSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The lines that change, and what is stored of them: a quantity as suggested is an acceptance, every other an adjustment."""
    rows = rows.drop(columns=["code", "note"]).rename(columns={"told_code": "code", "told_note": "note"})
    as_suggested = (rows["quantity"] == rows["suggested"]).to_numpy(bool)
    parts = []
    for part, way in ((rows[as_suggested], Decision.ACCEPTED), (rows[~as_suggested], Decision.ADJUSTED)):
        quantity = part["quantity"] if way is Decision.ADJUSTED else None
        parts.append(review.decide(part, way, rules, quantity=quantity, code=part["code"], note=part["note"]))
    decided = pd.concat(parts).sort_index()
    return rows.assign(pending=decided["pending"], decision=decided["decision"]), decided


def _seen(source: Source, decided: pd.DataFrame) -> str:
    """A digest of what is to be stored."""
    told = decided[[*KEY, "version", "decision", "decided_qty", "code", "note"]].to_csv(index=False)
    return hashlib.sha256(f"{source.run.run_id}\n{told}".encode()).hexdigest()
