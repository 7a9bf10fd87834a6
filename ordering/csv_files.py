"""csv files: what their bytes tell (encoding, NUL bytes, line ends), their rows by Arrow's fast reader, and the true lines of rows.

Line numbers are found only when a fault needs them, by the slower reader of the standard library, which knows where a record starts.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ordering.errors import Fault
from ordering.reading import Rows, Sheet, cells_of, first_line
from ordering.refusing import FaultList

BLOCK = 1 << 24
HEADER_BYTES = 1 << 20
LONGEST_LINE = 4 * BLOCK  # the fast reader takes no row of more than two blocks, so the slow one can read all that it read
csv.field_size_limit(LONGEST_LINE)


class Bytes(NamedTuple):
    """What a look at a csv file's bytes finds. `lines` counts physical lines, the unfinished last one included."""

    size: int
    lines: int
    quotes: int
    nul_line: int
    encoding: str
    bad_line: int
    ends_open: bool


def look(path: Path, progress: Callable[[int], None]) -> Bytes:
    """Count lines and quotes, find NUL bytes and the encoding of a csv file, block by block; `progress` is told the bytes of each."""
    size = lines = quotes = nul_line = bad_line = 0
    last = b"\n"
    utf8 = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if not nul_line and (at := block.find(b"\0")) >= 0:
                nul_line = lines + _ends(block[:at], last) + 1
            if not bad_line and (utf8.getstate()[0] or not block.isascii()):
                bad_line = _undecodable(utf8, block, lines, last)
            size += len(block)
            lines += _ends(block, last)
            quotes += block.count(b'"')
            last = block[-1:]
            progress(len(block))
    if not bad_line and utf8.getstate()[0]:
        bad_line = lines + 1
    ends_open = size > 0 and last not in b"\r\n"
    encoding, bad_line = _encoding(path, bad_line)
    return Bytes(size, lines + ends_open, quotes, nul_line, encoding, bad_line, ends_open)


def _ends(block: bytes, before: bytes) -> int:
    """Line ends in a block (\\n, \\r\\n or \\r alone), given the byte before it."""
    split = before == b"\r" and block[:1] == b"\n"  # a pair cut in two by the block's border was counted with the last block
    return block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n") - split


def _undecodable(decoder: codecs.IncrementalDecoder, block: bytes, lines: int, last: bytes) -> int:
    """The line of the block's first byte that is no UTF-8, 0 where there is none."""
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(block)
    except UnicodeDecodeError as error:
        return lines + _ends(block[: max(error.start - pending, 0)], last) + 1
    return 0


def _encoding(path: Path, bad_line: int) -> tuple[str, int]:
    """The encoding by name, and the first line that fits neither UTF-8 nor GB18030 (0: none).

    Damaged UTF-8 must not pass as GB18030, which takes nearly any bytes: where most of the text is sound UTF-8, it is that.
    """
    if not bad_line:
        return "utf-8-sig", 0
    good = bad = 0
    gb18030 = codecs.getincrementaldecoder("gb18030")()
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    with path.open("rb") as file:
        marked = file.read(3) == codecs.BOM_UTF8
        file.seek(0)
        try:
            while block := file.read(BLOCK):
                gb18030.decode(block)
                text = utf8.decode(block)
                wrong = text.count("�")
                bad, good = bad + wrong, good + len(text) - len(text.encode("ascii", "ignore")) - wrong
            gb18030.decode(b"", final=True)
        except UnicodeDecodeError:
            return "utf-8-sig", bad_line
    return ("utf-8-sig", bad_line) if marked or good > bad else ("gb18030", 0)


class CsvFile:
    """A csv file that has been looked at: its header, and where its records start."""

    def __init__(self, path: Path, seen: Bytes, delimiter: str) -> None:
        self.path, self.seen, self.delimiter = path, seen, delimiter

    @cached_property
    def header(self) -> tuple[list[str], int]:
        """The first record that is not empty, stripped, and the number of the line on which it ends. Raises csv.Error."""
        with self.path.open("rb") as file:
            text = file.read(HEADER_BYTES).decode(self.seen.encoding, "ignore")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter)
        names = next((record for record in reader if record), [])
        return [name.strip().lstrip("\ufeff").strip() for name in names], reader.line_num

    def records(self) -> Iterator[tuple[int, int]]:
        """Line of the start and number of cells of every record that is not empty, header included. Raises csv.Error."""
        with self.path.open(encoding=self.seen.encoding, newline="") as file:
            reader = csv.reader(_bounded(file), delimiter=self.delimiter)
            start = 1
            for record in reader:
                if record:
                    yield start, len(record)
                start = reader.line_num + 1

    @cached_property
    def lines(self) -> Rows:
        """The line on which each record after the header starts, of those with as many cells as the header."""
        width, last = len(self.header[0]), self.header[1]
        return np.fromiter((start for start, cells in self.records() if start > last and cells == width), np.int64)

    def line_of(self, rows: Rows) -> Rows:
        """Lines of the file for rows by number."""
        return self.lines[rows]

    def opened_quote(self) -> int:
        """The line of a record whose quote is never closed, 0 where there is none. A strict reader stops at the end of the file."""
        start = 1
        with self.path.open(encoding=self.seen.encoding, newline="") as file:
            reader = csv.reader(_bounded(file), delimiter=self.delimiter, strict=True)
            try:
                for _ in reader:
                    start = reader.line_num + 1
            except csv.Error as error:
                return start if "unexpected end of data" in str(error) else 0
        return 0


def _bounded(file: io.TextIOBase) -> Iterator[str]:
    """The lines of a file; a line of millions of characters is no line, and is not read whole."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise csv.Error("line too long")
        yield line


def csv_sheet(path: Path, seen: Bytes, wanted: Collection[str], faults: FaultList, delimiter: str = ",") -> Sheet | None:
    """The wanted columns of a csv file with a sound header; None where its rows cannot be told apart (then `faults` says why)."""
    import pyarrow as pa

    source = CsvFile(path, seen, delimiter)
    header, last = source.header
    if seen.quotes % 2 and (line := source.opened_quote()):
        faults.add(
            Fault(path.name, line, "", "", "opens a quote that is never closed; close it, or export the file again if it was cut off")
        )
        return None
    try:
        table, ragged = _arrow_table(source, [i for i, name in enumerate(header) if name in wanted])
    except (pa.ArrowException, ValueError, UnicodeError) as error:
        _add_ragged(source, faults, f"cannot be read as csv ({first_line(error)}); export it again")
        return None
    if ragged:
        _add_ragged(source, faults, "")
    regular = not ragged and table.num_rows + last == seen.lines
    cells = {header[int(name[1:])]: cells_of(table.column(name)) for name in table.column_names}
    if not cells:
        return None
    return Sheet(path.name, table.num_rows, cells, (lambda rows: rows + last + 1) if regular else source.line_of, whole=not ragged)


def _arrow_table(source: CsvFile, columns: Sequence[int]) -> tuple[Any, bool]:
    """The columns by number as dictionary-encoded text, without the rows of too few or too many cells, and whether there were any."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    header, last = source.header
    names = [f"c{i}" for i in range(len(header))]
    text = pa.dictionary(pa.int32(), pa.string())
    ragged: list[int] = []
    encoding = "utf8" if source.seen.encoding == "utf-8-sig" else source.seen.encoding

    def skip(row: Any) -> str:
        ragged[:] = [1]
        return "skip"

    try:
        table = pacsv.read_csv(
            source.path,
            pacsv.ReadOptions(block_size=BLOCK, skip_rows=last, column_names=names, encoding=encoding),
            pacsv.ParseOptions(delimiter=source.delimiter, newlines_in_values=source.seen.quotes > 0, invalid_row_handler=skip),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, text), include_columns=[f"c{i}" for i in columns], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise
        table = pa.table({f"c{i}": pa.array([], pa.string()) for i in columns})
    return table, bool(ragged)


def _add_ragged(source: CsvFile, faults: FaultList, otherwise: str) -> None:
    """A fault for every record with another number of cells than the header, or for what stopped the reading."""
    width, last = len(source.header[0]), source.header[1]
    before = faults.count(source.path.name)
    final = 0
    try:
        uneven = []
        for start, cells in source.records():
            final = start
            if start > last and cells != width:
                uneven.append((start, cells))
        for start, cells in uneven:
            cut = source.seen.ends_open and start == final and cells < width
            why = (
                "the file was cut off here: export it again"
                if cut
                else "put a cell that holds a comma into quotes, and keep the empty ones"
            )
            noun = "cell" if cells == 1 else "cells"
            faults.add(Fault(source.path.name, start, "", "", f"has {cells} {noun} where the header has {width}; {why}"))
    except csv.Error:
        faults.add(
            Fault(source.path.name, final + 1, "", "", "holds a cell that is too long to be one; look for a quote that is not closed")
        )
    if otherwise and faults.count(source.path.name) == before:
        faults.add(Fault(source.path.name, 0, "", "", otherwise))
