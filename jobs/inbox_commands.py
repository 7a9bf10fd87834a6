"""The commands `trueorder inbox …`: the watched folder, once or for as long as it takes, and what became of deliveries."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context
    from ordering.database.deliveries import Delivery

app = typer.Typer(no_args_is_help=True, help="Deliveries of city files in a watched folder.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The delivery's name, or its number.")]
By = Annotated[str, typer.Option(help="Who does this.")]


@app.command()
def run(ctx: typer.Context) -> None:
    """Load every delivery that is complete, once; what is refused is put aside with a report. Exit status 1 where something was."""
    from jobs import inbox
    from jobs.clock import now
    from ordering.database.deliveries import QUARANTINED

    context: Context = ctx.obj
    db, settings = context.database(create=True), context.settings()
    done = inbox.run(db, settings, at=now(), by=getpass.getuser())
    for one in done:
        _told(one)
    _waiting(ctx)
    if any(one.state == QUARANTINED for one in done):
        raise typer.Exit(1)


@app.command()
def watch(ctx: typer.Context) -> None:
    """Look into the inbox again and again, until stopped."""
    from jobs import inbox

    context: Context = ctx.obj
    context.service()
    db, settings = context.database(create=True), context.settings()
    typer.echo(f"watching {settings.inbox.folder or 'nothing'}; stop with Ctrl-C")
    try:
        inbox.watch(db, settings, by=getpass.getuser(), tell=_told)
    except KeyboardInterrupt:
        typer.echo("stopped")


@app.command(name="list")
def list_(ctx: typer.Context) -> None:
    """What waits in the inbox, and what became of the newest deliveries."""
    from ordering.database import deliveries

    _waiting(ctx)
    for one in deliveries.find(ctx.obj.database()):
        faults = f"  {one.fault_count:,} faults" if one.fault_count else ""
        typer.echo(f"{one.delivery_id:>6}  {one.state:<12} {one.finished_at:%Y-%m-%d %H:%M} UTC  {one.name}{faults}")


@app.command()
def show(ctx: typer.Context, name: Name) -> None:
    """What became of a delivery, with its counts or its faults, in both languages."""
    from jobs import inbox, inbox_report

    typer.echo(inbox_report.told(inbox.found(ctx.obj.database(), name)), nl=False)


@app.command()
def retry(ctx: typer.Context, name: Name, by: By) -> None:
    """Take up once more what was refused, or was not loaded because the same had been."""
    from jobs import inbox
    from jobs.clock import now
    from ordering.database.deliveries import QUARANTINED

    context: Context = ctx.obj
    done = inbox.retry(context.database(), context.settings(), name, at=now(), by=by)
    _told(done)
    if done.state == QUARANTINED:
        raise typer.Exit(1)


def _told(one: Delivery) -> None:
    from jobs import inbox_report

    typer.echo(inbox_report.told(one), nl=False)


def _waiting(ctx: typer.Context) -> None:
    """What is not complete yet."""
    from ordering.database import deliveries

    rules = ctx.obj.settings().inbox
    for name, (_, since) in sorted(deliveries.waiting(ctx.obj.database()).items()):
        wait = f"complete when unchanged for {rules.settle_seconds} s, or with a file {rules.marker} in it"
        typer.echo(f"waits: {name}, unchanged since {since:%H:%M:%S} UTC; {wait}")
