"""Rows onto the sheets of an xlsx workbook, column by column: 100,000 rows of thirty columns in seconds, a part at a time.

xlsxwriter writes what is written once (headings, formats, comments); its way of writing a cell takes microseconds for each, so the cells
of the rows are put beside its own, into the file in which it keeps those that are done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

SHEET_ROWS = 1_000_000
AT_ONCE = 10_000
LONGEST = 32_767
"""Characters of a cell; longer texts end in …"""
DATE = "yyyy-mm-dd"
WIDEST = 42
CONTROL, LITERAL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]"), re.compile(r"(_x[0-9A-Fa-f]{4}_)")
"""Characters that XML has not, which a workbook writes as _xHHHH_; and texts that look so."""
Cells = list[str]


@dataclass(frozen=True)
class Look:
    """How a file looks that people open: `titles` of columns by name, above the rows of an xlsx; `named`: whether the names of the columns
    stand below them, for who reads the file again. `formats` of numbers, `notes` on headings and the `choices` of cells by column name.
    """

    titles: Mapping[str, str] = field(default_factory=dict)
    named: bool = False
    formats: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def heads(self, columns: Sequence[str]) -> list[list[str]]:
        """The rows of headings."""
        if not self.titles:
            return [list(columns)]
        titles = [self.titles.get(name, name) for name in columns]
        return [titles, list(columns)] if self.named else [titles]


def writer(book: Any, columns: Sequence[str], look: Look, rows: int = SHEET_ROWS) -> Callable[[pd.DataFrame | None], None]:
    """Puts rows into the workbook, the next sheet begun after each `rows`; given None, sees to it that there is a sheet."""
    sheet: Any = None
    at, heads = 0, len(look.heads(columns))
    styles = _styles(book, columns, look)

    def put(part: pd.DataFrame | None) -> None:
        nonlocal sheet, at
        if sheet is None:
            sheet, at = _begun(book, columns, look, rows), heads
        while part is not None and len(part):
            if at >= heads + rows:
                sheet, at = _begun(book, columns, look, rows), heads
            many = min(heads + rows - at, AT_ONCE)
            now, part = part.iloc[:many], part.iloc[many:]
            _append(sheet, at, now, styles)
            at += len(now)

    return put


def _styles(book: Any, columns: Sequence[str], look: Look) -> list[tuple[str, str]]:
    """For each column the attribute by which a number, and that by which a date is shown."""
    formats = {form: book.add_format({"num_format": form}) for form in {DATE, *look.formats.values()}}
    style = {form: f' s="{made._get_xf_index()}"' for form, made in formats.items()}
    return [(style[look.formats[name]] if name in look.formats else "", style[DATE]) for name in columns]


def _begun(book: Any, columns: Sequence[str], look: Look, rows: int) -> Any:
    """A sheet with its headings, which stay in sight."""
    sheet, heads = book.add_worksheet(), look.heads(columns)
    bold, faint = book.add_format({"bold": True}), book.add_format({"font_color": "#66717c", "font_size": 9})
    for row, names in enumerate(heads):
        for at, name in enumerate(names):
            sheet.write_string(row, at, name, (bold, faint)[row] if look.titles else None)
    sheet.freeze_panes(len(heads), 0)
    for at, name in enumerate(columns):
        if look.titles:
            sheet.set_column(at, at, min(max(10, *(2 + _width(head[at]) for head in heads)), WIDEST))
        if name in look.notes:
            sheet.write_comment(len(heads) - 1, at, look.notes[name], {"x_scale": 3, "y_scale": 3})
        if name in look.choices:
            allowed = {"validate": "list", "source": list(look.choices[name]), "error_type": "warning"}
            sheet.data_validation(len(heads), at, len(heads) + rows - 1, at, allowed)
    return sheet


def _width(text: str) -> int:
    return sum(2 if ord(one) > 0x2E7F else 1 for one in text)


def _append(sheet: Any, first: int, part: pd.DataFrame, styles: Iterable[tuple[str, str]]) -> None:
    """Rows from the sheet's row `first` on (0: the topmost), after what it has."""
    from xlsxwriter.utility import xl_col_to_name

    last = first + len(part) - 1
    numbers = [str(row + 1) for row in range(first, last + 1)]
    cells = [_cells(part.iloc[:, at], xl_col_to_name(at), numbers, style) for at, style in enumerate(styles)]
    sheet._write_single_row(last)
    sheet._check_dimensions(last, part.shape[1] - 1)
    rows = zip(numbers, map("".join, zip(*cells, strict=True)), strict=True)
    sheet.row_data_fh.writelines(f'<row r="{number}">{row}</row>' for number, row in rows)


def _cells(values: pd.Series, column: str, numbers: Sequence[str], style: tuple[str, str]) -> Cells:
    """The cells of a column; empty where a value is missing."""
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else getattr(values.dtype, "kind", "O")
    if kind == "b":
        told = values.astype(object).where(values.notna(), None)
        return _each(numbers, [None if one is None else str(int(one)) for one in told], f'<c r="{column}', ' t="b"><v>', "</v></c>")
    if kind in "iuf":
        return _each(numbers, _numerals(values), f'<c r="{column}', f"{style[0]}><v>", "</v></c>")
    if kind == "M":
        days = (values - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
        return _each(numbers, _numerals(days), f'<c r="{column}', f"{style[1]}><v>", "</v></c>")
    return _mixed(values, column, numbers, style)


def _each(numbers: Sequence[str], values: Sequence[str | None], before: str, between: str, after: str) -> Cells:
    return ["" if value is None else f'{before}{number}"{between}{value}{after}' for number, value in zip(numbers, values, strict=True)]


def _numerals(values: pd.Series) -> list[str | None]:
    plain = values.astype(object).where(values.notna() & np.isfinite(values.astype("float64").fillna(0.0)), None)
    return [None if one is None else repr(one) for one in plain.tolist()]


def _mixed(values: pd.Series, column: str, numbers: Sequence[str], style: tuple[str, str]) -> Cells:
    """Texts, each told once however often it stands there; and what else may stand among them."""
    codes, told = pd.factorize(values)
    known = [None if one == "" else _value(one, style) for one in told.tolist()]
    return _each(numbers, [None if code < 0 else known[code] for code in codes.tolist()], f'<c r="{column}', "", "</c>")


def _value(one: Any, style: tuple[str, str]) -> str:
    if isinstance(one, bool):
        return f' t="b"><v>{int(one)}</v>'
    if isinstance(one, int | float):
        return f"{style[0]}><v>{one!r}</v>"
    return _text(str(one))


def _text(told: str) -> str:
    """A text as text, whatever it looks like."""
    kept = told if len(told) <= LONGEST else told[: LONGEST - 1] + "…"
    safe = escape(CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", LITERAL.sub(r"_x005F\1", kept)))
    space = "" if safe == safe.strip() else ' xml:space="preserve"'
    return f' t="inlineStr"><is><t{space}>{safe}</t></is>'
