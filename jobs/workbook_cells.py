"""The cells of an xlsx workbook as text, for whoever runs this file: the workbook on standard input, JSON on standard output.

A workbook from outside is read in a process of its own with little memory and time: what is made to exhaust them, or to break the
reader, ends that process and no other. It therefore imports nothing of this project. Output: a list of sheets, each a list of rows
that hold something: [row number, cells].
"""

from __future__ import annotations

import io
import json
import sys
from datetime import date, datetime, time, timedelta
from typing import Any

MEMORY = 1 << 30
SECONDS = 20
MOST_CELLS = 8_000_000
TOO_MANY = 3
"""Exit status where there are more cells than that."""


def limit() -> None:
    """Bound memory and processor time of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))


def text(cell: Any) -> str:
    """A cell as a csv would have it."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return str(cell)


def sheets(data: bytes) -> list[list[list[Any]]]:
    """The rows of every sheet. Exits with TOO_MANY where there are more cells than can be meant."""
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    found, seen = [], 0
    for name in book.sheet_names:
        rows = []
        for number, cells in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), start=1):
            seen += len(cells)
            if seen > MOST_CELLS:
                sys.exit(TOO_MANY)
            if any(cell != "" for cell in cells):
                rows.append([number, [text(cell) for cell in cells]])
        found.append(rows)
    return found


if __name__ == "__main__":
    limit()
    json.dump(sheets(sys.stdin.buffer.read()), sys.stdout, ensure_ascii=True)
