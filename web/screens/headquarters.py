"""For headquarters: how well orders and demand were filled, by what, since when, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlencode

import pandas as pd
from fastapi import Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from jobs import breakdown
from jobs.breakdown import Asked, Breakdown
from jobs.report_figures import BY_SIZE
from jobs.report_html import shade
from ordering import kept_cells
from ordering.accounts import Person, Territory
from ordering.database import cells, privacy, runs
from ordering.fulfilment import RATES
from ordering.gaps import GAPS
from ordering.rate_cells import Period
from web.api.headquarters import Rates
from web.api.pages import record, records
from web.problems import ProblemError
from web.screens import shell
from web.screens.paging import Pager, pager
from web.service import Here, Service

router = shell.router_of()
By = Literal["district", "star", "price_class", "manufacturer", "manager", "brand", "retailer"]
Sort = Literal[
    "name", "requested", "allocated", "demand", "fulfilment_rate", "fulfilment_rate_change", "demand_fulfilment_rate",
    "demand_fulfilment_rate_change", "line_fill_rate", "gap", "gap_inflated", "gap_supply", "gap_province", "gap_cap", "gap_quota",
    "gap_limit", "gap_other",
]  # fmt: skip
Value = Annotated[str | None, Query(max_length=100)]
LISTED = 100
BELOW: Mapping[str, str] = {
    "district": "brand", "manufacturer": "brand", "price_class": "brand", "manager": "retailer", "star": "retailer",
}  # fmt: skip
"""What the rates of one value are broken down into next."""


class Chosen(BaseModel):
    """What of the rates is asked for: broken down by what, of which period, within which values, in which order, from which row on."""

    model_config = ConfigDict(extra="forbid")

    by: By = "district"
    period: Period = Period.MONTH
    at: Value = None
    show: Literal["rates", "why"] = "rates"
    sort: Sort | None = None
    down: bool = True
    offset: Annotated[int, Query(ge=0, le=10**7)] = 0
    district: Value = None
    star: Annotated[int | None, Query(ge=1, le=1000)] = None
    price_class: Annotated[int | None, Query(ge=1, le=1000)] = None
    manufacturer: Value = None
    manager: Value = None
    brand: Value = None
    retailer: Value = None

    @property
    def within(self) -> dict[str, str | int]:
        """The values that dimensions have."""
        return {name: value for name in get_args(By) if (value := getattr(self, name)) is not None}

    @property
    def order(self) -> tuple[str, bool]:
        """By which column rows are sorted, and whether the largest comes first."""
        if self.sort is not None:
            return self.sort, self.down
        return ("gap", True) if self.show == "why" else ("requested", True) if self.by in BY_SIZE else ("name", False)

    def to(self, **changes: Any) -> str:
        """The address of the same with changes."""
        said = {**self.model_dump(mode="json", exclude_defaults=True, exclude={"offset"}), **changes}
        chosen = {name: str(value).lower() if isinstance(value, bool) else value for name, value in said.items() if value is not None}
        return f"/rates?{urlencode(chosen)}"

    @property
    def printed(self) -> str:
        """The address of the same on paper."""
        return self.to().replace("/rates", "/rates.pdf", 1)

    def asked(self, person: Person) -> Asked:
        """The same of the retailers that a person sees."""
        return Asked(self.by, str(self.period), self.at, self.within, person.territory)

    def may_be_by(self, name: str, territory: Territory | None) -> bool:
        """Whether stored cells give the rates by a dimension within these values and the territory."""
        return name not in self.within and kept_cells.stored_in([name, *self.within, *(territory or {})]) is not None


@dataclass(frozen=True)
class RatesPage:
    """Rates of a period: the rows of one dimension (a part, `pager`), all together, the trend, the causes of the gap, the heat map.

    `found` is None where nothing was asked within the values. `names`: of brands and retailers, the values chosen among them.
    `territory`: whose retailers these are, None for all.
    """

    chosen: Chosen
    dimensions: Sequence[str]
    found: Breakdown | None = None
    rows: Sequence[Mapping[str, Any]] = ()
    pager: Pager | None = None
    whole: Mapping[str, Any] | None = None
    causes: Sequence[Mapping[str, Any]] = ()
    trend: Mapping[str, Sequence[Any]] | None = None
    heat: Sequence[tuple[str, Sequence[Any]]] = ()
    heads: Sequence[str] = ()
    names: Mapping[str, str] | None = None
    territory: Territory | None = None

    def name(self, dimension: str, value: object) -> str:
        """What a value is called."""
        return (self.names or {}).get(f"{dimension} {value}", str(value))

    @property
    def lowest(self) -> str:
        """Where the lowest rates of the same weeks are."""
        assert self.found is not None
        return "/rates/lowest?" + urlencode({**self.chosen.within, "first": self.found.first, "last": self.found.last})

    @property
    def lines(self) -> str:
        """Where the order lines of the last of these weeks are."""
        assert self.found is not None
        return "/rates/lines?" + urlencode({**self.chosen.within, "week": self.found.last})

    def below(self, value: object) -> str | None:
        """Where the rates of a value are broken down further."""
        by = self.chosen.by
        if by in ("brand", "retailer"):
            return None
        within = Chosen.model_validate(self.chosen.within | {by: value})
        further = [BELOW[by], *self.dimensions]
        next_by = next((name for name in further if within.may_be_by(name, self.territory)), None)
        return self.chosen.to(by=next_by, sort=None, down=None, **{by: value}) if next_by else None


def nothing_yet(request: Request, own: Service) -> Response | None:
    """The page that says that no night is stored yet, where none is."""
    return shell.show(request, "headquarters/empty.html", None) if runs.newest(own.db) is None else None


@router.get("/rates")
def rates(request: Request, own: Here, person: Rates, chosen: Annotated[Chosen, Query()]) -> Response:
    """How well orders and demand were filled in a period, by one dimension within values of others, and why not."""
    if empty := nothing_yet(request, own):
        return empty
    asked = kept(chosen, person)
    if chosen.by == "retailer":
        privacy.note_access(own.db, person=person, what="rates", at=own.clock())
    found = breakdown.breakdown(own.source(), asked)
    blank = RatesPage(chosen, _dimensions(chosen, person), territory=person.territory)
    page = blank if found is None else _page(request, own, blank, found)
    return shell.show(request, "headquarters/rates.html", page)


NOT_KEPT = (
    "Rates by retailer or level are not kept summed up within a brand, manufacturer or price class: trueorder export fulfilment has them.",
    "按零售户或档位与品规、厂家、价类交叉的满足率未预先汇总，请用 trueorder export fulfilment 导出。",
)
NOT_OF_TERRITORY = (
    "Rates by brand, manufacturer or price class are kept for whole districts, not for the retailers of one account manager: look at your "
    "territory by district, level or retailer.",
    "按品规、厂家、价类的满足率只按片区汇总，不按客户经理汇总；请按片区、档位或零售户查看您的辖区。",
)


def kept(chosen: Chosen, person: Person) -> Asked:
    """What is asked for, of the retailers that a person sees. Raises ProblemError where no stored cells can give it."""
    if kept_cells.stored_in([chosen.by, *chosen.within]) is None:
        raise ProblemError("INVALID", NOT_KEPT)
    found = chosen.asked(person)
    if kept_cells.stored_in(found.needs(found.by)) is None:
        raise ProblemError("INVALID", NOT_OF_TERRITORY)
    return found


def _dimensions(chosen: Chosen, person: Person) -> list[str]:
    """By what else the same can be looked at."""
    return [name for name in get_args(By) if name == chosen.by or chosen.may_be_by(name, person.territory)]


def _page(request: Request, own: Service, page: RatesPage, found: Breakdown) -> RatesPage:
    chosen = page.chosen
    rows = in_order(found.rows, chosen)
    part = records(rows.iloc[chosen.offset : chosen.offset + LISTED])
    wanted = {chosen.by: [str(row[chosen.by]) for row in part]} | {name: [str(value)] for name, value in chosen.within.items()}
    heads = [] if found.heat is None else [str(name) for name in found.heat.columns]
    asked = [*wanted.items(), ("brand", heads)]
    names = {f"{of} {id_}": name for of, ids in asked for id_, name in cells.names(own.db, of, ids).items()}
    return replace(
        page, found=found, rows=part, pager=pager(request, chosen.offset, len(rows), LISTED), whole=record(found.whole),
        causes=causes(found.whole), trend=trend(found.trend), heat=_heat(found), heads=heads, names=names,
    )  # fmt: skip


def in_order(rows: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    """The rows of a dimension in the order that is asked for."""
    column, down = chosen.order
    key = chosen.by if column == "name" else column
    keys = [key, chosen.by] if key != chosen.by else [key]
    return rows.sort_values(keys, ascending=[not down, True][: len(keys)], na_position="last", ignore_index=True, kind="stable")


def causes(whole: pd.Series) -> list[dict[str, Any]]:
    """The parts of the gap, the largest first, each with its share of it."""
    gap = float(whole["gap"])
    found = sorted(((name, float(whole[name])) for name in GAPS), key=lambda part: -part[1])
    return [{"cause": name, "gap": value, "share": value / gap if gap else None} for name, value in found]


def trend(found: pd.DataFrame) -> dict[str, list[Any]]:
    """The trend as a chart has it: labels and per cent, what is undefined is null."""
    shown = [*RATES[:2], "fulfilment_rate_target"]
    shares = {name: [None if pd.isna(value) else round(float(value) * 100, 2) for value in found[name]] for name in shown}
    return {"labels": [str(value) for value in found["period"]]} | shares


def _heat(found: Breakdown) -> list[tuple[str, list[tuple[float, int | None]]]]:
    """The heat map by rows: the district, and each rate with its shade."""
    if found.heat is None:
        return []
    rates = found.heat.to_numpy("float64")
    return [(str(name), [(float(rate), shade(rate)) for rate in row]) for name, row in zip(found.heat.index, rates, strict=True)]
