"""Levels for people: who has which, where it comes from, who moved and why, and one retailer's sheet in both languages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from allocation import star_words
from allocation.explain import LANGUAGES
from ordering import database, ratings
from ordering.database import ratings as stored
from ordering.errors import StateError

COLUMNS = (
    "retailer_id", "name", "account_manager", "month", "level", "source", "computed_level", "previous", "rank_level", "rank", "score",
    "reason", "moved_by", "english", "chinese", "weeks", "bought", "sold_share", *ratings.names("", "_percentile", "_points"),
)  # fmt: skip
"""Columns of a list of levels: the level in force and its source, the computed one beside it, why, and what it was made of."""
SOURCES: Mapping[str, tuple[str, str]] = {
    "imported": (
        "It was imported; an imported level goes before a computed one.",
        "该档位为导入数据，导入的档位优先于计算的档位。",
    ),
    "computed": ("", ""),
}
"""Where a level comes from, and what is said of it."""


def listed(db: database.Database, *, month: str | None = None, retailer: str | None = None, level: int | None = None) -> pd.DataFrame:
    """The levels known of a month, of a retailer in all months, or of both: COLUMNS, by month and rank.

    Without either, the newest month of which levels are known. Raises StateError where nothing is known.
    """
    if month is None and retailer is None:
        months = stored.months(db)
        if not months:
            raise StateError("no level of any month is stored; run: trueorder stars rate")
        month = months[-1]
    found = _both(db, month, retailer)
    if found.empty:
        of = " ".join(part for part in (f"of retailer {retailer}" if retailer else "", f"in month {month}" if month else "") if part)
        raise StateError(f"no level {of} is known; trueorder stars rate computes them, and star_levels.csv may hold them")
    return found if level is None else found[found["level"] == level].reset_index(drop=True)


def _both(db: database.Database, month: str | None, retailer: str | None) -> pd.DataFrame:
    with db.reading() as reader:
        computed = database.read_ratings(reader, month=month, retailer=retailer)
        imported = database.read_imported(reader, month=month, retailer=retailer)
        shops = database.read_table(reader, "retailers")[["retailer_id", "name", "account_manager"]]
    own = computed.rename(columns={"level": "computed_level"})
    if own.empty and imported.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = own.merge(imported, on=["retailer_id", "month"], how="outer", validate="1:1").merge(shops, on="retailer_id", validate="m:1")
    whole = ["computed_level", "star_level", "previous", "rank_level", "rank", "weeks"]
    rows = rows.astype(dict.fromkeys(whole, "Int64"))
    rows["level"] = rows["star_level"].fillna(rows["computed_level"])
    rows["source"] = rows["star_level"].notna().map({True: "imported", False: "computed"})
    texts = ["reason", "moved_by"]
    rows[texts] = rows[texts].fillna("")
    rows[["english", "chinese"]] = said(db, rows)
    return rows.sort_values(["month", "rank", "retailer_id"], ignore_index=True)[list(COLUMNS)]


def said(db: database.Database, rows: pd.DataFrame) -> pd.DataFrame:
    """Why, in a few words of both languages: columns english and chinese."""
    rated = rows.loc[rows["reason"] != "", "month"].unique()
    steps = {month: record.steps for month in rated if (record := stored.in_force(db, month)) is not None}
    told = []
    for row in rows.to_dict("records"):
        beside = SOURCES[row["source"]]
        pair = []
        for at, language in enumerate(LANGUAGES):
            why = star_words.why(row, steps=steps[row["month"]], language=language) if row["reason"] else ""
            pair.append(star_words.JOINTS[at].join(filter(None, (beside[at], why))))
        told.append(pair)
    return pd.DataFrame(told, columns=["english", "chinese"], index=rows.index, dtype="str")


def moves(db: database.Database, month: str | None = None) -> pd.DataFrame:
    """Who moved in a month: COLUMNS of those whose level is not that of the month before, the longest moves first.

    The level before is that which the rating was counted from; of a retailer that was not rated here, the one known of that month.
    """
    found = listed(db, month=month)
    missing = found["previous"].isna()
    if missing.any():
        earlier = _both(db, ratings.month_after(str(found["month"].iloc[0]), -1), None).set_index("retailer_id")["level"]
        found["previous"] = found["previous"].fillna(found["retailer_id"].map(earlier).astype("Int64"))
    step = found["level"] - found["previous"]
    moved = found[step.notna() & (step != 0)]
    far = step[moved.index].abs().sort_values(ascending=False, kind="stable")
    return moved.loc[far.index].reset_index(drop=True)


def sheet(db: database.Database, retailer: str, month: str | None = None) -> dict[str, list[str]]:
    """A retailer's level of a month, the newest known unless named, as lines in each language."""
    row: Mapping[str, Any] = listed(db, month=month, retailer=retailer).iloc[-1].to_dict()
    record = stored.in_force(db, row["month"])
    heads = {"en": f"{row['name']} ({retailer})", "zh": f"{row['name']}（{retailer}）"}
    beside = {
        "en": f"Level {row['level']} in {row['month']}. {SOURCES['imported'][0]}",
        "zh": f"{row['month']}档位：{row['level']}。{SOURCES['imported'][1]}",
    }
    lines = {language: [head] + ([beside[language]] if row["source"] == "imported" else []) for language, head in heads.items()}
    if record is None or not row["reason"]:
        return lines
    of = {"steps": record.steps, "rated": record.rated, "rules": json.loads(record.rules)}
    computed = {**row, "level": row["computed_level"]}
    return {language: said + star_words.sheet(computed, **of, language=language) for language, said in lines.items()}
