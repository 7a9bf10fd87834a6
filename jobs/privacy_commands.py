"""The commands `trueorder privacy …`: giving personal data out, deleting them, and who looked at them."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context

app = typer.Typer(no_args_is_help=True, help="Personal data: giving them out, deleting them, and who looked.")

Retailer = Annotated[str, typer.Argument(metavar="RETAILER")]
SHOWN = 200


@app.command()
def export(
    ctx: typer.Context,
    retailer_id: Retailer,
    to: Annotated[Path, typer.Option(help="A folder: one csv for each table, and about.json.")],
    user: Annotated[bool, typer.Option("--user", help="The argument is the name of a user, not a retailer.")] = False,
    by: Annotated[str | None, typer.Option(help="Who exports; the system's user unless given.")] = None,
) -> None:
    """Write all that is stored about a retailer, or a user."""
    from jobs import privacy
    from jobs.clock import now

    write = privacy.export_user if user else privacy.export
    rows = write(ctx.obj.database(), retailer_id, to, by=getpass.getuser() if by is None else by, at=now())
    for name, count in rows.items():
        typer.echo(f"{name:<24}  {count:>10,} rows")
    typer.echo(f"{len(rows)} tables in {to}")


@app.command()
def delete(
    ctx: typer.Context,
    retailer_id: Retailer,
    by: Annotated[str, typer.Option(help="Who deletes.")],
    why: Annotated[str, typer.Option(help="At whose wish.")],
) -> None:
    """Delete a retailer's personal data for good. What was ordered and given stays, under the licence number."""
    from jobs.clock import now
    from ordering.database import privacy

    done = privacy.forget(ctx.obj.database(), retailer_id, by=by, why=why, at=now())
    for verb, counts in (("deleted", done.deleted), ("cleared", done.cleared)):
        for name, count in counts.items():
            typer.echo(f"{name:<24}  {count:>10,} rows {verb}")
    typer.echo(f"retailer {retailer_id} is called {done.pseudonym} now; an import does not change that")


@app.command()
def log(ctx: typer.Context, retailer_id: Retailer) -> None:
    """Who looked at or exported a retailer's data, the latest first; times are UTC, each thing once an hour."""
    from ordering.database import privacy

    context: Context = ctx.obj
    found = privacy.read_log(context.database(), retailer_id)
    for row in found[:SHOWN]:
        typer.echo(f"{row['at']}  {row['user_name']}  {row['what']}{'  (a list of many)' if row['listed'] else ''}")
    typer.echo(f"{len(found):,} entries, kept for {context.settings().privacy.access_log_days} days")
