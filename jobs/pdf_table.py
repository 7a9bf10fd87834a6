"""A table on printed pages: cells in lines, figures at the right, the head on every page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from jobs import pdf_text
from jobs.pdf import INK, LINE, PAD, SIDE, SOFT, WASH, Column, Document, Style

Cells = list[list[str]]
"""The lines of each cell of a row."""


class Table:
    """The columns of a table with their places on the page."""

    def __init__(self, to: Document, columns: Sequence[Column], size: float) -> None:
        self.to, self.columns = to, columns
        self.head, self.body, self.sum = Style(size * 0.94, SOFT), Style(size), Style(size, INK, bold=True)
        share = to.wide / sum(column.share for column in columns)
        self.widths = [column.share * share for column in columns]
        self.lefts = [SIDE + sum(self.widths[:at]) for at in range(len(columns))]

    def write(self, rows: Iterable[Sequence[str]], total: Sequence[str] | None) -> None:
        """Put the table where the document is."""
        heads = self._cells([column.head for column in self.columns], self.head)
        self.to.needs(self._height(heads, self.head) + self._height([[""]], self.body) * 2)
        self._heads(heads)
        for row in rows:
            self._row(row, self.body, heads)
        if total is not None:
            self._row(total, self.sum, heads)
        self.to.space(2 * PAD)

    def _heads(self, heads: Cells) -> None:
        """The head, its lines ending on the same base."""
        most = max(map(len, heads))
        self._put([[""] * (most - len(cell)) + cell for cell in heads], self.head)
        self.to.rule(self.to.y, LINE, 0.3)

    def _row(self, row: Sequence[str], style: Style, heads: Cells) -> None:
        cells = self._cells(row, style)
        if self.to.room < self._height(cells, style):
            self.to.page()
            self._heads(heads)
        self._put(cells, style)
        self.to.rule(self.to.y, WASH)

    def _cells(self, row: Sequence[str], style: Style) -> Cells:
        if len(row) != len(self.columns):
            raise ValueError(f"a row of {len(row)} cells in a table of {len(self.columns)} columns")
        return [pdf_text.lines(self.to.printable(text), style.size, width - 2 * PAD) for text, width in zip(row, self.widths, strict=True)]

    def _height(self, cells: Cells, style: Style) -> float:
        return max(map(len, cells)) * style.leading + PAD

    def _put(self, cells: Cells, style: Style) -> None:
        to = self.to
        for lines, column, left, width in zip(cells, self.columns, self.lefts, self.widths, strict=True):
            look = replace(style, bold=True) if column.bold and style is self.body else style
            for below, line in enumerate(lines):
                if line:
                    right = left + width - PAD - pdf_text.width(line, style.size)
                    to.write(right if column.figures else left + PAD, to.y + PAD / 2 + below * style.leading, line, look)
        to.space(self._height(cells, style))
