"""For administrators: what is stored about a person, who looked at it, giving it out, and deleting it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import privacy as files
from ordering import personal
from ordering.accounts import Permission, Person
from ordering.database import accounts, lookups, privacy
from ordering.errors import TrueOrderError
from ordering.personal import Fate
from web.api.pages import Offset
from web.people import may
from web.screens import downloads, shell
from web.screens.administrators import Name, Text
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
Keeps = Annotated[Person, may(Permission.PRIVACY)]
Shop = Annotated[str, Query(min_length=1, max_length=100)]
ROWS = 50
"""Of who looked, on a page."""


@dataclass(frozen=True)
class Held:
    """What a table holds about a retailer: how many rows, and what a deletion does to them."""

    table: str
    rows: int
    fate: Fate


@dataclass(frozen=True)
class PrivacyPage:
    """What is stored about a retailer, and who looked at it; `asked`: the licence number that was typed, empty: none yet.

    `shop` is None where there is no such retailer. `days`: for how long it is kept who looked. `done`: what a deletion just did.
    """

    asked: str
    shop: Mapping[str, Any] | None
    held: Sequence[Held]
    looks: Sequence[Mapping[str, object]]
    pager: Pager
    days: int
    done: privacy.Forgotten | None = None


@router.get("/privacy")
def look(request: Request, own: Here, person: Keeps, retailer: Text = None, offset: Offset = 0) -> Response:
    """What is stored about a retailer."""
    return shell.show(request, "administrator/privacy.html", _page(request, own, (retailer or "").strip(), offset))


def _page(request: Request, own: Service, asked: str, offset: int = 0, done: privacy.Forgotten | None = None) -> PrivacyPage:
    shop = lookups.retailer(own.db, asked) if asked else None
    counts = privacy.held(own.db, asked) if shop else {}
    held = [Held(table, rows, personal.TABLES[table].fate) for table, rows in counts.items()]
    looks = privacy.read_log(own.db, asked) if shop else []
    part = pager(request, offset, len(looks), ROWS)
    return PrivacyPage(asked, shop, held, looks[offset : offset + ROWS], part, own.settings.privacy.access_log_days, done)


@router.get("/privacy/copy")
def copy(own: Here, person: Keeps, retailer: Shop) -> Response:
    """All that is stored about a retailer: a csv for each table, and what they are, in one zip. That it was given out is noted."""
    with TemporaryDirectory() as folder:
        files.export(own.db, retailer, Path(folder), by=person.name, at=own.clock())
        return _zip(Path(folder), retailer)


@router.get("/user/copy")
def copy_of_user(own: Here, person: Keeps, name: Name) -> Response:
    """The same about a user."""
    found = accounts.find(own.db, name).person
    with TemporaryDirectory() as folder:
        files.export_user(own.db, found.name, Path(folder), by=person.name, at=own.clock())
        privacy.note(own.db, name=person.name, retailer_id=found.retailer_id or "", what="privacy export", at=own.clock())
        return _zip(Path(folder), found.name)


def _zip(folder: Path, about: str) -> Response:
    """The files of a folder in one."""
    with zipfile.ZipFile(whole := BytesIO(), "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.iterdir()):
            packed.write(file, file.name)
    return downloads.held(whole.getvalue(), about, "zip")


@router.post("/privacy/deletion")
def delete(
    request: Request, own: Here, person: Keeps, retailer: Shop, again: Annotated[str, Form(max_length=100)],
    why: Annotated[str, Form(max_length=1000)],
) -> Response:  # fmt: skip
    """Delete a retailer's personal data for good; `again`: its licence number, typed once more."""
    if again.strip() != retailer:
        raise TrueOrderError(
            f'"{again[:100]}" is not the licence number of this retailer; nothing was deleted',
            f"“{again[:100]}”不是该零售户的许可证号，未删除",
        )
    done = privacy.forget(own.db, retailer, by=person.name, why=why, at=own.clock())
    return shell.show(request, "administrator/privacy_part.html", _page(request, own, retailer, done=done))
