"""The commands that take back what was confirmed: `trueorder cancel`, `recall` and `restore`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context

By = Annotated[str, typer.Option(help="Who does this.")]
Why = Annotated[str, typer.Option(help="Why.")]
DAYS = ["%Y-%m-%d"]


def cancel(
    ctx: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID")],
    by: By,
    why: Why,
    brand: Annotated[str | None, typer.Option(help="Only the line of this brand.")] = None,
) -> None:
    """Take an order back that the retailer cancelled or did not pay: its cartons can be given again."""
    from jobs import giving_back
    from jobs.clock import now

    context: Context = ctx.obj
    done = giving_back.cancel(context.database(), context.settings(), order_id, brand_id=brand, by=by, why=why, clock=now())
    typer.echo(f"batch {done.batch_id}: {done.lines:,} lines of order {order_id} cancelled, {done.cartons:,} cartons given back")
    typer.echo(f"taken back by: trueorder restore {done.batch_id}")


def recall(
    ctx: typer.Context,
    brand: Annotated[str, typer.Option(help="The brand whose supply was cut.")],
    week: Annotated[datetime, typer.Option(formats=DAYS, metavar="DATE", help="A day of its order week.")],
    by: By,
    why: Why,
    delivered: Annotated[
        datetime | None, typer.Option(formats=DAYS, metavar="DATE", help="Orders up to this order day were delivered and stay.")
    ] = None,
) -> None:
    """Bring what was confirmed down to a supply that was cut: who gives back is decided by the rule."""
    from jobs import giving_back
    from jobs.clock import now

    context: Context = ctx.obj
    db, settings = context.database(), context.settings()
    done = giving_back.recall(
        db, settings, brand_id=brand, week=week.date(), delivered=delivered.date() if delivered else None, by=by, why=why, clock=now()
    )
    still = f"; {done.missing:,} are still missing, of orders that were delivered" if done.missing else ""
    typer.echo(f"batch {done.batch_id}: {done.lines:,} lines give back {done.cartons:,} cartons{still}")
    typer.echo(f"taken back by: trueorder restore {done.batch_id}")


def restore(ctx: typer.Context, batch: Annotated[int, typer.Argument(metavar="BATCH")], by: By, why: Why) -> None:
    """Take a cancellation or a recall back, as long as its cartons are there."""
    from jobs import giving_back
    from jobs.clock import now

    context: Context = ctx.obj
    undone, lines, others = giving_back.restore(context.database(), context.settings(), batch, by=by, why=why, clock=now())
    typer.echo(f"batch {undone}: {lines:,} lines of batch {batch} are what they were before")
    if others:
        typer.echo(f"cancelled or changed since, and left as they are: {'; '.join(others)}")
