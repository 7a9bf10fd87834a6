"""Decisions on both databases: undone exactly, frozen at the cut-off, never lost to a colleague, and outliving the night."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as told
from hypothesis import strategies as st

from ordering import database, frames, tables
from ordering.database import forecasts, line_acts, pair_weeks, ratings, review_lines, reviews
from ordering.database import runs as runlog
from ordering.errors import StateError, TrueOrderError
from ordering.model import Decision
from ordering.review import Filter
from tests import factories as f
from tests.examples import examples
from tests.ordering import review_desk as desk
from tests.ordering import test_ratings as rating
from tests.ordering.review_desk import AT, CLOSED, decide, undo

TUESDAY = f.MONDAY + timedelta(days=1)


@pytest.fixture
def reviewed(db: database.Database) -> database.Database:
    """Four shops, two brands, and a night that suggests 10 cartons of each."""
    desk.city(db)
    desk.plain_night(db)
    return db


def decisions(db: database.Database) -> dict[tuple[str, str], tuple[str, int | None, bool]]:
    t = tables.suggestion_decisions
    return {(r["retailer_id"], r["brand_id"]): (r["decision"], r["decided_qty"], r["pending"]) for r in db.rows(sa.select(t))}


def test_accepting_by_filter_stores_every_line_with_its_act_and_one_audit(reviewed: database.Database) -> None:
    done = decide(reviewed, Filter(manager="M1"))
    assert (done.lines, done.pending) == (4, 0)
    assert decisions(reviewed) == {(f"R{r}", f"B{b}"): ("accepted", 10, False) for r in (1, 3) for b in (0, 1)}
    assert desk.audited(reviewed) == [("Wang", "review.decide", f"batch {done.batch_id}", "4 lines; run 1; 0 pending")]
    lines = desk.read(reviewed, Filter(manager="M1"))
    assert set(lines["decided_by"]) == {"Wang"}
    assert (lines["version"] == 1).all()
    assert (lines["basis_qty"] == lines["suggested"]).all()


# undone exactly


Acts = list[tuple[str, int, int, int]]
ACTS = st.lists(
    st.tuples(st.sampled_from(["accept", "adjust", "reject", "approve", "undo"]), st.integers(0, 3), st.integers(0, 2), st.integers(0, 90)),
    max_size=9,
)


def act(db: database.Database, what: str, retailer: int, brand: int, quantity: int, batches: list[int]) -> int | None:
    """One act of a random sequence, on one shop or all, one brand or both; None where it was refused."""
    of = Filter(retailer=f"R{retailer}" if retailer < 3 else None, brand=f"B{brand}" if brand < 2 else None)
    try:
        if what == "undo":
            return undo(db, batches[quantity % len(batches)]).batch_id if batches else None
        if what == "approve":
            return desk.approve(db, batches[quantity % len(batches)]).batch_id if batches else None
        ways = {"accept": Decision.ACCEPTED, "adjust": Decision.ADJUSTED, "reject": Decision.REJECTED}
        return decide(db, of, ways[what], quantity=quantity).batch_id
    except StateError:
        return None


@given(acts=ACTS)
@told(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_was_done_undoing_every_act_backwards_leaves_what_was_before_each(reviewed: database.Database, acts: Acts) -> None:
    desk.wiped(reviewed)
    batches: list[int] = []
    before: list[tuple[int, list[Any]]] = []
    for what, retailer, brand, quantity in acts:
        if what == "undo":
            continue
        standing, moved = desk.stored(reviewed), desk.versions(reviewed)
        batch_id = act(reviewed, what, retailer, brand, quantity, batches)
        if batch_id is None:
            assert (desk.stored(reviewed), desk.versions(reviewed)) == (standing, moved), "an act that was refused wrote"
            continue
        batches.append(batch_id)
        before.append((batch_id, standing))
    for batch_id, standing in reversed(before):
        moved = desk.versions(reviewed)
        undo(reviewed, batch_id)
        assert desk.stored(reviewed) == standing
        after = desk.versions(reviewed)
        assert all(after[key] >= version for key, version in moved.items())
        assert any(after[key] > version for key, version in moved.items())
    assert desk.stored(reviewed) == []
    assert len(desk.audited(reviewed)) == 2 * len(before)


@given(acts=ACTS)
@told(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undoing_in_any_order_agrees_with_a_stack_of_states_for_each_line(reviewed: database.Database, acts: Acts) -> None:
    """The model: a line's states on a stack, each with its act. An act can be undone where it is on top of all its lines."""
    desk.wiped(reviewed)
    stacks: dict[tuple[str, str], list[tuple[int, Any]]] = {(f"R{r}", f"B{b}"): [] for r in range(4) for b in range(2)}
    batches: list[int] = []
    undone: set[int] = set()
    for what, retailer, brand, quantity in acts:
        if what == "undo" and batches:
            target = batches[quantity % len(batches)]
            mine = [stack for stack in stacks.values() if target in [number for number, _ in stack]]
            possible = target not in undone and all(stack[-1][0] == target for stack in mine)
            assert (act(reviewed, what, retailer, brand, quantity, batches) is not None) == possible
            if possible:
                undone.add(target)
                for stack in mine:
                    stack.pop()
        elif what != "undo":
            batch_id = act(reviewed, what, retailer, brand, quantity, batches)
            if batch_id is not None:
                batches.append(batch_id)
                for row in desk.stored(reviewed):
                    if row[4] == batch_id:
                        stacks[row[0], row[1]].append((batch_id, row))
        assert desk.stored(reviewed) == sorted((stack[-1][1] for stack in stacks.values() if stack), key=repr)


def test_an_undo_that_forgot_a_line_would_be_seen(reviewed: database.Database) -> None:
    """The control of the laws above."""
    done = decide(reviewed, Filter())
    t = tables.suggestion_decisions
    with reviewed.writing() as tx:
        tx.execute(t.update().where(t.c.retailer_id == "R0", t.c.brand_id == "B0").values(batch_id=done.batch_id + 1))
    undo(reviewed, done.batch_id, closed=CLOSED)
    assert desk.stored(reviewed) != []


@pytest.mark.parametrize("again", ["undone", "undo", "later", "nothing"])
def test_what_cannot_be_undone_is_told_in_words(reviewed: database.Database, again: str) -> None:
    first = decide(reviewed, Filter(brand="B0")).batch_id
    if again == "undone":
        undo(reviewed, first)
        expected, target = "batch 1 was undone already, by Wang in batch 2", first
    elif again == "undo":
        target = undo(reviewed, first).batch_id
        expected = "batch 2 took batch 1 back; that cannot be undone: decide anew"
    elif again == "later":
        decide(reviewed, Filter(retailer="R1", brand="B0"), Decision.ADJUSTED, quantity=8)
        expected, target = "retailer R1, brand B0, order day 2026-03-03: batch 2 came after batch 1; undo that first", first
    else:
        expected, target = "there is no batch 99 of review", 99
    standing = desk.stored(reviewed)
    with pytest.raises(StateError) as error:
        undo(reviewed, target)
    assert expected in str(error.value)
    assert desk.stored(reviewed) == standing


def test_an_undo_says_who_and_why(reviewed: database.Database) -> None:
    done = decide(reviewed, Filter())
    with pytest.raises(TrueOrderError, match="why: say in a few words why"):
        reviews.undo(reviewed, done.batch_id, closed=CLOSED, by="Wang", why=" ", at=AT)
    with pytest.raises(TrueOrderError, match="by: say who does this"):
        reviews.undo(reviewed, done.batch_id, closed=CLOSED, by=" ", why="x", at=AT)
    undone = undo(reviewed, done.batch_id, by="Li")
    assert desk.audited(reviewed)[-1] == ("Li", "review.undo", f"batch {undone.batch_id}", f"8 lines; undoes batch {done.batch_id}")
    (row,) = reviewed.rows(sa.select(tables.batches).where(tables.batches.c.batch_id == undone.batch_id))
    assert (row["why"], row["undoes"]) == ("a slip", done.batch_id)


# the freeze


def test_a_line_whose_cut_off_has_passed_never_changes(reviewed: database.Database) -> None:
    first = decide(reviewed, Filter(brand="B0"), Decision.ADJUSTED, quantity=90)
    standing = desk.stored(reviewed)
    acts: list[Callable[[], object]] = [
        lambda: decide(reviewed, Filter(brand="B0"), closed=TUESDAY),
        lambda: decide(reviewed, Filter(brand="B1"), Decision.REJECTED, closed=TUESDAY),
        lambda: undo(reviewed, first.batch_id, closed=TUESDAY),
        lambda: desk.approve(reviewed, first.batch_id, closed=TUESDAY),
    ]
    for one in acts:
        with pytest.raises(StateError, match="the cut-off of the order day has passed, and what was decided stands"):
            one()
    with pytest.raises(StateError, match="none of its lines can still be changed"):
        undo(reviewed, first.batch_id, closed=TUESDAY, spare_frozen=True)
    assert desk.stored(reviewed) == standing
    assert len(desk.audited(reviewed)) == 1


def test_undoing_an_act_of_two_days_can_spare_the_frozen_one(db: database.Database) -> None:
    desk.city(db)
    days = (TUESDAY, TUESDAY + timedelta(days=1))
    desk.night(db, [f.suggestion(f"R{n}", "B0", order_day=day) for n, day in enumerate(days)])
    done = decide(db, Filter())
    with pytest.raises(StateError, match="--spare-frozen undoes the others"):
        undo(db, done.batch_id, closed=TUESDAY)
    undone = undo(db, done.batch_id, closed=TUESDAY, spare_frozen=True)
    assert (undone.lines, undone.frozen) == (1, 1)
    assert decisions(db) == {("R0", "B0"): ("accepted", 5, False), ("R1", "B0"): ("open", None, False)}


# colleagues


def test_a_line_that_somebody_decided_meanwhile_is_named_and_nothing_is_written(reviewed: database.Database) -> None:
    seen = desk.read(reviewed)
    decide(reviewed, Filter(retailer="R2", brand="B1"), Decision.ADJUSTED, quantity=8, by="Li")
    standing = desk.stored(reviewed)
    with pytest.raises(StateError) as error:
        decide(reviewed, seen)
    assert "retailer R2, brand B1, order day 2026-03-03: Li decided meanwhile (adjusted); nothing was written" in str(error.value)
    assert desk.stored(reviewed) == standing
    assert len(desk.audited(reviewed)) == 1


def test_what_was_decided_and_undone_meanwhile_is_no_longer_what_was_seen(reviewed: database.Database) -> None:
    seen = desk.read(reviewed)
    undo(reviewed, decide(reviewed, Filter(retailer="R0"), by="Li").batch_id)
    with pytest.raises(StateError, match=r"retailer R0, brand B0, .*: a decision was undone meanwhile"):
        decide(reviewed, seen)


def test_of_two_people_at_once_on_the_same_lines_one_is_told_and_nothing_is_lost(reviewed: database.Database) -> None:
    for _ in range(5):
        seen = desk.read(reviewed)
        begun, refused = threading.Barrier(2), []

        def person(name: str, quantity: int, seen: Any = seen, begun: threading.Barrier = begun, refused: list[str] = refused) -> None:
            begun.wait()
            try:
                decide(reviewed, seen, Decision.ADJUSTED, quantity=quantity, by=name)
            except StateError as error:
                refused.append(str(error))

        people = [threading.Thread(target=person, args=told) for told in (("Wang", 8), ("Li", 9))]
        for one in people:
            one.start()
        for one in people:
            one.join()
        assert len(refused) == 1
        assert "decided meanwhile" in refused[0]
        assert len({row[1] for row in decisions(reviewed).values()}) == 1, "lines of both stand side by side"
    assert set(desk.versions(reviewed).values()) == {5}


# a second person


def test_a_large_change_waits_for_another_person(reviewed: database.Database) -> None:
    done = decide(reviewed, Filter(brand="B0"), Decision.ADJUSTED, quantity=90, by="Wang Fang")
    assert done.pending == done.lines == 4
    for same in ("Wang Fang", " wang fang"):
        with pytest.raises(StateError, match="batch 1: Wang Fang decided it; another person must approve"):
            desk.approve(reviewed, done.batch_id, by=same)
    assert desk.read(reviewed, Filter(retailer="R0", state="decided")).empty
    approved = desk.approve(reviewed, done.batch_id, by="Zhao")
    lines = desk.read(reviewed, Filter(brand="B0"))
    assert (set(lines["decided_by"]), set(lines["approved_by"])) == ({"Wang Fang"}, {"Zhao"})
    assert desk.read(reviewed, Filter(retailer="R0", state="decided"))["decided_qty"].tolist() == [90]
    with pytest.raises(StateError, match="none of its lines waits for a second person"):
        desk.approve(reviewed, done.batch_id, by="Zhao")
    undo(reviewed, approved.batch_id)
    assert {row[2] for row in decisions(reviewed).values()} == {True}


def test_who_decides_after_another_is_the_one_whom_a_third_must_approve(reviewed: database.Database) -> None:
    """The first person may approve the second's decision: two people then stand behind it; the second may not."""
    decide(reviewed, Filter(retailer="R0", brand="B0"), Decision.ADJUSTED, quantity=90, by="Wang")
    second = decide(reviewed, Filter(retailer="R0", brand="B0"), Decision.ADJUSTED, quantity=95, by="Li")
    with pytest.raises(StateError, match="Li decided it"):
        desk.approve(reviewed, second.batch_id, by="Li")
    desk.approve(reviewed, second.batch_id, by="Wang")
    assert decisions(reviewed)["R0", "B0"] == ("adjusted", 95, False)


# the night after


def test_a_decision_outlives_the_night_and_tells_when_the_suggestion_is_another(reviewed: database.Database) -> None:
    decide(reviewed, Filter(brand="B0"))
    decide(reviewed, Filter(retailer="R0", brand="B1"), Decision.ADJUSTED, quantity=8)
    rows = [f.suggestion(f"R{r}", f"B{b}", 10 if r % 2 else 12, requested=5) for r in range(4) for b in range(2)]
    desk.night(reviewed, rows, day=TUESDAY)
    lines = desk.read(reviewed)
    assert len(lines) == 8
    assert (lines["decision"] != "open").sum() == 5
    other = desk.read(reviewed, Filter(other_basis=True))
    assert [tuple(row) for row in other[["retailer_id", "brand_id"]].to_numpy()] == [("R0", "B0"), ("R0", "B1"), ("R2", "B0")]
    assert (other["basis_qty"] == 10).all()
    assert (other["suggested"] == 12).all()
    again = decide(reviewed, other)
    assert again.lines == 3
    assert desk.read(reviewed, Filter(other_basis=True)).empty


def test_a_decision_is_of_one_order_day_and_not_of_the_next_weeks(reviewed: database.Database) -> None:
    decide(reviewed, Filter())
    next_week = [f.suggestion("R0", "B0", 10, order_day=TUESDAY + timedelta(weeks=1))]
    desk.night(reviewed, next_week, day=TUESDAY + timedelta(days=1))
    assert desk.read(reviewed)["decision"].tolist() == ["open"]


def test_who_looked_at_an_older_night_is_told_of_the_newer_one(reviewed: database.Database) -> None:
    seen = desk.read(reviewed)
    run_id = desk.plain_night(reviewed, day=TUESDAY)
    from ordering import review

    stale = review.decide(seen, Decision.ACCEPTED, desk.RULES)
    with pytest.raises(StateError, match=f"run 1 is not the newest proposal any more, run {run_id} is"):
        reviews.store(reviewed, stale, action="accept", run_id=1, closed=CLOSED, by="Wang", at=AT)
    assert desk.stored(reviewed) == []


def test_what_was_decided_outlives_the_run_and_is_scored_once_it_holds(reviewed: database.Database) -> None:
    decide(reviewed, Filter(retailer="R0", brand="B0"), Decision.ADJUSTED, quantity=7)
    decide(reviewed, Filter(retailer="R1", brand="B0"))
    decide(reviewed, Filter(retailer="R2", brand="B0"), Decision.ADJUSTED, quantity=99)
    undo(reviewed, decide(reviewed, Filter(retailer="R3", brand="B0")).batch_id)
    with reviewed.writing() as tx:
        tx.execute(tables.results["suggestions"].delete())
    with reviewed.reading() as reader:
        found = forecasts.read_decided(reader, before=f.week(1))
        assert forecasts.read_decided(reader, before=f.week(0)).empty
    told = [["R0", 10, "adjusted", 7], ["R1", 10, "accepted", 10]]
    assert found[["retailer_id", "suggested", "decision", "decided_qty"]].to_numpy().tolist() == told


# filters


@pytest.fixture
def varied(db: database.Database) -> database.Database:
    desk.city(db, retailers=6, brands=3)
    rows = [
        f.suggestion(f"R{r}", f"B{b}", 10 if b else 0, requested=3 * r if b < 2 else 0, order_day=TUESDAY + timedelta(days=r % 3))
        for r in range(6) for b in range(3)
    ]  # fmt: skip
    flagged = [
        {"order_id": f"O{r}", "retailer_id": f"R{r}", "brand_id": "B1", "order_date": TUESDAY + timedelta(days=r % 3), "requested": 3 * r,
         "expected": 1.0, "score": 0.95, "flagged": r > 3, "reason": "x"} for r in range(6)
    ]  # fmt: skip
    old = {"order_id": "OLD", "retailer_id": "R0", "brand_id": "B1", "order_date": f.week(-1), "requested": 9, "expected": 1.0,
           "score": 0.95, "flagged": True, "reason": "x"}  # fmt: skip
    desk.night(db, rows, flagged=[*flagged, old])
    decide(db, Filter(retailer="R0"))
    decide(db, Filter(retailer="R1", brand="B1"), Decision.ADJUSTED, quantity=99)
    decide(db, Filter(retailer="R1", brand="B2"), Decision.REJECTED)
    return db


@pytest.mark.parametrize(
    ("of", "chosen"),
    [
        (Filter(retailer="R2"), lambda r: r.retailer_id == "R2"),
        (Filter(brand="B1"), lambda r: r.brand_id == "B1"),
        (Filter(manager="M1"), lambda r: int(r.retailer_id[1]) % 2 == 1),
        (Filter(district="D2"), lambda r: int(r.retailer_id[1]) % 3 == 2),
        (Filter(star=3), lambda r: r.retailer_id == "R2"),
        (Filter(star=5), lambda r: r.retailer_id in ("R4", "R5")),
        (Filter(day=TUESDAY), lambda r: int(r.retailer_id[1]) % 3 == 0),
        (Filter(week=f.MONDAY), lambda r: True),
        (Filter(week=f.week(1)), lambda r: False),
        (Filter(flagged=True), lambda r: r.brand_id == "B1" and r.retailer_id in ("R4", "R5")),
        (Filter(change=9), lambda r: abs(r.suggested - r.requested) >= 9),
        (Filter(state="open"), lambda r: r.retailer_id not in ("R0", "R1") or r.brand_id == "B0"),
        (Filter(state="decided"), lambda r: r.retailer_id == "R0" or (r.retailer_id, r.brand_id) == ("R1", "B2")),
        (Filter(state="pending"), lambda r: (r.retailer_id, r.brand_id) == ("R1", "B1")),
        (Filter(state="accepted"), lambda r: r.retailer_id == "R0"),
        (Filter(state="adjusted"), lambda r: False),
        (Filter(state="rejected"), lambda r: (r.retailer_id, r.brand_id) == ("R1", "B2")),
        (Filter(other_basis=True), lambda r: False),
        (Filter(manager="M0", brand="B2", state="open"), lambda r: r.retailer_id in ("R2", "R4") and r.brand_id == "B2"),
    ],
)
def test_a_filter_chooses_just_the_lines_it_names(varied: database.Database, of: Filter, chosen: Callable[[Any], bool]) -> None:
    with varied.writing() as tx:  # the level of the month goes before that of the shop
        tx.execute(tables.contract["star_levels"].insert().values(retailer_id="R5", month="2026-03", star_level=5))
    every = desk.read(varied, Filter())
    found = desk.read(varied, of)
    assert found["retailer_id"].str.cat(found["brand_id"]).tolist() == [r.retailer_id + r.brand_id for r in every.itertuples() if chosen(r)]
    run = runlog.newest(varied)
    assert run is not None
    open_ = found["order_day"] > pd.Timestamp(TUESDAY)
    counted = review_lines.count(varied, run, of, closed=TUESDAY)
    assert counted == (open_.sum(), found.loc[open_, "suggested"].sum(), (~open_).sum())


def test_lines_of_which_nothing_was_suggested_asked_or_decided_are_left_out(varied: database.Database) -> None:
    assert len(desk.read(varied, Filter(empty=True))) == 18
    assert "R0B0" not in desk.read(varied, Filter())["retailer_id"].str.cat(desk.read(varied, Filter())["brand_id"]).tolist()


def test_lines_show_and_are_chosen_by_the_level_in_force_in_the_month_of_their_week(db: database.Database) -> None:
    """R0 and R1 are of levels 1 and 2 in `retailers`; R0 was imported for March, both were rated, and March was rated twice."""
    desk.city(db, retailers=2, brands=1)
    imported = f.table(frames.STAR_LEVELS, [{"retailer_id": "R0", "month": "2026-03", "star_level": 7}])
    database.store(db, {"star_levels": imported}, folder="city", by="tester", at=AT)
    monday = f.week(5)
    days = [monday + timedelta(days=offset) for offset in (-5, 1)]
    assert [day.strftime("%Y-%m") for day in (f.week(4), monday)] == ["2026-03", "2026-04"]
    desk.night(db, [f.suggestion(shop, "B0", order_day=day) for shop in ("R0", "R1") for day in days], day=days[0])

    def levels() -> dict[tuple[str, str], int]:
        lines = desk.read(db)
        return {(row.retailer_id, f"{row.week:%m}"): row.star_level for row in lines.itertuples()}

    plain = {("R0", "03"): 7, ("R0", "04"): 1, ("R1", "03"): 2, ("R1", "04"): 2}
    assert levels() == plain
    rating.save(db, {"R0": 4, "R1": 3}, month="2026-03")
    newest = rating.save(db, {"R0": 4, "R1": 6}, edition=2, month="2026-03")
    april = rating.save(db, {"R1": 5}, month="2026-04")
    assert levels() == plain | {("R1", "03"): 6, ("R1", "04"): 5}
    assert desk.read(db, Filter(star=6))["retailer_id"].tolist() == ["R1"]
    assert desk.read(db, Filter(star=2)).empty
    for rating_id in (newest, april):
        ratings.withdraw(db, rating_id, by="Li", why="wrong", at=AT)
    assert levels() == plain | {("R1", "03"): 3}


def test_what_a_line_is_dressed_with_is_read_on_both_databases(reviewed: database.Database) -> None:
    first = decide(reviewed, Filter(retailer="R0", brand="B0"))
    undo(reviewed, first.batch_id)
    run = runlog.newest(reviewed)
    assert run is not None
    with reviewed.reading() as reader:
        pairs = pair_weeks.read_pairs(reader, run.run_id, Filter(retailer="R0"), None)
        lines = pair_weeks.read_many(reader, Filter(brand="B0"), None, [f.MONDAY])
        index = pair_weeks.read_index(reader, run.run_id, None, [f.MONDAY])
    assert pairs["brand_id"].tolist() == ["B0", "B1"]
    assert pairs["rate"].isna().all()
    assert (len(lines), len(index)) == (0, 0)
    acts = line_acts.of_line(reviewed, "R0", "B0", desk.read(reviewed)["order_day"].iloc[0].date())
    assert [(act["decision"], act["by"]) for act in acts] == [("open", None), ("accepted", "Wang")]
