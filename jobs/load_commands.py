"""The commands that fill a database: `trueorder init`, `import`, `sample` and `history rebuild`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context


def init(ctx: typer.Context) -> None:
    """Create or upgrade the schema."""
    from ordering import database

    context: Context = ctx.obj
    db = database.connect(context.url or context.settings().database.url)
    typer.echo(f"schema {database.migrate(db)} at {db.url.render_as_string()}")


def import_(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A city folder: the files of the data contract.")],
    mapping: Annotated[Path | None, typer.Option(help="TOML that says how a foreign layout reads.")] = None,
) -> None:
    """Check and load a city folder: all or nothing."""
    from jobs import leasing, loading
    from jobs.clock import now
    from jobs.progress import shown

    context: Context = ctx.obj
    db, settings = context.database(create=True), context.settings()
    with leasing.alone(db, leasing.IMPORTING, settings.schedule.lease_seconds, "an import"), shown() as progress:
        loaded = loading.load(db, folder, settings, mapping=mapping, by=getpass.getuser(), at=now(), progress=progress)
    for note in loaded.notes:
        typer.echo(f"note: {note}")
    width = max(map(len, loaded.tables), default=0)
    for name, count in loaded.tables.items():
        typer.echo(
            f"{name:<{width}}  {count.new:>10,} new  {count.changed:>10,} changed  {count.same:>10,} as they were  of {count.rows:,} rows"
        )


def sample(
    folder: Annotated[Path, typer.Argument(help="Where the made-up city is written.")],
    retailers: Annotated[int, typer.Option(min=2)] = 600,
    brands: Annotated[int, typer.Option(min=2)] = 40,
    weeks: Annotated[int, typer.Option(min=9)] = 110,
    seed: int = 1,
    kind: Annotated[str, typer.Option(help="How its retailers behave; an unknown kind lists them.")] = "mixed",
    truth: Annotated[Path | None, typer.Option(help="Where its true demand is written.")] = None,
    format: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",
) -> None:
    """Write a made-up city folder, and its truth if asked."""
    from jobs.progress import shown
    from ordering import sample as city

    with shown() as progress:
        made = city.write_city(
            folder, retailers=retailers, brands=brands, weeks=weeks, seed=seed, kind=kind, truth=truth, format=format, progress=progress
        )
    for name, count in made.rows.items():
        typer.echo(f"{name:<20} {count:>12,}")
    typer.echo(f"lines of the week of {made.cutoff} wait to be allocated: trueorder nightly --date {made.cutoff}")


def rebuild(ctx: typer.Context) -> None:
    """Write the Parquet files of all weeks anew from the database."""
    from jobs import loading
    from jobs.progress import shown

    context: Context = ctx.obj
    db = context.database()
    folder = context.history(db)
    with shown() as progress:
        typer.echo(f"{loading.rebuild_history(db, folder, progress):,} weeks in {folder}")
