"""Files as tables of text, and how a parquet file becomes one. (`csv_files` reads the other kind.)

Every column is its distinct cells and a code per row: checks look at each distinct cell once, however many million rows hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ordering.errors import Fault
from ordering.refusing import FaultList

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

LARGEST = 200_000_000
"""Rows that are read of one file."""
MANY, MOST_PER_BYTE = 1_000_000, 10
"""Beyond so many rows a file has a byte for every so many of them: order ids alone take more. One that has fewer would fill the memory."""


class Cells(NamedTuple):
    """One column of text: `values` are its distinct cells (an Arrow string array, blanks around them stripped), `codes` one per row.

    `told` marks distinct cells that are known to be wrong, and have been told.
    """

    codes: Codes
    values: Any
    told: npt.NDArray[np.bool_] | None = None

    def text(self, row: int) -> str:
        """The cell of a row."""
        return str(self.values[int(self.codes[row])].as_py())


@dataclass
class Sheet:
    """A file's rows as text. `line_of` gives the true line of the file for rows by number; `labels` its own names of the columns.

    `whole` is false when rows were left out because their cells could not be told apart.
    """

    file: str
    rows: int
    cells: dict[str, Cells]
    line_of: Callable[[Rows], Rows]
    labels: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True

    def label(self, column: str) -> str:
        """The column's name in the file."""
        return self.labels.get(column, column)


def cells_of(array: Any) -> Cells:
    """Cells of an Arrow (chunked) array of text or of dictionary-encoded text; missing cells are empty ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chunked = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    coded = chunked if pa.types.is_dictionary(chunked.type) else chunked.dictionary_encode()
    coded = coded.unify_dictionaries()
    if coded.num_chunks == 0:
        return Cells(np.zeros(0, np.int32), pa.array([], pa.string()))
    values = coded.chunk(0).dictionary.cast(pa.string())
    parts = [chunk.indices.fill_null(len(values)).to_numpy(zero_copy_only=False).astype(np.int32, copy=False) for chunk in coded.chunks]
    codes = np.concatenate(parts)
    missing = coded.null_count or values.null_count
    if missing:
        values = pa.concat_arrays([values.fill_null(""), pa.array([""], pa.string())])
    stripped = pc.utf8_trim_whitespace(values)
    if missing or not stripped.equals(values):
        again = stripped.dictionary_encode()
        codes, values = again.indices.to_numpy(zero_copy_only=False).astype(np.int32)[codes], again.dictionary
    return Cells(codes, values)


def parquet_sheet(path: Path, wanted: Collection[str], faults: FaultList) -> tuple[list[str], Sheet | None]:
    """The columns of a parquet file by name, and the wanted ones as text; None where they could not be read.

    Row n stands on "line" n + 1, as if the table were csv.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names, texts = list(file.schema_arrow.names), [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
            if (rows := int(file.metadata.num_rows)) > LARGEST:
                message = f"holds {rows:,} rows, more than the {LARGEST:,} that are read at once; split it by year"
                faults.add(Fault(path.name, 0, "", "", message))
                return names, None
            if rows > MANY and rows > MOST_PER_BYTE * (size := path.stat().st_size):
                message = f"holds {rows:,} rows in {size:,} bytes: hardly a cell differs from another; export it again"
                faults.add(Fault(path.name, 0, "", "", message))
                return names, None
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read(columns=[name for name in dict.fromkeys(names) if name in wanted])
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        faults.add(
            Fault(path.name, 0, "", "", f"cannot be read as parquet ({first_line(error)}); it was cut off or damaged: export it again")
        )
        return [], None
    cells = {}
    for number, name in enumerate(table.column_names):
        try:
            cells[name] = cells_of(_as_text(table.column(number)))
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            kind = str(table.schema.field(number).type)
            faults.add(Fault(path.name, 0, name, kind, "is a type that holds no single value; write text, numbers or dates"))
            return names, None
    return names, Sheet(path.name, table.num_rows, cells, lambda rows: rows + 2)


def _as_text(column: Any) -> Any:
    """A parquet column as csv would hold it: whole floats without a fraction sign, days as YYYY-MM-DD, truth as true or false."""
    import pyarrow as pa

    kind = column.type
    if kind == pa.dictionary(pa.int32(), pa.string()):
        return column
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.array([""] * len(column), pa.string())])
    simple = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp, pa.types.is_decimal)
    if not any(test(kind) for test in simple):
        raise TypeError(str(kind))
    coded = column.dictionary_encode().unify_dictionaries()
    words = pa.array([_word(value) for value in coded.chunk(0).dictionary], pa.string()) if coded.num_chunks else pa.array([], pa.string())
    chunks = [pa.DictionaryArray.from_arrays(chunk.indices, words) for chunk in coded.chunks]
    return pa.chunked_array(chunks, pa.dictionary(pa.int32(), pa.string()))


def _word(scalar: Any) -> str:
    """One value as csv text."""
    value = scalar.as_py()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        if value != value:  # not a number: an empty cell of a float column
            return ""
        return str(int(value)) if -(2**63) < value < 2**63 and value == int(value) else str(value)
    return str(value).removesuffix(" 00:00:00") if hasattr(value, "isoformat") else f"{value}"


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
