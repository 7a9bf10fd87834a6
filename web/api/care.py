"""What retailers say of the company: surveys, complaints and what becomes of them, and the satisfaction index beside the rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from jobs import satisfaction
from ordering.accounts import Permission, Person
from ordering.complaints import LONGEST, Entry, State, Subject
from ordering.database import accounts, complaints, privacy, surveys
from ordering.satisfaction import HIGHEST, LOWEST, Aspect, Survey
from ordering.satisfaction import LONGEST as WORDS
from web.api import router_of
from web.api.orders import RetailerId, looked
from web.api.pages import Number, Page, Part, Utc
from web.people import may
from web.problems import ProblemError
from web.service import Here, Service

router = router_of("satisfaction")
Speaks = Annotated[Person, may(Permission.SPEAK)]
Complains = Annotated[Person, may(Permission.COMPLAIN)]
Reads = Annotated[Person, may(Permission.READ_CARE)]
Handles = Annotated[Person, may(Permission.CARE)]
Rates = Annotated[Person, may(Permission.READ_RATES)]
Value = Annotated[str | None, Query(max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Score = Annotated[int, Field(ge=LOWEST, le=HIGHEST)]
Row: TypeAlias = Mapping[str, Any]


class Answered(BaseModel):
    """A survey: a score from 1 (very dissatisfied) to 5 (very satisfied) for each aspect that is spoken to, and words."""

    model_config = ConfigDict(extra="forbid")

    scores: dict[Aspect, Score] = Field(min_length=1)
    words: Annotated[str, Field(max_length=WORDS)] = ""


class Told(Answered):
    """A survey that counts for its month, with its index from 0 to 100 by the weights of the settings."""

    model_config = ConfigDict(extra="ignore")

    survey_id: int
    month: str
    index: float | None
    at: Utc
    by: str


@router.post("/retailers/{retailer_id}/surveys", status_code=201)
def answer(retailer_id: RetailerId, said: Answered, own: Here, person: Speaks) -> Told:
    """Answer the survey. The newest of a month counts."""
    survey = Survey(said.scores, said.words)
    survey_id = surveys.answer(own.db, survey, retailer_id=retailer_id, by=person.name, on=own.today, at=own.clock())
    return next(Told.model_validate(row) for row in _shop(own, retailer_id).surveys if row["survey_id"] == survey_id)


def _shop(own: Service, retailer_id: str) -> satisfaction.Shop:
    return satisfaction.of_retailer(own.db, own.settings.satisfaction, retailer_id, today=own.today)


@router.get("/retailers/{retailer_id}/surveys", response_model=Page[Told])
def told(retailer_id: RetailerId, own: Here, person: Reads, part: Part) -> Any:
    """A retailer's surveys that count, the newest first."""
    looked(own, person, retailer_id, "surveys")
    return part.of_list(_shop(own, retailer_id).surveys)


class Month(BaseModel):
    """What a retailer expected against what it received, cartons. What was received is held against suggestions where these are known."""

    period: str
    requested: int
    received: int
    gap: int
    fulfilment_rate: float | None
    suggested: int | None
    received_of_suggested: int | None
    gap_to_suggested: int | None
    weeks: int
    weeks_suggested: int


@router.get("/retailers/{retailer_id}/expectations", response_model=Page[Month])
def expectations(retailer_id: RetailerId, own: Here, person: Reads, part: Part) -> Any:
    """What a retailer asked and was suggested against what it received, by month, the newest first."""
    looked(own, person, retailer_id, "orders")
    return part.of(_shop(own, retailer_id).months)


class Complaint(BaseModel):
    """A complaint and how it stands."""

    complaint_id: int
    retailer_id: str
    name: str | None
    subject: Subject
    text: str
    state: State
    opened_at: Utc
    opened_by: str
    closed_at: Utc | None
    closed_by: str | None
    outcome: str | None


class Said(BaseModel):
    """What was said or done after a complaint was opened."""

    entry_id: int
    kind: Entry
    text: str
    at: Utc
    by: str


class Whole(Complaint):
    """A complaint with all that was said and done, in order."""

    entries: list[Said]


@router.get("/complaints", response_model=Page[Complaint])
def listed(own: Here, person: Reads, part: Part, state: State | None = None, retailer: Value = None) -> Any:
    """Complaints of the retailers that one sees: open ones first, the oldest first."""
    privacy.note_access(own.db, person=person, what="complaints", at=own.clock())
    seen = accounts.seen(person)
    return part.page(*complaints.listed(own.db, seen, state=state, retailer_id=retailer, offset=part.offset, limit=part.limit))


class Complain(BaseModel):
    """A complaint to be opened."""

    model_config = ConfigDict(extra="forbid")

    subject: Subject
    text: Text


@router.post("/retailers/{retailer_id}/complaints", status_code=201)
def begin(retailer_id: RetailerId, said: Complain, own: Here, person: Complains) -> Whole:
    """Open a complaint of a retailer."""
    of = {"retailer_id": retailer_id, "subject": said.subject, "text": said.text}
    return _whole(own, retailer_id, complaints.begin(own.db, **of, by=person.name, at=own.clock()))


@router.get("/retailers/{retailer_id}/complaints/{complaint_id}")
def complaint(retailer_id: RetailerId, complaint_id: Number, own: Here, person: Reads) -> Whole:
    """One of a retailer's complaints, with what was said and done."""
    looked(own, person, retailer_id, "complaints")
    return _whole(own, retailer_id, complaint_id)


def _whole(own: Service, retailer_id: str, complaint_id: int) -> Whole:
    found = found_of(own, retailer_id, complaint_id)
    return Whole.model_validate({**found, "entries": complaints.entries(own.db, complaint_id)})


def found_of(own: Service, retailer_id: str, complaint_id: int) -> Row:
    """A retailer's complaint; ProblemError where it has no such one, whether another has or not."""
    found = complaints.of_retailer(own.db, retailer_id, complaint_id)
    if found is None:
        raise ProblemError("NOT_FOUND")
    return found


class Say(BaseModel):
    """What is said or done."""

    model_config = ConfigDict(extra="forbid")

    text: Text


def add(own: Service, retailer_id: str, complaint_id: int, kind: Entry, text: str, by: str) -> Whole:
    """Add an entry to a retailer's complaint; gives the complaint anew."""
    found_of(own, retailer_id, complaint_id)
    complaints.add(own.db, complaint_id, kind, text, by=by, at=own.clock())
    return _whole(own, retailer_id, complaint_id)


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/words", status_code=201)
def words(retailer_id: RetailerId, complaint_id: Number, said: Say, own: Here, person: Speaks) -> Whole:
    """Add words of the retailer; they open a complaint again that was closed."""
    return add(own, retailer_id, complaint_id, Entry.WORD, said.text, person.name)


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/follow-ups", status_code=201)
def follow_up(retailer_id: RetailerId, complaint_id: Number, said: Say, own: Here, person: Handles) -> Whole:
    """Note what was done, like a visit."""
    return add(own, retailer_id, complaint_id, Entry.FOLLOW_UP, said.text, person.name)


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/closing", status_code=201)
def close(retailer_id: RetailerId, complaint_id: Number, said: Say, own: Here, person: Handles) -> Whole:
    """Close a complaint; `text` is its outcome."""
    return add(own, retailer_id, complaint_id, Entry.CLOSED, said.text, person.name)


@router.post("/retailers/{retailer_id}/complaints/{complaint_id}/reopening", status_code=201)
def reopen(retailer_id: RetailerId, complaint_id: Number, said: Say, own: Here, person: Handles) -> Whole:
    """Open a closed complaint again; `text` says why."""
    return add(own, retailer_id, complaint_id, Entry.REOPENED, said.text, person.name)


class Satisfaction(BaseModel):
    """Satisfaction of the retailers of one value. `index` is the ratio of sums over the newest survey of each of `answers` retailers."""

    district: str | None = None
    manager: str | None = None
    star: int | None = None
    retailer: str | None = None
    retailers: int
    answers: int
    index: float | None = Field(description="0 to 100; null: nobody answered.")
    index_low: float | None = Field(description="Of the interval (95%); wide where few answered.")
    index_high: float | None
    few: bool = Field(description="It rests on few answers: satisfaction.least_answers.")
    fulfilment_rate: float | None
    demand_fulfilment_rate: float | None
    open_complaints: int = Field(description="Now.")
    closed_complaints: int = Field(description="In the period.")
    days_to_close: float | None = Field(description="The median of those closed in the period.")


class Satisfactions(Page[Satisfaction]):
    """A part of the list, and the period that it is of."""

    at: str


@router.get("/satisfaction", response_model_exclude_unset=True)
def figures(
    own: Here, person: Rates, part: Part, by: Literal["district", "manager", "star", "retailer"] = "district",
    period: Literal["month", "quarter", "year"] = "quarter", at: Value = None,
) -> Satisfactions:  # fmt: skip
    """The satisfaction index of the retailers that one sees, beside the fulfilment rates and how complaints stand."""
    if by == "retailer":
        privacy.note_access(own.db, person=person, what="satisfaction", at=own.clock())
    asked = satisfaction.Asked(by, period, at)
    found = satisfaction.figures(own.db, own.settings, asked, territory=person.territory, today=own.today)
    page = part.of(found.rows)
    return Satisfactions.model_validate({**page, "at": found.at})
