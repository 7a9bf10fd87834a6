"""The report as a workbook: the page's figures in full, a sheet per table, with native charts and the definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from jobs import output
from jobs.report_figures import Figures, ReportContent
from jobs.report_words import UNDEFINED, word
from ordering import metrics
from ordering.gaps import GAPS
from ordering.metrics import LANGUAGES

SHEET_ROWS = 1_000_000
"""Rows of data in one sheet; more go on in further sheets."""
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
ACCENT, SOFT = "#0F5F8C", "#7D8994"
FILLS = {
    "gap_inflated": "#FFFFFF", "gap_supply": ACCENT, "gap_province": "#4B8DB3", "gap_cap": "#9DC0D4", "gap_quota": SOFT,
    "gap_limit": "#B9C2CB", "gap_other": "#ECEFF2",
}  # fmt: skip
QUANTITIES = frozenset({"requested", "allocated", "demand", "available", "short_by", "gap", "forecast", "actual", *GAPS})


@dataclass
class Book:
    """An open workbook, its language and its formats."""

    out: Any
    language: str

    def __post_init__(self) -> None:
        self.head = self.out.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.formats = {
            "text": self.out.add_format({}),
            "whole": self.out.add_format({"num_format": "#,##0"}),
            "real": self.out.add_format({"num_format": "#,##0.0"}),
            "percent": self.out.add_format({"num_format": "0.0%"}),
            "change": self.out.add_format({"num_format": "+0.0%;-0.0%;0.0%"}),
            "week": self.out.add_format({"num_format": "yyyy-mm-dd"}),
            "undefined": self.out.add_format({"align": "right"}),
        }

    def say(self, key: str) -> str:
        """A word in the workbook's language."""
        return word(key, self.language)


def write(path: Path, content: ReportContent, found: Figures, language: str) -> None:
    """Write the workbook: summary, trend, one sheet per dimension, the gap's causes, short brands, heat maps, lowest rates, forecasts,
    definitions.

    Quantities are cartons, rates are numbers shown as per cent, and what is undefined is written as "–". Text is always written as text.
    """
    with output.workbook(path, OPTIONS) as out:
        out.set_properties({"title": f"{word('title', language)} {content.city} {content.month}", "created": content.made_at})
        book = Book(out, language)
        _summary(book, found)
        _trend(book, found)
        for name, rows in found.by.items():
            _table(book, book.say(f"by_{name}"), rows, name)
        for name, rows in found.why.items():
            _why(book, f"{book.say('why')} {book.say(f'by_{name}')}", rows, name)
        _table(book, book.say("nav_short"), found.short, "brand")
        for name, matrix in found.heat.items():
            _heat(book, f"{book.say('sheet_heat')} {book.say(name)}", matrix, content)
        for name, rows in found.low.items():
            _table(book, f"{book.say('lowest')} {book.say(f'by_{name}')}", rows, name)
        _table(book, book.say("forecasts"), found.accuracy, "horizon")
        _table(book, book.say("drift"), found.drift, "brand")
        _definitions(book)


def _kind(column: str, values: pd.Series) -> str:
    """How a column is written: text, whole, real, percent, change or week."""
    if column.endswith("_change") or column == "change":
        return "change"
    if column.removesuffix("_target") in metrics.registry():
        return "percent"
    if column == "week":
        return "week"
    if pd.api.types.is_integer_dtype(values.dtype):
        return "whole"
    return "real" if pd.api.types.is_numeric_dtype(values.dtype) else "text"


def _heading(book: Book, column: str, dimension: str) -> str:
    """A column's name in words, with its unit."""
    for ending, said in (("_change", "change"), ("_target", "col_target")):
        if column.endswith(ending):
            return f"{book.say(column.removesuffix(ending))} {book.say(said)}"
    if column == dimension and column != "horizon":
        return book.say("id") if column in ("brand", "retailer") else book.say(f"by_{column}")
    named = {"account_manager": "by_manager"} | {name: f"by_{name}" for name in ("week", "district", "manufacturer", "price_class")}
    said = book.say(named.get(column, column))
    return f"{said} ({book.say('cartons')})" if column in QUANTITIES else said


def _table(book: Book, title: str, rows: pd.DataFrame, dimension: str) -> Any:
    """One table on a sheet of its own, on further sheets beyond SHEET_ROWS; gives the first sheet."""
    columns = [(name, _heading(book, name, dimension), _kind(name, rows[name])) for name in rows.columns]
    first = None
    for number, start in enumerate(range(0, max(len(rows), 1), SHEET_ROWS), start=1):
        sheet = _sheet(book, _title(title, number), columns, len(rows.iloc[start : start + SHEET_ROWS]))
        _rows(book, sheet, rows.iloc[start : start + SHEET_ROWS], [kind for *_, kind in columns])
        first = first or sheet
    return first


SHEET_NAME = 31
"""Characters that a sheet's name may have."""


def _title(title: str, number: int) -> str:
    """A sheet's name, cut to fit, with its number from the second sheet on."""
    ending = "" if number == 1 else f" {number}"
    return title[: SHEET_NAME - len(ending)].strip() + ending


def _sheet(book: Book, title: str, columns: Sequence[tuple[str, str, str]], count: int) -> Any:
    """A sheet with its header frozen and filtered."""
    sheet = book.out.add_worksheet(title)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(count, 1), len(columns) - 1)
    for at, (name, heading, kind) in enumerate(columns):
        wide = 24 if name in ("name", "manufacturer", "metric") else 12 if kind == "text" else 13
        sheet.set_column(at, at, wide, book.formats[kind])
        sheet.write_string(0, at, heading, book.head)
    return sheet


def _rows(book: Book, sheet: Any, rows: pd.DataFrame, kinds: Sequence[str]) -> None:
    values = [rows[name].tolist() for name in rows.columns]
    for line, row in enumerate(zip(*values, strict=True), start=1):
        for at, (value, kind) in enumerate(zip(row, kinds, strict=True)):
            if pd.isna(value):
                sheet.write_string(line, at, UNDEFINED, book.formats["undefined"])
            elif kind == "text":
                sheet.write_string(line, at, str(value))
            elif kind == "week":
                sheet.write_datetime(line, at, value.to_pydatetime(), book.formats[kind])
            else:
                sheet.write_number(line, at, value, book.formats[kind])


def _summary(book: Book, found: Figures) -> None:
    rows = found.headline.copy()
    rows.insert(0, "name", [book.say(name) for name in rows["metric"]])
    kinds = ["text", "text", "real", "real", "percent", "percent", "change", "percent"]
    said = ["metric", "code_name", "numerator", "denominator", "value_now", "value_before", "change", "col_target"]
    columns = [(name, book.say(key), kind) for name, key, kind in zip(rows.columns, said, kinds, strict=True)]
    _rows(book, _sheet(book, book.say("summary"), columns, len(rows)), rows, kinds)


def _trend(book: Book, found: Figures) -> None:
    sheet, count = _table(book, book.say("trend"), found.trend, "week"), len(found.trend)
    if not count:
        return
    chart = book.out.add_chart({"type": "line"})
    dashes = {
        "demand_fulfilment_rate": (ACCENT, "solid"),
        "fulfilment_rate": ("#1B2530", "dash"),
        "fulfilment_rate_target": (SOFT, "round_dot"),
    }
    for name, (colour, dash) in dashes.items():
        at = found.trend.columns.get_loc(name)
        line = {"color": colour, "dash_type": dash, "width": 1.75}
        chart.add_series(_series(sheet, at, count) | {"line": line})
    chart.set_y_axis({"num_format": "0%", "major_gridlines": {"visible": True, "line": {"color": "#DDE2E7"}}})
    chart.set_x_axis({"num_format": "yyyy-mm-dd", "interval_unit": 8})
    chart.set_legend({"position": "top"})
    chart.set_size({"width": 900, "height": 320})
    sheet.insert_chart(1, len(found.trend.columns) + 1, chart)


def _series(sheet: Any, at: int, count: int, label: int = 0) -> dict[str, Any]:
    """A chart's series over column `at`, named by its header, its categories in column `label`."""
    return {
        "name": [sheet.name, 0, at],
        "categories": [sheet.name, 1, label, count, label],
        "values": [sheet.name, 1, at, count, at],
    }


CHARTED = 12


def _why(book: Book, title: str, rows: pd.DataFrame, dimension: str) -> None:
    """The gap's parts with a stacked chart of the largest."""
    sheet, count = _table(book, title, rows, dimension), min(len(rows), CHARTED)
    if not count:
        return
    chart = book.out.add_chart({"type": "bar", "subtype": "stacked"})
    label = rows.columns.get_loc("name") if "name" in rows.columns else 0
    for part in GAPS:
        look: dict[str, Any] = {"fill": {"color": FILLS[part]}, "border": {"color": SOFT, "width": 0.5}, "gap": 60}
        if part == "gap_inflated":
            look["pattern"] = {"pattern": "wide_upward_diagonal", "fg_color": ACCENT, "bg_color": "#FFFFFF"}
            del look["fill"]
        chart.add_series(_series(sheet, rows.columns.get_loc(part), count, label) | look)
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#DDE2E7"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 420})
    sheet.insert_chart(1, len(rows.columns) + 1, chart)


def _heat(book: Book, title: str, matrix: pd.DataFrame, content: ReportContent) -> None:
    """Districts by brands, shaded by a colour scale; brands are named, their ids where a name repeats."""
    names = content.brands.set_index("brand_id")["name"]
    said = [str(names.get(brand, brand)) for brand in matrix.columns]
    said = [f"{name} {brand}" if said.count(name) > 1 else name for name, brand in zip(said, matrix.columns, strict=True)]
    columns = [("district", book.say("by_district"), "text"), *((name, name, "percent") for name in said)]
    sheet = _sheet(book, title, columns, len(matrix))
    _rows(book, sheet, matrix.reset_index(), [kind for *_, kind in columns])
    scale = {"type": "2_color_scale", "min_color": "#4B8DB3", "max_color": "#FFFFFF", "min_type": "num", "min_value": 0, "max_type": "num"}
    sheet.conditional_format(1, 1, max(len(matrix), 1), max(len(said), 1), {**scale, "max_value": 1})


def _definitions(book: Book) -> None:
    at = LANGUAGES.index(book.language)
    rows = pd.DataFrame(
        [(m.names[at], m.name, m.definition(book.language), m.grain[at], m.source[at]) for m in metrics.registry().values()],
        columns=["metric", "code_name", "definition", "grain", "source"],
    )
    columns = [(name, book.say(name), "text") for name in rows.columns]
    sheet = _sheet(book, book.say("definitions"), columns, len(rows))
    for column, wide in enumerate((24, 26, 56, 60, 30)):
        sheet.set_column(column, column, wide)
    _rows(book, sheet, rows, ["text"] * len(columns))
