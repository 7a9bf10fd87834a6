"""The commands `trueorder proposal …`: which nights hold a proposal, putting one aside before it is published, and taking it up again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context

app = typer.Typer(no_args_is_help=True, help="Proposals of nights: the last good one is published.")

By = Annotated[str, typer.Option(help="Who does this.")]
Why = Annotated[str, typer.Option(help="Why.")]
Run = Annotated[int, typer.Argument(metavar="RUN")]


@app.command(name="list")
def list_(ctx: typer.Context) -> None:
    """The nights whose results are stored, the newest first."""
    from ordering.database import runs

    db = ctx.obj.database()
    stored = [run for run in runs.find(db) if run.detailed]
    for run in sorted(stored, key=lambda run: (run.business_date, run.run_id), reverse=True):
        troubles = len(runs.read_problems(db, run.run_id))
        typer.echo(f"run {run.run_id} of {run.business_date}  {troubles:>5} problems{'  withdrawn' if run.withdrawn else ''}")
    if not stored:
        typer.echo("no night is stored yet; run: trueorder nightly")


@app.command()
def withdraw(ctx: typer.Context, run: Run, by: By, why: Why) -> None:
    """Put a proposal aside before it is published: the one before takes its place."""
    from jobs.clock import now
    from ordering.database import proposals

    context: Context = ctx.obj
    left = proposals.withdraw(context.database(), run, by=by, why=why, at=now())
    none = "no other is stored; put right what was wrong, then trueorder nightly"
    then = f"run {left.run_id} of {left.business_date} takes its place" if left else none
    typer.echo(f"run {run} is withdrawn; {then}")
    typer.echo(f"a night on the same input and settings finds run {run} again and leaves it withdrawn")
    typer.echo(f"taken up again by: trueorder proposal restore {run}")


@app.command()
def restore(ctx: typer.Context, run: Run, by: By, why: Why) -> None:
    """Take a withdrawn proposal up again."""
    from jobs.clock import now
    from ordering.database import proposals

    context: Context = ctx.obj
    proposals.restore(context.database(), run, by=by, why=why, at=now())
    typer.echo(f"run {run} is a proposal again")
