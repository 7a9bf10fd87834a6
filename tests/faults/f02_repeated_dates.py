"""F2: the same business date run three times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ordering import tables
from tests.faults.nights import City

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F2", "a business date three times: same hash, no duplicate rows"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 20, 1


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Three nights of one date, each in a process of its own."""
    city = City.made(place)
    for _ in range(first, first + count):
        city.forget()
        nights = [city.night()]
        left, held = city.tables_hash(), rows(city)
        nights += [city.night() for _ in range(2)]
        assert len({night["hash"] for night in nights}) == 1
        assert [night["stored"] for night in nights] == [True, False, False]
        assert city.tables_hash() == left
        assert rows(city) == held
        yield {"rows": float(sum(held.values()))}


def rows(city: City) -> dict[str, int]:
    """How many rows stand in each table."""
    counted = {name: sa.select(sa.func.count().label("rows")).select_from(table) for name, table in tables.metadata.tables.items()}
    return {name: int(city.db.rows(query)[0]["rows"]) for name, query in counted.items()}
