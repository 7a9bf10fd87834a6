"""For headquarters: what the waiting lines would get on other terms, beside what they get as things stand. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import reruns, week_view
from ordering.accounts import Permission, Person
from ordering.database import lookups
from ordering.errors import TrueOrderError
from ordering.model import Policy
from web.api.pages import records
from web.people import may
from web.problems import ProblemError
from web.screens import shell
from web.screens.fields import cartons
from web.screens.strategy import Row, said
from web.service import Here

router = shell.router_of()
Asks = Annotated[Person, may(Permission.WHAT_IF)]
SUPPLY, CAP = "supply.", "cap."
"""Begin the names of the fields that change a supply, `supply.BRAND`, or a cap, `cap.LEVEL.BRAND`."""
LONGEST = 9
"""Digits of a quantity."""
MOST = 2000
"""Fields that may be filled."""


@dataclass(frozen=True)
class Terms:
    """The terms to look at; None and empty: as things stand."""

    policy: Policy | None
    supply: Mapping[str, int]
    caps: Mapping[tuple[str, int], int]

    @property
    def are_others(self) -> bool:
        """Whether anything is to be otherwise."""
        return self.policy is not None or bool(self.supply) or bool(self.caps)


async def _terms(request: Request) -> Terms:
    """The terms of the form. Raises ProblemError where a field holds no whole number, or names no level or policy."""
    form = await request.form()
    filled = {name: str(told).strip() for name, told in form.items() if str(told).strip()}
    policy = filled.pop("policy", "")
    if policy not in ("", *Policy):
        raise ProblemError("INVALID", (f"policy {policy[:50]}: there is no such policy", f"没有“{policy[:50]}”这一规则"))
    numbers = {name: cartons(told, LONGEST) for name, told in list(filled.items())[:MOST]}
    supply = {name.removeprefix(SUPPLY): count for name, count in numbers.items() if name.startswith(SUPPLY)}
    caps = {_level(name): count for name, count in numbers.items() if name.startswith(CAP)}
    return Terms(Policy(policy) if policy else None, supply, caps)


def _level(name: str) -> tuple[str, int]:
    level, _, brand = name.removeprefix(CAP).partition(".")
    if not level.isdecimal() or len(level) > LONGEST:
        raise ProblemError("INVALID", (f"{name[:50]}: there is no such field", f"没有字段 {name[:50]}"))
    return brand, int(level)


@dataclass(frozen=True)
class WhatIfPart:
    """What the waiting lines get by star level (0: all), now and on other terms, and the price of fairness of both.

    `refused`: why nothing can be said.
    """

    terms: Terms
    refused: str = ""
    rows: Sequence[Row] = ()
    price: float | None = None
    price_then: float | None = None


@router.post("/strategy/what-if")
def what_if(request: Request, own: Here, person: Asks, terms: Annotated[Terms, Depends(_terms)]) -> Response:
    """A part of the page: as things stand and on the terms of the form, side by side. Nothing is stored."""
    if not terms.are_others:
        raise ProblemError("INVALID", ("choose another policy, supply or cap first", "请先选择其他规则，或改动货源、限量"))
    try:
        found = reruns.beside(own.source(), terms.policy, terms.supply, terms.caps)
    except TrueOrderError as error:
        return shell.show(request, "headquarters/what_if.html", WhatIfPart(terms, said(request, error)))
    part = WhatIfPart(terms, "", records(found.figures), found.price, found.price_then)
    return shell.show(request, "headquarters/what_if.html", part)


@dataclass(frozen=True)
class BrandTerms:
    """A brand with its supply and caps as they are, to be changed: `available` None where it is not limited."""

    brand_id: str
    name: str
    available: float | None
    caps: Mapping[int, float | None]


@router.get("/strategy/what-if/brand")
def brand(request: Request, own: Here, person: Asks, brand: Annotated[str, Query(max_length=100)] = "") -> Response:
    """A row of the form: fields for another supply of a brand and other caps of its levels, those that hold now beside them."""
    if not brand:
        return Response(status_code=204)
    names = lookups.brand_names(own.db)
    if brand not in names:
        raise ProblemError("NOT_FOUND")
    weeks = week_view.weeks(own.source())
    rows: list[Mapping[Any, Any]] = [row for week in weeks[:1] for row in records(week.rows) if row["brand"] == brand]
    caps = {level: cap for week in weeks[:1] if brand in week.caps.index for level, cap in records(week.caps.loc[[brand]])[0].items()}
    own_row = rows[0] if rows else {"available": None}
    return shell.show(request, "headquarters/terms.html", BrandTerms(brand, names[brand], own_row["available"], caps))
