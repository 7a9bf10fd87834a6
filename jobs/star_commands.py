"""The commands `trueorder stars …`: the monthly rating, who has which level, who moved, and why."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from jobs.cli import Context
    from jobs.rating import Outcome

app = typer.Typer(no_args_is_help=True, help="Star levels: the monthly rating, and why.")

Month = Annotated[datetime | None, typer.Option(formats=["%Y-%m"], metavar="MONTH", help="The newest one unless given.")]
To = Annotated[Path | None, typer.Option(help="A file for all of them: csv, parquet or xlsx.")]
Retailer = Annotated[str, typer.Argument(metavar="RETAILER_ID")]
SHOWN = 50


def _month(given: datetime | None) -> str | None:
    return f"{given:%Y-%m}" if given else None


@app.command()
def rate(
    ctx: typer.Context,
    month: Month = None,
    again: Annotated[bool, typer.Option("--again", help="Put this rating in the place of the one in force.")] = False,
    by: Annotated[str | None, typer.Option(help="Who rates; the account you are logged in as unless given.")] = None,
    why: Annotated[str, typer.Option(help="Why the month is rated again.")] = "",
) -> None:
    """Rate every retailer for a month and store the levels. The same levels are not stored twice."""
    from jobs import rating
    from jobs.clock import now, today

    context: Context = ctx.obj
    db, settings = context.database(), context.settings()
    outcome = rating.rate(
        db, settings, history=context.history(db), month=_month(month), on=today(settings), by=by or getpass.getuser(), at=now(),
        again=again, why=why,
    )  # fmt: skip
    for line in _told(outcome):
        typer.echo(line)


def _told(outcome: Outcome) -> list[str]:
    """What a rating came to: shares, moves, notes, and its number and hash."""
    from jobs import rating

    record, rows = outcome.record, outcome.rows
    table = rating.shares(rows, rating.rules_of(record))
    lines = ["level  configured  reached  retailers     up   down"]
    lines += [
        f"{r.level:>5}  {r.configured:>9.2f}%  {r.reached:>6.2f}%  {r.retailers:>9,}  {r.up:>5,}  {r.down:>5,}" for r in table.itertuples()
    ]
    lines.append(f"largest departure from a share: {(table['reached'] - table['configured']).abs().max():.3f} points")
    lines += rating.counts(rows)
    lines += [f"note: {note}" for note in outcome.notes]
    if outcome.imported:
        lines.append(f"note: {outcome.imported:,} retailers have an imported level of this month, which goes before the computed one")
    what = "stored" if outcome.stored else "the same levels were in force, nothing new was stored"
    weeks = f"weeks from {record.first_week} to before {record.end_week}"
    lines.append(f"rating {record.rating_id} of {record.month}, {record.rated:,} retailers, {weeks}: {what}; hash {record.result_hash}")
    return lines


@app.command(name="list")
def list_(
    ctx: typer.Context,
    month: Month = None,
    retailer: Annotated[str | None, typer.Option(help="Only of this retailer; of all months unless one is named.")] = None,
    level: Annotated[int | None, typer.Option(min=1, help="Only of this level.")] = None,
    to: To = None,
) -> None:
    """The levels of a month, or of a retailer month by month; an imported level is marked as such."""
    from jobs import star_lists

    context: Context = ctx.obj
    _show(star_lists.listed(context.database(), month=_month(month), retailer=retailer, level=level), to)


@app.command()
def moves(ctx: typer.Context, month: Month = None, to: To = None) -> None:
    """Who rose or fell in a month, and why; the longest moves first."""
    from jobs import rating, star_lists

    context: Context = ctx.obj
    found = star_lists.moves(context.database(), month=_month(month))
    for line in rating.counts(found):
        typer.echo(line)
    _show(found, to)


def _show(found: pd.DataFrame, to: Path | None) -> None:
    from jobs import output
    from jobs.star_lists import COLUMNS

    for row in found.head(SHOWN).itertuples():
        typer.echo(_line(row))
    if len(found) > SHOWN:
        typer.echo(f"… and {len(found) - SHOWN:,} more; --to FILE writes them all")
    typer.echo(f"{len(found):,} levels")
    if to is not None:
        typer.echo(f"{output.write([found], list(COLUMNS), to):,} rows in {to}")


def _line(row: Any) -> str:
    import pandas as pd

    made = f", before {row.previous}, score {row.score:.4f}, rank {row.rank:,}" if pd.notna(row.rank) else ""
    return f"{row.month}  {row.retailer_id}  level {row.level}{made}  {row.english} {row.chinese}"


@app.command()
def explain(ctx: typer.Context, retailer_id: Retailer, month: Month = None) -> None:
    """How a retailer came to its level: every measure, what it added, and what moved it; in both languages."""
    from jobs import star_lists

    context: Context = ctx.obj
    for lines in star_lists.sheet(context.database(), retailer_id, _month(month)).values():
        for line in lines:
            typer.echo(line)


@app.command()
def withdraw(
    ctx: typer.Context,
    rating_id: Annotated[int, typer.Argument(metavar="RATING_ID")],
    by: Annotated[str, typer.Option(help="Who says so.")],
    why: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Take a rating out of force; the one before it, if any, is in force again. Its rows stay."""
    from jobs.clock import now
    from ordering.database import ratings

    context: Context = ctx.obj
    back = ratings.withdraw(context.database(), rating_id, by=by, why=why, at=now())
    typer.echo(f"rating {rating_id} was withdrawn; in force now: {f'rating {back.rating_id}' if back else 'none'}")
