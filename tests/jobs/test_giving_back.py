"""Cartons that come back: cancelled orders are no orders any more, a cut is shared by the rule, and both are undone exactly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
import time_machine

from jobs import exports, giving_back, nightly, publish
from ordering import database, frames, tables
from ordering.errors import StateError, TrueOrderError
from ordering.settings import Settings
from tests import factories as f
from tests.jobs.test_cli import trueorder

Made = tuple[Path, date]
CLOCK = datetime(2026, 3, 4, 4, 0)
TUESDAY = f.MONDAY + timedelta(days=1)
SHOPS = range(6)


@pytest.fixture
def confirmed(db: database.Database, rules: Settings, tmp_path: Path) -> database.Database:
    """Six shops asked 10 cartons of each of two brands for Tuesday, and 30 cartons of B1 there were; published."""
    lines = [f.line(f"R{n}", b, 10, None, order_date=TUESDAY) for n in SHOPS for b in ("B1", "B2")]
    past = [f.line(f"R{n}", b, 6, 6, order_date=TUESDAY - timedelta(weeks=w)) for n in SHOPS for b in ("B1", "B2") for w in range(1, 6)]
    city = {
        "retailers": [f.retailer(f"R{n}", star_level=1 + n % 5) for n in SHOPS],
        "brands": [f.brand("B1"), f.brand("B2")],
        "order_lines": lines + past,
        "supply": [{"brand_id": "B1", "week": f.week(n), "available": 30} for n in range(-5, 1)],
    }
    store(db, **city)
    with db.writing() as tx:
        t, done = tables.order_lines, tables.confirmations
        given = {"R0": 2, "R1": 4, "R2": 5, "R3": 7, "R4": 10, "R5": 2}
        for shop, cartons in given.items():
            for brand, allocated in (("B1", cartons), ("B2", 10)):
                same = (t.c.retailer_id == shop, t.c.brand_id == brand, t.c.week == f.MONDAY)
                tx.execute(t.update().where(*same).values(allocated=allocated))
                tx.execute(
                    done.insert().values(
                        order_id=f"O-{shop}-{TUESDAY}", brand_id=brand, run_id=1, week=f.MONDAY, requested=10, allocated=allocated,
                        usable=10, weight=1000 * (1 + int(shop[1]) % 5), ticket=int(shop[1]) * 2**28, level=2.0, reason="LEVEL",
                        policy="uniform", confirmed_at=CLOCK - timedelta(hours=2), confirmed_by="tester",
                    )
                )  # fmt: skip
    return db


def store(db: database.Database, **rows: list[dict[str, Any]]) -> dict[str, database.Stored]:
    found = {name: f.table(frames.CONTRACT[name], given) for name, given in rows.items()}
    return database.store(db, found, folder="city", by="tester", at=CLOCK)


def everything(db: database.Database) -> dict[str, list[str]]:
    """Lines and confirmations, but for the versions of lines."""
    lines = [column for column in tables.order_lines.columns if column.name != "version"]
    rows = {"lines": db.rows(sa.select(*lines)), "confirmed": db.rows(sa.select(tables.confirmations))}
    return {name: sorted(map(repr, found)) for name, found in rows.items()}


def given(db: database.Database, brand: str = "B1") -> dict[str, int]:
    t = tables.order_lines
    rows = db.rows(sa.select(t.c.retailer_id, t.c.allocated).where(t.c.brand_id == brand, t.c.week == f.MONDAY))
    return {row["retailer_id"]: row["allocated"] for row in rows}


def order(shop: int) -> str:
    return f"O-R{shop}-{TUESDAY}"


def cancel(
    db: database.Database, rules: Settings, order_id: str, brand: str | None = None, clock: datetime = CLOCK
) -> giving_back.GivenBack:
    return giving_back.cancel(db, rules, order_id, brand_id=brand, by="Wang", why="not paid", clock=clock)


def restore(db: database.Database, rules: Settings, batch_id: int, clock: datetime = CLOCK) -> tuple[int, int, list[str]]:
    return giving_back.restore(db, rules, batch_id, by="Li", why="paid after all", clock=clock)


def recall(db: database.Database, rules: Settings, available: int, **more: Any) -> giving_back.GivenBack:
    store(db, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": available}])
    options: dict[str, Any] = {"brand_id": "B1", "week": TUESDAY, "delivered": None, "by": "Wang", "why": "a lorry", "clock": CLOCK}
    return giving_back.recall(db, rules, **options | more)


# cancelled


@pytest.mark.parametrize(("brand", "lines", "cartons"), [(None, 2, 17), ("B1", 1, 7)])
def test_a_cancelled_order_is_no_order_and_comes_back_as_it_was(
    confirmed: database.Database, rules: Settings, brand: str | None, lines: int, cartons: int
) -> None:
    before, weeks = everything(confirmed), database.weeks_with_orders(confirmed)
    done = cancel(confirmed, rules, order(3), brand)
    assert (done.lines, done.cartons) == (lines, cartons)
    assert "R3" not in given(confirmed)
    assert ("R3" in given(confirmed, "B2")) == (brand is not None)
    assert len(everything(confirmed)["confirmed"]) == 12 - lines
    assert database.weeks_with_orders(confirmed)[f.MONDAY] != weeks[f.MONDAY]
    restore(confirmed, rules, done.batch_id)
    assert everything(confirmed) == before
    acts = [(row["by"], row["action"]) for row in confirmed.rows(sa.select(tables.audit).order_by(tables.audit.c.audit_id))]
    assert acts == [("Wang", "orders.cancel"), ("Li", "orders.restore")]


def test_importing_the_folder_again_does_not_bring_a_cancelled_order_back(confirmed: database.Database, rules: Settings) -> None:
    cancel(confirmed, rules, order(3))
    before = everything(confirmed)
    again = store(confirmed, order_lines=[f.line("R3", b, 10, None, order_date=TUESDAY) for b in ("B1", "B2")])
    assert (again["order_lines"].new, again["order_lines"].changed, again["order_lines"].same) == (0, 0, 2)
    assert everything(confirmed) == before
    store(confirmed, order_lines=[f.line("R3", "B1", 10, None, order_date=TUESDAY, order_id="NEW")])
    assert "R3" in given(confirmed)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda db, rules: cancel(db, rules, "O99"), "order O99: there is no such line; it was never imported, or is cancelled already"),
        (lambda db, rules: [cancel(db, rules, order(1)), cancel(db, rules, order(1))], "is cancelled already"),
        (lambda db, rules: cancel(db, rules, order(1), clock=CLOCK + timedelta(weeks=3)), "its week of 2026-03-02 is closed; correct it"),
        (lambda db, rules: restore(db, rules, 99), "there is no batch 99; every act tells its number"),
        (lambda db, rules: [restore(db, rules, cancel(db, rules, order(1)).batch_id), restore(db, rules, 1)], "was undone already, by Li"),
        (lambda db, rules: restore(db, rules, restore(db, rules, cancel(db, rules, order(1)).batch_id)[0]), "that cannot be undone"),
        (lambda db, rules: giving_back.cancel(db, rules, order(1), brand_id=None, by="x", why=" ", clock=CLOCK), "why: say in a few words"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_back_is_told_in_words(
    confirmed: database.Database, rules: Settings, act: Callable[[database.Database, Settings], object], message: str
) -> None:
    with pytest.raises(TrueOrderError) as error:
        act(confirmed, rules)
    assert message in str(error.value)


def test_cartons_that_were_given_to_others_since_do_not_come_back(confirmed: database.Database, rules: Settings) -> None:
    done = cancel(confirmed, rules, order(3))
    store(confirmed, order_lines=[f.line("R5", "B1", 5, 5, order_date=TUESDAY, order_id="LATER")])
    before = everything(confirmed)
    with pytest.raises(StateError, match="brand B1: of its 7 cartons only 2 are left of the week's supply"):
        restore(confirmed, rules, done.batch_id)
    assert everything(confirmed) == before


def test_a_retailer_that_was_given_something_since_may_have_used_its_limits(confirmed: database.Database, rules: Settings) -> None:
    done = cancel(confirmed, rules, order(3), "B1")
    t = tables.confirmations
    with confirmed.writing() as tx:
        tx.execute(t.update().where(t.c.order_id == order(3)).values(confirmed_at=CLOCK + timedelta(hours=1)))
    with pytest.raises(StateError, match=f"retailer R3 was given order {order(3)} since, which may rest on the same caps"):
        restore(confirmed, rules, done.batch_id)


def test_a_cancelled_order_is_no_shortage_in_the_rates(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    late = datetime.combine(made[1] + timedelta(days=9), datetime.min.time())
    publish.publish(planned_city, rules, history=tmp_path / "h", clock=late, by="x")
    t = tables.order_lines
    short = planned_city.rows(sa.select(t).where(t.c.week == made[1], t.c.allocated < t.c.requested).limit(1))[0]
    own = planned_city.rows(sa.select(t).where(t.c.order_id == short["order_id"]))

    def asked_and_got() -> tuple[int, int]:
        nightly.run(planned_city, made[1] + timedelta(weeks=1), rules, history=tmp_path / "h")
        found = exports.rates(exports.source(planned_city, rules, tmp_path / "h"), ["period"], "week")
        row = found[found["period"].astype(str) == f"{made[1]:%G-W%V}"]
        row = found.iloc[[-1]] if row.empty else row
        return int(row["requested"].iloc[0]), int(row["allocated"].iloc[0])

    before = asked_and_got()
    cancel(planned_city, rules, short["order_id"], clock=late)
    after = asked_and_got()
    assert (before[0] - after[0], before[1] - after[1]) == (sum(r["requested"] for r in own), sum(r["allocated"] for r in own))


# recalled


@pytest.mark.parametrize("available", [29, 20, 7, 0])
def test_after_a_cut_the_lines_fit_the_supply_and_the_recall_is_undone_exactly(
    confirmed: database.Database, rules: Settings, available: int
) -> None:
    before, had = everything(confirmed), given(confirmed)
    done = recall(confirmed, rules, available)
    kept = given(confirmed)
    assert sum(kept.values()) == available
    assert done.cartons == 30 - available
    assert all(kept[shop] <= had[shop] for shop in had)
    assert given(confirmed, "B2") == dict.fromkeys(had, 10)
    lines, stored = tables.order_lines, tables.confirmations
    same = sa.and_(lines.c.order_id == stored.c.order_id, lines.c.brand_id == stored.c.brand_id)
    both = confirmed.rows(sa.select(lines.c.allocated, stored.c.allocated.label("confirmed"), lines.c.version).join(stored, same))
    assert all(row["allocated"] == row["confirmed"] for row in both)
    assert sum(row["version"] == 2 for row in both) == done.lines
    store(confirmed, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 30}])
    restore(confirmed, rules, done.batch_id)
    assert everything(confirmed) == before
    old = confirmed.rows(sa.select(tables.request_versions).where(tables.request_versions.c.brand_id == "B1"))
    assert len(old) == 2 * done.lines


def test_who_gives_back_hangs_on_the_rule_and_not_on_the_record_order(confirmed: database.Database, rules: Settings) -> None:
    recall(confirmed, rules, 12)
    kept = given(confirmed)
    stars = {f"R{n}": 1 + n % 5 for n in SHOPS}
    had = {"R0": 2, "R1": 4, "R2": 5, "R3": 7, "R4": 10, "R5": 2}
    level = max(kept[shop] / stars[shop] for shop in kept)
    assert all(kept[shop] >= min(had[shop], int(level * stars[shop]) - 1) for shop in kept), kept
    assert sorted(kept.values()) != [0, 0, 0, 1, 4, 7], "the last records gave back"


@pytest.fixture
def arriving(confirmed: database.Database, rules: Settings, tmp_path: Path) -> Settings:
    """Supply rows are arrivals; the last of the five past weeks left 4 cartons of the 40 that came."""
    for n in range(-5, 0):
        store(confirmed, supply=[{"brand_id": "B1", "week": f.week(n), "available": 40 if n == -1 else 36}])
    updates = {
        "allocation": rules.allocation.model_copy(update={"supply_rows": "arrivals"}),
        "database": rules.database.model_copy(update={"history_folder": str(tmp_path / "history")}),
    }
    return rules.model_copy(update=updates)


def test_a_cancelled_line_does_not_keep_the_others_of_a_recall_from_coming_back(confirmed: database.Database, rules: Settings) -> None:
    had = given(confirmed)
    done = recall(confirmed, rules, 12)
    cancel(confirmed, rules, order(4), "B1")
    t = tables.order_lines
    with confirmed.writing() as tx:  # another act gave R3 something else
        tx.execute(t.update().where(t.c.order_id == order(3), t.c.brand_id == "B1").values(allocated=6))
    store(confirmed, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 30}])
    _, lines, others = restore(confirmed, rules, done.batch_id)
    assert sorted(others) == [f"order {order(3)}, brand B1", f"order {order(4)}, brand B1"]
    assert lines == done.lines - 2
    assert given(confirmed) == {shop: cartons for shop, cartons in had.items() if shop != "R4"} | {"R3": 6}
    c = tables.confirmations
    stored = confirmed.rows(sa.select(c.c.allocated).where(c.c.order_id == order(3), c.c.brand_id == "B1"))[0]["allocated"]
    assert stored < had["R3"], "the confirmation of a line that stays as it is"


def test_where_no_line_of_a_recall_stands_there_is_nothing_to_restore(confirmed: database.Database, rules: Settings) -> None:
    done = recall(confirmed, rules, 29)
    for row in confirmed.rows(sa.select(tables.recalled_lines)):
        cancel(confirmed, rules, row["order_id"])
    with pytest.raises(StateError, match="each of its lines was cancelled or changed since"):
        restore(confirmed, rules, done.batch_id)


def test_a_recalled_line_does_not_come_back_beside_later_ones_that_used_its_cap(confirmed: database.Database, rules: Settings) -> None:
    """Of a cap of 10, R4 had 10, keeps less, and is given the rest on Friday."""
    done = recall(confirmed, rules, 12)
    store(confirmed, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 99}])
    friday = f.line("R4", "B1", 4, 4, order_date=f.MONDAY + timedelta(days=4), order_id="LATER")
    store(confirmed, order_lines=[friday])
    t = tables.confirmations
    with confirmed.writing() as tx:
        row = dict(tx.execute(sa.select(t).where(t.c.order_id == order(4), t.c.brand_id == "B1")).mappings().one())
        later = {"order_id": "LATER", "requested": 4, "allocated": 4, "usable": 4, "confirmed_at": CLOCK + timedelta(days=2)}
        tx.execute(t.insert().values(row | later))
    before = everything(confirmed)
    with pytest.raises(StateError, match="retailer R4 was given order LATER since, which may rest on the same caps"):
        restore(confirmed, rules, done.batch_id)
    assert everything(confirmed) == before


def test_what_earlier_weeks_left_is_there_for_a_recall_and_its_undoing(confirmed: database.Database, arriving: Settings) -> None:
    with pytest.raises(StateError, match="the supply covers what was confirmed"):
        recall(confirmed, arriving, 26)
    before = everything(confirmed)
    done = recall(confirmed, arriving, 20)
    assert (done.cartons, sum(given(confirmed).values())) == (6, 24)
    store(confirmed, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 25}])
    with pytest.raises(StateError, match="6 cartons again, and the supply leaves 5"):
        restore(confirmed, arriving, done.batch_id)
    store(confirmed, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 26}])
    restore(confirmed, arriving, done.batch_id)
    assert everything(confirmed) == before
    cancelled = cancel(confirmed, arriving, order(3), "B1")
    restore(confirmed, arriving, cancelled.batch_id)
    assert everything(confirmed) == before


def test_two_licences_of_an_owner_give_back_as_one(confirmed: database.Database, rules: Settings) -> None:
    t = tables.confirmations
    with confirmed.writing() as tx:
        tx.execute(t.update().values(weight=3000))
    apart = recall(confirmed, rules, 9)
    alone = given(confirmed)
    store(confirmed, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 30}])
    restore(confirmed, rules, apart.batch_id)
    store(confirmed, retailers=[f.retailer(f"R{n}", star_level=1 + n % 5, licence_group="G" * (n in (3, 4))) for n in SHOPS])
    recall(confirmed, rules, 9)
    together = given(confirmed)
    assert together["R3"] + together["R4"] <= 3 < alone["R3"] + alone["R4"]
    assert together["R4"] >= together["R3"], "R4 has five stars, R3 four"


def test_delivered_orders_stay_and_what_is_still_missing_is_told(confirmed: database.Database, rules: Settings) -> None:
    with pytest.raises(StateError, match="18 cartons too many were confirmed, and all of them are delivered"):
        recall(confirmed, rules, 12, delivered=TUESDAY)
    assert sum(given(confirmed).values()) == 30
    done = recall(confirmed, rules, 12, delivered=f.MONDAY)
    assert (done.cartons, done.missing) == (18, 0)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda db, rules: recall(db, rules, 30), "the supply covers what was confirmed; import the smaller supply first"),
        (lambda db, rules: recall(db, rules, 9, brand_id="B2"), "brand B2, week 2026-03-02: the supply covers what was confirmed"),
        (lambda db, rules: recall(db, rules, 9, clock=CLOCK + timedelta(weeks=3)), "week 2026-03-02: this week is closed; correct it"),
        (lambda db, rules: recall(db, rules, 9, brand_id="B9"), "brand B9, week 2026-03-02: nothing was confirmed here"),
        (lambda db, rules: restore(db, rules, recall(db, rules, 9).batch_id), "would have 21 cartons again, and the supply leaves 0"),
    ],
)  # fmt: skip
def test_a_recall_that_makes_no_sense_is_told_in_words(
    confirmed: database.Database, rules: Settings, act: Callable[[database.Database, Settings], object], message: str
) -> None:
    with pytest.raises(StateError) as error:
        act(confirmed, rules)
    assert message in str(error.value)


def test_cancelling_recalling_and_restoring_by_command(confirmed: database.Database, tmp_path: Path) -> None:
    url = confirmed.url.render_as_string(hide_password=False)

    def say(*words: object) -> str:
        ran = trueorder(*words, "--by", "Wang", "--why", "x", cwd=tmp_path, url=url)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    with time_machine.travel(CLOCK, tick=False):
        assert "batch 1: 1 lines of order O-R3-2026-03-03 cancelled, 7 cartons given back" in say("cancel", order(3), "--brand", "B1")
        assert "batch 2: 1 lines of batch 1 are what they were before" in say("restore", 1)
        store(confirmed, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 20}])
        assert "give back 10 cartons" in say("recall", "--brand", "B1", "--week", "2026-03-02", "--delivered", "2026-03-02")
    assert pd.Series(given(confirmed)).sum() == 20
