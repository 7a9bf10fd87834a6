"""The commands `trueorder runs …`: what ran and how, and taking a run up again or stopping it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context
    from jobs.run_lists import Look

app = typer.Typer(no_args_is_help=True, help="Runs of the jobs: their steps, problems and log.")

Run = Annotated[int, typer.Argument(metavar="RUN")]
Language = Annotated[str, typer.Option(help="en or zh.")]


def _look(ctx: typer.Context, language: str) -> Look:
    from jobs.run_lists import Look

    context: Context = ctx.obj
    return Look(context.database(), context.settings().city.time_zone, language)


@app.command(name="list")
def list_(ctx: typer.Context, limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20, language: Language = "en") -> None:
    """The last runs: state, since when, how long they took, problems."""
    from jobs import run_lists

    for line in run_lists.listed(_look(ctx, language), limit):
        typer.echo(line)


@app.command()
def show(
    ctx: typer.Context,
    run: Run,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")] = False,
    language: Language = "en",
) -> None:
    """A run with its steps, what they wait for, problems and log."""
    from jobs import run_lists

    look = _look(ctx, language)
    for line in run_lists.followed(look, run) if follow else run_lists.shown(look, run):
        typer.echo(line)


@app.command()
def retry(
    ctx: typer.Context,
    run: Run,
    by: Annotated[str | None, typer.Option(help="Who does this; the user of the computer unless given.")] = None,
) -> None:
    """Take up a run that was cut off, failed or cancelled, after its last step that was done."""
    from jobs import night_commands, run_lists
    from jobs.nightly import Outcome
    from jobs.progress import shown

    context: Context = ctx.obj
    db = context.database()
    with shown() as progress:
        done = run_lists.retry(db, run, context.settings(), history=context.history(db), by=by or getpass.getuser(), progress=progress)
    if isinstance(done, Outcome):
        night_commands.told(done)
    else:
        night_commands.told_published(done)


@app.command()
def cancel(
    ctx: typer.Context,
    run: Run,
    by: Annotated[str, typer.Option(help="Who does this.")],
    why: Annotated[str, typer.Option(help="Why.")],
    language: Language = "en",
) -> None:
    """Stop a run: at once where nobody is at work on it, else at its next step or tick of progress, in its own process."""
    from jobs import chain
    from jobs.clock import now
    from jobs.run_words import text
    from ordering.database import chains
    from ordering.errors import TrueOrderError

    if not by.strip():
        raise TrueOrderError("by: say who cancels the run")
    look = _look(ctx, language)
    found = chains.cancel(look.db, run, chain.here(by.strip()), why=why, at=now())
    typer.echo(text("stopped" if found.status == "cancelled" else "stops", language, run=run))
