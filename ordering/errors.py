"""The errors a user may see: each names the thing, its value and the remedy. Nothing else reaches a user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TrueOrderError(Exception):
    """The input or the state is at fault; the message says what to do. Exit status 1.

    `chinese`: the same for pages in Chinese; where it was not said, the message as it is.
    """

    def __init__(self, message: str = "", chinese: str = "") -> None:
        super().__init__(message)
        self.chinese = chinese or message


class SettingsError(TrueOrderError):
    """A settings file cannot be used."""


class StateError(TrueOrderError):
    """The database is not in a state in which the command can be done."""


class DatabaseError(StateError):
    """What the database, or its disk, could not do. The words name servers, files and queries: for those who run the service alone."""


class OrderError(TrueOrderError):
    """What a retailer asks of the ordering desk cannot be done so; `code` names what to mend, `words` say it in English and Chinese."""

    def __init__(self, code: str, english: str, chinese: str) -> None:
        self.code, self.words = code, {"en": english, "zh": chinese}
        super().__init__(english, chinese)


@dataclass(frozen=True, order=True)
class Fault:
    """One fault of one input file: where it is, what stands there, and what would be right.

    `line` is the line of the file (the header is line 1), 0 when the fault is of the whole file.
    """

    file: str
    line: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        what = f"{self.column} " if self.column else ""
        value = f'"{self.value}" ' if self.column else ""
        return f"{where}: {what}{value}{self.message}"


class ImportRefusedError(TrueOrderError):
    """An import is all or nothing: every fault of every file, and nothing was stored."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        noun = "fault" if len(self.faults) == 1 else "faults"
        listed = "\n".join(str(fault) for fault in self.faults)
        super().__init__(f"{listed}\n{len(self.faults)} {noun}; nothing was stored")
