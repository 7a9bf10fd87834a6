"""A city folder, or a foreign one by its mapping, to checked frames: all of it, or every fault of every file.

Read -> type -> check each file by itself -> check across files and against what is stored -> frames. Nothing is written here.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ordering import checks
from ordering.cell_values import typed
from ordering.checks import Stored
from ordering.csv_files import Bytes, CsvFile, csv_sheet, look
from ordering.errors import Fault
from ordering.frames import CONTRACT, Table
from ordering.keys import Parsed, frame
from ordering.reading import Sheet, parquet_sheet
from ordering.refusing import FaultList, one_line
from ordering.settings import ImportSettings

__all__ = ["Checked", "Progress", "Stored", "quiet", "read_folder"]

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

ENDINGS = (".csv", ".parquet")
MOST_COLUMNS = 1_000
SHOWN = 20
"""Unknown columns that are named in a note."""
OTHER_DELIMITERS = (";", "\t", "|", "，", "；")


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Checked:
    """The whole, checked content of a folder: tables by contract name, each as `frames.conform` gives it (lines with ids as
    categories of the sorted known ids), and what the user should know about what was read."""

    tables: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...]


def read_folder(
    folder: Path,
    stored: Stored,
    settings: ImportSettings,
    *,
    mapping: Path | None = None,
    progress: Progress = quiet,
    whole_lines: bool = False,
) -> Checked:
    """Read and check a city folder; with `mapping` (a TOML file) a folder of a foreign layout.

    `whole_lines`: a csv file whose last line has no line end is refused as cut off; else that is noted. Raises ImportRefusedError
    listing the faults of every file (a thousand of each in full, all counted).
    """
    faults = FaultList()
    notes: list[str] = []
    reader = FolderReader(folder, faults, notes, progress, whole_lines)
    if mapping is None:
        tables = _read_contract(reader, stored)
    else:
        from ordering.mapped import read_mapped

        tables = read_mapped(reader, mapping)
        _require(reader, set(tables) | reader.broken, stored)
    city = checks.City(tables, frozenset(reader.broken), stored, settings, faults, notes)
    for done, check in enumerate(checks.CHECKS):
        progress("checking", done, len(checks.CHECKS))
        check(city)
    faults.refuse()
    progress("checking", len(checks.CHECKS), len(checks.CHECKS))
    known = {name: pd.Index(city.known(name), dtype="str") for name in ("retailer_id", "brand_id")}
    found = {name: frame(tables.pop(name), known if name == "order_lines" else {}) for name in [t for t in CONTRACT if t in tables]}
    return Checked(found, tuple(notes))


def _read_contract(reader: FolderReader, stored: Stored) -> dict[str, Parsed]:
    """The contract's files of a folder, each typed; files that could not be read are named in `reader.broken`."""
    paths = reader.paths(CONTRACT)
    _require(reader, set(paths) | reader.broken, stored)
    if not paths and not reader.faults:
        reader.whole(str(reader.folder), "holds no file of a city folder; it should hold retailers.csv, brands.csv, order_lines.csv")
    tables = {}
    for name, path in paths.items():
        table = CONTRACT[name]
        sheet = reader.sheet(path, table.names, [column.name for column in table.columns if column.required])
        if sheet is None:
            reader.broken.add(name)
        else:
            tables[name] = parse(table, sheet, reader.faults)
    return tables


def parse(table: Table, sheet: Sheet, faults: FaultList) -> Parsed:
    """A sheet whose columns bear the contract's names, each column typed; cells that do not fit are added to `faults`."""
    return Parsed(table, sheet, {column.name: typed(column, sheet, faults) for column in table.columns if column.name in sheet.cells})


def _require(reader: FolderReader, given: Collection[str], stored: Stored) -> None:
    """The first load of a city needs retailers, brands and order lines."""
    if not reader.folder.is_dir():
        return
    held = {"retailers": len(stored.retailers), "brands": len(stored.brands), "order_lines": len(stored.order_weeks)}
    for name, count in held.items():
        if not count and name not in given:
            reader.whole(CONTRACT[name].file, "is missing, and the database holds none yet; put it into the folder")


class FolderReader:
    """Finds and reads the files of a folder; gathers faults and notes, and the names of tables that could not be read."""

    def __init__(self, folder: Path, faults: FaultList, notes: list[str], progress: Progress, whole_lines: bool = False) -> None:
        self.folder, self.faults, self.notes, self._progress = folder, faults, notes, progress
        self._whole_lines = whole_lines
        self.broken: set[str] = set()
        self._done = self._total = 0

    def whole(self, file: str, message: str) -> None:
        """A fault of a whole file."""
        self.faults.add(Fault(file, 0, "", "", message))

    def paths(self, tables: Collection[str]) -> dict[str, Path]:
        """The file of each table that the folder holds. Both csv and parquet of one table are a fault, other files a note."""
        try:
            entries = {entry.name: entry for entry in sorted(self.folder.iterdir()) if not entry.name.startswith(".")}
        except OSError as error:
            self.whole(str(self.folder), f"is no folder that can be read ({error.strerror}); name the folder that holds the city's files")
            return {}
        found = {}
        for name in tables:
            given = [entries.pop(name + ending) for ending in ENDINGS if name + ending in entries]
            if len(given) > 1:
                self.whole(given[0].name, f"and {given[1].name} are both there; keep one of them")
                self.broken.add(name)
            elif given:
                found[name] = given[0]
        self.notes += [f"{one_line(name)} is not a file of a city folder and was not read" for name in entries]
        self.expect(found.values())
        return found

    def expect(self, paths: Collection[Path]) -> None:
        """Count the bytes that will be read, for progress."""
        self._total = sum(path.stat().st_size for path in paths if path.is_file())

    def _advance(self, size: int) -> None:
        self._done += size
        self._progress("reading", min(self._done, self._total), self._total)

    def sheet(self, path: Path, wanted: Collection[str], required: Collection[str], delimiter: str = ",") -> Sheet | None:
        """The wanted columns of a file as text, or None (then `faults` says why): unreadable, empty, or without a required column."""
        if path.exists() and not path.is_file() and not path.is_dir():
            self.whole(path.name, "is a pipe or a device; put the file itself into the folder")
            return None
        try:
            if path.suffix == ".parquet":
                return self._parquet(path, wanted, required)
            seen = look(path, self._advance)
        except OSError as error:
            self.whole(path.name, f"cannot be read ({error.strerror}); check that it is a file and may be read")
            return None
        return csv_sheet(path, seen, wanted, self.faults, delimiter) if self._sound(path, seen, wanted, required, delimiter) else None

    def _parquet(self, path: Path, wanted: Collection[str], required: Collection[str]) -> Sheet | None:
        if not path.stat().st_size:
            self.whole(path.name, "is empty; export it again, or leave the file out")
            return None
        names, sheet = parquet_sheet(path, wanted, self.faults)
        self._advance(path.stat().st_size)
        if sheet is None or not self._columns(path, names, wanted, required, ","):
            return None
        return sheet

    def _sound(self, path: Path, seen: Bytes, wanted: Collection[str], required: Collection[str], delimiter: str) -> bool:
        """Whether a csv file's bytes and header can be used; else `faults` says why."""
        if not seen.size:
            self.whole(path.name, "is empty; export it again, or leave the file out")
        elif seen.nul_line:
            self.faults.add(
                Fault(path.name, seen.nul_line, "", "", "holds a NUL byte: damaged, or saved as UTF-16; save it again as UTF-8")
            )
        elif seen.bad_line:
            self.faults.add(Fault(path.name, seen.bad_line, "", "", "is neither UTF-8 nor GB18030; save the file again as UTF-8"))
        else:
            try:
                header, _ = CsvFile(path, seen, delimiter).header
            except csv.Error:
                self.faults.add(Fault(path.name, 1, "", "", "is no header; the first line names the columns, separated by commas"))
                return False
            if seen.ends_open and self._whole_lines:
                said = "has no line end: the file was probably cut off there; export it again"
                self.faults.add(Fault(path.name, seen.lines, "", "", said))
            elif seen.ends_open:
                self.notes.append(f"{path.name}: the last line has no line end; if the file was cut off there, export it again")
            return self._columns(path, header, wanted, required, delimiter)
        return False

    def _columns(self, path: Path, header: list[str], wanted: Collection[str], required: Collection[str], delimiter: str) -> bool:
        """Whether a header names every required column once; unknown columns are noted."""
        before = self.faults.count(path.name)
        other = next((sign for sign in OTHER_DELIMITERS if len(header) == 1 and sign in header[0]), "")
        if not any(header):
            self._header(path, "", "is empty; the first line names the columns, separated by commas")
        elif other:
            shown = "a tab" if other == "\t" else f"'{other}'"
            self._header(path, "", f"the header has one column and holds {shown}; separate the cells by '{delimiter}'")
        elif len(header) > MOST_COLUMNS:
            self._header(path, "", f"the header has {len(header):,} columns, more than any file of a city; leave those that are read")
        else:
            for name in dict.fromkeys(name for name in header if name and header.count(name) > 1):
                self._header(path, name, "stands more than once; keep one of these columns")
            for name in [name for name in required if name not in header]:
                near = difflib.get_close_matches(name, [name for name in header if name not in wanted], 1)
                self._header(path, name, f"is missing; add this column{f' (is it {near[0]!r}?)' if near else ''}")
        unknown = [one_line(name) or "(without a name)" for name in header if name not in wanted]
        if unknown and self.faults.count(path.name) == before:
            more = f" and {len(unknown) - SHOWN:,} more" if len(unknown) > SHOWN else ""
            self.notes.append(f"{path.name}: unknown columns were ignored: {', '.join(unknown[:SHOWN])}{more}")
        return self.faults.count(path.name) == before

    def _header(self, path: Path, name: str, message: str) -> None:
        self.faults.add(Fault(path.name, 1, "header" if name else "", name, message))
