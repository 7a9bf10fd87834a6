"""What is sent as a file. Lists: every row that a page's filter shows, as csv and xlsx, streamed from a file that is gone when read.

The csv is for programs: its first row names the columns as they are called everywhere else, whatever language its reader has. The xlsx is
for people: its headings are in the reader's language, its rates are per cent. A list that comes back in (the review) has the names of the
columns in its xlsx too, in a second row below those headings. For were the headings alone there, a list that was exported in Chinese could
not be read back by a reader of English, and a better translation would make every list lying on somebody's disk unreadable.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pandas as pd
from fastapi import Path as InPath
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jobs import output
from jobs.output_sheets import Look
from ordering.accounts import Person
from ordering.database import privacy
from web import language
from web.service import Service

Kind = Annotated[Literal["csv", "xlsx"], InPath()]
MEDIA: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
PIECE = 1 << 16


@dataclass(frozen=True)
class Listed:
    """A list to be sent: what it is called (`name`: in addresses and the log of accesses, `title`: a text to be translated), its rows in
    parts, and its columns with their headings, which are translated too. `look`: what an xlsx has besides."""

    name: str
    title: str
    parts: Iterable[pd.DataFrame]
    columns: Mapping[str, str]
    look: Look = field(default_factory=Look)


def address(page: str, kind: str) -> str:
    """Where the file of a page's list is: of the same filter, from the first row on."""
    found = urlsplit(page)
    kept = [pair for pair in parse_qsl(found.query) if pair[0] != "offset"]
    return f"{found.path}.{kind}" + (f"?{urlencode(kept)}" if kept else "")


def send(request: Request, own: Service, person: Person, listed: Listed, kind: str) -> Response:
    """The list as a file. Who took it is noted, like who looks at a page."""
    privacy.note_access(own.db, person=person, what=f"export {listed.name}", at=own.clock())
    texts = language.texts(language.of(request))
    titles = {name: texts.gettext(title) for name, title in listed.columns.items()}
    look = Look(titles, listed.look.named, listed.look.formats, listed.look.notes, listed.look.choices)
    with tempfile.TemporaryDirectory(prefix="trueorder-") as folder:
        place = Path(folder) / f"list.{kind}"
        output.write(listed.parts, list(listed.columns), place, look)
        size, file = place.stat().st_size, place.open("rb")  # stays readable when its name is gone
    headers = {
        "Content-Disposition": disposition(f"{texts.gettext(listed.title)}_{own.today}.{kind}", f"{listed.name}_{own.today}.{kind}"),
        "Content-Length": str(size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_pieces(file), media_type=MEDIA[kind], headers=headers)


def held(content: bytes, name: str, kind: str, *, is_shown: bool = False) -> Response:
    """A file that is made in memory, to be saved as `name`, or shown in the browser before it is."""
    said = f"{'inline' if is_shown else 'attachment'}; filename*=UTF-8''{quote(f'{name}.{kind}', safe='')}"
    return Response(content, media_type=MEDIA[kind], headers={"Content-Disposition": said, "Cache-Control": "no-store"})


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def disposition(name: str, plain: str) -> str:
    """The header that names a file: in UTF-8, and in ASCII for who cannot read that (RFC 6266)."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
