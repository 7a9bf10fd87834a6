"""F4 in short, on both databases; and a desk without the lock, which must fail it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ordering import tables
from tests import factories as f
from tests.faults import f04_oversell as f04
from tests.web.desks import RULES
from web.desk import Desk


@dataclass(frozen=True)
class Place:
    url: str
    folder: Path
    seed: int


def test_a_desk_that_reads_decides_and_writes_without_a_lock_oversells(url: str, tmp_path: Path) -> None:
    """The control."""
    db = f04.prepare(url)
    trial = replace(f04.drawn(4, 10), limits={("supply", "B1"): 10}, threshold=2**34)
    f04.reset(db, trial)
    shops = [f"R{n:02}" for n in range(10)]
    desk, together = Desk(db, RULES, history=tmp_path / "h"), threading.Barrier(len(shops))
    desk.sheet("R00", now=f04.NOON)
    with ThreadPoolExecutor(len(shops)) as pool:
        list(pool.map(lambda shop: f04.naive(desk, (shop, {"B1": 3}, shop), together), shops))
    t = tables.order_lines
    given = db.rows(sa.select(sa.func.sum(t.c.allocated).label("n")).where(t.c.week == f.MONDAY))[0]["n"]
    assert given > 10
    with pytest.raises(AssertionError, match="were given"):
        f04.audit(db, trial, [])
