"""Flags and their answers for people: which lines are flagged, what was said to them, and saying it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pandas as pd

from forecasting import inflation
from jobs import output
from jobs.exports import Source
from ordering import database
from ordering.answers import GROUNDS, VERDICTS, Answer, Verdict
from ordering.database import answers
from ordering.database.lookups import Among
from ordering.errors import TrueOrderError

COLUMNS = (
    "order_id", "brand_id", "retailer_id", "account_manager", "order_date", "requested", "expected", "score", "reason", "english",
    "chinese", "answer_id", "verdict", "ground", "note", "until_on", "answered_on", "answered_by",
)  # fmt: skip
"""Columns of a list of flags: the line, why it was flagged (codes, and words in both languages), and the answer that holds."""


def listed(
    source: Source, *, retailer: str | None = None, brand: str | None = None, manager: str | None = None, open_only: bool = False,
    among: Among | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The lines that a run flagged, and those that were answered, the newest first. `open_only`: those that nobody has answered yet.
    `among`: only of the retailers that somebody sees.
    """
    with source.db.reading() as reader:
        found = database.read_flags(reader, source.run.run_id, retailer=retailer, brand=brand, manager=manager, among=among)
    if open_only:
        found = found[found["answer_id"].isna()].reset_index(drop=True)
    return pd.concat([found, reasons(found["reason"])], axis=1)[list(COLUMNS)]


def reasons(codes: pd.Series) -> pd.DataFrame:
    """The sentences of reason codes joined by ";", in columns english and chinese."""
    told = {joined: [inflation.REASONS[code] for code in joined.split(";") if code] for joined in codes.unique()}
    joints = {"english": (0, " "), "chinese": (1, "")}
    return pd.DataFrame(
        {
            name: codes.map({joined: joint.join(words[at] for words in said) for joined, said in told.items()})
            for name, (at, joint) in joints.items()
        }
    ).astype("str")


def write(found: pd.DataFrame, file: Path) -> int:
    """Write a list of flags into a file; gives the number of rows."""
    return output.write([found], list(COLUMNS), file)


def answer(
    source: Source, order_id: str, brand_id: str, *, verdict: str, ground: str, note: str, every_brand: bool, until: date | None,
    by: str, on: date, at: datetime,
) -> int:  # fmt: skip
    """Store what was said to a flag of the run; gives the answer's id. Raises TrueOrderError where it cannot be, in words."""
    if verdict not in list(Verdict):
        raise TrueOrderError(f'verdict "{verdict}": there is no such; there are {", ".join(Verdict)}')
    if not by.strip():
        raise TrueOrderError("by: say who answers")
    said = Answer(Verdict(verdict), ground, note, every_brand, until)
    return answers.give(source.db, said, order_id=order_id, brand_id=brand_id, run_id=source.run.run_id, by=by.strip(), on=on, at=at)


def words() -> list[str]:
    """Every verdict and ground with its words in both languages, a line each."""
    verdicts = [f"{verdict}: {english} {chinese}" for verdict, (english, chinese) in VERDICTS.items()]
    return verdicts + [f"{code} ({', '.join(g.verdicts)}): {g.english} {g.chinese}" for code, g in GROUNDS.items()]
