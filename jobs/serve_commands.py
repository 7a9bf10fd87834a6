"""The commands of the service: `trueorder serve` and `trueorder scheduler`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from jobs.cli import Context

APP = "web.app:create"


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Where the web listens, 0.0.0.0 for every address; web.host unless given.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="web.port unless given.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of the web; web.workers unless given.")] = None,
    at: Annotated[datetime | None, typer.Option(help="Of a demo: begin at this local time, and without the scheduler.")] = None,
) -> None:
    """Web and scheduler, each as a process of its own, begun again when it dies; until SIGTERM or Ctrl-C."""
    from jobs import scheduled, serving
    from jobs.clock import AHEAD, now
    from ordering.database import demo
    from ordering.errors import StateError

    context: Context = ctx.obj
    context.service()
    db, settings = context.database(), context.settings()
    scheduled.plans(settings)  # what cannot be scheduled is told before anything starts
    environment = {"TRUEORDER_DATABASE": db.url.render_as_string(hide_password=False)}
    if context.settings_files:
        environment["TRUEORDER_SETTINGS"] = os.pathsep.join(map(str, context.settings_files))
    web = settings.web
    kept = serving.parts(APP, host=host or web.host, port=port or web.port, workers=workers or web.workers)
    visitors = demo.visitors(db)
    if visitors:
        _say(f"serve: this is a demo; the password of {', '.join(one.name for one in visitors)} is: {demo.PASSWORD}")
    if at is not None:
        if not visitors:
            raise StateError("serve --at: only a demo has a clock of its own; trueorder users demo makes one of a fresh database")
        ahead = at.replace(tzinfo=ZoneInfo(settings.city.time_zone)) - now().replace(tzinfo=UTC)
        environment[AHEAD] = str(ahead.total_seconds())
        kept = [part for part in kept if part.name == "web"]
    db.engine.dispose()
    serving.Supervisor(kept, _say, settings.schedule.stop_seconds, environment).run()


def scheduler(
    ctx: typer.Context,
    status: Annotated[bool, typer.Option("--status", help="Only say what it does, has done and will do.")] = False,
) -> None:
    """Do what is scheduled when it is due, until stopped; several may run, one of them does it. What was missed is caught up once."""
    from jobs import schedule_words
    from jobs import scheduler as process
    from jobs.clock import now

    context: Context = ctx.obj
    if not status:
        context.service()
    db, settings = context.database(), context.settings()
    if status:
        for line in schedule_words.lines(db, settings, now()):
            typer.echo(line)
        return
    process.serve(process.Scheduler(db, settings, context.history(db), _say))


def _say(words: str) -> None:
    """A line at once, also where the output is a file."""
    print(words, flush=True)
