"""Printed pages: a frame with title, date and page numbers, prose, facts, and tables that go on over pages with their head repeated.

Lengths are millimetres, sizes of type points. The same content gives the same bytes. Characters that the font lacks are shown as 〓,
counted in `Document.lacking`, told at the end of the document, and logged: none goes silently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fpdf import FPDF
from fpdf.enums import TextMode

from jobs import pdf_text
from jobs.logs import log

FAMILY = "printed"
INK, SOFT, ACCENT, LINE, WASH, WHITE = "#1B2530", "#4F5B67", "#0F5F8C", "#B9C2CB", "#ECEFF2", "#FFFFFF"
SIDE, TOP, BOTTOM = 16.0, 15.0, 15.0
LEADING = 1.42
"""From one line to the next, in parts of the size."""
PAD = 1.1
"""Between cells, and above and below what stands in one."""
LACKS = {
    "zh": "〓 代替字库中没有的字：{codes}",
    "en": "〓 stands for characters that the font lacks: {codes}",
}


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, its share of the width, whether it holds figures, which stand at the right, and whether it is bold."""

    head: str
    share: float = 1.0
    figures: bool = False
    bold: bool = False


@dataclass(frozen=True)
class Style:
    """How a text is written."""

    size: float = 9.5
    colour: str = INK
    bold: bool = False

    @property
    def leading(self) -> float:
        """From one line to the next."""
        return self.size * LEADING * pdf_text.POINT


TITLE, HEADING, PROSE, NOTE = Style(17, ACCENT, bold=True), Style(11, bold=True), Style(), Style(8, SOFT)


def _paper(landscape: bool) -> FPDF:
    found = FPDF(orientation="L" if landscape else "P", unit="mm", format="A4")
    found.set_margins(SIDE, TOP, SIDE)
    found.set_auto_page_break(False)
    found.add_font(FAMILY, fname=pdf_text.font_file())
    found.set_font(FAMILY, size=PROSE.size)
    return found


class Document:
    """A document that is being written, from top to bottom; `y` is where the next thing goes."""

    def __init__(
        self, title: str, *, dated: datetime, language: str, beside: str = "", foot: str = "", landscape: bool = False
    ) -> None:  # fmt: skip
        """`dated`: when what it tells of was made (UTC); `beside`: a line below the title; `foot`: stands on every page."""
        self.lacking: Counter[str] = Counter()
        self.language, self.foot = language, foot or title
        self.paper = _paper(landscape)
        self.paper.set_title(pdf_text.printable(title))
        self.paper.set_lang("zh-CN" if language == "zh" else "en")
        self.paper.set_creator("TrueOrder")
        self.paper.set_creation_date(dated.replace(tzinfo=UTC))
        self.paper.add_page()
        self.y = TOP
        self.prose(title, TITLE)
        if beside:
            self.prose(beside, NOTE)
        self.space(2)

    @property
    def wide(self) -> float:
        """The width between the margins."""
        return float(self.paper.epw)

    @property
    def room(self) -> float:
        """What is left of the page's height."""
        return float(self.paper.h) - BOTTOM - self.y

    @property
    def pages(self) -> int:
        """How many pages there are so far."""
        return int(self.paper.pages_count)

    def space(self, height: float) -> None:
        """Leave some room."""
        self.y += height

    def page(self, *, landscape: bool | None = None) -> None:
        """Go on to a new page."""
        turned = None if landscape is None else "L" if landscape else "P"
        self.paper.add_page(orientation=turned or self.paper.cur_orientation)  # type: ignore[arg-type]
        self.y = TOP

    def needs(self, height: float) -> None:
        """Go on to a new page where less than this is left."""
        if self.room < height:
            self.page()

    def heading(self, text: str, keep: float = 20.0) -> None:
        """A heading, with at least `keep` of what follows on the same page."""
        self.needs(HEADING.leading + keep)
        self.space(2)
        self.prose(text, HEADING)
        self.space(1)

    def prose(self, text: str, style: Style = PROSE) -> None:
        """A paragraph, in lines over the whole width."""
        for line in pdf_text.lines(self.printable(text), style.size, self.wide):
            self.needs(style.leading)
            self.write(SIDE, self.y, line, style)
            self.y += style.leading

    def facts(self, found: Iterable[tuple[str, str]], *, columns: int = 4) -> None:
        """Names and values side by side, `columns` of them in a row."""
        listed, step = list(found), self.wide / columns
        small, large = Style(7.5, SOFT), Style(10.5, bold=True)
        for first in range(0, len(listed), columns):
            self.needs(small.leading + large.leading)
            for at, (name, value) in enumerate(listed[first : first + columns]):
                self.put(SIDE + at * step, self.y, name, small)
                self.put(SIDE + at * step, self.y + small.leading, value, large)
            self.y += small.leading + large.leading + PAD

    def table(
        self, columns: Sequence[Column], rows: Iterable[Sequence[str]], *, total: Sequence[str] | None = None, size: float = 8.0
    ) -> None:  # fmt: skip
        """A table over the whole width; its head is repeated on every page, `total` is its last row."""
        from jobs.pdf_table import Table

        Table(self, columns, size).write(rows, total)

    def put(self, x: float, y: float, text: str, style: Style, *, right: float | None = None) -> None:
        """One line of text, its top left corner at x and y; `right`: ends at this x instead."""
        shown = self.printable(text)
        self.write(x if right is None else right - pdf_text.width(shown, style.size), y, shown, style)

    def write(self, x: float, y: float, shown: str, style: Style) -> None:
        """Printable text as it is, its top left corner at x and y."""
        paper = self.paper
        paper.set_font_size(style.size)
        paper.set_text_color(style.colour)
        if style.bold:
            paper.set_draw_color(style.colour)
            paper.set_line_width(style.size * 0.0065)
        paper.text_mode = TextMode.FILL_STROKE if style.bold else TextMode.FILL
        paper.text(x, y + style.size * 1.06 * pdf_text.POINT, shown)
        paper.text_mode = TextMode.FILL

    def rule(self, y: float, colour: str = LINE, width: float = 0.15) -> None:
        """A line over the whole width."""
        self.paper.set_draw_color(colour)
        self.paper.set_line_width(width)
        self.paper.line(SIDE, y, SIDE + self.wide, y)

    def printable(self, text: str) -> str:
        """The text in characters that the font has; those that it lacks are counted."""
        missing = pdf_text.lacking(text)
        if not missing:
            return pdf_text.printable(text)
        self.lacking += missing
        return pdf_text.printable(text)

    def done(self) -> bytes:
        """The file. What the font lacked is told at its end and in the log."""
        self.printable(self.foot)
        if self.lacking:
            codes = pdf_text.named(self.lacking)
            log(__name__).warning("characters that the printed font lacks", codes=codes, count=self.lacking.total())
            self.space(3)
            self.prose(LACKS[self.language].format(codes=codes), NOTE)
        foot, pages = pdf_text.printable(self.foot), self.paper.pages_count
        for number in range(1, pages + 1):
            self._foot(number, foot, f"{number} / {pages}")
        return bytes(self.paper.output())

    def _foot(self, number: int, foot: str, count: str) -> None:
        """What a page is of, and which page it is."""
        paper = self.paper
        paper.page = number
        paper.set_font_size(NOTE.size / 2)  # whatever the page ended with, what differs is written down
        paper.set_draw_color(WASH)
        paper.set_line_width(0.3)
        width, height = (float(length) / paper.k for length in paper.pages[number].dimensions())
        paper.h = height  # pages may differ in it
        at = height - BOTTOM + 4
        paper.set_draw_color(LINE)
        paper.set_line_width(0.15)
        paper.line(SIDE, at, width - SIDE, at)
        self.write(SIDE, at + 1, foot, NOTE)
        self.write(width - SIDE - pdf_text.width(count, NOTE.size), at + 1, count, NOTE)
