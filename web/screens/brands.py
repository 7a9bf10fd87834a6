"""For headquarters: the brands, one brand with its forecast and how near it came, and the letter to its manufacturer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import brand_figures, letter
from jobs.report_figures import CASE
from ordering.accounts import Permission, Person
from ordering.database import Database, audit
from web.api.headquarters import Rates
from web.api.pages import record, records
from web.people import may
from web.problems import ProblemError
from web.screens import downloads, shell
from web.screens.headquarters import causes, nothing_yet
from web.service import Here

router = shell.router_of()
Month = Annotated[str | None, Query(max_length=10, description="The newest whole month unless given.")]


@dataclass(frozen=True)
class BrandsPage:
    """The brands in the month `at` of those `known`; None where nothing was asked yet. `weeks`: how many are forecast."""

    at: str | None = None
    known: Sequence[str] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    weeks: int = 0


OF_CITY = (
    "This list has the figures of the whole city, and is headquarters'; your own retailers' are under Rates.",
    "此列表为全市数据，供总部使用；您辖区的数据见“满足率”。",
)


@router.get("/brands")
def brands(request: Request, own: Here, person: Rates, at: Month = None) -> Response:
    """The brands: what was asked of them, wanted, supplied and given in a month, and what is forecast. The largest true demand first."""
    if empty := nothing_yet(request, own):
        return empty
    if person.territory is not None:
        raise ProblemError("STATE", OF_CITY)
    found = brand_figures.listed(own.source(), at)
    if found is None:
        return shell.show(request, "headquarters/brands.html", BrandsPage())
    rows = found.rows.sort_values(["demand", "brand"], ascending=[False, True])
    return shell.show(request, "headquarters/brands.html", BrandsPage(found.at, found.known, records(rows), found.weeks))


@dataclass(frozen=True)
class BrandPage:
    """One brand. `chart`: its weeks, past and forecast, in cases; `ahead`, `accuracy`: rows; `rates` by district in the month `at` with
    the `whole` and the `causes` of its gap, empty where nobody asked for it; `may_write`: whether who looks may have the letter;
    `is_kept`: whether rates by brand are kept for its territory."""

    about: Mapping[str, Any]
    chart: Mapping[str, Sequence[Any]]
    ahead: Sequence[Mapping[str, Any]]
    accuracy: Sequence[Mapping[str, Any]]
    at: str | None
    known: Sequence[str]
    rates: Sequence[Mapping[str, Any]]
    whole: Mapping[str, Any] | None
    causes: Sequence[Mapping[str, Any]]
    may_write: bool
    is_kept: bool


def known(db: Database, brand_id: str) -> Mapping[str, object]:
    """A brand's row among the brands. Raises ProblemError where there is none."""
    found = brand_figures.about(db, brand_id)
    if found is None:
        raise ProblemError("NOT_FOUND")
    return found


@router.get("/brands/{brand_id}")
def brand(request: Request, brand_id: str, own: Here, person: Rates, at: Month = None) -> Response:
    """One brand: its weeks, its forecast with the interval, how near forecasts came, and its rates by district."""
    about = known(own.db, brand_id)
    if empty := nothing_yet(request, own):
        return empty
    found = brand_figures.brand(own.source(), about, at, person.territory)
    rates = found.rates
    page = BrandPage(
        about=about,
        chart=chart(found),
        ahead=records(found.ahead),
        accuracy=records(found.accuracy),
        at=rates.at if rates else None,
        known=rates.known if rates else (),
        rates=records(rates.rows) if rates else (),
        whole=record(rates.whole) if rates else None,
        causes=causes(rates.whole) if rates else (),
        may_write=person.may(Permission.EXPORT),
        is_kept=brand_figures.has_brands(person.territory),
    )
    return shell.show(request, "headquarters/brand.html", page)


def chart(found: brand_figures.Brand) -> dict[str, list[Any]]:
    """The weeks of a brand one after the other, in cases: what was, then what is forecast; the last week that was joins the two."""
    past, ahead = found.past, found.ahead
    weeks = [f"{week:%Y-%m-%d}" for week in [*past["week"], *ahead["week"]]]
    none, joint = [None], [None] * max(len(past) - 1, 0)
    was = {name: _cases(past[name]) + none * len(ahead) for name in ("requested", "allocated", "demand")}
    last = _cases(past["demand"].tail(1))
    bounds = {name: _cases(past[name]) + _cases(ahead[name]) for name in ("p10", "p90")}
    return {"labels": weeks, **was, **bounds, "forecast": joint + last + _cases(ahead["demand"])}


def _cases(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else round(float(value) / CASE, 3) for value in values]


@router.get("/brands/{brand_id}/letter")
def demand_letter(
    own: Here, person: Annotated[Person, may(Permission.EXPORT)], brand_id: str, at: Month = None, form: Literal["xlsx", "pdf"] = "xlsx"
) -> Response:
    """The true-demand letter to the brand's manufacturer about a month, as a workbook or as printed pages; audited."""
    manufacturer = str(known(own.db, brand_id)["manufacturer"])
    source = own.source()
    with TemporaryDirectory() as folder:
        (file,) = letter.write(source, Path(folder) / f"letter.{form}", manufacturer=manufacturer, month=at)
        content = file.read_bytes()
    told = f"{at or 'the newest whole month'}, {form}, run {source.run.run_id}"
    audit.note(own.db, action="letter", subject=f"manufacturer {manufacturer}", detail=told, by=person.name, at=own.clock())
    (name,) = letter.file_names([manufacturer])
    return downloads.held(content, name, form)
