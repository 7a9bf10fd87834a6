"""The commands `trueorder plan …`: the month's weeks, caps per star level, monthly quotas, and publishing what was planned."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from jobs.cli import Context

app = typer.Typer(no_args_is_help=True, help="The month's weeks, caps and quotas, from volume, forecast demand and arrivals.")

Month = Annotated[datetime | None, typer.Option(formats=["%Y-%m"], metavar="MONTH", help="That of the newest night's week unless given.")]
Week = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="MONDAY", help="The first without a release strategy unless given.")
]
To = Annotated[Path | None, typer.Option(help="A file for all of it: csv, parquet or xlsx.")]
By = Annotated[str, typer.Option(help="Who does this.")]
Why = Annotated[str, typer.Option(help="Why.")]
SHOWN = 60


@app.command()
def weeks(ctx: typer.Context, month: Month = None, to: To = None) -> None:
    """The weekly plan of each brand's monthly volume: even against the forecast, never ahead of what has arrived."""
    from jobs import planning

    context: Context = ctx.obj
    source = context.source(None)
    found = planning.month_weeks(planning.ground(source, f"{month:%Y-%m}" if month else None))
    _show([_month(rows) for _, rows in found.rows.groupby("brand_id", sort=False)], "brands", to)
    _problems(found.problems)
    _write(found.rows, to)
    typer.echo(f"month {found.month}, run {source.run.run_id} of {source.run.business_date}")


def _month(rows: pd.DataFrame) -> str:
    """A brand's month in a line."""
    first = next(rows.itertuples())
    planned = "  ".join(f"{row.week:%m-%d} {row.plan:,} (need {row.forecast:,.0f})" for row in rows.itertuples())
    given = int(rows["given"].sum())
    return f"{first.brand_id}  volume {first.volume:,}, given {given:,}, not planned {first.unplanned:,}:  {planned}"


@app.command()
def strategy(
    ctx: typer.Context,
    week: Week = None,
    brand: Annotated[str | None, typer.Option(help="Only this brand, level by level.")] = None,
    scope: Annotated[str | None, typer.Option(help="Caps of their own for each district, area_type or business_format.")] = None,
    to: To = None,
) -> None:
    """Caps per star level for a week, whose expected take-up comes nearest to the plan. Nothing is stored."""
    from jobs import strategies

    context: Context = ctx.obj
    source = context.source(None)
    found = strategies.strategy(source, week.date() if week else None, brand, scope)
    of_brand = dict(tuple(found.levels.groupby("brand_id", sort=False)))
    lines = [line for row in found.brands.to_dict("records") for line in _brand(row, of_brand[row["brand_id"]], brand is not None)]
    _show(lines, "lines", to)
    _problems(found.problems)
    _write(found.levels, to)
    typer.echo(f"week {found.week}, run {source.run.run_id} of {source.run.business_date}")


def _brand(row: dict[Any, Any], levels: pd.DataFrame, whole: bool) -> list[str]:
    """A brand's caps: its sums, its next steps and its caps in two lines; level by level where `whole`."""
    here = levels[levels[list(SCOPE)].agg("".join, axis=1) == row["scope"]]
    scope = f" {row['scope']}" if row["scope"] else ""
    steps = "".join(f"; one step {name}: level {row[at]:.0f} {row[moves]:+.1f}" for name, at, moves in STEPS if row[at] > 0)
    sums = (
        f"{row['brand_id']}{scope}  plan {row['plan']:,}, released {row['released']:,.0f}, expected {row['expected']:,.1f}, residual "
        f"{row['residual']:+.1f}, take-up {_share(row['take_up'])}, covered {_share(row['covered'])}, whole need "
        f"{_share(row['whole_need'])}, fulfilment {_share(row['fulfilment'])}, λ {row['level']:.4g}{steps}"
    )
    return [sums, *(map(_level, here[::-1].to_dict("records")) if whole else [f"    {caps(here)}"])]


SCOPE = ("district", "area_type", "business_format", "street")
STEPS = (("up", "more_at", "more_expected"), ("down", "less_at", "less_expected"))


def _level(row: dict[Any, Any]) -> str:
    return (
        f"    level {row['star_level']}: cap {row['cap']} (line {row['line']:.2f})  retailers {row['retailers']:,}, released "
        f"{row['released']:,}, expected {row['expected']:,.1f}, take-up {_share(row['take_up'])}, whole need {_share(row['whole_need'])}, "
        f"fulfilment {_share(row['fulfilment'])}, taken of what is modelled {row['factor']:.2f}"
    )


def _share(value: float) -> str:
    """A share, or a dash where there is nothing below the line."""
    return "–" if value != value else f"{value:.1%}"


def caps(levels: pd.DataFrame) -> str:
    """Caps in words, the best level first, neighbours of one cap together: `5 → 3, 4 → 2, 1–3 → 0`."""
    said = []
    for cap, rows in levels[::-1].groupby("cap", sort=False):
        low, high = rows["star_level"].min(), rows["star_level"].max()
        said.append(f"{low}–{high} → {cap}" if low < high else f"{high} → {cap}")
    return ", ".join(said)


@app.command()
def quotas(ctx: typer.Context, month: Month = None, to: To = None) -> None:
    """Monthly quotas per star level and brand: the sum of the month's caps, published and proposed. Nothing is stored."""
    from jobs import strategies

    context: Context = ctx.obj
    source = context.source(None)
    found = strategies.quotas(source, f"{month:%Y-%m}" if month else None)
    by_brand = found.rows.rename(columns={"quota": "cap"}).groupby("brand_id", sort=True)
    _show([f"{name}  {caps(rows)}" for name, rows in by_brand], "brands", to)
    _problems(found.problems)
    _write(found.rows, to)
    typer.echo(f"month {found.month}, run {source.run.run_id} of {source.run.business_date}")


@app.command()
def publish(
    ctx: typer.Context,
    week: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="MONDAY", help="The week.")],
    by: By,
    why: Why,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of the strategy that the week has.")] = False,
) -> None:
    """Make the proposed caps of a week its release strategy."""
    from jobs import strategies
    from jobs.clock import now

    context: Context = ctx.obj
    plan_id, found = strategies.publish(context.source(None), week.date(), by=by, why=why, over=replace, at=now())
    _problems(found.problems)
    typer.echo(
        f"plan {plan_id}: {len(found.levels):,} caps of {len(found.brands):,} brands for the week of {found.week}; taken back by: "
        f"trueorder plan withdraw {plan_id}"
    )


@app.command()
def withdraw(ctx: typer.Context, plan_id: Annotated[int, typer.Argument(metavar="PLAN_ID")], by: By, why: Why) -> None:
    """Take published caps back: the week's strategy is as it was before."""
    from jobs.clock import now
    from ordering.database import planning

    context: Context = ctx.obj
    week = planning.withdraw(context.database(), plan_id, by=by, why=why, at=now())
    typer.echo(f"plan {plan_id} was taken back; the strategy of the week of {week} is as it was before")


def _show(lines: list[str], what: str, to: Path | None) -> None:
    for line in lines[:SHOWN]:
        typer.echo(line)
    if len(lines) > SHOWN:
        typer.echo(f"… and {len(lines) - SHOWN:,} {what} more" + ("" if to else "; --to FILE writes them all"))


def _problems(found: pd.DataFrame) -> None:
    """What stood in the way, in both languages."""
    _show([f"{row.code}: {row.english} {row.chinese}" for row in found.itertuples()], "problems", None)


def _write(rows: pd.DataFrame, to: Path | None) -> None:
    from jobs import planning

    if to is not None:
        typer.echo(f"{planning.write(rows, to):,} rows in {to}")
