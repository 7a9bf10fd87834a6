"""In words: what is wrong with a cell that does not fit its column, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import numpy as np

from ordering.frames import Column, Kind
from ordering.model import week_of

LONGEST_ID, LONGEST_TEXT = 200, 10_000
FIRST_YEAR, LAST_YEAR = 1900, 2100
UNBOUNDED = 2_000_000_000  # a bound that only keeps numbers within their type need not be told
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def explain(column: Column, text: str) -> str:
    """What is wrong with a cell that does not fit its column, and what would be right."""
    if text == "":
        return f"is empty; {_expected(column)}"
    words = WORDS.get(column.kind)
    return words(column, text) if words else f"does not fit; {_expected(column)}"


def _expected(column: Column) -> str:
    bounds = f" from {column.low:g}" if column.low is not None and column.low > -UNBOUNDED else ""
    if column.high is not None and column.high < UNBOUNDED:
        bounds += f" to {column.high:g}"
    elif bounds:
        bounds += " up"
    return {
        Kind.CHOICE: f"write {' or '.join(column.choices)}",
        Kind.COUNT: f"write a whole number{bounds} in digits",
        Kind.SIGNED: "write a whole number in digits",
        Kind.NUMBER: f"write a number{bounds}, such as 12.5",
        Kind.DATE: "write a date as YYYY-MM-DD",
        Kind.WEEK: "write the week's Monday as YYYY-MM-DD",
        Kind.MONTH: "write a month as YYYY-MM",
        Kind.BOOL: "write true or false",
    }.get(column.kind, "every row needs one")


def _of_text(column: Column, text: str) -> str:
    longest = LONGEST_ID if column.kind is Kind.ID else LONGEST_TEXT
    if len(text) > longest:
        return f"is {len(text):,} characters long; write at most {longest:,}"
    return "holds a line break or another control character; write it without"


def _of_whole(column: Column, text: str) -> str:
    expected = _expected(column)
    if re.fullmatch(r"-[0-9]+([.,][0-9]+)?", text):
        returned = "; cartons given back are taken off the line they came from" if column.low == 0 else ""
        return f"is negative; {expected}{returned}"
    if re.fullmatch(r"[0-9]+", text):
        low = f"{column.low:g}" if column.low is not None else ""
        if low and len(text) < 10 and int(text) < float(low):
            return f"is below {low}; {expected}"
        return f"is too large; write at most {column.high:,.0f}" if column.high is not None else f"is too large; {expected}"
    if fraction := re.fullmatch(r"([0-9]{1,15})\.[0-9]*", text):
        whole = int(fraction[1])
        return f"is no whole number; write {whole} or {whole + 1}"
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", text):
        return f"has commas in it; write {text.replace(',', '')}"
    if re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", text):
        return f"is written with an exponent; {expected}"
    return f"is no whole number; {expected}"


def _of_real(column: Column, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return f"is no number; {_expected(column)}"
    outside = np.isfinite(number) and abs(number) < 1e300
    return f"is out of range; {_expected(column)}" if outside else f"is too large to be a number here; {_expected(column)}"


def _of_date(column: Column, text: str) -> str:
    found = re.fullmatch(r"([0-9]{4})([-/.年]?)([0-9]{1,2})[-/.月]?([0-9]{1,2})日?(?:[ T]00:00(?::00(?:\.0+)?)?)?", text)
    if not found or (not found[2] and not re.match(r"[0-9]{8}", text)):
        return f"is no date written as YYYY-MM-DD; {_expected(column)}"
    year, month, day = int(found[1]), int(found[3]), int(found[4])
    try:
        meant = date(year, month, day)
    except ValueError:
        return f"is a day that does not exist; {_expected(column)}"
    if not FIRST_YEAR <= year <= LAST_YEAR:
        empty = ", or leave the cell empty where there is no end" if column.blank else ""
        return f"is out of range; write a year from {FIRST_YEAR} to {LAST_YEAR}{empty}"
    if column.kind is Kind.WEEK and meant.weekday():
        return f"is a {WEEKDAYS[meant.weekday()]}; a week is named by its Monday: write {week_of(meant)}"
    return f"is not written as YYYY-MM-DD; write {meant}"


def _of_month(column: Column, text: str) -> str:
    found = re.fullmatch(r"((?:19|20)[0-9]{2})[-/.年]?(0?[1-9]|1[0-2])(月|[-/.][0-9]{1,2})?", text)
    return f"is not written as YYYY-MM; write {found[1]}-{int(found[2]):02d}" if found else f"is no month; {_expected(column)}"


WORDS: dict[Kind, Callable[[Column, str], str]] = {
    Kind.ID: _of_text,
    Kind.TEXT: _of_text,
    Kind.CHOICE: lambda column, text: f"is unknown; {_expected(column)}",
    Kind.COUNT: _of_whole,
    Kind.SIGNED: _of_whole,
    Kind.NUMBER: _of_real,
    Kind.DATE: _of_date,
    Kind.WEEK: _of_date,
    Kind.MONTH: _of_month,
    Kind.BOOL: lambda column, text: f"is unknown; {_expected(column)}",
}
