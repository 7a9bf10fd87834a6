"""The commands `trueorder users …`: who may come in, as what, and ending it."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from jobs.cli import Context
    from ordering.accounts import Role

app = typer.Typer(no_args_is_help=True, help="Users, their roles, territories, passwords, sessions and tokens.")

Name = Annotated[str, typer.Argument(metavar="NAME")]
By = Annotated[str, typer.Option(help="Who does this.")]
Why = Annotated[str, typer.Option(help="Why.")]
Managers = Annotated[list[str] | None, typer.Option("--manager", help="An account-manager code whose retailers are theirs; may repeat.")]
Districts = Annotated[list[str] | None, typer.Option("--district", help="A district whose retailers are theirs; may repeat.")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")]
RoleName = Annotated[str, typer.Argument(metavar="ROLE")]


def _role(name: str) -> Role:
    from ordering.accounts import WORDS, Role
    from ordering.errors import TrueOrderError

    if name not in list(Role):
        told = "\n".join(f"{role}: {english} {chinese}" for role, (english, chinese) in WORDS.items())
        raise TrueOrderError(f'role "{name}": there is no such; there are\n{told}')
    return Role(name)


def _password(from_stdin: bool) -> str:
    """The password, never from the command line: others see that."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


@app.command()
def add(
    ctx: typer.Context,
    name: Name,
    role: Annotated[str, typer.Option(help="retailer, account_manager, headquarters, administrator or service.")],
    by: By,
    manager: Managers = None,
    district: Districts = None,
    password_stdin: Stdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Comes in by tokens only; a service always.")] = False,
) -> None:
    """Add a user. A retailer's user name is its licence number."""
    from jobs.clock import now
    from ordering.accounts import Role
    from ordering.database import accounts

    context: Context = ctx.obj
    db, kind = context.database(), _role(role)
    password = None if no_password or kind is Role.SERVICE else _password(password_stdin)
    rules = context.settings().accounts
    accounts.add(
        db, name=name, role=kind, password=password, managers=manager or (), districts=district or (), by=by, at=now(), rules=rules
    )  # fmt: skip
    typer.echo(f"user {name} was added, role {kind}")


@app.command()
def demo(ctx: typer.Context) -> None:
    """Make the database a demo: a user of each role, whose password the log-in page tells everybody. Only where there is no user yet."""
    from jobs.clock import now
    from ordering.database import demo as demos

    context: Context = ctx.obj
    for one in demos.invite(context.database(), at=now(), rules=context.settings().accounts):
        typer.echo(f"{one.name}  {one.role}")
    typer.echo(f"password of each: {demos.PASSWORD}")


@app.command(name="list")
def list_(ctx: typer.Context, role: Annotated[str | None, typer.Option(help="Only of this role.")] = None) -> None:
    """All users, by role and name."""
    from ordering.database import accounts

    context: Context = ctx.obj
    found = [user for user in accounts.listed(context.database()) if role is None or user.person.role == _role(role)]
    for user in found:
        typer.echo(_line(user))
    typer.echo(f"{len(found):,} users")


def _line(user: Any) -> str:
    person = user.person
    places = [f"manager {code}" for code in sorted(person.managers)] + [f"district {code}" for code in sorted(person.districts)]
    notes = [*places, *(["disabled"] if user.disabled else []), *([] if user.has_password else ["no password"])]
    return "  ".join([person.name, person.role, ", ".join(notes)]).rstrip()


@app.command()
def disable(ctx: typer.Context, name: Name, by: By, why: Why) -> None:
    """Keep a user out from now on: its sessions and tokens end."""
    from jobs.clock import now
    from ordering.database import accounts

    accounts.disable(ctx.obj.database(), name, by=by, why=why, at=now())
    typer.echo(f"user {name} is out; let in again by: trueorder users enable {name}")


@app.command()
def enable(ctx: typer.Context, name: Name, by: By) -> None:
    """Let a user in again, with the password it had."""
    from jobs.clock import now
    from ordering.database import accounts

    accounts.enable(ctx.obj.database(), name, by=by, at=now())
    typer.echo(f"user {name} may come in again; tokens that ended stay ended")


@app.command(name="role")
def role_(ctx: typer.Context, name: Name, role: RoleName, by: By) -> None:
    """Give a user another role. Its sessions and tokens end, and its territory."""
    from jobs.clock import now
    from ordering.database import accounts

    accounts.set_role(ctx.obj.database(), name, _role(role), by=by, at=now())
    typer.echo(f"user {name} has the role {role} now, and must log in again")


@app.command()
def territory(ctx: typer.Context, name: Name, by: By, manager: Managers = None, district: Districts = None) -> None:
    """Say anew whose retailers an account manager sees: those of the codes and districts named, and no others."""
    from jobs.clock import now
    from ordering.database import accounts

    accounts.set_territory(ctx.obj.database(), name, managers=manager or (), districts=district or (), by=by, at=now())
    typer.echo(_line(accounts.find(ctx.obj.database(), name)))


@app.command()
def password(ctx: typer.Context, name: Name, by: By, password_stdin: Stdin = False) -> None:
    """Give a user another password, from a prompt or standard input. Its sessions end."""
    from jobs.clock import now
    from ordering.database import accounts

    context: Context = ctx.obj
    db = context.database()
    accounts.find(db, name)
    accounts.set_password(db, name, _password(password_stdin), by=by, at=now(), rules=context.settings().accounts)
    typer.echo(f"user {name} has another password, and must log in again")


@app.command()
def sessions(
    ctx: typer.Context,
    name: Name,
    end: Annotated[bool, typer.Option("--end", help="End all its sessions; needs --by.")] = False,
    by: Annotated[str, typer.Option(help="Who ends them.")] = "",
) -> None:
    """The sessions and tokens of a user; times are UTC."""
    from jobs.clock import now
    from ordering.database import accounts

    db, at = ctx.obj.database(), now()
    if end:
        typer.echo(f"{accounts.end_sessions(db, name, by=by, at=at)} sessions of user {name} were ended")
        return
    for session in accounts.open_sessions(db, name, at=at):
        typer.echo(f"session since {session.created_at}, seen {session.seen_at}, until {session.expires_at}, from {session.address or '–'}")
    for token in accounts.tokens(db, name):
        state = f"revoked {token.revoked_at}" if token.revoked_at else "ended" if token.expires_at <= at else f"until {token.expires_at}"
        typer.echo(f"token {token.token_id} ({token.label}), {state}, used {token.used_at or 'never'}, {token.scopes or 'all of the role'}")


@app.command()
def token(
    ctx: typer.Context,
    name: Name,
    by: By,
    label: Annotated[str, typer.Option(help="What it is for.")],
    days: Annotated[int, typer.Option(min=1, help="How long it lives.")] = 90,
    scope: Annotated[list[str] | None, typer.Option(help="What it is good for; may repeat. None: all that the role may.")] = None,
) -> None:
    """Make an API token for a user and print it, this once."""
    from jobs.clock import now
    from ordering.database import accounts

    context: Context = ctx.obj
    at, most = now(), context.settings().accounts.token_days
    ends = at + timedelta(days=days)
    typer.echo(
        accounts.new_token(context.database(), name, label=label, expires_at=ends, scopes=scope or (), by=by, at=at, most_days=most)
    )  # fmt: skip
    typer.echo(f"until {ends} UTC; it is not shown again", err=True)


@app.command()
def revoke(ctx: typer.Context, token_id: Annotated[int, typer.Argument(metavar="TOKEN")], by: By, why: Why) -> None:
    """End a token before its time, by its number."""
    from jobs.clock import now
    from ordering.database import accounts

    accounts.revoke_token(ctx.obj.database(), token_id, by=by, why=why, at=now())
    typer.echo(f"token {token_id} was revoked")
