"""The commands `trueorder flags …`: the flags, and what is said to them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from jobs.cli import Context

app = typer.Typer(no_args_is_help=True, help="Flagged lines, and what was said to them.")

By = Annotated[str, typer.Option(help="Who says so.")]
Why = Annotated[str, typer.Option(help="Why.")]
SHOWN = 50


@app.command(name="list")
def list_(
    ctx: typer.Context,
    retailer: Annotated[str | None, typer.Option(help="Only of this retailer.")] = None,
    brand: Annotated[str | None, typer.Option(help="Only of this brand.")] = None,
    manager: Annotated[str | None, typer.Option(help="Only of this account manager's retailers.")] = None,
    open: Annotated[bool, typer.Option("--open", help="Only those that nobody has answered yet.")] = False,
    to: Annotated[Path | None, typer.Option(help="A file for all of them: csv, parquet or xlsx.")] = None,
) -> None:
    """The flagged lines of the newest night and their answers, the newest line first."""
    from jobs import flagging, privacy

    context: Context = ctx.obj
    source = context.source(None)
    found = flagging.listed(source, retailer=retailer, brand=brand, manager=manager, open_only=open)
    context.looked(source.db, "flags list", retailer)
    for row in found.head(SHOWN).itertuples():
        typer.echo(_line(row))
    if len(found) > SHOWN:
        typer.echo(f"… and {len(found) - SHOWN:,} more; --to FILE writes them all")
    for said in _legend(found.head(SHOWN)):
        typer.echo(said)
    for said in privacy.objections(source.settings.privacy) if len(found) else ():
        typer.echo(said)
    typer.echo(f"{len(found):,} lines, run {source.run.run_id} of {source.run.business_date}")
    if to is not None:
        typer.echo(f"{flagging.write(found, to):,} rows in {to}")


def _line(row: Any) -> str:
    """A flagged line, and its answer if there is one."""
    import pandas as pd

    answered = f"answer {int(row.answer_id)}: {row.verdict}" if pd.notna(row.answer_id) else "open"
    return (
        f"{row.order_date:%Y-%m-%d}  order {row.order_id}  brand {row.brand_id}  retailer {row.retailer_id}  asked {row.requested}, "
        f"need {row.expected:.1f}, score {row.score:.2f}  {row.reason}  {answered}"
    )


def _legend(found: pd.DataFrame) -> list[str]:
    """The words of the reasons that occur, in both languages."""
    from forecasting import inflation

    codes = {code for joined in found["reason"].unique() for code in joined.split(";")}
    return [f"{code}: {english} {chinese}" for code, (english, chinese) in inflation.REASONS.items() if code in codes]


@app.command()
def answer(
    ctx: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID")],
    brand_id: Annotated[str, typer.Argument(metavar="BRAND_ID")],
    by: By,
    verdict: Annotated[str, typer.Option(help="explained, mistaken or confirmed.")],
    reason: Annotated[str, typer.Option(help="A code; trueorder flags words lists them.")],
    note: Annotated[str, typer.Option(help="What was found, in a few words.")],
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Last day of an explanation.")] = None,
    every_brand: Annotated[bool, typer.Option("--every-brand", help="The explanation holds for all brands of the shop.")] = False,
) -> None:
    """Say what there is to say to a flag. Nights of later dates use it."""
    from jobs import flagging
    from jobs.clock import now, today

    context: Context = ctx.obj
    source = context.source(None)
    answer_id = flagging.answer(
        source, order_id, brand_id, verdict=verdict, ground=reason, note=note, every_brand=every_brand,
        until=until.date() if until else None, by=by, on=today(context.settings()), at=now(),
    )  # fmt: skip
    typer.echo(f"answer {answer_id} to order {order_id}, brand {brand_id}: {verdict}; taken back by: trueorder flags withdraw {answer_id}")


@app.command()
def withdraw(ctx: typer.Context, answer_id: Annotated[int, typer.Argument(metavar="ANSWER_ID")], by: By, why: Why) -> None:
    """Take an answer back. It stays in the record; what was said before it holds again."""
    from jobs.clock import now, today
    from ordering.database import answers

    context: Context = ctx.obj
    answers.withdraw(context.database(), answer_id, by=by, why=why, on=today(context.settings()), at=now())
    typer.echo(f"answer {answer_id} was taken back")


@app.command()
def forget(ctx: typer.Context, retailer_id: Annotated[str, typer.Argument(metavar="RETAILER_ID")], by: By, why: Why) -> None:
    """Delete all answers about a retailer for good, at its wish. That it was done stays in the audit."""
    from jobs.clock import now
    from ordering.database import answers

    context: Context = ctx.obj
    gone = answers.forget(context.database(), retailer_id, by=by, why=why, at=now())
    typer.echo(f"{gone} rows about retailer {retailer_id} were deleted")


@app.command()
def words() -> None:
    """The verdicts and reasons that an answer may have, in both languages."""
    from jobs import flagging

    for said in flagging.words():
        typer.echo(said)
