"""Release strategies published from plans, on both databases: as an import would write them, once, audited, and taken back whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from ordering import database, frames, tables
from ordering.database import planning
from ordering.database import ratings as rated
from ordering.errors import StateError, TrueOrderError
from tests import factories as f
from tests.ordering import test_ratings as rating

AT = datetime(2026, 3, 2, 4, 0)
WEEK = f.week(1)
ARRIVALS = ("2026-02-23", "2026-02-24", "2026-03-05", "2026-04-05")
STRATEGY = tables.contract["release_strategy"]


def caps(*of_levels: int, week: date = WEEK, **more: Any) -> pd.DataFrame:
    rows = [{"brand_id": "B1", "week": week, "star_level": n, "cap": cap} | more for n, cap in enumerate(of_levels, 1)]
    return f.table(frames.RELEASE_STRATEGY, rows)


def held(db: database.Database) -> list[dict[str, Any]]:
    return db.rows(sa.select(STRATEGY).order_by(*STRATEGY.primary_key.columns))


def publish(db: database.Database, rows: pd.DataFrame, *, replace: bool = False, by: str = "Wang", why: str = "week 11") -> int:
    return planning.publish(db, rows, WEEK, replace=replace, by=by, why=why, at=AT)


def load(db: database.Database, rows: pd.DataFrame) -> None:
    database.store(db, {"release_strategy": rows}, folder="city", by="tester", at=AT)


def confirm(db: database.Database, week: date) -> None:
    line = {"order_id": "O1", "brand_id": "B1", "run_id": 1, "week": week, "requested": 3, "allocated": 1, "usable": 3, "weight": 1000,
            "ticket": 0, "reason": "LEVEL", "policy": "uniform", "confirmed_at": AT, "confirmed_by": "Li"}  # fmt: skip
    with db.writing() as tx:
        tx.execute(tables.confirmations.insert().values(line))


def test_what_is_published_is_what_an_import_of_the_same_rows_would_have_given(db: database.Database) -> None:
    rows = pd.concat([caps(0, 1, 3), caps(2, 2, district="D1")], ignore_index=True)
    load(db, rows)
    imported = held(db)
    with db.writing() as tx:
        tx.execute(STRATEGY.delete())
    publish(db, rows.sample(frac=1, random_state=1))
    assert held(db) == imported
    with db.reading() as reader:
        pd.testing.assert_frame_equal(database.read_table(reader, "release_strategy"), frames.conform(frames.RELEASE_STRATEGY, rows))


def test_a_plan_is_audited_and_withdrawn_to_what_stood_before(db: database.Database) -> None:
    load(db, pd.concat([caps(1, 2), caps(4, 4, week=f.week(2))], ignore_index=True))
    before = held(db)
    plan_id = publish(db, caps(0, 1, 3), replace=True)
    assert [row["cap"] for row in held(db) if row["week"] == WEEK] == [0, 1, 3]
    assert [row["cap"] for row in held(db) if row["week"] != WEEK] == [4, 4]
    assert planning.withdraw(db, plan_id, by="Li", why="the plan was wrong", at=AT) == WEEK
    assert held(db) == before
    told = [(row["by"], row["action"], row["subject"]) for row in db.rows(sa.select(tables.audit).order_by(tables.audit.c.audit_id))]
    assert told == [("Wang", "plan.publish", f"plan {plan_id}"), ("Li", "plan.withdraw", f"plan {plan_id}")]
    with pytest.raises(StateError, match=f"plan {plan_id} was taken back already"):
        planning.withdraw(db, plan_id, by="Li", why="again", at=AT)
    again = publish(db, caps(2, 2), replace=True)
    assert again > plan_id
    assert planning.withdraw(db, again, by="Li", why="again", at=AT) == WEEK
    assert held(db) == before


def test_brands_that_a_plan_does_not_name_keep_their_caps(db: database.Database) -> None:
    load(db, pd.concat([caps(1, 2), caps(7, 7, brand_id="B2")], ignore_index=True))
    before = held(db)
    plan_id = publish(db, caps(3, 4, 5), replace=True)
    assert [row["cap"] for row in held(db)] == [3, 4, 5, 7, 7]
    load(db, caps(8, 8, brand_id="B2"))
    planning.withdraw(db, plan_id, by="Li", why="wrong", at=AT)
    assert [row["cap"] for row in held(db)] == [row["cap"] for row in before[:2]] + [8, 8]


def test_a_strategy_is_replaced_only_where_that_is_said_and_nothing_is_confirmed(db: database.Database) -> None:
    load(db, caps(1, 2))
    with pytest.raises(StateError, match=f"week {WEEK} has a release strategy of 2 rows already; --replace takes its place"):
        publish(db, caps(0, 1))
    confirm(db, f.week(2))
    plan_id = publish(db, caps(0, 1), replace=True)
    confirm_here = f"1 lines of week {WEEK} are confirmed, under the strategy they were given"
    with db.writing() as tx:
        tx.execute(tables.confirmations.delete())
    confirm(db, WEEK)
    before = held(db)
    with pytest.raises(StateError, match=confirm_here):
        publish(db, caps(2, 3), replace=True)
    with pytest.raises(StateError, match=confirm_here):
        planning.withdraw(db, plan_id, by="Li", why="too late", at=AT)
    assert held(db) == before


def test_a_plan_that_was_changed_since_is_not_withdrawn_over_the_change(db: database.Database) -> None:
    plan_id = publish(db, caps(0, 1))
    load(db, caps(0, 5))
    with pytest.raises(StateError, match=f"the strategy of week {WEEK} was changed since plan {plan_id}"):
        planning.withdraw(db, plan_id, by="Li", why="wrong", at=AT)
    assert [row["cap"] for row in held(db)] == [0, 5]


def test_who_and_why_must_be_said_and_something_written(db: database.Database) -> None:
    for broken, said in (({"by": " "}, "by: say who"), ({"why": ""}, "why: say in a few words why")):
        with pytest.raises(TrueOrderError, match=said):
            publish(db, caps(0, 1), **broken)
    with pytest.raises(TrueOrderError, match="there is nothing to publish"):
        publish(db, frames.empty(frames.RELEASE_STRATEGY))
    with pytest.raises(StateError, match="there is no plan 7"):
        planning.withdraw(db, 7, by="Li", why="wrong", at=AT)
    assert db.rows(sa.select(tables.strategy_plans)) == []
    assert db.rows(sa.select(tables.audit)) == []


def test_of_two_who_publish_at_the_same_moment_one_is_told_of_the_other(db: database.Database) -> None:
    def attempt(cap: int) -> str:
        try:
            return f"plan {publish(db, caps(0, cap))}"
        except StateError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(attempt, range(1, 5)))
    assert sum(words.startswith("plan") for words in told) == 1
    assert sum("has a release strategy of 2 rows already" in words for words in told) == 3
    assert len(held(db)) == 2
    assert len(db.rows(sa.select(tables.strategy_plans))) == len(db.rows(sa.select(tables.audit))) == 1


def test_a_fault_in_the_middle_leaves_everything_as_it_was(db: database.Database) -> None:
    load(db, caps(1, 2))
    before = held(db)
    wrong = caps(0, 1).assign(cap=[0, None])
    with pytest.raises(Exception, match=r"."):
        publish(db, wrong, replace=True)
    assert held(db) == before
    assert db.rows(sa.select(tables.strategy_plans)) == []


def test_the_first_open_week_is_the_first_without_a_strategy(db: database.Database) -> None:
    assert planning.first_open_week(db, WEEK) == WEEK
    load(db, pd.concat([caps(1, week=f.week(w)) for w in (0, 1, 2, 4)], ignore_index=True))
    assert planning.first_open_week(db, f.week(0)) == f.week(3)


def test_the_calendar_of_a_month_holds_its_own_weeks_and_the_newest_ratings(db: database.Database) -> None:
    stored = {
        "retailers": f.table(frames.RETAILERS, [f.retailer("R1", star_level=4)]),
        "monthly_plan": f.table(frames.MONTHLY_PLAN, [{"brand_id": "B1", "month": m, "volume": 9} for m in ("2026-03", "2026-04")]),
        "arrivals": f.table(frames.ARRIVALS, [{"brand_id": "B1", "arrives_on": on, "quantity": n} for n, on in enumerate(ARRIVALS)]),
        "supply": f.table(frames.SUPPLY, [{"brand_id": "B1", "week": f.week(w), "available": 5} for w in (-1, 0, 4, 5)]),
        "release_strategy": pd.concat([caps(1, 1, 1, 1, 1, 1, week=f.week(w)) for w in (-1, 2)], ignore_index=True),
        "star_levels": f.table(frames.STAR_LEVELS, [{"retailer_id": "R1", "month": m, "star_level": 2} for m in ("2026-01", "2026-02")]),
    }  # fmt: skip
    database.store(db, stored, folder="city", by="tester", at=AT)
    found = planning.read_calendar(db, "2026-03", pd.DatetimeIndex([f.week(w) for w in range(5)]))
    assert (found.monthly_plan["month"].unique().tolist(), found.top_level) == (["2026-03"], 6)
    assert found.arrivals["quantity"].tolist() == [1, 2, 3], "what came on the Tuesday before is there for the first week"
    assert [week.date() for week in found.supply["week"]] == [f.week(0), f.week(4)]
    assert found.release_strategy["week"].dt.date.unique().tolist() == [f.week(2)]
    assert found.star_levels["month"].tolist() == ["2026-02"]


def test_caps_are_planned_on_the_ratings_in_force_and_not_on_those_withdrawn(db: database.Database) -> None:
    def levels(month: str) -> tuple[dict[str, int], int]:
        found = planning.read_calendar(db, month, pd.DatetimeIndex([WEEK]))
        return dict(zip(found.star_levels["retailer_id"], found.star_levels["star_level"], strict=True)), found.top_level

    stored = {
        "retailers": f.table(frames.RETAILERS, [f.retailer(shop, star_level=3) for shop in ("R1", "R2")]),
        "star_levels": f.table(frames.STAR_LEVELS, [{"retailer_id": "R1", "month": m, "star_level": 2} for m in ("2026-01", "2026-02")]),
    }
    database.store(db, stored, folder="city", by="tester", at=AT)
    assert levels("2026-03") == ({"R1": 2}, 3)
    rating.save(db, {"R1": 5, "R2": 4}, month="2026-02")
    newest = rating.save(db, {"R1": 6, "R2": 1}, month="2026-03")
    assert levels("2026-02") == ({"R1": 2, "R2": 4}, 6)
    assert levels("2026-03") == ({"R1": 6, "R2": 1}, 6)
    rated.withdraw(db, newest, by="Li", why="wrong", at=AT)
    assert levels("2026-03") == ({"R1": 2, "R2": 4}, 5)
