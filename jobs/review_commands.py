"""The commands `trueorder review …`: suggestions, what is decided on them, and taking that back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from jobs.exports import Source
    from ordering.database.reviews import Done
    from ordering.model import Decision
    from ordering.review import Filter

app = typer.Typer(no_args_is_help=True, help="Suggested orders, and what is decided on them: recommendations, never orders.")

DAYS = ["%Y-%m-%d"]
Retailer = Annotated[str | None, typer.Option(help="Only of this retailer.")]
Brand = Annotated[str | None, typer.Option(help="Only of this brand.")]
Manager = Annotated[str | None, typer.Option(help="Only of this account manager's retailers.")]
District = Annotated[str | None, typer.Option(help="Only of this district.")]
Star = Annotated[int | None, typer.Option(help="Only of this star level.")]
Week = Annotated[datetime | None, typer.Option(formats=DAYS, metavar="MONDAY", help="Only of this order week.")]
Day = Annotated[datetime | None, typer.Option("--day", formats=DAYS, metavar="DATE", help="Only of this order day.")]
Flagged = Annotated[bool, typer.Option("--flagged", help="Only where the waiting request was flagged.")]
State = Annotated[str | None, typer.Option(help="open, pending, decided, accepted, adjusted or rejected.")]
Change = Annotated[int | None, typer.Option(min=1, help="Only where suggestion and request lie so many cartons apart.")]
OtherBasis = Annotated[bool, typer.Option("--other-basis", help="Only what was decided on another suggestion than this night's.")]
All = Annotated[bool, typer.Option("--all", help="Yes, all lines of the night.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell how many lines it would be.")]
By = Annotated[str, typer.Option(help="Who decides.")]
Why = Annotated[str, typer.Option(help="Why, in a few words.")]
Reason = Annotated[str, typer.Option(help="A code; trueorder review words lists them.")]
Batch = Annotated[int, typer.Argument(metavar="BATCH")]
SHOWN = 50


def _filter(given: dict[str, Any]) -> Filter:
    """The filter of a command's options."""
    from dataclasses import fields

    from ordering.review import Filter

    days = {name: given[name].date() if given.get(name) else None for name in ("week", "day")}
    return Filter(**{field.name: given[field.name] for field in fields(Filter) if field.name in given} | days)


@app.command(name="list")
def list_(
    ctx: typer.Context,
    retailer: Retailer = None,
    brand: Brand = None,
    manager: Manager = None,
    district: District = None,
    star: Star = None,
    week: Week = None,
    day: Day = None,
    flagged: Flagged = False,
    state: State = None,
    change: Change = None,
    other_basis: OtherBasis = False,
    empty: Annotated[bool, typer.Option("--empty", help="Also where nothing was suggested, asked or decided.")] = False,
    to: Annotated[Path | None, typer.Option(help="A file for all of them: csv, parquet or xlsx.")] = None,
) -> None:
    """The suggestions of the newest night and what was decided on them, those first that need a look."""
    from jobs import reviewing

    of = _filter(locals())
    source: Source = ctx.obj.source(None)
    found = reviewing.listed(source, of)
    for row in found.head(SHOWN).itertuples():
        typer.echo(_line(row))
    if len(found) > SHOWN:
        typer.echo(f"… and {len(found) - SHOWN:,} more; --to FILE writes them all")
    typer.echo(
        f"{len(found):,} lines, {found['suggested'].sum():,} cartons suggested, run {source.run.run_id} of {source.run.business_date}"
    )
    if to is not None:
        typer.echo(f"{reviewing.write(found, to):,} rows in {to}")


def _line(row: Any) -> str:
    """A line, and what was decided on it."""
    import pandas as pd

    told = row.decision + (f" {row.final}" if pd.notna(row.final) else "") + (" pending" if row.pending else "")
    by = f" by {row.decided_by}, batch {row.batch_id}" if row.decided_by else ""
    basis = ", on another suggestion" if row.basis == "other" else ""
    return (
        f"{row.order_day:%Y-%m-%d}  retailer {row.retailer_id}  brand {row.brand_id}  asked {row.requested}, suggested {row.suggested}"
        f"{' flagged' if row.flagged else ''}  {row.reason}  {told}{by}{basis}"
    )


@app.command()
def accept(
    ctx: typer.Context,
    by: By,
    why: Why = "",
    retailer: Retailer = None,
    brand: Brand = None,
    manager: Manager = None,
    district: District = None,
    star: Star = None,
    week: Week = None,
    day: Day = None,
    flagged: Flagged = False,
    state: State = "open",
    change: Change = None,
    other_basis: OtherBasis = False,
    all: All = False,
    dry_run: DryRun = False,
) -> None:
    """Put suggestions before their retailers as they are: of a filter, by default those that nobody decided on yet."""
    from ordering.model import Decision

    _decide(ctx, Decision.ACCEPTED, locals())


@app.command()
def reject(
    ctx: typer.Context,
    by: By,
    reason: Reason = "",
    why: Why = "",
    retailer: Retailer = None,
    brand: Brand = None,
    manager: Manager = None,
    district: District = None,
    star: Star = None,
    week: Week = None,
    day: Day = None,
    flagged: Flagged = False,
    state: State = "open",
    change: Change = None,
    other_basis: OtherBasis = False,
    all: All = False,
    dry_run: DryRun = False,
) -> None:
    """Do not put suggestions before their retailers: of a filter, by default those that nobody decided on yet."""
    from ordering.model import Decision

    _decide(ctx, Decision.REJECTED, locals())


def _decide(ctx: typer.Context, decision: Decision, given: dict[str, Any]) -> None:
    from jobs import reviewing
    from jobs.clock import now
    from ordering.errors import TrueOrderError

    of = _filter(given)
    state_only = {name: value for name, value in vars(of).items() if value and name != "state"}
    if not state_only and not given["all"]:
        raise TrueOrderError("which lines? Give --retailer, --brand, --manager, --day or another filter; --all means all of the night")
    source: Source = ctx.obj.source(None)
    if given["dry_run"]:
        lines, cartons, frozen = reviewing.preview(source, of, now())
        typer.echo(f"{lines:,} lines, {cartons:,} cartons suggested{_beside(frozen)}; nothing was written")
        return
    _told(reviewing.decide(source, of, decision, by=given["by"], clock=now(), code=given.get("reason", ""), why=given["why"]), decision)


def _beside(frozen: int) -> str:
    return f"; {frozen:,} beside them are frozen since their cut-off" if frozen else ""


def _told(done: Done, what: str) -> None:
    waits = (
        f", {done.pending:,} of them pending until another person approves: trueorder review approve {done.batch_id}"
        if done.pending
        else ""
    )
    typer.echo(f"batch {done.batch_id}: {done.lines:,} lines {what}{waits}{_beside(done.frozen)}")
    typer.echo(f"taken back by: trueorder review undo {done.batch_id}")


@app.command()
def adjust(
    ctx: typer.Context,
    by: By,
    retailer_id: Annotated[str | None, typer.Argument(metavar="[RETAILER_ID]")] = None,
    brand_id: Annotated[str | None, typer.Argument(metavar="[BRAND_ID]")] = None,
    quantity: Annotated[int | None, typer.Argument(metavar="[CARTONS]", min=0)] = None,
    reason: Reason = "",
    why: Why = "",
    day: Day = None,
    edited: Annotated[Path | None, typer.Option("--from", help="A list as csv or xlsx whose column final was edited.")] = None,
) -> None:
    """Put another quantity before a retailer, or those of an edited list."""
    from jobs import reviewing
    from jobs.clock import now
    from ordering.errors import TrueOrderError
    from ordering.model import Decision
    from ordering.review import Filter

    given = [part is not None for part in (retailer_id, brand_id, quantity)]
    if any(given) if edited is not None else not all(given):
        raise TrueOrderError("give a retailer, a brand and a number of cartons; or --from FILE, a list whose column final was edited")
    source: Source = ctx.obj.source(None)
    if edited is not None:
        done = reviewing.adjust_from(source, edited, by=by, clock=now(), why=why)
    else:
        of = Filter(retailer=retailer_id, brand=brand_id, day=day.date() if day else None, empty=True)
        done = reviewing.decide(source, of, Decision.ADJUSTED, by=by, clock=now(), code=reason, why=why, quantity=quantity)
    _told(done, Decision.ADJUSTED)


@app.command()
def undo(
    ctx: typer.Context,
    batch: Batch,
    by: By,
    why: Why,
    spare_frozen: Annotated[bool, typer.Option("--spare-frozen", help="Leave lines whose cut-off has passed as they are.")] = False,
) -> None:
    """Take an act back: its lines are again what they were before."""
    from jobs import reviewing
    from jobs.clock import now

    done = reviewing.undo(ctx.obj.source(None), batch, by=by, why=why, clock=now(), spare_frozen=spare_frozen)
    typer.echo(f"batch {done.batch_id}: {done.lines:,} lines of batch {batch} are what they were before{_beside(done.frozen)}")


@app.command()
def approve(ctx: typer.Context, batch: Batch, by: By, why: Why = "") -> None:
    """Let the pending lines of an act hold; only another person than the one who decided may."""
    from jobs import reviewing
    from jobs.clock import now

    _told(reviewing.approve(ctx.obj.source(None), batch, by=by, why=why, clock=now()), "approved")


@app.command()
def words() -> None:
    """The reason codes of decisions, in both languages."""
    from jobs import reviewing

    for said in reviewing.words():
        typer.echo(said)
