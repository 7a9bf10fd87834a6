"""From the database to what a night may know: the selection of domain.md, "What a night decides, and what it does not"."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ordering import database, doubtful, frames, history, tables
from ordering.errors import StateError
from ordering.frames import Snapshot
from ordering.model import month_of, week_of


@database.repeated
def read_week(db: database.Database, business_date: date, *, weeks: int, horizon: int, history_folder: Path) -> tuple[Snapshot, list[str]]:
    """What the night of `business_date` may know, with `weeks` weeks of history and a calendar of `horizon` weeks ahead.

    Figures that cannot be are left out or held down, see `doubtful`. The second part says in words what was wrong with the Parquet history
    (empty: nothing). Raises StateError where there is no order before the business date.
    """
    monday = week_of(business_date)
    first = monday - timedelta(weeks=weeks)
    last = business_date + timedelta(days=6)
    with db.reading() as reader:
        parts, troubles = _past(reader, first, business_date, history_folder)
        waiting = database.read_lines(reader, business_date, last)
        if not sum(part.num_rows for part in parts):
            raise StateError(f"no order before {business_date} is stored; import the weeks before it, or give another --date")
        if not any(week < monday for week, _ in database.known_weeks(reader, first)):
            raise StateError(f"no whole week of orders lies before {business_date}; a night needs one: import it, or give a later --date")
        retailers = _retailers(reader, last, [*parts, waiting])
        brands = _brands(reader, last, [*parts, waiting])
        kinds = {"retailer_id": pd.CategoricalDtype(retailers["retailer_id"]), "brand_id": pd.CategoricalDtype(brands["brand_id"])}
        confirmed = database.read_confirmed(reader, business_date, last)
        small = _small_tables(reader, first, business_date, last, horizon)
        levels = database.read_week_levels(reader, monday, week_of(last), before=business_date)
        revisions = database.read_revisions(reader, monday - timedelta(weeks=REVISED_WEEKS), last, before=business_date)
        answers = database.read_answers(reader, before=business_date)
    coded = {name: _coded(frame, kinds) if name in frames.LONG else frame for name, frame in small.items()}
    lines = _lines(parts, kinds)
    ahead = _only_confirmed(_lines([waiting], kinds), confirmed)
    known = Snapshot(business_date, retailers, brands, lines, ahead, week_levels=levels, revisions=revisions, answers=answers, **coded)
    return doubtful.believed(known), troubles


def read_desk(db: database.Database, today: date, week: date) -> Snapshot:
    """What the ordering desk of a day may know of `week`: as `read_week`, without any line. An order of today is planned on it as the
    night of today would."""
    last = max(today + timedelta(days=6), week + timedelta(days=6) if week > week_of(today) else today)
    monday = min(week_of(today), week)
    with db.reading() as reader:
        retailers, brands = _retailers(reader, last, []), _brands(reader, last, [])
        small = _small_tables(reader, monday, today, last, 0)
        levels = database.read_week_levels(reader, monday, week_of(last), before=today + timedelta(days=1))
    kinds = {"retailer_id": pd.CategoricalDtype(retailers["retailer_id"]), "brand_id": pd.CategoricalDtype(brands["brand_id"])}
    coded = {name: _coded(frame, kinds) if name in frames.LONG else frame for name, frame in small.items()}
    nothing = frames.empty(frames.ORDER_LINES).assign(week=pd.Series(dtype="datetime64[us]")).astype(kinds)
    return Snapshot(today, retailers, brands, nothing, nothing, week_levels=levels, **coded)


REVISED_WEEKS = 26
"""How far back a night looks at requests that were changed: as far as lines are judged by default."""


def _past(reader: database.Reader, first: date, business_date: date, folder: Path) -> tuple[list[Any], list[str]]:
    """Lines dated before the business date: closed weeks from the history, the week of the business date from the database."""
    monday = week_of(business_date)
    closed = [(week, version) for week, version in database.known_weeks(reader, first) if week < monday]

    def fetch(week: date) -> Any:
        return database.read_lines(reader, week, week + timedelta(days=6))

    parts, troubles = history.read(folder, closed, fetch)
    if monday < business_date:
        parts.append(database.read_lines(reader, monday, business_date - timedelta(days=1)))
    return parts, troubles


def _retailers(reader: database.Reader, last: date, lines: list[Any]) -> pd.DataFrame:
    """The retailers known by `last`; a closure after it is not known yet."""
    found = database.read_table(reader, "retailers")
    seen = found["retailer_id"].isin(_named(lines, "retailer_id"))
    begun = found["active_from"].isna() | (found["active_from"] <= frames.day(last))
    return _not_known_yet(found[begun | seen].reset_index(drop=True), "active_to", last)


def _brands(reader: database.Reader, last: date, lines: list[Any]) -> pd.DataFrame:
    """The brands known by `last`; a withdrawal after it is not known yet."""
    found = database.read_table(reader, "brands")
    seen = found["brand_id"].isin(_named(lines, "brand_id"))
    begun = found["launched_on"].isna() | (found["launched_on"] <= frames.day(last))
    return _not_known_yet(found[begun | seen].reset_index(drop=True), "withdrawn_on", last)


def _not_known_yet(frame: pd.DataFrame, column: str, last: date) -> pd.DataFrame:
    return frame.assign(**{column: frame[column].where(frame[column] <= frames.day(last))})


def _named(lines: list[Any], column: str) -> set[str]:
    """The ids that the lines name."""
    import pyarrow.compute as pc

    return {name for part in lines for name in pc.unique(part[column]).to_pylist()}


def _small_tables(reader: database.Reader, first: date, business_date: date, last: date, horizon: int) -> dict[str, pd.DataFrame]:
    """The tables beside the lines, each up to what is known on the business date."""
    c = {name: table.c for name, table in tables.contract.items()}
    planned = week_of(last)
    months = (month_of(first), month_of(planned))
    ahead = business_date + timedelta(weeks=horizon + 4)

    def weekly(name: str, end: date, start: date = first) -> pd.DataFrame:
        return database.read_table(reader, name, c[name].week >= start, c[name].week <= end)

    def monthly(name: str) -> pd.DataFrame:
        return database.read_table(reader, name, c[name].month >= months[0], c[name].month <= months[1])

    return {
        "supply": weekly("supply", planned, date.min),  # whole: the turn of a ticket counts every week of limited supply
        "release_strategy": weekly("release_strategy", planned),
        "band_caps": weekly("band_caps", planned),
        "regressors": weekly("regressors", planned),
        "scanned_sales": weekly("scanned_sales", week_of(business_date) - timedelta(weeks=1)),
        "star_levels": database.read_levels(reader, *months),
        "monthly_quotas": monthly("monthly_quotas"),
        "daily_limits": database.read_table(reader, "daily_limits"),
        "stock_counts": database.read_table(
            reader, "stock_counts", c["stock_counts"].counted_on >= first, c["stock_counts"].counted_on < business_date
        ),
        "festivals": database.read_table(reader, "festivals", c["festivals"].starts_on <= ahead),
        "holds": database.read_table(reader, "holds", c["holds"]["from"] <= last, c["holds"]["to"] >= first),
    }


def _coded(frame: pd.DataFrame, kinds: Mapping[str, pd.CategoricalDtype]) -> pd.DataFrame:
    """Ids as categories; rows of retailers or brands that are not known yet are left out."""
    typed = frame.astype({name: kind for name, kind in kinds.items() if name in frame})
    return typed.dropna(subset=[name for name in kinds if name in frame], ignore_index=True)


def _lines(parts: Iterable[Any], kinds: Mapping[str, pd.CategoricalDtype]) -> pd.DataFrame:
    """Arrow line tables as one frame: ids as categories, with the week beside each date."""
    return pd.concat([_frame(part, kinds) for part in parts], ignore_index=True)


def _frame(part: Any, kinds: Mapping[str, pd.CategoricalDtype]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    day = part["order_date"].cast(pa.int32()).to_numpy()
    monday = day - (day + 3) % 7  # day 0, 1970-01-01, was a Thursday
    missing = pc.is_null(part["allocated"]).to_numpy()
    allocated = pc.fill_null(part["allocated"], 0).to_numpy()
    return pd.DataFrame(
        {
            "order_id": part["order_id"].to_pandas().astype("str"),
            "brand_id": _codes(part["brand_id"], kinds["brand_id"]),
            "retailer_id": _codes(part["retailer_id"], kinds["retailer_id"]),
            "order_date": day.astype("datetime64[D]").astype("datetime64[us]"),
            "mode": pd.Categorical(part["mode"].to_pandas().astype("str"), categories=["pre_order", "same_day"]),
            "requested": part["requested"].to_numpy().astype(np.int32),
            "allocated": pd.arrays.IntegerArray(allocated.astype(np.int32), missing),
            "week": monday.astype("datetime64[D]").astype("datetime64[us]"),
        }
    )


def _codes(column: Any, kind: pd.CategoricalDtype) -> pd.Categorical:
    """A column of ids as categories of `kind`."""
    import pyarrow as pa

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    at = pd.Index(kind.categories).get_indexer(pd.Index(coded.dictionary.to_pandas()))
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(at[codes] if len(at) else codes, dtype=kind)


def _only_confirmed(waiting: pd.DataFrame, confirmed: pd.DataFrame) -> pd.DataFrame:
    """Waiting lines keep their allocation only where it was confirmed here."""
    here = frames.among(waiting, confirmed, frames.ORDER_LINES.key)
    return waiting.assign(allocated=waiting["allocated"].where(here))


def fingerprint(parts: Iterable[tuple[str, pd.DataFrame]]) -> str:
    """A hash over named frames: equal where every column name, value and row order is equal, on any machine and database."""
    digest = hashlib.sha256()
    for name, frame in parts:
        digest.update(f"{name}:{len(frame)}:{','.join(frame.columns)}".encode())
        for column in frame.columns:
            for piece in _bytes(frame[column]):
                digest.update(piece)
    return digest.hexdigest()


PIECE = 1_000_000


def _bytes(values: pd.Series) -> Iterable[bytes]:
    """The values of a column as bytes, a million at a time."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        yield "\x1f".join(map(str, values.cat.categories)).encode()
        yield values.cat.codes.to_numpy(np.int32).tobytes()
        return
    missing = values.isna().to_numpy()
    if missing.any():
        yield np.packbits(missing).tobytes()
    for start in range(0, len(values), PIECE):
        piece = values.iloc[start : start + PIECE]
        if pd.api.types.is_datetime64_dtype(piece.dtype):
            yield piece.to_numpy("datetime64[us]").astype(np.int64).tobytes()
        elif pd.api.types.is_bool_dtype(piece.dtype):
            yield piece.to_numpy(np.int8).tobytes()
        elif pd.api.types.is_float_dtype(piece.dtype):
            yield piece.to_numpy(np.float64, na_value=0.0).tobytes()
        elif pd.api.types.is_integer_dtype(piece.dtype):
            yield piece.to_numpy(np.int64, na_value=0).tobytes()
        else:
            yield "\x1f".join(piece.fillna("")).encode()


def of_snapshot(snapshot: Snapshot) -> str:
    """The hash of just what a night was given."""
    named = [(name, value) for name, value in vars(snapshot).items() if isinstance(value, pd.DataFrame)]
    return fingerprint([(str(snapshot.business_date), pd.DataFrame()), *named])
