"""Deciding again: what-if stores nothing, a shadow is never published, gain takes from nobody, and all of it is undone exactly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import exports, giving_back, nightly, publish, reruns
from jobs.clock import now
from jobs.exports import Source
from ordering import database, tables
from ordering.database import runs as runlog
from ordering.errors import StateError, TrueOrderError
from ordering.model import Policy
from ordering.settings import Settings

LATE = timedelta(days=10_000)


@pytest.fixture
def source(planned_city: database.Database, rules: Settings, tmp_path: Path) -> Source:
    return exports.source(planned_city, rules, tmp_path / "one-history")


@pytest.fixture
def published(city: database.Database, made: tuple[Path, date], rules: Settings, tmp_path: Path) -> Source:
    """The night of the waiting week, published, on each database."""
    nightly.run(city, made[1], rules, history=tmp_path / "history")
    publish.publish(city, rules, history=tmp_path / "history", clock=now() + LATE, by="tester")
    return exports.source(city, rules, tmp_path / "history")


def state(db: database.Database) -> list[list[dict[str, object]]]:
    """All that orders and runs hold."""
    parts = [tables.order_lines, tables.confirmations, tables.runs, *tables.results.values()]
    return [sorted(db.rows(sa.select(table)), key=repr) for table in parts]


def test_what_if_compares_and_stores_nothing(source: Source) -> None:
    before = state(source.db)
    figures, lines = reruns.compare(source, Policy.PROPORTIONAL, {})
    assert state(source.db) == before
    every = figures[figures["star_level"] == 0]
    stored = source.result("allocation")
    assert every["lines"].sum() == len(stored) == len(lines)
    assert every["allocated"].sum() == stored["allocated"].sum()  # the week's first night: levels are solved as they were
    assert every["allocated_then"].sum() == lines["allocated"].sum()
    assert set(lines["policy"].astype("str")) == {"proportional"}
    key = ["order_id", "brand_id"]
    both = stored.merge(lines.astype({"brand_id": "str"}), on=key, validate="1:1")
    assert (both["allocated_x"] != both["allocated_y"]).any()


def test_what_if_there_were_more_or_nothing_of_a_brand(source: Source) -> None:
    lines = source.result("allocation")
    brand = str(lines.loc[lines["allocated"] < lines["usable"], "brand_id"].iloc[0])
    got = {cartons: _of(reruns.compare(source, None, {brand: cartons})[1], brand) for cartons in (0, 10**6)}
    assert got[0]["allocated"].sum() == 0
    assert (got[10**6]["allocated"] == got[10**6]["usable"]).all()
    with pytest.raises(TrueOrderError, match="brand 'nothing' is not among"):
        reruns.compare(source, None, {"nothing": 1})


def _of(lines: pd.DataFrame, brand: str) -> pd.DataFrame:
    return lines[lines["brand_id"].astype("str") == brand]


def test_a_shadow_stands_beside_the_night_and_is_never_taken_for_it(source: Source, rules: Settings, tmp_path: Path) -> None:
    live = source.run.run_id
    run_id = reruns.shadow(source, Policy.TRUE_DEMAND, at=now())
    newest = runlog.newest(source.db)
    assert newest is not None
    assert newest.run_id == live
    assert runlog.done_on(source.db, source.run.business_date) == newest
    beside = exports.source(source.db, rules, tmp_path / "one-history", run_id)
    assert set(beside.result("allocation")["policy"]) == {"true_demand"}
    assert beside.result("fairness")["allocated"].sum() == beside.result("allocation")["allocated"].sum()
    with pytest.raises(StateError, match="nothing is published of it"):
        publish.publish(source.db, rules, history=tmp_path / "one-history", clock=now() + LATE, by="tester", run_id=run_id)
    assert {one.run_id for one in publish.publish(source.db, rules, history=tmp_path / "one-history", clock=now() + LATE, by="t")} == {live}


def lines_of(db: database.Database) -> pd.DataFrame:
    t = tables.order_lines
    rows = db.rows(sa.select(t.c.order_id, t.c.brand_id, t.c.week, t.c.requested, t.c.allocated).where(t.c.allocated.is_not(None)))
    return pd.DataFrame(rows).set_index(["order_id", "brand_id"]).sort_index()


def with_supply(db: database.Database, factor: float) -> None:
    t = tables.contract["supply"]
    with db.writing() as tx:
        tx.execute(t.update().values(available=sa.cast(t.c.available * factor, sa.Integer)))


def test_gain_gives_more_to_some_takes_from_nobody_and_is_undone_exactly(published: Source, made: tuple[Path, date]) -> None:
    with pytest.raises(StateError, match="every line gets what it has"):
        reruns.gain(published, made[1], delivered=None, by="Li", why="nothing came", at=now())
    with_supply(published.db, 2.0)
    before = lines_of(published.db)
    done = reruns.gain(published, made[1], delivered=None, by="Li", why="a second lorry came", at=now())
    after = lines_of(published.db)
    more = after["allocated"] - before["allocated"]
    assert more.min() == 0
    assert more.sum() == done.cartons > 0
    assert (more > 0).sum() == done.lines
    assert (after["allocated"] <= after["requested"]).all()
    giving_back.restore(published.db, published.settings, done.batch_id, by="Li", why="the lorry was not ours", clock=now())
    pd.testing.assert_frame_equal(lines_of(published.db), before)


def test_gain_gives_what_earlier_weeks_left_where_supply_rows_are_arrivals(published: Source, made: tuple[Path, date]) -> None:
    t = tables.contract["supply"]
    with published.db.writing() as tx:
        tx.execute(t.update().where(t.c.week < made[1]).values(available=t.c.available * 2))
    arrivals = published.settings.allocation.model_copy(update={"supply_rows": "arrivals"})
    arriving = replace(published, settings=published.settings.model_copy(update={"allocation": arrivals}))
    done = reruns.gain(arriving, made[1], delivered=None, by="Li", why="the store was full", at=now())
    assert done.cartons > 0
    used = lines_of(published.db).query("week == @made[1]").groupby("brand_id")["allocated"].sum()
    rows = {row["brand_id"]: row["available"] for row in published.db.rows(sa.select(t).where(t.c.week == made[1]))}
    assert any(used.get(brand, 0) > came for brand, came in rows.items()), "what came this week was enough"


def test_redistributing_gives_what_a_first_sharing_of_that_supply_would_have(published: Source, made: tuple[Path, date]) -> None:
    before = lines_of(published.db)
    with_supply(published.db, 0.5)
    done = reruns.redistribute(
        published, made[1], delivered=None, by="Li", why="half of it was damaged", at=now() + LATE + timedelta(minutes=1)
    )
    after = lines_of(published.db)
    assert done.cartons < 0
    ground = reruns.Again.of(published)
    used = after[after["week"] == made[1]].groupby("brand_id")["allocated"].sum()
    supply = ground.known.supply[ground.known.supply["week"] == pd.Timestamp(made[1])].set_index("brand_id")["available"]
    assert (used.reindex(supply.index).fillna(0) <= supply).all()
    with_supply(published.db, 2.0)
    giving_back.restore(published.db, published.settings, done.batch_id, by="Li", why="it was not", clock=now())
    pd.testing.assert_frame_equal(lines_of(published.db), before)


def test_delivered_orders_stay_as_they_are(published: Source, made: tuple[Path, date]) -> None:
    with_supply(published.db, 2.0)
    with pytest.raises(StateError, match="no confirmed line can be decided again"):
        reruns.gain(published, made[1], delivered=made[1] + timedelta(days=6), by="Li", why="too late", at=now())
