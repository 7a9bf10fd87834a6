"""For an account manager: one retailer, what matters first, and its stock count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from jobs import reviewing, shop, visiting
from ordering import counts
from ordering.accounts import Permission, Person, Role
from ordering.counts import FarOff
from ordering.database import lookups, visit_facts
from ordering.review import Filter
from ordering.visits import Facts, Why, reasons, stock_to_sales
from web.api.orders import RetailerId, looked
from web.api.pages import records
from web.problems import ProblemError
from web.screens import shell, visits
from web.screens.fields import Day, day, typed
from web.screens.managers import FlagsPart, SeesFlags, flags_of
from web.screens.sketches import Sketch, sketch, steps
from web.screens.visits import Visits, VisitsPart
from web.service import Here, Service

router = shell.router_of()
COUNT = "count."
"""Begins the names of the fields into which counts are typed; the brand follows."""
FIRST_BRANDS = 10
"""Brands that are shown at once; the others unfold."""


@dataclass(frozen=True)
class CountPart:
    """The form of a stock count of the day `on`: of each brand its newest count and what is reckoned of it now, with what was `said` of it;
    those that are `far` off are to be said again; `kept`: how many were kept just now."""

    retailer_id: str
    today: date
    on: date
    brands: Sequence[Mapping[str, Any]]
    reckoned: Mapping[str, float]
    said: Mapping[str, int]
    far: Mapping[str, FarOff]
    kept: int
    may_count: bool


@dataclass(frozen=True)
class RetailerPage:
    """A retailer as its account manager sees it: who it is, why to see it, what is suggested to it, its brands week by week, levels,
    conduct, what it leans on, its flags, visits and stock. `facts`: None where it is not active; `visits`: None where they are not for
    who looks.

    `weeks`: over which facts are summed up; `sketches`: of each brand, by id, the first `shown` of which are seen at once; `whole`: all
    brands together by week; `levels`: by stretches of one (jobs.shop.spells); `level_line`: their points by month, of `months`.
    """

    retailer: Mapping[str, Any]
    star_level: int
    facts: Facts | None
    weeks: int
    stock_to_sales: float | None
    why: Sequence[Why]
    suggestions: Sequence[Mapping[str, Any]]
    decided: int
    brands: shop.Brands
    shown: int
    whole: Mapping[str, Sequence[float]]
    sketches: Mapping[str, Sketch]
    levels: Sequence[Mapping[str, Any]]
    level_line: str
    months: int
    conduct: shop.Conduct
    advice: shop.Advice
    names: Mapping[str, str]
    flags: FlagsPart
    visits: VisitsPart | None
    count: CountPart
    may_read_care: bool
    may_decide: bool


@router.get("/retailers/{retailer_id}")
def retailer(
    request: Request, retailer_id: RetailerId, own: Here, person: SeesFlags, every_flag: bool = False, every_visit: bool = False
) -> Response:
    """One retailer; with its newest flags and visits, or every one."""
    looked(own, person, retailer_id, "retailer")
    about = lookups.retailer(own.db, retailer_id)
    if about is None:
        raise ProblemError("NOT_FOUND")
    return shell.show(request, "manager/retailer.html", _page(own, person, about, every_flag, every_visit))


def _page(own: Service, person: Person, about: Mapping[str, Any], every_flag: bool, every_visit: bool) -> RetailerPage:
    retailer_id, source, rules = str(about["retailer_id"]), own.source(), own.settings.visits
    lines = reviewing.listed(source, Filter(retailer=retailer_id))
    open_ = lines[(lines["decision"] == "open").to_numpy(bool)]
    facts = visit_facts.one(own.db, source.run, retailer_id, rules=rules, today=own.today)
    brands = shop.brands(source, retailer_id, str(about["district"]))
    levels = shop.levels(source, retailer_id)
    return RetailerPage(
        retailer=about,
        star_level=int(lines["star_level"].iloc[0]) if len(lines) else int(about["star_level"]),
        facts=facts,
        weeks=rules.weeks,
        stock_to_sales=stock_to_sales(facts.stock, facts.sales) if facts and facts.counted else None,
        why=reasons(facts, rules, own.today) if facts else (),
        suggestions=records(open_),
        decided=len(lines) - len(open_),
        brands=brands,
        shown=FIRST_BRANDS,
        whole={name: _sums(brands, name) for name in ("requested", "allocated", "demand")},
        sketches={row["brand_id"]: sketch(row) for row in brands.rows},
        levels=shop.spells(levels),
        level_line=steps([row["level"] for row in reversed(levels)], max([own.settings.rating.levels, *(row["level"] for row in levels)])),
        months=len(levels),
        conduct=shop.of_conduct(source, retailer_id),
        advice=shop.advice(source, retailer_id),
        names=lookups.brand_names(own.db),
        flags=flags_of(own, person, retailer_id, every=every_flag),
        visits=None if person.role is Role.RETAILER else visits.part(own, person, retailer_id, every=every_visit),
        count=_count_part(own, person, retailer_id, brands),
        may_read_care=person.may(Permission.READ_CARE),
        may_decide=person.may(Permission.DECIDE),
    )


def _sums(brands: shop.Brands, name: str) -> list[float]:
    """All brands together by week; the demand of none is 0."""
    return [round(sum(row[name][at] or 0 for row in brands.rows), 2) for at in range(len(brands.weeks))]


def _count_part(
    own: Service, person: Person, retailer_id: str, brands: shop.Brands, *, on: date | None = None, said: Mapping[str, int] | None = None,
    far: Sequence[FarOff] = (), kept: int = 0,
) -> CountPart:  # fmt: skip
    source, today = own.source(), own.today
    reckoned = {brand: counts.reckoned(now, today) for brand, now in visiting.shelf(source, retailer_id).items()}
    newer = [row for row in brands.rows if row["counted_on"] is not None and row["counted_on"] >= source.run.business_date]
    reckoned |= {row["brand_id"]: float(row["stock"]) for row in newer}  # the night has not read it yet
    far_off, may = {one.brand_id: one for one in far}, person.may(Permission.VISIT)
    return CountPart(retailer_id, today, on or today, brands.rows, reckoned, said or {}, far_off, kept, may)


async def _counts(request: Request) -> dict[str, int]:
    """What was typed of each brand. It waits for nothing: the form was read with the fields that the route names."""
    return typed((await request.form()).items(), COUNT)


@router.post("/retailers/{retailer_id}/counts")
def count(
    request: Request, retailer_id: RetailerId, own: Here, person: Visits, said: Annotated[dict[str, int], Depends(_counts)],
    on: Day = "", sure: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Keep a stock count, for the next night to read; one that lies far from what is reckoned only when it is said again (`sure`)."""
    source, counted = own.source(), day(on) or own.today
    far = visiting.count(source, retailer_id, said, on=counted, sure=sure, by=person.name, today=own.today, at=own.clock())
    about = lookups.retailer(own.db, retailer_id) or {}
    brands = shop.brands(source, retailer_id, str(about.get("district", "")))
    part = _count_part(own, person, retailer_id, brands, on=counted, said=said if far else None, far=far, kept=0 if far else len(said))
    return shell.show(request, "manager/shop_count.html", part)
