"""The commands that show what was found: `trueorder export`, `explain`, `self-check`, `report` and `letter`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.options import Month, RunId

if TYPE_CHECKING:
    from jobs.cli import Context

What = Annotated[
    str,
    typer.Argument(
        help="demand, brand-demand, forecast, brand-forecast, inflated, habits, signals, suggestions, suggestion-inputs, substitutes, "
        "brand-dependence, allocation, fairness, price-of-fairness, fulfilment, accuracy, retailer-knowledge, satisfaction, overrides."
    ),
]
By = Annotated[str, typer.Option(help="Dimensions: retailer,brand,manager,district,star,manufacturer,price_class,horizon,period.")]


def export(
    ctx: typer.Context,
    what: What,
    to: Annotated[Path, typer.Option(help="The file; its ending says csv, parquet or xlsx.")],
    by: By = "period",
    period: Annotated[str, typer.Option(help="week, month, quarter or year.")] = "month",
    weeks: Annotated[int | None, typer.Option(min=1, help="Past weeks: of the demand exports 104 unless given.")] = None,
    run: RunId = None,
) -> None:
    """Write results to a file: csv, parquet or xlsx, the same rows in each."""
    from jobs import exports

    context: Context = ctx.obj
    source = context.source(run)
    dimensions = [name.strip() for name in by.split(",") if name.strip()]
    count = exports.export(source, what, to, by=dimensions, period=period, weeks=weeks)
    context.looked(source.db, f"export {what}")
    typer.echo(f"{count:,} rows of {what}, run {source.run.run_id} of {source.run.business_date}, in {to}")


def explain(
    ctx: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID")],
    brand_id: Annotated[str, typer.Argument(metavar="BRAND_ID")],
    run: RunId = None,
) -> None:
    """Why a line got what it got, what it was decided from, and what would have given it more."""
    from jobs import explaining

    context: Context = ctx.obj
    found = explaining.explained(context.source(run), order_id, brand_id)
    for said in found.sentences.values():
        typer.echo("\n".join(said))
    typer.echo("confirmed 已确认" if found.confirmed else "proposed 待确认")
    for english, chinese, figure in found.facts:
        typer.echo(f"  {english} {chinese}: {figure}")


def self_check(
    ctx: typer.Context,
    retailer_id: Annotated[str | None, typer.Argument(metavar="[RETAILER_ID]")] = None,
    to: Annotated[Path | None, typer.Option(help="A file for the sheet: csv, parquet or xlsx.")] = None,
    run: RunId = None,
) -> None:
    """A retailer's lines recomputed from published numbers, and the arithmetic to do it by hand; without a retailer: do all agree?"""
    from jobs import explaining, explaining_words

    context: Context = ctx.obj
    source = context.source(run)
    found = explaining.sheet(source, retailer_id)
    if retailer_id is not None:
        typer.echo(explaining_words.by_hand(found, source.settings.allocation.salt))
    if to is not None:
        typer.echo(f"{explaining.write(found, to):,} rows in {to}")
    typer.echo(f"{int(found['agrees'].sum()):,} of {len(found):,} lines agree, run {source.run.run_id} of {source.run.business_date}")


def report(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option(help="The folder the report is written into.")],
    month: Month = None,
    run: RunId = None,
) -> None:
    """Headquarters' rate report: HTML and xlsx, with charts."""
    from jobs import reporting

    context: Context = ctx.obj
    written = reporting.write(context.source(run), to, month=f"{month:%Y-%m}" if month else None)
    for line in written.headline:
        typer.echo(line)
    typer.echo(f"report: {written.page}")


def letter(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option(help="The xlsx or pdf file; a folder for workbooks where no manufacturer is named.")],
    manufacturer: Annotated[str | None, typer.Argument(help="As written in brands; every manufacturer unless given.")] = None,
    month: Month = None,
    run: RunId = None,
) -> None:
    """Tell a manufacturer the true demand for its brands, or each manufacturer its own."""
    from jobs import letter as letters

    context: Context = ctx.obj
    written = letters.write(context.source(run), to, manufacturer=manufacturer, month=f"{month:%Y-%m}" if month else None)
    for file in written:
        typer.echo(f"letter: {file}")
