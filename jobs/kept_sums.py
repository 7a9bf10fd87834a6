"""Sums of a run's cells, remembered in the process: a run's cells never change, and in a large city it takes seconds to add two years up.

They are looked up by the run and by the version of the city, whose districts and managers they are by; so each process of the web may
remember its own. What is by retailer is not remembered: it is large, and a retailer's number may be forgotten.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from jobs.exports import Source
from ordering import database
from ordering.accounts import Territory
from ordering.database import cells, counters

MOST = 200_000
"""Rows that are remembered in all."""
_kept: OrderedDict[tuple[object, ...], pd.DataFrame] = OrderedDict()
_lock = threading.Lock()


def read(
    reader: database.Reader, source: Source, table: str, by: Sequence[str] = (), *, within: Mapping[str, str | int] | None = None,
    territory: Territory | None = None, first: date | None = None, last: date | None = None, weekly: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """`cells.summed` of a run; the frame may be another's too, and is not to be changed."""
    run = source.run
    own = (tuple((within or {}).items()), None if territory is None else tuple(territory.items()))
    key = (source.db.url, run.run_id, run.result_hash, counters.city_of(reader), table, tuple(by), first, last, weekly, *own)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = cells.summed(
        reader, run.run_id, table, by, within=within, territory=territory, first=first, last=last, weekly=weekly
    )  # fmt: skip
    if "retailer" not in by:
        _keep(key, found)
    return found


def _keep(key: tuple[object, ...], found: pd.DataFrame) -> None:
    with _lock:
        _kept[key] = found
        while len(_kept) > 1 and sum(map(len, _kept.values())) > MOST:
            _kept.popitem(last=False)
