"""Files of a made-up city, written in pieces: csv or Parquet, no more than a week of lines in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ordering.errors import TrueOrderError

Format = Literal["csv", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "parquet")
ROW_GROUP = 500_000
"""Rows that are gathered before they go to disk."""


def format_of(name: str) -> Format:
    """The format of that name. Raises TrueOrderError where there is none."""
    for known in FORMATS:
        if known == name:
            return known
    raise TrueOrderError(f'format "{name}": a city is written as {" or ".join(FORMATS)}')


class Pieces:
    """One growing file. Columns are given as arrow arrays or anything arrow takes; the first piece fixes their types.

    Used as a context; without a piece no file is made. `rows` counts what was written.
    """

    def __init__(self, folder: Path, name: str, format: Format) -> None:
        self.path = folder / f"{name}.{format}"
        self.rows = 0
        self._waiting: list[Any] = []
        self._sink: Any = None
        self._stream: Any = None

    def __enter__(self) -> Pieces:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._flush()
        if self._sink is not None:
            self._sink.close()
        if self._stream is not None:
            self._stream.close()

    def add(self, columns: Mapping[str, Any]) -> None:
        """Adds rows: columns of one length, by name, the same names every time."""
        import pyarrow as pa

        table = pa.table(dict(columns))
        self._waiting.append(table)
        self.rows += table.num_rows
        if sum(part.num_rows for part in self._waiting) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting = []
        if self._sink is None:
            self._open(table.schema)
        self._sink.write_table(table)

    def _open(self, schema: Any) -> None:
        import pyarrow.csv
        import pyarrow.parquet

        if self.path.suffix == ".parquet":
            self._sink = pyarrow.parquet.ParquetWriter(self.path, schema)
            return
        self._stream = self.path.open("wb")
        plain = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none", batch_size=8192)
        self._sink = pyarrow.csv.CSVWriter(self._stream, schema, write_options=plain)


def write(folder: Path, name: str, columns: Mapping[str, Any], format: Format) -> int:
    """Writes a whole file at once and returns its rows; a table without rows is not written."""
    with Pieces(folder, name, format) as file:
        if len(next(iter(columns.values()))):
            file.add(columns)
    return file.rows
