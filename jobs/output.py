"""Rows to a file: csv, parquet or xlsx by its ending, the same rows in each, a piece at a time, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from jobs import output_sheets
from jobs.output_sheets import Look
from ordering import storage
from ordering.errors import TrueOrderError

Write = Callable[[pd.DataFrame], None]


def write(parts: Iterable[pd.DataFrame], columns: list[str], file: Path, look: Look | None = None) -> int:
    """Write the `columns` of all parts into `file`; gives the number of rows. `look`: of a file that people open; a csv has names of
    columns alone for headings, and then begins with the mark by which Excel knows UTF-8.

    Raises TrueOrderError where the ending is none of .csv, .parquet and .xlsx, or the file cannot be written; a file of that name
    then stays as it was.
    """
    writers = {".csv": _csv, ".parquet": _parquet, ".xlsx": _xlsx}
    opened = writers.get(file.suffix.lower())
    if opened is None:
        raise TrueOrderError(f"{file}: the ending says which kind of file; use .csv, .parquet or .xlsx")
    count = 0
    try:
        with storage.replacing(file) as unfinished, opened(unfinished, columns, look or Look()) as put:
            for part in parts:
                put(_plain(part[columns]))
                count += len(part)
    except OSError as error:
        raise storage.file_error(file, error) from error
    return count


def _plain(part: pd.DataFrame) -> pd.DataFrame:
    """Ids as text, not as categories."""
    coded = [name for name in part.columns if isinstance(part[name].dtype, pd.CategoricalDtype)]
    return part.astype(dict.fromkeys(coded, "str"))


def _schema(part: pd.DataFrame) -> Any:
    import pyarrow as pa

    found = pa.Table.from_pandas(part, preserve_index=False)
    fields = []
    for field in found.schema:
        kind = pa.date32() if pa.types.is_timestamp(field.type) else field.type
        fields.append(pa.field(field.name, pa.string() if pa.types.is_large_string(kind) else kind))
    return pa.schema(fields)


@contextmanager
def _parquet(file: Path, columns: list[str], look: Look) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def put(part: pd.DataFrame) -> None:
        nonlocal writer
        if writer is None:
            writer = pq.ParquetWriter(file, _schema(part), compression="zstd")
        writer.write_table(pa.Table.from_pandas(part, schema=writer.schema, preserve_index=False, safe=False))

    try:
        yield put
        if writer is None:
            put(pd.DataFrame({name: pd.Series(dtype="str") for name in columns}))
    finally:
        if writer is not None:
            writer.close()


LIVE = r"^\s*[=+\-@\t\r\n＝＋－＠]"
"""Begins a text that spreadsheets may take for a formula when they open a csv, where nothing says what is text."""
NUMBER = r"^[+\-]?\d+(\.\d+)?$"
QUOTED = r"^'(?=\s*[=+\-@\t\r\n＝＋－＠])"
"""The mark that a csv has before such a text, to be taken off where a csv is read again."""


def _inert(rows: Any) -> Any:
    """An Arrow table whose texts no spreadsheet takes for a formula: a ' goes before those that it would; numbers stay numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for at, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            texts = rows.column(at)
            live = pc.and_not(pc.match_substring_regex(texts, LIVE), pc.match_substring_regex(texts, NUMBER))
            if pc.any(live).as_py():
                rows = rows.set_column(at, field, pc.if_else(live, pc.binary_join_element_wise("'", texts, ""), texts))
    return rows


@contextmanager
def _csv(file: Path, columns: list[str], look: Look) -> Iterator[Write]:
    """What looks like a formula becomes text by a ' before it."""
    import pyarrow as pa
    import pyarrow.csv as csv

    with file.open("wb") as out:
        out.write((",".join(columns) + "\n").encode("utf-8-sig" if look.titles else "utf-8"))
        options = csv.WriteOptions(include_header=False, quoting_style="needed")

        def put(part: pd.DataFrame) -> None:
            rows = pa.Table.from_pandas(part, schema=_schema(part), preserve_index=False, safe=False)
            csv.write_csv(_inert(rows), out, options)

        yield put


@contextmanager
def _xlsx(file: Path, columns: list[str], look: Look) -> Iterator[Write]:
    """Sheets of a million rows, each with its header; what looks like a formula or an address stays text."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with workbook(file, options) as book:
        put = output_sheets.writer(book, columns, look)
        yield put
        put(None)


@contextmanager
def workbook(file: Path, options: Mapping[str, Any]) -> Iterator[Any]:
    """An xlsx workbook, written when the block ends well. What it sets down meanwhile lies beside `file`, so that one disk has to have
    room. Raises OSError where it has none.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=file.parent, ignore_cleanup_errors=True) as beside:
        book = xlsxwriter.Workbook(file, {**options, "tmpdir": beside})
        try:
            yield book
            book.close()
        except FileCreateError as error:
            raise error.args[0] from error
        finally:
            book.fileclosed = True  # or its destructor would write it
