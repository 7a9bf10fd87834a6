"""Distinct cells of text to values: what a cell may hold, by the kind of its column. (`cell_words` tells what is wrong with one.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ordering.cell_words import FIRST_YEAR, LAST_YEAR, LONGEST_ID, LONGEST_TEXT, explain
from ordering.frames import Column, Kind
from ordering.reading import Cells, Codes, Rows, Sheet
from ordering.refusing import FaultList

TRUE, FALSE = ("true", "1"), ("false", "0")
Flags = npt.NDArray[np.bool_]


@dataclass
class Typed:
    """One column read: per distinct cell its value, whether it is `sound` and whether it is `blank`; `codes` one per row.

    `values` is an Arrow string array (ids, text, choices, months), int64 (counts), float64, bool or datetime64[us].
    """

    codes: Codes
    values: Any
    sound: Flags
    blank: Flags

    def rows(self, marked: Flags) -> Rows:
        """The rows, ascending, whose distinct cell is marked."""
        return np.flatnonzero(marked[self.codes]) if marked.any() else np.zeros(0, np.int64)

    def column(self) -> Any:
        """The value of every row (numbers, dates and truth values only)."""
        return self.values[self.codes]

    def words(self) -> npt.NDArray[np.object_]:
        """The distinct values as text (ids, text, choices and months only)."""
        return np.array(self.values.to_pylist(), object)

    def of(self, row: int) -> str:
        """The value of one row in words."""
        value = self.values[int(self.codes[row])]
        if isinstance(value, np.datetime64):
            return str(value.astype("datetime64[D]"))
        return str(value.as_py() if hasattr(value, "as_py") else value)


def typed(column: Column, sheet: Sheet, faults: FaultList) -> Typed:
    """A column of a sheet, read by its kind; every cell that does not fit is added to `faults`."""
    cells = sheet.cells[column.name]
    found = read_cells(column, cells)
    wrong = found.rows(~found.sound)
    if cells.told is not None:
        wrong, found.sound = found.rows(~found.sound & ~cells.told), found.sound & ~cells.told
    if len(wrong):
        faults.add_rows(sheet, column.name, wrong, lambda row: explain(column, cells.text(row)))
    return found


def read_cells(column: Column, cells: Cells) -> Typed:
    """The values of a column's distinct cells; blank ones take the column's default, and are sound where it may be blank."""
    import pyarrow.compute as pc

    blank = _flags(pc.equal(cells.values, ""))
    values, fits = READERS[column.kind](column, cells.values)
    if column.kind in _NUMERIC:
        low, high = column.low if column.low is not None else -np.inf, column.high if column.high is not None else np.inf
        fits &= (values >= low) & (values <= high)
    if column.blank and column.default is not None and blank.any():
        values = _defaulted(values, blank, column.default)
    return Typed(cells.codes, values, np.where(blank, column.blank, fits), blank)


def _flags(array: Any) -> Flags:
    flags: Flags = array.fill_null(False).to_numpy(zero_copy_only=False)
    return flags.astype(bool)


def _matching(values: Any, pattern: str) -> Flags:
    import pyarrow.compute as pc

    return _flags(pc.match_substring_regex(values, pattern))


def _only(values: Any, keep: Flags, otherwise: str) -> Any:
    """The texts, with `otherwise` where they are not to be read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return values if keep.all() else pc.if_else(pa.array(keep), values, otherwise)


def _defaulted(values: Any, blank: Flags, default: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, np.ndarray):
        return np.where(blank, default, values)
    return pc.if_else(pa.array(blank), str(default), values)


def _texts(longest: int, forbidden: str) -> Callable[[Column, Any], tuple[Any, Flags]]:
    def read(column: Column, values: Any) -> tuple[Any, Flags]:
        import pyarrow.compute as pc

        short = _flags(pc.less_equal(pc.utf8_length(values), longest))
        return values, short & ~_matching(values, forbidden)

    return read


def _choices(column: Column, values: Any) -> tuple[Any, Flags]:
    import pyarrow as pa
    import pyarrow.compute as pc

    return values, _flags(pc.is_in(values, pa.array([str(choice) for choice in column.choices], pa.string())))


def _wholes(column: Column, values: Any) -> tuple[Any, Flags]:
    import pyarrow as pa
    import pyarrow.compute as pc

    signed = "-?" if column.kind is Kind.SIGNED or (column.low or 0) < 0 else ""
    fits = _matching(values, rf"^{signed}[0-9]{{1,18}}(\.0*)?$")  # a spreadsheet writes 5 as 5.0 where another cell is empty
    whole = pc.replace_substring_regex(_only(values, fits, "0"), r"\..*", "")
    return whole.cast(pa.int64()).to_numpy(zero_copy_only=False), fits


def _reals(column: Column, values: Any) -> tuple[Any, Flags]:
    fits = _matching(values, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$")
    numbers = np.array([float(text) for text in _only(values, fits, "0").to_pylist()], np.float64)
    return numbers, fits & np.isfinite(numbers)


def _dates(column: Column, values: Any) -> tuple[Any, Flags]:
    import pyarrow as pa
    import pyarrow.compute as pc

    fits = _matching(values, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    texts = _only(values, fits, "1970-01-01")
    year, month, day = (
        pc.utf8_slice_codeunits(texts, start, stop).cast(pa.int64()).to_numpy(zero_copy_only=False)
        for start, stop in ((0, 4), (5, 7), (8, 10))
    )
    fits &= (year >= FIRST_YEAR) & (year <= LAST_YEAR) & (month >= 1) & (month <= 12)
    months = np.where(fits, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    fits &= days.astype("datetime64[M]") == months
    return np.where(fits, days, np.datetime64("NaT", "D")).astype("datetime64[us]"), fits


def _weeks(column: Column, values: Any) -> tuple[Any, Flags]:
    days, fits = _dates(column, values)
    return days, fits & (weekday(days) == 0)


def weekday(days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    """0 (Monday) to 6 for each day."""
    weekdays: npt.NDArray[np.int64] = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return weekdays


def monday(days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """The Monday of each day's week, datetime64[us]."""
    whole = days.astype("datetime64[D]")
    return (whole - weekday(whole)).astype("datetime64[us]")


def _months(column: Column, values: Any) -> tuple[Any, Flags]:
    return values, _matching(values, r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$")


def _truths(column: Column, values: Any) -> tuple[Any, Flags]:
    lower = np.array([text.lower() for text in values.to_pylist()], object)
    true = np.isin(lower, TRUE)
    return true, true | np.isin(lower, FALSE)


READERS: dict[Kind, Callable[[Column, Any], tuple[Any, Flags]]] = {
    Kind.ID: _texts(LONGEST_ID, r"[\x00-\x1f\x7f]"),
    Kind.TEXT: _texts(LONGEST_TEXT, r"\x00"),
    Kind.CHOICE: _choices,
    Kind.COUNT: _wholes,
    Kind.SIGNED: _wholes,
    Kind.NUMBER: _reals,
    Kind.DATE: _dates,
    Kind.WEEK: _weeks,
    Kind.MONTH: _months,
    Kind.BOOL: _truths,
}
_NUMERIC = (Kind.COUNT, Kind.SIGNED, Kind.NUMBER)
