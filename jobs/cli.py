"""The command line: thin shells around the jobs. Errors come in words; exit status 0 done, 1 input or state at fault, 2 wrong usage."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs import (
    backup_commands,
    flag_commands,
    inbox_commands,
    load_commands,
    message_commands,
    night_commands,
    order_commands,
    plan_commands,
    privacy_commands,
    proposal_commands,
    rerun_commands,
    result_commands,
    review_commands,
    run_commands,
    serve_commands,
    star_commands,
    suggestion_commands,
    user_commands,
)

if TYPE_CHECKING:
    from jobs.exports import Source
    from ordering.database import Database
    from ordering.settings import Settings

ABOUT = "Fill retailers' orders from true demand."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=ABOUT)
history_app = typer.Typer(no_args_is_help=True, help="Closed weeks as Parquet files, derived from the database.")
app.add_typer(history_app, name="history")
app.add_typer(backup_commands.app, name="backup")
app.add_typer(flag_commands.app, name="flags")
app.add_typer(plan_commands.app, name="plan")
app.add_typer(star_commands.app, name="stars")
app.add_typer(suggestion_commands.app, name="suggestions")
app.add_typer(rerun_commands.app, name="rerun")
app.add_typer(review_commands.app, name="review")
app.add_typer(proposal_commands.app, name="proposal")
app.add_typer(user_commands.app, name="users")
app.add_typer(privacy_commands.app, name="privacy")
app.add_typer(inbox_commands.app, name="inbox")
app.add_typer(message_commands.notices_app, name="notices")
app.add_typer(message_commands.alerts_app, name="alerts")
app.add_typer(run_commands.app, name="runs")
history_app.command()(load_commands.rebuild)
COMMANDS: Mapping[str, Callable[..., None]] = {
    "init": load_commands.init,
    "import": load_commands.import_,
    "sample": load_commands.sample,
    "nightly": night_commands.nightly,
    "publish": night_commands.publish,
    "serve": serve_commands.serve,
    "scheduler": serve_commands.scheduler,
    "backtest": night_commands.backtest,
    "export": result_commands.export,
    "explain": result_commands.explain,
    "self-check": result_commands.self_check,
    "report": result_commands.report,
    "letter": result_commands.letter,
    "cancel": order_commands.cancel,
    "recall": order_commands.recall,
    "restore": order_commands.restore,
    "settings": message_commands.settings,
}
for name, command in COMMANDS.items():
    app.command(name=name)(command)


@dataclass
class Context:
    """What every command may need: settings and database, opened when first asked for."""

    url: str | None
    settings_files: tuple[Path, ...]
    is_service: bool = False

    def settings(self) -> Settings:
        """The settings: defaults, then trueorder.toml of the working folder, then the files named. The log is set up by them."""
        from jobs import logs
        from ordering import settings

        local = Path("trueorder.toml")
        found = settings.load(*([local] if local.exists() else []), *self.settings_files)
        logs.configure(found.logging, service=self.is_service)
        return found

    def service(self) -> None:
        """Say that this command runs for long: its log goes to standard error."""
        self.is_service = True

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

    def looked(self, db: Database, what: str, retailer_id: str | None = None) -> None:
        """Note in the access log that whoever types here looked at a retailer's data; None: at a list of many."""
        import getpass

        from jobs.clock import now
        from ordering.database import privacy
        from ordering.model import ALL

        privacy.note(db, name=getpass.getuser(), retailer_id=retailer_id or ALL, what=what, at=now())

    def source(self, run_id: int | None) -> Source:
        """The run that exports and reports are made of."""
        from jobs import exports

        db = self.database()
        return exports.source(db, self.settings(), self.history(db), run_id)


Url = Annotated[str | None, typer.Option(envvar="TRUEORDER_DATABASE", help="Database URL; SQLite in the working folder unless given.")]
Files = Annotated[list[Path] | None, typer.Option(envvar="TRUEORDER_SETTINGS", help="Settings file(s) laid over the defaults.")]


@app.callback()
def _options(ctx: typer.Context, database: Url = None, settings: Files = None) -> None:
    ctx.obj = Context(database, tuple(settings or ()))


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
    typer.echo(f"trueorder: {in_words(error)}", err=True)
    return 1


def in_words(error: Any) -> str:
    """An unforeseen error for a user; its traceback goes into the log, a file where there is none, or to standard error where
    TRUEORDER_DEBUG is set."""
    import tempfile
    import traceback

    from jobs import logs
    from ordering.masking import masked

    if isinstance(error, MemoryError):
        return "there is not enough memory for this; close other programs or take a larger machine"
    whole = masked("".join(traceback.format_exception(error)))
    if os.environ.get("TRUEORDER_DEBUG"):
        return whole
    said = f"this should not have happened ({type(error).__name__}); the details for those who maintain the program are in"
    if logs.is_kept():
        logs.log("jobs.cli").error("unforeseen", exc_info=error)
        return f"{said} {logs.place()}"
    with tempfile.NamedTemporaryFile("w", prefix="trueorder-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write(whole)
    return f"{said} {log.name}"


if __name__ == "__main__":
    main()
