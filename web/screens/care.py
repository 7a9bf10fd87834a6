"""What retailers say: the survey and complaints of a retailer; and for its account manager the complaints to follow up, and how content
each shop is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import Form
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from jobs import satisfaction
from ordering.accounts import Permission, Person, Role
from ordering.complaints import LONGEST, SUBJECTS, Entry, State, Subject, days_open
from ordering.database import accounts, complaints, lookups, privacy, surveys
from ordering.model import month_of, week_of
from ordering.satisfaction import LONGEST as WORDS
from ordering.satisfaction import QUESTIONS, STEPS, Aspect, Question, Survey
from web.api import care
from web.api.care import Complains, Handles, Reads, Score, Speaks
from web.api.orders import RetailerId, looked
from web.api.pages import Number, Offset, records
from web.problems import ProblemError
from web.screens import shell
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
SHOWN = 50
"""Complaints of one page."""
OWN = 20
"""Of a retailer's page."""
Text = Annotated[str, Form(min_length=1, max_length=LONGEST)]
NOTHING = ("Answer one question at least.", "请至少回答一个问题。")


@dataclass(frozen=True)
class SurveyPart:
    """The survey's form; `last`: what was answered for this month, if anything; `thanked`: just now."""

    retailer_id: str
    last: Mapping[str, Any] | None
    may_answer: bool
    thanked: bool = False
    questions: ClassVar[Mapping[Aspect, Question]] = QUESTIONS
    steps: ClassVar[Mapping[int, tuple[str, str]]] = STEPS
    longest: ClassVar[int] = WORDS


@dataclass(frozen=True)
class ComplaintsPart:
    """A retailer's complaints, open ones first, each with its `days`, and the form of a new one; `begun`: the one just opened."""

    retailer_id: str
    complaints: Sequence[Mapping[str, Any]]
    total: int
    may_complain: bool
    own: bool
    begun: int | None = None
    subjects: ClassVar[Mapping[Subject, tuple[str, str]]] = SUBJECTS
    longest: ClassVar[int] = LONGEST


@dataclass(frozen=True)
class FeedbackPage:
    """What a retailer may tell the company."""

    survey: SurveyPart
    complaints: ComplaintsPart


@router.get("/retailers/{retailer_id}/feedback")
def feedback(request: Request, retailer_id: RetailerId, own: Here, person: Reads) -> Response:
    """The survey, and a retailer's complaints with the form of a new one."""
    looked(own, person, retailer_id, "surveys")
    page = FeedbackPage(_survey(own, person, retailer_id), _complaints(own, person, retailer_id))
    return shell.show(request, "care/feedback.html", page)


def _survey(own: Service, person: Person, retailer_id: str, *, thanked: bool = False) -> SurveyPart:
    newest = surveys.of_retailer(own.db, retailer_id, months=1)
    of_month = [row for row in newest if row["month"] == month_of(week_of(own.today))]
    return SurveyPart(retailer_id, next(iter(of_month), None), person.may(Permission.SPEAK), thanked)


def _complaints(own: Service, person: Person, retailer_id: str, *, begun: int | None = None) -> ComplaintsPart:
    looked(own, person, retailer_id, "complaints")
    found, total = complaints.listed(own.db, None, retailer_id=retailer_id, offset=0, limit=OWN)
    may = person.may(Permission.COMPLAIN)
    return ComplaintsPart(retailer_id, [_aged(row, own.clock()) for row in found], total, may, person.role is Role.RETAILER, begun)


def _aged(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {**row, "days": days_open(row["opened_at"], row["closed_at"], now)}


class Scores(BaseModel):
    """The survey's form: a score for each aspect that was answered, and words."""

    model_config = ConfigDict(extra="forbid")

    reliability: Score | None = None
    responsiveness: Score | None = None
    assurance: Score | None = None
    empathy: Score | None = None
    tangibles: Score | None = None
    words: Annotated[str, Field(max_length=WORDS)] = ""


@router.post("/retailers/{retailer_id}/survey")
def answer(request: Request, retailer_id: RetailerId, own: Here, person: Speaks, said: Annotated[Scores, Form()]) -> Response:
    """Answer the survey; gives it anew, with thanks."""
    scores = {aspect: score for aspect in Aspect if (score := getattr(said, aspect)) is not None}
    if not scores:
        raise ProblemError("INVALID", NOTHING)
    survey = Survey(scores, said.words)
    surveys.answer(own.db, survey, retailer_id=retailer_id, by=person.name, on=own.today, at=own.clock())
    return shell.show(request, "care/survey.html", _survey(own, person, retailer_id, thanked=True))


@router.post("/retailers/{retailer_id}/complaints")
def begin(
    request: Request, retailer_id: RetailerId, own: Here, person: Complains, subject: Annotated[Subject, Form()], text: Text
) -> Response:
    """Open a complaint; gives the list anew."""
    begun = complaints.begin(own.db, retailer_id=retailer_id, subject=subject, text=text, by=person.name, at=own.clock())
    return shell.show(request, "care/complaints.html", _complaints(own, person, retailer_id, begun=begun))


@dataclass(frozen=True)
class ComplaintPage:
    """One complaint with what was said and done since; `may_say`: the retailer's own words, `may_handle`: the company's acts."""

    complaint: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    may_say: bool
    may_handle: bool
    subjects: ClassVar[Mapping[Subject, tuple[str, str]]] = SUBJECTS
    longest: ClassVar[int] = LONGEST


@router.get("/retailers/{retailer_id}/complaints/{complaint_id}")
def complaint(request: Request, retailer_id: RetailerId, complaint_id: Number, own: Here, person: Reads) -> Response:
    """One complaint of a retailer."""
    looked(own, person, retailer_id, "complaints")
    return shell.show(request, "care/complaint.html", _page(own, person, retailer_id, complaint_id))


def _page(own: Service, person: Person, retailer_id: str, complaint_id: int) -> ComplaintPage:
    found = _aged(care.found_of(own, retailer_id, complaint_id), own.clock())
    may_say = person.role is Role.RETAILER and person.may(Permission.SPEAK)
    return ComplaintPage(found, complaints.entries(own.db, complaint_id), may_say, person.may(Permission.CARE))


def _added(request: Request, own: Service, person: Person, retailer_id: str, complaint_id: int, kind: Entry, text: str) -> Response:
    care.add(own, retailer_id, complaint_id, kind, text, person.name)
    return shell.show(request, "care/complaint_part.html", _page(own, person, retailer_id, complaint_id))


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/words")
def words(request: Request, retailer_id: RetailerId, complaint_id: Number, own: Here, person: Speaks, text: Text) -> Response:
    """Add words of the retailer; a closed complaint is opened again by them."""
    return _added(request, own, person, retailer_id, complaint_id, Entry.WORD, text)


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/follow-ups")
def follow_up(request: Request, retailer_id: RetailerId, complaint_id: Number, own: Here, person: Handles, text: Text) -> Response:
    """Note what was done."""
    return _added(request, own, person, retailer_id, complaint_id, Entry.FOLLOW_UP, text)


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/closing")
def close(request: Request, retailer_id: RetailerId, complaint_id: Number, own: Here, person: Handles, text: Text) -> Response:
    """Close a complaint with its outcome."""
    return _added(request, own, person, retailer_id, complaint_id, Entry.CLOSED, text)


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/reopening")
def reopen(request: Request, retailer_id: RetailerId, complaint_id: Number, own: Here, person: Handles, text: Text) -> Response:
    """Open a closed complaint again."""
    return _added(request, own, person, retailer_id, complaint_id, Entry.REOPENED, text)


@dataclass(frozen=True)
class ComplaintsPage:
    """Complaints of the retailers that one sees, open ones first."""

    complaints: Sequence[Mapping[str, Any]]
    pager: Pager
    state: State | None
    subjects: ClassVar[Mapping[Subject, tuple[str, str]]] = SUBJECTS


@router.get("/complaints")
def every(request: Request, own: Here, person: Handles, state: State | None = None, offset: Offset = 0) -> Response:
    """The complaints of one's own retailers: open ones first, the oldest first."""
    privacy.note_access(own.db, person=person, what="complaints", at=own.clock())
    found, total = complaints.listed(own.db, accounts.seen(person), state=state, offset=offset, limit=SHOWN)
    page = ComplaintsPage([_aged(row, own.clock()) for row in found], pager(request, offset, total, SHOWN), state)
    return shell.show(request, "care/every.html", page)


@dataclass(frozen=True)
class CarePage:
    """How content a retailer is: what it expected against what it received by month (the newest first), its surveys, its complaints."""

    retailer: Mapping[str, Any]
    months: Sequence[Mapping[str, Any]]
    surveys: Sequence[Mapping[str, Any]]
    index: float | None
    complaints: ComplaintsPart
    questions: ClassVar[Mapping[Aspect, Question]] = QUESTIONS
    steps: ClassVar[Mapping[int, tuple[str, str]]] = STEPS


@router.get("/retailers/{retailer_id}/care")
def shop(request: Request, retailer_id: RetailerId, own: Here, person: Reads) -> Response:
    """Satisfaction of one retailer."""
    looked(own, person, retailer_id, "surveys")
    found = lookups.retailer(own.db, retailer_id)
    if found is None:
        raise ProblemError("NOT_FOUND")
    told = satisfaction.of_retailer(own.db, own.settings.satisfaction, retailer_id, today=own.today)
    part = _complaints(own, person, retailer_id)
    return shell.show(request, "care/shop.html", CarePage(found, records(told.months), told.surveys, told.index, part))
