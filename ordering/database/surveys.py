"""Surveys of retailers: each is kept, the newest of a retailer and month counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import satisfaction, tables
from ordering.database import audit, bulk
from ordering.database.connection import Database, new_id
from ordering.database.lookups import Among, own
from ordering.model import month_of, week_of
from ordering.satisfaction import Aspect, Survey

T = tables.surveys
SHOPS = tables.contract["retailers"]
SHOP = ("retailer_id", "name", "district", "account_manager", "star_level")


def answer(db: Database, survey: Survey, *, retailer_id: str, by: str, on: date, at: datetime) -> int:
    """Store what a retailer answered on the local date `on`; gives its id. It takes the place of an earlier one of the month, which stays.

    A day belongs to the month of its week's Monday, as in the rates. Raises TrueOrderError where the survey says nothing.
    """
    survey = satisfaction.checked(survey)
    scores = {str(aspect): survey.scores.get(aspect) for aspect in Aspect}
    month = month_of(week_of(on))
    said = {"retailer_id": retailer_id, "month": month, "words": survey.words, "at": at, "by": by}
    with db.writing() as tx:
        survey_id = new_id(tx, T, said | scores)
        audit.record(tx, action="surveys.answer", subject=f"survey {survey_id}", detail=month, by=by, at=at)
    return survey_id


def of_retailer(db: Database, retailer_id: str, *, months: int) -> list[dict[str, Any]]:
    """The surveys of a retailer that count, of its newest `months` months with one, the newest first."""
    query = sa.select(T).where(T.c.survey_id.in_(_counting(T.c.retailer_id == retailer_id)))
    return db.rows(query.order_by(T.c.month.desc()).limit(months))


def of_months(reader: bulk.Reader, first: str, last: str, among: Among | None = None) -> pd.DataFrame:
    """The surveys that count of months `first` to `last`, of retailers that `among` chooses: survey_id, retailer_id, month, the aspects."""
    import pyarrow as pa

    chosen = [T.c.month >= first, T.c.month <= last, *([] if among is None else [T.c.retailer_id.in_(own(among))])]
    types = {"survey_id": pa.int64(), "retailer_id": pa.string(), "month": pa.string()} | {str(a): pa.int64() for a in Aspect}
    query = sa.select(*(T.c[name] for name in types)).where(T.c.survey_id.in_(_counting(*chosen)))
    found = reader.fetch(query, types).to_pandas()
    kinds = dict.fromkeys(map(str, Aspect), "Int64") | {"retailer_id": "str", "month": "str"}
    return found.astype(kinds).sort_values("survey_id", ignore_index=True)


def months(db: Database) -> list[str]:
    """The months of which there are surveys, in order."""
    return [row["month"] for row in db.rows(sa.select(T.c.month).distinct().order_by(T.c.month))]


def _counting(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The newest survey of each retailer and month."""
    return sa.select(sa.func.max(T.c.survey_id)).where(*where).group_by(T.c.retailer_id, T.c.month)


def shops(reader: bulk.Reader, among: Among | None = None) -> pd.DataFrame:
    """Retailers with what they are grouped by: the columns SHOP."""
    import pyarrow as pa

    types = {name: pa.int64() if name == "star_level" else pa.string() for name in SHOP}
    query = sa.select(*(SHOPS.c[name] for name in SHOP))
    found = reader.fetch(query if among is None else query.where(among), types).to_pandas()
    return found.astype({name: "str" for name in SHOP if name != "star_level"}).sort_values("retailer_id", ignore_index=True)
