"""Keys of tables read from files: their order, their repeats, and the frames in key order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering import frames
from ordering.cell_values import Flags, Typed
from ordering.frames import Kind, Table
from ordering.reading import Rows, Sheet


@dataclass
class Parsed:
    """A table read from a file: its typed columns (those the file has), and the sheet they came from."""

    table: Table
    sheet: Sheet
    columns: dict[str, Typed]

    def sound(self, names: Sequence[str]) -> Flags:
        """The rows in which the cells of these columns (those that are there) are all sound."""
        out = np.ones(self.sheet.rows, bool)
        for name in names:
            if name in self.columns and not self.columns[name].sound.all():
                out &= self.columns[name].sound[self.columns[name].codes]
        return out

    def certain(self) -> bool:
        """True when no row was left out and no cell of the key is at fault, so that what is not in the table is known not to be in it."""
        return self.sheet.whole and bool(self.sound(self.table.key).all())

    def has(self, *names: str) -> bool:
        """True when the file has all these columns."""
        return all(name in self.columns for name in names)


def ranks(column: Typed) -> tuple[npt.NDArray[np.int64], int]:
    """The rank of each distinct cell's value, equal where values are equal, and the number of ranks. Text is ranked by code point."""
    import pyarrow.compute as pc

    if isinstance(column.values, np.ndarray):
        distinct, inverse = np.unique(column.values, return_inverse=True)
        return inverse.astype(np.int64), len(distinct)
    encoded = column.values.dictionary_encode()  # a default may repeat a value that is there already
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[encoded.indices.to_numpy(zero_copy_only=False)], len(order)


def key_numbers(parsed: Parsed, names: Sequence[str] = ()) -> npt.NDArray[np.int64]:
    """A number for each row that orders rows as the key (or these columns) does, equal where keys are equal."""
    out = np.zeros(parsed.sheet.rows, np.int64)
    room = 1
    for name in names or parsed.table.key:
        if name not in parsed.columns:
            continue
        place, count = ranks(parsed.columns[name])
        if room * max(count, 1) >= 2**62:
            distinct, out = np.unique(out, return_inverse=True)
            room = len(distinct)
        out *= max(count, 1)
        out += place[parsed.columns[name].codes]
        room *= max(count, 1)
    return out


def key_order(numbers: npt.NDArray[np.int64]) -> Rows | None:
    """Rows in the order of the key, equal ones in the order of the file; None where they stand in it already."""
    if len(numbers) < 2 or bool((numbers[1:] >= numbers[:-1]).all()):
        return None
    return np.argsort(numbers, kind="stable")


def repeats(numbers: npt.NDArray[np.int64], sound: Flags) -> tuple[Rows, Rows]:
    """Rows that repeat the key of an earlier one (ascending), and for each the first row of that key; rows not sound are left out."""
    rows = np.flatnonzero(sound)
    order = key_order(numbers[rows])
    rows = rows if order is None else rows[order]
    ordered = numbers[rows]
    again = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    if not len(again):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    first = rows[starts[np.searchsorted(starts, again, side="right") - 1]]
    by_row = np.argsort(rows[again], kind="stable")
    return rows[again][by_row], first[by_row]


def frame(parsed: Parsed, categories: Mapping[str, pd.Index]) -> pd.DataFrame:
    """The table as `frames.conform` would give it, from columns found sound: each is taken apart as it is turned into its final type.

    `categories` gives, by column, the sorted ids of the columns that are to be categories.
    """
    order = key_order(key_numbers(parsed))
    out: dict[str, Any] = {}
    for column in parsed.table.columns:
        found = parsed.columns.pop(column.name, None)
        parsed.sheet.cells.pop(column.name, None)
        if found is None:
            out[column.name] = pd.Series(column.default, index=range(parsed.sheet.rows), dtype=column.dtype)
        else:
            codes = found.codes if order is None else found.codes[order]
            out[column.name] = _series(column, found, codes, categories.get(column.name))
    return pd.DataFrame(out, copy=False)


def _series(column: frames.Column, found: Typed, codes: npt.NDArray[np.int32], categories: pd.Index | None) -> pd.Series:
    import pyarrow as pa

    if categories is not None:
        place = categories.get_indexer(pd.Index(found.words()))
        small = place.astype(np.int16 if len(categories) < 2**15 else np.int32)
        return pd.Series(pd.Categorical.from_codes(small[codes], dtype=pd.CategoricalDtype(categories)))
    if not isinstance(found.values, np.ndarray):
        words = found.values.cast(pa.large_string()).take(pa.array(codes))
        return pd.Series(pd.arrays.ArrowStringArray(words, dtype=pd.StringDtype("pyarrow", na_value=np.nan)))
    missing = found.blank if column.nullable else np.zeros(len(found.blank), bool)
    if column.kind is Kind.NUMBER:
        return pd.Series(np.where(missing, np.nan, found.values)[codes])
    if column.nullable and column.kind is Kind.COUNT:
        values = found.values.astype(np.int32)
        return pd.Series(pd.arrays.IntegerArray(values[codes], missing[codes]))
    return pd.Series(found.values.astype(column.dtype)[codes])
