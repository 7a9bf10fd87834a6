"""Faults as they are gathered: all are counted, the first thousand of a file are told one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ordering.errors import Fault, ImportRefusedError, TrueOrderError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ordering.reading import Sheet

LISTED = 1_000
"""Faults of one file that are listed in full."""


class FolderRefusedError(ImportRefusedError):
    """The faults of a folder, of which `unlisted` counts, by file, those that are not told one by one."""

    def __init__(self, faults: tuple[Fault, ...], unlisted: Mapping[str, int]) -> None:
        self.faults = faults
        self.unlisted = dict(unlisted)
        self.count = len(faults) + sum(unlisted.values())
        listed = [str(fault) for fault in faults]
        listed += [f"{file}: {more:,} more {_noun(more)} beyond the first {LISTED:,}" for file, more in unlisted.items()]
        TrueOrderError.__init__(self, "\n".join([*listed, f"{self.count:,} {_noun(self.count)}; nothing was stored"]))


def one_line(text: str) -> str:
    """A cell in one short line: control characters by their number, at most 80 characters."""
    printable = "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text[:80])
    return printable if len(text) <= 80 else f"{printable}…"


def _noun(count: int) -> str:
    return "fault" if count == 1 else "faults"


class FaultList:
    """Faults by file, in the order in which the files were named first."""

    def __init__(self) -> None:
        self._found: dict[str, list[Fault]] = {}
        self._counts: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._found)

    def count(self, file: str) -> int:
        """Faults of a file so far."""
        return self._counts[file]

    def add(self, fault: Fault) -> None:
        """One fault more, its value shortened to what a line can show; listed while the file has room."""
        self._counts[fault.file] += 1
        fault = replace(fault, value=one_line(fault.value))
        found = self._found.setdefault(fault.file, [])
        if len(found) < 20 * LISTED:  # more than are shown, so that those shown are the first by line, whichever check found them
            found.append(fault)

    def add_rows(
        self,
        sheet: Sheet,
        column: str,
        rows: npt.NDArray[np.int64],
        message: Callable[[int], str],
        value: Callable[[int], str] | None = None,
    ) -> None:
        """A fault for each row (by number, ascending): `message` and `value` say, per row, what is wrong and what stands there."""
        if not len(rows):
            return
        shown = rows[:LISTED]
        told = value or sheet.cells[column].text
        lines = sheet.line_of(shown)
        for row, line in zip(shown.tolist(), lines.tolist(), strict=True):
            self.add(Fault(sheet.file, line, sheet.label(column), told(row), message(row)))
        self._counts[sheet.file] += len(rows) - len(shown)

    def refuse(self) -> None:
        """Raise the faults found, if any: by file, then by line."""
        if not self._found:
            return
        listed = {file: sorted(found)[:LISTED] for file, found in self._found.items()}
        unlisted = {file: self._counts[file] - len(found) for file, found in listed.items() if self._counts[file] > len(found)}
        raise FolderRefusedError(tuple(fault for found in listed.values() for fault in found), unlisted)
