"""The commands `trueorder rerun …`: what if, shadow, gain and redistribute."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from jobs.cli import Context
    from jobs.giving_back import GivenBack
    from ordering.model import Policy

app = typer.Typer(no_args_is_help=True, help="Decide again: on other terms to look at, or what was confirmed, with who and why.")

RunId = Annotated[int | None, typer.Option("--run", help="A run's id; the newest unless given.")]
By = Annotated[str, typer.Option(help="Who does this.")]
Why = Annotated[str, typer.Option(help="Why.")]
Week = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="A day of its order week.")]
Delivered = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Orders up to this order day were delivered and stay.")
]
NAMES = "uniform, true_demand, star_cap, turn_and_earn; and to compare with, proportional and first_come"


@app.command(name="what-if")
def what_if(
    ctx: typer.Context,
    policy: Annotated[str | None, typer.Option(help=f"Another policy for all brands: {NAMES}.")] = None,
    supply: Annotated[list[str] | None, typer.Option(metavar="BRAND=CARTONS", help="Another supply of a brand; may be repeated.")] = None,
    to: Annotated[Path | None, typer.Option(help="A file for the lines as they would be: csv, parquet or xlsx.")] = None,
    run: RunId = None,
) -> None:
    """What the waiting lines would get on other terms, by star level, beside what they get. Nothing is stored."""
    from jobs import exports, output, reruns

    context: Context = ctx.obj
    figures, lines = reruns.compare(context.source(run), _policy(policy), _supplies(supply or []))
    for said in _table(figures):
        typer.echo(said)
    if to is not None:
        typer.echo(f"{output.write([lines], list(exports.COLUMNS['allocation']), to):,} rows in {to}")


def _policy(name: str | None) -> Policy | None:
    from ordering.errors import TrueOrderError
    from ordering.model import Policy

    if name is not None and name not in list(Policy):
        raise TrueOrderError(f'policy "{name}": there is no such; there are {", ".join(Policy)}')
    return Policy(name) if name is not None else None


def _supplies(told: list[str]) -> dict[str, int]:
    from ordering.errors import TrueOrderError

    found = {}
    for one in told:
        brand, _, cartons = one.partition("=")
        if not brand or not cartons.isdigit():
            raise TrueOrderError(f'supply "{one}": write the brand and its cartons, like B001=1200')
        found[brand] = int(cartons)
    return found


def _table(figures: pd.DataFrame) -> list[str]:
    """The figures in lines: a week, then its star levels, now and then."""
    import pandas as pd

    def share(value: float) -> str:
        return "–" if pd.isna(value) else f"{value:.1%}"

    widths = {"star": 5, "lines": 9, "requested": 11, "allocated": 11, "then": 11, "fill": 7, "then ": 7, "envy": 5, "then  ": 5}
    head = " ".join([f"{'week':<11}", *(f"{name.strip():>{width}}" for name, width in widths.items())])
    rows = [
        f"{row['week']:%Y-%m-%d}  {'all' if row['star_level'] == 0 else int(row['star_level']):>5} {int(row['lines']):>9,} "
        f"{int(row['requested']):>11,} {int(row['allocated']):>11,} {int(row['allocated_then']):>11,} {share(row['fill']):>7} "
        f"{share(row['fill_then']):>7} {int(row['envy']):>5} {int(row['envy_then']):>5}"
        for row in figures.to_dict("records")
    ]
    return [head, *rows]


@app.command()
def shadow(ctx: typer.Context, policy: Annotated[str, typer.Option(help=f"The policy: {NAMES}.")], run: RunId = None) -> None:
    """Allocate a night's lines by another policy and store that beside it, to compare. Nothing is ever published of it."""
    from jobs import reruns
    from jobs.clock import now

    context: Context = ctx.obj
    source, chosen = context.source(run), _policy(policy)
    assert chosen is not None
    run_id = reruns.shadow(source, chosen, at=now())
    typer.echo(
        f"run {run_id}: {policy} beside run {source.run.run_id} of {source.run.business_date}; trueorder export fairness --run {run_id}"
    )


@app.command()
def gain(ctx: typer.Context, week: Week, by: By, why: Why, delivered: Delivered = None) -> None:
    """Give confirmed lines of a week more, from what its supply has left. Nobody loses a carton."""
    from jobs import reruns
    from jobs.clock import now

    context: Context = ctx.obj
    day = delivered.date() if delivered else None
    _done(reruns.gain(context.source(None), week.date(), delivered=day, by=by, why=why, at=now()))


@app.command()
def redistribute(ctx: typer.Context, week: Week, by: By, why: Why, delivered: Delivered = None) -> None:
    """Share what was confirmed of a week anew, as if none of it had been confirmed."""
    from jobs import reruns
    from jobs.clock import now

    context: Context = ctx.obj
    day = delivered.date() if delivered else None
    _done(reruns.redistribute(context.source(None), week.date(), delivered=day, by=by, why=why, at=now()))


def _done(found: GivenBack) -> None:
    typer.echo(f"batch {found.batch_id}: {found.lines:,} lines changed, {found.cartons:+,} cartons")
    typer.echo(f"taken back by: trueorder restore {found.batch_id}")
