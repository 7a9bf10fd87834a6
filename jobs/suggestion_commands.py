"""The commands `trueorder suggestions …`: what a suggestion was made of, and who hangs on a short brand, in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context

app = typer.Typer(no_args_is_help=True, help="What was suggested, and why.")

Language = Annotated[str, typer.Option(help="en or zh.")]
RunId = Annotated[int | None, typer.Option("--run", help="A run's id; the newest unless given.")]
SHOWN = 50
LANGUAGES = ("en", "zh")


@app.command()
def explain(
    ctx: typer.Context,
    retailer_id: Annotated[str, typer.Argument(metavar="RETAILER")],
    brand_id: Annotated[str | None, typer.Argument(metavar="[BRAND]")] = None,
    language: Language = "en",
    run: RunId = None,
) -> None:
    """What is suggested to a retailer for its next order day, from which numbers, and what it can be offered instead."""
    from jobs import advising, privacy

    context: Context = ctx.obj
    source = context.source(run)
    told = advising.explained(source, retailer_id, brand_id, language=language)
    context.looked(source.db, "suggestions explain", retailer_id)
    for line in told:
        typer.echo(line)
    if source.settings.privacy.objections_to.strip():
        typer.echo(privacy.objections(source.settings.privacy)[LANGUAGES.index(language)])
    typer.echo(f"{len(told):,} lines, run {source.run.run_id} of {source.run.business_date}")


@app.command()
def dependence(
    ctx: typer.Context,
    manager: Annotated[str | None, typer.Option(help="Only of this account manager's retailers.")] = None,
    language: Language = "en",
    run: RunId = None,
    to: Annotated[Path | None, typer.Option(help="A file for all of them: csv, parquet or xlsx.")] = None,
) -> None:
    """The retailers that hang on one short brand, the most dependent first."""
    from jobs import advising, output

    context: Context = ctx.obj
    source = context.source(run)
    found = advising.dependent(source, manager=manager)
    for row in found.head(SHOWN).to_dict("records"):
        typer.echo(f"{row['retailer_id']}: {row[advising.column(language)]}")
    if len(found) > SHOWN:
        typer.echo(f"… and {len(found) - SHOWN:,} more; --to FILE writes them all")
    typer.echo(f"{len(found):,} retailers, run {source.run.run_id} of {source.run.business_date}")
    if to is not None:
        typer.echo(f"{output.write([found], list(found.columns), to):,} rows in {to}")
