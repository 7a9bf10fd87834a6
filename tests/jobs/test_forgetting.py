"""Nights after a shop's personal data were deleted: they read, plan and publish as before, and for everybody else the same."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from jobs import exports, nightly
from jobs.clock import now
from ordering import database, frames, tables
from ordering.database import privacy
from ordering.database import runs as runlog
from ordering.settings import Settings


def night(db: database.Database, day: date, rules: Settings, place: Path) -> dict[str, pd.DataFrame]:
    """The results of a night of `day`, by name."""
    nightly.run(db, day, rules, history=place / "one-history")
    run = runlog.newest(db)
    assert run is not None
    assert run.business_date == day
    with db.reading() as reader:
        return {name: runlog.read_result(reader, run.run_id, name) for name in frames.RESULTS}


def test_a_night_after_a_deletion_is_the_night_it_would_have_been(
    planned: Path, made: tuple[Path, date], rules: Settings, tmp_path: Path
) -> None:
    found = {}
    for name in ("as it was", "deleted"):
        place = Path(shutil.copytree(planned, tmp_path / name))
        db = database.connect(f"sqlite:///{place / 'one.db'}")
        shop = db.rows(sa.select(tables.results["inflated"].c.retailer_id).where(tables.results["inflated"].c.flagged).limit(1))[0][
            "retailer_id"
        ]
        if name == "deleted":
            privacy.forget(db, shop, by="Li", why="at its wish", at=now())
            source = exports.source(db, rules, place / "one-history", None)
            for what in exports.COLUMNS:
                if what not in ("forecast", "demand"):
                    exports.export(source, what, tmp_path / f"{what}.csv", by=["brand"], period="month", weeks=4)
            assert not source.result("inflated", retailer_id=shop)["flagged"].any()
        found[name] = night(db, made[1] + timedelta(days=1), rules, place)
        db.engine.dispose()
    for result, plain in found["as it was"].items():
        pd.testing.assert_frame_equal(found["deleted"][result], plain)
