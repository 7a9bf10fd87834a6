"""For administrators: the tokens by which programs come in as a user. A token is shown once, where it is made."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from ordering.accounts import Permission
from ordering.errors import TrueOrderError
from web.api import administrators as api
from web.api.administrators import Manages
from web.api.pages import Number
from web.screens import shell
from web.screens.administrators import Name, done, midnight
from web.service import Here

router = shell.router_of()


@router.post("/user/tokens")
def make(
    request: Request, own: Here, person: Manages, name: Name, label: Annotated[str, Form(max_length=100)],
    until: Annotated[date, Form()], scopes: Annotated[list[Permission], Form(max_length=100)] = [],  # noqa: B006
) -> Response:  # fmt: skip
    """Make a token for a user, good until the end of a day in the city."""
    ends = midnight(own, until, days=1)
    if ends is None:
        raise TrueOrderError(f"until {until}: choose an earlier day", f"有效期至{until}：请选择更早的日期")
    made = api.new_token(name, api.NewToken(label=label, expires_at=ends, scopes=scopes), own, person)
    return done(request, own, person, name, "token", secret=made.token)


@router.post("/user/tokens/{token_id}/revocation")
def revoke(
    request: Request, own: Here, person: Manages, name: Name, token_id: Number,
    why: Annotated[str, Form(max_length=1000)],
) -> Response:  # fmt: skip
    """End a token now."""
    api.revoke(token_id, api.Because(why=why), own, person)
    return done(request, own, person, name, "revoked")
