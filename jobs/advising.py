"""Suggestions, substitutes and dependence for people: read from a run and told in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd

from allocation import suggest, suggest_words
from allocation.explain import LANGUAGES
from jobs.exports import Source
from ordering import database
from ordering.database import lookups
from ordering.errors import TrueOrderError

Row: TypeAlias = Mapping[str, Any]
COLUMNS: Mapping[str, str] = {"en": "english", "zh": "chinese"}
"""The column in which a language's words stand."""


JOINTS: Mapping[str, str] = {"en": " ", "zh": ""}
"""What stands between sentences."""


def column(language: str) -> str:
    """The column of a language. Raises TrueOrderError where there are no texts in it."""
    if language not in COLUMNS:
        raise TrueOrderError(f'language "{language}": there are no texts in it; use {" or ".join(LANGUAGES)}')
    return COLUMNS[language]


def explained(source: Source, retailer_id: str, brand_id: str | None = None, *, language: str = "en") -> list[str]:
    """A line for each suggestion of a retailer in the run, of one brand or of all, in the order of brands.

    Raises TrueOrderError where the run suggests nothing of the kind to it, or a language is unknown.
    """
    column(language)
    which = {"retailer_id": retailer_id} | ({"brand_id": brand_id} if brand_id is not None else {})
    rows, offered = source.result("suggestions", **which), offers(source, **which)
    if rows.empty:
        raise nothing(source, retailer_id, brand_id)
    told = []
    for row in rows.to_dict("records"):
        brand = row["brand_id"]
        told.append(f"{brand}: {in_words(row, [one for one in offered if one['brand_id'] == brand], language)}")
    return told


def offers(source: Source, **which: str) -> list[Row]:
    """Rows of SUBSTITUTES of a retailer and brand, with the names of the brands offered in the place of their ids."""
    names = lookups.brand_names(source.db)
    return [row | {"substitute_id": names.get(row["substitute_id"], row["substitute_id"])} for row in source.rows("substitutes", **which)]


def in_words(row: Row, offered: Sequence[Row], language: str) -> str:
    """A suggestion (a row of SUGGESTIONS) with what is `offered` in its place (see offers)."""
    instead = sorted(offered, key=lambda one: int(one["rank"]))
    return JOINTS[language].join(filter(None, [suggest.words(row, language), suggest_words.substitutes(instead, language)]))


def nothing(source: Source, retailer_id: str, brand_id: str | None) -> TrueOrderError:
    """Why a run suggests nothing to a retailer, and what to do."""
    with source.db.reading() as reader:
        for kind, id_ in (("retailer", retailer_id), ("brand", brand_id)):
            if id_ is not None and id_ not in set(database.read_table(reader, f"{kind}s")[f"{kind}_id"]):
                return TrueOrderError(
                    f'{kind} "{id_}": there is no such {kind}; import it, or correct the id', f"没有编号为{id_}的{KINDS[kind]}；请核对编号"
                )
    what = f'retailer "{retailer_id}"' + (f', brand "{brand_id}"' if brand_id is not None else "")
    return TrueOrderError(
        f"{what}: run {source.run.run_id} suggests nothing: the shop does not carry it, or it was not active or offered on the order day",
        f"夜间运行{source.run.run_id}没有零售户{retailer_id}的此项建议：该店不经营，或订货日未在营、未投放",
    )


KINDS: Mapping[str, str] = {"retailer": "零售户", "brand": "品规"}


def dependent(source: Source, *, manager: str | None = None) -> pd.DataFrame:
    """DEPENDENCE of the run with its words in columns english and chinese, the largest share first; of all retailers or one manager's."""
    found = source.result("dependence").sort_values("share", ascending=False, kind="stable", ignore_index=True)
    if manager is not None:
        with source.db.reading() as reader:
            shops = database.read_table(reader, "retailers")
        found = found[found["retailer_id"].isin(shops.loc[shops["account_manager"] == manager, "retailer_id"])].reset_index(drop=True)
    return pd.concat([found, sentences(found)], axis=1)


def sentences(rows: pd.DataFrame) -> pd.DataFrame:
    """The words of DEPENDENCE rows in columns english and chinese."""
    told = rows.to_dict("records")
    said = {name: [suggest_words.dependence(row, language) for row in told] for language, name in COLUMNS.items()}
    return pd.DataFrame(said, index=rows.index, dtype="str")
