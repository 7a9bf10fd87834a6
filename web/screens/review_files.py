"""The review as a file: what the filter shows goes out, is edited in a spreadsheet, and comes back in after a look at what would change.

What is shown before is what is written: the file comes again with the confirmation, is compared anew, and where the outcome is another one
than was seen, by a decision of somebody else or another file, nothing is written.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pandas as pd
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import edited_lists, review_grid, reviewing, taking_over
from jobs.list_words import ListError
from jobs.output_sheets import Look
from jobs.taking_over import Compared, Refused
from ordering.accounts import Person
from ordering.database import accounts, privacy
from ordering.database.reviews import Done
from ordering.review import CODES, SHOWN
from web import language
from web.api import managers
from web.api.managers import Choice, Decides
from web.api.pages import Number, records
from web.problems import ProblemError
from web.screens import downloads, shell
from web.screens.downloads import Kind, Listed
from web.screens.shell import mark
from web.service import Here, Service
from web.uploads import Uploaded, uploaded

router = shell.router_of()
IMPORT, CONFIRM = "/review/import", "/review/import/confirmation"
UPLOADS = (IMPORT, CONFIRM)
"""Addresses that take a file, and with it larger requests than others."""
FIELD = "list"
"""The field of the form that holds the file."""
LISTED = 300
"""Lines of a kind that the page lists; it counts the others."""
TITLES: Mapping[str, str] = {
    "retailer_id": mark("Licence number"), "name": mark("Retailer"), "star_level": mark("Level"), "brand_id": mark("Brand code"),
    "brand_name": mark("Brand"), "order_day": mark("Order day"), "requested": mark("Asked"), "suggested": mark("Suggested"),
    "p10": mark("Need, P10"), "p90": mark("Need, P90"), "bound": mark("What binds"), "most": mark("and leaves"), "stock": mark("Stock"),
    "override": mark("Changed to"), "final": mark("Final"), "reason": mark("Reason"), "decision": mark("Decision"),
    "code": mark("Reason code"), "note": mark("Note"), "version": mark("Version"), "flagged": mark("flagged"),
    "p50": mark("Need, P50"), "basis": mark("Suggestion decided on"), "pending": mark("waits for a second person"),
    "decided_by": mark("Decided by"), "approved_by": mark("Approved by"), "batch_id": mark("Batch"), "district": mark("District"),
    "account_manager": mark("Account manager"), "week": mark("Order week"), "cap": mark("Cap"), "quota_left": mark("Quota left"),
}  # fmt: skip
"""Columns in the order of the page, then what the page does not show."""
FINAL = mark("Put another quantity here, in cartons; 0 for nothing.")
CODE = mark("Where the change is large, one of these codes:")
KEEP = mark("Leave this as it is: by it a line is known that somebody else has decided on meanwhile.")


@router.get("/review.{kind}")
def export(request: Request, kind: Kind, own: Here, person: Decides, of: Annotated[Choice, Query()]) -> Response:
    """Exactly the lines that the grid shows by its filter and its search, in its order, however many they are."""
    source = own.source()
    rows = review_grid.in_order(reviewing.listed(source, of.filter(), accounts.seen(person)), source.settings.review)
    kept = [name for name in TITLES if name in SHOWN]
    columns = {name: TITLES.get(name, name) for name in [*kept, *(name for name in SHOWN if name not in TITLES)]}
    return downloads.send(request, own, person, Listed("review", mark("Review"), [rows], columns, _look(request)), kind)


def _look(request: Request) -> Look:
    """The workbook's notes on what to edit, and its reason codes to choose from."""
    reader = language.of(request)
    text, at = language.texts(reader).gettext, ("en", "zh").index(reader)
    codes = "\n".join([text(CODE), *(f"{code}: {both[at]}" for code, both in CODES.items())])
    notes = {"final": text(FINAL), "code": codes, "version": text(KEEP)}
    return Look(named=True, formats=dict.fromkeys(("p10", "p50", "p90", "stock"), "0.0"), notes=notes, choices={"code": list(CODES)})


@dataclass(frozen=True)
class ImportPage:
    """The form; `most`: megabytes that a file may have."""

    most: float
    codes: Mapping[str, tuple[str, str]]


@router.get(IMPORT)
def ask(request: Request, own: Here, person: Decides) -> Response:
    """Where an edited list comes back in."""
    return shell.show(request, "manager/import.html", ImportPage(own.settings.web.upload_kilobytes / 1024, CODES))


@dataclass(frozen=True)
class Outcome:
    """What an edited list would change: lines of a kind, as many as are listed of them and how many there are. `seen` goes along with the
    confirmation; `pending`: how many of the changes would wait for a second person."""

    name: str
    changed: Sequence[Mapping[str, Any]]
    changes: int
    pending: int
    refused: Sequence[Refused]
    refusals: int
    unchanged: int
    seen: str


@router.post(IMPORT)
def preview(request: Request, own: Here, person: Decides) -> Response:
    """What the file would change. Nothing is stored."""
    sent = _sent(request, own)
    found = _compared(own, person, sent)
    pending = int(found.changed["pending"].sum())
    page = Outcome(
        edited_lists.shown_name(sent.name), records(_brief(found.changed)), len(found.changed), pending, found.refused[:LISTED],
        found.refusals, found.unchanged, found.seen,
    )  # fmt: skip
    return shell.show(request, "manager/import_outcome.html", page)


def _brief(changed: pd.DataFrame) -> pd.DataFrame:
    shown = ["line", "retailer_id", "name", "brand_id", "brand_name", "order_day", "suggested", "before", "quantity", "code", "pending"]
    return changed.head(LISTED)[shown]


@dataclass(frozen=True)
class Acted:
    """What an act came to; `undone`: whether it took an import back."""

    done: Done
    undone: bool = False


OTHER = (
    "the outcome is not any more what was shown: the file is another one, or somebody decided meanwhile; look again, nothing was written",
    "与预览时不一致：文件已更换，或其间有人作了决定；请重新预览，未写入任何内容",
)


@router.post(CONFIRM)
def confirm(request: Request, own: Here, person: Decides) -> Response:
    """Write what was shown, as one act that is undone as one."""
    sent = _sent(request, own)
    found = _compared(own, person, sent)
    if found.changed.empty or not hmac.compare_digest(found.seen.encode(), sent.fields.get("seen", "").encode()):
        raise ProblemError("STATE", OTHER)
    why = sent.fields.get("why", "").strip()[:1000] or edited_lists.shown_name(sent.name)
    done = taking_over.take_over(own.source(), found, by=person.name, clock=own.clock(), why=why)
    return shell.show(request, "manager/import_done.html", Acted(done))


@router.post("/review/import/{batch_id}/undoing")
def undo(request: Request, own: Here, person: Decides, batch_id: Number) -> Response:
    """Take an import back, but for lines whose cut-off has passed meanwhile."""
    why = language.texts(language.of(request)).gettext(mark("taken back on the page of edited lists"))
    act = managers.undo(batch_id, managers.Undo(why=why, spare_frozen=True), own, person)
    return shell.show(request, "manager/import_done.html", Acted(Done(act.batch_id, act.lines, act.pending, act.frozen), undone=True))


def _sent(request: Request, own: Service) -> Uploaded:
    return uploaded(request, FIELD, own.settings.web.upload_kilobytes * 1024)


def _compared(own: Service, person: Person, sent: Uploaded) -> Compared:
    """What the file would change of the retailers that the person sees; ProblemError where it is no list."""
    privacy.note_access(own.db, person=person, what="suggestions", at=own.clock())
    try:
        told = edited_lists.read(edited_lists.shown_name(sent.name), sent.data)
    except ListError as error:
        raise ProblemError("INVALID", (error.words["en"], error.words["zh"])) from error
    return taking_over.compare(own.source(), told, clock=own.clock(), among=accounts.seen(person))
