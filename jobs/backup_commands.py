"""The commands `trueorder backup create`, `list`, `check` and `restore`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context

app = typer.Typer(no_args_is_help=True, help="The whole database in one file, checked; and back.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")]


@app.command()
def create(
    ctx: typer.Context,
    to: Annotated[Path | None, typer.Option(help="The file; else one in the folder of the settings, where older ones are rotated.")] = None,
) -> None:
    """Write a backup while others work on, and read it again: it is there when this ends well."""
    from jobs import backup
    from jobs.progress import shown

    context: Context = ctx.obj
    with shown() as progress:
        made = backup.run(context.database(), context.settings(), to, progress=progress)
    typer.echo(f"{_told(made.file)}: {made.manifest.rows:,} rows of {len(made.manifest.tables)} tables, checked")
    for gone in made.removed:
        typer.echo(f"{gone}: removed, as newer ones are kept")


@app.command(name="list")
def list_(ctx: typer.Context) -> None:
    """The backups in the folder of the settings, the newest first."""
    from jobs import backup

    context: Context = ctx.obj
    found = backup.listed(context.settings())
    for file, manifest in found:
        held = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC  schema {manifest.schema}  {manifest.rows:>13,} rows" if manifest else "damaged"
        typer.echo(f"{_told(file)}  {held}")
    if not found:
        typer.echo(f"no backup in {context.settings().backup.folder}; trueorder backup create makes one")


@app.command()
def check(ctx: typer.Context, file: File) -> None:
    """Read a backup from the first byte to the last, and count its rows."""
    from ordering.database import backup

    context: Context = ctx.obj
    manifest = backup.check(file, tools=context.settings().backup.tools)
    typer.echo(f"{_told(file)}: good; {manifest.kind} {manifest.database}, schema {manifest.schema}, {manifest.rows:,} rows")


@app.command()
def restore(
    ctx: typer.Context,
    file: File,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the database holds something; that is gone then.")] = False,
    by: Annotated[str | None, typer.Option(help="Who restores; the user of the computer unless given.")] = None,
    why: Annotated[str, typer.Option(help="Why what is there is replaced.")] = "",
) -> None:
    """Bring the database to what a backup holds, compare it, and make its history anew."""
    from jobs import backup
    from jobs.clock import now
    from jobs.progress import shown
    from ordering import database
    from ordering.errors import TrueOrderError

    context: Context = ctx.obj
    if replace and not (by or "").strip():
        raise TrueOrderError("by: say who replaces the database")
    db = database.connect(context.url or context.settings().database.url)
    history, who = context.history(db), by or getpass.getuser()
    with shown() as progress:
        manifest = backup.restore(
            db, context.settings(), file, history=history, replace=replace, by=who, why=why, clock=now(), progress=progress
        )
    typer.echo(f"{manifest.rows:,} rows of {len(manifest.tables)} tables at {db.url.render_as_string()}, as on {manifest.made_at} UTC")


def _told(file: Path) -> str:
    return f"{file} ({file.stat().st_size / 1e6:,.1f} MB)"
