"""Lists that were edited in a spreadsheet and come back in: csv in UTF-8 or GB18030, or xlsx; read as text with the lines they stand on.

What a file is, is told from what it holds; its name stands in messages only, and is never a path. Every error is a ListError.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from jobs import output, workbook_cells
from jobs.list_words import ListError

NEEDED = ("retailer_id", "brand_id", "order_day", "version", "final")
"""Columns that an edited list must have."""
ALSO = ("code", "note", "override")
"""Columns that are read where they are there."""
ZIP, OLD, WIDE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", (b"\xff\xfe", b"\xfe\xff")
HEADS = 10
"""Rows among which the names of the columns are looked for: an exported workbook has its titles above them."""
FIELD, CELLS = 100_000, 1_000
"""The longest cell of a csv, and the most cells of a row."""
PARTS, UNPACKED = 2_000, 400 << 20
"""The most files within a workbook, and their bytes together."""
SECONDS = 60

Rows = Iterable[tuple[int, list[str]]]


def shown_name(name: str | None) -> str:
    """The name of an uploaded file as messages show it: without folders, of printable characters alone, and short."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(one for one in last if one.isprintable())[:80].strip() or "list"


def read(name: str, data: bytes) -> pd.DataFrame:
    """The list in a file called `name`: `line`, the columns NEEDED and those of ALSO that it has, as text without blanks around.

    Rows without anything are left out. Raises ListError where it is no list that can be read.
    """
    if not data.strip():
        raise ListError(name, "empty")
    if data.startswith(OLD):
        raise ListError(name, "old")
    if data.startswith(ZIP):
        sheets = _workbook(name, data)
        return _table(name, max(sheets, key=lambda rows: len(_columns(rows)[1]), default=[]))
    found = _table(name, _csv(name, data))
    return found.replace(output.QUOTED, "", regex=True)


def _csv(name: str, data: bytes) -> list[tuple[int, list[str]]]:
    if b"\0" in data or data.startswith(WIDE):
        raise ListError(name, "coding")
    for coding in ("utf-8-sig", "gb18030"):
        try:
            return list(_lines(name, data.decode(coding)))
        except UnicodeDecodeError:
            continue
    raise ListError(name, "coding")


def _lines(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a csv, each with the line on which it begins."""
    widest = max(map(len, text.split("\n")))
    if widest > FIELD:
        raise ListError(name, "cells", what=f"{widest:,} characters on a line")
    reader, before = csv.reader(io.StringIO(text, newline="")), 0
    try:
        for cells in reader:
            if len(cells) > CELLS:
                raise ListError(name, "cells", what=f"line {before + 1}: {len(cells):,} columns")
            if max(map(len, cells), default=0) > FIELD:
                raise ListError(name, "cells", what=f"line {before + 1}: a cell of more than {FIELD:,} characters")
            if any(cells):
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise ListError(name, "cells", what=f"line {before + 1}: {error}") from error


def _workbook(name: str, data: bytes) -> list[list[tuple[int, list[str]]]]:
    """The rows of every sheet, read by a process of its own (workbook_cells)."""
    _check_parts(name, data)
    command = [sys.executable, "-I", str(Path(workbook_cells.__file__))]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ListError(name, "broken") from error
    if done.returncode == workbook_cells.TOO_MANY:
        raise ListError(name, "cells", what=f"more than {workbook_cells.MOST_CELLS:,} cells")
    if done.returncode:
        raise ListError(name, "broken")
    return [[(number, cells) for number, cells in rows] for rows in json.loads(done.stdout)]


def _check_parts(name: str, data: bytes) -> None:
    """Refuse what is no workbook, has macros, or would unpack to more than a list can be."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ListError(name, "broken") from error
    if any(part.filename.lower().endswith("vbaproject.bin") for part in parts):
        raise ListError(name, "macros")
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
        raise ListError(name, "unpacked")
    if any(part.flag_bits & 1 for part in parts):
        raise ListError(name, "old")


def _columns(rows: Rows) -> tuple[int, dict[str, int]]:
    """Of the first rows the one that names most columns: its line, and where in it each stands."""
    best: tuple[int, dict[str, int]] = (0, {})
    for place, (line, cells) in enumerate(rows):
        if place == HEADS:
            break
        told = [cell.strip().lower() for cell in cells]
        found = {name: told.index(name) for name in (*NEEDED, *ALSO) if name in told}
        best = max(best, (line, found), key=lambda one: len(one[1]))
    return best


def _table(name: str, rows: list[tuple[int, list[str]]]) -> pd.DataFrame:
    head, columns = _columns(rows)
    missing = [one for one in NEEDED if one not in columns]
    if missing:
        raise ListError(name, "columns", what=", ".join(missing))
    named = [cell.strip().lower() for line, cells in rows if line == head for cell in cells]
    if doubled := [one for one in columns if named.count(one) > 1]:
        raise ListError(name, "doubled", what=", ".join(doubled))
    below = [(line, cells) for line, cells in rows if line > head and any(map(str.strip, cells))]
    told = {one: [cells[at].strip() if at < len(cells) else "" for _, cells in below] for one, at in columns.items()}
    lines = pd.Series([line for line, _ in below], dtype="int64")
    return pd.DataFrame({"line": lines} | {one: pd.Series(values, dtype="str") for one, values in told.items()})
