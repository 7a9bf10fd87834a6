"""What is told when something becomes true: in its transaction, to those whom it concerns, once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import nightly, telling
from ordering import database, frames, tables
from ordering.database import outbox, planning
from ordering.notices import MANAGERS, RETAILERS
from ordering.settings import Settings
from tests import factories as f
from tests.jobs.deliveries import AT, CITY
from tests.jobs.test_publish import late, run_publish

Made = tuple[Path, date]
NOTICES, READERS = tables.notices, tables.notice_readers


def kinds(db: database.Database) -> list[str]:
    return [row["kind"] for row in db.rows(sa.select(NOTICES.c.kind).order_by(NOTICES.c.notice_id))]


def readers(db: database.Database, kind: str) -> list[set[str]]:
    ids = [row["notice_id"] for row in db.rows(sa.select(NOTICES.c.notice_id).where(NOTICES.c.kind == kind).order_by(NOTICES.c.notice_id))]
    return [{row["reader"] for row in db.rows(sa.select(READERS).where(READERS.c.notice_id == one))} for one in ids]


def test_a_published_strategy_is_told_to_the_shops_of_its_week_and_so_is_its_withdrawal(db: database.Database) -> None:
    shops = [f.retailer("R1"), f.retailer("R2", active_to=f.week(1) - timedelta(days=1)), f.retailer("R3", active_from=f.week(2))]
    caps = f.table(frames.RELEASE_STRATEGY, [{"brand_id": "B1", "week": f.week(1), "star_level": 3, "cap": 4}])
    tables_of = {"retailers": _shops(shops), "brands": f.table(frames.BRANDS, CITY["brands"])}
    database.store(db, tables_of, folder="city", by="tester", at=AT)
    plan_id = planning.publish(db, caps, f.week(1), replace=False, by="Wang", why="x", at=AT)
    assert (kinds(db), readers(db, "strategy_published")) == (["strategy_published"], [{"R1"}])
    planning.withdraw(db, plan_id, by="Wang", why="x", at=AT)
    assert (kinds(db)[1:], readers(db, "strategy_withdrawn")) == (["strategy_withdrawn"], [{"R1"}])
    assert [one.kind for one in outbox.of_reader(db, RETAILERS, "R1")] == ["strategy_withdrawn", "strategy_published"]
    assert outbox.of_reader(db, RETAILERS, "R3") == []


def _shops(rows: list[dict[str, Any]]) -> pd.DataFrame:
    dated = pd.DataFrame([{"active_from": None, "active_to": None} | row for row in rows])
    for column in ("active_from", "active_to"):
        dated[column] = pd.to_datetime(dated[column]).dt.as_unit("us")
    return frames.conform(frames.RETAILERS, dated)


def test_a_strategy_that_is_not_stored_is_not_told(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database.store(db, {"retailers": f.table(frames.RETAILERS, CITY["retailers"])}, folder="city", by="tester", at=AT)
    caps = f.table(frames.RELEASE_STRATEGY, [{"brand_id": "B1", "week": f.week(1), "star_level": 3, "cap": 4}])
    monkeypatch.setattr(planning, "_put", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        planning.publish(db, caps, f.week(1), replace=False, by="Wang", why="x", at=AT)
    assert kinds(db) == []


def test_a_night_tells_managers_once_and_publishing_tells_the_shops_of_each_day(
    city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    monday = made[1]
    on = monday + timedelta(days=3)
    brand = city.rows(sa.select(tables.contract["brands"].c.brand_id).order_by("brand_id"))[0]["brand_id"]
    caps = [{"brand_id": brand, "week": monday, "star_level": level, "cap": 0 if level < 3 else 5} for level in range(1, 6)]
    table = tables.contract["release_strategy"]
    with city.writing() as tx:
        tx.execute(table.delete().where(table.c.brand_id == brand, table.c.week == monday))
        blank = dict.fromkeys(("district", "area_type", "business_format", "street"), "")
        tx.execute(table.insert(), [row | blank for row in caps])
        arrivals = tables.contract["arrivals"]
        tx.execute(arrivals.delete())
        tx.execute(arrivals.insert(), [{"brand_id": brand, "arrives_on": day, "quantity": 500} for day in (on, monday - timedelta(days=1))])
    run = nightly.run(city, monday, rules, history=tmp_path / "h")
    levels = _levels(city, monday)
    assert readers(city, "brand_arriving") == [{shop for shop, level in levels.items() if level >= 3}]
    assert kinds(city).count("night_ready") == 1
    nightly.run(city, monday, rules, history=tmp_path / "h")
    assert kinds(city).count("night_ready") == kinds(city).count("brand_arriving") == 1
    assert outbox.of_reader(city, MANAGERS, "anybody")[-1].payload["run_id"] == run.run_id
    _published(city, monday, rules, tmp_path)


def _levels(db: database.Database, monday: date) -> dict[str, int]:
    own = {row["retailer_id"]: row["star_level"] for row in db.rows(sa.select(tables.contract["retailers"]))}
    rated = tables.contract["star_levels"]
    month = f"{monday:%Y-%m}"
    return own | {row["retailer_id"]: row["star_level"] for row in db.rows(sa.select(rated).where(rated.c.month == month))}


def _published(db: database.Database, monday: date, rules: Settings, tmp_path: Path) -> None:
    t = tables.order_lines
    waiting = db.rows(sa.select(t.c.order_date, t.c.retailer_id).where(t.c.week == monday, t.c.allocated.is_(None)).distinct())
    run_publish(db, rules, tmp_path / "h", late(monday))
    days = sorted({row["order_date"] for row in waiting})
    expected = [{row["retailer_id"] for row in waiting if row["order_date"] == day} for day in days]
    assert readers(db, "allocation_ready") == expected
    run_publish(db, rules, tmp_path / "h", late(monday))
    assert readers(db, "allocation_ready") == expected


def test_managers_of_flagged_waiting_lines_are_told_how_many(db: database.Database) -> None:
    from ordering.database import telling as kept

    shops = [f.retailer("R1"), f.retailer("R2", account_manager="M2"), f.retailer("R3", account_manager="M3")]
    database.store(db, {"retailers": f.table(frames.RETAILERS, shops)}, folder="city", by="tester", at=AT)
    flags = tables.results["inflated"]
    row = {"run_id": 1, "brand_id": "B1", "requested": 9, "expected": 2.0, "score": 0.95, "reason": "far_above_need"}
    rows = [("R1", True, 0), ("R1", True, 1), ("R2", False, 0), ("R3", True, -1)]
    with db.writing() as tx:
        for number, (shop, flagged, days) in enumerate(rows):
            on = f.MONDAY + timedelta(days=days)
            given = row | {"order_id": f"O{number}", "retailer_id": shop, "order_date": on, "flagged": flagged}
            tx.execute(flags.insert().values({key: value for key, value in given.items() if key in flags.c}))
        kept.of_night(tx, 1, business_date=f.MONDAY, problems=0, offered=lambda *_: [], days=7, at=AT)
    assert (kinds(db), readers(db, "flags_to_look_at")) == (["night_ready", "flags_to_look_at"], [{"M1"}])
    told = outbox.of_reader(db, MANAGERS, "M1")[0]
    assert (told.payload["flagged"], told.payload["by_manager"]) == (2, {"M1": 2})


def test_a_brand_is_offered_to_whom_the_narrowest_cap_allows() -> None:
    shops = [
        f.retailer("R1"),
        f.retailer("R2", district="D2"),
        f.retailer("R3", star_level=1),
        f.retailer("R4", active_to=f.week(-1)),
    ]
    caps = [
        {"brand_id": "B1", "week": f.week(0), "star_level": 3, "cap": 5},
        {"brand_id": "B1", "week": f.week(0), "star_level": 3, "district": "D2", "cap": 0},
        {"brand_id": "B1", "week": f.week(0), "star_level": 1, "cap": 0},
    ]
    known = f.snapshot(
        retailers=[{"active_to": None} | shop for shop in shops], brands=[f.brand("B1"), f.brand("B2")], release_strategy=caps
    )
    assert telling.offered(known, "B1", f.week(0)) == ["R1"]
    assert telling.offered(known, "B1", f.week(1)) == []
    assert telling.offered(known, "B2", f.week(0)) == []
    assert telling.offered(known, "gone", f.week(0)) == []
