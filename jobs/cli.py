"""The command line: thin shells around the jobs. Errors come in words; exit status 0 done, 1 input or state at fault, 2 wrong usage."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs import (
    flag_commands,
    order_commands,
    plan_commands,
    proposal_commands,
    rerun_commands,
    review_commands,
    star_commands,
    suggestion_commands,
)

if TYPE_CHECKING:
    from jobs.exports import Source
    from ordering.database import Database
    from ordering.settings import Settings

ABOUT = "Fill retailers' orders from true demand."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=ABOUT)
history_app = typer.Typer(no_args_is_help=True, help="Closed weeks as Parquet files, derived from the database.")
app.add_typer(history_app, name="history")
app.add_typer(flag_commands.app, name="flags")
app.add_typer(plan_commands.app, name="plan")
app.add_typer(star_commands.app, name="stars")
app.add_typer(suggestion_commands.app, name="suggestions")
app.add_typer(rerun_commands.app, name="rerun")
app.add_typer(review_commands.app, name="review")
app.add_typer(proposal_commands.app, name="proposal")
for command in (order_commands.cancel, order_commands.recall, order_commands.restore):
    app.command()(command)


@dataclass
class Context:
    """What every command may need: settings and database, opened when first asked for."""

    url: str | None
    settings_files: tuple[Path, ...]

    def settings(self) -> Settings:
        """The settings: defaults, then trueorder.toml of the working folder, then the files named."""
        from ordering import settings

        local = Path("trueorder.toml")
        return settings.load(*([local] if local.exists() else []), *self.settings_files)

    def database(self, *, create: bool = False) -> Database:
        """The database, its schema checked; with `create` a database without any schema gets one."""
        from ordering import database

        db = database.connect(self.url or self.settings().database.url)
        if create and database.has_no_schema(db):
            database.migrate(db)
        database.check_schema(db)
        return db

    def history(self, db: Database) -> Path:
        """Where the Parquet history lies."""
        from ordering import history

        return history.folder_for(db.url, self.settings().database.history_folder)

    def source(self, run_id: int | None) -> Source:
        """The run that exports and reports are made of."""
        from jobs import exports

        db = self.database()
        return exports.source(db, self.settings(), self.history(db), run_id)


def _context(ctx: typer.Context) -> Context:
    found = ctx.obj
    assert isinstance(found, Context)
    return found


Url = Annotated[str | None, typer.Option(envvar="TRUEORDER_DATABASE", help="Database URL; SQLite in the working folder unless given.")]
Files = Annotated[list[Path] | None, typer.Option(envvar="TRUEORDER_SETTINGS", help="Settings file(s) laid over the defaults.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]
BusinessDate = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Business date; today unless given.")]
Month = Annotated[datetime | None, typer.Option(formats=["%Y-%m"], metavar="MONTH", help="The newest closed one unless given.")]
RunId = Annotated[int | None, typer.Option("--run", help="A run's id; the newest unless given.")]
What = Annotated[
    str,
    typer.Argument(
        help="demand, brand-demand, forecast, brand-forecast, inflated, habits, signals, suggestions, suggestion-inputs, substitutes, "
        "brand-dependence, allocation, fairness, price-of-fairness, fulfilment, accuracy, retailer-knowledge, overrides."
    ),
]
By = Annotated[str, typer.Option(help="Dimensions: retailer,brand,manager,district,star,manufacturer,price_class,horizon,period.")]


@app.callback()
def _options(ctx: typer.Context, database: Url = None, settings: Files = None) -> None:
    ctx.obj = Context(database, tuple(settings or ()))


@app.command()
def init(ctx: typer.Context) -> None:
    """Create or upgrade the schema."""
    from ordering import database

    context = _context(ctx)
    db = database.connect(context.url or context.settings().database.url)
    typer.echo(f"schema {database.migrate(db)} at {db.url.render_as_string()}")


@app.command(name="import")
def import_(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A city folder: the files of the data contract.")],
    mapping: Annotated[Path | None, typer.Option(help="TOML that says how a foreign layout reads.")] = None,
) -> None:
    """Check and load a city folder: all or nothing."""
    from jobs import loading
    from jobs.clock import now
    from jobs.progress import shown

    context = _context(ctx)
    db = context.database(create=True)
    with shown() as progress:
        loaded = loading.load(db, folder, context.settings(), mapping=mapping, by=getpass.getuser(), at=now(), progress=progress)
    for note in loaded.notes:
        typer.echo(f"note: {note}")
    width = max(map(len, loaded.tables), default=0)
    for name, count in loaded.tables.items():
        typer.echo(f"{name:<{width}}  {count.new:>10,} new  {count.changed:>10,} changed  {count.same:>10,} as they were")


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where the made-up city is written.")],
    retailers: Annotated[int, typer.Option(min=2)] = 600,
    brands: Annotated[int, typer.Option(min=2)] = 40,
    weeks: Annotated[int, typer.Option(min=9)] = 110,
    seed: int = 1,
    kind: Annotated[str, typer.Option(help="How its retailers behave; an unknown kind lists them.")] = "mixed",
    truth: Annotated[Path | None, typer.Option(help="Where its true demand is written.")] = None,
    format: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",
) -> None:
    """Write a made-up city folder, and its truth if asked."""
    from jobs.progress import shown
    from ordering import sample as city

    with shown() as progress:
        made = city.write_city(
            folder, retailers=retailers, brands=brands, weeks=weeks, seed=seed, kind=kind, truth=truth, format=format, progress=progress
        )
    for name, count in made.rows.items():
        typer.echo(f"{name:<20} {count:>12,}")
    typer.echo(f"lines of the week of {made.cutoff} wait to be allocated: trueorder nightly --date {made.cutoff}")


@app.command()
def nightly(ctx: typer.Context, date: BusinessDate = None) -> None:
    """The main job: plan each retailer's next order day and store a proposal."""
    from jobs import nightly as night
    from jobs.clock import today
    from jobs.progress import shown

    context = _context(ctx)
    db, settings = context.database(), context.settings()
    with shown() as progress:
        outcome = night.run(db, date.date() if date else today(settings), settings, history=context.history(db), progress=progress)
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


PROBLEMS_SHOWN = 12


@app.command()
def publish(
    ctx: typer.Context,
    run: RunId = None,
    order_day: Day = None,
    accept_limits: Annotated[str, typer.Option(metavar="WHY", help="Publish though a limit is not kept, and why.")] = "",
    by: Annotated[str | None, typer.Option(help="Who publishes; the user of the computer unless given.")] = None,
) -> None:
    """Confirm the lines of the proposal whose cut-off has passed, each once."""
    from jobs import publish as publishing
    from jobs.clock import now
    from ordering.errors import TrueOrderError

    context = _context(ctx)
    db = context.database()
    day = order_day.date() if order_day else None
    if accept_limits.strip() and not (by or "").strip():
        raise TrueOrderError("by: say who accepts the limits")
    who, settings = by or getpass.getuser(), context.settings()
    done = publishing.publish(
        db, settings, history=context.history(db), clock=now(), by=who, run_id=run, order_day=day, accept_limits=accept_limits
    )
    if not done:
        typer.echo("no order day with waiting lines has passed its cut-off yet; nothing was confirmed")
    for one in done:
        typer.echo(f"run {one.run_id}, order day {one.order_day}: {one.lines:,} lines confirmed, {one.cartons:,} cartons")


@app.command()
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

    source = _context(ctx).source(run)
    dimensions = [name.strip() for name in by.split(",") if name.strip()]
    count = exports.export(source, what, to, by=dimensions, period=period, weeks=weeks)
    typer.echo(f"{count:,} rows of {what}, run {source.run.run_id} of {source.run.business_date}, in {to}")


@app.command()
def explain(
    ctx: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID")],
    brand_id: Annotated[str, typer.Argument(metavar="BRAND_ID")],
    run: RunId = None,
) -> None:
    """Why a line got what it got, what it was decided from, and what would have given it more."""
    from jobs import explaining

    found = explaining.explained(_context(ctx).source(run), order_id, brand_id)
    for said in found.sentences.values():
        typer.echo("\n".join(said))
    typer.echo("confirmed 已确认" if found.confirmed else "proposed 待确认")
    for english, chinese, figure in found.facts:
        typer.echo(f"  {english} {chinese}: {figure}")


@app.command(name="self-check")
def self_check(
    ctx: typer.Context,
    retailer_id: Annotated[str | None, typer.Argument(metavar="[RETAILER_ID]")] = None,
    to: Annotated[Path | None, typer.Option(help="A file for the sheet: csv, parquet or xlsx.")] = None,
    run: RunId = None,
) -> None:
    """A retailer's lines recomputed from published numbers, and the arithmetic to do it by hand; without a retailer: do all agree?"""
    from jobs import explaining, explaining_words

    source = _context(ctx).source(run)
    found = explaining.sheet(source, retailer_id)
    if retailer_id is not None:
        typer.echo(explaining_words.by_hand(found, source.settings.allocation.salt))
    if to is not None:
        typer.echo(f"{explaining.write(found, to):,} rows in {to}")
    typer.echo(f"{int(found['agrees'].sum()):,} of {len(found):,} lines agree, run {source.run.run_id} of {source.run.business_date}")


@app.command()
def report(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option(help="The folder the report is written into.")],
    month: Month = None,
    run: RunId = None,
) -> None:
    """Headquarters' rate report: HTML and xlsx, with charts."""
    from jobs import reporting

    written = reporting.write(_context(ctx).source(run), to, month=f"{month:%Y-%m}" if month else None)
    for line in written.headline:
        typer.echo(line)
    typer.echo(f"report: {written.page}")


@app.command()
def letter(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option(help="The xlsx file; a folder where no manufacturer is named.")],
    manufacturer: Annotated[str | None, typer.Argument(help="As written in brands; every manufacturer unless given.")] = None,
    month: Month = None,
    run: RunId = None,
) -> None:
    """Tell a manufacturer the true demand for its brands, or each manufacturer its own."""
    from jobs import letter as letters

    written = letters.write(_context(ctx).source(run), to, manufacturer=manufacturer, month=f"{month:%Y-%m}" if month else None)
    for file in written:
        typer.echo(f"letter: {file}")


@app.command()
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

    context = _context(ctx)
    db, settings = context.database(), context.settings()
    with shown() as progress:
        found = backtesting.run(
            db, date.date() if date else today(settings), settings, history=context.history(db), origins=origins, progress=progress
        )
    typer.echo(found.text)
    if to is not None:
        from jobs import output

        typer.echo(f"{output.write([found.rolled], list(found.rolled.columns), to):,} rows in {to}")


@history_app.command()
def rebuild(ctx: typer.Context) -> None:
    """Write the Parquet files of all weeks anew from the database."""
    from jobs import loading
    from jobs.progress import shown

    context = _context(ctx)
    db = context.database()
    folder = context.history(db)
    with shown() as progress:
        typer.echo(f"{loading.rebuild_history(db, folder, progress):,} weeks in {folder}")


@app.command()
def scheduler(ctx: typer.Context) -> None:
    """Run the nightly job every night at its time, until stopped; a missed night is caught up once."""
    from jobs import scheduler as schedule

    context = _context(ctx)
    db = context.database()
    schedule.serve(db, context.settings(), history=context.history(db), say=typer.echo)


GLOBAL = ("--database", "--settings")


def _globals_first(arguments: Sequence[str]) -> list[str]:
    """The options of every command may stand anywhere; they are moved before the command."""
    front, rest = [], []
    at = iter(arguments)
    for word in at:
        if word in GLOBAL:
            front += [word, *([value] if (value := next(at, None)) is not None else [])]
        elif word.startswith(tuple(f"{name}=" for name in GLOBAL)):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; leaves by SystemExit with the contract's exit status, never with a traceback."""
    words = _globals_first(sys.argv[1:] if arguments is None else arguments)
    try:
        app(words, prog_name="trueorder")
    except Exception as error:  # the last resort: whatever is not foreseen is told in words, and kept whole for those who mend it
        raise SystemExit(_told(error)) from None


def _told(error: Exception) -> int:
    from ordering.errors import TrueOrderError

    if isinstance(error, TrueOrderError):
        typer.echo(str(error), err=True)
        return 1
    typer.echo(f"trueorder: {_in_words(error)}", err=True)
    return 1


def _in_words(error: Any) -> str:
    """An unforeseen error for a user; its traceback goes into a file, or to standard error where TRUEORDER_DEBUG is set."""
    import tempfile
    import traceback

    if isinstance(error, MemoryError):
        return "there is not enough memory for this; close other programs or take a larger machine"
    whole = "".join(traceback.format_exception(error))
    if os.environ.get("TRUEORDER_DEBUG"):
        return whole
    with tempfile.NamedTemporaryFile("w", prefix="trueorder-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write(whole)
    return f"this should not have happened ({type(error).__name__}); the details for those who maintain the program are in {log.name}"


if __name__ == "__main__":
    main()
