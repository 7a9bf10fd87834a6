"""A list a part at a time: which rows a page shows, and where those before and after are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request


@dataclass(frozen=True)
class Pager:
    """Which rows a page shows, of how many, and the addresses of those before and after; empty: there are none.

    `uncounted`: there are more than `total`, which were left uncounted.
    """

    first: int
    last: int
    total: int
    before: str
    after: str
    uncounted: bool = False


def pager(request: Request, offset: int, total: int, rows: int, *, most: int | None = None) -> Pager:
    """The part of a page that shows `rows` of `total` rows from `offset` on; the addresses keep what else is asked.

    `most`: how far was counted; a greater total says only that there are more.
    """

    def to(place: int) -> str:
        kept = [pair for pair in request.query_params.multi_items() if pair[0] != "offset"]
        return "?" + urlencode([*kept, ("offset", place)])

    before = to(max(offset - rows, 0)) if offset > 0 else ""
    after = to(offset + rows) if offset + rows < total else ""
    uncounted = most is not None and total > most
    return Pager(min(offset + 1, total), min(offset + rows, total), min(total, most or total), before, after, uncounted)
