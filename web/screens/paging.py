"""A list a part at a time: which rows a page shows, and where those before and after are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request


@dataclass(frozen=True)
class Pager:
    """Which rows a page shows, of how many, and the addresses of those before and after; empty: there are none."""

    first: int
    last: int
    total: int
    before: str
    after: str


def pager(request: Request, offset: int, total: int, rows: int) -> Pager:
    """The part of a page that shows `rows` of `total` rows from `offset` on; the addresses keep what else is asked."""

    def to(place: int) -> str:
        kept = [pair for pair in request.query_params.multi_items() if pair[0] != "offset"]
        return "?" + urlencode([*kept, ("offset", place)])

    before = to(max(offset - rows, 0)) if offset > 0 else ""
    after = to(offset + rows) if offset + rows < total else ""
    return Pager(min(offset + 1, total), min(offset + rows, total), total, before, after)
