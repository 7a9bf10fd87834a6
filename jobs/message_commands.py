"""The commands `trueorder notices …`, `alerts …` and `settings`: what is told to whom, what somebody has to look at, and what is set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jobs.cli import Context

notices_app = typer.Typer(no_args_is_help=True, help="Notices to retailers and staff, and how far each came.")
alerts_app = typer.Typer(no_args_is_help=True, help="What somebody has to look at.")
By = Annotated[str, typer.Option(help="Who does this.")]


@notices_app.command(name="list")
def list_notices(
    ctx: typer.Context, dead: Annotated[bool, typer.Option("--dead", help="Only those that a channel gave up.")] = False
) -> None:
    """The newest notices, and how far each came on each channel."""
    from ordering.database import outbox

    for row in outbox.listed(ctx.obj.database(), dead=dead):
        notice, readers = row["notice"], "" if row["readers"] is None else f", {row['readers']:,} readers"
        typer.echo(f"{notice.notice_id:>6}  {notice.posted_at:%Y-%m-%d %H:%M} UTC  to {notice.audience}{readers}: {notice.words['en']}")
        typer.echo(f"        {notice.words['zh']}")
        for sent in row["channels"]:
            error = f": {sent['error']}" if sent["error"] else ""
            typer.echo(f"        {sent['channel']}: {sent['state']} after {sent['attempts']} attempts{error}")


@notices_app.command()
def deliver(ctx: typer.Context) -> None:
    """Send every notice that is due, once. Exit status 1 where one was given up."""
    from jobs import outbox

    context: Context = ctx.obj
    done = outbox.deliver(context.database(), context.settings())
    typer.echo(f"{done.delivered:,} delivered, {done.failed:,} to be tried again, {done.dead:,} given up")
    if done.dead:
        raise typer.Exit(1)


@notices_app.command(name="retry")
def retry_notice(ctx: typer.Context, notice: Annotated[int, typer.Argument(metavar="NOTICE")], by: By) -> None:
    """Send a notice again that a channel gave up."""
    from jobs.clock import now
    from ordering.database import outbox

    again = outbox.retry(ctx.obj.database(), notice, by=by, at=now())
    typer.echo(f"notice {notice} will be sent again on {again} channels: trueorder notices deliver")


@alerts_app.command(name="list")
def list_alerts(ctx: typer.Context) -> None:
    """The newest alerts, and which of them stand."""
    from ordering.database import alerts

    for row in alerts.listed(ctx.obj.database()):
        state = f"cleared {row['cleared_at']:%Y-%m-%d %H:%M}" if row["cleared_at"] else "stands"
        care = f", {row['acked_by']} looks after it" if row["acked_by"] else ""
        typer.echo(f"{row['alert_id']:>6}  {row['raised_at']:%Y-%m-%d %H:%M} UTC  {row['kind']}  {state}{care}, seen {row['times']} times")
        typer.echo(f"        {row['english']}\n        {row['chinese']}")


@alerts_app.command()
def ack(ctx: typer.Context, alert: Annotated[int, typer.Argument(metavar="ALERT")], by: By) -> None:
    """Say that you look after an alert."""
    from jobs.clock import now
    from ordering.database import alerts

    row = alerts.acknowledge(ctx.obj.database(), alert, by=by, at=now())
    typer.echo(f"alert {alert} ({row['kind']} {row['subject']}): {by} looks after it")


@alerts_app.command()
def check(ctx: typer.Context) -> None:
    """Look for a late, failed or drifted night, and send what is to be told. For a timer outside, in case the scheduler is down."""
    from jobs import alerts, outbox
    from jobs.clock import now

    context: Context = ctx.obj
    db, settings = context.database(), context.settings()
    standing = alerts.check(db, settings, now())
    outbox.deliver(db, settings)
    typer.echo(f"{standing} alerts stand" + (": trueorder alerts list" if standing else ""))
    if standing:
        raise typer.Exit(1)


def settings(
    ctx: typer.Context, changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the defaults' file.")] = False
) -> None:
    """Every setting with its value and where that comes from; secrets are masked."""
    from ordering import settings_sources

    context: Context = ctx.obj
    given = "TRUEORDER_DATABASE" if context.url and os.environ.get("TRUEORDER_DATABASE") == context.url else "--database"
    outside = {"database.url": (given, context.url)} if context.url else {}
    local = [Path("trueorder.toml")] if Path("trueorder.toml").exists() else []
    for one in settings_sources.listed(*local, *context.settings_files, environment=outside):
        if one.changed or not changed:
            typer.echo(f"{one.key} = {one.value}  ({one.source})")
