"""`python -m tests.security`: try S1 to S8, and print one table: trials, failures and what was measured. Status 1 where anything failed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.security import s1_to_s3_doors as doors
from tests.security import s4_guesses, s5_cells, s6_s7_payloads, s8_telling
from tests.security.ground import Ground, city, ground
from tests.web.test_authorisation import Tried

ALL: Mapping[str, tuple[str, Callable[[Ground], Tried]]] = {
    "S1": ("every route × role × own/foreign retailer: refused or not there; all routes covered", doors.s1),
    "S2": ("unsafe routes without token or from another origin: refused, nothing changed", doors.s2),
    "S3": ("sessions: a new id each time; an old cookie is refused at the next request", doors.s3),
    "S4": ("guesses at 4 processes: at most 10 checked, nobody locked out for good, no difference in time", s4_guesses.s4),
    "S5": ("formulas in every text, as csv and xlsx: none is live, numbers stay numbers", s5_cells.s5),
    "S6": ("payloads in every parameter: no 5xx, no markup, strict policy", s6_s7_payloads.s6),
    "S7": ("path and name tricks in upload and download: no escape", s6_s7_payloads.s7),
    "S8": ("failures tell a user nothing; log-ins, refusals and overrides noted with UTC time and actor", s8_telling.s8),
}
console = Console(width=None if sys.stdout.isatty() else 200)


@dataclass
class Row:
    """What became of one S."""

    name: str
    trials: int = 0
    failed: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def tried(name: str, place: Ground) -> Row:
    """All trials of one S."""
    row, since = Row(name), perf_counter()
    try:
        for what, wrong in ALL[name][1](place):
            row.trials += 1
            row.failed += [f"{what}: {wrong}"] if wrong else []
    except Exception as error:
        row.failed.append(f"broke off: {type(error).__name__}: {error}")
    row.figures, row.seconds = place.figures, perf_counter() - since
    return row


def main(
    only: Annotated[str, typer.Option(help="These alone: S1,S4.")] = "",
    share: Annotated[float, typer.Option(help="That share of the full number of trials, where it is not the route table's.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 2026,
) -> None:
    """Try S1 to S8."""
    names = [name.strip().upper() for name in only.split(",")] if only else list(ALL)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="trueorder-security-") as top, city(Path(top)) as whole:
        for name in names:
            (place := Path(top) / name).mkdir()
            with ground(whole, place, share=share, seed=seed) as own:
                rows.append(tried(name, own))
            console.print(f"{name}: {rows[-1].trials:,} trials, {len(rows[-1].failed):,} failures, {rows[-1].seconds:,.0f} s", markup=False)
    show(rows)
    raise typer.Exit(1 if any(row.failed or not row.trials for row in rows) else 0)


def show(rows: list[Row]) -> None:
    """Print the table, and what failed."""
    table = Table("door", "demand", "trials", "failures", "figures", "seconds")
    for row in rows:
        told = "; ".join(f"{name} {value:.4g}" for name, value in row.figures.items())
        style = "bold red" if row.failed else None
        table.add_row(row.name, ALL[row.name][0], f"{row.trials:,}", f"{len(row.failed):,}", told, f"{row.seconds:,.0f}", style=style)
    console.print(table)
    for row in rows:
        for one in row.failed[:20]:
            console.print(f"{row.name}: {one}"[:400], markup=False)


if __name__ == "__main__":
    typer.run(main)
