"""Headquarters' rate report: one HTML page and one workbook with the same figures, from stored cells."""

from __future__ import annotations

from pathlib import Path

from jobs import report_html, report_xlsx
from jobs.report_figures import Figures, ReportContent
from jobs.report_words import percent, points, word
from ordering import storage
from ordering.errors import TrueOrderError
from ordering.metrics import LANGUAGES

PAGE, WORKBOOK = "index.html", "rates.xlsx"


def write(folder: Path, content: ReportContent, found: Figures, language: str = "zh") -> Path:
    """Write `index.html` and `rates.xlsx` into `folder`, made if it is not there; gives the path of the page.

    `found` are the figures of `content`.

    `language` is zh or en: the workbook's, and the one in which the page opens. Both files are replaced, or neither. Raises
    TrueOrderError where the language is unknown or the folder cannot be written.
    """
    if language not in LANGUAGES:
        raise TrueOrderError(f"there is no language {language!r}; there are {', '.join(LANGUAGES)}")
    try:
        with storage.replacing(folder / WORKBOOK) as workbook, storage.replacing(folder / PAGE) as page:
            report_xlsx.write(workbook, content, found, language)
            page.write_text(report_html.page(content, found, language), "utf-8")
    except OSError as error:
        raise storage.file_error(folder, error, "the report ") from error
    return folder / PAGE


def headline(found: Figures, language: str = "zh") -> list[str]:
    """The month's rates in words, one line each: for a terminal."""
    lines = []
    for row in found.headline.itertuples():
        target = f", {word('target', language)} {percent(row.target)}" if row.target == row.target else ""
        lines.append(f"{word(row.metric, language)} {percent(row.now)} ({word('change', language)} {points(row.change)}{target})")
    return lines
