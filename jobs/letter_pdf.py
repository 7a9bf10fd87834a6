"""The letter on printed pages: the text in both languages with the weeks, then the month's brands, then their forecast by week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time
from pathlib import Path

import pandas as pd

from jobs import pdf_charts
from jobs.letter import Letter, text
from jobs.letter_xlsx import CHARTED, HEADINGS, TABLE, WEEKLY, both, by_week, paragraphs
from jobs.pdf import ACCENT, LINE, SOFT, Column, Document, Style
from jobs.pdf_charts import Series
from jobs.report_figures import CASE
from jobs.report_words import UNDEFINED, cases, percent
from ordering import storage
from ordering.metrics import LANGUAGES

TO = Style(11, bold=True)
PALE = "#9DC0D4"
SHARES = {"brand": 1.3, "name": 2.2, "price_class": 0.8}
LOOKS = {"requested": (SOFT, 0.6, 0.3), "allocated": (PALE, 0.0, 0.45), "demand": (ACCENT, 0.0, 0.6), "forecast": (ACCENT, 1.2, 0.6)}
"""Colour, dash and thickness of the lines by week."""


def write(file: Path, letter: Letter) -> None:
    """Write the letter into `file`, whole or not at all. Raises TrueOrderError where it cannot be written."""
    try:
        with storage.replacing(file) as unfinished:
            unfinished.write_bytes(made(letter))
    except OSError as error:
        raise storage.file_error(file, error, "the letter ") from error


def made(letter: Letter) -> bytes:
    """The letter as a PDF; the same letter of the same run gives the same bytes."""
    foot = f"{both('title', ' · ')} · {letter.manufacturer} · {letter.month} · {both('from_run', ' · ', **vars(letter))}"
    to = Document(both("title", " · "), dated=datetime.combine(letter.business_date, time()), language="zh", foot=foot)
    for language in LANGUAGES:
        _say(to, letter, language)
    _weeks(to, letter)
    to.page(landscape=True)
    _brands(to, letter)
    _forecast(to, letter)
    return to.done()


def _say(to: Document, letter: Letter, language: str) -> None:
    to.prose(text("to", language, **vars(letter)), TO)
    to.prose(text("about", language, **vars(letter)), Style(8, SOFT))
    for words in (*paragraphs(letter, language), text("more", language)):
        to.space(1.6)
        to.prose(words)
    to.space(6)


def _weeks(to: Document, letter: Letter) -> None:
    rows = by_week(letter)
    to.heading(both("chart_weeks", " · "), keep=80)
    series = [Series(both(name, " "), (rows[name] / CASE).tolist(), *_look(name)) for name in WEEKLY]
    pdf_charts.lines(to, [f"{week:%Y-%m-%d}" for week in rows["week"]], series, height=70)


def _look(name: str) -> tuple[str, tuple[float, ...], tuple[float, ...], float, float]:
    colour, dash, thick = LOOKS[name]
    return colour, (), (), dash, thick


def _brands(to: Document, letter: Letter) -> None:
    """The month's table with its total, and the largest brands as bars."""
    to.heading(both("chart_brands", " · "))
    ahead = letter.forecast["week"].nunique()
    columns = [Column(both(HEADINGS.get(name, name), count=ahead), SHARES.get(name, 1.15), kind != "text") for name, kind in TABLE]
    rows = [[_shown(value, kind) for value, (_, kind) in zip(row, TABLE, strict=True)] for row in _values(letter)]
    total = [_shown(letter.total[name], kind) if name in letter.total else "" for name, kind in TABLE]
    to.table(columns, rows, total=[both("total", " "), *total[1:]], size=7.5)
    top = letter.brands.head(CHARTED)
    demand = {bound: (top[bound] / CASE).tolist() for bound in ("low", "high")}
    series = [
        Series(both(name, " "), (top[name] / CASE).tolist(), colour, **(demand if name == "demand" else {}))
        for name, colour in (("requested", LINE), ("allocated", PALE), ("demand", ACCENT))
    ]
    pdf_charts.bars(to, top["name"].tolist(), series)


def _values(letter: Letter) -> list[list[object]]:
    return letter.brands[[name for name, _ in TABLE]].astype(object).to_numpy().tolist()


NUMBERS: Mapping[str, Callable[[float], str]] = {"cases": cases, "percent": percent}


def _shown(value: object, kind: str) -> str:
    """A cell of the table as it is printed."""
    if pd.isna(value):
        return UNDEFINED
    return NUMBERS[kind](float(str(value))) if kind in NUMBERS else str(value)


def _forecast(to: Document, letter: Letter) -> None:
    """Each brand's forecast week by week, with its sum."""
    weeks = sorted(letter.forecast["week"].unique())
    by_brand = letter.forecast.pivot(index="brand", columns="week", values="forecast")
    to.space(4)
    to.heading(both("forecast_weeks", " · ", count=len(weeks)), keep=30)
    columns = [Column(both("name"), 2.6), *(Column(f"{week:%Y}\n{week:%m-%d}", 1.0, figures=True) for week in weeks)]
    listed = letter.brands[letter.brands["brand"].isin(by_brand.index)]
    rows = [[row.name, *(cases(value) for value in by_brand.loc[row.brand]), cases(row.ahead)] for row in listed.itertuples(index=False)]
    total = [both("total", " "), *(cases(value) for value in by_brand.sum()), cases(listed["ahead"].sum())]
    to.table([*columns, Column(both("total"), 1.15, figures=True)], rows, total=total, size=7.5)
