"""Lists a page at a time: in a stable order, with the total, so that nothing is cut silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import pandas as pd
from fastapi import Depends, Path, Query
from pydantic import AfterValidator, BaseModel, Field

Row = TypeVar("Row")
Utc = Annotated[datetime, AfterValidator(lambda at: at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))]
"""A time as JSON has it, with its zone; stored times are UTC without one."""
MOST = 1000
LARGEST = 2**31 - 1
Number = Annotated[int, Path(ge=1, le=LARGEST)]
"""The number of a thing in an address."""
Offset = Annotated[int, Query(ge=0, le=LARGEST)]
"""Of a list on a page: how many rows are left out at the beginning."""


class Page(BaseModel, Generic[Row]):
    """A part of a list."""

    items: list[Row]
    total: int = Field(description="How many the whole list has.")
    offset: int
    limit: int


@dataclass(frozen=True)
class Paging:
    """Which part of a list is asked for."""

    offset: int
    limit: int

    def of(self, rows: pd.DataFrame) -> dict[str, Any]:
        """That part of a frame, as a page."""
        return self.page(records(rows.iloc[self.offset : self.offset + self.limit]), len(rows))

    def of_list(self, rows: Sequence[Any]) -> dict[str, Any]:
        """That part of a list, as a page."""
        return self.page(rows[self.offset : self.offset + self.limit], len(rows))

    def page(self, items: Sequence[Any], total: int) -> dict[str, Any]:
        """A part that was read already, as a page."""
        return {"items": items, "total": total, "offset": self.offset, "limit": self.limit}


async def paging(
    offset: Annotated[int, Query(ge=0, le=LARGEST, description="How many to leave out at the beginning.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = 100,
) -> Paging:
    """The dependency."""
    return Paging(offset, limit)


Part = Annotated[Paging, Depends(paging)]


def record(row: pd.Series) -> dict[Any, Any]:
    """One row as JSON has it."""
    return records(row.to_frame().T)[0]


def records(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows as JSON has them: what is missing or undefined is null."""
    plain = rows.astype(object).where(rows.notna(), None)
    return plain.to_dict("records")
