"""For account managers: the flags on inflated requests, and the answers to them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from jobs import flagging
from ordering.accounts import Permission, Person
from ordering.answers import Verdict
from ordering.database import accounts, answers, lookups, privacy
from web.api import router_of
from web.api.managers import Code, Word
from web.api.pages import Number, Page, Part
from web.people import may
from web.problems import ProblemError
from web.service import Here, Service

router = router_of("account managers")
Answers = Annotated[Person, may(Permission.ANSWER)]


class Flag(BaseModel):
    """A line that was flagged as inflated, why, and the answer that holds (null: none)."""

    order_id: str
    brand_id: str
    retailer_id: str
    account_manager: str
    order_date: date
    requested: int
    expected: float
    score: float
    reason: str
    english: str
    chinese: str
    answer_id: int | None
    verdict: Verdict | None
    ground: str | None
    note: str | None
    until_on: date | None
    answered_on: date | None
    answered_by: str | None


@router.get("/flags", response_model=Page[Flag])
def flags(
    own: Here, person: Annotated[Person, may(Permission.READ_FLAGS)], part: Part,
    retailer: Word | None = None, brand: Word | None = None, open: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The lines that the newest night flagged, and those that were answered, the newest first; `open`: those nobody has answered."""
    privacy.note_access(own.db, person=person, what="flags", at=own.clock())
    found = flagging.listed(own.source(), retailer=retailer, brand=brand, open_only=open, among=accounts.seen(person))
    return part.of(found)


class Say(BaseModel):
    """What there is to say to a flag. `ground` is a code; docs/glossary.md has them."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    ground: Code
    note: Annotated[str, Field(min_length=1, max_length=1000)]
    every_brand: bool = Field(False, description="The explanation holds for all brands of the shop.")
    until: date | None = Field(None, description="Last day of an explanation; the end of the line's week unless given.")


class Said(BaseModel):
    """An answer, by its number."""

    answer_id: int


@router.post("/flags/{order_id}/{brand_id}/answers", status_code=201)
def answer(
    order_id: Annotated[str, Path(max_length=100)], brand_id: Annotated[str, Path(max_length=100)], said: Say, own: Here, person: Answers
) -> Said:
    """Answer a flag. Nights of later dates use the answer."""
    source = own.source()
    _own_retailer(own, person, lookups.retailer_of_flag(own.db, source.run.run_id, order_id, brand_id))
    answer_id = flagging.answer(
        source, order_id, brand_id, verdict=said.verdict, ground=said.ground, note=said.note, every_brand=said.every_brand,
        until=said.until, by=person.name, on=own.today, at=own.clock(),
    )  # fmt: skip
    return Said(answer_id=answer_id)


class Withdraw(BaseModel):
    """Why an answer is taken back."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=1, max_length=1000)]


@router.post("/answers/{answer_id}/withdrawal", status_code=201)
def withdraw(answer_id: Number, said: Withdraw, own: Here, person: Answers) -> Said:
    """Take an answer back; it stays in the record, and what was said before it holds again."""
    _own_retailer(own, person, lookups.retailer_of_answer(own.db, answer_id))
    answers.withdraw(own.db, answer_id, by=person.name, why=said.why, on=own.today, at=own.clock())
    return Said(answer_id=answer_id)


def _own_retailer(own: Service, person: Person, retailer_id: str | None) -> None:
    if retailer_id is None or not accounts.sees(own.db, person, retailer_id):
        raise ProblemError("NOT_FOUND")
