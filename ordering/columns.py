"""How a table is described: its columns, what each holds, and its key. Words like `count` make a column of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a column holds; it decides how text is read, the pandas type and the SQL type."""

    ID = "id"  # text; leading zeros kept
    TEXT = "text"
    CHOICE = "choice"  # text out of a fixed list
    COUNT = "count"  # whole number of cartons (or of something) >= 0
    SIGNED = "signed"  # whole number, 64 bits
    NUMBER = "number"  # real number
    DATE = "date"
    WEEK = "week"  # a date that is a Monday
    MONTH = "month"  # YYYY-MM
    BOOL = "bool"


DTYPES: Mapping[Kind, str] = {
    Kind.ID: "str",
    Kind.TEXT: "str",
    Kind.CHOICE: "str",
    Kind.COUNT: "int32",
    Kind.SIGNED: "int64",
    Kind.NUMBER: "float64",
    Kind.DATE: "datetime64[us]",
    Kind.WEEK: "datetime64[us]",
    Kind.MONTH: "str",
    Kind.BOOL: "bool",
}


@dataclass(frozen=True)
class Column:
    """One column. `required`: the file must have it. `blank`: a cell may be empty, and is then `default` (None: missing)."""

    name: str
    kind: Kind
    required: bool = True
    blank: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def nullable(self) -> bool:
        """True when a frame of this table may hold a missing value here."""
        return self.blank and self.default is None

    @property
    def dtype(self) -> str:
        """The pandas type: a missing whole number needs the nullable one, a missing truth value an object."""
        if self.nullable and self.kind is Kind.COUNT:
            return "Int32"
        if self.nullable and self.kind is Kind.SIGNED:
            return "Int64"
        if self.nullable and self.kind is Kind.BOOL:
            return "boolean"
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: `key` names the columns that tell its rows apart."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def file(self) -> str:
        """The name of its file in a city folder."""
        return f"{self.name}.csv"

    @property
    def names(self) -> list[str]:
        """The names of its columns, in order."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """One of its columns; StopIteration where there is none."""
        return next(column for column in self.columns if column.name == name)


def ident(name: str, **more: Any) -> Column:
    """A column of ids."""
    return Column(name, Kind.ID, **more)


def text(name: str, **more: Any) -> Column:
    """A column of text."""
    return Column(name, Kind.TEXT, **more)


def choice(name: str, values: type[StrEnum], **more: Any) -> Column:
    """A column of the values of an enum."""
    return Column(name, Kind.CHOICE, choices=tuple(values), **more)


def count(name: str, **more: Any) -> Column:
    """A column of cartons, or of something else that is counted."""
    return Column(name, Kind.COUNT, **{"low": 0, "high": 2_000_000_000, **more})


def number(name: str, **more: Any) -> Column:
    """A column of real numbers."""
    return Column(name, Kind.NUMBER, **more)


def dated(name: str, **more: Any) -> Column:
    """A column of dates."""
    return Column(name, Kind.DATE, **more)


def week(name: str = "week") -> Column:
    """A column of Mondays."""
    return Column(name, Kind.WEEK)


def month(name: str = "month") -> Column:
    """A column of months."""
    return Column(name, Kind.MONTH)


OPTIONAL: dict[str, Any] = {"required": False, "blank": True}
"""Of a column that a file need not have, and whose cells may be missing."""
SCOPE: dict[str, Any] = {"required": False, "blank": True, "default": ""}
"""Of one whose empty cell narrows nothing."""
