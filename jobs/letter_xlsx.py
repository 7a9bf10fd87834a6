"""The letter as a workbook: the text and the month's table with its chart, the weeks, the forecast, and the brands week by week."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from jobs import output
from jobs.letter import JUDGED_AHEAD, JUDGED_WEEKS, Letter, text
from jobs.report_figures import CASE
from jobs.report_words import UNDEFINED, cases, percent
from jobs.report_xlsx import ACCENT, SOFT
from ordering import storage
from ordering.metrics import LANGUAGES

OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
TABLE = (
    ("brand", "text"), ("name", "text"), ("price_class", "whole"), ("requested", "cases"), ("allocated", "cases"), ("demand", "cases"),
    ("low", "cases"), ("high", "cases"), ("shortage", "cases"), ("fulfilment_rate", "percent"), ("demand_fulfilment_rate", "percent"),
    ("ahead", "cases"), ("ahead_low", "cases"), ("ahead_high", "cases"),
)  # fmt: skip
HEADINGS = {"ahead_low": "forecast_low", "ahead_high": "forecast_high"}
CHARTED = 12
LAST = len(TABLE) - 1


def write(file: Path, letter: Letter) -> None:
    """Write the letter into `file`, whole or not at all. Raises TrueOrderError where it cannot be written."""
    try:
        with storage.replacing(file) as unfinished, output.workbook(unfinished, OPTIONS) as out:
            out.set_properties({"title": f"{letter.manufacturer} {letter.month}", "created": letter.made_at})
            formats = _formats(out)
            first = out.add_worksheet(both("sheet_letter", " "))
            row = _text(first, formats, letter)
            _brands(out, first, formats, letter, row)
            _weeks(out, formats, letter)
            _listed(out, formats, "sheet_forecast", named(letter, letter.forecast), ("forecast", "low", "high"), FORECAST)
            _listed(out, formats, "sheet_brand_weeks", named(letter, letter.weeks), ("requested", "allocated", "demand", "low", "high"), {})
    except OSError as error:
        raise storage.file_error(file, error, "the letter ") from error


def _formats(out: Any) -> dict[str, Any]:
    head = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
    return {
        "title": out.add_format({"bold": True, "font_size": 16, "font_color": ACCENT}),
        "faint": out.add_format({"font_color": SOFT}),
        "prose": out.add_format({"text_wrap": True, "valign": "top"}),
        "head": out.add_format(head),
        "text": out.add_format({}),
        "whole": out.add_format({"num_format": "0"}),
        "cases": out.add_format({"num_format": "#,##0.0"}),
        "percent": out.add_format({"num_format": "0.0%"}),
        "week": out.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
        "undefined": out.add_format({"align": "right"}),
        **{f"total_{kind}": out.add_format({"bold": True, "top": 1, "num_format": shown}) for kind, shown in TOTALS.items()},
    }


TOTALS = {"text": "@", "whole": "0", "cases": "#,##0.0", "percent": "0.0%"}
FORECAST = {"low": "forecast_low", "high": "forecast_high"}


def both(key: str, joint: str = "\n", **filled: object) -> str:
    """A text in both languages."""
    return joint.join(text(key, language, **filled) for language in LANGUAGES)


def _text(sheet: Any, formats: dict[str, Any], letter: Letter) -> int:
    """The letter's text, Chinese then English; gives the first row below it."""
    sheet.write_string(0, 0, both("title", " · "), formats["title"])
    row = 1
    for language in LANGUAGES:
        for key in ("to", "about"):
            sheet.write_string(row, 0, text(key, language, **vars(letter)))
            row += 1
        for words in paragraphs(letter, language):
            sheet.merge_range(row, 0, row, LAST, words, formats["prose"])
            sheet.set_row(row, 16 * _lines(words))
            row += 1
        sheet.write_string(row, 0, text("made", language, **vars(letter)), formats["faint"])
        row += 2
    return row


WIDE = 175
"""Half-width characters that a line of the text holds over the table's columns."""


def _lines(words: str) -> int:
    """Lines that a text takes; a Chinese character is as wide as two Latin ones."""
    return -(-sum(2 if ord(letter) > 0x2E7F else 1 for letter in words) // WIDE)


def paragraphs(letter: Letter, language: str) -> list[str]:
    """What the letter says of the month, of how demand was found and how certain it is."""
    total, joint = letter.total, "、" if language == "zh" else ", "
    kinds = joint.join(f"{text(kind, language)} {share:.0%}" for kind, share in letter.evidence.items())
    rates = {name: percent(float(letter.judged[f"forecast_{name}"])) for name in ("accuracy", "bias")}
    span = {"weeks": JUDGED_WEEKS, "ahead": JUDGED_AHEAD}
    judged = text("not_judged" if pd.isna(letter.judged["forecast_accuracy"]) else "judged", language, **rates, **span)
    figures = {name: cases(total[name]) for name in ("requested", "allocated", "demand")}
    met = {"fulfilment": percent(total["fulfilment_rate"]), "met": percent(total["demand_fulfilment_rate"])}
    return [
        text("summary", language, **figures, **met),
        text("how", language, evidence=kinds or UNDEFINED),
        text("certain", language, judged=judged),
        text("note_shortage", language),
    ]


def _brands(out: Any, sheet: Any, formats: dict[str, Any], letter: Letter, top: int) -> None:
    """The month's table, its total, and a chart of the largest brands with the interval of their demand."""
    count, ahead = len(letter.brands), letter.forecast["week"].nunique()
    for at, (name, kind) in enumerate(TABLE):
        sheet.set_column(at, at, 18 if kind == "text" else 12)
        sheet.write_string(top, at, both(HEADINGS.get(name, name), count=ahead), formats["head"])
        for below, value in enumerate(letter.brands[name], start=1):
            _cell(sheet, top + below, at, value, kind, formats)
        if name in letter.total:
            _cell(sheet, top + count + 1, at, letter.total[name], kind, formats, "total_")
        else:
            sheet.write_string(top + count + 1, at, both("total", " ") if at == 0 else "", formats["total_text"])
    sheet.set_row(top, 32)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    _brand_chart(out, sheet, letter, top)


def _cell(sheet: Any, row: int, at: int, value: Any, kind: str, formats: dict[str, Any], before: str = "") -> None:
    if pd.isna(value):
        sheet.write_string(row, at, UNDEFINED, formats["undefined"])
    elif kind == "text":
        sheet.write_string(row, at, str(value), formats[before + kind])
    elif kind == "week":
        sheet.write_datetime(row, at, value.to_pydatetime(), formats[kind])
    else:
        sheet.write_number(row, at, value / CASE if kind == "cases" else value, formats[before + kind])


def _brand_chart(out: Any, sheet: Any, letter: Letter, top: int) -> None:
    at = {name: number for number, (name, _) in enumerate(TABLE)}
    rows = letter.brands.head(CHARTED)
    span = (top + 1, top + len(rows))
    chart = out.add_chart({"type": "column"})
    for name, colour in (("requested", "#DDE2E7"), ("allocated", "#9DC0D4"), ("demand", ACCENT)):
        series = {
            "name": both(name, " "),
            "categories": [sheet.name, span[0], at["name"], span[1], at["name"]],
            "values": [sheet.name, span[0], at[name], span[1], at[name]],
            "fill": {"color": colour},
            "border": {"color": SOFT, "width": 0.5},
            "gap": 60,
        }
        if name == "demand":
            low, high = ((rows[bound] - rows["demand"]).abs().fillna(0.0) / CASE for bound in ("low", "high"))
            bars = {"type": "custom", "plus_values": high.round(3).tolist(), "minus_values": low.round(3).tolist()}
            series["y_error_bars"] = bars
        chart.add_series(series)
    _look(chart, "chart_brands")
    sheet.insert_chart(top + len(letter.brands) + 3, 0, chart)


def _look(chart: Any, title: str) -> None:
    chart.set_title({"name": both(title, " · "), "name_font": {"size": 11}})
    chart.set_y_axis({"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#DDE2E7"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 1100, "height": 340})


def _weeks(out: Any, formats: dict[str, Any], letter: Letter) -> None:
    """The manufacturer's weeks over all brands, past and forecast, with a chart."""
    names, rows = WEEKLY, by_week(letter)
    sheet = _table(out, formats, "sheet_weeks", rows, ("week",), names, {})
    chart = out.add_chart({"type": "line"})
    looks = (("#7D8994", "round_dot"), ("#4B8DB3", "dash"), (ACCENT, "solid"), (ACCENT, "square_dot"))
    for at, (name, (colour, dash)) in enumerate(zip(names, looks, strict=True), start=1):
        chart.add_series({
            "name": both(name, " "), "categories": [sheet.name, 1, 0, len(rows), 0], "values": [sheet.name, 1, at, len(rows), at],
            "line": {"color": colour, "dash_type": dash, "width": 1.75},
        })  # fmt: skip
    _look(chart, "chart_weeks")
    chart.set_x_axis({"num_format": "yyyy-mm-dd", "interval_unit": 8, "interval_tick": 4, "date_axis": False})
    sheet.insert_chart(1, len(names) + 2, chart)


WEEKLY = ("requested", "allocated", "demand", "forecast")


def by_week(letter: Letter) -> pd.DataFrame:
    """The weeks of all brands together, past and forecast: week and WEEKLY."""
    past = letter.weeks.groupby("week", sort=True)[list(WEEKLY[:3])].sum().reset_index()
    coming = letter.forecast.groupby("week", sort=True)["forecast"].sum().reset_index()
    return pd.concat([past.astype(dict.fromkeys(WEEKLY[:3], "float64")), coming], ignore_index=True)


def named(letter: Letter, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the brand's name beside its id."""
    return letter.brands[["brand", "name"]].merge(rows, on="brand", how="inner", validate="1:m")


def _listed(out: Any, formats: dict[str, Any], title: str, rows: pd.DataFrame, figures: Sequence[str], said: dict[str, str]) -> None:
    _table(out, formats, title, rows, ("brand", "name", "week"), figures, said)


def _table(
    out: Any, formats: dict[str, Any], title: str, rows: pd.DataFrame, labels: Sequence[str], figures: Sequence[str], said: dict[str, str]
) -> Any:
    """A table on a sheet of its own, its header frozen and filtered; gives the sheet."""
    sheet = out.add_worksheet(both(title, " "))
    columns = [*((name, "week" if name == "week" else "text") for name in labels), *((name, "cases") for name in figures)]
    sheet.freeze_panes(1, len(labels))
    sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
    sheet.set_row(0, 32)
    for at, (name, kind) in enumerate(columns):
        sheet.set_column(at, at, 18 if name == "name" else 13)
        sheet.write_string(0, at, both(said.get(name, name)), formats["head"])
        for row, value in enumerate(rows[name], start=1):
            if not (kind == "cases" and pd.isna(value)):
                _cell(sheet, row, at, value, kind, formats)
    return sheet
