"""Sums of a run's cells, remembered in the process: a run's cells never change, and in a large city it takes seconds to add two years up.

They are looked up by the run and by the version of the city, whose districts and managers they are by; so each process of the web may
remember its own. What is by retailer is not remembered: it is large, and a retailer's number may be forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
from cachetools import LRUCache, cached

from jobs.exports import Source
from ordering import database
from ordering.accounts import Territory
from ordering.database import cells, counters

MOST = 200_000
"""Rows that are remembered in all."""


def read(
    reader: database.Reader, source: Source, table: str, by: Sequence[str] = (), *, within: Mapping[str, str | int] | None = None,
    territory: Territory | None = None, first: date | None = None, last: date | None = None, weekly: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """`cells.summed` of a run; the frame may be another's too, and is not to be changed."""
    span = {"first": first, "last": last, "weekly": weekly}
    summed = _summed if "retailer" not in by else _summed.__wrapped__
    return summed(reader, source, table, tuple(by), within=within or {}, territory=territory, **span)


def _key(reader: database.Reader, source: Source, table: str, by: Sequence[str], **of: Any) -> tuple[object, ...]:
    """What sums depend on."""
    asked = (tuple(value.items()) if isinstance(value, Mapping) else value for value in of.values())
    return source.db.url, source.run.run_id, source.run.result_hash, counters.city_of(reader), table, by, *asked


@cached(LRUCache(MOST, getsizeof=len), key=_key, condition=threading.Condition())
def _summed(reader: database.Reader, source: Source, table: str, by: Sequence[str], **of: Any) -> pd.DataFrame:
    return cells.summed(reader, source.run.run_id, table, by, **of)
