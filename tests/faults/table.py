"""The table of all faults: trials, failures and the largest figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.faults.harness import ALL, DEMAND, Fault
from tests.faults.records import Record, Records

COLUMNS = ("fault", "demand", "database", "trials", "failures", "largest figures", "seconds", "program")


@dataclass(frozen=True)
class Row:
    """One fault on one database."""

    fault: str
    demand: str
    database: str
    wanted: int
    done: int
    failures: int
    largest: Mapping[str, float]
    seconds: float
    programs: tuple[str, ...]
    skipped: str = ""

    @property
    def sound(self) -> bool:
        """Whether all was tried that was asked for, and nothing failed."""
        return self.failures == 0 and 0 < self.wanted <= self.done


def row(fault: Fault, database: str, wanted: int, records: list[Record]) -> Row:
    """What the records of a fault on a database come to."""
    largest: dict[str, float] = {}
    for record in records:
        for name, value in record.figures.items():
            largest[name] = max(value, largest.get(name, value))
    return Row(
        fault.name,
        fault.demand,
        database,
        wanted,
        len(records),
        sum(bool(record.failed) for record in records),
        largest,
        sum(record.seconds for record in records),
        tuple(sorted({record.program for record in records})),
        next((record.skipped for record in records if record.skipped), ""),
    )


def rows(faults: Mapping[str, Fault], wanted: Mapping[str, int], records: Records) -> list[Row]:
    """A row per fault asked for and database; a fault without a module has one that is not sound."""
    return [
        found
        for name in sorted(wanted, key=ALL.index)
        for found in (_of(faults[name], wanted[name], records) if name in faults else [_missing(name)])
    ]


def _of(fault: Fault, wanted: int, records: Records) -> Iterator[Row]:
    for database in fault.databases:
        yield row(fault, database, wanted, records.of(fault.name, database))


def _missing(name: str) -> Row:
    return Row(name, DEMAND[name], "no module", 0, 0, 0, {}, 0, ())


def show(console: Console, found: list[Row], program: str) -> None:
    """Print the table; a program other than the present one is named."""
    table = Table(*COLUMNS, show_lines=False)
    for one in found:
        told = [f"{name} {value:,.10g}" for name, value in one.largest.items()] + ([f"skipped: {one.skipped}"] if one.skipped else [])
        others = [version for version in one.programs if version != program]
        table.add_row(
            one.fault,
            one.demand,
            one.database,
            f"{one.done:,} of {one.wanted:,}",
            f"{one.failures:,}",
            "; ".join(told),
            f"{one.seconds:,.0f}",
            ", ".join(others + ([program] if len(others) < len(one.programs) else [])),
            style=None if one.sound else "bold red",
        )
    console.print(table)
