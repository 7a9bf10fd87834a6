"""Star ratings: each kept as it was computed, the newest of a month in force unless it was withdrawn; an imported level goes before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import frames, ratings, tables
from ordering.database import audit, bulk, counters, reads
from ordering.database.connection import Database, new_id
from ordering.errors import StateError, TrueOrderError

T = tables.rating_runs
ROWS = tables.star_ratings


@dataclass(frozen=True)
class Made:
    """How a rating was made: the window, what was in force, the hashes of what went in and came out."""

    month: str
    first_week: date
    end_week: date
    rated: int
    steps: int
    places_off: int
    rules: str
    version: str
    input_hash: str
    settings_hash: str
    result_hash: str


@dataclass(frozen=True)
class Record(Made):
    """A rating as stored."""

    rating_id: int
    edition: int
    rated_at: datetime
    rated_by: str
    why: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_why: str | None


def editions(db: Database, month: str) -> list[Record]:
    """The ratings of a month, the newest first, withdrawn ones as well."""
    return [Record(**row) for row in db.rows(sa.select(T).where(T.c.month == month).order_by(T.c.edition.desc()))]


def in_force(db: Database, month: str) -> Record | None:
    """The rating of a month that is in force; None where there is none."""
    return next((found for found in editions(db, month) if found.withdrawn_at is None), None)


def save(db: Database, rows: pd.DataFrame, made: Made, *, edition: int, by: str, why: str, at: datetime) -> int:
    """Store a rating (ratings.RATINGS) as the given edition of its month, audited in the same transaction; gives its id.

    Raises StateError where somebody else stored that edition first.
    """
    staged = bulk.arrow(ratings.RATINGS, rows)
    values = {**vars(made), "edition": edition, "rated_at": at, "rated_by": by, "why": why}
    names = ratings.RATINGS.names
    with bulk.staging(db.engine, {ROWS: staged}) as tx:
        try:
            rating_id = new_id(tx, T, values)
        except sa.exc.IntegrityError as error:
            raise StateError(f"month {made.month} was rated by somebody else at this moment; look: trueorder stars list") from error
        stage = sa.table(bulk.STAGE + ROWS.name, *(sa.column(name, ROWS.c[name].type) for name in names))
        tx.execute(ROWS.insert().from_select(["rating_id", *names], sa.select(sa.literal(rating_id), *(stage.c[name] for name in names))))
        detail = f"month {made.month}, edition {edition}, {made.rated} retailers{'; ' if why else ''}{why}"
        audit.record(tx, action="stars.rate", subject=f"rating {rating_id}", detail=detail, by=by, at=at)
        counters.renew_city(tx)
    return rating_id


def withdraw(db: Database, rating_id: int, *, by: str, why: str, at: datetime) -> Record | None:
    """Take the rating in force out of force, audited; gives the one that is in force again, None where there is none.

    Its rows stay. Raises TrueOrderError where no reason is given, StateError where that rating is not in force.
    """
    if not why.strip():
        raise TrueOrderError("why: say why the rating is withdrawn")
    with db.writing() as tx:
        month = tx.execute(sa.select(T.c.month).where(T.c.rating_id == rating_id)).scalar_one_or_none()
        if month is None:
            raise StateError(f"there is no rating {rating_id}; trueorder stars rate says the number of each")
        newest = tx.execute(sa.select(sa.func.max(T.c.rating_id)).where(T.c.month == month, T.c.withdrawn_at.is_(None))).scalar_one()
        if newest != rating_id:
            held = f"rating {newest} is" if newest else "none is"
            raise StateError(f"rating {rating_id} of month {month} is not in force, {held}; only what is in force can be withdrawn")
        values = {"withdrawn_at": at, "withdrawn_by": by, "withdrawn_why": why.strip()}
        tx.execute(T.update().where(T.c.rating_id == rating_id).values(values))
        audit.record(tx, action="stars.withdraw", subject=f"rating {rating_id}", detail=f"month {month}; {why.strip()}", by=by, at=at)
        counters.renew_city(tx)
    return in_force(db, month)


def of_force() -> sa.ColumnElement[bool]:
    """True for the rows of a rating that is in force."""
    newest = sa.select(sa.func.max(T.c.rating_id)).where(T.c.withdrawn_at.is_(None)).group_by(T.c.month)
    return ROWS.c.rating_id.in_(newest)


def id_in_force(month: str) -> sa.ScalarSelect[int]:
    """The id of the rating of a month that is in force, as a query."""
    return sa.select(sa.func.max(T.c.rating_id)).where(T.c.month == month, T.c.withdrawn_at.is_(None)).scalar_subquery()


def _chosen(columns: sa.FromClause, month: str | None, retailer: str | None) -> list[sa.ColumnElement[bool]]:
    given: Mapping[str, Any] = {"month": month, "retailer_id": retailer}
    return [columns.c[name] == value for name, value in given.items() if value is not None]


def read_ratings(reader: bulk.Reader, *, month: str | None = None, retailer: str | None = None) -> pd.DataFrame:
    """Rows of the ratings in force (ratings.RATINGS), of one month, one retailer, or all."""
    columns = (ROWS.c[name] for name in ratings.RATINGS.names)
    return reader.frame(sa.select(*columns).where(of_force(), *_chosen(ROWS, month, retailer)), ratings.RATINGS)


def read_imported(reader: bulk.Reader, *, month: str | None = None, retailer: str | None = None) -> pd.DataFrame:
    """Imported levels (frames.STAR_LEVELS), of one month, one retailer, or all."""
    return reads.read_table(reader, "star_levels", *_chosen(tables.contract["star_levels"], month, retailer))


def of_retailer(db: Database, retailer_id: str) -> list[dict[str, Any]]:
    """A retailer's levels by month, the newest first: the columns of ratings.RATINGS, `level` the one in force and its `source`, imported
    or computed; of a month that was not rated here all but month and level are missing."""
    own = db.rows(sa.select(*(ROWS.c[name] for name in ratings.RATINGS.names)).where(of_force(), ROWS.c.retailer_id == retailer_id))
    c = tables.contract["star_levels"].c
    found = {row["month"]: {**row, "source": "computed"} for row in own}
    for row in db.rows(sa.select(c.month, c.star_level).where(c.retailer_id == retailer_id)):
        nothing = dict.fromkeys(ratings.RATINGS.names) | {"reason": "", "moved_by": "", "retailer_id": retailer_id, "month": row["month"]}
        found[row["month"]] = found.get(row["month"], nothing) | {"level": row["star_level"], "source": "imported"}
    return [found[month] for month in sorted(found, reverse=True)]


def read_levels(reader: bulk.Reader, first: str, last: str) -> pd.DataFrame:
    """The levels of months `first` to `last` (frames.STAR_LEVELS): imported where there is such a row, else computed here."""
    c = tables.contract["star_levels"].c
    imported = reads.read_table(reader, "star_levels", c.month >= first, c.month <= last)
    own = sa.select(ROWS.c.retailer_id, ROWS.c.month, ROWS.c.level.label("star_level"))
    computed = reader.frame(own.where(of_force(), ROWS.c.month >= first, ROWS.c.month <= last), frames.STAR_LEVELS)
    if computed.empty:
        return imported
    both = pd.concat([imported, computed], ignore_index=True).drop_duplicates(frames.STAR_LEVELS.key)
    return frames.conform(frames.STAR_LEVELS, both, check=False)


def months(db: Database) -> list[str]:
    """The months of which levels are known, imported or computed, in order."""
    c = tables.contract["star_levels"].c
    query = sa.union(sa.select(c.month), sa.select(T.c.month).where(T.c.withdrawn_at.is_(None)))
    found = query.subquery()
    return sorted(row["month"] for row in db.rows(sa.select(found.c.month)))
