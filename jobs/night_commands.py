"""The commands of a night: `trueorder nightly`, `publish` and `backtest`."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.options import BusinessDate, RunId

if TYPE_CHECKING:
    from jobs.cli import Context
    from jobs.nightly import Outcome
    from jobs.publish import Published

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]
PROBLEMS_SHOWN = 12


def nightly(ctx: typer.Context, date: BusinessDate = None) -> None:
    """The main job: plan each retailer's next order day and store a proposal."""
    from jobs import leasing
    from jobs import nightly as night
    from jobs.clock import today
    from jobs.progress import shown

    context: Context = ctx.obj
    db, settings = context.database(), context.settings()
    of = date.date() if date else today(settings)
    seconds, what = settings.schedule.lease_seconds, f"the night of {of}"
    with leasing.alone(db, leasing.NIGHT.format(of), seconds, what) as held, shown() as progress:
        outcome = night.run(db, of, settings, history=context.history(db), progress=held.watching(progress), guard=held.guard)
    told(outcome)


def told(outcome: Outcome) -> None:
    """What a night came to, for people."""
    for words in outcome.told:
        typer.echo(words)
    for step in outcome.steps:
        typer.echo(f"{step.name:<14} {step.seconds:>8.2f} s {step.rows:>12,} rows {step.problems:>6} problems  {step.note}".rstrip())
    for row in outcome.problems.head(PROBLEMS_SHOWN).itertuples():
        typer.echo(f"problem: {row.step}: {row.subject}: {row.message}")
    if len(outcome.problems) > PROBLEMS_SHOWN:
        typer.echo(f"… and {len(outcome.problems) - PROBLEMS_SHOWN} more problems, stored with the run")
    what = "proposal stored" if outcome.stored else "equal to the stored run, nothing new was stored"
    typer.echo(f"run {outcome.run_id} of {outcome.business_date}: {what}; hash {outcome.result_hash}")
    for note in outcome.notes:
        typer.echo(f"note: {note}")


def publish(
    ctx: typer.Context,
    run: RunId = None,
    order_day: Day = None,
    accept_limits: Annotated[str, typer.Option(metavar="WHY", help="Publish though a limit is not kept, and why.")] = "",
    by: Annotated[str | None, typer.Option(help="Who publishes; the user of the computer unless given.")] = None,
) -> None:
    """Confirm the lines of the proposal whose cut-off has passed, each once."""
    from jobs import leasing
    from jobs import publish as publishing
    from jobs.clock import now
    from ordering.errors import TrueOrderError

    context: Context = ctx.obj
    db = context.database()
    day = order_day.date() if order_day else None
    if accept_limits.strip() and not (by or "").strip():
        raise TrueOrderError("by: say who accepts the limits")
    who, settings = by or getpass.getuser(), context.settings()
    with leasing.alone(db, leasing.PUBLISHING, settings.schedule.lease_seconds, "publishing") as held:
        done = publishing.publish(
            db,
            settings,
            history=context.history(db),
            clock=now(),
            by=who,
            run_id=run,
            order_day=day,
            accept_limits=accept_limits,
            guard=held.guard,
        )
    told_published(done)


def told_published(done: list[Published]) -> None:
    """What publishing came to, for people."""
    if not done:
        typer.echo("no order day with waiting lines has passed its cut-off yet; nothing was confirmed")
    for one in done:
        typer.echo(f"run {one.run_id}, order day {one.order_day}: {one.lines:,} lines confirmed, {one.cartons:,} cartons")


def backtest(
    ctx: typer.Context,
    date: BusinessDate = None,
    origins: Annotated[int, typer.Option(min=6)] = 6,
    to: Annotated[Path | None, typer.Option(help="A file for every forecast and what came.")] = None,
) -> None:
    """Rolling-origin accuracy of the brand forecasts, by method and horizon."""
    from jobs import backtesting
    from jobs.clock import today
    from jobs.progress import shown

    context: Context = ctx.obj
    db, settings = context.database(), context.settings()
    with shown() as progress:
        found = backtesting.run(
            db, date.date() if date else today(settings), settings, history=context.history(db), origins=origins, progress=progress
        )
    typer.echo(found.text)
    if to is not None:
        from jobs import output

        typer.echo(f"{output.write([found.rolled], list(found.rolled.columns), to):,} rows in {to}")
