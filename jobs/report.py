"""Headquarters' rate report: one HTML page and one workbook with the same figures, from stored cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xlsxwriter.exceptions import XlsxWriterException

from jobs import report_html, report_xlsx
from jobs.report_figures import Figures, ReportContent
from jobs.report_words import percent, points, word
from ordering.errors import TrueOrderError
from ordering.metrics import LANGUAGES

PAGE, WORKBOOK = "index.html", "rates.xlsx"


def write(folder: Path, content: ReportContent, found: Figures, language: str = "zh") -> Path:
    """Write `index.html` and `rates.xlsx` into `folder`, made if it is not there; gives the path of the page.

    `found` are the figures of `content`.

    `language` is zh or en: the workbook's, and the one in which the page opens. Each file is replaced whole or not at all. Raises
    TrueOrderError where the language is unknown or the folder cannot be written.
    """
    if language not in LANGUAGES:
        raise TrueOrderError(f"there is no language {language!r}; there are {', '.join(LANGUAGES)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / WORKBOOK, lambda file: report_xlsx.write(file, content, found, language))
        _replace(folder / PAGE, lambda file: _write_text(file, report_html.page(content, found, language)))
    except (OSError, XlsxWriterException) as error:
        why = getattr(error, "strerror", None) or error
        raise TrueOrderError(f"{folder}: the report cannot be written ({why}); free space or choose another folder") from error
    return folder / PAGE


def _write_text(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")


def _replace(file: Path, fill: Callable[[Path], None]) -> None:
    """Fill a file beside `file`, then put it in its place."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        fill(unfinished)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def headline(found: Figures, language: str = "zh") -> list[str]:
    """The month's rates in words, one line each: for a terminal."""
    lines = []
    for row in found.headline.itertuples():
        target = f", {word('target', language)} {percent(row.target)}" if row.target == row.target else ""
        lines.append(f"{word(row.metric, language)} {percent(row.now)} ({word('change', language)} {points(row.change)}{target})")
    return lines
