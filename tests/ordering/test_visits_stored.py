"""Visits and counts on both databases: only added, closed once, audited without what was noted, and read by the list and the next night."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ordering import database, frames, settings, snapshot, tables, visits
from ordering.database import counts, runs, visit_facts
from ordering.database import visits as stored
from ordering.database.lookups import SHOPS
from ordering.errors import StateError, TrueOrderError
from ordering.gaps import GAPS
from ordering.visits import Facts
from tests import factories as f

TODAY = f.MONDAY + timedelta(days=1)
AT = datetime(2026, 3, 3, 4, 0)
RULES = settings.load().visits
LAST = f.week(-1)
CELL = dict.fromkeys(c.name for c in frames.RESULTS["retailer_cells"].columns) | {
    "star_level": 3, "requested": 10, "allocated": 4, "lines": 2, "lines_filled": 1, "lines_unserved": 1, "demand": 5.0, "met": 4.0,
    "demand_window": 8.0, **dict.fromkeys(GAPS, 0.0),
}  # fmt: skip


@pytest.fixture
def city(db: database.Database) -> database.Database:
    """R1 and R2 of M1, R3 of M2, and R4, which is closed; they ordered two brands last week, and a night looked at it."""
    shops = [f.retailer("R1"), f.retailer("R2"), f.retailer("R3", account_manager="M2"), f.retailer("R4", active_to=f.week(-2))]
    found = {
        "retailers": shops, "brands": [f.brand("B1"), f.brand("B2")],
        "order_lines": [f.line(r, b) for r in ("R1", "R3") for b in ("B1", "B2")],
        "star_levels": [{"retailer_id": "R1", "month": m, "star_level": s} for m, s in (("2026-02", 3), ("2026-03", 4))],
        "stock_counts": [{"retailer_id": "R1", "brand_id": "B1", "counted_on": f.week(-1), "stock": 5}],
    }  # fmt: skip
    database.store(db, {n: f.table(frames.CONTRACT[n], rows) for n, rows in found.items()}, folder="city", by="tester", at=AT)
    with db.writing() as tx:
        tx.execute(
            tables.runs.insert().values(
                run_id=1, job="nightly", business_date=f.MONDAY, status="done", version="1", started_at=AT, detailed=True
            )
        )
        tx.execute(tables.results["retailer_cells"].insert(), [
            CELL | {"run_id": 1, "retailer_id": r, "week": w} for r in ("R1", "R3") for w in (f.week(-1), f.week(-4), f.week(-5))
        ])  # fmt: skip
        more = dict.fromkeys(frames.SUGGESTIONS.names)
        shelf = {"run_id": 1, "counted": 5, "since": f.week(-1), "demand": 4.0}
        tx.execute(tables.results["suggestions"].insert(), [
            more | f.suggestion("R1", "B1", stock=0.5) | shelf, more | f.suggestion("R1", "B2", stock=60.0) | shelf,
            more | f.suggestion("R2", "B1") | {"run_id": 1},
        ])  # fmt: skip
        flag = {"run_id": 1, "requested": 30, "expected": 4.0, "score": 0.9, "flagged": True, "reason": "far_above_need"}
        tx.execute(tables.results["inflated"].insert(), [
            flag | {"order_id": f"O-R1-{day}", "brand_id": b, "retailer_id": "R1", "order_date": day}
            for b in ("B1", "B2") for day in (LAST, f.week(-9))
        ])  # fmt: skip
    return db


def facts(db: database.Database, manager: str = "M1", today: date = TODAY) -> dict[str, Facts]:
    run = runs.newest(db)
    assert run
    found = visit_facts.read(db, run, SHOPS.c.account_manager == manager, rules=RULES, today=today)
    return {shop["retailer_id"]: known for shop, known in found}


def write(db: database.Database, retailer_id: str = "R1", **more: Any) -> int:
    said = {"note": "张三私密", "on": TODAY, "follow_up_on": None, "settles": False, "by": "Wang", "today": TODAY, "at": AT} | more
    return stored.write(db, retailer_id, **said)


def audited(db: database.Database) -> list[tuple[str, str, str]]:
    return [(row["action"], row["subject"], row["detail"]) for row in db.rows(sa.select(tables.audit).order_by(tables.audit.c.audit_id))]


def test_what_is_known_is_of_the_weeks_the_shops_and_the_night_that_are_meant(city: database.Database) -> None:
    found = facts(city)
    assert list(found) == ["R1", "R2"], "neither another manager's nor one that is closed"
    one = found["R1"]
    assert (one.requested, one.allocated, one.demand, one.met) == (20, 8, 16.0, 8.0), "two cells of the newest four weeks"
    assert (one.ordered_on, one.missed) == (f.MONDAY - timedelta(days=6), 0)
    assert (one.counted, one.sold_out, round(one.stock, 1)) == (2, ("牌B1",), 60.5)
    assert one.sales == pytest.approx(8.0 * 365.25 / 84)
    assert one.unanswered == 2, "two of the newest weeks, and two that are older"
    assert (one.level_before, one.level, one.since) == (3, 4, f.MONDAY)
    assert (one.visited_on, one.follow_up_on) == (None, None)
    two = found["R2"]
    assert (two.requested, two.counted, two.level, two.ordered_on) == (0, 0, None, None)
    assert two.missed == 12, "it never ordered in the weeks that are looked at"
    assert facts(city, "M2")["R3"].sold_out == ()


def test_one_retailer_is_known_as_it_is_among_all(city: database.Database) -> None:
    run = runs.newest(city)
    assert run
    assert visit_facts.one(city, run, "R1", rules=RULES, today=TODAY) == facts(city)["R1"]
    assert visit_facts.one(city, run, "R4", rules=RULES, today=TODAY) is None


def test_a_flag_that_was_answered_waits_no_more_until_the_answer_is_taken_back(city: database.Database) -> None:
    from ordering.answers import Answer, Verdict
    from ordering.database import answers

    said = Answer(Verdict.MISTAKEN, "estimate_wrong", "the till was down")
    number = answers.give(city, said, order_id=f"O-R1-{LAST}", brand_id="B1", run_id=1, by="Wang", on=TODAY, at=AT)
    assert facts(city)["R1"].unanswered == 1
    answers.withdraw(city, number, by="Wang", why="a slip", on=TODAY, at=AT)
    assert facts(city)["R1"].unanswered == 2


def test_a_visit_is_kept_with_who_and_when_and_the_audit_does_not_hold_the_note(city: database.Database) -> None:
    visit_id = write(city, follow_up_on=TODAY + timedelta(days=7))
    (row,) = stored.of_retailer(city, "R1", limit=9)
    assert (row["visit_id"], row["note"], row["visited_by"], row["visited_on"], row["written_at"]) == (
        visit_id,
        "张三私密",
        "Wang",
        TODAY,
        AT,
    )
    assert row["open"]
    assert audited(city) == [("visits.write", "retailer R1", f"visit {visit_id} of {TODAY}, follow-up on {TODAY + timedelta(days=7)}")]
    assert (facts(city)["R1"].visited_on, facts(city)["R1"].follow_up_on) == (TODAY, TODAY + timedelta(days=7))
    assert stored.of_retailer(city, "R2", limit=9) == []


def test_a_follow_up_is_closed_once_by_its_own_shop_and_stays_on_record(city: database.Database) -> None:
    visit_id = write(city, follow_up_on=TODAY + timedelta(days=7))
    with pytest.raises(StateError, match="no open follow-up"):
        stored.close(city, "R2", visit_id, by="Li", on=TODAY, at=AT)
    stored.close(city, "R1", visit_id, by="Li", on=TODAY, at=AT)
    with pytest.raises(StateError, match="closed already"):
        stored.close(city, "R1", visit_id, by="Li", on=TODAY, at=AT)
    (row,) = stored.of_retailer(city, "R1", limit=9)
    assert (row["closed_on"], row["closed_by"], row["open"], row["note"]) == (TODAY, "Li", False, "张三私密")
    assert facts(city)["R1"].follow_up_on is None
    assert [action for action, *_ in audited(city)] == ["visits.write", "visits.close"]


def test_a_visit_may_settle_what_was_open_and_opens_its_own(city: database.Database) -> None:
    write(city, on=TODAY - timedelta(days=3), follow_up_on=TODAY)
    write(city, "R2", on=TODAY - timedelta(days=3), follow_up_on=TODAY)
    write(city, settles=True, follow_up_on=TODAY + timedelta(days=9))
    assert [row["open"] for row in stored.of_retailer(city, "R1", limit=9)] == [True, False]
    assert facts(city)["R1"].follow_up_on == TODAY + timedelta(days=9)
    assert facts(city)["R2"].follow_up_on == TODAY, "another shop's stays open"


def test_a_visit_that_is_sent_twice_is_kept_once(city: database.Database) -> None:
    visit_id = write(city, follow_up_on=TODAY + timedelta(days=7))
    assert write(city, follow_up_on=TODAY + timedelta(days=7), settles=True) == visit_id
    assert stored.of_retailer(city, "R1", limit=9)[0]["open"], "what settles others does not settle itself"
    assert len({visit_id, write(city), write(city, on=TODAY - timedelta(days=1)), write(city, "R2")}) == 4
    assert stored.count(city, "R1") == 3


def test_a_visit_that_does_not_hold_together_is_not_kept(city: database.Database) -> None:
    for more in ({"note": " "}, {"on": TODAY + timedelta(days=1)}, {"follow_up_on": TODAY}):
        with pytest.raises(TrueOrderError):
            write(city, **more)
    assert stored.count(city, "R1") == 0
    assert audited(city) == []


def test_a_visit_takes_its_shop_off_the_list_of_the_day_alone(city: database.Database) -> None:
    def listed(today: date) -> list[str]:
        return [one.retailer_id for one in visits.ranked(facts(city, today=today).values(), RULES, today)]

    assert listed(TODAY) == ["R2", "R1"], "who never ordered comes first"
    write(city)
    assert listed(TODAY) == ["R2"]
    assert sorted(listed(TODAY + timedelta(days=1))) == ["R1", "R2"]


def test_a_count_is_read_by_nights_of_later_days_and_what_it_replaced_is_in_the_audit(city: database.Database, tmp_path: Path) -> None:
    said = {"on": TODAY, "by": "Wang", "today": TODAY, "at": AT}
    counts.write(city, "R1", {"B1": 7, "B2": 0}, **said)
    counts.write(city, "R1", {"B1": 9, "B2": 0}, **said)
    assert {brand: row["stock"] for brand, row in counts.latest(city, "R1").items()} == {"B1": 9, "B2": 0}
    assert audited(city) == [
        ("counts.write", "retailer R1", f"2 brands on {TODAY}"), ("counts.write", "retailer R1", f"2 brands on {TODAY}; B1: 7 became 9"),
    ]  # fmt: skip

    def known(night: date) -> list[tuple[str, int]]:
        rows = snapshot.read_week(city, night, weeks=20, horizon=0, history_folder=tmp_path)[0].stock_counts
        return sorted(zip(rows["brand_id"].astype("str"), rows["stock"], strict=True))

    assert known(TODAY) == [("B1", 5)], "the control: a night of the same day does not"
    assert known(TODAY + timedelta(days=1)) == [("B1", 5), ("B1", 9), ("B2", 0)]


def test_what_is_no_count_is_not_kept(city: database.Database) -> None:
    for said, on in (({"B9": 1}, TODAY), ({"B1": -1}, TODAY), ({"B1": 1}, TODAY + timedelta(days=1)), ({}, TODAY)):
        with pytest.raises(TrueOrderError):
            counts.write(city, "R1", said, on=on, by="Wang", today=TODAY, at=AT)
    assert set(counts.latest(city, "R1")) == {"B1"}
    assert audited(city) == []
