"""The fast csv reader against that of the standard library: the same cells, the same lines, whatever quotes and blank lines do."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordering import csv_files
from ordering.csv_files import csv_sheet, look
from ordering.refusing import FaultList

CELL = st.one_of(st.text("a1 店", max_size=3), st.text('a,"\n\r', max_size=5).map(lambda text: '"' + text.replace('"', '""') + '"'))
ROWS = st.lists(st.tuples(st.lists(CELL, min_size=2, max_size=4), st.sampled_from(["\n", "\r\n", "\n\n", "\r"])), max_size=8)


def by_hand(text: str, width: int) -> tuple[list[list[str]], list[int], list[int]]:
    """Rows of the right width, the lines on which they start, and the lines of the others, by the standard library."""
    reader = csv.reader(io.StringIO(text, newline=""))
    rows, lines, uneven = [], [], []
    start = 1
    for record in reader:
        if record and start > 1:
            (lines if len(record) == width else uneven).append(start)
            if len(record) == width:
                rows.append([cell.strip() for cell in record])
        start = reader.line_num + 1
    return rows, lines, uneven


@settings(deadline=None, max_examples=300)
@given(ROWS)
def test_cells_and_lines_are_those_of_the_standard_library(tmp_path_factory: pytest.TempPathFactory, rows) -> None:
    text = "a,b,c\n" + "".join(",".join(cells) + end for cells, end in rows)
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(text.encode())
    faults = FaultList()
    sheet = csv_sheet(path, look(path, lambda _: None), ["a", "b", "c"], faults)
    assert sheet is not None
    expected, lines, uneven = by_hand(text, 3)
    assert [[sheet.cells[name].text(row) for name in "abc"] for row in range(sheet.rows)] == expected
    assert sheet.line_of(np.arange(sheet.rows)).tolist() == lines
    assert faults.count("t.csv") == len(uneven)


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_a_file_looks_the_same_in_blocks_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    contents = ["店,\r\n\r二\n", "a\rb\r\n\n", "", "\r\n", '"店"', "店\0\n"]
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        for number, content in enumerate(contents):
            path = tmp_path / f"{encoding}{number}"
            path.write_bytes(content.encode(encoding))
            whole = look(path, lambda _: None)
            with monkeypatch.context() as patched:
                patched.setattr(csv_files, "BLOCK", block)
                assert look(path, lambda _: None) == whole
            assert not content or whole.lines == len(content.replace("\r\n", "\n").replace("\r", "\n").splitlines())


def test_a_line_without_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "BLOCK", 1 << 16)
    monkeypatch.setattr(csv_files, "LONGEST_LINE", 1 << 18)
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n" + b"x" * (1 << 20) + b",3\n")
    faults = FaultList()
    assert csv_sheet(path, look(path, lambda _: None), ["a", "b"], faults) is None
    with pytest.raises(Exception, match=r"t\.csv:3: holds a cell that is too long to be one; look for a quote that is not closed"):
        faults.refuse()
