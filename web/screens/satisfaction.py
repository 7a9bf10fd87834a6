"""The satisfaction index beside the fulfilment rates and how complaints stand, by district, account manager, level and retailer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode

import pandas as pd
from fastapi import Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from jobs import satisfaction
from ordering.database import privacy
from ordering.satisfaction import QUESTIONS, Aspect, Question
from web.api.care import Rates, Value
from web.api.pages import record, records
from web.screens import shell
from web.screens.paging import Pager, pager
from web.service import Here

router = shell.router_of()
By = Literal["district", "manager", "star", "retailer"]
Sort = Literal["name", "answers", "index", "fulfilment_rate", "demand_fulfilment_rate", "open_complaints", "days_to_close"]
LISTED = 100


class Chosen(BaseModel):
    """What is asked for: broken down by what, of which period, within which values, in which order, from which row on."""

    model_config = ConfigDict(extra="forbid")

    by: By = "district"
    period: Literal["month", "quarter", "year"] = "quarter"
    at: Value = None
    sort: Sort | None = None
    down: bool = True
    offset: Annotated[int, Query(ge=0, le=10**7)] = 0
    district: Value = None
    manager: Value = None
    star: Annotated[int | None, Query(ge=1, le=1000)] = None

    @property
    def within(self) -> dict[str, str | int]:
        """The values that dimensions have."""
        return {name: value for name in ("district", "manager", "star") if (value := getattr(self, name)) is not None}

    @property
    def order(self) -> tuple[str, bool]:
        """By which column rows are sorted, and whether the largest comes first; retailers with open complaints come first."""
        return (
            ("open_complaints", True)
            if self.sort is None and self.by == "retailer"
            else (self.sort or "name", self.sort is not None and self.down)
        )

    def to(self, **changes: Any) -> str:
        """The address of the same with changes."""
        said = {**self.model_dump(mode="json", exclude_defaults=True, exclude={"offset"}), **changes}
        chosen = {name: str(value).lower() if isinstance(value, bool) else value for name, value in said.items() if value is not None}
        return f"/satisfaction?{urlencode(chosen)}"


@dataclass(frozen=True)
class SatisfactionPage:
    """The index of a period by one dimension (a part, `pager`), and over all; `weights` of the aspects."""

    chosen: Chosen
    dimensions: Sequence[str]
    known: Sequence[str]
    at: str
    rows: Sequence[Mapping[str, Any]]
    whole: Mapping[str, Any]
    pager: Pager
    weights: Mapping[Aspect, float]
    least: int
    questions: ClassVar[Mapping[Aspect, Question]] = QUESTIONS


@router.get("/satisfaction")
def figures(request: Request, own: Here, person: Rates, chosen: Annotated[Chosen, Query()]) -> Response:
    """How content the retailers are that one sees."""
    if chosen.by == "retailer":
        privacy.note_access(own.db, person=person, what="satisfaction", at=own.clock())
    asked = satisfaction.Asked(chosen.by, chosen.period, chosen.at, chosen.within)
    found = satisfaction.figures(own.db, own.settings, asked, territory=person.territory, today=own.today)
    dimensions = [name for name in satisfaction.BY if name not in chosen.within]
    rows = records(_sorted(found.rows, chosen).iloc[chosen.offset : chosen.offset + LISTED])
    rules = own.settings.satisfaction
    page = SatisfactionPage(
        chosen, dimensions, found.known, found.at, rows, record(found.whole), pager(request, chosen.offset, len(found.rows), LISTED),
        rules.weights, rules.least_answers,
    )  # fmt: skip
    return shell.show(request, "headquarters/satisfaction.html", page)


def _sorted(rows: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    """Rows in order; among those that are alike the least content come first, and where nothing is known comes last."""
    column, down = chosen.order
    keys = dict.fromkeys([chosen.by if column == "name" else column, "index", chosen.by])
    ways = [not down, *[True] * (len(keys) - 1)]
    return rows.sort_values(list(keys), ascending=ways, na_position="last", ignore_index=True, kind="stable")
