"""A list that was exported as a workbook: read, edited in a few cells, and written like a spreadsheet program writes it."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter
from python_calamine import CalamineWorkbook

Line = dict[str, str]
"""A line of the list, by the names of its columns, as texts."""


class List:
    """A workbook of an exported list; `edits`: cells that were edited, by row and column."""

    def __init__(self, file: Path) -> None:
        self.cells = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
        self.titles = [str(cell) for cell in self.cells[0]]
        self.names = [str(cell) for cell in self.cells[1]]

    @property
    def lines(self) -> list[Line]:
        """Its lines, below the headings and the names of the columns."""
        return [dict(zip(self.names, map(_text, row), strict=True)) for row in self.cells[2:]]

    def edit(self, at: int, **values: object) -> None:
        """Put values into the columns of a line."""
        for name, value in values.items():
            self.cells[at + 2][self.names.index(name)] = value

    def save(self, file: Path) -> Path:
        """Write it as a workbook anew."""
        with xlsxwriter.Workbook(str(file), {"default_date_format": "yyyy-mm-dd"}) as book:
            sheet = book.add_worksheet()
            for at, row in enumerate(self.cells):
                sheet.write_row(at, 0, row)
        return file


def _text(cell: object) -> str:
    """A cell as it is read: whole numbers without a point."""
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell)
